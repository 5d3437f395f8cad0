# SPDX-License-Identifier: MIT
"""The names of `torchmcubes_bw.fields`, known without importing torch."""

SAMPLES = ("metaballs", "sphere", "density", "gyroid", "shells", "noise")
