# SPDX-License-Identifier: MIT
"""`torchmcubes-bw extract`, from what is typed to what lies on the disk."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import mesh_checks as check
import numpy as np
import pytest
import SimpleITK as sitk
import torch
import trimesh
import volumes
from torchmcubes_bw import __version__, fields
from torchmcubes_bw.cli import level as leveling
from torchmcubes_bw.cli import read as reading
from torchmcubes_bw.cli import write as writing
from torchmcubes_bw.cli.app import app
from typer.testing import CliRunner

RADIUS = 8.3
BALL = volumes.ball((24, 26, 28), (13.2, 12.1, 11.3), RADIUS)


@pytest.fixture
def extract():
    def run(*arguments, code=0):
        result = CliRunner().invoke(app, ["extract", *map(str, arguments)])
        assert result.exit_code == code, result.output + repr(result.exception)
        return result

    return run


@pytest.fixture
def ball_file(tmp_path):
    path = tmp_path / "ball.npy"
    np.save(path, BALL)
    return path


def load(path):
    return trimesh.load_mesh(path, process=False)


@pytest.mark.parametrize("name", fields.FIELDS)
def test_samples(name, extract, tmp_path):
    out = tmp_path / "mesh.ply"
    result = extract(name, "-o", out, "--size", 48)
    mesh = load(out)
    closed = name not in ("gyroid", "noise")
    assert mesh.is_watertight == closed
    if closed:
        assert mesh.is_winding_consistent
        assert mesh.volume > 0
    side = "above" if name == "density" else "below"
    level = fields.FIELDS[name].level
    if name != "noise":
        assert f"level {level:g} (the sample's own), object {side} it" in result.output
    assert re.search(
        rf"mesh\.ply: {len(mesh.vertices)} vertices, {len(mesh.faces)} faces, "
        rf"{'closed' if closed else 'open'}, bounds \S+ x \S+ x \S+ voxel, \d+\.\d\d s\n$",
        result.output,
    )


@pytest.mark.parametrize("kind", writing.FORMATS)
def test_formats(kind, extract, ball_file, tmp_path):
    out = tmp_path / f"ball.{kind.upper()}"
    extract(ball_file, "-o", out, "--level", 0)
    mesh = load(out)
    if kind == "stl":  # the format holds no shared vertices
        mesh.merge_vertices()
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.02)
    assert np.allclose(mesh.bounds.mean(axis=0), [13.2, 12.1, 11.3], atol=0.01)


def test_density_and_explicit_sides(extract, tmp_path):
    np.save(tmp_path / "density.npy", -BALL)
    out = tmp_path / "m.ply"
    for options, sign in (([], 1), (["--inside", "above"], 1), (["--inside", "below"], -1)):
        extract(tmp_path / "density.npy", "-o", out, "--level", 0, *options)
        assert np.sign(load(out).volume) == sign


def test_npz(extract, tmp_path):
    out = tmp_path / "m.ply"
    np.savez(tmp_path / "one.npz", only=BALL)
    extract(tmp_path / "one.npz", "-o", out, "--level", 0)
    np.savez(tmp_path / "two.npz", a=BALL, b=-BALL)
    extract(tmp_path / "two.npz", "-o", out, "--level", 0, "--key", "b")
    for options, end in (([], "which one is not said"), (["--key", "c"], "got c")):
        result = extract(tmp_path / "two.npz", "-o", out, *options, code=2)
        path = tmp_path / "two.npz"
        assert result.stderr == f"error: --key must be one of a, b in {path}, {end}\n"


def test_chosen_level(extract, tmp_path):
    out = tmp_path / "m.ply"
    rng = np.random.default_rng(0)
    two_classes = (np.where(BALL < 0, 200, 40) + rng.normal(0, 5, BALL.shape)).astype(np.int16)
    np.save(tmp_path / "ct.npy", two_classes)
    result = extract(tmp_path / "ct.npy", "-o", out)
    level = float(re.search(r"level (\S+) \(Otsu's threshold\), object above it", result.output)[1])
    assert 80 < level < 160
    np.save(tmp_path / "mask.npy", BALL < 0)
    result = extract(tmp_path / "mask.npy", "-o", out)
    assert "level 0.5 (the middle of the range), object above it" in result.output
    assert load(out).volume > 0


@pytest.mark.parametrize(
    "ending, dtype",
    [(ending, dtype) for ending in ("npy", "nrrd") for dtype in ("uint16", "uint32", "uint64", "int64")]
    + [("tif", "uint16"), ("tif", "uint32")],
)
def test_wider_integers(ending, dtype, extract, tmp_path):
    """A level chosen, the object's side guessed, and the range told where there is no surface."""
    path, out = tmp_path / f"ct.{ending}", tmp_path / "m.ply"
    vol = np.where(BALL < 0, 40_000, 100).astype(dtype)
    if ending == "npy":
        np.save(path, vol)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(vol), str(path))
    assert "(Otsu's threshold), object above it" in extract(path, "-o", out).output
    assert load(out).is_watertight
    result = extract(path, "-o", out, "--level", 50_000, code=2)
    assert result.stderr == "error: no surface: --level 50000 (as given) parts no samples of 100 to 40000\n"


@pytest.mark.parametrize(
    "low, high", [(1e9, 1e9 + 1), (0, 1e-300), (0, 1e300), (-1.5e308, 1.5e308), (2**40, 2**40 + 8)], ids=str
)
def test_chosen_level_of_any_range(low, high, extract, tmp_path, monkeypatch):
    """In float64: such ranges float32 does not hold, or takes for one value."""
    monkeypatch.setattr(leveling, "_CHUNK", 2000)  # so that a small volume is counted in parts too
    share = np.random.default_rng(0).uniform(0, 0.2, BALL.shape)
    share = np.where(BALL < 0, 1 - share, share)
    np.save(tmp_path / "wide.npy", low * (1 - share) + high * share)
    result = extract(tmp_path / "wide.npy", "-o", tmp_path / "m.ply")
    assert "(Otsu's threshold), object above it" in result.output
    vol = torch.from_numpy(np.load(tmp_path / "wide.npy"))
    level, _ = leveling.choose_level(vol)
    assert 0.3 < (level / 2 - low / 2) / (high / 2 - low / 2) < 0.7


DIRECTION = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]


def write_image(path, determinant):
    """Write a ball in world coordinates as an image of oblique, anisotropic voxels."""
    direction = DIRECTION * np.array([1, 1, np.sign(np.linalg.det(DIRECTION)) * determinant])
    spacing, centre = np.array([0.7, 1.1, 1.9]), np.array([12.0, -30.0, 55.0])
    size = np.array([60, 40, 24])
    origin = centre - direction @ (spacing * (size - 1) / 2)
    z, y, x = np.indices(size[::-1])
    index = np.stack([x, y, z], axis=-1) * spacing
    world = index @ direction.T + origin
    vol = (np.linalg.norm(world - centre, axis=-1) - 15).astype(np.float32)
    image = sitk.GetImageFromArray(vol)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(origin.tolist())
    image.SetDirection(direction.ravel().tolist())
    sitk.WriteImage(image, str(path))
    return centre


@pytest.mark.parametrize("determinant", [1, -1])
@pytest.mark.parametrize("ending", ["nii.gz", "nrrd", "mha"])
def test_spacing_origin_and_direction(ending, determinant, extract, tmp_path):
    path, out = tmp_path / f"ball.{ending}", tmp_path / "m.ply"
    centre = write_image(path, determinant)
    result = extract(path, "-o", out, "--level", 0)
    mesh = load(out)
    assert "mm, " in result.output
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 15**3, rel=0.02)
    assert np.allclose(mesh.bounds, [centre - 15, centre + 15], atol=0.1)


@pytest.mark.parametrize("ending", ["nii.gz", "nrrd"])
def test_closed_away_from_the_border(ending, extract, tmp_path):
    """Anisotropic voxels too; a side is halved or doubled, so that the border stays exactly in place."""
    path, out = tmp_path / f"noise.{ending}", tmp_path / "m.ply"
    spacing = np.array([0.5, 1, 2])
    for outside_border, state in ((True, "closed"), (False, "open")):
        vol = volumes.noise((9, 10, 11), outside_border=outside_border)
        image = sitk.GetImageFromArray(vol)
        image.SetSpacing(spacing.tolist())
        sitk.WriteImage(image, str(path))
        assert f" faces, {state}, bounds" in extract(path, "-o", out, "--level", 0.1).output
        mesh = load(out)
        assert len(mesh.faces) > 1000
        assert check.is_closed(mesh.faces) == (state == "closed")
        assert check.is_closed_away_from_border(mesh.vertices / spacing, mesh.faces, vol.shape)


def test_tiff_stack(extract, tmp_path):
    path, out = tmp_path / "stack.tif", tmp_path / "m.ply"
    sitk.WriteImage(sitk.GetImageFromArray((BALL < 0).astype(np.uint8) * 255), str(path))
    extract(path, "-o", out, "--level", 127.5)
    assert load(out).is_watertight


def test_dicom_folder(extract, tmp_path):
    folder, out = tmp_path / "series", tmp_path / "m.ply"
    folder.mkdir()
    slices = ((BALL < 0) * 1000).astype(np.int16)
    for z, plane in enumerate(slices):
        image = sitk.GetImageFromArray(plane)
        image.SetSpacing([0.5, 0.5])
        for tag, value in {
            "0008|0060": "CT",
            "0020|000e": "1.2.826.0.1.3680043.2.1125.1",
            "0020|0013": str(z),
            "0020|0032": f"0\\0\\{2 * z}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0018|0050": "2",
        }.items():
            image.SetMetaData(tag, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"{z:03}.dcm"))
        writer.Execute(image)
    extract(folder, "-o", out, "--level", 500)
    mesh = load(out)
    assert mesh.is_watertight
    extent = mesh.bounds[1] - mesh.bounds[0]
    assert np.allclose(extent, [2 * RADIUS * 0.5, 2 * RADIUS * 0.5, 2 * RADIUS * 2], atol=2)


def write_archives(folder):
    """Write archives that are cut off, damaged in the middle, or hold no array."""
    np.savez_compressed(folder / "whole.npz", a=BALL)
    whole = (folder / "whole.npz").read_bytes()
    (folder / "short.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "damaged.npz").write_bytes(whole[:1000] + b"\xff" * 1000 + whole[2000:])
    np.savez(folder / "checksum.npz", a=BALL)
    stored = bytearray((folder / "checksum.npz").read_bytes())
    stored[len(stored) // 2] ^= 0xFF
    (folder / "checksum.npz").write_bytes(stored)
    np.save(folder / "short.npy", BALL)
    (folder / "short.npy").write_bytes((folder / "short.npy").read_bytes()[:-9])
    np.savez(folder / "objects.npz", a=np.array([None]))
    np.savez(folder / "none.npz")
    with zipfile.ZipFile(folder / "readme.npz", "w") as archive:
        archive.writestr("readme.txt", "no array")


def errors(tmp_path):
    np.save(tmp_path / "flat.npy", np.ones((3, 4)))
    np.save(tmp_path / "constant.npy", np.ones((3, 4, 5)))
    np.save(tmp_path / "complex.npy", np.ones((3, 4, 5), complex))
    np.save(tmp_path / "infinite.npy", np.where(BALL < 0, -np.inf, 1.0))
    np.save(tmp_path / "nan.npy", np.where(BALL < -7.4, np.nan, BALL))
    np.save(tmp_path / "ball.npy", BALL)
    (tmp_path / "broken.npy").write_bytes(b"not numpy")
    write_archives(tmp_path)
    (tmp_path / "text.nii").write_text("not an image")
    (tmp_path / "empty").mkdir()
    low, high = BALL.min(), BALL.max()
    names = ", ".join(fields.FIELDS)
    return [
        ("nope", "m.ply", f"INPUT must be a file or one of the samples {names}, got nope"),
        ("ball.npy", "m.xyz", "--output must end in one of .ply, .obj, .stl, .glb, got {}/m.xyz"),
        ("ball.npy", "no/m.ply", "--output must lie in a folder that exists, got {}/no/m.ply"),
        ("flat.npy", "m.ply", "INPUT must hold a volume of 3 dimensions, got shape (3, 4) in {}/flat.npy"),
        ("constant.npy", "m.ply", "INPUT must hold more than one value to choose a level from, got only 1"),
        ("complex.npy", "m.ply", "vol must have a real dtype, got complex128"),
        ("infinite.npy", "m.ply", "--level must be given for a volume with samples from -inf to 1"),
        ("nan.npy", "m.ply", "vol must not contain NaN, got {n} NaN samples, the first at vol{at}"),
        ("broken.npy", "m.ply", "cannot read {}/broken.npy: "),
        ("short.npy", "m.ply", "cannot read {}/short.npy: "),
        ("short.npz", "m.ply", "cannot read {}/short.npz: "),
        ("damaged.npz", "m.ply", "cannot read {}/damaged.npz: "),
        ("checksum.npz", "m.ply", "cannot read {}/checksum.npz: "),
        ("objects.npz", "m.ply", "cannot read {}/objects.npz: "),
        ("none.npz", "m.ply", "INPUT must hold an array, got none in {}/none.npz"),
        ("readme.npz", "m.ply", "--key must name an array, got readme.txt in {}/readme.npz"),
        ("text.nii", "m.ply", "cannot read {}/text.nii: "),
        ("empty", "m.ply", "INPUT must be a folder with one DICOM series, got 0 in {}/empty"),
        ("ball.npy --level 99", "m.ply",
         f"no surface: --level 99 (as given) parts no samples of {low:g} to {high:g}"),
        ("ball.npy --level nan", "m.ply", "thresh must not be NaN, got nan"),
    ]  # fmt: skip


def test_errors_are_one_line_and_leave_no_file(extract, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nan = np.argwhere(BALL < -7.4)
    for source, out, text in errors(tmp_path):
        name, *options = source.split()
        given = tmp_path / name if (tmp_path / name).exists() else name
        result = extract(given, *options, "-o", tmp_path / out, code=2)
        at = [int(k) for k in nan[0]]
        want = "error: " + text.replace("{}", str(tmp_path)).replace("{n}", str(len(nan)))
        assert result.stderr.startswith(want.replace("{at}", str(at))), result.stderr
        assert result.stderr.count("\n") == 1
        assert not list(tmp_path.glob("*.ply")) + list(tmp_path.glob(".*.part"))


def test_no_gpu(extract, ball_file, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    result = extract(ball_file, "-o", tmp_path / "m.ply", "--level", 0, "--device", "cuda", code=1)
    assert result.stderr == ("error: --device must be one this machine has, got cuda: torch sees no GPU\n")


def test_full_disk_keeps_the_old_file(extract, ball_file, tmp_path, monkeypatch):
    out = tmp_path / "m.ply"
    out.write_bytes(b"old")

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(trimesh.Trimesh, "export", full)
    result = extract(ball_file, "-o", out, "--level", 0, code=1)
    assert result.stderr == f"error: cannot write {out}: No space left on device\n"
    assert out.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ball.npy", "m.ply"]


def test_size_limit_of_a_real_file_system(ball_file, tmp_path):
    resource = pytest.importorskip("resource")
    out = tmp_path / "m.ply"
    done = subprocess.run(
        [sys.executable, "-m", "torchmcubes_bw", "extract", ball_file, "-o", out, "--level", "0"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == f"error: cannot write {out}: File too large\n"
    assert [p.name for p in tmp_path.iterdir()] == ["ball.npy"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_nothing(number, tmp_path):
    out = tmp_path / "m.ply"
    code = (
        "import time, trimesh\n"
        "from torchmcubes_bw.cli.app import app\n"
        "trimesh.Trimesh.export = lambda *_, **__: (print('writing', flush=True), time.sleep(60))\n"
        f"app(['extract', 'sphere', '-o', {str(out)!r}, '--size', '16'])\n"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                           stderr=subprocess.DEVNULL)  # fmt: skip
    assert run.stdout.readline() == "writing\n"
    assert list(tmp_path.iterdir()) != []  # the temporary file
    run.send_signal(number)
    begin = time.monotonic()
    assert run.wait(timeout=30) != 0
    run.stdout.close()
    assert time.monotonic() - begin < 30
    assert list(tmp_path.iterdir()) == []


def test_missing_extras(extract, tmp_path, monkeypatch, run_python):
    image = tmp_path / "ball.nii"
    image.write_bytes(b"")
    find = reading.importlib.util.find_spec
    monkeypatch.setattr(reading.importlib.util, "find_spec", lambda n: None if n == "SimpleITK" else find(n))
    result = extract(image, "-o", tmp_path / "m.ply", code=1)
    assert result.stderr == (f"error: reading {image} needs SimpleITK: pip install 'torchmcubes-bw[io]'\n")
    hide = (
        "import importlib.util as u; f = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n in ('typer', 'rich') else f(n, *a)\n"
        "from torchmcubes_bw.cli import main; main()"
    )
    done = run_python(hide, check=False)
    assert done.returncode == 1
    assert done.stderr == ("error: the command line needs typer, rich: pip install 'torchmcubes-bw[cli]'\n")


def test_program_itself():
    for program in (["torchmcubes-bw"], [sys.executable, "-m", "torchmcubes_bw"]):
        program[0] = str(Path(sys.executable).parent / program[0])
        done = subprocess.run([*program, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"torchmcubes-bw {__version__}\n"


def test_fields_refuse_what_they_do_not_know():
    with pytest.raises(ValueError, match=r"name must be one of metaballs, .*, got cube"):
        fields.sample("cube", 8)
    with pytest.raises(ValueError, match="size must be at least 2, got 1"):
        fields.sample("sphere", 1)


@pytest.mark.parametrize("name", fields.FIELDS)
def test_fields_meet_their_level_on_no_sample(name):
    vol = fields.sample(name, 65)
    level = fields.FIELDS[name].level
    assert vol.shape == (65, 65, 65)
    assert not (vol == level).any()
    assert (vol < level).any()
    assert (vol > level).any()
    assert vol.isfinite().all()
