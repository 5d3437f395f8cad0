# SPDX-License-Identifier: MIT
"""Install something like the original torchmcubes over this package, in both orders, and see it told.

    ENVIRONMENT/bin/python scripts/check_coexistence.py WHEEL

Runs in an environment that has the wheel, which it leaves as it was.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
METADATA = "Metadata-Version: 2.1\nName: torchmcubes\nVersion: 0.1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def original(folder: str) -> str:
    """Write a wheel with the original's name and file names, but nothing in them."""
    files = {
        "torchmcubes/__init__.py": "from torchmcubes_module import mcubes_cpu as marching_cubes\n",
        f"torchmcubes_module{SUFFIX}": "",
        "torchmcubes-0.1.0.dist-info/METADATA": METADATA,
        "torchmcubes-0.1.0.dist-info/WHEEL": WHEEL,
    }
    record = "torchmcubes-0.1.0.dist-info/RECORD"
    wheel = Path(folder) / "torchmcubes-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**files, record: "".join(f"{n},,\n" for n in [*files, record])}.items():
            archive.writestr(name, text)
    return str(wheel)


def pip(*arguments: str) -> None:
    """Call this environment's pip."""
    subprocess.run([sys.executable, "-m", "pip", "-q", *arguments], check=True)


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Call this environment's Python, in a folder where nothing can be imported by accident."""
    with tempfile.TemporaryDirectory() as nowhere:
        return subprocess.run(
            [sys.executable, *arguments], cwd=nowhere, capture_output=True, text=True, check=False
        )


def expect(condition: bool, what: str) -> None:
    """Stop where something is not as it should be."""
    if not condition:
        sys.exit(f"error: {what}")
    print(f"seen: {what}")


def main(wheel: str) -> None:
    """Install, look, remove, look."""
    with tempfile.TemporaryDirectory() as folder:
        theirs = original(folder)
        for order, commands in {
            "the original last": [("install", "--no-deps", theirs)],
            "ours last": [("install", "--no-deps", "--force-reinstall", wheel)],
        }.items():
            for command in commands:
                pip(*command)
            pip("check")
            imported = python("-c", "import torchmcubes")
            expect(
                imported.returncode == 0 and "are both installed" in imported.stderr,
                f"{order}: the import works, and warns",
            )
            told = python("-m", "torchmcubes_bw.doctor")
            expect(
                told.returncode == 1 and "✗ torchmcubes 0.1.0 is installed too" in told.stdout,
                f"{order}: doctor says so, and what to do",
            )
        pip("uninstall", "-y", "torchmcubes-bw")
        broken = python("-c", "import torchmcubes; torchmcubes.marching_cubes")
        expect(broken.returncode == 1, "ours removed: what is left of the original fails aloud")
        pip("uninstall", "-y", "torchmcubes")
        pip("install", "--no-deps", wheel)
        pip("install", "--no-deps", theirs)
        pip("uninstall", "-y", "torchmcubes")
        told = python("-m", "torchmcubes_bw.doctor")
        expect(
            told.returncode == 1 and "✗ import torchmcubes does not find this package" in told.stdout,
            "theirs alone removed: doctor says that the name is gone",
        )
        pip("install", "--no-deps", "--force-reinstall", wheel)
        cured = python("-W", "error", "-c", "import torchmcubes; torchmcubes.marching_cubes")
        expect(cured.returncode == 0, "ours installed again, as doctor says: all is well")


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()))
