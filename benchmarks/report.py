# SPDX-License-Identifier: MIT
"""Tables and plots from a benchmark's JSON.

python -m benchmarks.report benchmarks/results/cpu.json            # writes docs/benchmarks.md, README, plots
python -m benchmarks.report benchmarks/results/cpu.json --check    # fails where they differ from the JSON

What was measured on a GPU goes to docs/benchmarks_cuda.md and pictures of its own, and leaves the README alone.
"""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from .figures import (
    Entry,
    Report,
    cases_of,
    device_ms,
    limit_ms,
    machine_line,
    median_ms,
    spread_text,
    threads_text,
    times_ours,
    title,
)
from .rivals import OURS
from .volumes import SCAN

ROOT = Path(__file__).parent.parent
SCIKIT_IMAGE = ("scikit-image lorensen", "scikit-image lewiner")
GOAL_CASES = [(field, size, "float32") for field in ("metaballs", "gyroid") for size in (256, 512)]

_LABELS = Path(__file__).parent / "results" / "labels.json"
_HEAD = (Path(__file__).parent / "protocol.md").read_text("utf-8").rstrip("\n") + "\n"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    source: Path,
    check: Annotated[bool, typer.Option(help="Compare, write nothing.")] = False,
    root: Annotated[Path, typer.Option(help="The checkout whose documents are meant.")] = ROOT,
) -> None:
    """Write, or check, the report of a benchmark."""
    report = json.loads(source.read_text("utf-8"))
    suffix = "_cuda" if report["machine"]["device"] == "cuda" else ""
    texts = {root / "docs" / f"benchmarks{suffix}.md": benchmarks_page(report, suffix)}
    if not suffix:
        readme = (root / "README.md").read_text("utf-8")
        readme = between(readme, "speed", readme_sentence(report))
        texts[root / "README.md"] = between(readme, "benchmark", readme_table(report))
    if check:
        stale = [str(path) for path, text in texts.items() if path.read_text("utf-8") != text]
        if stale:
            raise SystemExit(f"differs from {source}: {', '.join(stale)}; run python -m benchmarks.report")
        return
    from .plots import plot  # noqa: PLC0415 - matplotlib is only needed to draw

    for path, text in texts.items():
        path.write_text(text, "utf-8")
    plot(report, root / "docs" / "images", suffix)


def between(text: str, marker: str, new: str) -> str:
    """Replace what stands between a document's markers."""
    pattern = rf"(<!-- {marker} -->\n).*?( *<!-- end -->)"
    replaced, count = re.subn(pattern, lambda match: match[1] + new + match[2], text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"README.md must have one <!-- {marker} --> with an <!-- end -->, has {count}")
    return replaced


def benchmarks_page(report: Report, suffix: str = "") -> str:
    """Return docs/benchmarks.md."""
    lines = [_HEAD, machine_line(report) + ("" if report["finished"] else " The run was cut short."), ""]
    lines += [f"![Time against size](images/benchmark{suffix}_time.svg)", ""]
    lines += [f"![Memory against size](images/benchmark{suffix}_memory.svg)", ""]
    lines += [] if suffix else goals(report)
    for case, entries in cases_of(report).items():
        lines += _case_table(title(case), entries, report)
    lines += _grid_interp(report)
    lines += [] if suffix else _labels()
    lines += _not_measured(report)
    return "\n".join(lines).rstrip("\n") + "\n"


def _case_table(name: str, entries: dict[str, Entry], report: Report) -> list[str]:
    ours = entries[OURS]
    on_gpu = any(device_ms(entry) for entry in entries.values())
    heads = ["ms", "spread", "calls", "times ours", "Mvoxel/s", "Mtriangle/s", "times the limit", "extra MiB"]
    heads += ["device ms"] * on_gpu
    lines = [f"## {name}", ""]
    counts = f"{ours['vertices']} vertices, {ours['faces']} faces. " if "vertices" in ours else ""
    lines += [f"{counts}Limit {limit_ms(ours, report):.2f} ms.", ""]
    lines += [f"| | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(heads)}"]
    lines += [_row(entry, ours, report, len(heads)) for entry in entries.values()]
    remarks = [f"† {e['rival']}: {e['remark']}." for e in entries.values() if e["remark"] and not e["fault"]]
    return [*lines, "", *(["  \n".join(remarks), ""] if remarks else [])]


def _row(entry: Entry, ours: Entry, report: Report, columns: int) -> str:
    name = entry["rival"] + (" †" if entry["remark"] else "")
    name += f" ({entry['given']})" if entry["given"] != entry["dtype"] else ""
    if entry["fault"]:
        return f"| {name} | {entry['fault'].replace('|', '/')} |{' |' * (columns - 1)}"
    ms, extra = median_ms(entry), entry["extra_bytes"]
    cells = [
        name,
        f"{ms:.2f}",
        spread_text(entry),
        str(len(entry["seconds"])),
        f"{ms / median_ms(ours):.1f}" if ours["seconds"] else "-",
        f"{entry['voxels'] / ms / 1e3:.0f}",
        f"{entry['faces'] / ms / 1e3:.1f}",
        f"{ms / limit_ms(entry, report):.1f}",
        "-" if extra is None else f"{extra / 2**20:.1f}",
    ]
    if len(cells) <= columns:
        cells.append(f"{device_ms(entry):.3f}" if device_ms(entry) else "-")
    return f"| {' | '.join(cells)} |"


def goals(report: Report) -> list[str]:
    """Return what this package aims at, and where it stands: a table."""
    cases = {case: entries for case, entries in cases_of(report).items() if case in GOAL_CASES}
    cases = {case: entries for case, entries in cases.items() if entries[OURS]["seconds"]}
    if not cases:
        return []
    rivals = {
        f"{_vtk(report)}: at least 5 times our time": (5, (_vtk(report),)),
        "PyMCubes: at least 35 times": (35, ("PyMCubes",)),
        "scikit-image, its faster method: at least 35 times": (35, SCIKIT_IMAGE),
    }
    rows: dict[str, list[str]] = {
        text: [_judged(times_ours(entries, *names), goal, most=False) for entries in cases.values()]
        for text, (goal, names) in rivals.items()
    }
    rows["at most 2 times the limit; 3 for the gyroid"] = [
        _judged(_of_limit(entries, report), 3 if case[0] == "gyroid" else 2)
        for case, entries in cases.items()
    ]
    rows["extra memory, % of the volume: at most 12.5"] = [
        _judged(_extra_percent(entries[OURS]), 12.5) for entries in cases.values()
    ]
    lines = ["## The goals", "", "What is reached is set **bold**.", ""]
    lines += [f"| | {' | '.join(map(title, cases))} |", f"| --- |{' ---: |' * len(cases)}"]
    lines += [f"| {text} | {' | '.join(cells)} |" for text, cells in rows.items()]
    return [*lines, ""]


def _judged(value: float | None, goal: float, most: bool = True) -> str:
    if value is None:
        return "-"
    reached = value <= goal if most else value >= goal
    return f"**{value:.1f}**" if reached else f"{value:.1f}"


def _vtk(report: Report) -> str:
    return f"VTK Flying Edges, {report['machine']['threads']} thr."


def _of_limit(entries: dict[str, Entry], report: Report) -> float:
    return median_ms(entries[OURS]) / limit_ms(entries[OURS], report)


def _extra_percent(ours: Entry) -> float | None:
    extra = ours["extra_bytes"]
    return None if extra is None else 100 * extra / (4 * ours["voxels"])


def _grid_interp(report: Report) -> list[str]:
    r = report["grid_interp"]
    if not r:
        return []
    heading = f"## grid_interp, {r['channels']} channels of {r['size']}³, {r['points']} random points"
    ours = median(r["seconds"].get(OURS, [float("nan")]))
    rows = [f"| {n} | {median(s) * 1e3:.1f} | {median(s) / ours:.1f} |" for n, s in r["seconds"].items()]
    rows += [f"| {name} | {fault} | |" for name, fault in r["faults"].items()]
    return [heading, "", "| | ms | times ours |", "| --- | ---: | ---: |", *rows, ""]


def _labels() -> list[str]:
    """Return what `python -m benchmarks.labels` found, in a run of its own."""
    r = json.loads(_LABELS.read_text("utf-8"))
    mib, ours = r["MiB"], r["seconds"]["ours"]
    more = mib["peak"] / mib["labels and meshes"]
    without = (mib["peak"] - mib["before the labels"]) / mib["labels and meshes"]
    machine, versions = r["machine"], r["versions"]
    spread = r["seconds from and to"]
    rows = [
        f"| {name} | {s:.2f} ({spread[name][0]:.2f} to {spread[name][1]:.2f}) | {s / ours:.1f} "
        f"| {r['processor seconds'][name]:.2f} |"
        for name, s in r["seconds"].items()
    ]
    return [
        f"## The surfaces of {r['labels']} labels, {r['size']}³ uint32",
        "",
        f"{r['vertices']} vertices, {r['faces']} faces, of each label the same number from zmesh {versions['zmesh']};",
        f"serra-mesh {versions['serra-mesh']} draws surface nets. {r['threads']} threads (zmesh uses one). By",
        "`python -m benchmarks.labels`, in turns, each with a call before that warms up; medians, and from and to.",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['simd']}, load average {r['load average']:.1f} before:",
        "",
        "| | s | times ours | processor s |",
        "| --- | ---: | ---: | ---: |",
        *rows,
        "",
        f"Memory: at most {mib['peak']:.0f} MiB, Python and torch included, {more:.2f} times labels plus meshes"
        f" ({without:.2f} times without them).",
        "",
    ]


def _not_measured(report: Report) -> list[str]:
    """Return which rivals and which cases are missing, and why."""
    missing = [f"- {name}: {why}" for name, why in report["skipped"].items()]
    missing += [f"- {title((c['field'], c['size'], c['dtype']))}: {c['reason']}" for c in report["left_out"]]
    return ["## Not measured here", "", *missing, ""] if missing else []


def readme_table(report: Report) -> str:
    """Return the README's short table: one row a rival, one column a case."""
    cases = {
        case: entries
        for case, entries in cases_of(report).items()
        if (case in GOAL_CASES or case[0] == SCAN) and entries[OURS]["seconds"]
    }
    names = dict.fromkeys(name for entries in cases.values() for name in entries)
    lines = [f"| ms | {' | '.join(map(title, cases))} |", f"| --- |{' ---: |' * len(cases)}"]
    lines += [
        f"| {name} | {' | '.join(_short(entries.get(name), entries[OURS]) for entries in cases.values())} |"
        for name in names
    ]
    limits = [f"{limit_ms(entries[OURS], report):.1f}" for entries in cases.values()]
    lines.append(f"| *limit: read the volume, write the mesh* | {' | '.join(limits)} |")
    return "\n".join(lines) + f"\n\n{machine_line(report)}\n"


def _short(entry: Entry | None, ours: Entry) -> str:
    if not entry or not entry["seconds"]:
        return "–"
    ms = median_ms(entry)
    if entry is ours:
        return f"**{ms:.1f}**"
    return f"{ms:.0f} ({ms / median_ms(ours):.1f}×)" + (" †" if entry["remark"] else "")


def readme_sentence(report: Report) -> str:
    """Return the README's claim of speed, an item of a list."""
    cases = {c: e for c, e in cases_of(report).items() if c in GOAL_CASES and e[OURS]["seconds"]}
    first = cases.get(GOAL_CASES[0])
    if not first:
        raise SystemExit(f"the README tells of {title(GOAL_CASES[0])}, which has no result")
    against = {
        "VTK's Flying Edges on the same threads": (_vtk(report),),
        "scikit-image": SCIKIT_IMAGE,
        "PyMCubes": ("PyMCubes",),
    }
    ratios = {name: times_ours(first, *rivals) for name, rivals in against.items()}
    told = [f"{_rounded(ratio)} times as fast as {name}" for name, ratio in ratios.items() if ratio]
    of_limit = [_of_limit(entries, report) for entries in cases.values()]
    extra = [p for entries in cases.values() if (p := _extra_percent(entries[OURS])) is not None]
    text = (
        f"- **Fast on the CPU.** 256³ metaballs in {median_ms(first[OURS]):.1f} ms on {threads_text(report)}"
        f"{': ' * bool(told)}{_listed(told)}. {min(of_limit):.1f} to {max(of_limit):.1f} times what reading the volume "
        f"and writing the mesh take ({_listed([title(case) for case in cases])})."
    )
    text += f" Scratch memory: {max(extra):.1f}\u00a0% of the volume at most." if extra else ""
    return textwrap.fill(text, 118, subsequent_indent="  ", break_on_hyphens=False) + "\n"


def _rounded(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.report")
