# SPDX-License-Identifier: MIT
"""The documents hold what is generated for them, and nothing that is said twice by hand."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def render():
    spec = importlib.util.spec_from_file_location("render_docs", ROOT / "scripts" / "render_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_blocks_are_as_generated(page, render):
    text = page.read_text("utf-8")
    assert text == render.rendered(text, render.blocks(page.name)), "python scripts/render_docs.py"


def test_a_block_that_changed_is_seen(render):
    of = render.blocks("command_line.md")
    text = (ROOT / "docs" / "command_line.md").read_text("utf-8")
    assert text.count("<!-- doctor sample -->") == 1
    damaged = text.replace("SIMD level avx2", "SIMD level avx3")
    assert damaged != text == render.rendered(damaged, of)


def test_the_sentence_is_written_once(render):
    for page in PAGES:
        text = page.read_text("utf-8")
        outside = re.sub(r"<!-- not on PyPI -->.*?<!-- end not on PyPI -->", "", text, flags=re.DOTALL)
        assert render.NOT_ON_PYPI not in " ".join(outside.split()), page.name
