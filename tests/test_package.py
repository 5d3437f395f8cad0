# SPDX-License-Identifier: MIT
"""What the installed package is made of, and what an import does."""

import doctest
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torchmcubes
import torchmcubes_bw
import torchmcubes_module
from torchmcubes_bw import _core

HERE = Path(__file__).parent
ROOT = HERE.parent


def api_text():
    """Return the public surface as text: a line a name."""
    lines = []
    for module in (torchmcubes_bw, torchmcubes, torchmcubes_module):
        for name in sorted(module.__all__):
            value = getattr(module, name)
            kind = str(inspect.signature(value)) if callable(value) else f": {type(value).__name__}"
            lines.append(f"{module.__name__}.{name}{kind}")
    return "\n".join(lines) + "\n"


def test_public_surface():
    golden = HERE / "golden" / "api.txt"
    text = re.sub(r"torchmcubes_module\.\w+_cuda.*\n", "", api_text())  # with kernels aboard only
    assert text == golden.read_text("utf-8"), (
        "the public surface has changed; if that is meant, say so in CHANGELOG.md\n"
        "and accept it with    python tests/test_package.py"
    )


@pytest.mark.parametrize(
    "name",
    ["marching_cubes", "marching_cubes_blocks", "marching_cubes_cells", "grid_interp", "label_surfaces"],
)
def test_docstrings_answer_in_order(name):
    text = inspect.getdoc(getattr(torchmcubes_bw, name))
    sections = re.findall(r"^(\w+):$", text, re.MULTILINE)
    assert sections == ["Shapes", "Dtype", "Device", "Range", "Returns", "Raises"]


@pytest.mark.parametrize(
    "module",
    [
        "__init__",
        "_build",
        "compat.cubvh",
        "compat.mcubes",
        "compat.skimage",
        "field_extraction",
        "fields",
        "interpolation",
        "labels",
        "sparse",
        "streaming.surface",
        "surfaces",
    ],
)
def test_docstring_examples(module):
    name = "torchmcubes_bw" if module == "__init__" else f"torchmcubes_bw.{module}"
    __import__(name)
    result = doctest.testmod(sys.modules[name])
    assert result.failed == 0
    assert result.attempted > 0


def test_readme_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_import_changes_nothing_and_brings_nothing(run_python):
    code = """
import json, os, sys, torch, numpy
environment, modules = dict(os.environ), set(sys.modules)
import torchmcubes, torchmcubes_module, torchmcubes_bw
print(json.dumps([dict(os.environ) == environment, sorted(set(sys.modules) - modules)]))
"""
    same, modules = json.loads(run_python(code))
    assert same
    foreign = [m for m in modules if not m.startswith(("torchmcubes", "_"))]
    assert foreign == []


def test_an_import_is_quick(run_python):
    """With the calls, under a twentieth of torch's own (20 of 950 ms): load slows both alike."""
    code = """
import time
begin = time.process_time()
import torch, numpy
middle = time.process_time()
from torchmcubes_bw import grid_interp, isosurface, marching_cubes
print((time.process_time() - middle) / (middle - begin))
"""
    assert min(float(run_python(code)) for _ in range(2)) < 1 / 20


@pytest.mark.skipif(sys.platform != "linux", reason="ldd is Linux's")
def test_the_compiled_module_links_nothing_of_torch():
    done = subprocess.run(["ldd", _core.__file__], capture_output=True, text=True, check=True)
    assert "libc.so" in done.stdout
    linked = re.sub(r"\(0x[0-9a-f]+\)", "", done.stdout)  # a load address can hold "c10"
    assert not re.search(r"torch|c10|gomp|iomp|libomp|cuda", linked)


def test_build_info():
    info = torchmcubes_bw.build_info()
    assert info["version"] == torchmcubes_bw.__version__
    assert info["simd"] in info["simd_levels"]
    assert info["simd_levels"][-1] == "scalar"
    assert info["cuda"] is torchmcubes_bw.HAS_CUDA
    json.dumps(info)


if __name__ == "__main__":
    text = re.sub(r"torchmcubes_module\.\w+_cuda.*\n", "", api_text())
    (HERE / "golden" / "api.txt").write_text(text)
