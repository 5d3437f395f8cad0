# SPDX-License-Identifier: MIT
"""The command line `torchmcubes-bw`. Its libraries are the extra ``[cli]``."""

from __future__ import annotations

import importlib.util
import sys

from ..printing import standard_streams


def main() -> None:
    """Run the command line, or say which extra it needs."""
    with standard_streams():
        missing = [name for name in ("typer", "rich", "trimesh") if not importlib.util.find_spec(name)]
        if missing:
            cure = "pip install 'torchmcubes-bw[cli]'"
            print(f"error: the command line needs {', '.join(missing)}: {cure}", file=sys.stderr)
            raise SystemExit(1)
        from .app import app  # noqa: PLC0415 - only now is it known that it can be imported

        app()
