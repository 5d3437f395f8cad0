# SPDX-License-Identifier: MIT
"""Other libraries' calls, computed here: `skimage`, `mcubes` and `diso`. How they differ: docs/compat.md."""
