# SPDX-License-Identifier: MIT
"""Load a compiled module by its path, without torch or NumPy; print its SIMD level, all levels, a hash.

    TORCHMCUBES_SIMD=scalar python scripts/load_core.py PATH/_core.SUFFIX

The hash is of the meshes of whole numbers, in every dtype that Python's own arrays hold. Every build gives
the same one, `MESHES`, at every level. The interpreter then ends while a daemon thread is in a call, which no
build may crash at.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import sys
import threading
import time
from array import array
from collections.abc import Callable
from types import ModuleType

SHAPE = (20, 21, 130)
DTYPES = {"float32": "f", "float64": "d", "int8": "b", "uint8": "B", "int16": "h", "int32": "i"}
MESHES = "92b00c2d500b0b9f263c72de3d31198e0b63f1c040b51f7cc1ad2b904d90ac6c"


def load(path: str) -> ModuleType:
    """Return the module of a file."""
    loader = importlib.machinery.ExtensionFileLoader("torchmcubes_bw._core", path)
    spec = importlib.util.spec_from_loader("torchmcubes_bw._core", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def mesh_hash(core: ModuleType) -> str:
    """Return a hash of a mesh for each dtype: its vertices, then its faces."""
    nz, ny, nx = SHAPE
    whole = [
        (x * x + 2 * y * y + 3 * z * z + x * y // 4) % 1031 % 97
        for z in range(nz)
        for y in range(ny)
        for x in range(nx)
    ]
    hashed = hashlib.sha256()
    for dtype, code in DTYPES.items():
        samples = array(code, whole)
        strides, unmasked = (ny * nx, nx, 1), (0, (0, 0, 0), False, False)
        address = samples.buffer_info()[0]
        plan = core.prepare(address, dtype, SHAPE, strides, 40.5, *unmasked, (1.0, 1.0, 1.0), 0, 2)
        verts = array("d" if dtype == "float64" else "f", [0]) * (3 * plan.vertices)
        faces = array("i", [0]) * (3 * plan.triangles)
        plan.emit(verts.buffer_info()[0], faces.buffer_info()[0], False)
        hashed.update(verts.tobytes() + faces.tobytes())
    return hashed.hexdigest()


class Lasting:
    """Makes the end of the interpreter last as long as a call of `be_in_a_call`."""

    def __del__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        sleep(1)


def be_in_a_call(core: ModuleType, entered: threading.Event) -> None:
    """Extract from planes that are all one: a long call on little memory."""
    plane = array("f", [0, 1] * 2**17)
    shape, strides, unmasked = (500, 512, 512), (0, 512, 1), (0, (0, 0, 0), False, False)
    entered.set()
    core.prepare(plane.buffer_info()[0], "float32", shape, strides, 0.5, *unmasked, (1.0, 1.0, 1.0), 0, 1)


if __name__ == "__main__":
    core = load(sys.argv[1])
    print(core.simd_level(), ",".join(core.simd_levels()), mesh_hash(core), flush=True)
    entered = threading.Event()
    sys.lasting = Lasting()  # what this module holds is not let go of while the thread runs in it
    sys.setswitchinterval(60)  # the thread keeps the interpreter until it is in the core
    threading.Thread(target=be_in_a_call, args=(core, entered), daemon=True).start()
    entered.wait()
