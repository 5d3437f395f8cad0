# SPDX-License-Identifier: MIT
"""TripoSR's extraction with a small part of its evaluations: coarse to fine, colours at the vertices.

In TripoSR's folder, beside its own run.py: ``python triposr_extract.py chair.png chair.glb [resolution]``. In
a program of one's own ``extract_mesh(model, scene_codes[0])`` takes the place of
``model.extract_mesh(scene_codes)[0]``.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor
from torchmcubes_bw import extract_field


def extract_mesh(
    model: Any,
    scene_code: Tensor,
    resolution: int = 256,
    threshold: float = 25.0,
    chunk: int | None = None,
    **options: Any,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return vertices, faces and colours of one of TripoSR's scene codes.

    `chunk` is how many points are evaluated at once: by default 65536 on the CPU and a million on a GPU,
    where TripoSR takes 8192. Other options are those of `extract_field`.
    """
    renderer, decoder = model.renderer, model.decoder
    renderer.set_chunk_size(0)  # the points come in chunks already

    def above_the_threshold(points: Tensor) -> Tensor:
        density = renderer.query_triplane(decoder, points, scene_code)["density_act"]
        return threshold - density[:, 0]

    radius = renderer.cfg.radius
    mesh = extract_field(
        above_the_threshold, (-radius, radius), resolution, chunk=chunk, device=scene_code.device, **options
    )
    with torch.no_grad():
        parts = [
            renderer.query_triplane(decoder, points, scene_code)["color"]
            for points in mesh.verts.split(chunk or 2**16)
        ]
    colours = torch.cat(parts) if parts else mesh.verts
    return mesh.verts, mesh.faces, colours


def main() -> None:
    """Extract a mesh from an image without background."""
    import numpy as np  # noqa: PLC0415
    import trimesh  # noqa: PLC0415
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
    verts, faces, colours = extract_mesh(model, codes[0], *map(int, rest))
    trimesh.Trimesh(verts.cpu().numpy(), faces.cpu().numpy(), vertex_colors=colours.cpu().numpy()).export(
        target
    )


if __name__ == "__main__":
    main()
