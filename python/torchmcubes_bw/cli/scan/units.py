# SPDX-License-Identifier: MIT
"""Units of length, and how files spell them."""

from __future__ import annotations

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
