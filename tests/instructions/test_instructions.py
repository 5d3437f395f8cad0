# SPDX-License-Identifier: MIT
"""The work of a fixed job, in instructions: a guard that a noisy machine cannot fool.

valgrind counts what `prepare` and `emit` execute for 64^3 and 128^3 samples on one thread, at the scalar and
the AVX2 level (it knows no AVX-512). The compiler is zig's, from PyPI, of one version: so the figures are the
same wherever the test runs. More than 5 % above the committed figure fails. Accept a change with
    python tests/instructions/test_instructions.py
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata, util
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from isa import isa_flags  # noqa: E402

GOLDEN = ROOT / "tests" / "golden" / "instructions.json"
TARGET = "x86_64-linux-gnu.2.17"  # one processor and one C library, whatever the machine has
FLAGS = ["-target", TARGET, "-std=c++17", "-O3", "-DNDEBUG", "-ffp-contract=off"]
SIZES, LEVELS = (64, 128), ("scalar", "avx2")


def compiler():
    return f"ziglang {metadata.version('ziglang')}"


def lacking():
    """Say why nothing can be counted, or return None."""
    if not shutil.which("valgrind"):
        return "there is no valgrind (apt-get install valgrind)"
    if not util.find_spec("ziglang"):
        return "there is no ziglang (pip install '.[test]')"
    wanted = json.loads(GOLDEN.read_text("utf-8"))["compiler"]
    if compiler() != wanted:
        return f"the figures are those of {wanted}, this is {compiler()}"
    return None


def zig(*arguments):
    command = [sys.executable, "-m", "ziglang", "c++", *FLAGS, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def build(folder):
    sources = [Path(__file__).parent / "job.cpp", *sorted((ROOT / "csrc" / "cpu").rglob("*.cpp"))]

    def compile_one(source):
        target = Path(folder) / f"{source.stem}.o"
        zig(*isa_flags(source, TARGET), "-c", source, "-o", target)
        return target

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, sources))
    program = Path(folder) / "job"
    zig(*objects, "-o", program)
    return program


def count(program, size, level):
    done = subprocess.run(
        [
            *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"),
            *("--toggle-collect=mc::cpu::prepare*", "--toggle-collect=mc::cpu::emit(*"),
            *(str(program), str(size)),
        ],
        env={**os.environ, "TORCHMCUBES_SIMD": level},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    counted = int(re.search(r"Collected : (\d+)", done.stderr)[1])
    assert counted > size**3 // 8, "the functions to count were not found"
    return counted


def counts(folder):
    program = build(folder)
    return {f"{level} {size}": count(program, size, level) for level in LEVELS for size in SIZES}


def need_the_tools():
    """Skip where something is lacking; where CI is set that is a failure, lest the guard sleep."""
    reason = lacking()
    if reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


linux_x86 = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="counts a program for Linux on x86-64",
)


@linux_x86
def test_instruction_counts(tmp_path):
    need_the_tools()
    golden = json.loads(GOLDEN.read_text("utf-8"))
    got = counts(tmp_path)
    grown = {name: got[name] / want - 1 for name, want in golden["instructions"].items()}
    assert max(grown.values()) < 0.05, f"{grown}: more work than committed ({__doc__})"
    assert min(grown.values()) > -0.2, f"{grown}: far less than committed: accept the gain ({__doc__})"


@pytest.mark.parametrize("ci, outcome", [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_tool_is_a_failure_in_ci(monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(outcome, match="there is no valgrind"):
        need_the_tools()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        figures = {"compiler": compiler(), "instructions": counts(scratch)}
    GOLDEN.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    print(figures, file=sys.stderr)
