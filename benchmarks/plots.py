# SPDX-License-Identifier: MIT
"""Time and memory against size, a panel a field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator

from .figures import Entry, Report, cases_of, limit_ms, median_ms, threads_text
from .rivals import OURS

_FLOOR_MIB = 0.1  # a logarithmic axis has no 0
# Each is told apart by its marker too: two lines may coincide, and not everybody sees colours.
_STYLES = {
    OURS: {"marker": "o", "color": "black", "linewidth": 3, "zorder": 4},
    "libigl": {"marker": "P", "color": "#8c564b"},
    "Warp": {"marker": "X", "color": "#76b900"},
    "PyMCubes": {"marker": "s", "color": "#1f77b4"},
    "scikit-image lorensen": {"marker": "^", "color": "#ff7f0e"},
    "scikit-image lewiner": {
        "marker": "v",
        "color": "#d62728",
        "linestyle": "--",
        "markerfacecolor": "white",
    },
    "VTK Flying Edges, 1 thr.": {
        "marker": "<",
        "color": "#9467bd",
        "markerfacecolor": "white",
        "markersize": 11,
    },
}
_OTHERS = [{"marker": m, "color": c} for m, c in zip("Dh>*dp18", mpl.colormaps["Dark2"].colors, strict=True)]


def plot(report: Report, folder: Path, suffix: str) -> None:
    """Draw into benchmark_time.svg and benchmark_memory.svg."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    _draw(report, folder / f"benchmark{suffix}_time.svg", "ms, call to result", median_ms, _limit_line)
    label = f"MiB at the peak beyond volume and mesh\n(less than {_FLOOR_MIB} drawn as {_FLOOR_MIB})"
    _draw(report, folder / f"benchmark{suffix}_memory.svg", label, _extra_mib, _volume_lines)


def _extra_mib(entry: Entry) -> float | None:
    extra = entry["extra_bytes"]
    return None if extra is None else max(extra / 2**20, _FLOOR_MIB)


def _limit_line(axis: Any, ours: list[Entry], report: Report) -> None:
    limits = [limit_ms(entry, report) for entry in ours]
    axis.plot(_sizes(ours), limits, "k:", label="limit: read the volume, write the mesh")


def _volume_lines(axis: Any, ours: list[Entry], _: Report) -> None:
    volumes = [4 * entry["voxels"] / 2**20 for entry in ours]
    axis.plot(_sizes(ours), volumes, "k:", label="the volume itself")
    axis.plot(
        _sizes(ours), [mib / 8 for mib in volumes], "k-.", linewidth=1, label="1/8 of it: our own bound"
    )


def _sizes(entries: list[Entry]) -> list[int]:
    return [entry["size"] for entry in entries]


def _draw(
    report: Report,
    path: Path,
    label: str,
    value: Callable[[Entry], float | None],
    references: Callable[[Any, list[Entry], Report], None],
) -> None:
    swept = _swept(report)
    names = list(dict.fromkeys(name for rivals in swept.values() for name in rivals))
    others = iter(_OTHERS * len(names))
    styles = {name: _STYLES.get(name) or next(others) for name in names}
    with mpl.rc_context({"font.size": 11}):
        figure, axes = plt.subplots(
            1, len(swept), figsize=(5.4 * len(swept), 5.8), sharey=True, squeeze=False
        )
        for axis, (field, rivals) in zip(axes[0], swept.items(), strict=True):
            for name, entries in rivals.items():
                points = [(entry["size"], y) for entry in entries if (y := value(entry)) is not None]
                if points:
                    axis.plot(*zip(*points, strict=True), label=name, **{"markersize": 7, **styles[name]})
            references(axis, rivals[OURS], report)
            _finish(axis, field, sorted({e["size"] for entries in rivals.values() for e in entries}))
        axes[0][0].set_ylabel(label)
        where = (
            report["machine"]["gpus"][0]
            if report["machine"]["device"] == "cuda"
            else report["machine"]["cpu"]
        )
        figure.suptitle(f"{where}, {threads_text(report)}, float32", fontsize=12)
        by_label = {
            text: line for a in axes[0] for line, text in zip(*a.get_legend_handles_labels(), strict=True)
        }
        figure.legend(by_label.values(), by_label, loc="lower center", ncols=3, fontsize=10, frameon=False)
        figure.tight_layout(rect=(0, 0.045 * -(-len(by_label) // 3), 1, 1))
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def _swept(report: Report) -> dict[str, dict[str, list[Entry]]]:
    """Return what was timed of the fields that were taken at several sizes: by field and rival."""
    found: dict[str, dict[str, list[Entry]]] = {}
    for (field, _, dtype), entries in cases_of(report).items():
        if dtype == "float32" and entries[OURS]["seconds"]:
            for name, entry in entries.items():
                if entry["seconds"]:
                    found.setdefault(field, {}).setdefault(name, []).append(entry)
    several = {field: rivals for field, rivals in found.items() if len(rivals[OURS]) > 1}
    return several or found


def _finish(axis: Any, field: str, sizes: list[int]) -> None:
    axis.set(xscale="log", yscale="log", title=field, xlabel="samples a side")
    axis.set_xticks(sizes, [str(size) for size in sizes])
    axis.yaxis.set_major_locator(LogLocator(numticks=20))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,g}".replace(",", " ")))
    axis.minorticks_off()
    axis.tick_params(labelleft=True)
    axis.grid(alpha=0.3)
