# SPDX-License-Identifier: MIT
"""Machines that are not at hand, as the doctor would read them."""

from dataclasses import replace

from torchmcubes_bw.doctor.facts import Driver, Gpu, Machine, Memory

GIB = 2**30
CAPABILITIES = ["7.0", "7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "12.0"]
BUILD = {
    "version": "0.1.0",
    "simd": "avx2",
    "simd_levels": ["avx2", "scalar"],
    "cuda": True,
    "cuda_compiler": "NVRTC 12.8",
    "cuda_options": [],
    "cuda_cubins": CAPABILITIES,
    "cuda_ptx": ["7.5", "12.0"],
}
NO_KERNELS = {**BUILD, "cuda": False, "cuda_compiler": None, "cuda_cubins": [], "cuda_ptx": []}
CU128 = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")
CU130 = (*CU128, "compute_120")
NO_DRIVER = "libcuda.so.1: cannot open shared object file: No such file or directory"
LIBCUDA = "/usr/lib/x86_64-linux-gnu/libcuda.so.1"

CPU_ONLY = Machine(
    system="Linux 6.1.0 x86_64",
    python="3.11.7",
    package="0.1.0",
    torch="2.13.0+cpu",
    torch_backend="CPU only",
    torch_architectures=(),
    build=BUILD,
    simd_error=None,
    cores=8,
    gpus=(),
    driver=Driver(error=NO_DRIVER),
    gpus_masked=False,
    missing_kernels=(),
    owners={"torchmcubes": (), "torchmcubes_module": ()},
    answers={"torchmcubes": "", "torchmcubes_module": ""},
    is_wsl=False,
    memory=Memory(32 * GIB, 24 * GIB, 0),
    disk_free=100 * GIB,
)
V100 = Gpu("Tesla V100-SXM2-16GB", (7, 0), 16 * GIB)
BLACKWELL = replace(
    CPU_ONLY,
    torch="2.11.0+cu128",
    torch_backend="CUDA 12.8",
    torch_architectures=CU128,
    gpus=(Gpu("NVIDIA GeForce RTX 5090", (12, 0), 32 * GIB),),
    driver=Driver((12, 8), "570.86.10", LIBCUDA),
)
WSL2 = replace(
    CPU_ONLY,
    system="Linux 5.15.167.4-microsoft-standard-WSL2 x86_64",
    is_wsl=True,
    memory=Memory(int(7.8 * GIB), int(6.9 * GIB), 2 * GIB),
)
ORIGINAL = "torchmcubes 0.1.0"


OF_CUDA_12_8 = Driver((12, 8), "570.86.10", LIBCUDA)


def of_capability(name, *capability, driver=OF_CUDA_12_8, **changes):
    """Return a machine with one GPU, which torch serves."""
    own = f"sm_{capability[0]}{capability[1]}"
    gpu = Gpu(name, capability, 16 * GIB)
    return replace(BLACKWELL, **{"gpus": (gpu,), "torch_architectures": (own,), "driver": driver, **changes})


def answering(status, **changes):
    """Return a machine whose driver answers cuInit with an error."""
    driver = Driver((12, 8), "570.86.10", LIBCUDA, status=status)
    return replace(BLACKWELL, gpus=(), driver=driver, **changes)


MACHINES = {
    "no_gpu": CPU_ONLY,
    "wsl2_small": WSL2,
    "wsl2_linux_driver": replace(
        WSL2,
        memory=Memory(24 * GIB, 20 * GIB, 8 * GIB),
        torch="2.11.0+cu128",
        torch_backend="CUDA 12.8",
        driver=Driver((12, 8), "570.86.10", LIBCUDA),
    ),
    "blackwell": BLACKWELL,
    "blackwell_old_torch": replace(
        BLACKWELL, torch="2.6.0+cu124", torch_backend="CUDA 12.4", torch_architectures=("sm_80", "sm_90")
    ),
    "newer_than_blackwell": replace(
        BLACKWELL,
        torch="2.13.0+cu130",
        torch_backend="CUDA 13.0",
        torch_architectures=CU130,
        gpus=(Gpu("NVIDIA Something", (13, 0), 96 * GIB),),
        driver=Driver((13, 0), "580.65.06", LIBCUDA),
    ),
    "newer_gpu_older_driver": replace(
        BLACKWELL,
        gpus=(Gpu("NVIDIA Something", (13, 0), 96 * GIB),),
        driver=Driver((12, 6), "560.35.05", LIBCUDA),
    ),
    "pascal": replace(
        BLACKWELL,
        torch="2.6.0+cu118",
        torch_backend="CUDA 11.8",
        torch_architectures=("sm_50", "sm_60", "sm_70", "sm_90"),
        gpus=(Gpu("Tesla P100-PCIE-16GB", (6, 0), 16 * GIB),),
    ),
    "old_driver": replace(
        BLACKWELL,
        gpus=(V100,),
        torch="2.2.2+cu118",
        torch_backend="CUDA 11.8",
        torch_architectures=("sm_70",),
        driver=Driver((11, 4), "470.256.02", LIBCUDA),
    ),
    "torch_newer_than_driver": replace(
        BLACKWELL, gpus=(), torch="2.13.0+cu130", torch_backend="CUDA 13.0", torch_architectures=CU130
    ),
    "blackwell_torch_cu126": replace(
        BLACKWELL, torch="2.13.0+cu126", torch_backend="CUDA 12.6", torch_architectures=("sm_50", "sm_90")
    ),
    "torch_without_cuda": replace(BLACKWELL, gpus=(), torch="2.13.0+cpu", torch_backend="CPU only"),
    "gpus_unseen": replace(BLACKWELL, gpus=()),
    "gpus_masked": replace(BLACKWELL, gpus=(), gpus_masked=True),
    "masked_by_empty": answering(100, gpus_masked=True),
    "driver_stub": replace(BLACKWELL, gpus=(), driver=Driver(None, None, LIBCUDA, status=34)),
    "driver_no_device": answering(100),
    "driver_mismatch": answering(803),
    "driver_compat": answering(804),
    "driver_unknown": answering(999),
    "driver_other": answering(46),
    "wsl2_driver_silent": replace(
        WSL2, driver=Driver((12, 8), None, "/usr/lib/wsl/lib/libcuda.so.1.1", status=100)
    ),
    "wsl2_configured": replace(WSL2, memory=Memory(int(11.7 * GIB), int(11.0 * GIB), 8 * GIB)),
    "windows_old_driver": replace(
        BLACKWELL,
        system="Windows 11 AMD64",
        gpus=(V100,),
        torch="2.2.2+cu118",
        torch_backend="CUDA 11.8",
        torch_architectures=("sm_70",),
        driver=Driver((11, 8)),
    ),
    "volta_new_torch": replace(BLACKWELL, gpus=(V100,)),
    "ampere_old_driver": of_capability(
        "NVIDIA A100", 8, 0, driver=Driver((12, 2), "535.183.01", LIBCUDA), torch_architectures=("sm_90",)
    ),
    "kepler": of_capability("Tesla K80", 3, 7),
    "thor": of_capability("NVIDIA Thor", 11, 0, driver=Driver((13, 0), "580.65.06", LIBCUDA)),
    "built_for_another": of_capability(
        "NVIDIA A100", 8, 0, build={**BUILD, "cuda_cubins": ["9.0"], "cuda_ptx": []}
    ),
    "rocm": replace(CPU_ONLY, torch="2.9.1+rocm6.4", torch_backend="ROCm 6.4"),
    "no_kernels": replace(BLACKWELL, build=NO_KERNELS),
    "macos": replace(CPU_ONLY, system="Darwin 24.1.0 arm64", build=NO_KERNELS, memory=Memory()),
    "original_beside": replace(
        CPU_ONLY, owners={"torchmcubes": (ORIGINAL,), "torchmcubes_module": (ORIGINAL,)}
    ),
    "names_removed": replace(
        CPU_ONLY,
        answers={
            "torchmcubes": "AttributeError: module 'torchmcubes' has no attribute 'marching_cubes'",
            "torchmcubes_module": "",
        },
    ),
    "kernels_missing": replace(BLACKWELL, missing_kernels=("sm_90.cubin", "sm_120.cubin")),
    "scalar_build": replace(CPU_ONLY, build={**BUILD, "simd": "scalar", "simd_levels": ["scalar"]}),
    "simd_forced": replace(CPU_ONLY, build={**BUILD, "simd": "scalar"}),
    "simd_unknown": replace(CPU_ONLY, simd_error="TORCHMCUBES_SIMD must be one of avx2, scalar, got sse9"),
    "full": replace(CPU_ONLY, memory=Memory(2 * GIB, GIB // 20, 0), disk_free=GIB // 100),
}
