# SPDX-License-Identifier: MIT
"""The kernels aboard, as files: which there are, and which of them serve a compute capability."""

from __future__ import annotations

import io
import json
import tarfile
from functools import lru_cache
from pathlib import Path
from typing import Any

# Jetson's and its relatives' (TX1, TX2, Xavier, Orin, Thor, under its name of CUDA 12 too). A cubin runs on
# another minor version among desktop GPUs only, never from or to one of these.
TEGRA = {53, 62, 72, 87, 88, 101, 110}
THOR = {101, 110}  # one GPU: CUDA 12 calls it 10.1, CUDA 13 calls it 11.0, and code for either runs on it
_NOTHING: dict[str, Any] = {"compiler": None, "options": [], "cubins": [], "ptx": []}
FOLDER = Path(__file__).parent.parent / "kernels"


@lru_cache(maxsize=1)
def manifest() -> dict[str, Any]:
    """Return what kernels are aboard: compiler, options, cubins and PTX by capability (90 for 9.0)."""
    path = FOLDER / "manifest.json"
    if not path.exists():
        return dict(_NOTHING)
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        numbers = [*found["cubins"], *found["ptx"]]
        if not all(type(number) is int for number in numbers):
            raise TypeError(f"{numbers}")
        return {**_NOTHING, **found}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return {**_NOTHING, "damaged": f"{type(error).__name__}: {error}"}


def missing_files() -> tuple[str, ...]:
    """Return the files that the list of kernels names, and that are not there."""
    aboard = manifest()
    named = [f"sm_{c}.cubin" for c in aboard["cubins"]] + [f"compute_{p}.ptx" for p in aboard["ptx"]]
    return tuple(n for n in named if not (_packed(n).exists() or (FOLDER / n).exists()))


def read(image: str) -> bytes:
    """Return a file of kernels, which lie there compressed: cubins in two archives.

    Raises:
        OSError: it is missing or damaged, or this Python has no lzma.
    """
    packed = _packed(image)
    if not packed.exists():
        return (FOLDER / image).read_bytes()
    try:
        import lzma  # noqa: PLC0415 - for GPUs only
    except ImportError as missing:
        raise OSError(f"{packed.name} needs a Python with lzma: {missing}") from None
    try:
        held = lzma.decompress(packed.read_bytes())
        return held if image.endswith(".ptx") else _member(held, image)
    except (lzma.LZMAError, tarfile.TarError, KeyError) as damage:
        raise OSError(f"{packed.name} is damaged: {damage}") from None


def _packed(image: str) -> Path:
    if image.endswith(".ptx"):
        return FOLDER / f"{image}.xz"
    number = int(image[len("sm_") : -len(".cubin")])
    return FOLDER / ("sm_7_to_9.tar.xz" if number < 100 else "sm_10_and_up.tar.xz")


def _member(archive: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive)) as pack, pack.extractfile(name) as file:  # type: ignore[union-attr]
        return file.read()


def images_for(capability: tuple[int, int], cubins: list[int], ptx: list[int]) -> list[str]:
    """Return the files, of those aboard, that serve a compute capability, best first.

    A cubin runs on its own capability and, Tegra's excepted, on higher ones of the same major version; PTX is
    compiled by the driver for any capability from its own on, the newest first.
    """
    number = 10 * capability[0] + capability[1]
    fitting = [c for c in cubins if c == number or {c, number} == THOR or _runs_on_a_later(c, number)]
    older = [p for p in ptx if p <= number]
    return [f"sm_{c}.cubin" for c in sorted(fitting)[-1:]] + [f"compute_{p}.ptx" for p in sorted(older)[::-1]]


def _runs_on_a_later(cubin: int, number: int) -> bool:
    return cubin // 10 == number // 10 and cubin < number and not TEGRA & {cubin, number}


def image_for(capability: tuple[int, int], cubins: list[int], ptx: list[int]) -> str | None:
    """Return the file that is tried first, or None."""
    return next(iter(images_for(capability, cubins, ptx)), None)


def choose_image(capability: tuple[int, int]) -> str | None:
    """Return this build's file that serves a compute capability, or None."""
    return image_for(capability, manifest()["cubins"], manifest()["ptx"])


def _dotted(number: int) -> str:
    return f"{number // 10}.{number % 10}"


def unserved(capability: tuple[int, int], name: str) -> str:
    """Say what the kernels aboard serve, and that it is not this GPU."""
    cubins, ptx = manifest()["cubins"], manifest()["ptx"]
    served = [_dotted(c) for c in cubins if not ptx or c < min(ptx)]
    served += [f"{_dotted(p)} and newer" for p in sorted(ptx)[:1]]
    tegra = ", a Tegra, which runs none but its own" if 10 * capability[0] + capability[1] in TEGRA else ""
    return (
        f"its kernels serve compute capability {', '.join(served)}, and {name} has "
        f"{capability[0]}.{capability[1]}{tegra}: docs/blackwell.md tells how to build for it"
    )
