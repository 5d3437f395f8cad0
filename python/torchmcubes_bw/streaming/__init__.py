# SPDX-License-Identifier: MIT
"""Volumes larger than memory: read slab by slab, meshed in one walk, written as they come.

`sources` gives planes, `ahead` reads them in a thread, `walk` counts and emits slab after slab, `writers`
take the mesh piece by piece. Torch is not needed for any of it.
"""

from __future__ import annotations

from .surface import Written, stream_surface

__all__ = ["Written", "stream_surface"]
