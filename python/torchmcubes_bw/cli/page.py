# SPDX-License-Identifier: MIT
"""A mesh as a page of its own, or as a still."""

from __future__ import annotations

import base64
import ctypes
import gzip
import html
import json
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from ..printing import one_line
from .errors import FAILED, CliError
from .job import run
from .part import Array, Part, face_normals
from .scan.extras import library, stderr_kept
from .target import FORMATS
from .wanted import Job
from .write import write_safely


def parts_of(job: Job) -> tuple[list[Part], list[str], str]:
    """Return the parts of a mesh file or a volume, what was decided, and what they are in one line."""
    path = Path(job.source)
    if path.suffix.lower().removeprefix(".") in FORMATS and path.is_file():
        _check_no_volume(job)
        job.choice.check_taken(job.source)
        parts, said, place = _read_mesh(path), [], ""
    else:
        result = run(job)
        parts, said, place = result.parts, result.said, result.place
    low = np.min([part.verts.min(axis=0) for part in parts], axis=0)
    high = np.max([part.verts.max(axis=0) for part in parts], axis=0)
    faces = sum(len(part.faces) for part in parts)
    size = " x ".join(f"{b - a:.4g}" for a, b in zip(low, high, strict=True))
    return parts, said, one_line(f"{path.name}: {faces} faces, {size} {place}".rstrip())


def _check_no_volume(job: Job) -> None:
    """Refuse what is said of a volume, or of how a mesh is made of one."""
    for field in fields(Job):
        if field.name not in ("source", "choice") and getattr(job, field.name) != field.default:
            option = {"normals": "no-normals", "axes": str(job.axes).lower()}.get(field.name, field.name)
            raise CliError(f"--{option} needs a volume, got the mesh {job.source}")


def _read_mesh(path: Path) -> list[Part]:
    trimesh = library("trimesh", "cli", f"reading {path}")
    try:
        scene = trimesh.load_scene(path, process=False)
        meshes = scene.dump()
    except Exception as error:  # of any kind, from a file that is not what its name says
        raise CliError(f"cannot read {path}: {' '.join(str(error).split())}") from None
    parts = [_part_of(mesh, path) for mesh in meshes if len(getattr(mesh, "faces", ()))]
    if not parts:
        raise CliError(
            f"INPUT must be a mesh with faces, got none in {path}: it has points only, or is cut short"
        )
    if path.suffix.lower() == ".glb":  # +Y is up there, z here
        for part in parts:
            part.verts = part.verts[:, [0, 2, 1]] * np.array([1, -1, 1])
            part.normals = face_normals(part)
            # Colours are linear in light there.
            part.colour = None if part.colour is None else tuple(_on_screen(np.array(part.colour)).tolist())
            if part.colours is not None:
                part.colours = np.rint(_on_screen(part.colours / 255) * 255).astype(np.uint8)
    return parts


def _on_screen(linear: Array) -> Array:
    """Return colours linear in light as a screen takes them."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.power(linear, 1 / 2.4) - 0.055)


def _part_of(mesh: Any, path: Path) -> Part:
    count = len(mesh.vertices)
    wrong = mesh.faces[(mesh.faces < 0) | (mesh.faces >= count)]
    if len(wrong):
        raise CliError(f"INPUT must have faces of its {count} vertices, got vertex {wrong[0]} in {path}")
    if not np.isfinite(mesh.vertices).all():
        at = int(np.argmin(np.isfinite(mesh.vertices).all(axis=1)))
        place = [float(value) for value in mesh.vertices[at]]
        raise CliError(f"INPUT must have vertices at finite places, got {place} at vertex {at} in {path}")
    part = Part(np.asarray(mesh.vertices), np.asarray(mesh.faces), str(mesh.metadata.get("name", "mesh")))
    part.normals = face_normals(part)
    visual = mesh.visual
    if visual.kind == "vertex":
        part.colours = np.asarray(visual.vertex_colors)[:, :3]
    elif getattr(getattr(visual, "material", None), "main_color", None) is not None:
        red, green, blue = (float(part) / 255 for part in visual.material.main_color[:3])
        part.colour = (red, green, blue)
    return part


def page_of(parts: list[Part], about: str) -> str:
    """Return the page: three.js, our viewer, and the meshes within a ball of radius 1."""
    files = resources.files(__package__) / "web"
    low = np.min([part.verts.min(axis=0) for part in parts], axis=0).astype(np.float64)
    high = np.max([part.verts.max(axis=0) for part in parts], axis=0).astype(np.float64)
    centre, radius = (low + high) / 2, max(float(np.linalg.norm(high - low)) / 2, 1e-300)
    meshes = [_packed(part, centre, radius) for part in parts]
    page = (files / "page.html").read_text("utf-8")
    for name, text in {
        "TITLE": html.escape(about),
        "ABOUT": html.escape(about),
        "THREE": (files / "three.min.js").read_text("utf-8"),
        "VIEWER": (files / "viewer.js").read_text("utf-8"),
        "MESHES": json.dumps(meshes).replace("</", "<\\/"),
    }.items():
        before, _, after = page.partition(f"@{name}@")
        page = before + text + after
    return page


def write_page(parts: list[Part], about: str, out: Path) -> None:
    """Write the page, whole or not at all."""
    text = page_of(parts, about)
    write_safely(out, lambda file: file.write(text.encode()))


def _packed(part: Part, centre: Array, radius: float) -> dict[str, Any]:
    packed: dict[str, Any] = {
        "name": part.name,
        "colour": part.colour or (0.83, 0.76, 0.69),
        "position": _text((part.verts - centre) / radius, "<f4"),
        "index": _text(part.faces, "<u4"),
    }
    if part.normals is not None:
        packed["normal"] = _text(np.rint(part.normals * np.float32(127)), "i1")
    if part.colours is not None:
        packed["color"] = _text(part.colours, "u1")
    return packed


def _text(array: Array, dtype: str) -> str:
    data = np.ascontiguousarray(array.astype(dtype)).tobytes()
    return base64.b64encode(gzip.compress(data, 5)).decode()


def still(parts: list[Part], out: Path) -> None:
    """Render the parts from their front left, without a screen."""
    pyvista = library("pyvista", "view", "--png")
    with stderr_kept():  # VTK tells at length that there is no screen
        pixels = _rendered(pyvista, parts)
    from PIL import Image  # noqa: PLC0415 - comes with pyvista

    write_safely(out, lambda file: Image.fromarray(pixels).save(file, format="PNG", optimize=True))


def _rendered(pyvista: Any, parts: list[Part]) -> Array:
    plotter = pyvista.Plotter(off_screen=True, window_size=(1000, 750))
    if not _has_opengl(plotter.render_window):
        plotter.close()
        raise CliError(
            "--png needs OpenGL, and there is no EGL, no OSMesa and no screen: install libegl1 (Debian, "
            "Ubuntu) or mesa-libEGL (Fedora); the page, without --png, needs none",
            FAILED,
        )
    plotter.set_background("white")
    for part in parts:
        mesh = pyvista.PolyData.from_regular_faces(part.verts.astype(np.float64), part.faces)
        if part.normals is not None:
            mesh.point_data.SetNormals(pyvista.convert_array(part.normals, name="Normals"))
        coloured = {"scalars": part.colours, "rgb": True} if part.colours is not None else {}
        plotter.add_mesh(
            mesh, color=part.colour or (0.83, 0.76, 0.69), smooth_shading=True, ambient=0.2, **coloured
        )
    plotter.view_vector((-0.55, -0.75, 0.38), (0, 0, 1))
    plotter.enable_anti_aliasing("ssaa")
    pixels: Array = plotter.screenshot(return_img=True)
    plotter.close()
    return pixels


def _has_opengl(window: Any) -> bool:
    """Tell whether VTK has what its window draws with: its last resort crashes the process without OSMesa."""
    if window.GetClassName() != "vtkOSOpenGLRenderWindow":
        return True
    return any(_can_be_opened(f"libOSMesa.so{version}") for version in (".8", ".6", ""))


def _can_be_opened(library_name: str) -> bool:
    try:
        ctypes.CDLL(library_name)
    except OSError:
        return False
    return True
