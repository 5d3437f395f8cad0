# SPDX-License-Identifier: MIT
"""`torchmcubes-bw bench` and what it measures with."""

import json

import pytest
import torch
from torchmcubes_bw import marching_cubes, measure
from torchmcubes_bw.cli.app import app
from typer.testing import CliRunner


def run(*arguments, code=0):
    result = CliRunner().invoke(app, ["bench", *arguments])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


def test_table():
    output = run("--size", "16", "--size", "24", "--field", "sphere").stdout
    assert output.count("sphere") == 2
    assert "limit" in output


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_json(dtype):
    report = json.loads(run("--size", "32", "--field", "sphere", "--dtype", dtype, "--json").stdout)
    entry = report["results"][0]
    assert (entry["field"], entry["size"], entry["dtype"]) == ("sphere", 32, dtype)
    assert entry["vertices"] > 1000
    assert len(entry["seconds"]) == 9
    assert 0 < entry["limit"] < entry["median"]
    assert report["machine"]["torch"] == torch.__version__


def test_errors():
    assert run("--field", "cube", code=2).stderr.startswith("error: --field must be one of metaballs")
    assert run("--size", "1", code=2).stderr == "error: --size must be at least 2, got 1\n"
    assert run("--dtype", "half", code=2).stderr.startswith("error: --dtype must be one of float32, ")
    many = str(10**6)  # 4e18 bytes
    assert run("--size", many, code=1).stderr == f"error: --size must be one that memory holds, got {many}\n"


@pytest.mark.parametrize(
    "kind, text, asked",
    [
        (ValueError, "int64, got nope", {"dtype": "nope"}),
        (ValueError, "int64, got bool", {"dtype": "bool"}),
        (ValueError, "int64, got Tensor", {"dtype": "Tensor"}),
        (TypeError, "runs must be an integer, got float", {"runs": 1.5}),
        (ValueError, "runs must be at least 1, got 0", {"runs": 0}),
        (ValueError, "bandwidth must be above 0 or None, got 0", {"bandwidth": 0}),
        (ValueError, "bandwidth must be above 0 or None, got nan", {"bandwidth": float("nan")}),
    ],
)
def test_what_measure_refuses(kind, text, asked):
    with pytest.raises(kind, match=f"{text}$"):
        measure.measure("sphere", 8, **asked)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float16"])
def test_every_type_of_samples_has_the_same_surface(dtype):
    counts = {
        measure.measure("metaballs", 32, dtype=each, runs=1, bandwidth=1e9).vertices
        for each in (dtype, "float32")
    }
    assert len(counts) == 1


def test_peak_memory_sees_what_a_call_takes():
    peak = measure.peak_memory(lambda: torch.ones(2**24))  # 64 MiB
    if peak is None:
        pytest.skip("this system does not tell a process's peak")
    assert 60 * 2**20 < peak < 80 * 2**20


def test_extra_memory_is_within_an_eighth_of_the_volume():
    vol = torch.ones(192, 192, 192)
    vol[96:, 60:, 60:] = -1
    verts, faces = marching_cubes(vol, 0.0)
    peak = measure.peak_memory(lambda: marching_cubes(vol, 0.0))
    if peak is None:
        pytest.skip("this system does not tell a process's peak")
    assert peak - measure.mesh_bytes(verts, faces) < vol.nbytes / 8
