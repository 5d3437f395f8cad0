# SPDX-License-Identifier: MIT
"""A device that no kernel serves: the CPU computes, one warning says why."""

import lzma
import re
import shutil
import tarfile
from pathlib import Path

import pytest
import torch
import torchmcubes_bw
import volumes
from torchmcubes_bw import (
    HAS_CUDA,
    _core,
    gradients,
    grid_interp,
    isosurface,
    marching_cubes,
    marching_cubes_cells,
)
from torchmcubes_bw.arguments import samples
from torchmcubes_bw.arguments.volume import volume
from torchmcubes_bw.backends import choose, cuda, kernel_files
from torchmcubes_bw.backends.cpu_gradient import Direction

VOL = torch.from_numpy(volumes.ball((9, 9, 9), (4, 4, 4), 3))


class OnDevice(torch.Tensor):
    """A CPU tensor that says it is elsewhere, and takes .cpu() and .to() as one that is."""

    where = "cuda:0"

    @property
    def device(self):
        return torch.device(self.where)

    def cpu(self):
        return self.as_subclass(torch.Tensor)

    def detach(self):
        return self


class OnXpu(OnDevice):
    where = "xpu"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(choose, "_warned", set())
    monkeypatch.setattr(cuda, "_loaded", {})
    # `.to(device)` of the result, without the device.
    to = torch.Tensor.to
    moved = lambda self, *a, **k: self if a and isinstance(a[0], torch.device) else to(self, *a, **k)  # noqa: E731
    monkeypatch.setattr(torch.Tensor, "to", moved)


def on(where):
    tensor = VOL.as_subclass(OnDevice)
    tensor.where = where
    return tensor


def assert_falls_back(where, reason):
    text = f"torchmcubes-bw computes on the CPU for a tensor on {where}: {reason}"
    with pytest.warns(RuntimeWarning, match=f"^{re.escape(text)}$") as caught:
        verts, faces = marching_cubes(on(where), 0.0)
    assert caught[0].filename == __file__
    want = marching_cubes(VOL, 0.0)
    assert torch.equal(verts, want[0])
    assert torch.equal(faces, want[1])
    marching_cubes(on(where), 0.0)  # a second warning would be an error


@pytest.mark.parametrize("call", [isosurface, torchmcubes_bw.dual_marching_cubes])
def test_the_warning_points_at_the_caller(call):
    with pytest.warns(RuntimeWarning, match="computes on the CPU") as caught:
        call(on("xpu"), 0.0)
    assert caught[0].filename == __file__


def gpu(monkeypatch, capability, cubins=(70, 120), ptx=(120,)):
    monkeypatch.setattr(kernel_files, "manifest", lambda: {"cubins": list(cubins), "ptx": list(ptx)})
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _index: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _index: "NVIDIA Some GPU")


@pytest.mark.parametrize(
    "ptx, served", [((120,), "7.0, 12.0 and newer"), ((), "7.0, 12.0"), ((90,), "7.0, 9.0 and newer")]
)
def test_older_gpu(ptx, served, monkeypatch):
    gpu(monkeypatch, (6, 1), ptx=ptx)
    cure = "docs/blackwell.md tells how to build for it"
    reason = f"its kernels serve compute capability {served}, and NVIDIA Some GPU has 6.1: {cure}"
    assert_falls_back("cuda:0", reason)


@pytest.mark.parametrize("capability", [(7, 2), (8, 7), (11, 0)])
def test_a_jetson(capability, monkeypatch):
    gpu(monkeypatch, capability, (70, 80, 86, 120))
    reason = (
        "its kernels serve compute capability 7.0, 8.0, 8.6, 12.0 and newer, and NVIDIA Some GPU has "
        f"{capability[0]}.{capability[1]}, a Tegra, which runs none but its own: "
        "docs/blackwell.md tells how to build for it"
    )
    assert_falls_back("cuda:0", reason)


def test_no_kernels_in_the_build(monkeypatch):
    gpu(monkeypatch, (12, 0), (), ())
    reason = "this build has no GPU kernels: reinstall it from a wheel, or with NVRTC 12.8 at hand"
    assert_falls_back("cuda:0", reason)


DAMAGED = [
    '{"cubins": [70',
    "[]",
    "{}",
    '{"cubins": ["sm_70"], "ptx": []}',
    '{"cubins": 3, "ptx": []}',
    "\xff",
]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_list_of_kernels(text, monkeypatch, tmp_path):
    (tmp_path / "manifest.json").write_bytes(text.encode("latin1"))
    monkeypatch.setattr(kernel_files, "FOLDER", tmp_path)
    monkeypatch.setattr(kernel_files, "manifest", kernel_files.manifest.__wrapped__)
    found = kernel_files.manifest()
    assert (found["cubins"], found["ptx"], found["compiler"]) == ([], [], None)
    reason = f"the list of its kernels is damaged ({found['damaged']}): reinstall it"
    assert_falls_back("cuda:0", reason)


def test_import_with_a_damaged_list_of_kernels(run_python, tmp_path):
    package = Path(torchmcubes_bw.__file__).parent
    shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("*.xz"))
    (tmp_path / package.name / "kernels").mkdir(exist_ok=True)
    (tmp_path / package.name / "kernels" / "manifest.json").write_text("{")
    code = f"""
import sys; sys.path.insert(0, {str(tmp_path)!r})
import torch, torchmcubes_bw as t
assert t.__file__.startswith({str(tmp_path)!r})
print(t.HAS_CUDA, t.build_info()["cuda_cubins"], t.marching_cubes(torch.ones(2, 2, 2), 0)[0].shape)
"""
    assert run_python(code) == "False [] torch.Size([0, 3])"


def test_rocm(monkeypatch):
    monkeypatch.setattr(torch.version, "hip", "6.4")
    assert_falls_back("cuda:0", "it has no kernels for ROCm")


@pytest.mark.parametrize("kind", ["mps", "xpu"])
def test_other_devices(kind):
    assert_falls_back(kind, f"it has no kernels for {kind} devices")


def test_one_warning_a_reason():
    """Not one for each device that the reason holds for."""
    with pytest.warns(RuntimeWarning, match="a tensor on mps:0: it has no kernels for mps devices"):
        marching_cubes(on("mps:0"), 0.0)
    marching_cubes(on("mps:1"), 0.0)  # a second warning would be an error
    with pytest.warns(RuntimeWarning, match="it has no kernels for xpu devices"):
        marching_cubes(on("xpu"), 0.0)


def test_several_volumes_and_a_fixed_size():
    several, want = torch.stack([VOL, -VOL]), isosurface(torch.stack([VOL, -VOL]), 0.0)
    with pytest.warns(RuntimeWarning, match="it has no kernels for xpu devices"):
        got = isosurface(several.as_subclass(OnXpu), 0.0)
    for name in ("verts", "faces", "vert_offsets", "face_offsets"):
        assert torch.equal(getattr(got, name), getattr(want, name))
    fixed = isosurface(VOL.as_subclass(OnXpu), 0.0, max_verts=900, max_faces=900)
    assert not fixed.overflow
    assert torch.equal(fixed.unpack()[0].faces, want.unpack()[0].faces)


@pytest.mark.filterwarnings("ignore:torchmcubes-bw computes on the CPU:RuntimeWarning")
def test_a_device_without_float64():
    class OnMps(OnDevice):
        where = "mps"

        def to(self, *_arguments):
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")

    verts, faces = marching_cubes((VOL * 10).long().as_subclass(OnMps), 0.5)
    want = marching_cubes((VOL * 10).long(), 0.5)
    assert verts.dtype == torch.float32
    assert torch.equal(verts, want[0])
    assert torch.equal(faces, want[1])


def driver(monkeypatch, folder, load):
    """Kernels for 12.0 as cubin and PTX, their content their name, loaded by `load(content)`."""
    gpu(monkeypatch, (12, 0))
    for name in ("sm_120.cubin", "compute_120.ptx"):
        (folder / name).write_bytes(name.encode())
    monkeypatch.setattr(kernel_files, "FOLDER", folder)
    monkeypatch.setattr(_core, "CudaKernels", lambda _device, image: load(image), raising=False)


def refuse(_image):
    raise _core.CudaImageRefused(REFUSED)


REFUSED = "cuLibraryLoadData: device kernel image is invalid (CUDA error 200)"


@pytest.mark.skipif(not HAS_CUDA, reason="this build has no CUDA backend")
def test_a_driver_that_refuses(monkeypatch, tmp_path):
    driver(monkeypatch, tmp_path, refuse)
    gpu(monkeypatch, (12, 0), ptx=())
    assert_falls_back("cuda:0", f"sm_120.cubin does not load: {REFUSED}")


@pytest.mark.skipif(not HAS_CUDA, reason="this build has no CUDA backend")
def test_a_driver_that_refuses_cubin_and_ptx(monkeypatch, tmp_path):
    tried = []

    def load(image):
        tried.append(image)
        refuse(image)

    driver(monkeypatch, tmp_path, load)
    assert_falls_back(
        "cuda:0", f"sm_120.cubin does not load: {REFUSED}; compute_120.ptx does not load: {REFUSED}"
    )
    assert tried == [b"sm_120.cubin", b"compute_120.ptx"]  # once, although two calls were made


@pytest.mark.skipif(not HAS_CUDA, reason="this build has no CUDA backend")
def test_a_driver_that_takes_the_ptx_only(monkeypatch, tmp_path):
    driver(monkeypatch, tmp_path, lambda image: refuse(image) if image.endswith(b"cubin") else image)
    assert cuda.kernels_for(torch.device("cuda:0")) == b"compute_120.ptx"


@pytest.mark.skipif(not HAS_CUDA, reason="this build has no CUDA backend")
def test_a_cubin_is_unpacked_and_a_damaged_one_passed_over(monkeypatch, tmp_path):
    driver(monkeypatch, tmp_path, lambda image: image)
    (tmp_path / "sm_120.cubin").write_bytes(b"unpacked")
    packed = tmp_path / "sm_10_and_up.tar.xz"
    with tarfile.open(packed, "w:xz") as pack:
        pack.add(tmp_path / "sm_120.cubin", "sm_120.cubin")
    whole = packed.read_bytes()
    for held in (whole, whole[:-9], lzma.compress(b"no archive"), lzma.compress(bytes(10240))):
        cuda._loaded.clear()
        packed.write_bytes(held)
        found = cuda.kernels_for(torch.device("cuda:0"))
        assert found == (b"unpacked" if held is whole else b"compute_120.ptx")


def test_a_file_that_is_missing(monkeypatch, tmp_path):
    driver(monkeypatch, tmp_path, lambda image: image)
    (tmp_path / "sm_120.cubin").unlink()
    assert cuda.kernels_for(torch.device("cuda:0")) == b"compute_120.ptx"


@pytest.mark.skipif(not HAS_CUDA, reason="this build has no CUDA backend")
def test_no_memory_while_loading(monkeypatch, tmp_path):
    """Not a fallback: torch's own error, and another try at the next call."""

    def load(image):
        if full:
            raise _core.CudaOutOfMemory("cuLibraryLoadData: out of memory (CUDA error 2)")
        return image

    full = True
    driver(monkeypatch, tmp_path, load)
    with pytest.raises(torch.cuda.OutOfMemoryError, match="cuLibraryLoadData: out of memory"):
        marching_cubes(on("cuda:0"), 0.0)
    full = False
    assert cuda.kernels_for(torch.device("cuda:0")) == b"sm_120.cubin"


@pytest.mark.skipif(not HAS_CUDA, reason="this build has no CUDA backend")
def test_a_reason_that_may_pass(monkeypatch, tmp_path):
    """Raised, not remembered: the next call loads the kernels."""

    def load(image):
        if busy:
            raise RuntimeError(text)
        return image

    busy, text = True, "cuLibraryLoadData: operation not permitted when stream is capturing (CUDA error 900)"
    driver(monkeypatch, tmp_path, load)
    with pytest.raises(RuntimeError, match=re.escape(text)):
        marching_cubes(on("cuda:0"), 0.0)
    busy = False
    assert cuda.kernels_for(torch.device("cuda:0")) == b"sm_120.cubin"


def test_a_capture_is_refused_before_anything_is_loaded(monkeypatch, tmp_path):
    loaded = []
    driver(monkeypatch, tmp_path, loaded.append)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    text = "the kernels are not loaded yet, and cannot be while a CUDA graph is captured: call grid_interp"
    with pytest.raises(RuntimeError, match=text):
        marching_cubes(on("cuda:0"), 0.0)
    assert loaded == []


def test_grid_interp_falls_back():
    vols, points = torch.rand(1, 3, 3, 3), torch.rand(5, 3)
    a, b = vols.as_subclass(OnDevice), points.as_subclass(OnDevice)
    a.where = b.where = "mps"
    with pytest.warns(RuntimeWarning, match="it has no kernels for mps devices"):
        values = grid_interp(a, b)
    assert torch.equal(values, grid_interp(vols, points))


@pytest.mark.skipif(not HAS_CUDA, reason="this build has no CUDA backend")
def test_no_driver(run_python):
    code = "from torchmcubes_bw import _core; print(_core.cuda_driver_error())"
    text = run_python(code, TORCHMCUBES_LIBCUDA="/nowhere/libcuda.so.1")
    assert text.startswith("no NVIDIA driver: /nowhere/libcuda.so.1: cannot open shared object file")
    assert "torchmcubes" in run_python(
        "import torchmcubes as t; print(t.__name__)", TORCHMCUBES_LIBCUDA="/nowhere"
    )


def test_gradients_are_the_cpus():
    request, here = (gradients.Options().request(vol, 0.0, None) for vol in (on("mps:0"), VOL))
    verts = torch.ones_like(marching_cubes(VOL, 0.0)[0])
    towards = Direction(VOL, 1.0)
    points = samples.checked(verts.as_subclass(OnDevice), "points")
    with pytest.warns(RuntimeWarning, match="it has no kernels for mps devices"):
        found = choose.vertex_gradients(request, verts, True, True, towards)
    stack = volume(on("mps:0")[None], "C, Nz, Ny, Nx")
    with pytest.warns(RuntimeWarning, match="make no gradients of interpolated values by the samples"):
        values = choose.value_gradients(stack, points, verts[:, :1], True, True)
    want = choose.vertex_gradients(here, verts, True, True, towards)
    assert torch.equal(found.volume, want.volume)
    assert torch.equal(found.verts, want.verts)
    assert found.level == want.level
    here = volume(VOL[None], "C, Nz, Ny, Nx"), samples.checked(verts, "points"), verts[:, :1]
    for ours, theirs in zip(values, choose.value_gradients(*here, True, True), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.skipif(not HAS_CUDA, reason="this build has no CUDA backend")
@pytest.mark.parametrize("level, trouble", [(0.0, None), (0.0, "their box"), (float("nan"), "")])
def test_what_the_kernels_of_cells_leave_to_the_cpu(level, trouble, monkeypatch):
    """A box beyond their keys is computed there, with a warning; what makes no mesh is worded there."""
    monkeypatch.setattr(choose, "_kernels", lambda _device: object())
    monkeypatch.setattr(cuda, "current_stream", lambda _device: 0)

    def leave(*_):
        if trouble:
            raise cuda.NoKernels(trouble)

    monkeypatch.setattr(choose.cuda_sparse, "surface", leave)
    coords, corners = (
        torch.zeros(1, 3, dtype=torch.int64),
        torch.tensor([[-1.0, 1, 1, 1, 1, 1, 1, level or 1]]),
    )
    want = marching_cubes_cells(coords, corners, 0.0) if trouble != "" else None
    given = coords.as_subclass(OnDevice), corners.as_subclass(OnDevice), 0.0
    if want is None:
        with pytest.raises(
            ValueError, match=r"^corners must not contain NaN, got one at the sample \(1, 1, 1\)$"
        ):
            marching_cubes_cells(*given)
        return
    if trouble:
        with pytest.warns(RuntimeWarning, match="on the CPU for a tensor on cuda:0: their box$"):
            got = marching_cubes_cells(*given)
    else:
        got = marching_cubes_cells(*given)
    assert torch.equal(got[0], want[0])
    assert torch.equal(got[1], want[1])
