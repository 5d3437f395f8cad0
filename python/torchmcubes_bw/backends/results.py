# SPDX-License-Identifier: MIT
"""Memory for results on the CPU."""

from __future__ import annotations

import torch
from torch import Tensor

from ..arguments.samples import address


def empty(rows: int, columns: int, dtype: torch.dtype) -> tuple[Tensor, int]:
    """Allocate a result on the CPU, whatever the default device is; return it and its address."""
    result = torch.empty((rows, columns), dtype=dtype, device="cpu")
    return result, address(result, "the result")


def refuse_fake_mode() -> None:
    """Refuse to go on in a FakeTensorMode or a transform of torch.func: new tensors lack memory there."""
    empty(1, 1, torch.float32)
