# SPDX-License-Identifier: MIT
"""What a caller may pass: a file per kind of argument, and every text of an error about one."""
