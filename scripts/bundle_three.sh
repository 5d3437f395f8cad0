#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes python/torchmcubes_bw/cli/web/three.min.js: of three.js (MIT) what our page uses, as one script.
set -euo pipefail
web=$(cd "$(dirname "$0")/../python/torchmcubes_bw/cli/web" && pwd)
version=0.187.0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install "three@$version" esbuild@0.28.2 >/dev/null
cat > entry.js <<'END'
export { BufferAttribute, BufferGeometry, Color, DirectionalLight, DoubleSide, HemisphereLight, Mesh,
  MeshStandardMaterial, PerspectiveCamera, Scene, WebGLRenderer } from "three";
export { OrbitControls } from "three/addons/controls/OrbitControls.js";
END
npx esbuild entry.js --bundle --minify --format=iife --global-name=THREE --legal-comments=inline \
    --banner:js="/* three.js $version, MIT: see three.LICENSE */" \
    --outfile="$web/three.min.js"
cp node_modules/three/LICENSE "$web/three.LICENSE"
