# SPDX-License-Identifier: MIT
"""The GPU benchmark's reckoning and bookkeeping, which need no GPU."""

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.autograd import DeviceType

PATH = Path(__file__).parent.parent.parent / "benchmarks" / "gpu.py"


@pytest.fixture
def gpu(monkeypatch):
    spec = importlib.util.spec_from_file_location("benchmarks_gpu", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "CASES", [("metaballs", 64), ("gyroid", 64)])
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    return module


def result(field, device=2e-3):
    counts = {"size": 64, "vertices": 7, "faces": 8, "bytes": 10**9}
    memory = {"scratch_bytes": 2**16, "peak_bytes": 2**18}
    return {
        "field": field,
        **counts,
        "limit": 1e-3,
        "seconds": [5e-3, 3e-3, 4e-3],
        "device": device,
        **memory,
    }


def event(name, microseconds, device=DeviceType.CUDA):
    elapsed = SimpleNamespace(elapsed_us=lambda: microseconds)
    return SimpleNamespace(name=name, device_type=device, time_range=elapsed)


def test_device_time_is_our_kernels(gpu):
    events = [event("mc_count", 3), event("mc_count", 5), event("mc_scan", 4), event("Memset (Device)", 90)]
    events += [event("at::fill", 50), event("mc_count", 70, DeviceType.CPU)]
    assert gpu.kernel_seconds(events, 2) == pytest.approx({"mc_count": 4e-6, "mc_scan": 2e-6})


def test_a_case_that_fails_costs_no_other(gpu, monkeypatch, tmp_path):
    def run_case(field, _size):
        if field == "metaballs":
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.\nand much more")
        assert json.loads((tmp_path / "gpu.json").read_text())["failed"]  # written after the first case
        return result(field)

    monkeypatch.setattr(gpu, "run_case", run_case)
    report = gpu.measure_all(tmp_path / "gpu.json")
    assert json.loads((tmp_path / "gpu.json").read_text()) == report
    assert report["failed"] == {"metaballs 64": "CUDA out of memory."}
    assert [r["field"] for r in report["results"]] == ["gyroid"]
    assert [path.name for path in tmp_path.iterdir()] == ["gpu.json"]


def test_the_table_is_shown_again(gpu, monkeypatch, tmp_path, capsys):
    report = {
        "machine": {"gpu": "NVIDIA Some GPU", "torch": "2.11"},
        "build": {"cuda_compiler": "NVRTC 12.8"},
        "results": [result("gyroid"), result("metaballs", None)],
        "failed": {"noise 256": "why"},
    }
    (tmp_path / "gpu.json").write_text(json.dumps(report))
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--show", str(tmp_path / "gpu.json")])
    gpu.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "NVIDIA Some GPU, torch 2.11, NVRTC 12.8"
    assert lines[1].split()[-2:] == ["scratch", "peak"]
    assert " ".join(lines[2].split()) == "gyroid 64 7 8 2.000 4.000 1.000 2.00x 1.000 0.062 0.250"
    assert " ".join(lines[3].split()) == "metaballs 64 7 8 - 4.000 1.000 - 1.000 0.062 0.250"
    assert lines[4] == "not measured: noise 256: why"
    assert len({len(line) for line in lines[1:4]}) == 1
