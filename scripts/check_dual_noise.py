# SPDX-License-Identifier: MIT
"""Check on many volumes of noise that the dual mesh is a manifold.

python scripts/check_dual_noise.py [COUNT]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from torchmcubes_bw import dual_marching_cubes

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import mesh_checks as check


def fault(seed: int) -> str | None:
    """Say what is wrong with the mesh of a volume, or return None."""
    random = np.random.default_rng(seed)
    vol = random.standard_normal(random.integers(2, 13, 3)).astype(np.float32)
    mask = random.random(vol.shape) < 0.97 if seed % 4 == 0 else None
    border = ("open", "closed")[seed % 2]
    level = random.normal(0, 0.5)
    verts, quads = dual_marching_cubes(vol, level, mask=mask, border=border, quads=True)
    _, faces = dual_marching_cubes(vol, level, mask=mask, border=border)
    for name, polygons in (("quads", quads), ("triangles", faces)):
        if check.most_faces_on_an_edge(polygons) > 2:
            return f"an edge has {check.most_faces_on_an_edge(polygons)} {name}"
        if len(split := check.split_vertices(polygons)):
            return f"{len(split)} vertices hold several fans of {name}"
    if mask is None and border == "closed" and not check.is_closed(faces):
        return "the mesh is not closed"
    return None if check.uses_every_vertex(verts, faces) else "a vertex has no face"


def main() -> None:
    """Check the volumes of the seeds 0, 1, …"""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    faults = {seed: found for seed in range(count) if (found := fault(seed))}
    print(f"{count} volumes, {len(faults)} with a fault", *faults.items(), sep="\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
