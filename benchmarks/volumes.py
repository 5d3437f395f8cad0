# SPDX-License-Identifier: MIT
"""What is extracted: the package's fields, and a real scan where nilearn, which carries it, is installed."""

from __future__ import annotations

import torch
from torchmcubes_bw import fields

SCAN = "mni152"
OPEN = ("gyroid", "noise")  # run into the volume's border


def volume(field: str, size: int, dtype: str = "float32") -> tuple[torch.Tensor, float]:
    """Return a volume and its level; the scan comes in its own size and type, whatever is asked for.

    Integer samples are the field's, scaled to a range of some thousand, and no sample is the level.
    """
    if field != SCAN:
        vol, level = fields.sample(field, size), fields.FIELDS[field].level
        kind = getattr(torch, dtype)
        if kind.is_floating_point:
            vol = vol.to(kind)
            vol[vol == level] += 2**-8
            return vol, level
        scaled = ((vol - level) * 1000).round().clamp(-30000, 30000).to(kind)
        return scaled, -0.5
    from nilearn.datasets import load_mni152_template  # noqa: PLC0415 - an optional extra

    template = load_mni152_template(resolution=1).get_fdata(dtype="float32")
    return torch.from_numpy(template).permute(2, 1, 0).contiguous(), 0.62137  # no sample has this value
