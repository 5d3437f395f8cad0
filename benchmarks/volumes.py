# SPDX-License-Identifier: MIT
"""What is extracted: the package's fields, and a real scan where nilearn, which carries it, is installed."""

from __future__ import annotations

import torch
from torchmcubes_bw import fields

SCAN = "mni152"
OPEN = ("gyroid", "noise")  # run into the volume's border


def volume(field: str, size: int) -> tuple[torch.Tensor, float]:
    """Return a volume and its level; the scan comes in its own size, whatever is asked for."""
    if field != SCAN:
        return fields.sample(field, size), fields.FIELDS[field].level
    from nilearn.datasets import load_mni152_template  # noqa: PLC0415 - an optional extra

    template = load_mni152_template(resolution=1).get_fdata(dtype="float32")
    return torch.from_numpy(template).permute(2, 1, 0).contiguous(), 0.62137  # no sample has this value
