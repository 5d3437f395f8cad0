# SPDX-License-Identifier: MIT
"""The examples, run in short settings."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

EXAMPLES = Path(__file__).parent.parent / "examples"
NO_OPERATORS = not hasattr(torch.library, "custom_op")


def run(name, *options, without=None):
    """Run an example as a user does; `without` a library, as where it is not installed."""
    code = f"import runpy, sys; del sys.argv[0]; sys.modules[{without!r}] = None; "
    start = ["-c", code + "runpy.run_path(sys.argv[0], run_name='__main__')"] if without else []
    command = [sys.executable, *start, str(EXAMPLES / name), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_list_has_every_example():
    listed = re.findall(r"\]\((\w+\.py)\)", (EXAMPLES / "README.md").read_text("utf-8"))
    assert sorted(listed) == sorted(path.name for path in EXAMPLES.glob("*.py"))


def test_fit_comes_near_its_target():
    done = run("fit.py", "--size", 20, "--steps", 30)
    assert done.returncode == 0, done.stderr
    distances = [float(number) for number in re.findall(r": ([\d.]+) from the target", done.stdout)]
    assert len(distances) == 4
    assert distances[-1] < distances[0] / 5


def test_fit_draws(tmp_path):
    image = pytest.importorskip("matplotlib.image")
    done = run("fit.py", "--size", 12, "--steps", 3, "--out", tmp_path / "fit.png")
    assert done.returncode == 0, done.stderr
    assert image.imread(tmp_path / "fit.png").std() > 0.01


def test_density_to_glb(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    done = run("density_to_glb.py", "--size", 40, "--out", tmp_path / "s.glb")
    assert done.returncode == 0, done.stderr
    mesh = trimesh.load(tmp_path / "s.glb", force="mesh", process=False)
    assert mesh.is_watertight
    colours = mesh.visual.vertex_colors
    assert len(colours) == len(mesh.vertices)
    assert (
        colours[mesh.vertices[:, 1].argmin(), 0] > colours[:, 0].min() + 10
    )  # the lowest ball is the whitest
    assert mesh.extents.max() < 2


@pytest.mark.skipif(NO_OPERATORS, reason="torch has operators from 2.4 on")
def test_compiled():
    done = run("compiled.py", "--size", 16, "--backend", "aot_eager")
    assert done.returncode == 0, done.stderr
    assert "the faces are those of the plain model: True" in done.stdout
    assert re.search(r"exported with room for \d+ vertices: True", done.stdout)


@pytest.mark.parametrize(
    "name, options, library",
    [
        ("fit.py", ("--size", 8, "--steps", 1, "--out", "fit.png"), "matplotlib"),
        ("density_to_glb.py", ("--size", 8), "trimesh"),
    ],
)
def test_a_missing_library_is_named(name, options, library):
    done = run(name, *options, without=library)
    assert done.returncode == 1
    assert f"needs {library}: pip install {library} (" in done.stderr
