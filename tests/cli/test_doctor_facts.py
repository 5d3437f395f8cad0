# SPDX-License-Identifier: MIT
"""What the doctor reads, from made-up files and libraries; what it advises; what it keeps to itself."""

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import machines
import pytest
from machines import GIB
from torchmcubes_bw.doctor import (
    as_json,
    cures,
    driver,
    examine,
    gpus,
    memory,
    read_machine,
    torch_builds,
    wsl,
)
from torchmcubes_bw.doctor.driver import Driver
from torchmcubes_bw.doctor.finding import Finding, Mark, bytes_for
from torchmcubes_bw.doctor.memory import Memory, read_memory
from torchmcubes_bw.doctor.report import without_folders

ROOT = Path(__file__).parent.parent.parent
MAPPED = "7f0000000000-7f0000001000 r-xp 00000000 08:01 123    {}\n"


# The driver.


@pytest.mark.parametrize(
    "files, want",
    [
        (["/site-packages/nvidia/cuda_runtime/lib/libcudart.so.12"], None),
        (
            ["/a/libcudart.so.12", "/a/libcudadebugger.so.1", "/usr/lib/wsl/lib/libcuda.so.1"],
            "/usr/lib/wsl/lib/libcuda.so.1",
        ),
        (["/opt/a folder/libcuda.so.570.86"], "/opt/a folder/libcuda.so.570.86"),
        (["/usr/lib/libcuda.so"], "/usr/lib/libcuda.so"),
        (["[vdso]", ""], None),
    ],
)
def test_the_driver_s_file_is_told_from_cudart_s(tmp_path, files, want):
    maps = tmp_path / "maps"
    maps.write_text("".join(MAPPED.format(file) for file in files))
    assert driver.opened_library(maps) == want


def test_no_maps_no_file(tmp_path):
    assert driver.opened_library(tmp_path / "maps") is None


@pytest.mark.parametrize("status", [0, 100, 803])
def test_the_version_is_asked_even_where_the_driver_does_not_start(status):
    asked = []

    def version(number):
        asked.append("version")
        number._obj.value = 12080
        return 0

    def init(_flags):
        asked.append("init")
        return status

    told = driver.ask(version, init)
    assert (told.cuda, told.status, told.error) == ((12, 8), status, None)
    assert asked == ["version", "init"]


def test_a_library_that_is_no_driver(monkeypatch):
    monkeypatch.setenv("TORCHMCUBES_LIBCUDA", "/nowhere/libcuda.so.1")
    assert "/nowhere/libcuda.so.1" in read_machine().driver.error


# Memory.


def system(root, files, cgroup="0::/\n"):
    meminfo = f"MemTotal: {32 * 2**20} kB\nMemAvailable: {24 * 2**20} kB\nSwapTotal: {2 * 2**20} kB\n"
    for name, text in {"proc/meminfo": meminfo, "proc/self/cgroup": cgroup, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    told = read_memory(root)
    return told.total / GIB, told.free / GIB, told.swap / GIB


def v2(limit, used, cache, group=""):
    folder = f"sys/fs/cgroup/{group}"
    return {
        f"{folder}/memory.max": f"{limit}\n",
        f"{folder}/memory.current": f"{used}\n",
        f"{folder}/memory.stat": f"anon 5\ninactive_file {cache}\n",
    }


def test_no_container(tmp_path):
    assert system(tmp_path, {}) == (32, 24, 2)


def test_a_container_that_has_used_most_of_its_limit(tmp_path):
    assert system(tmp_path, v2(8 * GIB, 7 * GIB, GIB)) == (8, 2, 2)


def test_a_group_within_a_group(tmp_path):
    files = {**v2("max", 9 * GIB, 0, "a/b"), **v2(4 * GIB, 3 * GIB, 0, "a")}
    assert system(tmp_path, files, "0::/a/b\n") == (4, 1, 2)


def test_a_limit_overdrawn(tmp_path):
    assert system(tmp_path, v2(GIB, 2 * GIB, 0)) == (1, 0, 2)


@pytest.mark.parametrize("path", ["/", "/docker/0123"])
def test_the_older_cgroups(tmp_path, path):
    folder = "sys/fs/cgroup/memory"
    files = {
        f"{folder}/memory.limit_in_bytes": f"{6 * GIB}\n",
        f"{folder}/memory.usage_in_bytes": f"{5 * GIB}\n",
        f"{folder}/memory.stat": f"cache 7\ntotal_inactive_file {2 * GIB}\n",
    }
    assert system(tmp_path, files, f"5:cpu,memory:{path}\n1:name=systemd:/\n") == (6, 3, 2)


def test_the_older_cgroups_without_a_limit(tmp_path):
    folder = "sys/fs/cgroup/memory"
    files = {f"{folder}/memory.limit_in_bytes": "9223372036854771712\n"}
    assert system(tmp_path, files, "5:memory:/\n") == (32, 24, 2)


def test_without_proc_and_psutil(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_by_psutil", lambda: (None, None, None))
    assert read_memory(tmp_path) == Memory()


# Advice.


@pytest.mark.parametrize("windows", wsl.ADVICE)
def test_advice_that_was_followed_is_not_given_again(windows):
    given, swap = wsl.ADVICE[windows]
    seen = Memory(int(0.97 * given * GIB), GIB, swap * GIB)
    (finding,) = wsl.wsl_findings(replace(machines.WSL2, memory=seen))
    assert finding.mark is Mark.WELL
    assert f"our advice for {windows} GB in Windows" in finding.text


@pytest.mark.parametrize("seen", [1.9, 3.8, 5.8, 7.8, 11.7, 15.5])
def test_following_the_advice_ends_it(seen):
    total, swap = seen * GIB, 2 * GIB
    (finding,) = wsl.wsl_findings(replace(machines.WSL2, memory=Memory(int(total), GIB, swap)))
    given, swap = (int(n) for n in re.findall(r"^(?:memory|swap)=(\d+)GB$", finding.cure, re.M))
    assert given > seen
    (after,) = wsl.wsl_findings(
        replace(machines.WSL2, memory=Memory(int(0.97 * given * GIB), GIB, swap * GIB))
    )
    assert after.mark is Mark.WELL


def test_the_page_has_the_advice_and_the_need():
    page = (ROOT / "docs" / "wsl2.md").read_text("utf-8")
    for windows, (given, swap) in wsl.ADVICE.items():
        assert f"| {windows} GB | `memory={given}GB` | `swap={swap}GB` |" in page
    for side in (512, 1024):
        assert f"{bytes_for(side) / GIB:.1f} GiB" in page


@pytest.mark.parametrize("capability", [(7, 2), (8, 7)])
def test_a_gpu_that_only_a_build_of_its_own_serves(monkeypatch, capability):
    monkeypatch.setattr(gpus, "image_for", lambda *_: None)
    (finding,) = gpus.gpu_findings(machines.of_capability("Jetson", *capability))
    dotted = ".".join(map(str, capability))
    assert finding.cure == (
        "pip install --force-reinstall --no-deps --no-cache-dir --no-binary torchmcubes-bw torchmcubes-bw "
        f"-Ccmake.define.TORCH_CUDA_ARCH_LIST={dotted}"
    )


def test_the_wheel_s_kernels_are_the_build_s_default():
    text = (ROOT / "cmake" / "cuda_kernels.cmake").read_text("utf-8")
    listed = re.search(r'DEFAULT_ARCHITECTURES "(.*?)"', text)[1]
    assert listed.replace(".", "").replace("+PTX", "").split(";") == [str(n) for n in gpus._WHEEL_CUBINS]
    assert re.findall(r"([\d.]+)\+PTX", listed) == [f"{n // 10}.{n % 10}" for n in gpus._WHEEL_PTX]


def installs(cure):
    return re.findall(r"^pip install torch==([\d.]+\+cu\d+) torchvision==", cure, re.MULTILINE)


@pytest.mark.parametrize(
    "driver_cuda, capability, torch, want",
    [
        ((12, 8), (7, 0), "2.13.0+cu130", ["2.13.0+cu126"]),
        ((13, 0), (6, 1), "2.11.0+cu128", ["2.11.0+cu126"]),
        ((12, 2), (8, 0), "2.12.1+cu130", ["2.12.1+cu126"]),
        ((12, 9), (8, 0), "2.11.0+cpu", ["2.11.0+cu128"]),
        ((12, 9), (8, 0), "2.13.0+cpu", ["2.13.0+cu126"]),
        ((13, 1), (8, 9), "2.13.0+cpu", ["2.13.0+cu130"]),
        ((12, 8), (12, 0), "2.9.1+cu126", ["2.9.1+cu128"]),
        ((12, 8), (12, 0), "2.6.0+cu124", ["2.11.0+cu128"]),
        ((12, 8), (12, 0), "2.13.0+cu126", ["2.11.0+cu128", "2.13.0+cu130"]),
        ((13, 0), (11, 0), "2.13.0+cpu", ["2.13.0+cu130"]),
        ((13, 0), (7, 0), "2.15.0a0+git123", ["2.13.0+cu126"]),
        ((12, 8), (3, 7), "2.13.0+cpu", []),
    ],
)
def test_torch_for_a_driver_and_a_gpu(driver_cuda, capability, torch, want):
    cure = cures.torch_for(driver_cuda, capability, torch, False)
    assert installs(cure) == want
    older = bool(want) and torch_builds.is_older(want[0].partition("+")[0], torch)
    assert ("that is older than your" in cure) == older


DRIVERS = [(11, 4), (12, 0), (12, 8), (12, 9), (13, 0), (13, 2)]
CAPABILITIES = [None, (5, 0), (7, 0), (8, 9), (10, 3), (11, 0), (12, 1), (13, 0)]
INSTALLED = ["2.2.2", "2.11.0+cu128", "2.13.0+cu130", "2.14.1"]


def test_a_cure_names_builds_that_exist_and_their_torchvision():
    pair = re.compile(
        r"torch==([\d.]+)\+(cu\d+) torchvision==([\d.]+)\+(cu\d+) .*/whl/(cu\d+)$", re.MULTILINE
    )
    for driver_cuda, capability, torch in itertools.product(DRIVERS, CAPABILITIES, INSTALLED):
        cure = cures.torch_for(driver_cuda, capability, torch, False)
        pairs = pair.findall(cure)
        assert len(pairs) == cure.count("pip install") > 0
        for release, index, vision, *same in pairs:
            assert {index} == set(same)
            assert torch_builds.BUILDS[release][0] == vision
            assert index in torch_builds.BUILDS[release][1]


def test_every_torch_that_is_named_was_published():
    """In the goldens and the guides; the table's own sources stand in `torch_builds`."""
    published = {f"{release}+{index}" for release, (_, held) in torch_builds.BUILDS.items() for index in held}
    # pytorch.org/get-started/previous-versions
    published |= {"2.13.0+cpu", "2.6.0+cu118", "2.6.0+cu124", "2.2.2+cu118", "2.9.1+rocm6.4"}
    texts = [*(ROOT / "tests/golden/doctor").glob("*.txt"), *(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    named = [
        n
        for text in texts
        for n in re.findall(r"torch[= ]+(\d[\d.]+\d\+\w+(?:\.\d+)?)", text.read_text("utf-8"))
    ]
    assert len(named) > 30
    assert set(named) <= published


@pytest.mark.parametrize(
    "driver_cuda, capability, windows, first",
    [
        ((12, 6), (12, 0), False, "first driver 570 or newer, which speaks CUDA 12.8, then"),
        ((12, 8), (10, 3), False, "first driver 575 or newer, which speaks CUDA 12.9, then"),
        ((12, 8), (12, 1), False, "first driver 575 or newer, which speaks CUDA 12.9, then"),
        ((12, 9), (11, 0), False, "first driver 580 or newer, which speaks CUDA 13.0, then"),
        ((11, 8), (8, 0), False, "first driver 525 or newer, which speaks CUDA 12.0, then"),
        ((11, 8), (8, 0), True, "first driver 528 or newer, which speaks CUDA 12.0, then"),
    ],
)
def test_a_driver_comes_before_torch(driver_cuda, capability, windows, first):
    assert cures.torch_for(driver_cuda, capability, "2.13.0", windows).splitlines()[0] == first


# What it keeps to itself.


@pytest.mark.parametrize(
    "text, want",
    [
        ("/home/alice/lib/libcuda.so.1: cannot open", "libcuda.so.1: cannot open"),
        ("/home/Alice Doe/lib/libcuda.so.1: cannot open", "libcuda.so.1: cannot open"),
        ("~/lib/libcuda.so.1: cannot open", "libcuda.so.1: cannot open"),
        ("tried: '/Users/alice/libcuda.dylib' (no such file)", "tried: 'libcuda.dylib' (no such file)"),
        ("/usr/../home/alice/libcuda.so", "libcuda.so"),
        ("/usr/lib/libcuda.so.1 and /home/alice/b.so", "/usr/lib/libcuda.so.1 and b.so"),
        (r"module 'C:\Users\alice\nvcuda.dll' (or", "module 'nvcuda.dll' (or"),
        (r"\\server\alice\nvcuda.dll", "nvcuda.dll"),
        (r"C:\Windows\System32\nvcuda.dll", r"C:\Windows\System32\nvcuda.dll"),
        ("/usr/lib/wsl/lib/libcuda.so.1: no", "/usr/lib/wsl/lib/libcuda.so.1: no"),
        ("/opt/cuda/libcuda.so", "/opt/cuda/libcuda.so"),
        ("/proc/driver/nvidia/version", "/proc/driver/nvidia/version"),
        ("--index-url https://a.org/whl/cu128", "--index-url https://a.org/whl/cu128"),
        ("memory and/or swap", "memory and/or swap"),
    ],
)
def test_paths_of_people_are_shortened(text, want):
    assert without_folders(text) == want


@pytest.mark.parametrize(
    "named", ["alice/libcuda.so.1", "../alice/libcuda.so.1", "/home/alice, bob/o'x/libcuda.so.1"]
)
def test_whatever_the_variable_holds_is_shortened(monkeypatch, named):
    monkeypatch.setenv("TORCHMCUBES_LIBCUDA", named)
    assert without_folders(f"{named}: cannot open") == "libcuda.so.1: cannot open"


@pytest.mark.parametrize("home", ["/home/alice", "/"])
def test_json_shortens_facts_and_findings(monkeypatch, home):
    monkeypatch.setenv("HOME", home)
    told = Driver((12, 8), None, "/home/alice/lib/libcuda.so.1", status=803)
    machine = replace(machines.BLACKWELL, driver=told, gpus=())
    more = Finding(Mark.BROKEN, "self-test: no NVIDIA driver: /home/alice/lib/libcuda.so.1: no", "/root/x")
    text = as_json(machine, [*examine(machine), more])
    assert "alice" not in text
    assert "/root" not in text
    report = json.loads(text)
    assert report["machine"]["driver"]["library"] == "libcuda.so.1"
    assert report["findings"][-1]["text"] == "self-test: no NVIDIA driver: libcuda.so.1: no"


def test_json_leaves_the_system_s_paths(monkeypatch):
    monkeypatch.setenv("HOME", "/")
    report = json.loads(as_json(machines.BLACKWELL, examine(machines.BLACKWELL)))
    assert report["machine"]["driver"]["library"] == machines.LIBCUDA
