# SPDX-License-Identifier: MIT
"""Time this package and every other that is installed, on the same volumes, in one run.

    python -m benchmarks --quick
    python -m benchmarks --out benchmarks/results/cpu.json
    python -m benchmarks --device cuda --out benchmarks/results/gpu_rivals.json
    python -m benchmarks.report benchmarks/results/cpu.json

A rival's mesh is checked before its time counts. The rivals take turns, so that a machine that slows down
slows all of them. What is measured is written after every case.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import Progress
from torchmcubes_bw.measure import commit, copy_bandwidth, machine, read_bandwidth

from .grid_interp import run_grid_interp
from .memory import too_much
from .rivals import OURS, Rival, all_rivals
from .run import run_case
from .volumes import DTYPES, NAMES, Case, bytes_needed, cases

_PATIENCE = 1.0  # seconds a call; whoever takes longer is called less often
_ROOT = Path(__file__).parent.parent

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    sizes: Annotated[str | None, typer.Option(help="Samples a side, by commas; 64 to 1024.")] = None,
    names: Annotated[
        str | None,
        typer.Option(
            "--fields",
            help="Fields, by commas, each at every size; without it metaballs and gyroid at every size, "
            "the others at the one nearest to 256.",
        ),
    ] = None,
    against: Annotated[str, typer.Option(help="Only rivals whose name has one of these in it.")] = "",
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    dtypes: Annotated[
        str, typer.Option(help="Of the samples; others than the first at the size nearest to 256.")
    ] = "float32,float16,int16",
    threads: Annotated[int, typer.Option(min=1, help="Threads for whoever takes them.")] = 2,
    minutes: Annotated[float, typer.Option(help="No case is begun later.")] = 25.0,
    quick: Annotated[bool, typer.Option(help="Few runs, and small sizes where none are given.")] = False,
    out: Annotated[Path | None, typer.Option(help="Where the JSON goes.")] = None,
) -> None:
    """Run the benchmark and print, or write, its results as JSON."""
    wanted = cases(
        _listed(names, NAMES, "--fields") if names else None,
        _sizes(sizes or ("64,128" if quick else "64,128,256,512,1024")),
        _listed(dtypes, DTYPES, "--dtypes"),
    )
    if device not in ("cpu", "cuda") or (device == "cuda" and not torch.cuda.is_available()):
        raise typer.BadParameter(
            f"must be cpu, or cuda where torch sees a GPU, got {device}", param_hint="--device"
        )
    if out and not out.absolute().parent.is_dir():
        raise typer.BadParameter(f"must lie in a folder that exists, got {out}", param_hint="--out")
    torch.set_num_threads(threads)
    with redirect_stdout(sys.stderr):  # stdout is for the JSON, whatever a library has to say
        rivals, missing = _rivals(threads, device, against)
        for name, reason in missing.items():
            print(f"skipped {name}: {reason}")
        report = _report(rivals, missing, device, threads)
        _measure(report, wanted, rivals, minutes, quick, lambda: _write(report, out))
    if not out:
        print(json.dumps(report, indent=1))


def _measure(
    report: dict[str, Any],
    wanted: list[Case],
    rivals: list[Rival],
    minutes: float,
    quick: bool,
    save: Callable[[], None],
) -> None:
    """Fill the report, and save it after every case."""
    begin, console = time.monotonic(), Console(stderr=True, highlight=False)
    patience, device = 0.04 if quick else _PATIENCE, report["machine"]["device"]
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(wanted))
        for case in wanted:
            title = "{} {} {}".format(*case)

            def say(who: str, title: str = title) -> None:
                progress.update(task, description=f"{title}, {who}")

            _run(report, case, rivals, patience, time.monotonic() - begin > 60 * minutes, say)
            progress.advance(task)
            report["minutes"] = round((time.monotonic() - begin) / 60, 1)
            console.print(f"{report['minutes']:5.1f} min  {title} done")
            save()
    size, count = (64, 2**16) if quick else (256, 2_000_000)
    report["grid_interp"] = run_grid_interp(rivals, device, size, count)
    report["machine"] |= _bandwidths(device, report["machine"])
    report["finished"] = True
    save()


def _sizes(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) >= 2 for part in parts):
        raise typer.BadParameter(
            f"must be whole numbers from 2 on, separated by commas, got {text}", param_hint="--sizes"
        )
    return sorted({int(part) for part in parts})


def _listed(text: str, known: tuple[str, ...], option: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if part not in known:
            raise typer.BadParameter(f"must be of {', '.join(known)}, got {part}", param_hint=option)
    return parts


def _rivals(threads: int, device: str, against: str) -> tuple[list[Rival], dict[str, str]]:
    """Return whom to measure, ours first, and why others are missing."""
    rivals, missing = all_rivals(threads, device)
    wanted = [part.strip().lower() for part in against.split(",") if part.strip()]
    for part in wanted:
        if not any(part in rival.name.lower() for rival in rivals):
            why = "; ".join(f"{name}: {reason}" for name, reason in missing.items() if part in name.lower())
            here = ", ".join(rival.name for rival in rivals)
            raise typer.BadParameter(
                f"must be part of a name among {here}; got {part}{f' ({why})' if why else ''}",
                param_hint="--against",
            )
    return [
        r for r in rivals if not wanted or r.name == OURS or any(w in r.name.lower() for w in wanted)
    ], missing


def _report(rivals: list[Rival], missing: dict[str, str], device: str, threads: int) -> dict[str, Any]:
    """Return a report without results."""
    described = machine() | {"device": device, "threads": threads}
    return {
        "machine": described | _bandwidths(device, {}),
        "commit": commit(_ROOT),
        "versions": {k: v for r in rivals for k, v in r.versions.items()},
        "skipped": missing,
        "finished": False,
        "minutes": 0.0,
        "results": [],
        "left_out": [],
        "grid_interp": None,
    }


def _bandwidths(device: str, before: dict[str, Any]) -> dict[str, float]:
    """Measure; the best that was seen in a run stands for the machine."""
    measured = {"copy_gb_s": copy_bandwidth(device) / 1e9, "read_gb_s": read_bandwidth(device) / 1e9}
    return {key: max(value, before.get(key, 0.0)) for key, value in measured.items()}


def _run(
    report: dict[str, Any], case: Case, rivals: list[Rival], patience: float, late: bool, say: Any
) -> None:
    """Add a case's results to the report, or the reason why there are none."""
    device = report["machine"]["device"]
    try:
        reason = "left out: the run's time was up" if late else None
        if not reason:
            needed = bytes_needed(case)
            reason = too_much(needed) or too_much(needed, device)
        if not reason:
            report["results"] += run_case(case, device, rivals, patience, say)
    except ImportError as error:
        reason = f"skipped: {error}; pip install '.[bench]'"
    except Exception as error:  # the other cases go on
        reason = f"failed: {' '.join(str(error).split()) or type(error).__name__}"
    if reason:
        field, size, dtype = case
        report["left_out"].append({"field": field, "size": size, "dtype": dtype, "reason": reason})


def _write(report: dict[str, Any], out: Path | None) -> None:
    """Write the report whole or not at all: what is there stays until the new one is complete."""
    if out:
        part = out.with_name(out.name + ".part")
        part.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
        part.replace(out)


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
