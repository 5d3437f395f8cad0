# SPDX-License-Identifier: MIT
"""What this machine, its torch and this build are to each other: facts, then findings with a cure each.

``python -m torchmcubes_bw.doctor`` prints them and needs no extra; ``torchmcubes-bw doctor`` does the same,
and can watch the machine too.
"""

from .facts import Machine, read_machine
from .finding import Finding
from .findings import examine
from .report import as_json, as_text, exit_code, show
from .self_test import self_tests

__all__ = [
    "Finding",
    "Machine",
    "as_json",
    "as_text",
    "examine",
    "exit_code",
    "read_machine",
    "self_tests",
    "show",
]
