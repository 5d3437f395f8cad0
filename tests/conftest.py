# SPDX-License-Identifier: MIT
from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest
import torch
import torchmcubes_bw
from ptx import workers


def pytest_report_header():
    """Say what the suite runs on, and whether the GPU tests are among it."""
    info = torchmcubes_bw.build_info()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none, so the GPU tests are skipped"
    return f"torchmcubes-bw {info['version']}: SIMD {info['simd']}, kernels {info['cuda_cubins']}, GPU {gpu}"


def pytest_terminal_summary(terminalreporter):
    """Say how much of the shipped PTX was executed."""
    if workers.summary():
        terminalreporter.write_line(workers.summary())


def mesh_hash(verts, faces):
    """Return a digest of a mesh's bytes, shapes and types."""
    digest = hashlib.sha256()
    for tensor in (verts, faces):
        array = tensor.cpu().numpy()
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


@pytest.fixture(autouse=True)
def same_numbers():
    """Let torch's random numbers be the same in every run of a test."""
    torch.manual_seed(0)


@pytest.fixture
def run_python():
    """Run a snippet in a fresh interpreter and return what it prints."""

    def run(code, check=True, **environment):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(done.stderr)
        return done.stdout.strip() if check else done

    return run


@pytest.fixture
def threads():
    """Set torch's thread count for one test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)
