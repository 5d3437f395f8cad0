# SPDX-License-Identifier: MIT
"""The benchmark: what it takes for a right mesh, what it survives, and what its report says."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torchmcubes_bw import fields, marching_cubes
from typer.testing import CliRunner

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT))  # benchmarks/ is not installed

from benchmarks import __main__ as program  # noqa: E402
from benchmarks import check, memory, report, rivals, run, volumes  # noqa: E402
from benchmarks.rivals import OURS, Rival  # noqa: E402

CASE = ("sphere", 24, "float32")
FLIP = np.array([1.0, 1.0, 1.3])


def mesh():
    return tuple(part.numpy() for part in marching_cubes(fields.sample("sphere", 24), 0.0))


def differences(verts, faces, **options):
    want = check.facts(mesh(), closed=True)
    return check.differences(check.facts((verts, faces), closed=True), want, same_counts=True, **options)


def test_the_same_mesh_passes_with_its_axes_reversed_too():
    verts, faces = mesh()
    assert differences(verts, faces) == {}
    assert differences(verts[:, ::-1], faces) == {}


@pytest.mark.parametrize(
    "change, kinds",
    [
        (lambda v, f: (v, f[1:]), {"closed": "not closed, 3 border edges"}),
        (lambda v, f: (np.concatenate([v, v[:1]]), f), {"vertices": None}),
        (lambda v, f: (v, f[: len(f) // 2]), {"faces": None, "closed": None, "volume": None, "area": None}),
        (lambda v, f: (v * np.float32(1.004), f), {"volume": None, "area": None}),
        (lambda v, f: (v * FLIP, f), {"volume": None, "area": None, "box": None}),
    ],
)
def test_a_wrong_mesh_does_not_pass(change, kinds):
    found = differences(*change(*mesh()))
    assert found.keys() == kinds.keys()
    assert {kind: found[kind] for kind, text in kinds.items() if text} == {
        k: t for k, t in kinds.items() if t
    }


def test_noise_may_have_a_little_more_area():
    verts, faces = mesh()
    assert "area" in differences(verts * np.float32(1.004), faces)
    assert "area" not in differences(verts * np.float32(1.004), faces, noise=True)


def ours(name=OURS, **options):
    def ready(vol, level):
        return lambda: marching_cubes(vol, level)

    return Rival(name, ready, {}, reads=volumes.DTYPES, **options)


def failing(when):
    """Return a rival whose call of that number fails."""

    def ready(vol, level):
        calls = iter(range(1000))

        def extract():
            if next(calls) >= when:
                raise RuntimeError("out of\nluck | today")
            return marching_cubes(vol, level)

        return extract

    return Rival("failing", ready, {})


@pytest.mark.parametrize("when", [0, 3])
def test_a_rival_that_fails_does_not_stop_the_others(when):
    mine, fails, last = run.run_case(CASE, "cpu", [ours(), failing(when), ours("last")], 1.0)
    assert fails["fault"] == "failed: out of luck | today"
    assert fails["seconds"] == []
    assert mine["fault"] is last["fault"] is None
    assert len(mine["seconds"]) == len(last["seconds"]) == 25


def test_a_wrong_mesh_has_no_time_unless_the_library_is_known_for_it():
    def ready(vol, level):
        verts, faces = marching_cubes(vol, level)
        return lambda: (verts, faces[1:])

    wrong, known = Rival("wrong", ready, {}), Rival("known", ready, {}, tolerates=("closed",))
    _, wrong, known = run.run_case(CASE, "cpu", [ours(), wrong, known], 1.0)
    assert wrong["fault"] == "wrong mesh: not closed, 3 border edges"
    assert wrong["seconds"] == []
    assert known["fault"] is None
    assert known["remark"] == "not closed, 3 border edges"
    assert known["seconds"]


def test_a_rival_is_given_a_type_it_reads():
    given = []

    def ready(vol, level):
        given.append(vol.dtype)
        return lambda: marching_cubes(vol, level)

    natively, widened = Rival("a", ready, {}, reads=("float32", "int16")), Rival("b", ready, {})
    results = run.run_case(("sphere", 24, "int16"), "cpu", [ours(), natively, widened], 1.0)
    assert given == [torch.int16, torch.float32]
    assert [entry["given"] for entry in results] == ["int16", "int16", "float32"]


def test_what_is_set_before_a_call_is_set_before_every_turn():
    state = []
    first, second = (ours(name, before=lambda name=name: state.append(name)) for name in ("a", "b"))
    run.run_case(CASE, "cpu", [first, second], 1.0)
    assert state[-2:] == ["a", "b"]


def test_a_rival_is_left_out_before_it_takes_memory_that_is_not_there(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda _="cpu": 30 * 24**3)
    hungry = Rival("hungry", lambda *_: pytest.fail("was made ready"), {}, ready_bytes=32)
    _, entry = run.run_case(CASE, "cpu", [ours(), hungry], 1.0)
    assert entry["fault"].startswith("left out: would take some 0.00041 GiB more, 0.00039 are free")


def test_a_slow_rival_is_left_out_by_a_small_volume(monkeypatch):
    monkeypatch.setattr(run, "_SECONDS_A_CALL", 1e-9)
    assert [e["fault"][:20] for e in run.run_case(("sphere", 64, "float32"), "cpu", [ours()], 1.0)] == [
        "left out: a call wou"
    ]


def test_a_case_says_what_it_needs():
    volume = 4 * 128**3
    assert volume < volumes.bytes_needed(("sphere", 128, "float32")) < 4 * volume
    assert volumes.bytes_needed(("noise", 128, "float32")) > 10 * volume


def test_cases():
    planned = volumes.cases(None, [64, 256, 1024], ["float32", "int16"])
    assert [case for case in planned if case[0] == "gyroid"] == [
        ("gyroid", 64, "float32"),
        ("gyroid", 256, "float32"),
        ("gyroid", 256, "int16"),
        ("gyroid", 1024, "float32"),
    ]
    assert {case[0] for case in planned} == {*fields.FIELDS, "mni152"}
    assert [case for case in planned if case[0] == "sphere"] == [("sphere", 256, "float32")]
    assert volumes.cases(["mni152", "sphere"], [32, 64], ["float16", "int16"]) == [
        ("sphere", 32, "float16"),
        ("sphere", 64, "float16"),
        ("sphere", 64, "int16"),
        ("mni152", 233, "float32"),
    ]


def test_an_adapter_that_fails_is_skipped_with_its_reason(monkeypatch):
    from benchmarks.rivals import scikit_image

    def broken(_):
        raise OSError("libsomething.so: cannot open shared object file")

    monkeypatch.setattr(scikit_image, "rivals", broken)
    found, missing = rivals.all_rivals(1, "cpu")
    assert found[0].name == OURS
    assert missing["scikit_image"] == "libsomething.so: cannot open shared object file"


def invoke(*arguments, code=0):
    result = CliRunner().invoke(program.app, list(arguments), env={"COLUMNS": "400", "NO_COLOR": "1"})
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.output


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["--sizes", "abc"], "must be whole numbers from 2 on, separated by commas, got abc"),
        (["--sizes", "64,1"], "must be whole numbers from 2 on, separated by commas, got 64,1"),
        (
            ["--fields", "cube"],
            "must be of metaballs, sphere, gyroid, shells, density, noise, mni152, got cube",
        ),
        (["--dtypes", "half"], "must be of float32, float64, float16, bfloat16, int32, int16, got half"),
        (["--device", "tpu"], "must be cpu, or cuda where torch sees a GPU, got tpu"),
        (["--out", "nowhere/cpu.json"], "must lie in a folder that exists, got nowhere/cpu.json"),
    ],
)
def test_errors(arguments, text):
    assert text in invoke(*arguments, code=2)


@pytest.fixture
def only_ours(monkeypatch):
    monkeypatch.setattr(program, "all_rivals", lambda *_: ([ours()], {"gone": "not installed"}))
    monkeypatch.setattr(program, "_bandwidths", lambda *_: {"copy_gb_s": 10.0, "read_gb_s": 20.0})


@pytest.mark.usefixtures("only_ours")
def test_against_nobody():
    assert "must be part of a name among torchmcubes-bw; got gone (gone: not installed)" in invoke(
        "--against", "gone", code=2
    )


@pytest.mark.usefixtures("only_ours")
def test_the_file_grows_with_every_case_and_outlives_a_failure(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nilearn.datasets", None)  # as if it were not installed
    out = tmp_path / "cpu.json"
    states = []

    def failing_case(case, *others):
        states.append(json.loads(out.read_text("utf-8"))["finished"] if out.exists() else None)
        if case[0] == "gyroid":
            raise MemoryError
        return run.run_case(case, *others)

    monkeypatch.setattr(program, "run_case", failing_case)
    invoke(
        "--quick",
        "--sizes",
        "32",
        "--fields",
        "sphere,gyroid,mni152",
        "--dtypes",
        "float32",
        "--out",
        str(out),
    )
    written = json.loads(out.read_text("utf-8"))
    assert states == [None, False, False]
    assert written["finished"]
    assert [entry["field"] for entry in written["results"]] == ["sphere"]
    assert [(c["field"], c["reason"].split(";")[0]) for c in written["left_out"]] == [
        ("gyroid", "failed: MemoryError"),
        ("mni152", "skipped: import of nilearn.datasets halted"),
    ]
    assert list(tmp_path.iterdir()) == [out]
    page = report.benchmarks_page(written)
    assert "## sphere 32³" in page
    assert "- gyroid 32³: failed: MemoryError" in page


@pytest.mark.usefixtures("only_ours")
def test_no_case_is_begun_when_the_time_is_up():
    written = json.loads(
        CliRunner()
        .invoke(program.app, ["--quick", "--sizes", "32", "--fields", "sphere", "--minutes", "0"])
        .stdout
    )
    assert {case["reason"] for case in written["left_out"]} == {"left out: the run's time was up"}


STUB = """
import torchmcubes_bw
grid_interp = torchmcubes_bw.grid_interp
def marching_cubes(vol, level):
    if level > 100:
        raise ValueError("no such level")
    verts, faces = torchmcubes_bw.marching_cubes(vol, level)
    return verts, faces[1:]
"""
WITH_ORIGINAL = """
import json, sys
sys.path.append({root!r})
from benchmarks.rivals import all_rivals
from benchmarks.run import run_case
from benchmarks.grid_interp import run_grid_interp
from torchmcubes_bw import fields
rivals = [r for r in all_rivals(1, "cpu")[0] if r.name.startswith("torchmcubes")]
results = run_case(("sphere", 24, "float32"), "cpu", rivals, 1.0)
try:
    rivals[1].ready(fields.sample("sphere", 24), 200.0)()
except RuntimeError as error:
    print(error, file=sys.stderr)
print(json.dumps([results, run_grid_interp(rivals, "cpu", 16, 100), rivals[1].versions]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the other environment is a shell script here")
def test_the_original_is_measured_in_its_own_environment(tmp_path, run_python):
    (tmp_path / "torchmcubes-9.9.dist-info").mkdir()
    (tmp_path / "torchmcubes-9.9.dist-info" / "METADATA").write_text("Name: torchmcubes\nVersion: 9.9\n")
    (tmp_path / "torchmcubes.py").write_text(STUB)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    told = run_python(WITH_ORIGINAL.format(root=str(ROOT)), check=False, TORCHMCUBES_PYTHON=str(python))
    assert told.returncode == 0, told.stderr
    (_, original), interpolated, versions = json.loads(told.stdout.splitlines()[-1])
    assert versions == {"torchmcubes, the original": "9.9"}
    assert original["fault"] is None
    assert original["remark"] == "not closed, 3 border edges"
    assert original["seconds"]
    assert interpolated["faults"] == {}
    assert len(interpolated["seconds"]["torchmcubes, the original"]) == 9
    assert "no such level" in told.stderr


def entry(rival, case, ms, **more):
    field, size, dtype = case
    about = {"field": field, "size": size, "dtype": dtype, "given": "float32", "rival": rival}
    counted = {
        "voxels": size**3,
        "bytes": 4 * size**3,
        "vertices": 10,
        "faces": 20,
        "extra_bytes": size**3 // 8,
    }
    return {**about, **counted, "fault": None, "remark": None, "seconds": [ms / 1e3] * 5, **more}


def a_report():
    results = []
    for case in report.GOAL_CASES:
        results += [entry(OURS, case, 5.0), entry("VTK Flying Edges, 2 thr.", case, 30.0)]
        results += [entry("scikit-image lewiner", case, 160.0, remark="not quite")]
        results += [entry("PyMCubes", case, 0.0, seconds=[], fault="left out: a call would take some 13 s")]
    results.append(entry(OURS, ("gyroid", 256, "int16"), 4.0, given="int16"))
    results.append(entry("PyMCubes", ("gyroid", 256, "int16"), 400.0))
    machine = {"cpu": "A CPU", "threads": 2, "cores": 4, "memory_gib": 8, "simd": "avx2", "device": "cpu"}
    machine |= {"copy_gb_s": 20.0, "read_gb_s": 30.0, "python": "3", "torch": "2", "gpus": []}
    interpolated = {
        "channels": 3,
        "size": 256,
        "points": 10,
        "seconds": {OURS: [0.1]},
        "faults": {"x": "failed: y"},
    }
    return {
        "machine": machine,
        "versions": {"vtk": "9"},
        "commit": "abc",
        "finished": True,
        "skipped": {"cubvh": "no GPU"},
        "results": results,
        "left_out": [{"field": "noise", "size": 256, "dtype": "float32", "reason": "left out: too big"}],
        "grid_interp": interpolated,
    }


def test_the_page():
    lines = report.benchmarks_page(a_report()).splitlines()
    assert (
        "| VTK Flying Edges, 2 thr.: at least 5 times our time | **6.0** | **6.0** | **6.0** | **6.0** |"
        in lines
    )
    assert "| PyMCubes: at least 35 times | - | - | - | - |" in lines
    assert "| at most 2 times the limit; 3 for the gyroid | **1.5** | **0.2** | **1.5** | **0.2** |" in lines
    assert "| torchmcubes-bw | 5.00 | 0 % | 5 | 1.0 | 3355 | 0.0 | 1.5 | 2.0 |" in lines
    assert "| scikit-image lewiner † | 160.00 | 0 % | 5 | 32.0 | 105 | 0.0 | 47.7 | 2.0 |" in lines
    assert "† scikit-image lewiner: not quite." in lines
    assert "| PyMCubes | left out: a call would take some 13 s | | | | | | | |" in lines
    assert any(line.startswith("| PyMCubes (float32) | 400.00 |") for line in lines)
    assert "| x | failed: y | |" in lines
    assert "- noise 256³: left out: too big" in lines


def test_device_time_has_a_column_of_its_own():
    cuda = a_report()
    cuda["machine"] |= {"device": "cuda", "gpus": ["A GPU"]}
    cuda["results"][0]["device_seconds"] = [0.004]
    page = report.benchmarks_page(cuda, "_cuda")
    assert "| times the limit | extra MiB | device ms |" in page
    assert "| torchmcubes-bw | 5.00 | 0 % | 5 | 1.0 | 3355 | 0.0 | 1.5 | 2.0 | 4.000 |" in page
    assert "A GPU; A CPU, 2 threads of 4" in page
    assert "benchmark_cuda_time.svg" in page


def test_the_report_writes_what_its_check_accepts(tmp_path):
    pytest.importorskip("matplotlib")
    source, readme = tmp_path / "cpu.json", tmp_path / "README.md"
    source.write_text(json.dumps(a_report()))
    (tmp_path / "docs").mkdir()
    readme.write_text((ROOT / "README.md").read_text("utf-8"), "utf-8")
    arguments = [str(source), "--root", str(tmp_path)]
    runner = CliRunner()
    assert runner.invoke(report.app, arguments).exit_code == 0
    assert sorted(path.name for path in (tmp_path / "docs" / "images").iterdir()) == [
        "benchmark_memory.svg",
        "benchmark_time.svg",
    ]
    text = readme.read_text("utf-8")
    assert "6.0 times as fast as VTK's Flying Edges on the same" in text
    assert "32 times as fast as scikit-image" in text
    assert "0.2 to 1.5 times what reading the volume" in text.replace("\n ", "")
    assert runner.invoke(report.app, [*arguments, "--check"]).exit_code == 0
    readme.write_text(text.replace("6.0 times as fast", "60 times as fast"), "utf-8")
    assert runner.invoke(report.app, [*arguments, "--check"]).exit_code == 1


def test_a_document_without_the_markers_is_not_taken_for_current():
    with pytest.raises(SystemExit, match="must have one <!-- speed -->"):
        report.between("nothing here", "speed", "new")
