# SPDX-License-Identifier: MIT
"""What the tables and the plots tell of a result."""

from __future__ import annotations

import statistics
from typing import Any

from torchmcubes_bw.measure import spread

from .rivals import OURS
from .volumes import DTYPES, NAMES, SCAN, SWEPT, Case

Entry = dict[str, Any]
Report = dict[str, Any]
_ORDER = (*SWEPT, *(name for name in NAMES if name not in SWEPT))


def cases_of(report: Report) -> dict[Case, dict[str, Entry]]:
    """Return the entries of each case by rival, ours first; the cases by field, type and size."""
    found: dict[Case, dict[str, Entry]] = {}
    for entry in report["results"]:
        found.setdefault((entry["field"], entry["size"], entry["dtype"]), {})[entry["rival"]] = entry
    return {case: found[case] for case in sorted(found, key=_place)}


def _place(case: Case) -> tuple[int, int, int]:
    field, size, dtype = case
    return _ORDER.index(field), DTYPES.index(dtype), size


def title(case: Case) -> str:
    """Return a case's name."""
    field, size, dtype = case
    of = "" if dtype == "float32" else f" {dtype}"
    return "MNI152, 1 mm" if field == SCAN else f"{field} {size}³{of}"


def median_ms(entry: Entry) -> float:
    """Return milliseconds, call to result."""
    return statistics.median(entry["seconds"]) * 1e3


def device_ms(entry: Entry) -> float | None:
    """Return milliseconds on the GPU."""
    seconds = entry.get("device_seconds")
    return statistics.median(seconds) * 1e3 if seconds else None


def limit_ms(entry: Entry, report: Report) -> float:
    """Return what reading the volume and writing our mesh takes at the copy bandwidth."""
    return entry["bytes"] / (report["machine"]["copy_gb_s"] * 1e9) * 1e3


def spread_text(entry: Entry) -> str:
    """Return the spread in percent; of fewer than four calls it says nothing."""
    return f"{100 * spread(entry['seconds']):.0f} %" if len(entry["seconds"]) >= 4 else "-"


def times_ours(entries: dict[str, Entry], *names: str) -> float | None:
    """Return how many times our time the fastest of some rivals takes; None where none was timed."""
    timed = [median_ms(entries[name]) for name in names if name in entries and entries[name]["seconds"]]
    return min(timed) / median_ms(entries[OURS]) if timed else None


def machine_line(report: Report) -> str:
    """Say what the figures were taken on."""
    m = report["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in report["versions"].items())
    gpu = f"{m['gpus'][0]}; " if m["device"] == "cuda" else ""
    return (
        f"{gpu}{m['cpu']}, {threads_text(report)} of {m['cores']}, {m['memory_gib']} GiB, {m['simd']}, copies "
        f"{m['copy_gb_s']:.1f} GB/s, reads {m['read_gb_s']:.1f} GB/s; Python {m['python']}, torch {m['torch']}, "
        f"{versions}; commit {report['commit']}."
    )


def threads_text(report: Report) -> str:
    """Return how many threads were used."""
    count = report["machine"]["threads"]
    return f"{count} thread{'s' if count > 1 else ''}"
