// SPDX-License-Identifier: MIT
// Shows the meshes that the page carries: drag turns, the wheel comes nearer, the right button moves.
"use strict";

async function bytes(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

async function geometryOf(part) {
  const geometry = new THREE.BufferGeometry();
  const attribute = async (name, Kind, size, normalized) => {
    if (part[name]) geometry.setAttribute(name, new THREE.BufferAttribute(new Kind(await bytes(part[name])), size, normalized));
  };
  await attribute("position", Float32Array, 3);
  await attribute("normal", Int8Array, 3, true);
  await attribute("color", Uint8Array, 3, true);
  geometry.setIndex(new THREE.BufferAttribute(new Uint32Array(await bytes(part.index)), 1));
  if (!part.normal) geometry.computeVertexNormals();
  return geometry;
}

function switchFor(mesh, part, draw) {
  const label = document.createElement("label"), box = document.createElement("input");
  const dot = document.createElement("i");
  Object.assign(box, { type: "checkbox", checked: true });
  box.onchange = () => { mesh.visible = box.checked; draw(); };
  dot.style.background = "#" + mesh.material.color.getHexString();
  label.append(box, dot, part.name);
  document.getElementById("parts").append(label);
}

async function show() {
  const canvas = document.getElementById("canvas");
  const renderer = new THREE.WebGLRenderer({ canvas, antialias: true, preserveDrawingBuffer: true });
  const scene = new THREE.Scene(), camera = new THREE.PerspectiveCamera(35, 1, 0.01, 100);
  scene.background = new THREE.Color(0xf4f4f2);
  const parts = JSON.parse(document.getElementById("meshes").textContent);
  const draw = () => renderer.render(scene, camera);
  for (const part of parts) {
    const material = new THREE.MeshStandardMaterial({
      color: part.color ? 0xffffff : new THREE.Color(...part.colour).convertSRGBToLinear(),
      vertexColors: Boolean(part.color), roughness: 0.55, metalness: 0, side: THREE.DoubleSide,
    });
    const mesh = new THREE.Mesh(await geometryOf(part), material);
    scene.add(mesh);
    if (parts.length > 1) switchFor(mesh, part, draw);
  }
  // The meshes come within a ball of radius 1, z up; a light goes with the eye.
  camera.up.set(0, 0, 1);
  camera.position.set(-1.7, -2.3, 1.2);
  const head = new THREE.DirectionalLight(0xffffff, 2.0);
  camera.add(head);
  scene.add(camera, new THREE.HemisphereLight(0xffffff, 0x8d8d99, 1.6));
  const controls = new THREE.OrbitControls(camera, canvas);
  controls.addEventListener("change", draw);
  const fit = () => {
    renderer.setPixelRatio(window.devicePixelRatio);
    renderer.setSize(window.innerWidth, window.innerHeight, false);
    camera.aspect = window.innerWidth / window.innerHeight;
    camera.updateProjectionMatrix();
    draw();
  };
  window.addEventListener("resize", fit);
  controls.update();
  fit();
  document.body.dataset.shown = parts.length;
}

show().catch((error) => {
  console.error(error);
  document.getElementById("about").textContent = "cannot show the mesh: " + error.message;
});
