# SPDX-License-Identifier: MIT
"""Compiler flags that break the rules of arithmetic: switched off by the build, refused by the sources.

And a build without a compiler.
"""

import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLAGS = ["-ffast-math", "-ffinite-math-only", "-Ofast", "-funsafe-math-optimizations -ffast-math -Ofast"]
CMAKE = shutil.which("cmake") or Path(sys.executable).with_name("cmake")

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not shutil.which("g++"), reason="the flags are those of g++ and clang"
)


def run(*command, check=True, **environment):
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert not check or done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("flags", FLAGS)
def test_the_sources_refuse_them(flags):
    source = ROOT / "csrc" / "cpu" / "simd" / "scalar.cpp"
    done = run("g++", "-std=c++17", *flags.split(), "-fsyntax-only", source, check=False)
    assert done.returncode != 0
    assert "NaN, infinities and exact rounding are needed" in done.stderr


@pytest.mark.skipif(
    not Path(CMAKE).exists() or not importlib.util.find_spec("pybind11"), reason="needs cmake and pybind11"
)
@pytest.mark.parametrize("flags, kind", [(FLAGS[0], "Release"), (FLAGS[1], "None"), (FLAGS[3], "None")])
def test_the_build_switches_them_off(flags, kind, tmp_path):
    import pybind11

    settings = {
        "CMAKE_BUILD_TYPE": kind,
        "CMAKE_EXPORT_COMPILE_COMMANDS": "ON",
        "CMAKE_CXX_COMPILER": "g++",
        "TORCHMCUBES_CUDA": "OFF",
        "SKBUILD_PROJECT_VERSION": "0",
        "Python_EXECUTABLE": sys.executable,
        "pybind11_DIR": pybind11.get_cmake_dir(),
    }
    options = [f"-D{name}={value}" for name, value in settings.items()]
    run(CMAKE, "-G", "Unix Makefiles", "-S", ROOT, "-B", tmp_path, *options, CXXFLAGS=flags)
    listed = json.loads((tmp_path / "compile_commands.json").read_text("utf-8"))
    assert len(listed) > 10
    for entry in listed[:1] + listed[-1:]:  # the core's and the bindings'
        words = shlex.split(entry["command"])
        macros = run(*words[: words.index("-o")], "-dM", "-E", entry["file"]).stdout
        assert "__FAST_MATH__" not in macros
        assert "__FINITE_MATH_ONLY__ 0" in macros
    link = next(tmp_path.rglob("_core.dir/link.txt")).read_text("utf-8")
    wanted = run(*shlex.split(link), "-###", check=False).stderr
    assert "-shared" in wanted
    assert "crtfastmath" not in wanted


@pytest.mark.skipif(not Path(CMAKE).exists(), reason="needs cmake")
def test_a_build_without_a_compiler_says_what_to_install(tmp_path):
    done = run(CMAKE, "-S", ROOT, "-B", tmp_path, check=False, CXX="/nowhere/c++")
    assert done.returncode != 0
    said = " ".join(done.stderr.split())
    assert said.startswith("CMake Error at cmake/compiler.cmake")
    assert "no C++ compiler was found, and building from source needs one" in said
    for install in ("apt-get install g++", "dnf install gcc-c++", "xcode-select --install", "winget install"):
        assert install in said


@pytest.mark.skipif(not Path(CMAKE).exists(), reason="needs cmake")
def test_what_follows_the_compiler_s_name_is_kept(tmp_path):
    room = ROOT / "cmake" / "compiler.cmake"
    lines = ["cmake_minimum_required(VERSION 3.20)", "project(kept LANGUAGES NONE)", f'include("{room}")']
    lines.append('message(STATUS "given:${CMAKE_CXX_COMPILER_ARG1}.")')
    (tmp_path / "CMakeLists.txt").write_text("\n".join(lines))
    done = run(CMAKE, "-S", tmp_path, "-B", tmp_path / "build", CXX="g++ -DKEPT")
    assert "-- given: -DKEPT." in done.stdout
