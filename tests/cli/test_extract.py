# SPDX-License-Identifier: MIT
"""`torchmcubes-bw extract`, from what is typed to what lies on the disk."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh
import volumes
from torchmcubes_bw import __version__, fields
from torchmcubes_bw.cli import target
from torchmcubes_bw.cli.app import app
from torchmcubes_bw.cli.scan.sample_names import SAMPLES
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
        rf"{'closed' if closed else 'open'}, bounds \S+ x \S+ x \S+, \d+\.\d\d s\n$",
        result.output,
    )


@pytest.mark.parametrize("kind", target.FORMATS)
def test_formats(kind, extract, ball_file, tmp_path):
    out = tmp_path / f"ball.{kind.upper()}"
    extract(ball_file, "-o", out, "--level", 0)
    mesh = load(out)
    if kind == "stl":  # the format holds no shared vertices
        mesh.merge_vertices()
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.02)
    centre = [13.2, 11.3, -12.1] if kind == "glb" else [13.2, 12.1, 11.3]  # there +Y is up
    assert np.allclose(mesh.bounds.mean(axis=0), centre, atol=0.01)


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
    np.save(tmp_path / "empty.npy", np.ones((3, 0, 4)))
    np.save(tmp_path / "one.npy", np.random.default_rng(0).random((1, 4, 5)))
    np.save(tmp_path / "allnan.npy", np.full((3, 4, 5), np.nan))
    np.save(tmp_path / "complex.npy", np.ones((3, 4, 5), complex))
    np.save(tmp_path / "infinite.npy", np.where(BALL < 0, np.inf, 1.0))
    np.save(tmp_path / "nan.npy", np.where(BALL < -7.4, np.nan, BALL))
    np.save(tmp_path / "ball.npy", BALL)
    (tmp_path / "broken.npy").write_bytes(b"not numpy")
    write_archives(tmp_path)
    (tmp_path / "text.nii").write_text("not an image")
    (tmp_path / "empty").mkdir()
    low, high = BALL.min(), BALL.max()
    names = ", ".join(SAMPLES)
    return [
        ("nope", "m.ply", f"INPUT must be a file or one of the samples {names}, got nope"),
        ("ball.npy", "m.xyz", "--output must end in one of .ply, .obj, .stl, .glb, got {}/m.xyz"),
        ("ball.npy", "no/m.ply", "--output must lie in a folder that exists, got {}/no/m.ply"),
        ("flat.npy", "m.ply", "INPUT must hold a volume of 3 dimensions, got shape (3, 4) in {}/flat.npy"),
        ("constant.npy", "m.ply", "INPUT must hold more than one value to choose a level from, got only 1"),
        ("complex.npy", "m.ply", "INPUT must hold real numbers, got complex128 in {}/complex.npy"),
        ("empty.npy", "m.ply", "INPUT must have no empty side, got shape (3, 0, 4) in {}/empty.npy"),
        ("one.npy --level 0.5", "m.ply",
         "no surface: a volume needs two samples a side, got shape (1, 4, 5) (z has 1)"),
        ("allnan.npy --nan skip", "m.ply", "INPUT must have valid samples, got none: all are NaN or masked"),
        ("infinite.npy", "m.ply", "--level must be given for a volume with samples from 1 to inf"),
        ("nan.npy", "m.ply", "INPUT must not contain NaN, got {n} NaN samples, the first at {at}: "
         "--nan skip leaves them out, --nan VALUE takes a value in their place"),
        ("broken.npy", "m.ply", "cannot read {}/broken.npy: "),
        ("short.npy", "m.ply", "cannot read {}/short.npy: "),
        ("short.npz", "m.ply", "cannot read {}/short.npz: "),
        ("damaged.npz", "m.ply", "cannot read {}/damaged.npz: "),
        ("checksum.npz", "m.ply", "cannot read {}/checksum.npz: "),
        ("objects.npz", "m.ply", "cannot read {}/objects.npz: "),
        ("none.npz", "m.ply", "INPUT must hold an array, got none in {}/none.npz"),
        ("readme.npz", "m.ply", "--key must name an array, got readme.txt in {}/readme.npz"),
        ("text.nii", "m.ply", "cannot read {}/text.nii: "),
        ("empty", "m.ply", "INPUT must be a folder with DICOM images, got none in {}/empty"),
        ("ball.npy --level 99", "m.ply",
         f"no surface: --level 99 (as given) parts no samples of {low:g} to {high:g}"),
        ("ball.npy --level nan", "m.ply", "--level must be a number, got nan"),
        ("nan.npy --nan x", "m.ply", "--nan must be skip or a number, got x"),
        ("ball.npy --nan x", "m.ply", "--nan must be skip or a number, got x"),
        ("ball.npy --spacing 1,2", "m.ply", "--spacing must be three numbers x,y,z, got 1,2"),
        ("ball.npy --spacing 1,2,0", "m.ply", "--spacing must be above 0, got 1,2,0"),
        ("ball.npy --origin 1,2,inf", "m.ply", "--origin must be three numbers x,y,z, got 1,2,inf"),
        ("ball.npy --shape 3,4", "m.ply", "--shape must be three integers Nz,Ny,Nx above 0, got 3,4"),
        ("ball.npy --units ft", "m.ply", "--units must be one of m, cm, mm, um, nm, angstrom, got ft"),
        ("ball.npy --ras", "m.ply", "--ras needs an INPUT that says where left and right are"),
        ("ball.npy --ras --lps", "m.ply", "--ras and --lps are two choices of the same: leave one out"),
        ("ball.npy --simplify 2", "m.ply", "--simplify must be between 0 and 1, got 2"),
        ("ball.npy --device tpu", "m.ply", "--device must be auto, cpu, cuda or cuda:N, got tpu"),
        ("ball.npy --label 1 --labels all", "m.ply",
         "--label and --labels are two choices of the same: leave one out"),
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


@pytest.mark.parametrize("dtype", ["c8", "i4,f4", "U3", "S2", "M8[s]", "m8[s]", "V3"])
def test_dtypes_that_are_no_samples(dtype, extract, tmp_path):
    path = tmp_path / "odd.npy"
    np.save(path, np.zeros((3, 4, 5), dtype))
    result = extract(path, "-o", tmp_path / "m.ply", code=2)
    assert result.stderr == f"error: INPUT must hold real numbers, got {np.load(path).dtype} in {path}\n"


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="a double is the longest there")
@pytest.mark.parametrize("option", [(), ("--mask", "ball.npy"), ("--colour", "long.npy")])
def test_long_doubles(option, extract, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("ball.npy", BALL.astype(np.float64))
    np.save("long.npy", BALL.astype(np.longdouble))
    output = extract("long.npy", "-o", "m.ply", "--level", 0, *option).output
    assert f"samples of {np.dtype(np.longdouble)} are taken as float64\n" in output
    extract("ball.npy", "-o", "n.ply", "--level", 0)
    if not option:
        assert np.array_equal(load("m.ply").vertices, load("n.ply").vertices)


def test_devices(extract, ball_file, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for wanted in ("cuda", "cuda:1"):
        result = extract(ball_file, "-o", tmp_path / "m.ply", "--device", wanted, code=1)
        want = f"error: --device must be one this machine has, got {wanted}: torch sees no GPU\n"
        assert result.stderr == want
    assert "below it, on the CPU\n" in extract(ball_file, "-o", tmp_path / "m.ply").output


def test_the_samples_are_known_without_torch():
    assert set(SAMPLES) == set(fields.FIELDS)


def test_usage_needs_no_torch(run_python):
    """Help, versions and errors of usage: nobody waits a second for these."""
    usages = (
        ["--help"],
        ["extract", "--help"],
        ["extract", "nope", "-o", "m.ply"],
        ["view", "sphere", "--png", "m"],
    )
    for arguments in usages:
        code = (
            "import sys\nfrom torchmcubes_bw.cli import main\n"
            f"sys.argv[1:] = {arguments!r}\n"
            "try:\n    main()\nexcept SystemExit:\n    pass\n"
            "print('torch' in sys.modules, file=sys.stderr)"
        )
        assert run_python(code, check=False).stderr.splitlines()[-1] == "False", arguments


def test_names_are_shown_escaped(extract, tmp_path):
    result = extract(tmp_path / "a\x1b[31mb\nc.npy", "-o", tmp_path / "m.ply", code=2)
    assert "\x1b" not in result.stderr
    assert "a\\x1b[31mb c.npy" in result.stderr
    assert result.stderr.count("\n") == 1


def test_missing_extras(run_python):
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


@pytest.mark.parametrize(
    ("command", "option", "got"),
    [
        ("doctor --every x", "--every", "x"),
        ("bench --size 1.5", "--size", "1.5"),
        ("extract metaballs -o m.ply --level high", "--level", "high"),
        ("extract metaballs -o m.ply --size 1", "--size", "1"),
        ("extract metaballs -o m.ply --inside up", "--inside", "up"),
        ("extract metaballs", "--output", ""),
        ("view --nothing", "--nothing", ""),
        ("nothing", "nothing", ""),
    ],
)
def test_an_error_of_usage_is_one_line(command, option, got):
    result = CliRunner().invoke(app, command.split())
    assert result.exit_code == 2
    assert re.fullmatch(r"error: [^\n]+\n", result.stderr)
    assert option in result.stderr
    assert got in result.stderr.partition(option)[2]


def test_no_arguments_show_the_help():
    assert "Usage: " in CliRunner().invoke(app, []).output
