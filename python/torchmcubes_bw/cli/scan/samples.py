# SPDX-License-Identifier: MIT
"""The built-in samples."""

from __future__ import annotations

from ... import fields
from .choice import Choice
from .scan import Scan


def read(name: str, choice: Choice) -> Scan:
    """Compute a sample."""
    return Scan(fields.sample(name, choice.take("size")).numpy(), level=fields.FIELDS[name].level)
