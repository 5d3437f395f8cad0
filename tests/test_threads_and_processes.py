# SPDX-License-Identifier: MIT
"""What else a process does while a call runs: a fork, its own end, a floating-point mode of its own."""

import platform
import subprocess
import sys

import pytest

NEEDS_FORK = pytest.mark.skipif(sys.platform == "win32", reason="no fork on this platform")


def run(code, folder, *arguments):
    """Run a snippet in an interpreter that is killed where it hangs."""
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)


BETWEEN_THE_HALVES = """
import os, numpy, torch
from torchmcubes_bw import marching_cubes
torch.set_num_threads(3)
vol = torch.from_numpy(numpy.random.default_rng(0).random((130, 130, 130), numpy.float32))

def mesh():  # as bytes: torch's own threads do not survive a fork
    return [part.numpy().tobytes() for part in marching_cubes(vol, 0.1)]

want = mesh()
children, empty = [], torch.empty

def fork_then_allocate(*size, **kind):  # the counts are known, the threads wait for the emission
    if len(children) < 5:
        children.append(os.fork())
        if children[-1] == 0:
            torch.empty = empty
    return empty(*size, **kind)

torch.empty = fork_then_allocate
for again in range(3):
    same = mesh() == want
    if 0 in children:
        os._exit(0 if same and mesh() == want else 1)
    assert same, "the parent's mesh differs"
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""


@NEEDS_FORK
def test_a_fork_in_the_middle_of_a_call(tmp_path):
    done = run(BETWEEN_THE_HALVES, tmp_path)
    assert (done.stdout, done.stderr) == ("[0, 0, 0, 0, 0]\n", "")


# The interpreter's end takes two seconds, in which the core comes back and asks for the GIL. The thread keeps
# the GIL from `started` until the core lets go of it: torch asking for it would end the process.
AT_THE_END = """
import sys, threading, time, torch
from torchmcubes_bw import _core, grid_interp, marching_cubes
sys.setswitchinterval(60)
torch.set_num_threads({threads})
noise = torch.rand(512, 512)
vol = noise.expand(1500, 512, 512)  # a second of work, a megabyte of memory
points = torch.rand(1, 3).expand(10_000_000, 3).contiguous()

class Lasting:
    def __del__(self, sleep=time.sleep):
        sleep(2)

sys.lasting = Lasting()  # what this module holds is not let go of while the thread runs in it
started, into_the_core = threading.Event(), _core.{entry}

def entry(*arguments):
    started.set()
    return into_the_core(*arguments)

_core.{entry} = entry
threading.Thread(target=lambda: {call}, daemon=True).start()
started.wait()
"""


@pytest.mark.parametrize(
    ("entry", "call"),
    [("prepare", "marching_cubes(vol, 0.5)"), ("grid_interp", "grid_interp(noise[None, None], points)")],
)
@pytest.mark.parametrize("threads", [1, 3])
def test_the_interpreter_ends_while_a_daemon_thread_is_in_a_call(entry, call, threads, tmp_path):
    done = run(AT_THE_END.format(entry=entry, call=call, threads=threads), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


IN_THE_END = """
import os, sys
from array import array
from torchmcubes_bw import _core

samples = array("f", [0, 1] * 500)
request = (samples.buffer_info()[0], "float32", (10, 10, 10), (100, 10, 1), 0.5)
rest = (0, (0, 0, 0), False, False, (1.0, 1.0, 1.0), 0, 2)

class Last:
    def __del__(self, prepare=_core.prepare, told=(*request, *rest), held=samples, write=os.write):
        write(1, b"%d" % prepare(*told).vertices)

sys.last = Last()
"""


def test_a_call_while_the_interpreter_ends(tmp_path):
    """The thread that ends it may call: only others wait for the end."""
    done = run(IN_THE_END, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "900", "")


FLUSHING = """
import ctypes, ctypes.util, numpy, sys, torch
from torchmcubes_bw import _core, grid_interp, marching_cubes
tiny = torch.tensor([1e-310], dtype=torch.float64)
noise = numpy.random.default_rng(0).integers(-999, 999, (70, 71, 72))
vol = torch.from_numpy((noise * 1e-44).astype("float32"))
wide = torch.from_numpy(noise * 1e-322)
points = torch.from_numpy(numpy.random.default_rng(1).random((40_000, 3), "float32") * 70)

def results():
    found = [*marching_cubes(vol, 3e-43), *marching_cubes(wide, 3e-322), grid_interp(vol[None], points)]
    return [part.numpy().tobytes() for part in found]

def flushes():
    return (tiny * 1).item() == 0

def one_third():
    return (torch.ones(1) / torch.full((1,), 3.0)).item()

for threads in (1, 3):
    torch.set_num_threads(threads)
    want, third = results(), one_third()
    if torch.set_flush_denormal(True):
        assert flushes()
        assert results() == want, "the mesh depends on set_flush_denormal"
        assert flushes(), "the caller's mode was not given back"
        torch.set_flush_denormal(False)
    library = ctypes.CDLL(ctypes.util.find_library("m"))
    downward = {"x86_64": 0x400, "aarch64": 0x800000}[sys.argv[1]]
    assert library.fesetround(downward) == 0
    down_third = one_third()
    got, kept = results(), library.fegetround()
    library.fesetround(0)
    assert down_third < third
    assert got == want, "the mesh depends on the rounding mode"
    assert kept == downward
print("the same")
"""


@pytest.mark.skipif(
    (sys.platform, platform.machine()) not in [("linux", "x86_64"), ("linux", "aarch64")],
    reason="names the rounding modes of Linux's C library",
)
def test_a_floating_point_mode_of_the_callers(tmp_path):
    done = run(FLUSHING, tmp_path, platform.machine())
    assert (done.stdout, done.stderr) == ("the same\n", "")
