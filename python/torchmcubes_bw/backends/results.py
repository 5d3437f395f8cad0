# SPDX-License-Identifier: MIT
"""What the backends return, and memory for it on the CPU."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..arguments.samples import address

INT32_MAX = 2**31 - 1  # faces are int64 where there are more vertices


class Surface(NamedTuple):
    """What a backend makes of a request, in voxels."""

    verts: Tensor
    faces: Tensor
    normals: Tensor | None = None

    def to(self, device: torch.device) -> Surface:
        """Return it on another device."""
        return Surface(*(None if part is None else part.to(device) for part in self))  # type: ignore[arg-type]


def empty(rows: int, columns: int, dtype: torch.dtype) -> tuple[Tensor, int]:
    """Allocate a result of rows; return it and its address."""
    result = allocated((rows, columns), dtype)
    return result, address(result, "the result")


def allocated(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Return memory for a result on the CPU, whatever the default device is.

    Raises:
        MemoryError: the machine's memory is full, of which torch says so in other words.
    """
    try:
        return torch.empty(shape, dtype=dtype, device="cpu")
    except RuntimeError as error:
        raise MemoryError(str(error)) from None


def refuse_fake_mode() -> None:
    """Refuse to go on in a FakeTensorMode or a transform of torch.func: new tensors lack memory there."""
    empty(1, 1, torch.float32)
