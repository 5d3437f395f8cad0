# SPDX-License-Identifier: MIT
"""The kernels without a GPU: the same sources on an emulated one, byte for byte against the CPU backend."""

import importlib.util
import os
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from torchmcubes_bw import HAS_CUDA

HERE = Path(__file__).parent
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux" or not shutil.which("g++"), reason="needs g++ on Linux"),
    pytest.mark.skipif(not HAS_CUDA, reason="this build has no CUDA backend"),
]


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load(HERE / "builds.py")
FILES = ("cases.py", "gradient_cases.py")


def names_in(file):
    cases = (builds.EMULATION / file).read_text("utf-8").split("CASES = (")[1].split(")")[0]
    return cases.replace(",", " ").split()


FILE_OF = {name: file for file in FILES for name in names_in(file)}
NAMES = list(FILE_OF)


def run_case(name, library, **environment):
    return subprocess.run(
        [sys.executable, str(builds.EMULATION / FILE_OF[name]), name],
        env={**os.environ, "TORCHMCUBES_LIBCUDA": str(library), **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    return builds.emulated_driver(tmp_path_factory.mktemp("emulated"))


@pytest.fixture(scope="module")
def runs(driver, request):
    """The runs of the chosen tests that need nothing but a case's, as many at once as there are cores."""
    chosen = [item for item in request.session.items if "runs" in getattr(item, "fixturenames", ())]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        started = {}
        for item in chosen:
            random_order = item.function is test_threads_in_a_random_order
            seed = {"MC_EMULATED_SEED": str(random.SystemRandom().randrange(2**31))} if random_order else {}
            started[item.nodeid] = seed, pool.submit(run_case, item.callspec.params["name"], driver, **seed)
        yield started
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", NAMES)
def test_case(name, runs, request):  # noqa: ARG001 - `runs` has the name's run
    _, run = runs[request.node.nodeid]
    assert run.result().returncode == 0, run.result().stderr


@pytest.mark.parametrize(
    "name",
    [
        "awkward_shapes",
        "few_cells",
        "several_tiles",
        "many_rounds_of_the_scan",
        "dual",
        "gradients",
        "sparse",
    ],
)
def test_threads_in_a_random_order(name, runs, request):  # noqa: ARG001
    seed, run = runs[request.node.nodeid]
    assert run.result().returncode == 0, f"{seed}\n{run.result().stderr}"


def test_there_are_cases():
    assert len(NAMES) == 28


BREAKS = {
    "a rank off by one": (
        "stage4_emit.cuh",
        "list + (sum - count)",
        "list + sum",
    ),
    "a barrier left out": ("stage2_count.cuh", "    __syncthreads();\n", ""),
    "a neighbour's plane passed over": (
        "stage2_count.cuh",
        "here[held] | above[held]",
        "here[held]",
    ),
    "a border forgotten": ("stage4_emit.cuh", "segment.z + 1 < job.nz", "segment.z < job.nz"),
    "a ballot not by all": (
        "stage1_classify.cuh",
        "const u32 word = __ballot_sync(",
        "const u32 word = lane() == 3 ? 0u : __ballot_sync(",
    ),
}


# Right in the order of the threads' numbers, wrong in others.
RACES = {
    "the scan's sums overwritten": (
        "stage3_scan.cuh",
        "    __syncthreads();  // before the next call writes `sums` again\n",
        "",
    ),
    "the scan's sums read early": (
        "stage3_scan.cuh",
        "    __syncthreads();\n    const i64 before",
        "    const i64 before",
    ),
}


def broken_driver(change, folder):
    file, old, new = change
    shutil.copytree(builds.ROOT / "csrc", folder / "csrc")
    source = folder / "csrc" / "cuda" / file
    text = source.read_text("utf-8")
    assert text.count(old) == 1
    source.write_text(text.replace(old, new), "utf-8")
    return builds.emulated_driver(folder, folder / "csrc")


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_kernel_is_caught(name, tmp_path):
    library = broken_driver(BREAKS[name], tmp_path)
    assert run_case("awkward_shapes", library).returncode != 0


@pytest.mark.parametrize("name", RACES)
def test_a_race_is_caught(name, tmp_path):
    library = broken_driver(RACES[name], tmp_path)
    assert run_case("awkward_shapes", library, MC_EMULATED_SEED="1").returncode != 0


def test_sanitizers_are_silent(tmp_path):
    """AddressSanitizer and UBSan on both backends, every buffer of exactly its size."""
    library = builds.emulated_driver(tmp_path, options=("-O1", *builds.SANITIZE))
    program = builds.sanitized_program(tmp_path)
    done = subprocess.run(
        [str(program)],
        env={**os.environ, "TORCHMCUBES_LIBCUDA": str(library), "ASAN_OPTIONS": "detect_leaks=0"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout == "equal\n"
