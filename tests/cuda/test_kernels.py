# SPDX-License-Identifier: MIT
"""The compiled kernels as files, and the choice among them."""

import importlib.util
import json
import platform
import re
import shutil
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import torchmcubes_bw
from torchmcubes_bw import HAS_CUDA
from torchmcubes_bw.backends import kernel_files

ROOT = Path(__file__).parent.parent.parent
FOLDER = Path(torchmcubes_bw.__file__).parent / "kernels"
DEFAULT, PTX = [70, 75, 80, 86, 89, 90, 100, 120], [75, 120]
JETSON = [87, 101, 110]  # beside those, on aarch64; 11.0 is the name of 10.1 from CUDA 13 on
ON_ARM = sorted({*DEFAULT, *JETSON} - {110})
needs_kernels = pytest.mark.skipif(not HAS_CUDA, reason="this build has no kernels")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("compile_kernels", ROOT / "cmake" / "compile_kernels.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def architecture(cubin):
    """Return the compute capability a cubin's ELF header names, 90 for 9.0."""
    assert cubin[:4] == b"\x7fELF"
    machine, abi = struct.unpack_from("<H", cubin, 18)[0], cubin[8]
    assert machine == 190  # NVIDIA CUDA
    flags = struct.unpack_from("<I", cubin, 48)[0]
    return flags & 0xFF if abi < 8 else flags >> 8 & 0xFF


ON_THIS = platform.machine() in ("aarch64", "arm64")


def known_to(compiler, arm=ON_THIS):
    """Return the default architectures that a compiler, as the manifest names it, has not left behind."""
    major = int(compiler.removeprefix("NVRTC ").split(".")[0])
    known = [
        number for number in (*DEFAULT, *(JETSON if arm else ())) if number >= (75 if major >= 13 else 70)
    ]
    return sorted(n for n in known if n != (101 if major >= 13 else 110))


@pytest.mark.parametrize("compiler, oldest", [("NVRTC 12.8", 70), ("NVRTC 13.0", 75), ("NVRTC 13.2", 75)])
def test_what_a_compiler_knows(compiler, oldest):
    assert known_to(compiler, arm=False) == DEFAULT[DEFAULT.index(oldest) :]
    assert {*known_to(compiler, arm=True)} - {*DEFAULT} == {87, 110 if compiler > "NVRTC 13" else 101}


@needs_kernels
def test_every_cubin_is_for_its_architecture():
    cubins = kernel_files.manifest()["cubins"]
    assert cubins == known_to(kernel_files.manifest()["compiler"])
    for number in cubins:
        cubin = kernel_files.read(f"sm_{number}.cubin")
        assert architecture(cubin) == number
        assert b"mc_emit_int32_float32" in cubin
    assert {p.name for p in FOLDER.glob("*.tar.xz")} == {"sm_7_to_9.tar.xz", "sm_10_and_up.tar.xz"}


@needs_kernels
def test_ptx_is_for_the_newest_and_for_what_no_cubin_serves():
    assert kernel_files.manifest()["ptx"] == PTX
    for number in PTX:
        text = kernel_files.read(f"compute_{number}.ptx")
        assert f".target sm_{number}".encode() in text
        assert text.endswith(b"\0")


@needs_kernels
def test_no_kernel_spills():
    resources = kernel_files.manifest()["resources"]
    assert list(resources) == [f"sm_{number}" for number in kernel_files.manifest()["cubins"]]
    for kernels in resources.values():
        assert len(kernels) == 42
        for name, used in kernels.items():
            assert used["spill_bytes"] == used["stack_bytes"] == 0, name
        assert kernels["mc_scan"]["registers"] <= 64  # for a block of 1024 there are 64 a thread


@needs_kernels
@pytest.mark.parametrize("number", PTX)
def test_the_arithmetic_is_rounded_as_the_cpu_s(number):
    """No fused multiply-add, no flushed subnormals, no approximation: read in the code that is shipped."""
    assert {"--fmad=false", "--ftz=false", "--prec-div=true"} <= {*kernel_files.manifest()["options"]}
    ptx = kernel_files.read(f"compute_{number}.ptx").decode()
    operations = set(re.findall(r"^\s*(?:@!?%p\d+ )?([a-z][\w.]*)", ptx, re.MULTILINE))
    assert {o for o in operations if o.startswith("div") and re.search(r"f\d\d", o)} == {
        "div.rn.f32",
        "div.rn.f64",
    }
    assert not [o for o in operations if re.search(r"^fma|^mad.*f\d\d|\.ftz|\.approx|^rcp(?!\.rn)", o)]
    assert {o for o in operations if o.startswith("sqrt")} == {"sqrt.rn.f64"}
    assert {o for o in operations if re.match(r"(add|sub|mul)\..*f\d\d$", o)} <= {
        f"{name}.rn.f{bits}" for name in ("add", "sub", "mul") for bits in (32, 64)
    }


@pytest.mark.parametrize(
    "capability, image",
    [
        ((5, 2), None),
        ((6, 1), None),
        ((7, 0), "sm_70.cubin"),
        ((7, 2), None),  # Xavier
        ((7, 5), "sm_75.cubin"),
        ((8, 0), "sm_80.cubin"),
        ((8, 6), "sm_86.cubin"),
        ((8, 7), "compute_75.ptx"),  # Orin
        ((8, 8), "compute_75.ptx"),
        ((8, 9), "sm_89.cubin"),
        ((9, 0), "sm_90.cubin"),
        ((10, 0), "sm_100.cubin"),
        ((10, 1), "compute_75.ptx"),  # Thor, as CUDA 12 calls it
        ((10, 3), "sm_100.cubin"),  # B300
        ((11, 0), "compute_75.ptx"),  # Thor
        ((12, 0), "sm_120.cubin"),
        ((12, 1), "sm_120.cubin"),
        ((13, 0), "compute_120.ptx"),
    ],
)
def test_choice(capability, image, monkeypatch):
    aboard = {"cubins": DEFAULT, "ptx": PTX}
    monkeypatch.setattr(kernel_files, "manifest", lambda: aboard)
    assert kernel_files.choose_image(capability) == image


@pytest.mark.parametrize(
    "capability, cubins, ptx, images",
    [
        ((12, 0), DEFAULT, [120], ["sm_120.cubin", "compute_120.ptx"]),
        ((12, 0), DEFAULT, PTX, ["sm_120.cubin", "compute_120.ptx", "compute_75.ptx"]),
        ((12, 1), DEFAULT, PTX, ["sm_120.cubin", "compute_120.ptx", "compute_75.ptx"]),
        ((9, 0), DEFAULT, PTX, ["sm_90.cubin", "compute_75.ptx"]),
        ((10, 3), DEFAULT, PTX, ["sm_100.cubin", "compute_75.ptx"]),
        ((7, 0), DEFAULT, PTX, ["sm_70.cubin"]),
        ((8, 7), ON_ARM, PTX, ["sm_87.cubin", "compute_75.ptx"]),
        ((8, 8), ON_ARM, PTX, ["compute_75.ptx"]),
        ((10, 1), ON_ARM, PTX, ["sm_101.cubin", "compute_75.ptx"]),
        ((11, 0), ON_ARM, PTX, ["sm_101.cubin", "compute_75.ptx"]),
        ((10, 1), [100, 110], [], ["sm_110.cubin"]),
        ((8, 7), [86, 87], [], ["sm_87.cubin"]),  # built for it
        ((8, 9), [86, 87], [], ["sm_86.cubin"]),  # and for it alone
        ((8, 7), [87], [80], ["sm_87.cubin", "compute_80.ptx"]),
        ((8, 7), DEFAULT, [80], ["compute_80.ptx"]),  # PTX has no such exception
        ((7, 2), [70, 72], [], ["sm_72.cubin"]),
        ((11, 0), DEFAULT, [100], ["compute_100.ptx"]),
        ((11, 0), [110], [], ["sm_110.cubin"]),
        ((10, 1), DEFAULT, [], []),
        ((10, 3), [100, 101], [], ["sm_100.cubin"]),
    ],
)
def test_choices_in_their_order(capability, cubins, ptx, images):
    assert kernel_files.images_for(capability, cubins, ptx) == images
    assert kernel_files.image_for(capability, cubins, ptx) == (images[0] if images else None)


@pytest.mark.parametrize(
    "text, real, virtual",
    [
        ("7.0;7.5;8.0;8.6;8.9;9.0;10.0;12.0+PTX", [70, 75, 80, 86, 89, 90, 100, 120], [120]),
        ("8.6,12.0+PTX", [86, 120], [120]),
        ("8.6 9.0", [86, 90], []),
        ("86-real;120-virtual", [86], [120]),
        ("86;120", [86, 120], [86, 120]),
        ("90a", [90], [90]),
        ("Blackwell", [100, 120], [120]),
        ("Turing;Ada", [75, 89], [75, 89]),
    ],
)
def test_lists_of_architectures(text, real, virtual, script):
    assert script.parse_architectures(text) == (real, virtual)


def test_a_list_that_means_nothing(script):
    with pytest.raises(
        script.NvrtcError, match=r"must look like 8\.6, 12\.0\+PTX, 86-real or Blackwell, got Volvo"
    ):
        script.parse_architectures("8.6;Volvo")


def test_unknown_architectures_are_left_out_in_one_line(script, capsys):
    assert script.select([86, 990], [86, 120], (12, 8)) == [86]
    assert capsys.readouterr().out == "left out: NVRTC 12.8 does not know 99.0\n"


def test_no_nvrtc(script, monkeypatch):
    monkeypatch.setattr(script, "libraries", list)
    text = r"the CUDA kernels need NVRTC 12.8 or newer \(pip install nvidia-cuda-nvrtc-cu12\), found none"
    with pytest.raises(script.NvrtcMissing, match=text):
        script.Nvrtc()


def nvrtc_at_hand(script):
    try:
        return script.Nvrtc()
    except script.NvrtcMissing as reason:
        pytest.skip(str(reason))


def test_one_architecture_is_compiled(script, tmp_path):
    nvrtc_at_hand(script)
    script.build(ROOT / "csrc" / "cuda" / "kernels.cu", tmp_path, "8.6")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["manifest.json", "sm_7_to_9.tar.xz"]
    with tarfile.open(tmp_path / "sm_7_to_9.tar.xz") as pack:
        assert pack.getnames() == ["sm_86.cubin"]
        assert architecture(pack.extractfile("sm_86.cubin").read()) == 86


def test_a_file_at_a_time_gives_the_same(script, tmp_path):
    """As CMake compiles: side by side, then packed."""
    nvrtc_at_hand(script)
    source = tmp_path / "one.cu"
    source.write_text('extern "C" __global__ void one(int* to) { *to = 1; }')
    script.build(source, tmp_path / "at once", "8.6;12.0+PTX")

    def run(*options):
        program = [sys.executable, ROOT / "cmake" / "compile_kernels.py", source, *options]
        return subprocess.run(program, check=True, capture_output=True, text=True).stdout

    listed = ("--architectures", "8.6,12.0+PTX")
    images = run(tmp_path, *listed, "--probe").splitlines()[-1].split(";")
    assert images == ["sm_86.cubin", "sm_120.cubin", "compute_120.ptx"]
    for image in reversed(images):
        run(tmp_path / "parts", "--image", image)
    run(tmp_path / "in turn", *listed, "--parts", tmp_path / "parts")
    once, turn = ({p.name: p.read_bytes() for p in (tmp_path / f).iterdir()} for f in ("at once", "in turn"))
    assert once == turn
    assert sorted(once) == ["compute_120.ptx.xz", "manifest.json", "sm_10_and_up.tar.xz", "sm_7_to_9.tar.xz"]


SOURCE = ROOT / "csrc" / "cuda" / "kernels.cu"


@pytest.fixture
def prebuilt(script, tmp_path):
    """A folder as `build` leaves it, its kernels empty."""
    folder = tmp_path / "prebuilt"
    folder.mkdir()
    (folder / "sm_7_to_9.tar.xz").write_bytes(b"cubins")
    (folder / "compute_86.ptx.xz").write_bytes(b"ptx")
    manifest = {"compiler": "NVRTC 12.8", "cubins": [86], "ptx": [86], "sources": script.digest(SOURCE)}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_prebuilt_kernels_are_taken(script, prebuilt, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sm_10_and_up.tar.xz").touch()  # of an earlier build
    script.take_prebuilt(SOURCE, tmp_path / "out", prebuilt)
    taken = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert taken == {path.name: path.read_bytes() for path in prebuilt.iterdir()}


def test_prebuilt_kernels_that_are_none(script, tmp_path):
    text = rf"TORCHMCUBES_PREBUILT_KERNELS must be a folder with a manifest\.json, got {tmp_path}"
    with pytest.raises(script.NvrtcError, match=text):
        script.prebuilt_files(SOURCE, tmp_path)


def test_prebuilt_kernels_that_are_incomplete(script, prebuilt):
    (prebuilt / "sm_7_to_9.tar.xz").unlink()
    text = r"TORCHMCUBES_PREBUILT_KERNELS must hold what its manifest lists, got no sm_7_to_9\.tar\.xz"
    with pytest.raises(script.NvrtcError, match=text):
        script.prebuilt_files(SOURCE, prebuilt)


def test_prebuilt_kernels_of_other_sources(script, prebuilt, tmp_path):
    shutil.copytree(ROOT / "csrc", tmp_path / "csrc")
    with (tmp_path / "csrc" / "cuda" / "job.h").open("a") as header:
        header.write("// changed\n")
    text = "TORCHMCUBES_PREBUILT_KERNELS must be compiled from these sources, got "
    with pytest.raises(script.NvrtcError, match=text):
        script.prebuilt_files(tmp_path / "csrc" / "cuda" / "kernels.cu", prebuilt)


@needs_kernels
def test_the_kernels_aboard_could_be_taken(script):
    assert len(script.prebuilt_files(SOURCE, FOLDER)) == len(list(FOLDER.iterdir()))


def test_nothing_left_to_compile(script, tmp_path):
    nvrtc_at_hand(script)
    with pytest.raises(script.NvrtcError, match=r"no architecture is left of 99\.0"):
        script.build(ROOT / "csrc" / "cuda" / "kernels.cu", tmp_path, "99.0")


def test_a_source_at_fault_is_said(script, tmp_path):
    nvrtc_at_hand(script)
    source = tmp_path / "broken.cu"
    source.write_text("this is not CUDA")
    done = subprocess.run(
        [
            sys.executable,
            ROOT / "cmake" / "compile_kernels.py",
            source,
            tmp_path / "out",
            "--architectures",
            "8.6",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "NVRTC refused" in done.stderr
    assert "broken.cu(1)" in done.stderr
