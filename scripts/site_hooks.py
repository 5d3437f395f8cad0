# SPDX-License-Identifier: MIT
"""What the site has that docs/ has not: the README as its first page, and a page of the public names."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent


def _address() -> str:
    spec = importlib.util.spec_from_file_location("render_docs", ROOT / "scripts" / "render_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.public_address())


def _public_names() -> list[str]:
    """Return where each public name is defined, as the package's own table says; without importing it."""
    text = (ROOT / "python" / "torchmcubes_bw" / "__init__.py").read_text("utf-8")
    table = text[text.index("_NEEDS_TORCH = {") : text.index("}", text.index("_NEEDS_TORCH = {"))]
    found = re.findall(r'"(\w+)": "([\w.]+)"', table)
    defined = [f"torchmcubes_bw.{module}" + ("" if name == module else f".{name}") for name, module in found]
    return [*defined, "torchmcubes_bw._build.build_info"]


def on_files(files: Files, config: Any) -> Files:
    """Add the two pages."""
    readme = (ROOT / "README.md").read_text("utf-8")
    readme = re.sub(r"\]\((?:https://[^)\s]+?/(?:blob|raw)/main/)?docs/", "](", readme)
    api = "# The public names\n\n" + "".join(f"::: {name}\n\n" for name in _public_names())
    compat = "".join(f"::: torchmcubes_bw.compat.{name}\n\n" for name in ("skimage", "mcubes", "diso"))
    files.append(File.generated(config, "index.md", content=readme))
    files.append(File.generated(config, "api.md", content=f"{api}# Other libraries' calls\n\n{compat}"))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead to files outside docs/ where the repository is public; without an address name them only."""
    inside = "(?!https?:|#|images/|[a-z0-9_]+\\.md)"
    address = _address()

    def outside(match: re.Match[str]) -> str:
        path = match[2].removeprefix("../")
        return f"[{match[1]}]({address}/blob/main/{path})" if address else match[1]

    return re.sub(rf"(?<!!)\[([^][]*)\]\({inside}([^)\s]+)\)", outside, markdown)
