# SPDX-License-Identifier: MIT
"""One volume, one mesh, byte for byte: any thread count, any SIMD level, any platform."""

import json
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import volumes
from conftest import mesh_hash
from torchmcubes_bw import _core, marching_cubes

GOLDEN = Path(__file__).parent / "golden" / "hashes.json"


def golden_volumes():
    """Return volumes of exact integers, and levels that divide exactly: alike on every platform."""
    lattice = volumes.integer_lattice((70, 65, 130))
    return {
        "int16": (lattice, 0.5),
        "int16 with ties": (lattice, 3),
        "float32": (lattice.astype("float32"), 0.5),
        "float64": (lattice.astype("float64") / 8, 0.25),
        "uint8": ((lattice + 105).astype("uint8"), 100.5),
        "int32": (lattice.astype("int32") * 1000, 0.5),
        "thin": (lattice[:2, :3], 0.5),
    }


def current_hashes():
    return {name: mesh_hash(*marching_cubes(*case)) for name, case in golden_volumes().items()}


def test_golden_hashes():
    want = json.loads(GOLDEN.read_text())
    assert current_hashes() == want, (
        "the mesh has changed; if that is meant, say so in CHANGELOG.md and accept it with\n"
        "    python tests/test_determinism.py"
    )


@pytest.mark.parametrize("count", [1, 2, 7])
def test_thread_counts(count, threads):
    # Above the size below which one thread does all the work.
    vol = torch.from_numpy(volumes.noise((130, 129, 131)))
    threads(1)
    want = mesh_hash(*marching_cubes(vol, 0.1))
    threads(count)
    assert mesh_hash(*marching_cubes(vol, 0.1)) == want


SNIPPET = """
import sys; sys.path.insert(0, {tests!r})
import json, test_determinism as t
from torchmcubes_bw import _core
print(json.dumps([_core.simd_level(), t.current_hashes()]))
"""


@pytest.mark.parametrize("level", _core.simd_levels())
def test_simd_levels(level, run_python):
    code = SNIPPET.format(tests=str(Path(__file__).parent))
    active, hashes = json.loads(run_python(code, TORCHMCUBES_SIMD=level))
    assert active == level
    assert hashes == json.loads(GOLDEN.read_text())


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="/proc/cpuinfo is Linux's")
@pytest.mark.parametrize(
    "level, flags",
    [
        ("avx2", "avx2 bmi1 bmi2 popcnt abm f16c"),
        ("avx512", "avx512_vbmi2 avx512_bitalg avx512_vpopcntdq avx2"),
    ],
)
def test_the_levels_found_are_those_the_system_reports(level, flags):
    known = set(Path("/proc/cpuinfo").read_text().split())
    assert (level in _core.simd_levels()) == set(flags.split()).issubset(known)


@pytest.mark.parametrize(
    "name, text",
    [
        ("sse9", "TORCHMCUBES_SIMD must be one of avx512, avx2, neon, scalar, got sse9"),
        (
            next(n for n in ("neon", "avx512") if n not in _core.simd_levels()),
            f"TORCHMCUBES_SIMD must be a level of this machine ({', '.join(_core.simd_levels())})",
        ),
    ],
)
def test_a_level_that_cannot_be_forced(name, text, run_python):
    code = "import torch, torchmcubes_bw as t; t.marching_cubes(torch.ones(2, 2, 2), 0)"
    done = run_python(code, check=False, TORCHMCUBES_SIMD=name)
    assert done.returncode == 1
    assert f"RuntimeError: {text}" in done.stderr


def test_many_threads_calling_at_once():
    vols = [torch.from_numpy(volumes.noise((40, 41, 42), seed)) for seed in range(4)]
    want = [mesh_hash(*marching_cubes(vol, 0.1)) for vol in vols]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda k: mesh_hash(*marching_cubes(vols[k % 4], 0.1)), range(64)))
    assert got == want * 16


def _send_hash(pipe, seed):
    pipe.send(mesh_hash(*marching_cubes(volumes.noise((70, 70, 70), seed), 0.1)))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_calls_work_after_a_fork():
    want = mesh_hash(*marching_cubes(volumes.noise((70, 70, 70), 5), 0.1))
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)
    children = [fork.Process(target=_send_hash, args=(there, 5), daemon=True) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]
    assert [here.recv() for _ in children] == [want, want]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(current_hashes(), indent=2) + "\n")
