# SPDX-License-Identifier: MIT
"""How files are written: whole or not at all, and nothing left behind."""

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import scans
import trimesh
import volumes
from torchmcubes_bw.cli import write as writing

PROGRAM = [sys.executable, "-m", "torchmcubes_bw"]
NO_ROOM = "No space left on device\n"


@pytest.fixture
def ball(tmp_path_factory):
    """A file: a sample would import torch in every run."""
    path = tmp_path_factory.mktemp("ball") / "ball.npy"
    np.save(path, volumes.ball((16, 16, 16), (7.2, 7.1, 7.3), 5))
    return str(path)


def has_nameless_files(folder):
    """Tell whether the system and a folder's file system have files without a name."""
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600))
    except (AttributeError, OSError):
        return False
    return True


def test_full_disk_keeps_the_old_file(ball, tmp_path, monkeypatch):
    out = tmp_path / "m.ply"
    out.write_bytes(b"old")

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(writing.ply, "write", full)
    result = scans.command("extract", ball, "-o", out, code=1)
    assert result.stderr == f"error: cannot write {out}: No space left on device\n"
    assert out.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["m.ply"]


def test_a_file_a_label_all_or_none(tmp_path):
    labels, taken = tmp_path / "labels.npy", tmp_path / "m_label_2.ply"
    np.save(labels, np.pad(np.array([[[1, 2]]], np.uint8), 1))
    taken.mkdir()
    result = scans.command("extract", labels, "--labels", "all", "-o", tmp_path / "m.ply", code=2)
    assert result.stderr == f"error: --output must be a file, got the folder {taken}\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["labels.npy", taken.name]


def test_size_limit_of_a_real_file_system(ball, tmp_path):
    resource = pytest.importorskip("resource")
    out = tmp_path / "m.ply"
    done = subprocess.run(
        [*PROGRAM, "extract", ball, "-o", out],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == f"error: cannot write {out}: File too large\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="these are POSIX's signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGKILL"])
def test_interrupted_run_leaves_nothing(name, ball, tmp_path):
    if name == "SIGKILL" and not has_nameless_files(tmp_path):
        pytest.skip("a file must have a name here while it is written")
    out = tmp_path / "m.ply"
    code = (
        "import time\n"
        "from torchmcubes_bw.cli import write\n"
        "from torchmcubes_bw.cli.app import app\n"
        # In short sleeps: a signal just before a sleep is answered only after it.
        "write.ply.write = lambda *_, **__: (print('writing', flush=True), *map(time.sleep, [0.05] * 1200))\n"
        f"app(['extract', {ball!r}, '-o', {str(out)!r}])\n"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                           stderr=subprocess.DEVNULL)  # fmt: skip
    assert run.stdout.readline() == "writing\n"
    assert not out.exists()
    run.send_signal(getattr(signal, name))
    begin = time.monotonic()
    assert run.wait(timeout=30) != 0
    run.stdout.close()
    assert time.monotonic() - begin < 30
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="modes and links as POSIX has them")
def test_mode_and_link_stay(ball, tmp_path):
    real, link = tmp_path / "real.ply", tmp_path / "link.ply"
    scans.command("extract", ball, "-o", real)
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(real.stat().st_mode) == 0o666 & ~umask
    real.chmod(0o604)
    link.symlink_to(real.name)
    before = real.stat().st_ino
    scans.command("extract", ball, "-o", link)
    assert link.is_symlink()
    assert real.stat().st_ino != before
    assert stat.S_IMODE(real.stat().st_mode) == 0o604
    assert trimesh.load_mesh(link).is_watertight


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_owner_stays(ball, tmp_path):
    out = tmp_path / "m.ply"
    out.write_bytes(b"old")
    os.chown(out, 1234, 4321)
    scans.command("extract", ball, "-o", out)
    assert (out.stat().st_uid, out.stat().st_gid) == (1234, 4321)


def test_the_longest_name(ball, tmp_path):
    out = tmp_path / ("m" * 251 + ".ply")
    scans.command("extract", ball, "-o", out)
    assert out.stat().st_size > 1000


@pytest.mark.skipif(os.name != "posix", reason="a pipe is no file there")
def test_a_pipe_is_no_target(ball, tmp_path):
    os.mkfifo(tmp_path / "pipe.ply")
    said = scans.command("extract", ball, "-o", tmp_path / "pipe.ply", code=2).stderr
    assert said == f"error: --output must be a file, got the device or pipe {tmp_path / 'pipe.ply'}\n"


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_nobody_reads_what_is_said(ball, tmp_path):
    out = tmp_path / "m.ply"
    program = " ".join([*PROGRAM, "extract", ball, "-o", str(out)])
    command = f"set -o pipefail; {program} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert out.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize(
    "command, code, said",
    [
        (
            "extract BALL -o m.ply >/dev/full",
            0,
            "warning: nothing more is printed: No space left on device\n",
        ),
        ("extract BALL -o m.ply >/dev/full 2>/dev/full", 0, ""),
        ("extract BALL -o m.ply 2>&- >/dev/null", 0, ""),
        ("extract BALL -o m.ply >&-", 0, ""),
        ("extract BALL -o m.ply <&- >&- 2>&-", 0, ""),
        ("extract nope.npy -o m.ply 2>&-", 2, ""),
        ("extract nope.npy -o m.ply 2>/dev/full", 2, ""),
        ("--version >/dev/full", 1, f"error: {NO_ROOM}"),
        ("--help >&-", 0, ""),
    ],
)
def test_streams_that_are_full_or_closed(command, code, said, ball, tmp_path):
    shell = f"{' '.join(PROGRAM)} {command.replace('BALL', ball)}"
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (code, said)
    written = "BALL" in command
    assert (tmp_path / "m.ply").exists() == written
    if written:
        assert trimesh.load_mesh(tmp_path / "m.ply").is_watertight
