# SPDX-License-Identifier: MIT
"""docs/troubleshooting.md has every error that the code can print: Python, C++, CMake and the doctor."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGE = " ".join((DOCS / "troubleshooting.md").read_text("utf-8").split())
RAISED = {"CliError", "TypeError", "ValueError", "RuntimeError", "NoKernels", "NvrtcError", "NvrtcMissing"}
WARNED = {"warn", "_warn"}
PYTHON = [*sorted((ROOT / "python").rglob("*.py")), ROOT / "cmake" / "compile_kernels.py"]
CPP = sorted(p for p in (ROOT / "csrc").rglob("*") if p.suffix in {".cpp", ".h"})
CMAKE = [ROOT / "CMakeLists.txt", *sorted((ROOT / "cmake").glob("*.cmake"))]
DOCTOR = sorted((ROOT / "python" / "torchmcubes_bw" / "doctor").glob("*.py"))


def longest(texts):
    return max(texts, key=len, default="")


def constant_part(text, names=()):
    """Return the longest run of words of a message that does not depend on what was passed."""
    if isinstance(text, ast.Constant):
        return text.value if isinstance(text.value, str) else ""
    if isinstance(text, ast.JoinedStr):
        return longest(part.value for part in text.values if isinstance(part, ast.Constant))
    if isinstance(text, ast.BinOp):
        return longest([constant_part(text.left, names), constant_part(text.right, names)])
    if isinstance(text, ast.Name) and text.id in names:
        return constant_part(names[text.id])
    return ""  # another error's text, passed on


def worth(texts):
    """Give what is left of each text without its ends, unless that is a word or two."""
    for text in texts:
        words = " ".join(text.split()).removeprefix("torchmcubes-bw: ")
        words = words.strip(" :,.(").split(", got")[0].strip(" :,.(")
        if len(words) > 8:
            yield words


def raised(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        called = getattr(node, "func", None)
        if getattr(called, "id", getattr(called, "attr", "")) in RAISED | WARNED and node.args:
            yield constant_part(node.args[0])
        elif isinstance(node, ast.Constant) and str(node.value).startswith("its kernels "):
            yield node.value  # why a GPU is not used: it reaches its error by way of a name


def thrown(path):
    """Give what C++ throws; where that carries no text, its type."""
    for kind, arguments in re.findall(r"\bthrow ([\w:]+)\((.*?)\);", path.read_text("utf-8"), re.DOTALL):
        literals = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
        yield from literals or [kind] * kind.startswith("std::")


def said_by_cmake(path):
    pattern = r'message\((?:FATAL_ERROR|WARNING|SEND_ERROR)\s+"((?:[^"\\]|\\.)*)"'
    for text in re.findall(pattern, path.read_text("utf-8")):
        yield longest(re.split(r"\$(?:ENV)?\{\w+\}", text))


def broken(path):
    """Give the texts of findings that may be marked as broken."""
    for function in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(function, ast.FunctionDef):
            continue
        nodes = list(ast.walk(function))
        assigned = [n for n in nodes if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)]
        for call in nodes:
            is_finding = isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Finding"
            if is_finding and "Mark.BROKEN" in ast.unparse(call.args[0]):
                before = {n.targets[0].id: n.value for n in assigned if n.lineno < call.lineno}
                yield constant_part(call.args[1], before)


SOURCES = {raised: PYTHON, thrown: CPP, said_by_cmake: CMAKE, broken: DOCTOR}
SCANS = [(scan, path) for scan, paths in SOURCES.items() for path in paths if list(worth(scan(path)))]


@pytest.mark.parametrize("scan, least", [(raised, 30), (thrown, 8), (said_by_cmake, 3), (broken, 9)])
def test_there_are_messages(scan, least):
    assert sum(len(list(worth(scan(path)))) for path in SOURCES[scan]) >= least


@pytest.mark.parametrize("scan, path", SCANS, ids=[f"{scan.__name__}-{path.stem}" for scan, path in SCANS])
def test_every_message_is_on_the_page(scan, path):
    assert [words for words in worth(scan(path)) if words not in PAGE] == []


@pytest.mark.parametrize("words", ["vol must have 3 dimensions", "vol must have 4 dimensions", "MemoryError"])
def test_what_no_scan_finds(words):
    assert words in PAGE


@pytest.mark.parametrize("status", [34, 100, 101, 304, 802, 803, 804, 999])
def test_every_answer_of_the_driver_is_on_the_page(status):
    assert f"\n| {status} | " in (DOCS / "troubleshooting.md").read_text("utf-8")


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_a_page_that_installs_says_what_cannot_run_yet(page):
    text = page.read_text("utf-8")
    installs = re.search(r"pip install [^\n]*torchmcubes-bw|^\+torchmcubes-bw", text, re.MULTILINE)
    assert not installs or "not on PyPI yet" in " ".join(text.split())
