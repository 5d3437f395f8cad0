# SPDX-License-Identifier: MIT
"""Whether a call is being recorded: of ours a recording holds the results' memory, and not what fills it."""

from __future__ import annotations

import torch

_jit_records = torch._C._is_tracing
# How many modes see every operation of torch; unknown to torch before 2.1.
_modes = getattr(torch._C, "_len_torch_dispatch_stack", lambda: 0)
_modes_before = getattr(torch._ops, "_len_torch_dispatch_stack_pre_dispatch", lambda: 0)


class Recorded(TypeError):
    """A call is being recorded by what takes operators: `operators` answers it."""


def recorded(name: str, by: str) -> TypeError:
    """Return the error for an argument that a recorder hands on."""
    kind = Recorded if by == "make_fx" else TypeError
    return kind(f"{name} must be a tensor with data, got one that {by} is recording")


def recorder() -> str | None:
    """Return the name of what records torch's operations now, or None."""
    if _jit_records():
        return "torch.jit.trace"
    if (_modes() or _modes_before()) and _fx_records():
        return "make_fx"
    return None


def _fx_records() -> bool:
    from torch.fx.experimental import proxy_tensor  # noqa: PLC0415 - slow, and rarely needed

    find = getattr(proxy_tensor, "get_proxy_mode", None) or proxy_tensor.get_innermost_proxy_mode
    return find() is not None
