# SPDX-License-Identifier: MIT
"""Nothing under the final name is ever half: runs are killed, disks full, chunks damaged."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import kills
import numpy as np
import pytest
import volumes
from streaming_cases import SHAPE, broken
from torchmcubes_bw import stream_surface

NOISE = volumes.noise((40, 60, 60))
posix = pytest.mark.skipif(os.name != "posix", reason="signals and limits as POSIX has them")


@posix
def test_killed_at_random_moments():
    seen = kills.kill_runs(6)
    assert sum(seen.values()) == 6


@posix
@pytest.mark.parametrize("output", ["m.ply", "m", "m.zarr"])
def test_a_full_disk(output, tmp_path):
    """The largest file that the process may write is a tenth of the mesh."""
    np.save(tmp_path / "vol.npy", NOISE)
    out = tmp_path / "out" / output
    out.parent.mkdir()
    code = f"""
import resource, numpy as np
resource.setrlimit(resource.RLIMIT_FSIZE, (300000, 300000))
from torchmcubes_bw import stream_surface
try:
    stream_surface(np.load({str(tmp_path / "vol.npy")!r}, mmap_mode="r"), 0.1, {str(out)!r}, slab_planes=3)
except OSError as error:
    print(error.errno, error.strerror)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{errno.EFBIG} cannot write {out}: File too large, at "), done.stdout
    assert list(out.parent.iterdir()) == []


def can_mount():
    """Whether this user may mount a file system that nobody else sees."""
    tried = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True)
    return tried.returncode == 0


@pytest.mark.parametrize("output", ["m.ply", "m", "m.zarr"])
def test_a_file_system_that_is_full(output, tmp_path):
    if shutil.which("unshare") is None or not can_mount():
        pytest.skip("no file system may be mounted here")
    np.save(tmp_path / "vol.npy", NOISE)
    (tmp_path / "small").mkdir()
    code = f"""
import os, numpy as np
from torchmcubes_bw import stream_surface
try:
    stream_surface(np.load({str(tmp_path / "vol.npy")!r}, mmap_mode="r"), 0.1, {output!r}, slab_planes=3)
except OSError as error:
    print(error.errno, error.strerror, os.listdir())
"""
    small = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=1m none "$0" && cd "$0" && exec "$@"']
    command = [*small, tmp_path / "small", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    want = f"{errno.ENOSPC} cannot write {output}: No space left on device, at planes "
    assert done.stdout.startswith(want), done.stdout
    assert done.stdout.endswith(" []\n")


@pytest.mark.parametrize("output", ["m.ply", "m", "m.zarr"])
def test_a_disk_that_fills_up_at_the_end_keeps_the_old_mesh(output, tmp_path, monkeypatch):
    out = tmp_path / output
    stream_surface(NOISE, 0.1, out)
    before = kills.contents(out)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("torchmcubes_bw.streaming.ply.PlyWriter.finish", full)
    monkeypatch.setattr("torchmcubes_bw.streaming.writers.Columns.close", full)
    with pytest.raises(OSError, match=f"cannot write .*{output}: No space left on device, at the end"):
        stream_surface(NOISE, 0.2, out)
    assert kills.contents(out) == before
    assert [p.name for p in tmp_path.iterdir()] == [output]


@pytest.mark.parametrize("output", ["m.ply", "m", "m.zarr"])
def test_planes_that_cannot_be_read_leave_nothing(output, tmp_path):
    with pytest.raises(
        RuntimeError, match="planes 10 to 14 of vol cannot be read: the chunk's checksum is wrong"
    ):
        stream_surface(broken, 0.0, tmp_path / output, shape=SHAPE, slab_planes=5)
    assert list(tmp_path.iterdir()) == []


@posix
def test_two_runs_side_by_side_do_not_sweep_each_other(tmp_path):
    np.save(tmp_path / "vol.npy", NOISE)
    runs = [kills.start(tmp_path / "vol.npy", tmp_path / f"m{k}") for k in range(2)]
    for run in runs:
        with run:
            pass
    assert [run.returncode for run in runs] == [0, 0]
    assert kills.contents(tmp_path / "m0") == kills.contents(tmp_path / "m1")
    assert not [p for p in Path(tmp_path).iterdir() if p.name.startswith(".")]
