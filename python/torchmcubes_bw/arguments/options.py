# SPDX-License-Identifier: MIT
"""Options that are one word of a few."""

from __future__ import annotations

from typing import Any, NamedTuple

NETS_ROUNDS = 32


def one_of(value: Any, name: str, words: tuple[str, ...]) -> str:
    """Check that a value is one of a few words."""
    listed = " or ".join(f'"{word}"' for word in words)
    if not isinstance(value, str):
        raise TypeError(f"{name} must be {listed}, got {type(value).__name__}")
    if value not in words:
        raise ValueError(f'{name} must be {listed}, got "{value}"')
    return value


def rounds(value: Any) -> int:
    """Check a number of rounds."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"rounds must be an integer, got {type(value).__name__}")
    if not 0 <= value.__index__() < 2**31:
        raise ValueError(f"rounds must be at least 0 and below 2^31, got {value}")
    return int(value.__index__())


class Method(NamedTuple):
    """How a surface is made."""

    dual: bool
    rounds: int  # of relaxation
    quads: bool = False  # of the dual mesh: are its faces kept whole?


PRIMAL = Method(False, 0)


def method(value: Any, placement: Any, relaxed: Any = NETS_ROUNDS) -> Method:
    """Check the words for how a surface is made, and where the dual mesh's vertices lie."""
    dual = one_of(value, "method", ("primal", "dual")) == "dual"
    nets = one_of(placement, "placement", ("mean", "nets")) == "nets"
    if nets and not dual:
        raise ValueError('placement must be "mean" where method is "primal", got "nets"')
    return Method(dual, rounds(relaxed) if nets else 0)
