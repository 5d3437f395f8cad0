# SPDX-License-Identifier: MIT
"""Other libraries' calls, computed here: `skimage` and `mcubes`. How they differ: docs/compat.md."""
