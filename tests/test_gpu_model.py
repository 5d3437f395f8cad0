# SPDX-License-Identifier: MIT
"""The predicted times of GPUs: what bounds a kernel, and that the document shows what the counts give."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from torchmcubes_bw import HAS_CUDA
from torchmcubes_bw.backends import kernel_files

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from benchmarks import gpu_model  # noqa: E402

CARD = gpu_model.Card("made up", 10, 1.0, 1000, 100, 2)


def kernel(blocks=100, classes=None, sectors=None, touched=None):
    return {"blocks": blocks, "classes": classes or {}, "sectors": sectors or {}, "touched": touched or {}}


@pytest.mark.parametrize(
    "what, bound, microseconds",
    [
        # 9 MB of 1000 GB/s, 0.9 of which are reached.
        (kernel(touched={"load samples": 281_250}), "DRAM", 10.0),
        # 19.2 bytes a clock of 10 SMs.
        (kernel(sectors={"load": 30_000, "store": 30_000}), "L2", 10.0),
        # A step a clock and SM.
        (kernel(sectors={"shared load": 100_000}), "L1", 10.0),
        # Three of four a clock and SM.
        (kernel(classes={"bra": 300_000}), "instructions", 10.0),
        # Integers: two a clock; of 64 bits, two for one.
        (kernel(classes={"add.s32": 150_000}), "instructions", 10.0),
        (kernel(classes={"add.s64": 75_000}), "instructions", 10.0),
        # One block has one SM.
        (kernel(blocks=1, classes={"bra": 30_000}), "instructions", 10.0),
    ],
)
def test_what_bounds_a_kernel(what, bound, microseconds):
    times = gpu_model.times_us(what, CARD, 0.0)
    assert max(times, key=times.__getitem__) == bound
    assert times[bound] == pytest.approx(microseconds)


def test_what_the_cache_kept_is_not_loaded_again():
    whole = kernel(touched={"load samples": 281_250})
    assert gpu_model.times_us(whole, CARD, 4.5e6)["DRAM"] == pytest.approx(5.0)
    assert gpu_model.times_us(whole, CARD, 1e9)["DRAM"] == 0
    counted = {"kernels": {"a": whole, "b": whole}, "bytes": {"volume": 9e6}}
    assert gpu_model.predicted_us(counted, CARD) == (pytest.approx(10 + 2 * gpu_model.LAUNCH_US), "DRAM")
    assert gpu_model.limit_us(counted, CARD) == pytest.approx(10.0)


def test_the_document_shows_the_counts():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu_model", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_counts_are_those_of_the_guard():
    """And not older ones: `python -m benchmarks.gpu_model --count` renews them."""
    golden = json.loads((ROOT / "tests" / "golden" / "gpu_work.json").read_text("utf-8"))["work"]
    (counted,) = [
        c
        for c in json.loads(gpu_model.COUNTS.read_text("utf-8"))
        if (c["field"], c["size"]) == ("metaballs", 128)
    ]
    want = golden["metaballs 128"]
    assert set(counted["kernels"]) == set(want)
    for name, counts in counted["kernels"].items():
        assert counts["warp_instructions"] == pytest.approx(want[name]["warp-instructions"], rel=0.05), name


def code_sizes(data):
    """Return how many instructions of 16 bytes each kernel of a cubin has."""
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    sections = [struct.unpack_from("<IIQQQQ", data, table + k * size) for k in range(count)]
    text = sections[names][4]
    found = {}
    for name, _, _, _, _, length in sections:
        label = data[text + name : data.index(b"\0", text + name)].decode()
        if label.startswith(".text."):
            found[label.removeprefix(".text.")] = length // 16
    return found


@pytest.mark.skipif(not HAS_CUDA, reason="this build has no CUDA backend")
@pytest.mark.parametrize("architecture", [90, 120])
def test_the_weights_are_the_assemblers(architecture):
    """What the cubins hold, against what the model takes for their PTX: not far off, all in all."""
    aboard = kernel_files.manifest()
    if 120 not in aboard["ptx"] or architecture not in aboard["cubins"]:
        pytest.skip("this build is for other architectures")
    from ptx.program import parse

    made = code_sizes(kernel_files.read(f"sm_{architecture}.cubin"))
    kernels = parse(kernel_files.read("compute_120.ptx").decode().rstrip("\0")).kernels
    weighed = {
        name: sum(gpu_model.slots(i.name) for i in kernel.read().code) for name, kernel in kernels.items()
    }
    assert made.keys() == weighed.keys()
    assert 0.8 < sum(made.values()) / sum(weighed.values()) < 1.5
