# SPDX-License-Identifier: MIT
"""Tables and plots from a benchmark's JSON.

python -m benchmarks.report benchmarks/results/cpu.json            # writes docs/benchmarks.md, README, plots
python -m benchmarks.report benchmarks/results/cpu.json --check    # fails where they differ from the JSON
"""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Annotated, Any

import typer

from .rivals.ours import NAME as OURS
from .volumes import SCAN

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"

_HEAD = """# Benchmarks

Made by `python -m benchmarks` and `python -m benchmarks.report`; the raw figures are in `benchmarks/results/`.

- **ms**: median time from call to result, the mesh in new memory. The rivals take turns within one run; in each turn
  an uncounted call comes first, then one to five counted ones, the more the shorter they are.
- **spread**: half the distance between the quartiles, in percent of the median.
- **times ours**: how many times our time.
- **extra MiB**: peak memory beyond the volume and the mesh, from the system's own count of resident pages
  (a peak below what was resident before shows as 0).
- **limit**: (volume bytes + mesh bytes) over the copy bandwidth measured in the same run: the time to read the
  volume once and write the mesh once.

A mesh is checked before its time counts: V as ours (scikit-image merges vertices), F and the volume enclosed within
0.5 % (an ambiguous face may be decided the other way), and closed. Rivals run at their best settings: no normals where
they can be left out, their own input layout made beforehand, float16 and int16 samples converted to float32 beforehand
(ours reads them as they are). VTK runs with its STDThread backend. Who would take more than 12 s or more memory
than there is, by what half the size took, is left out.
"""


def main(source: Path, check: Annotated[bool, typer.Option(help="Compare, write nothing.")] = False) -> None:
    """Write, or check, the report of a benchmark."""
    report = json.loads(source.read_text())
    readme = ROOT / "README.md"
    texts = {
        ROOT / "docs" / "benchmarks.md": benchmarks_page(report),
        readme: _between(readme.read_text("utf-8"), "benchmark", readme_table(report)),
    }
    if check:
        stale = [str(path) for path, text in texts.items() if path.read_text("utf-8") != text]
        if stale:
            raise SystemExit(f"differs from {source}: {', '.join(stale)}; run python -m benchmarks.report")
        return
    for path, text in texts.items():
        path.write_text(text, "utf-8")
    plot(report)


def _between(text: str, marker: str, new: str) -> str:
    """Replace what stands between a document's markers."""
    pattern = rf"(<!-- {marker} -->\n).*?(<!-- end -->)"
    return re.sub(pattern, lambda match: match[1] + new + match[2], text, flags=re.DOTALL)


def _cases(report: dict[str, Any]) -> dict[tuple[str, int, str], list[dict[str, Any]]]:
    cases: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for entry in report["results"]:
        cases.setdefault((entry["field"], entry["size"], entry["dtype"]), []).append(entry)
    return cases


def _title(field: str, size: int, dtype: str) -> str:
    of = "" if dtype == "float32" else f" {dtype}"
    return "MNI152, 1 mm" if field == SCAN else f"{field} {size}³{of}"


def _median_ms(entry: dict[str, Any]) -> float:
    return statistics.median(entry["seconds"]) * 1e3


def _limit_ms(entry: dict[str, Any], report: dict[str, Any]) -> float:
    return entry["bytes"] / (report["machine"]["copy_gb_s"] * 1e9) * 1e3


def _spread(entry: dict[str, Any]) -> str:
    if len(entry["seconds"]) < 4:
        return "-"
    low, middle, high = statistics.quantiles(entry["seconds"], n=4)
    return f"{50 * (high - low) / middle:.0f} %"


def machine_line(report: dict[str, Any]) -> str:
    """Say what the figures were taken on."""
    m = report["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in report["versions"].items() if k != "backend")
    return (
        f"{m['cpu']}, {m['threads']} threads of {m['cores']}, {m['memory_gib']} GiB, {m['simd']}, copies "
        f"{m['copy_gb_s']:.1f} GB/s; Python {m['python']}, torch {m['torch']}, {versions}; commit "
        f"{report['commit']}."
    )


def benchmarks_page(report: dict[str, Any]) -> str:
    """Return docs/benchmarks.md."""
    lines = [_HEAD, machine_line(report), ""]
    lines += ["![Time against size](images/benchmark_time.svg)", ""]
    lines += ["![Memory against size](images/benchmark_memory.svg)", ""]
    for case, entries in _cases(report).items():
        ours = entries[0]
        limit = _limit_ms(ours, report)
        lines += [
            f"## {_title(*case)}",
            "",
            f"{ours['vertices']} vertices, {ours['faces']} faces. Limit {limit:.2f} ms.",
            "",
            "| | ms | spread | times ours | Mvoxel/s | Mtriangle/s | times the limit | extra MiB |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *(_row(entry, ours, limit) for entry in entries),
            "",
        ]
    lines += _grid_interp(report)
    skipped = "; ".join(f"{name} ({why})" for name, why in report["skipped"].items())
    lines += [f"Not measured here: {skipped}.", ""] if skipped else []
    return "\n".join(lines)


def _row(entry: dict[str, Any], ours: dict[str, Any], limit: float) -> str:
    if entry["fault"]:
        return f"| {entry['rival']} | {entry['fault']} | | | | | | |"
    ms = _median_ms(entry)
    extra = entry.get("extra_bytes")
    cells = [
        entry["rival"],
        f"{ms:.2f}",
        _spread(entry),
        f"{ms / _median_ms(ours):.1f}",
        f"{entry['voxels'] / ms / 1e3:.0f}",
        f"{entry['faces'] / ms / 1e3:.1f}",
        f"{ms / limit:.1f}",
        "-" if extra is None else f"{extra / 2**20:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _grid_interp(report: dict[str, Any]) -> list[str]:
    r = report["grid_interp"]
    title = f"## grid_interp, {r['channels']} channels of {r['size']}³, {r['points']} random points"
    rows = [f"| {name} | {statistics.median(s) * 1e3:.1f} |" for name, s in r["seconds"].items()]
    return [title, "", "| | ms |", "| --- | ---: |", *rows, ""]


def readme_table(report: dict[str, Any]) -> str:
    """Return the README's short table: one row a rival, one column a case."""
    shown = [k for k in _cases(report) if k[2] == "float32" and (k[1] in (256, 512) or k[0] == SCAN)]
    cases = {key: _cases(report)[key] for key in shown}
    heads = [_title(*case) for case in cases]
    lines = [f"| ms | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(heads)}"]
    for name in [entry["rival"] for entry in next(iter(cases.values()))]:
        cells = []
        for entries in cases.values():
            entry = next(e for e in entries if e["rival"] == name)
            if entry["fault"]:
                cells.append("–")
                continue
            ms, ours = _median_ms(entry), _median_ms(entries[0])
            cells.append(f"**{ms:.1f}**" if name == OURS else f"{ms:.0f} ({ms / ours:.1f}×)")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    limits = [f"{_limit_ms(entries[0], report):.1f}" for entries in cases.values()]
    lines.append(f"| *limit: read the volume, write the mesh* | {' | '.join(limits)} |")
    return "\n".join(lines) + f"\n\n{machine_line(report)}\n"


def plot(report: dict[str, Any]) -> None:
    """Draw time and memory against size, a panel a field."""
    import matplotlib as mpl  # noqa: PLC0415 - only needed to draw

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "benchmarks"
    IMAGES.mkdir(parents=True, exist_ok=True)
    _plot(report, "benchmark_time", "milliseconds, call to result", _median_ms, limit=True)
    _plot(report, "benchmark_memory", "extra MiB at the peak", _extra_mib, limit=False)


def _extra_mib(entry: dict[str, Any]) -> float:
    return max((entry.get("extra_bytes") or 0) / 2**20, 0.1)  # a log axis has no 0


def _plot(report: dict[str, Any], name: str, label: str, value: Any, limit: bool) -> None:
    import matplotlib.pyplot as plt  # noqa: PLC0415

    names = list(dict.fromkeys(field for field, *_ in _cases(report) if field != SCAN))
    figure, axes = plt.subplots(1, len(names), figsize=(5.2 * len(names), 4.6), sharey=True, squeeze=False)
    for axis, field in zip(axes[0], names, strict=True):
        mine_of_field = (e for e in report["results"] if e["field"] == field and e["dtype"] == "float32")
        entries = [e for e in mine_of_field if not e["fault"]]
        for rival in dict.fromkeys(e["rival"] for e in entries):
            mine = [e for e in entries if e["rival"] == rival]
            style = {"linewidth": 3, "color": "black", "zorder": 3} if rival == OURS else {"linewidth": 1.3}
            axis.plot(
                [e["size"] for e in mine], [value(e) for e in mine], "o-", label=rival, markersize=4, **style
            )
        if limit:
            ours = [e for e in entries if e["rival"] == OURS]
            sizes, limits = [e["size"] for e in ours], [_limit_ms(e, report) for e in ours]
            axis.plot(sizes, limits, "k:", label="limit: read the volume, write the mesh")
        axis.set(xscale="log", yscale="log", title=field, xlabel="samples a side")
        ticks = sorted({e["size"] for e in entries})
        axis.set_xticks(ticks, [str(t) for t in ticks])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel(label)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=3, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.14, 1, 1))
    figure.savefig(IMAGES / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    typer.run(main)
