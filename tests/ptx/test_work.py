# SPDX-License-Identifier: MIT
"""The GPU's work on fixed volumes, counted on the PTX that ships: a guard that needs no GPU.

Of each kernel, warp-instructions and the 32-byte sectors that its warps load and store. More than 5 % above
the committed figure fails. Accept a change with
    python tests/ptx/test_work.py
"""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
from ptx import needs, workers
from ptx.needs import skip_or_fail
from torchmcubes_bw import build_info

GOLDEN = Path(__file__).parent.parent / "golden" / "gpu_work.json"
VOLUMES = (("gyroid", 128), ("metaballs", 128), ("noise", 64))
DUAL = (("gyroid", 128), ("metaballs", 128))
GRADIENT = (("gyroid", 128),)
MOST_OF_THE_DUAL = 1.5  # times the warp-instructions of marching cubes


def made_by():
    """Say what compiled the PTX: other compilers, and PTX for others than this, have other figures."""
    info = build_info()
    return f"{info['cuda_compiler']}, PTX of {info['cuda_ptx'][-1] if info['cuda_ptx'] else 'none'}"


def lacking():
    reason = needs.lacking()
    wanted = json.loads(GOLDEN.read_text("utf-8"))["made by"]
    return reason or (f"the figures are of {wanted}, this is {made_by()}" if made_by() != wanted else None)


def work():
    """Count; return each volume's kernels with their figures."""
    jobs = [[*of, "--json"] for of in VOLUMES] + [[*of, "--dual", "--json"] for of in DUAL]
    jobs += [[*of, "--gradient", "--json"] for of in GRADIENT]
    lines = workers.run_all([["count.py", *job] for job in jobs])
    return {f"{line['field']} {line['size']}{kind_of(line)}": figures(line["kernels"]) for line in lines}


def kind_of(line):
    return " dual" if line.get("dual") else " gradient" if line.get("gradient") else ""


def figures(kernels):
    return {
        name: {
            "warp-instructions": counts["warp_instructions"],
            "sectors loaded": counts["sectors"].get("load", 0),
            "sectors stored": counts["sectors"].get("store", 0),
        }
        for name, counts in kernels.items()
    }


def differences(got, want):
    """List figures that grew or shrank by too much, and kernels that came or went."""
    found = []
    for volume, kernels in want.items():
        if set(got[volume]) != set(kernels):
            found.append(f"{volume}: the kernels are {sorted(got[volume])}, were {sorted(kernels)}")
            continue
        for name, counts in kernels.items():
            for what, before in counts.items():
                now = got[volume][name][what]
                if not -0.2 <= now / max(1, before) - 1 <= 0.05:
                    found.append(f"{volume}: {name}: {before:,} {what} committed, now {now:,}")
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="the driver without a GPU is made for Linux")
def test_work():
    skip_or_fail(lacking())
    wrong = differences(work(), json.loads(GOLDEN.read_text("utf-8"))["work"])
    assert not wrong, "\n".join([*wrong, __doc__])


@pytest.mark.parametrize("field, size", DUAL)
def test_the_dual_is_not_much_more_work(field, size):
    """As committed; `test_work` tells whether that still is so."""
    work = json.loads(GOLDEN.read_text("utf-8"))["work"]
    primal, dual = (
        sum(counts["warp-instructions"] for counts in work[name].values())
        for name in (f"{field} {size}", f"{field} {size} dual")
    )
    assert dual <= MOST_OF_THE_DUAL * primal


def test_the_guard_sees_more_and_much_less_work():
    want = {"a 1": {"k": {"warp-instructions": 1000, "sectors stored": 100}}}
    for instructions, seen in ((1000, False), (1049, False), (1051, True), (801, False), (799, True)):
        got = {"a 1": {"k": {"warp-instructions": instructions, "sectors stored": 100}}}
        assert bool(differences(got, want)) == seen, instructions
    assert differences({"a 1": {}}, want) == ["a 1: the kernels are [], were ['k']"]


@pytest.mark.parametrize("ci, outcome", [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_compiler_is_a_failure_in_ci(monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr("ptx.driver.util.find_spec", lambda _name: None)
    with pytest.raises(outcome, match="there is no C compiler"):
        skip_or_fail(needs.lacking())


if __name__ == "__main__":
    os.environ.pop("CI", None)
    GOLDEN.write_text(json.dumps({"made by": made_by(), "work": work()}, indent=1) + "\n", "utf-8")
    print(GOLDEN.read_text("utf-8"), file=sys.stderr)
