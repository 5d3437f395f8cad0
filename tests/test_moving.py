# SPDX-License-Identifier: MIT
"""docs/moving.md: every block runs, and theirs and ours make one mesh."""

import importlib.util
import re
from pathlib import Path

import mesh_checks as check
import numpy as np
import pytest
import torch
import torchmcubes_bw

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "moving.md").read_text("utf-8")
LIBRARIES = {
    "torchmcubes": "torchmcubes",
    "PyMCubes": "mcubes",
    "scikit-image": "skimage",
    "VTK and pyvista": "vtk",
}


def blocks(text):
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


HEAD, *REST = re.split(r"^## ", PAGE, flags=re.MULTILINE)
SECTIONS = {part.split("\n", 1)[0]: blocks(part) for part in REST}
OURS_ALONE = [name for name in SECTIONS if SECTIONS[name] and name not in LIBRARIES]


def meshes(name):
    """Run the blocks of a section, each in a namespace of its own; give what they leave."""
    for block in SECTIONS[name]:
        names = {}
        exec(compile(blocks(HEAD)[0] + block, f"docs/moving.md, {name}", "exec"), names)
        yield names


def test_the_sections():
    assert [name for name in SECTIONS if SECTIONS[name]] == [*LIBRARIES, *OURS_ALONE]
    assert OURS_ALONE == ["pytorch3d", "diso", "cubvh", "isoext", "NIfTI, read by NiBabel"]
    assert [len(SECTIONS[name]) for name in LIBRARIES] == [1, 2, 2, 2]


@pytest.mark.parametrize("name", LIBRARIES)
def test_theirs_and_ours_make_one_mesh(name):
    if not importlib.util.find_spec(LIBRARIES[name]):
        pytest.skip(f"needs {LIBRARIES[name]}")
    found = [(np.asarray(each["verts"], np.float64), np.asarray(each["faces"])) for each in meshes(name)]
    for verts, faces in found:
        assert check.is_closed(faces.astype(np.int64))
        mine = verts[np.lexsort(verts.round(3).T)]
        first = found[0][0][np.lexsort(found[0][0].round(3).T)]
        assert np.allclose(mine, first, atol=2e-3)
        volumes = [check.signed_volume(*each) for each in found]
        assert volumes == pytest.approx([volumes[0]] * len(volumes), rel=1e-4)


def test_a_grid_of_the_other_order_costs_no_copy():
    vol = torch.rand(4, 5, 6)
    assert vol.permute(2, 1, 0).data_ptr() == vol.data_ptr()


def test_pytorch3d():
    (names,) = meshes("pytorch3d")
    (local,) = names["local"]
    centre = (local.amin(0) + local.amax(0)) / 2
    wanted = 2 * torch.tensor([23.2, 21.3, 19.6]) / torch.tensor([47, 43, 39]) - 1
    assert torch.allclose(centre, wanted, atol=0.01)


def test_diso():
    (names,) = meshes("diso")
    assert names["sdf"].grad.abs().max() > 0
    centre = (names["verts"].amin(0) + names["verts"].amax(0)) / 2
    assert torch.allclose(centre, torch.tensor([19.6, 21.3, 23.2]) / torch.tensor([39, 43, 47]), atol=0.01)


def test_cubvh():
    (names,) = meshes("cubvh")
    verts, faces = torchmcubes_bw.marching_cubes(torch.from_numpy(names["vol"]).permute(2, 1, 0), 0.0)
    assert len(names["verts"]) == len(verts)
    assert check.is_closed(names["faces"])
    volume = check.signed_volume(names["verts"], names["faces"])
    assert volume == pytest.approx(check.signed_volume(verts, faces), rel=1e-5)


def test_isoext():
    (names,) = meshes("isoext")
    verts = names["verts"]
    centre = (verts.amin(0) + verts.amax(0)) / 2
    assert torch.allclose(
        centre, 2 * torch.tensor([19.6, 21.3, 23.2]) / torch.tensor([39, 43, 47]) - 1, atol=0.01
    )


def test_nibabel():
    pytest.importorskip("nibabel")
    (names,) = meshes("NIfTI, read by NiBabel")
    verts, faces = names["verts"], names["faces"].astype(np.int64)
    centre = (verts.min(0) + verts.max(0)) / 2
    assert centre == pytest.approx([90 - 2 * 23.2, 0.5 * 21.3 - 60, 0.5 * 19.6 - 40], abs=0.02)
    # Outward of the ball, where the samples are higher.
    assert check.signed_volume(verts, faces) == pytest.approx(4 / 3 * np.pi * 15**3 * 2 * 0.5**2, rel=0.01)
