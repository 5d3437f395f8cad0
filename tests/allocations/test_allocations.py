# SPDX-License-Identifier: MIT
"""Every allocation of the core fails once, and once with all that follow it."""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CSRC = HERE.parent.parent / "csrc" / "cpu"
COMPILE = ["g++", "-std=c++17", "-O1", "-ffp-contract=off", "-c"]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("g++"), reason="needs g++ and GNU ld's --wrap"
)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("allocations")
    sources = [HERE / "job.cpp", *CSRC.rglob("*.cpp")]
    objects = [folder / f"{source.parent.name}_{source.stem}.o" for source in sources]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda pair: run(*COMPILE, pair[0], "-o", pair[1]), zip(sources, objects, strict=True)))
    run("g++", *objects, "-pthread", "-Wl,--wrap=malloc", "-o", folder / "job")
    return folder / "job"


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_allocation_that_fails_is_bad_alloc_and_the_next_call_works(program):
    one, three = [[int(n) for n in re.findall(r"\d+", line)] for line in run(program).splitlines()]
    assert one[0] == 1
    assert one[1] > 10  # the plan's, the slab's, and four of the emission's edges
    assert three[0] == 3
    assert three[1] > one[1]
    assert three[2] > one[2]  # the threads'
