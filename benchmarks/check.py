# SPDX-License-Identifier: MIT
"""Whether a rival's mesh is right; its time counts only then."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torchmcubes_bw._mesh import is_closed, signed_volume


def as_array(part: Any) -> np.ndarray:
    """Return a mesh's vertices or faces as an array, from wherever they are."""
    return np.asarray(part.cpu() if isinstance(part, torch.Tensor) else part)


def compare(mesh: Any, reference: Any, same_counts: bool, closed: bool) -> str | None:
    """Return what is wrong with a mesh, or None."""
    verts, faces = (as_array(part) for part in mesh)
    want_verts, want_faces = reference
    if same_counts and len(verts) != len(want_verts):
        return f"{len(verts)} vertices, not {len(want_verts)}"
    # An ambiguous face may be decided the other way, which changes a few triangles and a little volume.
    if abs(len(faces) - len(want_faces)) > 0.005 * len(want_faces):
        return f"{len(faces)} faces, not about {len(want_faces)}"
    if not closed:
        return None
    if not is_closed(faces):
        return "not closed"
    got, want = abs(signed_volume(verts, faces)), abs(signed_volume(want_verts, want_faces))
    return None if abs(got - want) < 0.005 * want else f"encloses {got:.6g}, not {want:.6g}"
