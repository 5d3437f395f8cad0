# SPDX-License-Identifier: MIT
"""The doctor: on machines made up, word for word; on this one, for real."""

import getpass
import json
import platform
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import machines
import pytest
import torch
from torchmcubes_bw.backends import kernel_files
from torchmcubes_bw.backends.kernel_files import choose_image, image_for, manifest
from torchmcubes_bw.cli import watch as watching
from torchmcubes_bw.cli.app import app
from torchmcubes_bw.cli.errors import CliError
from torchmcubes_bw.doctor import Machine, as_text, examine, exit_code, names, read_machine, self_test
from torchmcubes_bw.doctor.finding import Finding, Mark
from typer.testing import CliRunner

GOLDEN = Path(__file__).parent.parent / "golden" / "doctor"
BROKEN = {
    "ampere_old_driver",
    "blackwell_old_torch",
    "blackwell_torch_cu126",
    "driver_compat",
    "driver_mismatch",
    "driver_other",
    "driver_stub",
    "driver_unknown",
    "gpus_unseen",
    "kernels_missing",
    "names_removed",
    "newer_gpu_older_driver",
    "old_driver",
    "original_beside",
    "simd_unknown",
    "torch_newer_than_driver",
    "volta_new_torch",
    "windows_old_driver",
    "wsl2_linux_driver",
}


def text_of(name):
    return as_text(examine(machines.MACHINES[name])) + "\n"


@pytest.mark.parametrize("name", machines.MACHINES)
def test_findings_word_for_word(name):
    assert text_of(name) == (GOLDEN / f"{name}.txt").read_text("utf-8"), (
        "the doctor's words have changed; if that is meant, accept them with\n"
        "    PYTHONPATH=tests python tests/cli/test_doctor.py"
    )


def test_no_golden_text_is_left_over():
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(machines.MACHINES)


@pytest.mark.parametrize("name", machines.MACHINES)
def test_exit_code_tells_what_is_broken(name):
    assert exit_code(examine(machines.MACHINES[name])) == (name in BROKEN)


def test_a_terminal_without_signs():
    text = as_text(examine(machines.MACHINES["simd_unknown"]), "ascii")
    assert text.isascii()
    assert "x  TORCHMCUBES_SIMD must be" in text
    assert "    -> unset TORCHMCUBES_SIMD" in text


def run(*arguments):
    return CliRunner().invoke(app, ["doctor", *arguments])


def test_on_this_machine():
    done = run()
    lines = done.stdout.splitlines()
    assert lines[0].startswith(
        f"✓ torchmcubes-bw {metadata.version('torchmcubes-bw')}, Python {platform.python_version()}"
    )
    (tested,) = [line for line in lines if "self-test on cpu" in line]
    assert re.fullmatch(r"✓ self-test on cpu: 98743 vertices, 179657 faces, every byte .*, [\d.]+ ms", tested)
    assert done.exit_code == int(any(line.startswith("✗") for line in lines))


def test_json_names_nobody():
    report = json.loads(run("--json").stdout)
    assert report["machine"]["torch"] == torch.__version__
    assert {finding["mark"] for finding in report["findings"]} <= {"well", "look", "broken"}
    text = json.dumps(report)
    for secret in (getpass.getuser(), platform.node(), str(Path.home())):
        assert not re.search(rf"\b{re.escape(secret)}\b", text) or secret in ("/", "runner")


def test_without_the_command_line_s_libraries():
    block = "import sys; sys.modules.update(typer=None, rich=None, trimesh=None)\n"
    code = (
        block + "sys.argv = ['doctor', '--json']\n"
        "import runpy; runpy.run_module('torchmcubes_bw.doctor', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert json.loads(done.stdout)["machine"]["package"] == metadata.version("torchmcubes-bw"), done.stderr


def test_a_mesh_with_other_bytes_is_broken(monkeypatch):
    monkeypatch.setattr(
        self_test, "marching_cubes", lambda *_: (torch.zeros(98743, 3), torch.zeros(179657, 3))
    )
    (finding,) = self_test.self_tests(machines.CPU_ONLY)
    assert finding.mark is Mark.BROKEN
    assert "should be 98743, 179657, fcb5015a6ae7" in finding.text


def self_test_that_raises(monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(self_test, "marching_cubes", fail)
    (finding,) = self_test.self_tests(machines.CPU_ONLY)
    return finding


def test_a_device_that_fails_is_broken(monkeypatch):
    text = "cuLaunchKernel: an illegal memory access was encountered (CUDA error 700)"
    finding = self_test_that_raises(monkeypatch, RuntimeError(text))
    assert finding == Finding(
        Mark.BROKEN,
        "self-test on cpu: cuLaunchKernel: an illegal memory access was encountered (CUDA error 700)",
        finding.cure,
    )


def test_an_installed_original_is_found(tmp_path, monkeypatch):
    info = tmp_path / "torchmcubes-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torchmcubes\nVersion: 0.1.0\n")
    files = ["torchmcubes/__init__.py", "torchmcubes_module.cpython-311-x86_64-linux-gnu.so"]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in files))
    (tmp_path / "torchmcubes").mkdir()
    for name in files:
        (tmp_path / name).touch()
    assert names.other_owners() == {"torchmcubes": (), "torchmcubes_module": ()}
    monkeypatch.syspath_prepend(tmp_path)
    assert names.other_owners() == {
        "torchmcubes": ("torchmcubes 0.1.0",),
        "torchmcubes_module": ("torchmcubes 0.1.0",),
    }


def test_another_package_s_damage_is_survived(tmp_path, monkeypatch):
    """A blank line in a list of files, and metadata that are not UTF-8: both ended the doctor."""
    told = {"torchmcubes": b"Name: torchmcubes\nVersion: 0.1.0\n", "other": b"Name: \xff\n"}
    for name, metadata_bytes in told.items():
        info = tmp_path / f"{name}-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_bytes(metadata_bytes)
        (info / "RECORD").write_text("\ntorchmcubes/__init__.py,,\n\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert names.other_owners() == {
        "torchmcubes": ("other 0.1.0", "torchmcubes 0.1.0"),
        "torchmcubes_module": (),
    }


def test_the_names_are_asked_from_outside(tmp_path, monkeypatch):
    """As `pip uninstall torchmcubes` leaves them: a folder without the files of both."""
    assert names.answers() == {"torchmcubes": "", "torchmcubes_module": ""}
    (tmp_path / "torchmcubes").mkdir()
    (tmp_path / "torchmcubes" / "__init__.py").touch()
    (tmp_path / "torchmcubes_module.py").write_text("def mcubes_cpu(): pass\ngrid_interp_cpu = mcubes_cpu\n")
    monkeypatch.chdir(tmp_path)
    assert names.answers() == {"torchmcubes": "", "torchmcubes_module": ""}  # where it runs does not count
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert names.answers() == {
        "torchmcubes": "AttributeError: module 'torchmcubes' has no attribute 'marching_cubes'",
        "torchmcubes_module": f"another package answers: {tmp_path / 'torchmcubes_module.py'}",
    }


@pytest.mark.parametrize("told", ["", "no JSON"])
def test_a_process_that_tells_nothing_is_told(monkeypatch, told):
    monkeypatch.setattr(names, "_ASK", f"print({told!r}, end=''); raise SystemExit('the end')")
    (wrong,) = set(names.answers().values())
    assert wrong == "the end" if not told else wrong.startswith("JSONDecodeError")


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell's redirection")
@pytest.mark.parametrize(
    "command", ["torchmcubes_bw.doctor >&-", "torchmcubes_bw.doctor | true", "torchmcubes_bw doctor >&-"]
)
def test_nobody_listens(command):
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m {command}; echo ${{PIPESTATUS[0]}} >&2"],
        capture_output=True,
        text=True,
    )
    assert done.stderr in ("0\n", "1\n")  # and no traceback


def test_files_that_are_missing_are_named(tmp_path, monkeypatch):
    (tmp_path / "sm_10_and_up.tar.xz").touch()
    monkeypatch.setattr(kernel_files, "FOLDER", tmp_path)
    monkeypatch.setattr(kernel_files, "manifest", lambda: {"cubins": [80, 100], "ptx": [75]})
    assert kernel_files.missing_files() == ("sm_80.cubin", "compute_75.ptx")


@pytest.mark.parametrize("every", ["inf", "nan", "0"])
def test_a_time_that_cannot_be_waited(every):
    done = run("--watch", "--every", every)
    assert done.exit_code == 2
    assert "error: --every must be from 0.1 to 86400 seconds, got" in done.stderr


def test_image_for_agrees_with_the_build():
    aboard = manifest()
    for capability in [(6, 1), (7, 2), (8, 9), (9, 0), (10, 3), (12, 1), (13, 0)]:
        assert choose_image(capability) == image_for(capability, aboard["cubins"], aboard["ptx"])


def test_watch_has_no_json():
    done = run("--watch", "--json")
    assert done.exit_code == 2
    assert "error: --watch draws on a terminal and has no JSON: leave --watch or --json out" in done.stderr


def test_memory_that_runs_out_is_broken(monkeypatch):
    finding = self_test_that_raises(monkeypatch, MemoryError("std::bad_alloc"))
    assert finding.text == "self-test on cpu: std::bad_alloc"


def test_watch_shows_what_psutil_says(capsys):
    watching.watch(0.1, looks=2)
    shown = capsys.readouterr().out
    assert re.search(r"memory +[\d.]+ of [\d.]+ GiB", shown)
    assert re.search(r"CPU +\d+ %", shown)
    assert "swap" in shown


class FakeNvml:
    """NVML with one GPU that tells its load and memory, but not its temperature."""

    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        pass

    @staticmethod
    def nvmlDeviceGetUtilizationRates(_gpu):
        return type("Rates", (), {"gpu": 87})

    @staticmethod
    def nvmlDeviceGetMemoryInfo(_gpu):
        return type("Memory", (), {"used": 3 * 2**30, "total": 32 * 2**30})

    @classmethod
    def nvmlDeviceGetTemperature(cls, _gpu, _kind):
        raise cls.NVMLError


def test_watch_shows_what_nvml_says(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml)
    assert [f"{load.name} {load}" for load in watching._gpu_loads([object()])] == [
        "GPU 0 87 %",
        "GPU 0 memory 3.0 of 32.0 GiB",
    ]


def test_watch_without_its_extra(monkeypatch):
    monkeypatch.setattr(watching.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(
        CliError,
        match=re.escape("--watch needs psutil and nvidia-ml-py: pip install 'torchmcubes-bw[monitor]'"),
    ):
        watching.watch(1)


def test_a_machine_is_plain_values():
    assert isinstance(read_machine(), Machine)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name in machines.MACHINES:
        (GOLDEN / f"{name}.txt").write_text(text_of(name), "utf-8")
