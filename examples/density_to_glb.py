# SPDX-License-Identifier: MIT
"""A field that gives density and colour at points becomes a GLB with vertex colours, as TripoSR does it.

The field here is a formula; a network that is asked for the same two things takes its place.

    python examples/density_to_glb.py --out snowman.glb
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torchmcubes_bw import Mesh, isosurface

Field = Callable[[Tensor], tuple[Tensor, Tensor]]
BALLS = ((0.0, -0.45, 0.42), (0.0, 0.12, 0.3), (0.0, 0.55, 0.2))  # x, y, radius
COLOURS = torch.tensor([[0.95, 0.95, 1.0], [0.85, 0.3, 0.3], [1.0, 0.9, 0.6]])


def snowman(points: Tensor) -> tuple[Tensor, Tensor]:
    """Return density (P,) and colour (P, 3), which is in [0, 1]."""
    balls = torch.tensor(BALLS)
    centres = torch.cat([balls[:, :2], torch.zeros(len(balls), 1)], dim=1)
    depth = balls[:, 2] - torch.cdist(points, centres)
    density = 10 * torch.exp(12 * depth)
    share = density / density.sum(dim=1, keepdim=True)
    return density.sum(dim=1), share @ COLOURS


def in_chunks(field: Field, points: Tensor, chunk: int = 1 << 18) -> tuple[Tensor, Tensor]:
    """Ask for some points at a time: a network's memory is for so many."""
    parts = [field(some) for some in points.split(chunk)]
    return torch.cat([density for density, _ in parts]), torch.cat([colour for _, colour in parts])


def extract(field: Field, size: int, threshold: float) -> Mesh:
    """Return the surface where the density is `threshold`, with colours, in a world from -1 to 1."""
    line = torch.linspace(-1, 1, size)
    z, y, x = torch.meshgrid(line, line, line, indexing="ij")
    density, _ = in_chunks(field, torch.stack([x, y, z], dim=-1).reshape(-1, 3))
    # Inside is below the level, and dense is inside: both change their sign.
    mesh = isosurface(-density.reshape(size, size, size), -threshold, spacing=2 / (size - 1), origin=-1)
    # The field knows its colours better than a grid of them would.
    _, colours = in_chunks(field, mesh.verts)
    return Mesh(mesh.verts, mesh.faces, attributes=colours)


def write(mesh: Mesh, out: Path) -> None:
    try:
        import trimesh  # noqa: PLC0415
    except ImportError as missing:
        raise SystemExit(f"a GLB needs trimesh: pip install trimesh ({missing})") from None
    colours = (255 * mesh.attributes).round().clamp(0, 255).to(torch.uint8)
    scene = trimesh.Trimesh(
        mesh.verts.numpy(), mesh.faces.numpy(), vertex_colors=colours.numpy(), process=False
    )
    scene.export(out)


def main() -> None:
    parser = argparse.ArgumentParser(description="A field of density and colour becomes a GLB.")
    parser.add_argument("--size", type=int, default=128, help="samples a side")
    parser.add_argument("--threshold", type=float, default=10.0, help="the density at the surface")
    parser.add_argument("--out", type=Path, default=Path("snowman.glb"))
    given = parser.parse_args()
    with torch.no_grad():
        mesh = extract(snowman, given.size, given.threshold)
    write(mesh, given.out)
    print(f"{given.out}: {len(mesh.verts)} vertices, {len(mesh.faces)} faces")


if __name__ == "__main__":
    main()
