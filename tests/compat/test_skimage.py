# SPDX-License-Identifier: MIT
"""scikit-image's call, side by side with scikit-image."""

import inspect

import mesh_checks as check
import numpy as np
import pytest
import torch
import volumes
from scipy.spatial import cKDTree
from torchmcubes_bw.compat.skimage import marching_cubes

measure = pytest.importorskip("skimage.measure")
BALL = volumes.ball((29, 31, 33), (16.1, 15.2, 14.3), 11.7)
SOLID = (BALL < 0).astype(np.uint8)
BOX = np.zeros(BALL.shape, dtype=bool)
BOX[5:22, 3:25, 12:] = True


def ellipsoid(**options):
    return pytest.importorskip("skimage.draw").ellipsoid(6, 10, 16, levelset=True, **options)


def both(vol, *arguments, **options):
    return marching_cubes(vol, *arguments, **options), measure.marching_cubes(vol, *arguments, **options)


def assert_same_mesh(ours, theirs, tolerance=2e-5):
    assert [(part.shape, part.dtype) for part in ours] == [(part.shape, part.dtype) for part in theirs]
    distance, nearest = cKDTree(theirs[0]).query(ours[0])
    assert distance.max() < tolerance
    return nearest


def test_same_signature():
    ours, theirs = (
        [(p.name, p.kind, p.default) for p in inspect.signature(call).parameters.values()]
        for call in (marching_cubes, measure.marching_cubes)
    )
    assert ours == theirs


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"method": "lorensen"},
        {"level": 0.0},
        {"level": 0.0, "gradient_direction": "ascent"},
        {"level": 1.25, "spacing": (1, 2, 0.5)},
        {"level": 0.0, "step_size": 2},
        {"level": 0.0, "step_size": 3, "spacing": (3, 1, 1)},
        {"level": 0.0, "mask": BOX},
        {"level": 0.0, "mask": BOX, "step_size": 3},
        {"level": 0.0, "mask": np.ones_like(BOX)},
    ],
    ids=lambda options: ",".join(options) or "defaults",
)
def test_same_mesh_of_a_ball(options):
    ours, theirs = both(BALL, **options)
    assert_same_mesh(ours, theirs)
    want = check.signed_volume(*theirs[:2])
    assert check.signed_volume(*ours[:2]) == pytest.approx(want, rel=2e-3)


def test_normals_agree():
    ours, theirs = both(BALL, 0.0)
    cosines = (ours[2] * theirs[2][assert_same_mesh(ours, theirs)]).sum(1)
    angles = np.degrees(np.arccos(np.minimum(cosines, 1)))
    assert np.median(angles) < 2
    assert angles.max() < 5
    outward = (ours[0] - [14.3, 15.2, 16.1]) / 11.7
    assert (ours[2] * outward).sum(1).max() < -0.999


def test_normals_are_right_under_a_spacing():
    z, y, x = np.mgrid[:15, :29, :43]
    vol = np.sqrt((2 * z - 14) ** 2 + (y - 14.3) ** 2 + (x / 1.5 - 14) ** 2) - 9.7
    verts, _, normals, _ = marching_cubes(vol, 0.0, spacing=(2, 1, 1 / 1.5))
    outward = verts - [14, 14.3, 14]
    cosines = (normals * outward).sum(1) / np.linalg.norm(outward, axis=1)
    assert cosines.max() < -0.999


@pytest.mark.parametrize("level", [0, 0.5, None])
@pytest.mark.parametrize("allow_degenerate", [True, False])
def test_binary_volumes(level, allow_degenerate):
    """At level 0 every vertex lies on a sample that equals it."""
    options = {"method": "lorensen", "allow_degenerate": allow_degenerate}
    ours, theirs = both(SOLID, level, **options)
    assert [part.shape for part in ours] == [part.shape for part in theirs]
    assert cKDTree(theirs[0]).query(ours[0])[0].max() < 2e-5
    assert check.is_closed(ours[1])


def test_ties_fall_on_the_same_side():
    vol = np.random.default_rng(2).integers(0, 4, (9, 10, 11)).astype(np.int16)
    for level in (0, 1, 2):
        ours, theirs = both(vol, level, method="lorensen")
        assert ours[0].shape == theirs[0].shape
        assert cKDTree(theirs[0]).query(ours[0])[0].max() < 1e-5


def test_values_are_the_difference_across_the_edge():
    verts, _, _, values = marching_cubes(BALL.transpose(2, 0, 1), 0.0)
    low, high = (tuple(end(verts).astype(int).T) for end in (np.floor, np.ceil))
    vol = BALL.transpose(2, 0, 1)
    np.testing.assert_array_equal(values, np.abs(vol[high] - vol[low]))
    theirs = measure.marching_cubes(vol, 0.0)
    assert (values <= theirs[3][cKDTree(theirs[0]).query(verts)[1]] + 1e-6).all()


@pytest.mark.parametrize("spacing, tolerance", [((1, 1, 1), 0.01), ((1, 10 / 6, 16 / 6), 0.015)])
@pytest.mark.parametrize("method", ["lewiner", "lorensen"])
def test_area_of_an_ellipsoid(spacing, tolerance, method):
    """As scikit-image's own suite: a little less than the smooth surface's, at any spacing."""
    area = pytest.importorskip("skimage.draw").ellipsoid_stats(6, 10, 16)[1]
    verts, faces, _, _ = marching_cubes(ellipsoid(spacing=spacing), 0.0, spacing=spacing, method=method)
    assert area * (1 - tolerance) < measure.mesh_surface_area(verts, faces) < area


def test_a_mask_of_an_ellipsoid():
    vol = ellipsoid()
    mask = np.ones(vol.shape, dtype=bool)
    mask[:10], mask[:, :, 20:] = False, False
    (verts, faces, _, _), theirs = both(vol, 0, mask=mask)
    want = measure.mesh_surface_area(*theirs[:2])
    assert measure.mesh_surface_area(verts, faces) == pytest.approx(want, rel=0.01)


def decoded(cells):
    """Return a field, and what image-to-3D decoders hand over of it: NaN but near the coarse grid's surface.

    Positive inside; `cells` a side.
    """
    side = [np.linspace(-1.01, 1.01, cells + 1, dtype=np.float32)] * 3
    x, y, z = np.meshgrid(*side, indexing="ij")
    logits = 0.7 - np.sqrt(x**2 + y**2 + z**2) + 0.1 * np.sin(7 * x) * np.sin(6 * y) * np.sin(5 * z)
    inside = logits[::2, ::2, ::2] > 0
    near = np.zeros_like(inside)
    for axis in range(3):
        differs = np.diff(inside, axis=axis)
        np.moveaxis(near, axis, 0)[1:] |= np.moveaxis(differs, axis, 0)
        np.moveaxis(near, axis, 0)[:-1] |= np.moveaxis(differs, axis, 0)
    asked = np.zeros(logits.shape, dtype=bool)
    asked[::2, ::2, ::2] = near
    for axis in [0, 1, 2] * 2:
        asked = asked | np.roll(asked, 1, axis) | np.roll(asked, -1, axis)
    return torch.from_numpy(logits), torch.from_numpy(np.where(asked, logits, np.nan))


@pytest.mark.parametrize(
    "hand_over", [lambda grid: grid.cpu().numpy(), lambda grid: grid], ids=["array", "tensor"]
)
def test_decoders_band_of_nan_gives_a_closed_mesh(hand_over):
    dense, band = decoded(64)
    assert 0.6 < torch.isnan(band).float().mean() < 0.95
    vertices, faces, _, _ = (
        np.asarray(part) for part in marching_cubes(hand_over(band), 0.0, method="lewiner")
    )
    vertices = vertices / 65 * 2.02 - 1.01
    assert np.isfinite(vertices).all()
    assert check.is_closed(faces)
    theirs = measure.marching_cubes(dense.numpy(), 0.0)[:2]
    want = check.signed_volume(theirs[0] / 65 * 2.02 - 1.01, theirs[1])
    assert check.signed_volume(vertices, faces) == pytest.approx(want, rel=1e-3)
    np.testing.assert_array_equal(faces, marching_cubes(dense.numpy(), 0.0)[1])
    assert np.isnan(measure.marching_cubes(band.numpy(), 0.0)[0]).any()  # what the decoders get today


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.uint8, torch.bool])
def test_tensors_give_tensors(dtype):
    vol = torch.from_numpy(SOLID * 3).to(dtype)
    parts = marching_cubes(vol, spacing=(1, 2, 3))
    assert [part.dtype for part in parts] == [torch.float32, torch.int32, torch.float32, torch.float32]
    arrays = marching_cubes(vol.float().numpy(), spacing=(1, 2, 3))
    for part, array in zip(parts, arrays, strict=True):
        np.testing.assert_array_equal(part.numpy(), array.astype(array.dtype.name.replace("64", "32")))
        assert part.is_contiguous()


def test_in_a_process_forked_after_torchs_threads(run_python):
    code = """
import multiprocessing, numpy, torch
from torchmcubes_bw.compat.skimage import marching_cubes
def job(seed):
    vol = numpy.random.default_rng(seed).standard_normal((40, 40, 40)).astype("float32")
    mask = numpy.ones(vol.shape, dtype=bool)
    return marching_cubes(vol, 0.0, mask=mask, allow_degenerate=False)[3].shape[0] > 40000
torch.rand(300000).sqrt()
with multiprocessing.get_context("fork").Pool(1) as pool:
    print(pool.map_async(job, [1]).get(60))
"""
    assert run_python(code) == "[True]"


@pytest.mark.parametrize(
    "arguments, options, error, text",
    [
        (([1],), {}, TypeError, "volume must be a torch.Tensor or numpy.ndarray, got list"),
        (
            (np.zeros((20, 20)), 0),
            {},
            ValueError,
            "volume must have 3 dimensions (M, N, P), got shape (20, 20)",
        ),
        (
            (np.zeros((2, 2, 1)), 0),
            {},
            ValueError,
            "volume must have no side shorter than 2, got shape (2, 2, 1)",
        ),
        ((BALL, 99), {}, ValueError, None),
        ((np.zeros((3, 3, 3)),), {}, RuntimeError, "no surface was found at level 0.0"),
        ((np.zeros((3, 3, 3)), 0), {}, RuntimeError, "no surface was found at level 0.0"),
        ((BALL, "a"), {}, TypeError, "level must be a number, got str"),
        ((BALL, 0), {"spacing": (1, 2)}, TypeError, None),
        ((BALL, 0), {"step_size": 0}, ValueError, "step_size must be at least 1, got 0"),
        ((BALL, 0), {"step_size": 1.5}, TypeError, "step_size must be an integer, got float"),
        ((BALL, 0), {"method": "dual"}, ValueError, 'method must be "lewiner" or "lorensen", got "dual"'),
        ((BALL, 0), {"mask": np.array([], dtype=bool)}, ValueError, None),
        (
            (BALL, 0),
            {"gradient_direction": "up"},
            ValueError,
            'gradient_direction must be "descent" or "ascent", got "up"',
        ),
        (
            (np.full((3, 3, 3), np.nan),),
            {},
            ValueError,
            "level must be given for a volume of nothing but NaN",
        ),
    ],
)
def test_errors(arguments, options, error, text):
    with pytest.raises(error) as caught:
        marching_cubes(*arguments, **options)
    assert text is None or str(caught.value) == text
    if error is not TypeError and not np.isnan(arguments[0]).any():
        with pytest.raises(error):  # of the same kind
            measure.marching_cubes(*arguments, **options)
