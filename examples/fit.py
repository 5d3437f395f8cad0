# SPDX-License-Identifier: MIT
"""Fit a volume to a target shape by a loss on the vertices and normals of its surface.

A ball becomes a rounded box: the vertices are pulled to the box, the faces are turned the way it faces, and
the gradient flows through them into the samples. No sample is compared with a target's.

    python examples/fit.py --out fit.png
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool3d, cosine_similarity, pad
from torchmcubes_bw import Mesh, isosurface

BOX, ROUND = (
    (0.55, 0.35, 0.45),
    0.2,
)  # half its sides, x, y, z, and what is rounded off, in a world from -1 to 1


def distance_to_target(points: Tensor) -> Tensor:
    """Return the signed distance to a rounded box, negative inside."""
    beyond = points.abs() - (points.new_tensor(BOX) - ROUND)
    outside = beyond.clamp_min(0).square().sum(1).clamp_min(1e-12).sqrt()
    return outside + beyond.amax(1).clamp_max(0) - ROUND


def normals_of_target(points: Tensor) -> Tensor:
    """Return the directions in which the distance grows."""
    at = points.detach().requires_grad_()
    (normals,) = torch.autograd.grad(distance_to_target(at).sum(), at)
    return normals


def face_geometry(mesh: Mesh) -> tuple[Tensor, Tensor]:
    """Return the faces' middles, and their normals, each as long as its face is large."""
    a, b, c = mesh.verts[mesh.faces.long()].unbind(1)
    return (a + b + c) / 3, torch.linalg.cross(b - a, c - a)


def losses(mesh: Mesh) -> tuple[Tensor, Tensor]:
    """Return how far the vertices are from the target, and how far its faces are turned away from it."""
    middles, normals = face_geometry(mesh)
    turned = 1 - cosine_similarity(normals, normals_of_target(middles), eps=1e-12)
    sizes = normals.detach().norm(dim=1)
    return distance_to_target(mesh.verts).square().mean(), (turned * sizes).sum() / sizes.sum()


def smooth(values: Tensor) -> Tensor:
    """Blur a volume. What is learned is blurred before it is used: so one vertex moves a patch of surface."""
    vol = values[None, None]
    for _ in range(3):
        vol = avg_pool3d(pad(vol, (1,) * 6, mode="replicate"), 3, stride=1)
    return vol[0, 0]


def fit(size: int, steps: int) -> list[tuple[int, float, Mesh]]:
    """Return some of the steps: the mean distance of the vertices to the target, and the mesh."""
    line = torch.linspace(-1, 1, size)
    z, y, x = torch.meshgrid(line, line, line, indexing="ij")
    values = ((x**2 + y**2 + z**2).sqrt() - 0.75).requires_grad_()
    optimizer = torch.optim.Adam([values], lr=0.03)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps + 1)
    kept = []
    for step in range(steps + 1):
        mesh = isosurface(smooth(values), 0.0, spacing=2 / (size - 1), origin=-1)
        distance, turned = losses(mesh)
        if step % max(1, steps // 3) == 0 or step == steps:
            kept.append((step, float(distance.detach().sqrt()), Mesh(mesh.verts.detach(), mesh.faces)))
        optimizer.zero_grad()
        (distance + 0.01 * turned).backward()
        optimizer.step()
        slower.step()
    return kept


def draw(kept: list[tuple[int, float, Mesh]], out: Path) -> None:
    try:
        from matplotlib import pyplot  # noqa: PLC0415
    except ImportError as missing:
        raise SystemExit(f"a picture needs matplotlib: pip install matplotlib ({missing})") from None
    figure = pyplot.figure(figsize=(3 * len(kept), 3))
    for k, (step, distance, mesh) in enumerate(kept):
        axes = figure.add_subplot(1, len(kept), k + 1, projection="3d", title=f"step {step}: {distance:.3f}")
        x, y, z = mesh.verts.T.numpy()
        axes.plot_trisurf(x, y, z, triangles=mesh.faces.numpy(), color="#7aa6c2")
        axes.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
        axes.set_axis_off()
    figure.savefig(out, dpi=100, bbox_inches="tight")


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit a volume to a rounded box by its surface.")
    parser.add_argument("--size", type=int, default=40, help="samples a side")
    parser.add_argument("--steps", type=int, default=90)
    parser.add_argument("--out", type=Path, help="a picture of some steps; none without it")
    given = parser.parse_args()
    began = time.perf_counter()
    kept = fit(given.size, given.steps)
    for step, distance, mesh in kept:
        print(f"step {step:4}: {distance:.4f} from the target, {len(mesh.faces)} faces")
    print(f"{time.perf_counter() - began:.1f} s")
    if given.out:
        draw(kept, given.out)


if __name__ == "__main__":
    main()
