# SPDX-License-Identifier: MIT
"""What scripts/build_wheels.py knows without building: names, headers, the table, the hash it compares."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torchmcubes_bw._core as core

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


def test_every_wheel_is_named_as_installers_look_for_it():
    targets = importlib.import_module("wheel_targets")
    named = [f"{python.tags}-{platform.wheel_tag}" for platform, python in targets.chosen([])]
    assert len(named) == len(set(named)) == 20
    assert named[0] == "cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64"
    assert named[-1] == "cp314-cp314-macosx_11_0_arm64"
    free = targets.Python(14, free_threaded=True)
    assert (free.tags, free.version, free.dll) == ("cp314-cp314t", "3.14t", "python314t.dll")
    linux, _, windows, macos = targets.PLATFORMS
    assert linux.suffix(free) == ".cpython-314t-x86_64-linux-gnu.so"
    assert windows.suffix(targets.Python(10)) == ".cp310-win_amd64.pyd"
    assert macos.suffix(targets.Python(13)) == ".cpython-313-darwin.so"


def test_the_list_of_a_wheels_files_has_every_module():
    """A wheel is looked into after a build of minutes: a module that the list lacks is told here."""
    listed = (ROOT / "tests" / "golden" / "wheel.txt").read_text("utf-8").splitlines()
    sources = {path.relative_to(ROOT / "python").as_posix() for path in (ROOT / "python").rglob("*.py")}
    assert sources == {name for name in listed if name.endswith(".py")}


def test_the_suffix_is_this_pythons():
    targets = importlib.import_module("wheel_targets")
    python = targets.Python(sys.version_info.minor)
    assert any(Path(core.__file__).name == f"_core{p.suffix(python)}" for p in targets.PLATFORMS)


def test_the_kernels_are_those_that_cmake_compiles():
    targets = importlib.import_module("wheel_targets")
    text = (ROOT / "cmake" / "cuda_kernels.cmake").read_text("utf-8")
    lists = re.findall(r'set\(TORCHMCUBES_DEFAULT_ARCHITECTURES "([^"]*)"\)', text)
    for platform, listed in zip((targets.PLATFORMS[0], targets.PLATFORMS[1]), lists, strict=True):
        cubins = [int(item.removesuffix("+PTX").replace(".", "")) for item in listed.split(";")]
        assert platform.cubins == tuple(n for n in cubins if n != 110)  # NVRTC 12 calls that 10.1
        assert platform.ptx == (75, 120)


def test_wheels_are_chosen_by_name():
    targets = importlib.import_module("wheel_targets")
    pairs = targets.chosen(["3.14t", "windows-x86_64", "3.10"])
    assert [(platform.name, python.version) for platform, python in pairs] == [
        ("windows-x86_64", "3.14t"),
        ("windows-x86_64", "3.10"),
    ]
    with pytest.raises(ValueError, match=r"^a wheel must be named by linux-x86_64, .*, got 2\.7$"):
        targets.chosen(["2.7"])


def test_the_table_has_a_line_a_wheel():
    targets = importlib.import_module("wheel_targets")
    done = targets.Outcome("macos-arm64", "3.12", "1.02 MB", "no: nothing here runs it")
    assert targets.table([done]).split("\n") == [
        "platform    | Python | built   | loaded                   | suite",
        "------------|--------|---------|--------------------------|------",
        "macos-arm64 | 3.12   | 1.02 MB | no: nothing here runs it |",
    ]


def test_modules_are_one_name_in_the_list_of_files():
    targets = importlib.import_module("wheel_targets")
    for name in ("_core.cp310-win_amd64.pyd", "_core.cpython-314t-x86_64-linux-gnu.so"):
        assert targets.without_python(f"torchmcubes_bw/{name}") == "torchmcubes_bw/_core.*.so"
    assert targets.without_python("torchmcubes_bw/_core.pyi") == "torchmcubes_bw/_core.pyi"


def test_headers_tell_what_pythons_library_exports(tmp_path):
    headers = importlib.import_module("python_headers")
    (tmp_path / "object.h").write_text(
        "PyAPI_FUNC(PyObject *) PyObject_Repr(PyObject *);\nPyAPI_FUNC(int)\n    Py_IsNone(PyObject *x);\n"
        "PyAPI_DATA(PyTypeObject) PyType_Type;\nPyAPI_DATA(PyObject *) PyExc_OSError;\nint PyPrivate(void);\n"
    )
    wanted = ["PyExc_OSError DATA", "PyObject_Repr", "PyType_Type DATA", "Py_IsNone"]
    assert headers.exported_names(tmp_path) == wanted


@pytest.mark.parametrize("level", core.simd_levels())
def test_the_core_alone_gives_the_meshes_that_every_build_is_held_to(level):
    loader = importlib.import_module("load_core")
    done = subprocess.run(
        [sys.executable, "-S", str(ROOT / "scripts" / "load_core.py"), core.__file__],
        env={**os.environ, "TORCHMCUBES_SIMD": level},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [level, ",".join(core.simd_levels()), loader.MESHES], done.stderr
