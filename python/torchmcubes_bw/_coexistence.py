# SPDX-License-Identifier: MIT
"""Whether the original torchmcubes lies beside us: it owns the same import names."""

from __future__ import annotations

import os
import warnings
from importlib.machinery import EXTENSION_SUFFIXES


def warn_of_the_original(package: str) -> None:
    """Warn where the original's compiled module lies beside one of our drop-in packages.

    Called by these at import: a look at two or three names in one folder, some microseconds.
    """
    site = os.path.dirname(os.path.dirname(package))  # noqa: PTH120 - pathlib would take longer than the look
    for suffix in EXTENSION_SUFFIXES:
        if os.path.exists(os.path.join(site, f"torchmcubes_module{suffix}")):  # noqa: PTH110, PTH118
            warnings.warn(
                "torchmcubes and torchmcubes-bw are both installed and own the same import names; keep one: "
                "pip uninstall -y torchmcubes torchmcubes-bw && pip install torchmcubes-bw",
                RuntimeWarning,
                stacklevel=3,
            )
            return
