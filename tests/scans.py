# SPDX-License-Identifier: MIT
"""Balls of known place and size as scans, written with each field's own libraries."""

from __future__ import annotations

import numpy as np
import trimesh
from torchmcubes_bw.cli.app import app
from typer.testing import CliRunner

RADIUS = 15.0
CENTRE = np.array([12.0, -30.0, 55.0])


def rotation(seed=1):
    """Return a rotation (3, 3)."""
    q = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))[0]
    return q * np.array([1, 1, np.linalg.det(q)])


def affine(steps, shape=(30, 40, 50), centre=CENTRE):
    """Return the affine of a volume (Nz, Ny, Nx) whose columns are steps and whose middle is `centre`."""
    result = np.eye(4)
    result[:3, :3] = steps
    result[:3, 3] = np.asarray(centre) - result[:3, :3] @ ((np.array(shape[::-1]) - 1) / 2)
    return result


def distance(place, shape=(30, 40, 50), centre=CENTRE, radius=RADIUS):
    """Return the signed distance to a ball in the world at each sample, negative inside."""
    index = np.stack(np.indices(shape)[::-1], axis=-1)
    world = index @ place[:3, :3].T + place[:3, 3]
    return (np.linalg.norm(world - centre, axis=-1) - radius).astype(np.float32)


def ct(place, shape=(30, 40, 50), **more):
    """Return a ball as integers: 1000 inside, 0 outside, a slope of a voxel between."""
    soft = np.linalg.norm(place[:3, :3], axis=0).max()
    return np.rint(np.clip(500 - distance(place, shape, **more) / soft * 500, 0, 1000)).astype(np.int16)


def command(name, *arguments, code=0):
    """Run a command; an error is one line, and no traceback."""
    result = CliRunner().invoke(app, [name, *map(str, arguments)])
    assert result.exit_code == code, result.output + repr(result.exception)
    if code:
        errors = [line for line in result.stderr.splitlines() if not line.startswith("warning: ")]
        assert len(errors) == 1, result.stderr
        assert errors[0].startswith("error: ")
    return result


def refused(tmp_path, *arguments, code=2):
    """Run `extract` on what it must refuse; return what it says, without `error: `."""
    out = tmp_path / "refused.ply"
    result = command("extract", *arguments, "-o", out, code=code)
    assert not out.exists()
    return result.stderr.splitlines()[-1].removeprefix("error: ")


def extracted(tmp_path, *arguments):
    """Run `extract`; return the mesh and what was printed."""
    out = tmp_path / "mesh.ply"
    result = command("extract", *arguments, "-o", out)
    return trimesh.load_mesh(out, process=False), result.output


def assert_ball(mesh, voxel, centre=CENTRE, radius=RADIUS):
    """Hold a mesh against the truth: closed, outward, its place, volume and second moments."""
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0
    apart = np.linalg.norm(mesh.center_mass - centre)
    assert apart < 0.1 * voxel, apart
    volume = 4 / 3 * np.pi * radius**3
    assert abs(mesh.volume / volume - 1) < 0.02, mesh.volume / volume
    moments = mesh.moment_inertia / (0.4 * volume * radius**2)
    assert np.abs(moments - np.eye(3)).max() < 0.04, moments


def turned(place):
    """Return an affine to LPS as one to RAS, and back."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ place
