# SPDX-License-Identifier: MIT
"""docs/troubleshooting.md has every error that the code can print."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = " ".join((ROOT / "docs" / "troubleshooting.md").read_text("utf-8").split())
RAISED = {"CliError", "TypeError", "ValueError", "RuntimeError", "NoKernels", "NvrtcError", "NvrtcMissing"}
SOURCES = [*sorted((ROOT / "python").rglob("*.py")), ROOT / "cmake" / "compile_kernels.py"]


def constant_part(text):
    """Return the longest run of words of a message that does not depend on what was passed."""
    if isinstance(text, ast.Constant):
        return text.value
    if isinstance(text, ast.JoinedStr):
        return max((part.value for part in text.values if isinstance(part, ast.Constant)), key=len)
    return ""  # another error's text, passed on


def messages(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in RAISED:
            text = constant_part(node.args[0]) if node.args else ""
            words = text.strip(" :,.(").split(", got")[0].strip(" :,.(")
            if len(words) > 8:
                yield words


def test_there_are_messages():
    assert sum(len(list(messages(path))) for path in SOURCES) > 30


@pytest.mark.parametrize("path", [p for p in SOURCES if list(messages(p))], ids=lambda p: p.stem)
def test_every_error_is_on_the_page(path):
    assert [text for text in messages(path) if " ".join(text.split()) not in PAGE] == []


THROWN = re.compile(r"throw (?:DriverError|std::runtime_error)\((.*?)\);", re.DOTALL)


@pytest.mark.parametrize("path", sorted((ROOT / "csrc").rglob("*.cpp")), ids=lambda p: p.stem)
def test_every_error_of_the_compiled_module_is_on_the_page(path):
    thrown = [re.findall(r'"([^"]*)"', call) for call in THROWN.findall(path.read_text("utf-8"))]
    longest = [max(texts, key=len).strip(" :,(").split(", got")[0] for texts in thrown if texts]
    assert [text for text in longest if text not in PAGE] == []
