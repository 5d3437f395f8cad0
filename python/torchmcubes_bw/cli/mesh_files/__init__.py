# SPDX-License-Identifier: MIT
"""Mesh files: a writer per format, a part at a time and a chunk at a time."""
