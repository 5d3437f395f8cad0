# SPDX-License-Identifier: MIT
"""Compile the CUDA kernels with NVRTC: one cubin an architecture, PTX where asked for, and a manifest.

With --prebuilt, take a folder of kernels that this script has compiled elsewhere, from the same sources.

NVRTC is a library, so this needs no nvcc, no toolkit and no host compiler. It is called through ctypes: nine
of its functions are used, which have not changed since CUDA 11.1.
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import glob
import hashlib
import importlib.util
import io
import json
import lzma
import os
import re
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

OLDEST = (12, 8)  # the first that knows compute capability 12.0
NAMES = {  # torch's names of architectures, as TORCH_CUDA_ARCH_LIST takes them
    "Volta": "7.0+PTX",
    "Turing": "7.5+PTX",
    "Ampere": "8.0;8.6+PTX",
    "Ada": "8.9+PTX",
    "Hopper": "9.0+PTX",
    "Blackwell": "10.0;12.0+PTX",
}
# One rounding everywhere: no fused multiply-add, no flushed subnormals, no approximate division.
OPTIONS = ["--std=c++17", "--fmad=false", "--ftz=false", "--prec-div=true", "-default-device"]
# Of a cubin: its instructions have 16 bytes, which is told to the packer.
PACKED_CODE = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 0, "lp": 4, "pb": 4}]


class NvrtcError(Exception):
    """NVRTC refused the source, or the list of architectures or the prebuilt kernels are at fault."""


class NvrtcMissing(NvrtcError):
    """There is no NVRTC, or none that is new enough."""


def libraries() -> list[str]:
    """Return where NVRTC may be: Python packages first, then a toolkit, then the system's search path."""
    found = []
    for package in ("nvidia.cuda_nvrtc", "nvidia.cu13", "nvidia"):
        try:
            spec = importlib.util.find_spec(package)
        except ModuleNotFoundError:
            continue
        for folder in (spec.submodule_search_locations or []) if spec else []:
            for pattern in (
                "lib/libnvrtc.so.1[23]",
                "bin/nvrtc64_1[23]*_0.dll",
                "bin/x86_64/nvrtc64_1[23]*_0.dll",
            ):
                found += sorted(glob.glob(str(Path(folder) / pattern)))
    for home in (os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"):
        if home:
            for pattern in ("lib64/libnvrtc.so.1[23]", "bin/nvrtc64_1[23]*_0.dll"):
                found += sorted(glob.glob(str(Path(home) / pattern)))
    system = ctypes.util.find_library("nvrtc")
    return found + ([system] if system else [])


def open_builtins(folder: Path) -> None:
    """Open the library that NVRTC wants when it compiles; not every NVRTC looks in its own folder."""
    for path in sorted(folder.glob("libnvrtc-builtins.so.*")):
        ctypes.CDLL(str(path))


class Nvrtc:
    """The library, opened; the first that is new enough."""

    def __init__(self) -> None:
        seen = []
        for path in libraries():
            try:
                self._library = ctypes.CDLL(path)
            except OSError as error:
                seen.append(f"{path}: {error}")
                continue
            major, minor = ctypes.c_int(), ctypes.c_int()
            self._library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
            self.version = (major.value, minor.value)
            if self.version >= OLDEST:
                open_builtins(Path(path).parent)
                return
            seen.append(f"{path}: version {major.value}.{minor.value}")
        wanted = f"NVRTC {OLDEST[0]}.{OLDEST[1]} or newer (pip install nvidia-cuda-nvrtc-cu12)"
        raise NvrtcMissing(f"the CUDA kernels need {wanted}, found {'; '.join(seen) or 'none'}")

    @property
    def name(self) -> str:
        """The compiler's name with its version, as the manifest has it."""
        return f"NVRTC {self.version[0]}.{self.version[1]}"

    def architectures(self) -> list[int]:
        """Return the compute capabilities it compiles for, 90 for 9.0."""
        count = ctypes.c_int()
        self._check(self._library.nvrtcGetNumSupportedArchs(ctypes.byref(count)))
        known = (ctypes.c_int * count.value)()
        self._check(self._library.nvrtcGetSupportedArchs(known))
        return list(known)

    def compile(self, source: Path, options: list[str], kind: str) -> tuple[bytes, str]:
        """Return the ``CUBIN`` or ``PTX`` of a source file, and what the compiler said."""
        program = ctypes.c_void_p()
        text, name = source.read_bytes(), str(source).encode()
        self._check(self._library.nvrtcCreateProgram(ctypes.byref(program), text, name, 0, None, None))
        given = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
        status = self._library.nvrtcCompileProgram(program, len(options), given)
        log = self._read(program, "ProgramLog").decode(errors="replace").rstrip("\0")
        if status:
            raise NvrtcError(f"NVRTC refused {source} with {' '.join(options)}:\n{log}")
        code = self._read(program, kind)
        self._library.nvrtcDestroyProgram(ctypes.byref(program))
        return code, log

    def _read(self, program: ctypes.c_void_p, what: str) -> bytes:
        size = ctypes.c_size_t()
        self._check(getattr(self._library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
        buffer = ctypes.create_string_buffer(size.value)
        self._check(getattr(self._library, f"nvrtcGet{what}")(program, buffer))
        return buffer.raw

    def _check(self, status: int) -> None:
        if status:
            self._library.nvrtcGetErrorString.restype = ctypes.c_char_p
            raise NvrtcError(f"NVRTC: {self._library.nvrtcGetErrorString(status).decode()}")


def parse_architectures(text: str) -> tuple[list[int], list[int]]:
    """Split a list as torch or CMake writes it into capabilities for cubins and for PTX.

    >>> parse_architectures("8.6;12.0+PTX")
    ([86, 120], [120])
    >>> parse_architectures("86-real;120")
    ([86, 120], [120])
    """
    real: list[int] = []
    virtual: list[int] = []
    for item in filter(None, re.split(r"[;, ]+", text)):
        if item in NAMES:
            more_real, more_virtual = parse_architectures(NAMES[item])
            real, virtual = real + more_real, virtual + more_virtual
            continue
        match = re.fullmatch(r"(?:(\d+)\.(\d)|(\d{2,3}))[af]?(\+PTX|-real|-virtual)?", item)
        if not match:
            raise NvrtcError(
                f"an architecture must look like 8.6, 12.0+PTX, 86-real or Blackwell, got {item}"
            )
        number = int(match[3]) if match[3] else 10 * int(match[1]) + int(match[2])
        if match[4] != "-virtual":
            real.append(number)
        if match[4] in ("+PTX", "-virtual") or (match[3] and match[4] is None):
            virtual.append(number)
    return sorted(set(real)), sorted(set(virtual))


def select(wanted: list[int], known: list[int], version: tuple[int, int]) -> list[int]:
    """Keep the architectures the compiler knows; say in one line which are left out."""
    unknown = [f"{number // 10}.{number % 10}" for number in wanted if number not in known]
    if unknown:
        print(f"left out: NVRTC {version[0]}.{version[1]} does not know {', '.join(unknown)}")
    return [number for number in wanted if number in known]


def resources(log: str) -> dict[str, dict[str, int]]:
    """Return what each kernel takes of the GPU, from the assembler's report."""
    found = {}
    for part in log.split("Compiling entry function '")[1:]:
        stack, stores, loads = (
            int(n) for n in re.search(r"(\d+) bytes stack.*?(\d+) b.*?(\d+) b", part).groups()
        )
        shared = re.search(r"(\d+) bytes smem", part)
        found[part[: part.index("'")]] = {
            "registers": int(re.search(r"Used (\d+) registers", part)[1]),
            "shared_bytes": int(shared[1]) if shared else 0,
            "stack_bytes": stack,
            "spill_bytes": stores + loads,
        }
    return found


def digest(source: Path) -> str:
    """Return a digest of all that is compiled, whatever its line ends."""
    folder = source.parent
    files = [source, *folder.glob("*.cuh"), *folder.glob("*job.h"), *(folder.parent / "core").glob("*.h")]
    whole = hashlib.sha256()
    for path in sorted((path for path in files if path.exists()), key=lambda path: path.parts[-2:]):
        whole.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return whole.hexdigest()


def prebuilt_files(source: Path, folder: Path) -> list[Path]:
    """Return the files of a folder of compiled kernels, which must be all there and of these sources.

    The host hands the kernels one struct, so those of other sources would read it wrongly.
    """
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise NvrtcError(f"TORCHMCUBES_PREBUILT_KERNELS must be a folder with a manifest.json, got {folder}")
    held = json.loads(manifest.read_text("utf-8"))
    names = sorted({pack_of(n) for n in held["cubins"]}) + [f"compute_{n}.ptx.xz" for n in held["ptx"]]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing or not names:
        lacks = f"no {', '.join(missing) or 'kernels'}"
        raise NvrtcError(f"TORCHMCUBES_PREBUILT_KERNELS must hold what its manifest lists, got {lacks}")
    if held.get("sources") != digest(source):
        raise NvrtcError(f"TORCHMCUBES_PREBUILT_KERNELS must be compiled from these sources, got {folder}")
    return [*(folder / name for name in names), manifest]


def take_prebuilt(source: Path, out: Path, folder: Path) -> None:
    """Copy kernels compiled elsewhere, instead of compiling."""
    files = prebuilt_files(source, folder)
    empty(out)
    for path in files:
        shutil.copyfile(path, out / path.name)
    print(f"kernels taken from {folder}: {', '.join(path.name for path in files[:-1])}")


def empty(out: Path) -> None:
    """Make the folder, without the kernels of another build."""
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob("*.xz"), *out.glob("*.cubin"), *out.glob("*.ptx")]:
        old.unlink()


def pack_of(number: int) -> str:
    """Return the file that a cubin lies in: with those of like instructions, which makes it smaller."""
    return "sm_7_to_9.tar.xz" if number < 100 else "sm_10_and_up.tar.xz"


def packed(cubins: dict[str, bytes]) -> bytes:
    """Return cubins as one archive, the same bytes in every build."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as whole:
        for name, code in cubins.items():
            member = tarfile.TarInfo(name)
            member.size = len(code)
            whole.addfile(member, io.BytesIO(code))
    return lzma.compress(archive.getvalue(), filters=PACKED_CODE)


def images(nvrtc: Nvrtc, architectures: str) -> list[str]:
    """Return the files to compile of a list of architectures: cubins, then PTX."""
    known = nvrtc.architectures()
    real, virtual = (select(part, known, nvrtc.version) for part in parse_architectures(architectures))
    if not real and not virtual:
        raise NvrtcError(f"no architecture is left of {architectures or 'an empty list'}")
    return [f"sm_{number}.cubin" for number in real] + [f"compute_{number}.ptx" for number in virtual]


def compile_image(nvrtc: Nvrtc, source: Path, parts: Path, image: str) -> None:
    """Compile one file and, of a cubin, what its kernels take, as JSON beside it."""
    target, _, ending = image.partition(".")
    given = [f"--gpu-architecture={target}", *OPTIONS, f"-I{source.parent}"]
    if ending == "ptx":
        code, _ = nvrtc.compile(source, given, "PTX")
        code = code.rstrip(b"\0") + b"\0"
    else:
        code, log = nvrtc.compile(source, ["--ptxas-options=-v", *given], "CUBIN")
        (parts / f"{target}.json").write_text(json.dumps(resources(log)), "utf-8")
    (parts / image).write_bytes(code)


def pack(nvrtc: Nvrtc, source: Path, parts: Path, out: Path, compiled: list[str]) -> None:
    """Write compiled files, packed, and their manifest to a folder.

    A wheel's own compression leaves a cubin twice as large, and PTX half as large again.
    """
    empty(out)
    numbers = {image: int(re.search(r"\d+", image)[0]) for image in compiled}
    cubins = [image for image in compiled if image.endswith(".cubin")]
    archives: dict[str, dict[str, bytes]] = {}
    for image in compiled:
        code = (parts / image).read_bytes()
        if image in cubins:
            archives.setdefault(pack_of(numbers[image]), {})[image] = code
        else:
            (out / f"{image}.xz").write_bytes(lzma.compress(code, preset=9))
    for name, members in archives.items():
        (out / name).write_bytes(packed(members))
    targets = [image.partition(".")[0] for image in cubins]
    manifest = {
        "compiler": nvrtc.name,
        "options": OPTIONS,
        "sources": digest(source),
        "cubins": [numbers[image] for image in cubins],
        "ptx": [numbers[image] for image in compiled if image not in cubins],
        "resources": {t: json.loads((parts / f"{t}.json").read_text("utf-8")) for t in targets},
    }
    (out / "manifest.json").write_text(json.dumps(manifest) + "\n")


def build(source: Path, out: Path, architectures: str) -> None:
    """Compile all of a list of architectures, one after the other, and pack them into a folder."""
    nvrtc = Nvrtc()
    compiled = images(nvrtc, architectures)
    with tempfile.TemporaryDirectory() as parts:
        for image in compiled:
            compile_image(nvrtc, source, Path(parts), image)
        pack(nvrtc, source, Path(parts), out, compiled)
    print(f"kernels by {nvrtc.name}: {', '.join(compiled)}")


def main() -> None:
    """Compile all at once or, as CMake does, one file of a build folder at a time, and pack them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--architectures", default="", help="as torch or CMake writes them")
    parser.add_argument("--prebuilt", type=Path, help="a folder of kernels, taken instead of compiling")
    parser.add_argument(
        "--probe", action="store_true", help="only tell the compiler and the files to compile"
    )
    parser.add_argument("--image", help="compile this one file into OUT")
    parser.add_argument("--parts", type=Path, help="pack the files of this folder into OUT")
    given = parser.parse_args()
    try:
        run(given)
    except NvrtcError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(3 if isinstance(error, NvrtcMissing) else 1)


def run(given: argparse.Namespace) -> None:
    """Do what the command line says."""
    if given.prebuilt and given.probe:
        manifest = prebuilt_files(given.source, given.prebuilt)[-1]
        print(f"{json.loads(manifest.read_text('utf-8'))['compiler']}, in {given.prebuilt}")
    elif given.prebuilt:
        take_prebuilt(given.source, given.out, given.prebuilt)
    elif given.probe:
        nvrtc = Nvrtc()
        print(nvrtc.name)
        print(";".join(images(nvrtc, given.architectures)))
    elif given.image:
        given.out.mkdir(parents=True, exist_ok=True)
        compile_image(Nvrtc(), given.source, given.out, given.image)
    elif given.parts:
        nvrtc = Nvrtc()
        pack(nvrtc, given.source, given.parts, given.out, images(nvrtc, given.architectures))
    else:
        build(given.source, given.out, given.architectures)


if __name__ == "__main__":
    main()
