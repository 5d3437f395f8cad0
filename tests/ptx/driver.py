# SPDX-License-Identifier: MIT
"""The CUDA driver that the package's host code opens, whose GPU is the interpreter.

A small library in C stands where libcuda is looked for, and gives out the functions that are offered here.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import util
from pathlib import Path
from typing import Any

from ptx.machine import Launch, Rules
from ptx.memory import WRITTEN, Arena
from ptx.program import Kernel, Program, PtxError, parse
from ptx.threads import Counts, Shape
from ptx.translate import Translated, translate

SOURCE = Path(__file__).parent / "libcuda.c"
_INVALID, _FAULT, _NOT_FOUND = 1, 719, 500
_P, _I, _U, _C = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint, ctypes.c_char_p
_SIZE = ctypes.c_size_t


def compiler() -> list[str] | None:
    """Return the command of a C compiler, or None where there is none."""
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and shutil.which(name.split()[0]):
            return name.split()
    return [sys.executable, "-m", "ziglang", "cc"] if util.find_spec("ziglang") else None


def build_library(folder: Path) -> Path:
    """Compile the library."""
    command = compiler()
    if command is None:
        raise RuntimeError("there is no C compiler (pip install '.[test]' brings one on Linux)")
    library = folder / "libcuda_ptx.so"
    options = ["-O1", "-shared", "-fPIC", "-fvisibility=hidden", str(SOURCE), "-o", str(library)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return library


class Module:
    """A loaded module: its variables lie in the arena, its kernels are translated when first launched."""

    def __init__(self, program: Program, arena: Arena) -> None:
        self.program = program
        self.addresses: dict[str, int] = {}
        self.translated: dict[tuple[str, bool], Translated] = {}
        for variable in program.variables.values():
            if variable.data is None:
                continue
            at = arena.allocate(variable.size, "module")
            arena.bytes[at : at + variable.size] = list(variable.data)
            arena.state[at : at + variable.size] = WRITTEN
            self.addresses[variable.name] = arena.base + at

    def kernel(self, name: str, fine: bool) -> Translated:
        if (name, fine) not in self.translated:
            kernel = self.program.kernels[name].read()
            self.translated[name, fine] = translate(kernel, self.program.variables, self.addresses, fine)
        return self.translated[name, fine]


class Device:
    """A GPU that interprets. What it is told to do is done at once; an error is kept in `error`.

    Attributes:
        rules: how launches run; each has a seed of its own where the rules have one.
        counts: of every launch since the last `counts.clear()`, by the kernel's name.
    """

    def __init__(self, arena_bytes: int, rules: Rules) -> None:
        self.arena = Arena(arena_bytes)
        self.rules = rules
        self.counts: dict[str, Counts] = {}
        self.error: Exception | None = None
        self.modules: dict[int, Module] = {}
        self.functions: dict[int, tuple[Module, Kernel]] = {}
        self.launches = 0
        self.copies = 0
        self._kept: list[Any] = []  # what C holds pointers to

    def offer(self, library: Path) -> None:
        """Make this device the one that the library's driver has, and the library the driver."""
        os.environ["TORCHMCUBES_LIBCUDA"] = str(library)
        offer = ctypes.CDLL(str(library)).ptx_offer
        offer.argtypes = [_C, _P]
        for name, (kinds, call) in self._entries().items():
            function = ctypes.CFUNCTYPE(_I, *kinds)(self._guarded(call))
            self._kept.append(function)
            if not offer(name.encode(), ctypes.cast(function, _P)):
                raise RuntimeError(f"no room for {name}")

    def _guarded(self, call: Callable[..., int]) -> Callable[..., int]:
        def guarded(*arguments: Any) -> int:
            try:
                return call(*arguments)
            except Exception as error:
                self.error = error
                return _FAULT

        return guarded

    def _entries(self) -> dict[str, tuple[tuple[Any, ...], Callable[..., int]]]:
        return {
            "cuInit": ((_U,), lambda _flags: 0),
            "cuGetErrorString": ((_I, ctypes.POINTER(_C)), self._error_string),
            "cuDeviceGet": ((ctypes.POINTER(_I), _I), self._device_get),
            "cuDevicePrimaryCtxRetain": ((ctypes.POINTER(_P), _I), self._handle),
            "cuDevicePrimaryCtxRelease": ((_I,), lambda _device: 0),
            "cuCtxPushCurrent": ((_P,), lambda _context: 0),
            "cuCtxPopCurrent": ((_P,), lambda _context: 0),
            "cuModuleLoadData": ((ctypes.POINTER(_P), _P), self._load),
            "cuModuleUnload": ((_P,), lambda _module: 0),
            "cuModuleGetFunction": ((ctypes.POINTER(_P), _P, _C), self._function),
            "cuLaunchKernel": ((_P, *(_U,) * 7, _P, ctypes.POINTER(_P), _P), self._launch),
            "cuMemsetD8Async": ((ctypes.c_uint64, ctypes.c_ubyte, _SIZE, _P), self._fill),
            "cuMemcpyDtoHAsync": ((_P, ctypes.c_uint64, _SIZE, _P), self._copy_to_host),
            "cuLibraryLoadData": ((ctypes.POINTER(_P), _P, _P, _P, _U, _P, _P, _U), self._load),
            "cuLibraryUnload": ((_P,), lambda _library: 0),
            "cuLibraryGetKernel": ((ctypes.POINTER(_P), _P, _C), self._function),
            "cuKernelGetFunction": ((ctypes.POINTER(_P), _P), self._function_of),
            "cuMemHostAlloc": ((ctypes.POINTER(_P), _SIZE, _U), self._pin),
            "cuStreamSynchronize": ((_P,), lambda _stream: 0),
            "cuStreamIsCapturing": ((_P, ctypes.POINTER(_I)), self._capturing),
        }

    def _error_string(self, _error: int, text: Any) -> int:
        self._kept.append(str(self.error).encode())
        text[0] = self._kept[-1]
        return 0

    @staticmethod
    def _device_get(device: Any, ordinal: int) -> int:
        device[0] = ordinal
        return 0

    @staticmethod
    def _handle(context: Any, _device: int) -> int:
        context[0] = 1
        return 0

    @staticmethod
    def _capturing(_stream: int, status: Any) -> int:
        status[0] = 0
        return 0

    def _load(self, module: Any, image: int, *_options: Any) -> int:
        number = len(self.modules) + 1
        self.modules[number] = Module(parse(ctypes.string_at(image).decode()), self.arena)
        module[0] = number
        return 0

    def _function(self, function: Any, module: int, name: bytes) -> int:
        found = self.modules[module].program.kernels.get(name.decode())
        if found is None:
            return _NOT_FOUND
        number = len(self.functions) + 1
        self.functions[number] = (self.modules[module], found)
        function[0] = number
        return 0

    @staticmethod
    def _function_of(function: Any, kernel: int) -> int:
        function[0] = kernel
        return 0

    def _pin(self, memory: Any, size: int, _flags: int) -> int:
        memory[0] = self.arena.base + self.arena.allocate_pinned(size)
        return 0

    def _launch(self, function: int, *rest: Any) -> int:
        gx, gy, gz, bx, by, bz, dynamic, _stream, parameters, _extra = rest
        module, kernel = self.functions[function]
        shape = Shape((gx, gy, gz), (bx, by, bz), dynamic)
        if shape.blocks == 0 or not 0 < shape.threads <= 1024:
            return _INVALID
        arguments = bytearray()
        for k, variable in enumerate(kernel.params.values()):
            arguments = arguments.ljust(variable.offset, b"\0") + ctypes.string_at(
                parameters[k], variable.size
            )
        self.launches += 1
        rules = self.rules
        if rules.seed is not None:
            rules = replace(rules, seed=rules.seed + self.launches)
        translated = module.kernel(kernel.name, rules.seed is not None)
        done = Launch(translated, shape, bytes(arguments), self.arena, rules).execute()
        self.counts.setdefault(kernel.name, Counts()).add(done)
        return 0

    def _offset(self, address: int, size: int) -> int:
        at = address - self.arena.base
        if not (0 <= at <= self.arena.size - size and self.arena.state[at : at + size].all()):
            raise PtxError(f"the host reaches for {size} bytes that are not allocated")
        return at

    def _fill(self, to: int, value: int, size: int, _stream: int) -> int:
        at = self._offset(to, size)
        self.arena.bytes[at : at + size] = value
        self.arena.state[at : at + size] = WRITTEN
        return 0

    def _copy_to_host(self, to: int, source: int, size: int, _stream: int) -> int:
        at = self._offset(source, size)
        if self.rules.checked and (self.arena.state[at : at + size] != WRITTEN).any():
            raise PtxError("the host reads bytes that nothing was written to")
        self.copies += 1
        ctypes.memmove(to, source, size)
        return 0
