# SPDX-License-Identifier: MIT
"""The compiled kernels as files, and the choice among them."""

import importlib.util
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torchmcubes_bw
from torchmcubes_bw import HAS_CUDA, _cuda

ROOT = Path(__file__).parent.parent.parent
FOLDER = Path(torchmcubes_bw.__file__).parent / "kernels"
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


@needs_kernels
def test_every_cubin_is_for_its_architecture():
    cubins = _cuda.manifest()["cubins"]
    assert cubins == [70, 75, 80, 86, 89, 90, 100, 120]
    for number in cubins:
        cubin = (FOLDER / f"sm_{number}.cubin").read_bytes()
        assert architecture(cubin) == number
        assert b"mc_emit_faces_int64" in cubin
    assert len(list(FOLDER.glob("*.cubin"))) == len(cubins)


@needs_kernels
def test_ptx_is_for_the_newest():
    assert _cuda.manifest()["ptx"] == [120]
    text = (FOLDER / "compute_120.ptx").read_bytes()
    assert b".target sm_120" in text
    assert text.endswith(b"\0")


@needs_kernels
def test_no_kernel_spills():
    resources = _cuda.manifest()["resources"]
    assert len(resources) == 8
    for kernels in resources.values():
        assert len(kernels) == 22
        for name, used in kernels.items():
            assert used["spill_bytes"] == used["stack_bytes"] == 0, name
        assert kernels["mc_scan"]["registers"] <= 64  # for a block of 1024 there are 64 a thread


@needs_kernels
def test_no_fused_multiply_add_in_the_arithmetic():
    assert "--fmad=false" in _cuda.manifest()["options"]
    ptx = (FOLDER / "compute_120.ptx").read_text("utf-8")
    assert "div.rn.f32" in ptx
    assert "sub.rn.f32" in ptx or "sub.f32" in ptx


@pytest.mark.parametrize(
    "capability, image",
    [
        ((5, 2), None),
        ((6, 1), None),
        ((7, 0), "sm_70.cubin"),
        ((7, 2), "sm_70.cubin"),
        ((7, 5), "sm_75.cubin"),
        ((8, 0), "sm_80.cubin"),
        ((8, 6), "sm_86.cubin"),
        ((8, 7), "sm_86.cubin"),
        ((8, 9), "sm_89.cubin"),
        ((9, 0), "sm_90.cubin"),
        ((10, 0), "sm_100.cubin"),
        ((10, 3), "sm_100.cubin"),
        ((11, 0), None),
        ((12, 0), "sm_120.cubin"),
        ((12, 1), "sm_120.cubin"),
        ((13, 0), "compute_120.ptx"),
    ],
)
def test_choice(capability, image, monkeypatch):
    aboard = {"cubins": [70, 75, 80, 86, 89, 90, 100, 120], "ptx": [120]}
    monkeypatch.setattr(_cuda, "manifest", lambda: aboard)
    assert _cuda.choose_image(capability) == image


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
    assert sorted(p.name for p in tmp_path.iterdir()) == ["manifest.json", "sm_86.cubin"]
    assert architecture((tmp_path / "sm_86.cubin").read_bytes()) == 86


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
