# SPDX-License-Identifier: MIT
"""What is extracted: the package's fields, and a real scan where nilearn, which carries it, is installed."""

from __future__ import annotations

import torch
from torchmcubes_bw import fields, marching_cubes
from torchmcubes_bw.measure import mesh_bytes

SCAN = "mni152"
NAMES = (*fields.FIELDS, SCAN)
SWEPT = ("metaballs", "gyroid")  # at every size; the others at one
OPEN = ("gyroid", "noise")  # run into the volume's border
DTYPES = ("float32", "float64", "float16", "bfloat16", "int32", "int16")

Case = tuple[str, int, str]
"""Field, samples a side, sample type; of the scan the side is the longest."""
_SCAN_CASE: Case = (SCAN, 233, "float32")


def cases(names: list[str] | None, sizes: list[int], dtypes: list[str]) -> list[Case]:
    """List what is extracted, small volumes first.

    The fields named are taken at every size; where none are named, all of them, but most at one size only, the
    one nearest to 256. Types but the first are compared at that size too. The scan has one size and type.
    """
    middle = min(sizes, key=lambda size: abs(size - 256))
    everywhere = names or list(SWEPT)
    found = [(f, n, dtypes[0]) for f in everywhere for n in sizes]
    found += [(f, middle, dtypes[0]) for f in names or NAMES if f not in everywhere]
    found += [(f, middle, dtype) for dtype in dtypes[1:] for f in everywhere]
    listed = [_SCAN_CASE if case[0] == SCAN else case for case in found]
    return sorted(dict.fromkeys(listed), key=lambda case: case[1])


def volume(case: Case) -> tuple[torch.Tensor, float]:
    """Return a case's volume and its level.

    Integer samples are the field's, scaled to a range of some thousand, and no sample is the level.
    """
    field, size, dtype = case
    if field == SCAN:
        return _scan()
    vol, level = fields.sample(field, size), fields.FIELDS[field].level
    kind = getattr(torch, dtype)
    if kind.is_floating_point:
        vol = vol.to(kind)
        vol[vol == level] += 2**-8
        return vol, level
    # In place: the one volume is the most that a large case has room for.
    return vol.sub_(level).mul_(1000).round_().clamp_(-30000, 30000).to(kind), -0.5


def _scan() -> tuple[torch.Tensor, float]:
    from nilearn.datasets import load_mni152_template  # noqa: PLC0415 - an optional extra

    template = load_mni152_template(resolution=1).get_fdata(dtype="float32")
    return torch.from_numpy(template).permute(2, 1, 0).contiguous(), 0.62137  # no sample has this value


def bytes_needed(case: Case) -> int:
    """Return about what it takes to make a case's volume, to extract our mesh and to check it."""
    field, size, dtype = case
    itemsize = getattr(torch, dtype).itemsize
    # Made as float32, compared with the level (a bool), then converted; then widened for the rivals.
    made = size**3 * (5 if dtype == "float32" else 4 + itemsize + 4)
    if field == SCAN:
        return made
    small = max(2, size // 4)
    mesh = mesh_bytes(*marching_cubes(fields.sample(field, small), fields.FIELDS[field].level))
    growth = (size / small) ** (3 if field == "noise" else 2)  # a surface grows with the square
    return made + int(
        mesh * growth * (3 if field in OPEN else 10)
    )  # whether it is closed takes a sort of all edges
