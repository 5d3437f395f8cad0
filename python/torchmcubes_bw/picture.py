# SPDX-License-Identifier: MIT
"""A picture of a mesh, for a notebook: shaded, seen from above the corner of the axes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_FACES = 200_000  # what matplotlib draws within a second or two
_VIEW = np.array([[-0.5, 0.866, 0.0], [-0.433, -0.25, 0.866], [0.75, 0.433, 0.5]])  # right, up, to the eye


def png(verts: NDArray[Any], faces: NDArray[Any], pixels: int = 400) -> bytes | None:
    """Return a PNG; None for a mesh without faces or with very many, and where matplotlib is missing."""
    if not 0 < len(faces) <= _MOST_FACES:
        return None
    try:
        from matplotlib.collections import PolyCollection  # noqa: PLC0415 - an extra
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        return None
    corners = (verts.astype(np.float64) @ _VIEW.T)[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normals, axis=1)
    facing = np.abs(normals[:, 2]) / np.where(length > 0, length, 1)  # a light at the eye, on either side
    order = np.argsort(corners[:, :, 2].mean(axis=1), kind="stable")  # the nearest are drawn last
    colours = (0.25 + 0.7 * facing)[order, None] * np.array([0.55, 0.72, 0.95])
    figure = Figure(figsize=(4, 4), dpi=pixels / 4)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    polygons = PolyCollection(corners[order, :, :2], facecolors=colours, edgecolors="none", antialiased=False)
    axes.add_collection(polygons)
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.set_axis_off()
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
