# SPDX-License-Identifier: MIT
"""A volume on a cluster of two workers: ours by Dask, ours streamed, and scikit-image by slab with welding.

    python -m benchmarks.scale --side 256 --out benchmarks/results/scale.json

Then the cost model of docs/scale.md against runs of several sizes: a store that is slowed down on purpose gives
so many bytes a second to each worker, and slabs of next to nothing tell what a task costs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
import warnings
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster
from skimage.measure import marching_cubes as skimage_marching_cubes
from torchmcubes_bw import dask as on_dask
from torchmcubes_bw import isosurface, stream_surface

SLAB = 32


class Slow:
    """Planes of an array, so many bytes a second."""

    ndim = 3

    def __init__(self, vol: Any, rate: float) -> None:
        self._vol, self._rate, self.shape, self.dtype = vol, rate, vol.shape, vol.dtype

    def __getitem__(self, at: Any) -> Any:
        found = self._vol[at]
        time.sleep(found.nbytes / self._rate)
        return found


def by_dask(vol: Any) -> tuple[Any, Any]:
    """Ours, as tasks."""
    return dask.compute(*on_dask.marching_cubes(da.from_array(vol, chunks=(SLAB, -1, -1)), 0.0))


def streamed(vol: Any) -> tuple[Any, Any]:
    """Ours, one process of two threads."""
    mesh = stream_surface(vol, 0.0, slab_planes=SLAB)
    return mesh.verts.numpy(), mesh.faces.numpy()


def _slab_of_skimage(planes: Any, z: int) -> tuple[Any, Any]:
    if not planes.min() < 0 < planes.max():
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int64)
    verts, faces, _, _ = skimage_marching_cubes(np.array(planes), 0.0)
    verts[:, 0] += z
    return verts, faces.astype(np.int64)


def welded(vol: Any) -> tuple[Any, Any]:
    """scikit-image by slab, a plane shared by neighbours, vertices welded where they lie within 1e-4."""
    array, task = da.from_array(vol, chunks=(SLAB, -1, -1)), dask.delayed(_slab_of_skimage)
    slabs = [array[z : z + SLAB + 1].rechunk((-1, -1, -1)) for z in range(0, vol.shape[0] - 1, SLAB)]
    parts = dask.compute(*(task(slab.to_delayed().item(), k * SLAB) for k, slab in enumerate(slabs)))
    starts = np.cumsum([0] + [len(verts) for verts, _ in parts])
    verts = np.concatenate([verts for verts, _ in parts])
    faces = np.concatenate([faces + start for (_, faces), start in zip(parts, starts, strict=False)])
    _, first, number = np.unique(
        np.rint(verts * 1e4).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    return verts[first], number.ravel()[faces]


def faces_by_place(verts: Any, faces: Any) -> set[bytes]:
    """Return each face as its corners' places, whatever their numbers are."""
    corners = np.rint(np.asarray(verts)[faces] * 1e4).astype(np.int64)
    order = np.lexsort(corners.transpose(2, 0, 1)[::-1], axis=1)
    rows = np.take_along_axis(corners, order[:, :, None], axis=1).reshape(len(faces), 9)
    return {row.tobytes() for row in rows}


def compare(vol: Any, client: Client, whole: Any, skimage_whole: Any) -> list[dict[str, Any]]:
    """Run each once, after a small run that imports."""
    found = []
    for name, work, want in (("ours by dask", by_dask, whole), ("ours streamed", streamed, whole),
                             ("scikit-image by slab, welded", welded, skimage_whole)):  # fmt: skip
        work(vol[: SLAB + 2])
        before = sum(client.run(_cpu).values()) + _cpu()
        begin = time.perf_counter()
        verts, faces = work(vol)
        seconds = time.perf_counter() - begin
        cpu = sum(client.run(_cpu).values()) + _cpu() - before
        got, wanted = faces_by_place(verts, faces), faces_by_place(*want)
        found.append({
            "what": name, "s": round(seconds, 2), "cpu_s": round(cpu, 2), "load": os.getloadavg()[0],
            "client_peak_mb": round(_peak()), "worker_peak_mb": round(max(client.run(_peak).values())),
            "vertices": len(verts), "faces": len(faces), "whole_vertices": len(want[0]), "whole_faces": len(want[1]),
            "missing_faces": len(wanted - got), "extra_faces": len(got - wanted), "doubled_faces": len(faces) - len(got) - len(want[1]) + len(wanted),
            "without_area": int((np.diff(np.sort(faces, axis=1), axis=1) == 0).any(axis=1).sum()),
            "bytes_of_whole": bool(name.startswith("ours") and verts.tobytes() == want[0].tobytes()
                                   and faces.tobytes() == want[1].tobytes()),
        })  # fmt: skip
        print(json.dumps(found[-1]), flush=True)
    return found


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def tasks_cost(slabs: int) -> dict[str, Any]:
    """Time slabs of next to nothing: what is left is the scheduler."""
    vol = np.random.default_rng(0).standard_normal((2 * slabs, 8, 8)).astype(np.float32)
    begin = time.perf_counter()
    verts, faces = on_dask.marching_cubes(da.from_array(vol, chunks=(2, -1, -1)), 0.0)
    built = time.perf_counter() - begin
    tasks = len({**dict(verts.__dask_graph__()), **dict(faces.__dask_graph__())})
    begin, before = time.perf_counter(), time.process_time()
    dask.compute(verts, faces)
    ran, scheduler = time.perf_counter() - begin, time.process_time() - before  # it runs in this process
    return {
        "slabs": slabs,
        "tasks": tasks,
        "build_s": round(built, 3),
        "run_s": round(ran, 3),
        "scheduler_cpu_ms_a_task": round(1e3 * scheduler / tasks, 3),
        "load": os.getloadavg()[0],
    }


def slow_store(vol: Any, rate: float, planes: int) -> dict[str, Any]:
    """Time a part of the volume behind a store of a rate a worker; the model's time beside it."""
    part = vol[:planes]
    array = da.from_array(Slow(part, rate), chunks=(SLAB, -1, -1))
    begin = time.perf_counter()
    dask.compute(*on_dask.marching_cubes(array, 0.0))
    seconds = time.perf_counter() - begin
    slabs = -(-planes // SLAB)
    model = -(-slabs // 2) * SLAB * part[0].nbytes / rate
    return {"gb": round(part.nbytes / 1e9, 3), "rate_mb_s": rate / 1e6, "s": round(seconds, 2),
            "store_alone_s": round(model, 2), "load": os.getloadavg()[0]}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--model-only", action="store_true", help="leave the comparison out")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    report: dict[str, Any] = {
        "started": time.strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "side": options.side,
    }
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        for field in () if options.model_only else ("gyroid", "noise"):
            path = options.folder / f"{field}.npy"
            np.save(path, make(field, options.side // (1 if field == "gyroid" else 2)))
            vol = np.load(path, mmap_mode="r")
            mesh = isosurface(vol, 0.0)
            verts, faces, _, _ = skimage_marching_cubes(np.array(vol), 0.0)
            ours = (mesh.verts.numpy(), mesh.faces.numpy())
            report[field] = compare(vol, client, ours, (verts, faces))
        report["tasks"] = [tasks_cost(slabs) for slabs in (32, 128, 256)]
        print(json.dumps(report["tasks"]), flush=True)
        vol = np.tile(make("gyroid", 64), (8, 1, 1))
        report["slow"] = [
            slow_store(vol, SLAB * vol[0].nbytes / 6, planes) for planes in (SLAB * 2, SLAB * 4, SLAB * 8)
        ]
        print(json.dumps(report["slow"]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


def make(field: str, side: int) -> Any:
    """Return a gyroid of four periods, or white noise."""
    if field == "noise":
        return np.random.default_rng(0).standard_normal((side, side, side)).astype(np.float32)
    x = 8 * np.pi * np.arange(side, dtype=np.float32) / side
    s, c = np.sin(x), np.cos(x)
    z, y, x = np.ix_(range(side), range(side), range(side))
    return (s[x] * c[y] + s[y] * c[z] + s[z] * c[x]).astype(np.float32)


if __name__ == "__main__":
    main()
