# SPDX-License-Identifier: MIT
"""The SIMD flags of cmake/isa.cmake, for what compiles without CMake."""

from __future__ import annotations

from pathlib import Path

_FILE = Path(__file__).parent.parent / "cmake" / "isa.cmake"


def isa_flags(source: Path, triple: str) -> list[str]:
    """Return the flags that a file of csrc/cpu/simd gets for a target."""
    if not triple.startswith("x86_64") or source.stem not in ("avx2", "avx512"):
        return []
    text = _FILE.read_text("utf-8")

    def flags(level: str) -> list[str]:
        listed = text.split(f"set(TORCHMCUBES_{level}_FLAGS")[1].split(")")[0]
        return [flag for flag in listed.split() if flag.startswith("-m")]

    return flags("AVX2") + (flags("AVX512") if source.stem == "avx512" else [])
