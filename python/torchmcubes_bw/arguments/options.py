# SPDX-License-Identifier: MIT
"""Options that are one word of a few."""

from __future__ import annotations

from typing import Any


def one_of(value: Any, name: str, words: tuple[str, ...]) -> str:
    """Check that a value is one of a few words."""
    listed = " or ".join(f'"{word}"' for word in words)
    if not isinstance(value, str):
        raise TypeError(f"{name} must be {listed}, got {type(value).__name__}")
    if value not in words:
        raise ValueError(f'{name} must be {listed}, got "{value}"')
    return value
