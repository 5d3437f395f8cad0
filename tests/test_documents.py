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


ADDRESS = "https://example.org/someone/torchmcubes-bw"
ADDRESSED = ["README.md", "pyproject.toml", "CITATION.cff"]


@pytest.mark.parametrize("name", ADDRESSED)
def test_the_address_is_made_from_one_setting(name, render):
    text = (ROOT / name).read_text("utf-8")
    assert render.addressed(name, text, render.public_address()) == text, "python scripts/render_docs.py"
    without, with_one = render.addressed(name, text, ""), render.addressed(name, text, ADDRESS)
    assert ADDRESS not in without
    assert ADDRESS in with_one
    assert render.addressed(name, with_one, ADDRESS) == with_one
    assert render.addressed(name, with_one, "") == without
    assert render.addressed(name, with_one, "https://example.org/else") == render.addressed(
        name, without, "https://example.org/else"
    )


def test_absolute_links_of_the_readme_lead_where_the_relative_ones_did(render):
    text = render.addressed("README.md", (ROOT / "README.md").read_text("utf-8"), ADDRESS)
    links = re.findall(r"(!?)\[[^][]*\]\(([^)\s]+)\)", text)
    ours = [(image, link) for image, link in links if link.startswith(ADDRESS)]
    assert len(ours) > 10
    for image, link in ours:
        kind = "raw" if image else "blob"
        assert (ROOT / link.removeprefix(f"{ADDRESS}/{kind}/main/").partition("#")[0]).exists(), link
    assert all(link.startswith(("https://", "#")) for _, link in links)


@pytest.mark.parametrize("address", ["", ADDRESS])
def test_the_metadata_are_well_with_and_without_an_address(address, render):
    tomllib = pytest.importorskip("tomllib")
    settings = tomllib.loads(
        render.addressed("pyproject.toml", (ROOT / "pyproject.toml").read_text("utf-8"), address)
    )
    urls = settings["project"].get("urls", {})
    assert bool(urls) == bool(address)
    assert all(url.startswith(address) for url in urls.values())
    assert settings["tool"]["torchmcubes-bw"]["repository"] == render.public_address()
    assert render.clone(address) == (
        "" if not address else f"```bash\ngit clone {ADDRESS}.git && cd torchmcubes-bw\n```"
    )


def test_the_citation_has_the_package_s_version():
    (version,) = re.findall(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert f'\nversion: "{version}"\n' in (ROOT / "CITATION.cff").read_text("utf-8")


def test_links_lead_somewhere():
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "csrc" / "README.md"]:
        text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.DOTALL)
        for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
            path, _, anchor = link.partition("#")
            target = (page.parent / path) if path else page
            assert target.exists(), f"{page.name}: {link}"
            headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE) if anchor else []
            slugs = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
            assert not anchor or anchor in slugs, f"{page.name}: {link}"


# What the blocks of a page take for given, and those with Dask.
GIVEN = {
    "compat.md": """
import torch
from torchmcubes_bw.compat.skimage import marching_cubes
side = torch.linspace(-1, 1, 24)
grid_logits = torch.meshgrid(side, side, side, indexing="ij")[0] + 0.013
grid_logits[abs(grid_logits) > 0.3] = torch.nan
""",
    "functions.md": """
import torch
side = torch.linspace(-1.05, 1.05, 65)
decoder = lambda points: points.norm(dim=1) - 0.8
coarse_grid = decoder(torch.cartesian_prod(side, side, side)).reshape(65, 65, 65)
""",
    "dask": """
import dask.array, numpy
from torchmcubes_bw import dask as on_dask
vol = dask.array.from_array(numpy.random.default_rng(0).random((9, 8, 7)), chunks=(3, 8, 7))
vol.to_zarr("huge.zarr")
on_dask.write(vol, 0.5, "parts")
""",
    "scale.md": "import numpy\nnumpy.save('big.npy', numpy.random.default_rng(0).random((9, 8, 7)))\n",
}


ELSEWHERE = ("README.md", "moving.md")  # run by tests of their own


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in ELSEWHERE], ids=lambda p: p.stem)
def test_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert bool(blocks) == (page.name in GIVEN), page.name
    for block in blocks:
        given = GIVEN["dask" if "import dask" in block else page.name]
        if given is GIVEN["dask"] and not importlib.util.find_spec("dask"):
            continue
        exec(compile(given + block, page.name, "exec"), {})


def test_the_site_s_menu_has_every_page():
    menu = (ROOT / "mkdocs.yml").read_text("utf-8").split("\nnav:\n")[1]
    listed = re.findall(r"- (?:Home: )?([a-z0-9_]+\.md)$", menu, re.MULTILINE)
    made = {"index.md", "api.md"}  # by scripts/site_hooks.py
    assert sorted(listed) == sorted({path.name for path in (ROOT / "docs").glob("*.md")} | made)
