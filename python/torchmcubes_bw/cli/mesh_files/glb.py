# SPDX-License-Identifier: MIT
"""GLB, binary glTF 2.0: a node a part, in metres with +Y up by the node's matrix."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

import numpy as np

from ..errors import CliError
from ..part import Array, Part
from .chunks import bytes_of, write_rows

_FLOAT, _UNSIGNED, _BYTE = 5126, 5125, 5121
_VERTICES, _INDICES = 34962, 34963


def write(file: BinaryIO, parts: list[Part], comment: str, scale: float = 1.0, up: str = "y") -> None:
    """Write the parts. `scale` is metres a unit; `up` is the axis of the parts that points up."""
    gltf = _Gltf(parts, comment, scale, up)
    text = json.dumps(gltf.document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + gltf.bytes
    if total > 2**32 - 1:
        raise CliError(f"a .glb file must be at most 4294967295 bytes, got {total}: write .ply")
    file.write(b"glTF" + _u32(2) + _u32(total) + _u32(len(text)) + b"JSON" + text)
    file.write(_u32(gltf.bytes) + b"BIN\0")
    for rows, dtype in gltf.arrays:
        write_rows(file, rows, dtype)


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


class _Gltf:
    """The document, and the arrays that follow it in order."""

    def __init__(self, parts: list[Part], comment: str, scale: float, up: str) -> None:
        self.arrays: list[tuple[Array, str]] = []
        self.bytes = 0
        self.document: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": comment},
            "scene": 0,
            "scenes": [{"nodes": list(range(len(parts)))}],
            "nodes": [], "meshes": [], "materials": [], "accessors": [], "bufferViews": [],
        }  # fmt: skip
        for part in parts:
            self._add(part, scale, up)
        self.document["buffers"] = [{"byteLength": self.bytes}]

    def _add(self, part: Part, scale: float, up: str) -> None:
        number = len(self.document["nodes"])
        centre = np.zeros(3) if part.centre is None else part.centre  # the node carries the vertices there
        verts = part.verts
        attributes = {"POSITION": self._accessor(verts, "<f4", _FLOAT, "VEC3", bounds=True)}
        if part.normals is not None:
            attributes["NORMAL"] = self._accessor(part.normals, "<f4", _FLOAT, "VEC3")
        if part.colours is not None:
            linear = _LINEAR[part.colours]
            opaque = np.concatenate([linear, np.full((len(verts), 1), 255, np.uint8)], axis=1)
            attributes["COLOR_0"] = self._accessor(opaque, "u1", _BYTE, "VEC4", normalized=True)
        faces = self._accessor(part.faces.reshape(-1, 1), "<u4", _UNSIGNED, "SCALAR", target=_INDICES)
        grey = (0.8, 0.8, 0.8)
        colour = bytes_of((1, 1, 1) if part.colours is not None else part.colour or grey)
        self.document["materials"].append(
            {
                "pbrMetallicRoughness": {
                    "baseColorFactor": [*_linear(colour / 255), 1.0],
                    "metallicFactor": 0.0,
                    "roughnessFactor": 0.6,
                },
            }
        )
        primitive = {"attributes": attributes, "indices": faces, "material": number}
        self.document["meshes"].append({"name": part.name, "primitives": [primitive]})
        self.document["nodes"].append(
            {"name": part.name, "mesh": number, "matrix": _matrix(centre, scale, up)}
        )

    def _accessor(
        self, rows: Array, dtype: str, kind: int, shape: str, bounds: bool = False, normalized: bool = False,
        target: int = _VERTICES,
    ) -> int:  # fmt: skip
        length = rows.size * np.dtype(dtype).itemsize
        self.document["bufferViews"].append(
            {"buffer": 0, "byteOffset": self.bytes, "byteLength": length, "target": target}
        )
        accessor: dict[str, Any] = {
            "bufferView": len(self.document["bufferViews"]) - 1,
            "componentType": kind,
            "count": len(rows),
            "type": shape,
        }
        if bounds:
            accessor |= {"min": rows.min(axis=0).tolist(), "max": rows.max(axis=0).tolist()}
        if normalized:
            accessor["normalized"] = True
        self.document["accessors"].append(accessor)
        self.arrays.append((rows, dtype))
        self.bytes += length  # each array's is a multiple of 4: no padding is needed
        return len(self.document["accessors"]) - 1


def _matrix(centre: Array, scale: float, up: str) -> list[float]:
    """Return the node's matrix, column by column: from the parts' units and axes to metres, +Y up."""
    turn = np.eye(3) if up == "y" else np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn * scale
    matrix[:3, 3] = turn @ centre * scale
    return [float(value) for value in matrix.T.ravel()]


def _linear(colour: Array) -> list[float]:
    """Return a screen's colour as glTF keeps it: linear in light."""
    return [float(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in colour]


_LINEAR = np.rint(np.array(_linear(np.arange(256) / 255)) * 255).astype(np.uint8)
