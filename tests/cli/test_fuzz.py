# SPDX-License-Identifier: MIT
"""A small part of the damaged files of `tests/fuzz_scans.py`; `nox -s fuzz` does ten thousand."""

import fuzz_scans


def test_damaged_files():
    wrong, meshes = fuzz_scans.fuzz(120, seed=1)
    assert wrong == []
    assert 10 < meshes < 60


def test_the_judge_sees_what_is_wrong(tmp_path, monkeypatch):
    """A reader that raises is caught as an error; one that ends the program is not let pass."""
    from torchmcubes_bw.cli.scan import numpy_file

    path = tmp_path / "a.npy"
    path.write_bytes(b"")

    def raises(*_):
        raise ZeroDivisionError("of a library")

    monkeypatch.setattr(numpy_file, "read", raises)
    assert fuzz_scans.attempt(path, (), tmp_path / "m.ply") is None

    def leaves(*_):
        raise SystemExit(7)

    monkeypatch.setattr(numpy_file, "read", leaves)
    assert "it ended with 7" in fuzz_scans.attempt(path, (), tmp_path / "m.ply")
