# SPDX-License-Identifier: MIT
"""From what the user names to a volume and its place in the world: a file per format."""
