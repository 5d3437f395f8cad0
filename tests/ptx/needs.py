# SPDX-License-Identifier: MIT
"""What it takes to execute the shipped PTX, and what is said where it lacks."""

from __future__ import annotations

import os
import sys

import pytest
from ptx.driver import compiler
from torchmcubes_bw import HAS_CUDA, build_info


def lacking() -> str | None:
    """Say why nothing can be executed, or return None."""
    if compiler() is None:
        return "there is no C compiler (pip install '.[test]' brings one)"
    if not build_info()["cuda_ptx"]:
        return "this build has no PTX (TORCH_CUDA_ARCH_LIST names none)"
    return None


def skip_or_fail(reason: str | None) -> None:
    """Skip where something lacks; where CI is set that is a failure, lest the test sleep."""
    if reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


on_linux = [
    pytest.mark.skipif(sys.platform != "linux", reason="the driver without a GPU is made for Linux"),
    pytest.mark.skipif(not HAS_CUDA, reason="this build has no CUDA backend"),
]
