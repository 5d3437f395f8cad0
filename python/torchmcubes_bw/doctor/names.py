# SPDX-License-Identifier: MIT
"""The drop-in names: which distributions own files there, and who answers when they are imported."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

IMPORT_NAMES = ("torchmcubes", "torchmcubes_module")
_USED = {
    "torchmcubes": ("marching_cubes", "grid_interp"),
    "torchmcubes_module": ("mcubes_cpu", "grid_interp_cpu"),
}
_SECONDS = 300  # torch's import may come from a slow disk
# Prints what is wrong with each name. Without the folder that the program runs in: a checkout may be there.
_ASK = """
import importlib, json, sys
if sys.path[0] == "":
    del sys.path[0]
import torchmcubes_bw
wrong = {}
for name, used in json.loads(sys.argv[1]).items():
    try:
        module = importlib.import_module(name)
        values = [getattr(module, each) for each in used]
        ours = all(value.__module__.split(".")[0] == "torchmcubes_bw" for value in values)
        wrong[name] = "" if ours else f"another package answers: {getattr(module, '__file__', None)}"
    except Exception as error:
        wrong[name] = f"{type(error).__name__}: {error}"
print(json.dumps(wrong))
"""


def answers() -> dict[str, str]:
    """Import the drop-in names in a process of their own; return what is wrong with each, mostly nothing."""
    asked = [sys.executable, "-W", "ignore", "-c", _ASK, json.dumps(_USED)]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=_SECONDS, check=False)
        told: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        return told
    except IndexError:
        reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return dict.fromkeys(IMPORT_NAMES, reason[-1])
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return dict.fromkeys(IMPORT_NAMES, f"{type(error).__name__}: {error}")


def other_owners() -> dict[str, tuple[str, ...]]:
    """Return, for each import name of the drop-in, the other distributions that installed files there."""
    owners: dict[str, set[str]] = {name: set() for name in IMPORT_NAMES}
    for distribution in metadata.distributions():
        label = _label(distribution)
        if label.lower().replace("_", "-").startswith("torchmcubes-bw "):
            continue
        for file in _files(distribution):
            top = file.replace("\\", "/").split("/", 1)[0]
            first = top.split(".", 1)[0]
            if first in owners and not top.endswith((".dist-info", ".egg-info")):
                owners[first].add(label)
    return {name: tuple(sorted(labels)) for name, labels in owners.items()}


def _label(distribution: metadata.Distribution) -> str:
    """Return name and version, from the folder's name where the metadata are damaged."""
    with suppress(Exception):
        name, version = distribution.metadata["Name"], distribution.version
        if name and version:
            return f"{name} {version}"
    stem = Path(str(getattr(distribution, "_path", "unknown"))).stem
    return " ".join(stem.split("-")[:2])


def _files(distribution: metadata.Distribution) -> Iterator[str]:
    """Give the files a distribution lists; a damaged list is read as far as it goes."""
    try:
        yield from [str(file) for file in distribution.files or []]
    except Exception:
        with suppress(Exception):
            lines = (distribution.read_text("RECORD") or "").splitlines()
            yield from [row[0] for row in csv.reader(lines) if row]
