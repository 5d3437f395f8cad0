# SPDX-License-Identifier: MIT
"""The PTX that ships, executed: the installed package's host code loads and launches it, and every thread is
interpreted. Meshes equal the CPU's byte for byte, and mistakes put into the PTX are noticed.
"""

import random
import re

import pytest
from ptx import needs, workers
from ptx.driver import build_library
from ptx.host import all_shipped, read_ptx, shipped
from ptx.needs import lacking, skip_or_fail
from ptx.program import parse

pytestmark = needs.on_linux
BATTERY = (workers.HERE / "battery.py").read_text("utf-8")
CASES = re.findall(r"^        (\w+),$", BATTERY.split("for case in (")[1].split("    )")[0], re.M)
OF_OLDER_PTX = ("any_order", "small_and_thin_shapes", "interpolation", "all_256_cubes")


def commands(library, seed):
    """Share the work out in pieces of about a quarter of a minute."""
    common = ("battery.py", "--library", library, "--seed", seed)
    pieces = [CASES[:1], CASES[1:2], CASES[2:3], CASES[3:]]
    found = [[*common, *piece] for piece in pieces]
    found += [[*common, "--mutants", f"{k}/2"] for k in range(2)]
    return found + [[*common, *OF_OLDER_PTX, "--ptx", path] for path in all_shipped()[1:]]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Everything, run once: a case's name to what came of it."""
    skip_or_fail(lacking())
    seed = random.SystemRandom().randrange(2**31)
    library = build_library(tmp_path_factory.mktemp("ptx"))
    found: dict[str, list] = {}
    for line in workers.run_all(commands(library, seed)):
        found.setdefault(line["case"], []).append(line)
        workers.TALLY[f"{line['case']} {len(workers.TALLY)}"] = line
    return found


def test_there_are_cases():
    assert len(CASES) == 23
    assert set(OF_OLDER_PTX) < set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_case(name, results):
    wrong = [f"seed {line['seed']}\n{line['wrong']}" for line in results[name] if line["wrong"]]
    assert not wrong, "\n".join(wrong)


def test_every_mutant_is_caught(results):
    mutants = {name: lines for name, lines in results.items() if name.startswith("mutant")}
    missed = [name for name, lines in mutants.items() if lines[0]["wrong"]]
    assert not missed
    for kind in ("barrier", "warp", "store one further", "store one before", "misaligned"):
        assert any(kind in name for name in mutants), f"no mutant with a {kind}"


def test_every_kernel_is_executed(results):
    """All of the file's kernels, and nearly all of their instructions."""
    kernels = parse(read_ptx(shipped())).kernels
    executed = {name: set() for name in kernels}
    for case in CASES:
        for name, lines in results[case][0]["lines"].items():
            executed[name].update(lines)
    left = {
        name: [i for i in kernel.read().code if i.line not in executed[name]]
        for name, kernel in kernels.items()
    }
    shares = {name: 1 - len(left[name]) / len(kernel.code) for name, kernel in kernels.items()}
    low = [f"{name}: {shares[name]:.0%}, not {left[name][0].text}" for name in kernels if shares[name] < 0.9]
    assert not low, "\n".join(low)
