# SPDX-License-Identifier: MIT
"""One case: every rival's mesh of one volume is checked, then they take turns.

Nothing that a rival does ends the run: what it fails with, or why it is left out, is its entry's ``fault``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torchmcubes_bw.measure import device_seconds, mesh_bytes, peak_memory, synchronize, timed

from . import check
from .memory import too_much
from .rivals import Extract, Rival
from .volumes import OPEN, Case, volume

_SECONDS_A_CALL = 12.0  # whoever would take longer is left out
_LONG = 2.0  # a call of so many seconds does not depend on the caches, and is made twice only
_PROBED = 64  # samples a side from which on a sixty-fourth is tried first
_STEP = 4

Entry = dict[str, Any]


class LeftOut(Exception):
    """Why a rival is not measured."""


@dataclass
class _Turn:
    rival: Rival
    extract: Extract
    first: float  # seconds
    entry: Entry

    def rounds(self, patience: float) -> int:
        """Return how many rounds it takes part in: whoever is slow sits out the later ones."""
        return 2 if self.first >= _LONG else 3 if self.first > patience else 5


def run_case(
    case: Case,
    device: str,
    rivals: list[Rival],
    patience: float,
    say: Callable[[str], None] = lambda _: None,
) -> list[Entry]:
    """Measure every rival, ours first, on one volume; `say` is told whose turn it is.

    Whoever takes more than `patience` seconds a call is called less often.
    """
    field, _, dtype = case
    vol, level = volume(case)
    vol = vol.to(device)
    mesh = rivals[0].ready(vol, level)()  # ours
    about = {"field": field, "size": max(vol.shape), "dtype": dtype, "voxels": vol.numel()}
    about["bytes"] = vol.nbytes + mesh_bytes(*mesh)
    want = check.facts(mesh, closed=field not in OPEN)
    del mesh
    wide = vol.float()
    entries, turns = [], []
    for rival in rivals:
        say(rival.name)
        native = dtype in rival.reads
        entry = {"rival": rival.name, **about, "given": dtype if native else "float32"}
        entry |= {"fault": None, "remark": None, "seconds": []}
        entries.append(entry)
        try:
            turns.append(_admit(rival, vol if native else wide, level, want, entry))
        except Exception as error:
            _fail(entry, error)
    say("all in turns")
    _take_turns(turns, patience, device)
    return entries


def _fail(entry: Entry, error: Exception) -> None:
    text = " ".join(str(error).split()) or type(error).__name__
    entry["fault"] = text if isinstance(error, LeftOut) else f"failed: {text[:200]}"
    entry["seconds"] = []


def _admit(rival: Rival, vol: torch.Tensor, level: float, want: check.Facts, entry: Entry) -> _Turn:
    """Check a rival's mesh and its memory; leave it out where it would take too much of either."""
    device = str(vol.device)
    if reason := _costs_too_much(rival, vol, level, device):
        raise LeftOut(reason)
    extract = rival.ready(vol, level)
    kept: list[Any] = []

    def call() -> None:
        begin = time.perf_counter()
        mesh = extract()
        synchronize(device)
        kept.extend((mesh, time.perf_counter() - begin))

    rival.before()
    peak = peak_memory(call, device)
    mesh, seconds = kept
    got = check.facts(mesh, closed=want.border_edges is not None)
    entry |= {"vertices": got.vertices, "faces": got.faces}
    watched = peak is not None and not rival.elsewhere
    entry["extra_bytes"] = max(0, peak - mesh_bytes(*mesh)) if watched else None
    found = check.differences(got, want, rival.same_counts, noise=entry["field"] == "noise")
    if grave := [text for kind, text in found.items() if kind not in rival.tolerates]:
        raise LeftOut(f"wrong mesh: {'; '.join(grave)}")
    entry["remark"] = "; ".join(found.values()) or None
    return _Turn(rival, extract, seconds, entry)


def _costs_too_much(rival: Rival, vol: torch.Tensor, level: float, device: str) -> str | None:
    """Say why a rival is not let near a volume, by what it declares and what every fourth sample a side takes."""
    declared = vol.numel() * (rival.ready_bytes + rival.call_bytes)
    reason = too_much(declared, device)
    if reason or min(vol.shape) < _PROBED:
        return reason
    small = vol[::_STEP, ::_STEP, ::_STEP].contiguous()
    times = vol.numel() / small.numel()
    extract = rival.ready(small, level)
    rival.before()
    extract()  # a first call loads and compiles
    seconds = times * timed(extract, device)
    if seconds > _SECONDS_A_CALL:
        return f"left out: a call would take some {seconds:.0f} s"
    peak = 0 if rival.elsewhere else peak_memory(extract, device) or 0
    return too_much(declared + times * max(peak, 0), device)


def _take_turns(turns: list[_Turn], patience: float, device: str) -> None:
    """Time all in rounds."""
    for done in range(5):
        for turn in turns:
            if done >= turn.rounds(patience) or turn.entry["fault"]:
                continue
            try:
                _take_turn(turn, device)
            except Exception as error:
                _fail(turn.entry, error)


def _take_turn(turn: _Turn, device: str) -> None:
    turn.rival.before()
    if turn.first < _LONG:
        turn.extract()  # what the one before left in the caches is not this one's to pay for
    runs = min(max(int(0.3 / turn.first), 1), 5)
    turn.entry["seconds"] += [timed(turn.extract, device) for _ in range(runs)]
    if device.startswith("cuda") and not turn.rival.elsewhere:
        turn.entry.setdefault("device_seconds", []).append(device_seconds(turn.extract, device, runs))
