# SPDX-License-Identifier: MIT
"""Write into the documents what is said in several, or made from what the package answers.

    python scripts/render_docs.py

What stands between `<!-- NAME -->` and `<!-- end NAME -->` is replaced, and what needs the repository's
public address is made from the one setting `[tool.torchmcubes-bw] repository` in pyproject.toml, or left out
while that is empty. `tests/test_documents.py` compares.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

NOT_ON_PYPI = "The package is not on PyPI yet: until it is, put a checkout's path in the place of its name"
SELF_TEST = "self-test on cpu: 98743 vertices, 179657 faces, every byte as it should be, 4.3 ms"


def doctor_sample() -> str:
    """Return what doctor prints on a machine without a GPU; only the self-test's line is written by hand."""
    import machines  # noqa: PLC0415 - needs the package, as the other blocks do not
    from torchmcubes_bw.doctor import as_text, examine  # noqa: PLC0415
    from torchmcubes_bw.doctor.finding import Finding, Mark  # noqa: PLC0415

    findings = [*examine(machines.CPU_ONLY), Finding(Mark.WELL, SELF_TEST)]
    return f"```\n$ torchmcubes-bw doctor\n{as_text(findings)}\n```"


def not_on_pypi(name: str) -> str:
    """Return the sentence, with a link where the page is another one."""
    return f"{NOT_ON_PYPI}." if name == "install.md" else f"{NOT_ON_PYPI}\n([install.md](install.md))."


def blocks(name: str) -> dict[str, str]:
    """Return what each block of a page holds."""
    return {
        "not on PyPI": not_on_pypi(name),
        "doctor sample": doctor_sample(),
        "clone": clone(public_address()),
    }


def rendered(text: str, of: dict[str, str]) -> str:
    """Return a page with its blocks filled; a block that nobody fills is an error."""

    def filled(match: re.Match[str]) -> str:
        body = f"{of[match[1]]}\n" if of[match[1]] else ""
        return f"<!-- {match[1]} -->\n{body}<!-- end {match[1]} -->"

    return re.sub(r"<!-- ([\w -]+) -->\n(?:(?!<!-- end).*\n)*<!-- end \1 -->", filled, text)


def clone(address: str) -> str:
    """Return how to get a checkout."""
    return f"```bash\ngit clone {address}.git && cd {address.rsplit('/', 1)[-1]}\n```" if address else ""


def public_address() -> str:
    """Return the setting; without tomllib, which Python 3.10 lacks."""
    (address,) = re.findall(
        r'^repository = "(.*)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE
    )
    return str(address).rstrip("/")


def addressed(name: str, text: str, address: str) -> str:
    """Return a file with what it makes of the address; without one, with relative links and no URLs."""
    if name == "README.md":
        return _linked(re.sub(r"\]\(https://[^)\s]+?/(?:blob|raw)/main/", "](", text), address)
    urls = {
        "pyproject.toml": f"""[project.urls]
Repository = "{address}"
Documentation = "{address}/tree/main/docs"
Changelog = "{address}/blob/main/CHANGELOG.md"
Issues = "{address}/issues"
""",
        "CITATION.cff": f'repository-code: "{address}"\n',
    }[name]
    block = f"# public address\n{urls if address else ''}# end public address"
    return re.sub(r"# public address\n(?:.*\n)*?# end public address", block, text)


def _linked(text: str, address: str) -> str:
    """Return a page whose relative links are absolute: images raw, as PyPI shows them."""

    def absolute(match: re.Match[str]) -> str:
        kind = "raw" if match[1] else "blob"
        return f"{match[1]}{match[2]}({address}/{kind}/main/{match[3]})"

    return re.sub(r"(!?)(\[[^][]*\])\((?!https?:|#)([^)\s]+)\)", absolute, text) if address else text


def pages() -> list[Path]:
    """Return the pages that may hold blocks."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def main() -> None:
    """Fill the blocks of every page, then write the address."""
    for page in pages():
        page.write_text(rendered(page.read_text("utf-8"), blocks(page.name)), "utf-8")
    for name in ("README.md", "pyproject.toml", "CITATION.cff"):
        text = (ROOT / name).read_text("utf-8")
        (ROOT / name).write_text(addressed(name, text, public_address()), "utf-8")


if __name__ == "__main__":
    main()
