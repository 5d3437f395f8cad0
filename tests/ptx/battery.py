# SPDX-License-Identifier: MIT
"""What the interpreted GPU computes, byte for byte against the CPU: `python tests/ptx/battery.py [NAME...]`.

Prints a line of JSON for each case: what was wrong, or null, and how much ran.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch
import volumes
from ptx import gradients as of_gradients
from ptx.comparing import noise, order, same
from ptx.driver import Device, build_library
from ptx.dual_battery import check_dual, for_mutants_of_the_dual, several_duals
from ptx.gradients import gradients, gradients_of_points, gradients_of_requests
from ptx.host import Host, read_ptx, shipped
from ptx.machine import Rules
from ptx.mutants import Mutant, mutants
from ptx.program import PtxError
from ptx.sparse_cases import for_mutants_of_sparse, sparse
from torch import Tensor
from torchmcubes_bw import grid_interp, isosurface, marching_cubes
from torchmcubes_bw.arguments.batch import Room

ARENA = 96 << 20
# No kernel loads memory that nothing was written to, not even to leave the value unused.
STRICT = True
DTYPES = ("float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64")


def check(host: Host, vol: Tensor, level: float, wide: bool = False, shift: int = 0, **asked: Any) -> None:
    verts, faces = isosurface(vol, level, **asked) if asked else marching_cubes(vol, level)
    got = host.marching_cubes(vol, level, wide, shift, **asked)
    what = (tuple(vol.shape), vol.stride(), str(vol.dtype), level, host.device.rules.seed)
    same(got, (verts, faces.to(torch.int64) if wide else faces), what)


def check_batch(host: Host, vol: Tensor, levels: list[float], room: Room | None = None, **asked: Any) -> None:
    """Compare volumes in one call with the CPU's; the number of launches does not depend on theirs."""
    size = {"max_verts": room.verts, "max_faces": room.faces} if room else {}
    want = isosurface(vol, levels, **asked, **size)
    before = host.device.launches
    got = host.batch(vol, levels, room, **asked)
    if host.device.launches - before > 5:
        raise AssertionError(f"{host.device.launches - before} launches for {tuple(vol.shape)}")
    fields = ("verts", "faces", "vert_offsets", "face_offsets", "overflow")
    pairs = [(getattr(got, name), getattr(want, name)) for name in fields]
    there = [pair for pair in pairs if pair[1] is not None]
    same(*zip(*there, strict=True), (tuple(vol.shape), vol.stride(), str(vol.dtype), levels, room))


def all_256_cubes(host: Host) -> None:
    """Side by side in one volume, and the cells between them."""
    corners = torch.tensor([[-1.0 if case >> c & 1 else 0.7 for c in range(8)] for case in range(256)])
    cubes = corners.reshape(8, 32, 2, 2, 2).permute(2, 0, 3, 1, 4).reshape(2, 16, 64)
    check(host, cubes, 0.0)


def small_and_thin_shapes(host: Host) -> None:
    shapes = [(1, 1, 1), (1, 5, 5), (5, 1, 5), (5, 5, 1), (2, 2, 2), (2, 3, 31), (3, 2, 32), (2, 3, 33)]
    shapes += [(2, 2, 63), (3, 2, 64), (2, 3, 65), (7, 11, 13), (3, 5, 96), (2, 70, 64), (9, 4, 128)]
    for seed, shape in enumerate(shapes):
        check(host, noise(shape, seed), 0.1)


def long_and_large_shapes(host: Host) -> None:
    shapes = [(3, 40, 130), (2, 3, 1100), (2, 300, 5), (3, 200, 200), (2, 2, 33_000), (2, 32, 1025)]
    shapes += [(600, 2, 2), (520, 3, 40), (32, 32, 32), (24, 64, 64)]
    for seed, shape in enumerate(shapes):
        check(host, noise(shape, seed), 0.1)
    check(host, torch.from_numpy(volumes.ball((40, 64, 96), (45.2, 30.1, 19.7), 12.2)), 0.0)
    check(host, torch.from_numpy(volumes.gyroid(48)), 0.1)


def many_rounds_of_the_scan(host: Host) -> None:
    check(host, noise((4100, 2, 2)), 0.1)


def nothing_inside(host: Host) -> None:
    for shape in ((3, 3, 3), (5, 40, 70), (2, 64, 64)):
        check(host, torch.ones(shape), 0.0)
        check(host, torch.ones(shape), 2.0)


def dtypes_and_ties(host: Host) -> None:
    """Samples equal to the level, levels between integers and outside of the type."""
    levels = {(4, 5, 70): (0.5, 1), (3, 8, 64): (300.0, -300.0), (2, 16, 64): (1.5,), (2, 3, 300): (2,)}
    for shape, some in levels.items():
        values = torch.from_numpy(np.random.default_rng(7).integers(0, 4, shape))
        for name in DTYPES:
            for level in some:
                check(host, values.to(getattr(torch, name)), level)
    check(host, torch.from_numpy(volumes.integer_lattice((6, 9, 96))), -3)


def strides_and_odd_addresses(host: Host) -> None:
    base = noise((9, 10, 71))
    check(host, base.permute(2, 1, 0), 0.1)
    check(host, base[::2, 1::2, ::3], 0.1)
    check(host, base[:, 1:, 1:65], 0.1)
    check(host, base[:1].expand(4, -1, -1), 0.1)
    check(host, base[:, :, :1].expand(-1, -1, 70), 0.1)
    for name in ("uint8", "int16", "float32", "float64"):
        dtype = getattr(torch, name)
        vol = ((noise((4, 6, 64)) + 1) * 60).clamp(0, 255).to(dtype)
        check(host, vol, 70.5, shift=dtype.itemsize)
        check(host, vol.reshape(1, 24, 64).expand(2, -1, -1), 70.5, shift=3 * dtype.itemsize)
        check(host, vol.reshape(2, 12, 64)[:, :, 3:], 70.5)
        check(host, vol[:2].reshape(1, 12, 64).repeat(2, 4, 1)[:, :32], 70.5, shift=3 * dtype.itemsize)


def wide_faces(host: Host) -> None:
    for shape in ((2, 2, 2), (5, 7, 70), (3, 32, 64)):
        check(host, noise(shape), 0.1, wide=True)
    for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.int32, torch.uint8, torch.int16):
        check(host, ((noise((3, 7, 70)) + 1) * 40).clamp(0, 255).to(dtype), 50.5, wide=True)


def infinities_and_subnormals(host: Host) -> None:
    rng = np.random.default_rng(11)
    values = np.array([-np.inf, -1, 0, 2, np.inf], np.float32)
    for shape in ((4, 5, 67), (2, 16, 64)):
        vol = torch.from_numpy(rng.choice(values, shape))
        for level in (0.0, float("inf"), float("-inf")):
            check(host, vol, level)
        tiny = torch.from_numpy(rng.integers(-40, 40, shape).astype(np.float32) * np.float32(1e-44))
        check(host, tiny, 1.5e-44)
        check(host, tiny.to(torch.float64) * 1e-270, 0.0)
        check(host, (tiny * 1e38).to(torch.float16), 0.0)
        for dtype in (torch.float16, torch.bfloat16):
            check(host, vol.to(dtype), 0.5)
    wild = torch.from_numpy(np.resize(values, (2, 3, 300))) * torch.from_numpy(rng.random((2, 3, 300)) * 1e-6)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        check(host, wild.to(dtype), 1e-7)


def not_a_number(host: Host) -> None:
    """Refused, wherever it is, and the next call works."""
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        for shape, at in (((3, 4, 67), 0), ((3, 4, 67), 66), ((3, 16, 64), 31), ((3, 16, 64), 32)):
            bad = torch.ones(shape, dtype=dtype)
            bad[2, 1, at] = float("nan")
            try:
                host.marching_cubes(bad, 0.0)
            except ValueError as error:
                if f"the first at vol[2, 1, {at}]" not in str(error):
                    raise AssertionError(str(error)) from error
            else:
                raise AssertionError(f"a NaN went unnoticed at {at} of {dtype}")
    check(host, noise((3, 16, 64)), 0.1)


def requests(host: Host) -> None:
    """Masks, NaN to skip and closed borders, of every type, in both widths of faces."""
    rng = np.random.default_rng(5)
    for k, (name, nx) in enumerate(zip(DTYPES, (31, 33, 62, 64, 66, 63, 32, 130, 70), strict=True)):
        vol = torch.from_numpy(rng.integers(0, 6, (3, 4, nx))).to(getattr(torch, name))
        mask = torch.from_numpy(rng.random(vol.shape) < 0.9)
        check(host, vol, 2.5, wide=k % 2 == 0, mask=mask, border="closed")
        if vol.is_floating_point():
            vol[torch.from_numpy(rng.random(vol.shape) < 0.05)] = float("nan")
        check(host, vol, 3.0, wide=k % 2 == 1, mask=mask, nan="skip")
    check(host, noise((2, 3, 1100)), 0.1, border="closed")
    check(host, noise((9, 10, 71)).permute(2, 1, 0), 0.1, border="closed")
    check(host, torch.full((3, 4, 5), float("-inf")), 0.0, border="closed")
    bad = torch.ones(3, 4, 67)
    bad[2, 1, 66] = float("nan")
    try:
        host.marching_cubes(bad, 0.0, mask=torch.ones(bad.shape, dtype=torch.bool))
    except ValueError as error:
        if "where mask is True" not in str(error):
            raise AssertionError(str(error)) from error
    else:
        raise AssertionError("a NaN that counts went unnoticed")
    order(host, int(host.seed))
    bad[1, :, 20:40] = -1
    check(host, bad, 0.0, nan="skip", border="closed")


def normals(host: Host) -> None:
    """Of every type, with masks, NaN to skip and closed borders, samples farther apart on one axis."""
    rng, spacing = np.random.default_rng(6), (0.5, 1.0, 2.5)

    def hold(vol: Tensor, level: float, **asked: Any) -> None:
        want = isosurface(vol, level, spacing=spacing, normals=True, **asked)
        got = host.marching_cubes(vol, level, spacing=spacing, **asked)
        same((got[1], got[2]), (want.faces, want.normals), (tuple(vol.shape), str(vol.dtype)))

    for name, nx in zip(DTYPES, (31, 33, 62, 64, 66, 63, 32, 130, 70), strict=True):
        vol = torch.from_numpy(rng.integers(0, 6, (3, 4, nx))).to(getattr(torch, name))
        mask = torch.from_numpy(rng.random(vol.shape) < 0.9)
        hold(vol, 2.5)
        if vol.is_floating_point():
            vol[torch.from_numpy(rng.random(vol.shape) < 0.05)] = float("nan")
        hold(vol, 3.0, mask=mask, nan="skip", border="closed")
    hold(noise((9, 10, 71)).permute(2, 1, 0), 0.1, border="closed")
    hold(torch.from_numpy(rng.choice([-np.inf, -1, 0, 2, np.inf], (4, 5, 67)).astype(np.float32)), 0.5)
    hold(torch.from_numpy(rng.choice([-1e300, 1e-300, 3.0], (4, 5, 37))), 1.0)
    order(host, int(host.seed))
    hold(noise((4, 6, 40)), 0.1, border="closed")


def dual(host: Host) -> None:
    """Quads and triangles: all cases, pinched faces, words of all kinds of ends, several tiles."""
    corners = torch.tensor([[-1.0 if case >> c & 1 else 0.7 for c in range(8)] for case in range(256)])
    cubes = torch.nn.functional.pad(corners.reshape(8, 32, 2, 2, 2), (1,) * 6, value=0.7)
    check_dual(host, cubes.permute(2, 0, 3, 1, 4).reshape(4, 32, 128), 0.0)
    shapes = [(1, 5, 5), (2, 2, 2), (2, 3, 31), (3, 2, 32), (2, 3, 33), (3, 4, 65), (7, 6, 13)]
    for seed, shape in enumerate([*shapes, (2, 3, 1100)]):
        check_dual(host, noise(shape, seed), 0.1, quads=seed % 2 == 0, spacing=(1.0, 0.5, 3.0))
    check_dual(host, torch.from_numpy(volumes.ball((20, 24, 70), (45.2, 10.1, 9.7), 8.2)), 0.0)
    check_dual(host, torch.from_numpy(volumes.integer_lattice((3, 9, 70))), -3, wide=True)
    huge = np.random.default_rng(5).choice([-np.inf, -3e38, -1, 0, 2, 3e38, np.inf], (3, 4, 40))
    check_dual(host, torch.from_numpy(huge.astype(np.float32)), 0.0)
    check_dual(host, torch.from_numpy(huge) * 5e269, 0.0)
    order(host, int(host.seed))
    check_dual(host, noise((3, 5, 70)), 0.1)
    check_dual(host, noise((3, 3, 64), 2).double(), 0.1, quads=True)


def dual_requests(host: Host) -> None:
    """Every type, masks, NaN to skip and closed borders of the dual mesh, each with some of the others."""
    rng = np.random.default_rng(6)
    for k, (name, nx) in enumerate(zip(DTYPES, (31, 33, 62, 64, 66, 63, 32, 70, 40), strict=True)):
        vol = torch.from_numpy(rng.integers(0, 3, (2, 3, nx)).cumsum(2) % 9).to(getattr(torch, name))
        mask = torch.from_numpy(rng.random(vol.shape) < 0.97)
        check_dual(host, vol, 4.5, quads=k % 2 == 0, wide=k % 3 == 0)
        if k % 2 == 0:
            check_dual(host, vol, 4.5, mask=mask, border="closed")
        if vol.is_floating_point():
            vol[torch.from_numpy(rng.random(vol.shape) < 0.03)] = float("nan")
            check_dual(host, vol, 4.0, quads=k % 2 == 1, mask=mask, nan="skip")
    check_dual(host, noise((4, 5, 9)).permute(2, 1, 0), 0.1, mask=noise((9, 5, 4), 1) < 1, border="closed")


def batches(host: Host) -> None:
    """Several volumes, of one level and of one each, selected from and not, in every type."""
    rng = np.random.default_rng(8)
    vols = noise((12, 5, 66)).reshape(4, 3, 5, 66)
    check_batch(host, vols, [0.1] * 4)
    check_batch(host, vols[:, 1:], [0.1, 0.2, 0.0, -0.1], border="closed")
    check_batch(host, noise((130, 2, 2)).reshape(65, 2, 2, 2), [0.1] * 65)
    check_batch(host, noise((4, 16, 64)).reshape(2, 2, 16, 64), [0.1] * 2)
    for name in DTYPES:
        some = torch.from_numpy(rng.integers(0, 6, (2, 3, 4, 34))).to(getattr(torch, name))
        mask = torch.from_numpy(rng.random(some.shape) < 0.9)
        if some.is_floating_point():
            some[torch.from_numpy(rng.random(some.shape) < 0.05)] = float("nan")
        check_batch(host, some, [2.5, 3.0], mask=mask, nan="skip")
    check_batch(host, torch.rand(3, 1, 4, 5), [0.5] * 3)
    got = host.batch(vols, [0.1] * 4, wide=True)
    same((got.faces,), (isosurface(vols, 0.1).faces.to(torch.int64),), "wide faces of a batch")
    order(host, int(host.seed))
    check_batch(host, vols[:2, :, :, :40], [0.1, 0.2])


def fixed_sizes(host: Host) -> None:
    """What fits exactly, what does not, and what has a NaN: nothing is written beyond a result."""
    vols = noise((6, 5, 66)).reshape(2, 3, 5, 66)
    for some in (vols, vols[:1], vols[:1].double(), (vols[:1] * 50).to(torch.int8), (vols[:1] * 50).int()):
        want = isosurface(some, 0.1)
        verts, faces = len(want.verts), len(want.faces)
        for room in (Room(verts, faces), Room(verts + 3, faces + 3), Room(verts - 1, faces), Room(verts, 0)):
            check_batch(host, some, [0.1] * len(some), room)
    bad = vols.clone()
    bad[1, 2, 4, 65] = float("nan")
    check_batch(host, bad, [0.1] * 2, Room(9000, 9000))
    check_batch(host, bad[1:, 2:], [0.1], Room(9, 9))
    order(host, int(host.seed))
    check_batch(host, vols[:1, :, :, :40], [0.1], Room(9000, 9000))


def interpolation(host: Host) -> None:
    vol, points = torch.rand(3, 4, 5, 6), torch.rand(700, 3) * 8 - 1
    points[5, 1], points[9, 0] = float("nan"), float("inf")
    for dtype in (torch.float32, torch.float64):
        given = vol.to(dtype), points.to(dtype)
        same((host.grid_interp(*given),), (grid_interp(*given),), dtype)
    same((host.grid_interp(vol, points[:0]),), (torch.empty(0, 3),), "no points")


def any_order(host: Host) -> None:
    """Threads in random orders, down to single accesses to memory."""
    first = int(host.seed)
    todo = [(noise((5, 6, 70)), 0.1), (noise((3, 16, 64), 1), 0.1), (noise((40, 2, 33), 2), 0.2)]
    todo += [(torch.from_numpy(volumes.ball((12, 12, 40), (20.2, 5.1, 6.7), 4.2)), 0.0)]
    todo += [((noise((4, 8, 64), 3) * 50).to(torch.int8), 3), (noise((3, 4, 65), 4).double(), 0.1)]
    for k, (vol, level) in enumerate(todo):
        order(host, first + 100 * k)
        check(host, vol, level, wide=k == 2)
    order(host, first)
    vol, points = torch.rand(2, 4, 5, 6), torch.rand(300, 3) * 6
    same((host.grid_interp(vol, points),), (grid_interp(vol, points),), "interpolation in random order")


CASES: dict[str, Callable[[Host], None]] = {
    case.__name__: case
    for case in (
        long_and_large_shapes,
        any_order,
        dtypes_and_ties,
        many_rounds_of_the_scan,
        strides_and_odd_addresses,
        infinities_and_subnormals,
        not_a_number,
        requests,
        normals,
        dual,
        dual_requests,
        several_duals,
        gradients,
        gradients_of_requests,
        gradients_of_points,
        sparse,
        batches,
        fixed_sizes,
        small_and_thin_shapes,
        wide_faces,
        interpolation,
        nothing_inside,
        all_256_cubes,
    )
}


def for_mutants(host: Host) -> None:
    """What every mutant of the kernels for float32 shows on."""
    for shape in ((3, 5, 70), (2, 16, 64), (2, 40, 70), (2, 3, 300), (40, 2, 33)):
        check(host, noise(shape), 0.1)
    for y, x, contiguous in ((6, 10, True), (1, 40, False)):  # alike but for lane 3's word
        lone = torch.full((2, 16, 66), -1.0)[:, :, :64]
        lone[0, y, x] = 1.0
        check(host, lone.contiguous() if contiguous else lone, 0.0)
    vol, spacing = noise((3, 4, 40), 3), (1.0, 2.0, 3.0)
    want = isosurface(vol, 0.1, spacing=spacing, normals=True).normals
    same((host.marching_cubes(vol, 0.1, spacing=spacing)[2],), (want,), "normals")


def for_stubborn_mutants(host: Host) -> None:
    """What shows only where stage 3 goes through more counts than it takes at a time."""
    check(host, noise((8300, 2, 2)), 0.1)


# Kernels that a mesh does not run, by how their names begin.
OTHERS = {
    "mc_dual": for_mutants_of_the_dual,
    "mc_gradient": of_gradients.for_mutants,
    "mc_sparse": for_mutants_of_sparse,
}


def shown_by(kernel: str) -> Callable[[Host], None] | None:
    return next((show for start, show in OTHERS.items() if kernel.startswith(start)), None)


def caught(device: Device, mutant: Mutant) -> str | None:
    """Return how a mutant is caught, or None."""
    device.rules = replace(device.rules, most_steps=20_000)
    pinned = device.arena.pinned
    try:
        host = Host(device, mutant.ptx.encode())
        if show := shown_by(mutant.name):
            show(host)
        else:
            for_mutants(host)
            for_stubborn_mutants(host)
    except (PtxError, AssertionError, ValueError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"  # RuntimeError: a NaN was told of where there is none
    finally:
        device.arena.pinned = pinned
    return None


def fuzz(host: Host, seed: int) -> None:
    """Draw a volume of any shape, type, strides, level and schedule."""
    rng = random.Random(seed)
    sides = [rng.choice([1, 2, 3, 4, 5, 7, 9, 16, 31, 33]) for _ in range(2)]
    shape = (*sides, rng.choice([1, 2, 31, 32, 33, 63, 64, 65, 96, 100, 128, 200]))
    values = torch.from_numpy(np.random.default_rng(seed).integers(-6, 7, shape))
    dtype = getattr(torch, rng.choice(DTYPES))
    vol = (values.abs() if dtype == torch.uint8 else values).to(dtype)
    if rng.random() < 0.4:
        vol = vol.permute(rng.sample(range(3), 3))
    if rng.random() < 0.3:
        vol = vol[:: rng.choice([1, 2]), :, rng.choice([0, 1, 3]) :]
    order(host, seed if rng.random() < 0.6 else None)
    shift = rng.randrange(4) * dtype.itemsize
    if vol.numel():
        check(host, vol, rng.choice([-1, 0, 0.5, 2, 7]), rng.random() < 0.3, shift)


def report(name: str, began: float, wrong: str | None, device: Device, **more: Any) -> None:
    done = device.counts.values()
    line = {
        "case": name,
        "wrong": wrong,
        "seconds": round(time.perf_counter() - began, 2),
        "launches": sum(c.launches for c in done),
        "threads": sum(c.threads for c in done),
        "instructions": sum(c.thread_instructions for c in done),
        "lines": {name: sorted(counts.lines) for name, counts in device.counts.items()},
    }
    print(json.dumps({**line, **more}), flush=True)
    device.counts.clear()


def run_cases(names: list[str], host: Host) -> None:
    for name in names:
        began, wrong = time.perf_counter(), None
        order(host, None)
        try:
            CASES[name](host)
        except Exception:
            wrong = traceback.format_exc(limit=-3)
        report(name, began, wrong, host.device, seed=host.seed)


def run_mutants(host: Host, ptx: str, part: tuple[int, int]) -> None:
    """Run each `part[1]`-th mutant, from number `part[0]` on."""
    began = time.perf_counter()
    for_mutants(host)
    shown = set(host.device.counts)  # what follows also runs others, on which it shows nothing
    for show in OTHERS.values():
        show(host)
    counts = {n: c for n, c in host.device.counts.items() if n in shown or shown_by(n)}
    executed = {name: set(count.lines) for name, count in counts.items()}
    report("what mutants are held against", began, None, host.device)
    for mutant in list(mutants(ptx, executed))[part[0] :: part[1]]:
        began = time.perf_counter()
        host.device.arena.free_from(host.bottom)
        how = caught(host.device, mutant)
        report(f"mutant {mutant.name}", began, None if how else "it was not caught", host.device, caught=how)


def run_fuzz(host: Host, rounds: int) -> None:
    """Stop at the first volume that shows a difference; its seed alone draws it again."""
    began = time.perf_counter()
    for seed in range(host.seed, host.seed + rounds):
        try:
            fuzz(host, seed)
        except Exception as error:
            raise SystemExit(f"--rounds 1 --seed {seed}: {type(error).__name__}: {error}") from error
    report(f"{rounds} volumes from seed {host.seed} on", began, None, host.device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(CASES)}")
    parser.add_argument("--library", type=Path, help="the driver, where it is built already")
    parser.add_argument("--ptx", type=Path, help="what is executed; else the package's newest")
    parser.add_argument("--seed", type=int, default=1, help="of random orders and volumes")
    parser.add_argument("--mutants", metavar="K/N", help="the mutants K, K + N, ...")
    parser.add_argument("--rounds", type=int, default=0, help="so many random volumes")
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    device = Device(ARENA, Rules(strict=STRICT))
    device.offer(given.library or build_library(Path(tempfile.mkdtemp())))
    ptx = read_ptx(given.ptx or shipped())
    host = Host(device, ptx.encode())
    host.seed = given.seed
    run_cases(given.names, host)
    if given.mutants:
        first, _, step = given.mutants.partition("/")
        run_mutants(host, ptx, (int(first), int(step)))
    if given.rounds:
        run_fuzz(host, given.rounds)


if __name__ == "__main__":
    main()
