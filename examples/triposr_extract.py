# SPDX-License-Identifier: MIT
"""TripoSR's extraction with a small part of its evaluations: coarse to fine, colours at the vertices.

In TripoSR's folder, beside its own run.py: ``python triposr_extract.py chair.png chair.glb [resolution]``. In
a program of one's own ``extract_mesh(model, scene_codes, …)`` takes the place of
``model.extract_mesh(scene_codes, …)``.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
import trimesh
from torch import Tensor
from torchmcubes_bw import extract_field


def extract_mesh(
    model: Any,
    scene_codes: Tensor,
    has_vertex_color: bool = True,
    *,
    resolution: int = 256,
    threshold: float = 25.0,
    chunk: int | None = None,
    **options: Any,
) -> list[trimesh.Trimesh]:
    """Return a mesh of each of TripoSR's scene codes, as its own `extract_mesh` does.

    `chunk` is how many points are evaluated at once: by default 65536 on the CPU and a million on a GPU,
    where TripoSR takes 8192. Other options are those of `extract_field`.
    """
    renderer = model.renderer
    chunked = renderer.chunk_size
    renderer.set_chunk_size(0)  # the points come in chunks already
    try:
        return [
            _mesh(renderer, model.decoder, code, has_vertex_color, resolution, threshold, chunk, options)
            for code in scene_codes
        ]
    finally:
        renderer.set_chunk_size(chunked)


def _mesh(
    renderer: Any,
    decoder: Any,
    code: Tensor,
    coloured: bool,
    resolution: int,
    threshold: float,
    chunk: int | None,
    options: dict[str, Any],
) -> trimesh.Trimesh:
    def below_threshold(points: Tensor) -> Tensor:
        return threshold - renderer.query_triplane(decoder, points, code)["density_act"][:, 0]

    radius = renderer.cfg.radius
    mesh = extract_field(
        below_threshold, (-radius, radius), resolution, chunk=chunk, device=code.device, **options
    )
    colours = None
    if coloured and len(mesh.verts):
        with torch.no_grad():
            parts = [
                renderer.query_triplane(decoder, points, code)["color"]
                for points in mesh.verts.split(chunk or 2**16)
            ]
        colours = torch.cat(parts).cpu().numpy()
    verts, faces = mesh.verts.cpu().numpy(), mesh.faces.cpu().numpy()
    return trimesh.Trimesh(verts, faces, vertex_colors=colours, process=False)


def main() -> None:
    """Extract a mesh from an image without background."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415
    from tsr.system import TSR  # noqa: PLC0415

    source, target, *rest = sys.argv[1:]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = TSR.from_pretrained("stabilityai/TripoSR", config_name="config.yaml", weight_name="model.ckpt")
    model.to(device)
    pixels = np.asarray(Image.open(source).convert("RGBA")).astype(np.float32) / 255
    image = Image.fromarray(
        ((pixels[..., :3] * pixels[..., 3:] + (1 - pixels[..., 3:]) * 0.5) * 255).astype(np.uint8)
    )
    with torch.no_grad():
        codes = model([image], device=device)
    extract_mesh(model, codes, resolution=int(rest[0]) if rest else 256)[0].export(target)


if __name__ == "__main__":
    main()
