# SPDX-License-Identifier: MIT
"""`.pt` and `.safetensors`: tensors, without running a pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import CliError
from .choice import Choice
from .extras import library
from .numpy_file import chosen_key
from .scan import Array, Scan


def read(path: Path, choice: Choice) -> Scan:
    """Read the one tensor of a file, or the one that ``--key`` names."""
    if path.suffix.lower() == ".safetensors":
        safetensors = library("safetensors", "tensors", f"reading {path}")
        with safetensors.safe_open(path, framework="pt") as file:
            names = list(file.keys())
            return Scan(_array(file.get_tensor(_name(names, path, choice))))
    import torch  # noqa: PLC0415 - only this format needs it

    loaded = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(loaded, dict):
        tensors = {str(key): value for key, value in loaded.items() if isinstance(value, torch.Tensor)}
        loaded = tensors[_name(list(tensors), path, choice)]
    if not isinstance(loaded, torch.Tensor):
        raise CliError(f"INPUT must hold a tensor, got a {type(loaded).__name__} in {path}")
    return Scan(_array(loaded))


def _name(names: list[str], path: Path, choice: Choice) -> str:
    if not names:
        raise CliError(f"INPUT must hold a tensor, got none in {path}")
    return chosen_key(choice.take("key"), names, path)


def _array(tensor: Any) -> Array:
    import torch  # noqa: PLC0415

    tensor = tensor.detach().cpu().to_dense()
    if tensor.is_floating_point() and tensor.dtype not in (torch.float16, torch.float32, torch.float64):
        tensor = tensor.float()  # NumPy has no bfloat16; each of its values is a float32
    array: Array = tensor.resolve_neg().numpy()
    return array
