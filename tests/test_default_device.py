# SPDX-License-Identifier: MIT
"""Every call while torch allocates elsewhere by default: results are where the samples are."""

import numpy as np
import pytest
import torch
import torchmcubes_bw as t
import volumes
from torchmcubes_bw.compat import cubvh, diso, mcubes, skimage

VOL = torch.from_numpy(volumes.noise((6, 7, 8)))
ARRAY = VOL.numpy()
LABELS = (VOL > 0.5).int()
MOVED = torch.full((*VOL.shape, 3), 0.1)
COORDS = torch.zeros((1, 3), dtype=torch.int32)
CORNERS = torch.tensor([[-1.0, 1, 1, 1, 1, 1, 1, 1]])
INDEX = torch.zeros((1, 3), dtype=torch.int32)
BLOCK = VOL[None, :5, :5, :5].contiguous()
POINTS = torch.rand(9, 3)


def ball(points):
    return points.norm(dim=1) - 0.8


def of_mesh(mesh):
    return [mesh.verts, mesh.faces, *(part for part in (mesh.normals, mesh.attributes) if part is not None)]


def gradient(call):
    vol = VOL.clone().requires_grad_()
    call(vol).square().sum().backward()
    return [vol.grad]


def streamed(folder):
    t.stream_surface(ARRAY, 0.1, str(folder))
    return [torch.from_numpy(np.load(folder / name)) for name in ("verts.npy", "faces.npy")]


CALLS = {
    "marching_cubes": lambda _: t.marching_cubes(VOL, 0.1),
    "of an array": lambda _: t.marching_cubes(ARRAY, 0.1),
    "grid_interp": lambda _: [t.grid_interp(VOL[None], POINTS)],
    "isosurface": lambda _: of_mesh(
        t.isosurface(VOL, spacing=2, origin=1, normals=True, border="closed", attributes=VOL[None])
    ),
    "ties": lambda _: of_mesh(t.isosurface(LABELS, 1.0, degenerate="drop", mask=LABELS == 0)),
    "batch": lambda _: of_mesh(t.isosurface(VOL[None], 0.1)),
    "of a size": lambda _: of_mesh(t.isosurface(VOL, 0.1, max_verts=900, max_faces=1800)),
    "dual": lambda _: of_mesh(t.isosurface(VOL, 0.1, method="dual", placement="nets")),
    "quads": lambda _: t.dual_marching_cubes(VOL, 0.1, quads=True),
    "labels": lambda _: [t.label_surfaces(LABELS).verts, t.label_surfaces(LABELS).faces],
    "cells": lambda _: t.marching_cubes_cells(COORDS, CORNERS, 0.0),
    "blocks": lambda _: t.marching_cubes_blocks(INDEX, BLOCK, 0.1),
    "field": lambda _: of_mesh(t.extract_field(ball, (-1, 1), 16)),
    "gradient": lambda _: gradient(lambda vol: t.marching_cubes(vol, 0.1)[0]),
    "gradient of the dual": lambda _: gradient(lambda vol: t.dual_marching_cubes(vol, 0.1)[0]),
    "gradient of values": lambda _: gradient(lambda vol: t.grid_interp(vol[None], POINTS)),
    "streamed": lambda folder: streamed(folder),
    "skimage": lambda _: skimage.marching_cubes(VOL, None, spacing=(1, 2, 3), allow_degenerate=False),
    "skimage of an array": lambda _: map(torch.from_numpy, skimage.marching_cubes(ARRAY, 0.1)),
    "mcubes": lambda _: mcubes.marching_cubes(VOL, 0.1),
    "cubvh": lambda _: cubvh.sparse_marching_cubes(COORDS, CORNERS, 0.0, ensure_consistency=True),
    "cubvh of arrays": lambda _: cubvh.sparse_marching_cubes(COORDS.numpy(), CORNERS.numpy(), 0.0),
    "DiffMC": lambda _: diso.DiffMC()(VOL, MOVED),
    "DiffDMC": lambda _: diso.DiffDMC()(VOL, MOVED),
}


@pytest.mark.parametrize("name", CALLS)
def test_results_are_where_the_samples_are(name, tmp_path):
    want = list(CALLS[name](tmp_path / "before"))
    with torch.device("meta"):
        got = list(CALLS[name](tmp_path / "after"))
    assert [each.device.type for each in got] == ["cpu"] * len(want)
    assert all(map(torch.equal, got, want))
