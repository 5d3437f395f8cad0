# SPDX-License-Identifier: MIT
"""The rules that keep the tree liveable, checked on its own files."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PRODUCT = [ROOT / name for name in ("csrc", "python", "cmake")]
SUFFIXES = {".h", ".cpp", ".cu", ".cuh", ".py", ".pyi", ".cmake"}


def files(*folders, suffixes=SUFFIXES):
    return sorted(p for folder in folders for p in folder.rglob("*") if p.suffix in suffixes)


def texts(*folders, suffixes=SUFFIXES):
    return {p.relative_to(ROOT).as_posix(): p.read_text("utf-8") for p in files(*folders, suffixes=suffixes)}


def test_there_is_something_to_check():
    assert len(files(*PRODUCT)) > 20


def test_files_are_short():
    long = {p: n for p, t in texts(*PRODUCT, ROOT / "tests").items() if (n := t.count("\n")) > 500}
    assert long == {}


def test_every_file_names_the_licence():
    bare = [
        p
        for p, t in texts(*PRODUCT, ROOT / "tests", suffixes=SUFFIXES - {".pyi"}).items()
        if "SPDX-License-Identifier: MIT" not in t.split("\n", 2)[0]
    ]
    assert [p for p in bare if Path(ROOT / p).stat().st_size] in ([], bare[:0])


def test_one_file_knows_the_compilers():
    assert [p for p, t in texts(ROOT / "csrc").items() if "__CUDACC__" in t] == ["csrc/core/host_device.h"]


def test_the_core_needs_no_standard_header():
    for path, text in texts(ROOT / "csrc" / "core").items():
        included = re.findall(r"#include <(.*)>", text)
        assert included in ([], ["intrin.h"]), path


def test_kernels_know_no_framework():
    for path, text in texts(ROOT / "csrc").items():
        if not path.startswith("csrc/bindings"):
            assert not re.search(r"ATen|pybind11|Python\.h|torch/", text), path


def test_only_isa_cmake_names_instruction_sets():
    named = [
        p
        for p, t in {
            **texts(*PRODUCT),
            "CMakeLists.txt": (ROOT / "CMakeLists.txt").read_text("utf-8"),
            "pyproject.toml": (ROOT / "pyproject.toml").read_text("utf-8"),
        }.items()
        if re.search(r"-m(avx|sse|bmi|popcnt|arch|tune|fma)", t)
    ]
    assert named == ["cmake/isa.cmake"]


def test_stages_carry_the_same_names_on_both_sides():
    cpu = {p.stem for p in (ROOT / "csrc" / "cpu").glob("stage*")}
    cuda = {p.stem for p in (ROOT / "csrc" / "cuda").glob("stage*")}
    assert cpu == cuda == {"stage1_classify", "stage2_count", "stage3_scan", "stage4_emit"}


@pytest.mark.parametrize("path", ["csrc/cpu/pipeline.cpp", "csrc/cuda/pipeline.cpp"])
def test_the_driver_reads_at_a_glance(path):
    assert (ROOT / path).read_text("utf-8").count("\n") <= 80
