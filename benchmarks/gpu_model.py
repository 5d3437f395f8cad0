# SPDX-License-Identifier: MIT
"""Times of GPUs, predicted from what the shipped PTX does: no GPU is needed, and none was asked.

python -m benchmarks.gpu_model            # docs/performance.md's table, from the committed counts
python -m benchmarks.gpu_model --count    # count anew first, by executing the PTX (tests/ptx)
python -m benchmarks.gpu_model --check    # fail where the document differs from the counts
python -m benchmarks.gpu_model --against benchmarks/results/gpu.json    # beside what `benchmarks.gpu` measured
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from .report import between

ROOT = Path(__file__).parent.parent
COUNTS = ROOT / "benchmarks" / "results" / "gpu_counts.json"
PAGE = ROOT / "docs" / "performance.md"
CASES = (("metaballs", 128), ("metaballs", 256), ("metaballs", 512), ("gyroid", 256))
SECTOR = 32

Counted = dict[str, Any]
"""What `tests/ptx/count.py --json` prints: the kernels of one extraction and the sizes of what it reads and writes."""


class Card(NamedTuple):
    """A GPU, by its maker's figures."""

    name: str
    sms: int
    ghz: float  # boost
    dram: float  # GB/s
    l2: int  # MB
    integers: int  # warp-instructions on integers that an SM starts a clock; of all kinds it is four


CARDS = (
    Card("H100 SXM", 132, 1.98, 3350, 50, 2),
    Card("H200", 132, 1.98, 4800, 50, 2),
    Card("B200", 148, 1.965, 8000, 126, 2),
    Card("RTX 5090", 170, 2.41, 1792, 96, 4),
    Card("RTX 5070 Ti", 70, 2.45, 896, 48, 4),
    Card("RTX 4090", 128, 2.52, 1008, 72, 2),
    Card("RTX 3090", 82, 1.70, 936, 6, 2),
)

ISSUED = 4  # warp-instructions that an SM starts a clock, at most
BUSY = 0.75  # of that is reached
DRAM_REACHED = 0.9
L2_BYTES = 32 * 0.6  # a clock and SM, as reached
L1_BYTES = 128  # a clock and SM: lines of global memory and of shared memory's banks
L2_KEEPS = 0.6  # of its size, from one kernel to the next
LAUNCH_US = 2.0  # a kernel's start and end

# What the assembler makes of an instruction of PTX, in instructions, as far as it is not one.
_WIDE = {"s64", "u64", "b64"}
_TWICE = {
    "add",
    "sub",
    "and",
    "or",
    "xor",
    "not",
    "selp",
    "shl",
    "shr",
    "setp",
    "min",
    "max",
    "neg",
    "mad",
    "abs",
}
_FLOATS = {"f32", "f64", "f16"}
_OTHER = {"ld", "st", "atom", "red", "bra", "ret", "exit", "bar", "shfl", "vote", "membar", "fence"}


def slots(name: str) -> int:
    """Return how many machine instructions stand for one of PTX, on average."""
    op, *words = name.split(".")
    if words[:1] == ["param"] or op in ("mov", "cvta"):
        return 0
    if op == "cvt":
        return 0 if not set(words) & (_FLOATS | {"s64"}) else 1
    if op in ("div", "rem"):
        return 90 if set(words) & _WIDE else 10 if "f32" in words else 20 if "f64" in words else 16
    if op in ("mul", "mad") and "lo" in words and set(words) & _WIDE:
        return 4
    return 2 if op in _TWICE and set(words) & _WIDE else 1


def is_integer(name: str) -> bool:
    op, *words = name.split(".")
    return op not in _OTHER and not set(words) & _FLOATS


def times_us(kernel: dict[str, Any], card: Card, kept: float) -> dict[str, float]:
    """Return what bounds a kernel, in microseconds each; `kept` bytes of its loads are still in the L2 cache."""
    clock = min(card.sms, kernel["blocks"]) * card.ghz * 1e3  # SMs that have work, times clocks a microsecond
    made = {name: count * slots(name) for name, count in kernel["classes"].items()}
    integers = sum(count for name, count in made.items() if is_integer(name))
    issue = max(sum(made.values()) / ISSUED, integers / card.integers) / BUSY
    sectors, touched = kernel["sectors"], kernel["touched"]
    moved = sum(sectors.get(kind, 0) for kind in ("load", "store", "atomic")) * SECTOR
    banks = sum(count for kind, count in sectors.items() if kind.startswith("shared"))
    loaded = sum(count for kind, count in touched.items() if kind.startswith("load")) * SECTOR
    stored = sum(count for kind, count in touched.items() if kind.startswith("store")) * SECTOR
    return {
        "DRAM": (max(0.0, loaded - kept) + stored) / (card.dram * DRAM_REACHED * 1e3),
        "L2": moved / (L2_BYTES * clock),
        "L1": (moved / L1_BYTES + banks) / clock,
        "instructions": issue / clock,
    }


def kernels_us(counted: Counted, card: Card) -> dict[str, tuple[float, str]]:
    """Return each kernel's time, start and end included, and what bounds it."""
    found = {}
    room = card.l2 * 1e6 * L2_KEEPS
    kept = 0.0
    for name, kernel in counted["kernels"].items():
        times = times_us(kernel, card, kept)
        bound = max(times, key=times.__getitem__)
        found[name] = times[bound] + LAUNCH_US, bound
        footprint = sum(kernel["touched"].values()) * SECTOR
        kept = footprint if footprint <= room else room / 2  # the cache forgets what came first
    return found


def predicted_us(counted: Counted, card: Card) -> tuple[float, str]:
    """Return a call's time on the GPU, and what bounds the longest of its kernels."""
    kernels = kernels_us(counted, card).values()
    return sum(time for time, _ in kernels), max(kernels)[1]


def limit_us(counted: Counted, card: Card) -> float:
    """Return what reading the volume once and writing the mesh once take."""
    return sum(counted["bytes"].values()) / (card.dram * DRAM_REACHED * 1e3)


def table(counts: list[Counted]) -> str:
    """Return the predictions as Markdown, a row a card."""
    titles = [f"{counted['field']} {counted['size']}³" for counted in counts]
    lines = [f"| µs, predicted, not measured | {' | '.join(titles)} |", f"| --- |{' ---: |' * len(counts)}"]
    for card in CARDS:
        cells = []
        for counted in counts:
            time, bound = predicted_us(counted, card)
            limit = limit_us(counted, card)
            cells.append(f"{time:.0f} of {limit:.{0 if limit >= 10 else 1}f}, {time / limit:.1f}× ({bound})")
        lines.append(f"| {card.name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def card_named(device: str) -> Card:
    """Return the card that torch or the driver calls so; a laptop's or a `Ti` is another one."""
    names = {"NVIDIA H100 80GB HBM3": "H100 SXM"}
    for card in CARDS:
        if names.get(device, device).endswith(card.name):
            return card
    known = ", ".join(card.name for card in CARDS)
    raise SystemExit(f"the model has figures of {known}, and none of {device}: give it a Card")


def against(counts: list[Counted], measured: dict[str, Any]) -> str:
    """Return predicted and measured times of every kernel, where both are known, as lines."""
    card = card_named(str(measured["machine"].get("gpu")))
    lines = [f"{card.name}: the model's microseconds, the card's, and the first over the second"]
    for counted in counts:
        for result in measured["results"]:
            if (result["field"], result["size"]) != (counted["field"], counted["size"]):
                continue
            lines.append(f"{counted['field']} {counted['size']}")
            for name, (time, bound) in kernels_us(counted, card).items():
                took = result["kernels"].get(name, 0) * 1e6
                beside = f"{took:9.1f} {time / took:6.2f}x" if took else "  not measured"
                lines.append(f"  {name:28}{time:9.1f} {beside}  ({bound})")
    if not any("x  (" in line for line in lines):
        raise SystemExit("no kernel's time was measured in a case that the model has counts of")
    return "\n".join(lines)


def assumptions() -> str:
    """Return what the predictions rest on, as Markdown."""
    lines = [
        "| assumed | H100 | H200 | B200 | 5090 | 5070 Ti | 4090 | 3090 |",
        f"| --- |{' ---: |' * len(CARDS)}",
    ]
    rows = {
        "SMs": [card.sms for card in CARDS],
        "GHz, boost": [card.ghz for card in CARDS],
        f"DRAM, GB/s; {DRAM_REACHED:.0%} reached": [f"{card.dram:.0f}" for card in CARDS],
        f"L2, MB; {L2_KEEPS:.0%} kept between kernels": [card.l2 for card in CARDS],
        f"L2, TB/s, {L2_BYTES:.0f} bytes a clock and SM": [
            f"{card.sms * card.ghz * L2_BYTES / 1e3:.1f}" for card in CARDS
        ],
        f"integer instructions of the {ISSUED} that an SM starts a clock": [card.integers for card in CARDS],
    }
    lines += [f"| {name} | {' | '.join(map(str, values))} |" for name, values in rows.items()]
    return "\n".join(lines) + "\n"


def section(counts: list[Counted]) -> str:
    return f"{table(counts)}\n{assumptions()}"


def count(case: tuple[str, int]) -> Counted:
    """Execute the shipped PTX on a field and count."""
    script = ROOT / "tests" / "ptx" / "count.py"
    command = [sys.executable, str(script), case[0], str(case[1]), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: Counted = json.loads(done.stdout)
    return found


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    anew: Annotated[bool, typer.Option("--count", help="Count first, which takes minutes.")] = False,
    check: Annotated[bool, typer.Option(help="Compare, write nothing.")] = False,
    measured: Annotated[
        Path | None, typer.Option("--against", help="Print beside what was measured, write nothing.")
    ] = None,
) -> None:
    """Write, or check, the predicted times."""
    if anew:
        COUNTS.write_text(json.dumps([count(case) for case in CASES], indent=1) + "\n", "utf-8")
    counts = json.loads(COUNTS.read_text("utf-8"))
    if measured:
        print(against(counts, json.loads(measured.read_text("utf-8"))))
        return
    page = PAGE.read_text("utf-8")
    text = between(page, "predicted", section(counts))
    if check:
        if text != page:
            raise SystemExit(f"{PAGE.name} differs from {COUNTS.name}; run python -m benchmarks.gpu_model")
        return
    PAGE.write_text(text, "utf-8")
    print(table(counts))


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.gpu_model")
