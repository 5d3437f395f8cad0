# SPDX-License-Identifier: MIT
from __future__ import annotations

import skimage
from skimage.measure import marching_cubes

from . import Extract, Rival


def rivals(threads: int) -> list[Rival]:
    """Return scikit-image's two methods; it has no threads to set and always computes normals."""

    def with_method(method: str) -> Rival:
        def ready(vol, level) -> Extract:
            samples = vol.numpy()

            def extract():
                verts, faces, _, _ = marching_cubes(samples, level, method=method, allow_degenerate=True)
                return verts, faces

            return extract

        versions = {"scikit-image": skimage.__version__}
        # Lewiner's tables join ambiguous cells otherwise, which makes more triangles of noise.
        known = ("faces", "area") if method == "lewiner" else ()
        return Rival(f"scikit-image {method}", ready, versions, same_counts=False, tolerates=known)

    return [with_method("lorensen"), with_method("lewiner")]
