# SPDX-License-Identifier: MIT
"""Write into the documents what is said in several, or made from what the package answers.

    python scripts/render_docs.py

What stands between `<!-- NAME -->` and `<!-- end NAME -->` is replaced. `tests/test_documents.py` compares.
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
    return {"not on PyPI": not_on_pypi(name), "doctor sample": doctor_sample()}


def rendered(text: str, of: dict[str, str]) -> str:
    """Return a page with its blocks filled; a block that nobody fills is an error."""

    def filled(match: re.Match[str]) -> str:
        return f"<!-- {match[1]} -->\n{of[match[1]]}\n<!-- end {match[1]} -->"

    return re.sub(r"<!-- ([\w -]+) -->\n(?:(?!<!-- end).*\n)*<!-- end \1 -->", filled, text)


def pages() -> list[Path]:
    """Return the pages that may hold blocks."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def main() -> None:
    """Fill the blocks of every page."""
    for page in pages():
        page.write_text(rendered(page.read_text("utf-8"), blocks(page.name)), "utf-8")


if __name__ == "__main__":
    main()
