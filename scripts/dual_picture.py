# SPDX-License-Identifier: MIT
"""Make docs/images/dual.png: one surface by both methods, and how small the triangles' angles are.

    pip install 'torchmcubes-bw[test]' matplotlib pillow
    python scripts/dual_picture.py docs/images

Prints the table of docs/conventions.md: the smallest angles of triangles at 128³, of which a hundredth (or a
twentieth, or half) are smaller still.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PolyCollection
from PIL import Image
from torchmcubes_bw import fields, isosurface

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import mesh_checks as check
import volumes

METHODS = {"primal": "marching cubes", "dual": "dual marching cubes"}
PERCENTILES = (1, 5, 50)


def samples() -> dict[str, np.ndarray]:
    """Return the volumes whose triangles are measured; the level is 0."""
    return {
        "sphere": volumes.ball((128,) * 3, (63.3, 63.7, 64.1), 45),
        "torus": volumes.torus(128, 40, 15),
        "metaballs": fields.sample("metaballs", 128).numpy(),
    }


def table() -> None:
    print("| smallest angle, percentile | " + " | ".join(map(str, PERCENTILES)) + " |")
    print("| --- |" + " ---: |" * len(PERCENTILES))
    for name, vol in samples().items():
        for method, words in METHODS.items():
            angles = check.smallest_angles(*isosurface(vol, 0.0, method=method))
            found = " | ".join(f"{np.percentile(angles, k):.1f}°" for k in PERCENTILES)
            print(f"| {name}, {words} | {found} |")


def draw(axes: plt.Axes, method: str) -> None:
    """Draw the triangles of a ball that face the viewer, lit from one side."""
    vol = volumes.ball((20,) * 3, (9.4, 9.7, 9.2), 7.3)
    verts, faces = (part.numpy() for part in isosurface(vol, 0.0, method=method))
    corners = verts[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    turn = np.linalg.qr(np.array([[1.0, 0.35, 0.6], [-0.4, 1.0, 0.5], [-0.5, -0.5, 1.0]]))[0]
    seen, towards = corners @ turn, normals @ turn
    front = towards[:, 2] > 0
    order = np.argsort(seen[front][:, :, 2].mean(axis=1))
    light = (towards[front] @ [0.4, 0.5, 0.77]).clip(0)[order, None]
    colours = np.array([[0.45, 0.62, 0.80]]) * (0.45 + 0.55 * light) + 0.1
    triangles = seen[front][order][:, :, :2]
    axes.add_collection(PolyCollection(triangles, facecolors=colours, edgecolors="#1c2a3a", linewidths=0.5))
    axes.set_title(METHODS[method], fontsize=11)
    axes.autoscale()
    axes.set_aspect("equal")
    axes.axis("off")


def main(out: Path) -> None:
    table()
    figure, both = plt.subplots(1, 2, figsize=(7.2, 3.8), dpi=120)
    for axes, method in zip(both, METHODS, strict=True):
        draw(axes, method)
    figure.tight_layout()
    figure.savefig(out / "dual.png")
    Image.open(out / "dual.png").convert("RGB").quantize(64).save(out / "dual.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
