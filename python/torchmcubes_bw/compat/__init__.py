# SPDX-License-Identifier: MIT
"""Other people's calls, answered by this package."""
