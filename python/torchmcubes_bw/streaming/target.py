# SPDX-License-Identifier: MIT
"""What may be written to: a mesh of ours is replaced, and nothing else that lies in a folder."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

PART = r"part-\d{6,}\.ply"  # the name of a slab's file
_KINDS = {"verts": "f", "faces": "i", "normals": "f"}  # of the arrays' numbers
_MARKS = {"zarr.json", ".zgroup", ".zattrs", ".zmetadata"}
_IN_ARRAY = re.compile(r"zarr\.json|\.zarray|\.zattrs|(c/)?\d+/0|\d+\.0")


def kind_of(path: Path) -> str:
    """Return what is written under a name: ``"ply"``, ``"zarr"``, or ``"npy"`` for a folder of arrays."""
    ending = path.suffix.lower()
    if ending not in (".ply", ".zarr", ""):
        raise ValueError(f"output must end in .ply or .zarr, or be a folder without an ending, got {path}")
    if ending == ".ply" and path.is_dir():
        raise ValueError(f"output must be a file, got the folder {path}")
    if ending != ".ply":
        check_replaceable(path)
    return ending[1:] or "npy"


def check_replaceable(path: Path) -> None:
    """Refuse a folder that holds anything but a mesh of ours, and a file where a folder is to be."""
    if path.is_dir():
        names = sorted(each.name for each in path.iterdir())
        if not names or _is_mesh(path, set(names)):
            return
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        what = f"the folder {path} with {', '.join(names[:3])}{more}"
    elif path.exists():
        what = f"the file {path}"
    else:
        return
    raise ValueError(f"output must be new, or hold nothing but a mesh that was written there, got {what}")


def check_apart(output: Path, name: str, places: Iterable[Path]) -> None:
    """Refuse an output that is what an argument is read from, lies in it or holds it."""
    target = Path(os.path.realpath(output))
    for place in places:
        own = Path(os.path.realpath(place))
        if own.exists() and (target == own or own in target.parents or target in own.parents):
            where = f"output must not be what {name} is read from, {place}"
            raise ValueError(f"{where}, nor hold it or lie in it, got {output}")


def places_of(value: Any) -> Iterator[Path]:
    """Yield the files and folders that a volume is read from, as far as it tells: a function does not."""
    if hasattr(value, "__dask_graph__"):
        for task in dict(value.__dask_graph__() or {}).values():
            for leaf in _leaves(task):
                yield from places_of(leaf)
    while isinstance(value, np.ndarray):
        if isinstance(value, np.memmap) and value.filename is not None:
            yield Path(value.filename)
        value = value.base
    for store in (getattr(value, "store", None), getattr(value, "chunk_store", None)):  # zarr
        if "file" not in getattr(getattr(store, "fs", None), "protocol", ("file",)):
            continue  # on another machine
        at = getattr(getattr(store, "_store", store), "root", getattr(store, "path", None))
        if isinstance(at, (str, os.PathLike)):
            yield Path(at) / str(getattr(value, "path", "")) if Path(at).is_dir() else Path(at)
    file = getattr(getattr(value, "file", None), "filename", None)  # h5py
    if isinstance(file, str):
        yield Path(file)


def _leaves(task: Any) -> Iterator[Any]:
    """Yield what a task of Dask is given."""
    if isinstance(task, (list, tuple, dict)):
        for each in task.values() if isinstance(task, dict) else task:
            yield from _leaves(each)
    elif type(task).__module__.startswith("dask."):
        yield from _leaves([getattr(task, "value", None), getattr(task, "args", None)])
    else:
        yield task


def _is_mesh(folder: Path, names: set[str]) -> bool:
    """Whether these files of a folder are one of our meshes: arrays, a zarr group, or parts."""
    try:
        if any((folder / name).is_symlink() for name in names):
            return False
        return _is_npy(folder, names) or _is_zarr(folder, names) or _is_parts(folder, names)
    except (OSError, ValueError, TypeError, LookupError, AttributeError):  # what is not ours is of any kind
        return False


def _is_npy(folder: Path, names: set[str]) -> bool:
    arrays = {name.removesuffix(".npy") for name in names if name.endswith(".npy")}
    if len(arrays) < len(names) or not _are_columns(arrays):
        return False
    for name in arrays:
        with (folder / f"{name}.npy").open("rb") as file:
            if np.lib.format.read_magic(file) != (1, 0):
                return False
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        if not _is_column(name, shape, dtype):
            return False
    return True


def _is_zarr(folder: Path, names: set[str]) -> bool:
    arrays = names - _MARKS
    if not _are_columns(arrays) or not _zarr_node(folder, ".zgroup"):
        return False
    for name in arrays:
        node = _zarr_node(folder / name, ".zarray")
        if not _is_column(name, node["shape"], node.get("data_type", node.get("dtype"))):
            return False
        for each in (folder / name).rglob("*"):
            if each.is_symlink() or not each.is_dir():
                within = each.relative_to(folder / name).as_posix()
                if not (each.is_file() and _IN_ARRAY.fullmatch(within)) or each.is_symlink():
                    return False
    return True


def _zarr_node(folder: Path, old: str) -> dict[str, Any]:
    """Return what a zarr array or group says of itself; nothing where somebody has added attributes."""
    new, added = folder / "zarr.json", folder / ".zattrs"
    node: dict[str, Any] = json.loads((new if new.exists() else folder / old).read_text("utf-8"))
    attributes = json.loads(added.read_text("utf-8")) if added.exists() else node.get("attributes")
    return {} if attributes else node


def _is_parts(folder: Path, names: set[str]) -> bool:
    if "manifest.json" not in names:
        return False
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    parts = {part["file"] for part in manifest["parts"]}
    known = set(manifest) == {"vertex", "vertices", "triangles", "parts"}
    ours = known and names == parts | {"manifest.json"}
    return ours and all(re.fullmatch(PART, name) for name in parts)


def _are_columns(names: set[str]) -> bool:
    return names in ({"verts", "faces"}, set(_KINDS))


def _is_column(name: str, shape: Any, dtype: Any) -> bool:
    return len(shape) == 2 and shape[1] == 3 and np.dtype(dtype).kind == _KINDS[name]
