# SPDX-License-Identifier: MIT
"""Units of length, and how files spell them."""

from __future__ import annotations

from collections.abc import Sequence

METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "nm": 1e-9, "angstrom": 1e-10}
"""What a file's unit is in metres."""

_SPELLINGS = {
    "meter": "m", "metre": "m", "meters": "m", "metres": "m",
    "centimeter": "cm", "centimetre": "cm", "centimeters": "cm",
    "millimeter": "mm", "millimetre": "mm", "millimeters": "mm", "millimetres": "mm",
    "micrometer": "um", "micrometre": "um", "micrometers": "um", "micron": "um", "microns": "um",
    "µm": "um", "μm": "um", "\\u00b5m": "um",
    "nanometer": "nm", "nanometre": "nm", "nanometers": "nm",
    "å": "angstrom", "angstroms": "angstrom", "ångström": "angstrom", "ångstrom": "angstrom",
}  # fmt: skip


def unit_named(text: str | None) -> str | None:
    """Return the unit that a file's own word for it means; None where it is no length we know."""
    word = (text or "").strip().lower()
    word = _SPELLINGS.get(word, word)
    return word if word in METRES else None


def in_one_unit(words: Sequence[str | None]) -> tuple[list[float], str | None]:
    """Return the factors that bring lengths along each axis to the unit of the first, and that unit.

    `words` are the file's for the axes' units. Where one is no length we know: ones, and None.
    """
    units = [unit_named(word) for word in words]
    metres = [METRES[unit] for unit in units if unit]
    if not words or len(metres) < len(words):
        return [1.0] * len(words), None
    return [each / metres[0] for each in metres], units[0]


def no_lengths(words: Sequence[str]) -> str:
    """Say that a file's units are not all lengths."""
    return f"the file's units are no lengths ({', '.join(words)}): none is told"
