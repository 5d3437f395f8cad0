# SPDX-License-Identifier: MIT
"""The doctor without the command line's libraries."""

from __future__ import annotations

import argparse
import sys

from ..printing import standard_streams
from . import examine, exit_code, read_machine, self_tests, show


def main() -> int:
    """Print the findings; return 1 where something is broken."""
    parser = argparse.ArgumentParser(prog="python -m torchmcubes_bw.doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print facts and findings as JSON")
    with standard_streams():
        given = parser.parse_args()
        machine = read_machine()
        findings = [*examine(machine), *self_tests(machine)]
        show(machine, findings, given.json)
    return exit_code(findings)


if __name__ == "__main__":
    sys.exit(main())
