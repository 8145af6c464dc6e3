"""Time of a view by engine and by what is wanted of it, beside the bare renderer drawing the same passes.

    python scripts/bench_render.py [--library FOLDER] [--faces N] [--rounds 5] [--json bench_render.json]

Ten objects, 640×480, the views of one scene. Without a library the objects are procedural; with one (scanned meshes put
there by `graspgen objects import`) it is the scanned scene. `bare` are the same `mjr_render` and `mjr_readPixels` calls
(for Filament: the same `render` and `wait_for_frame`) on the same scene, without setting anything up, converting,
grading or annotating. Bare is timed within ours, so that other load on the machine hits both; of all rounds the least
counts, and of the ratio the median. `cpu ms` is the processor time of all threads, which load changes little. Ours
includes what a scene costs once (uploading meshes and textures), shared by its views. OpenGL is measured twice: with
one thread of the software renderer, as in each worker of `graspgen generate`, and with one for every core.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import platform
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from unittest import mock

import mujoco
import numpy as np

from graspgen.objects.library import open_catalogue
from graspgen.pipeline.view_layers import view_layers
from graspgen.pipeline.view_tables import annotation_table, keypoint_table, stored_depth
from graspgen.recipe_file import load_recipe
from graspgen.render import filament, opengl, vulkan
from graspgen.render.opengl import ViewImages, render_views
from graspgen.render.views import render_scene
from graspgen.scene.make import settled_scene
from graspgen.scene.world import SettledScene

SEED, VIEWS = 7, 8
ONE_THREAD, ALL_THREADS = "opengl, a worker", "opengl, all cores"
RECIPE = load_recipe("tabletop")


def scene(library: Path | None, faces: int | None) -> SettledScene:
    """Settle ten objects under eight views of 640×480."""
    keys = ["scene.objects.count=10", f"views.per_scene={VIEWS}"]
    if library is not None:
        keys += [f"objects.library={library}", "scene.objects.spread=0.2"]
    if faces is not None:
        keys.append(f"objects.faces={faces}")
    recipe = load_recipe("tabletop", keys)
    return settled_scene(recipe, open_catalogue(recipe.objects, SEED), SEED, 0)


def with_engine(settled: SettledScene, engine: str) -> SettledScene:
    plan = settled.world.plan
    views = tuple(view.model_copy(update={"engine": engine}) for view in plan.views)
    world = dataclasses.replace(settled.world, plan=plan.model_copy(update={"views": views}))
    return dataclasses.replace(settled, world=world)


@contextmanager
def watched(module: object, names: tuple[str, ...], spent: list[float]):
    """Add the time inside the named functions to `spent[0]`, and the process's processor time in them to `spent[1]`."""

    def watch(function: Callable) -> Callable:
        def call(*args, **kwargs):
            start, used = time.perf_counter(), time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent[0] += time.perf_counter() - start
                spent[1] += time.process_time() - used

        return call

    with ExitStack() as held:
        for name in names:
            held.enter_context(mock.patch.object(module, name, watch(getattr(module, name))))
        yield


def annotate_all(settled: SettledScene, images: list[ViewImages], depth: list[np.ndarray] | None = None) -> None:
    """Make the rows of `annotations` and `keypoints` of a dataset that stores `depth` of the images."""
    depth = depth or [stored_depth(image.depth) for image in images]
    keypoint_table(settled, images, depth, annotation_table(RECIPE, settled, images))


def bench_layers(settled: SettledScene, rounds: int) -> dict[str, dict[str, float]]:
    """Time each stored layer alone, encoded as a dataset gets it, from colour, depth and ids."""
    images = render_views(settled.world)
    depth = [stored_depth(image.depth) for image in images]
    work = {
        name: partial(view_layers, (name,), settled, images, depth, depth[0].shape)
        for name in ("normals", "object_coordinates", "flow")
    }
    work["annotations"] = partial(annotation_table, RECIPE, settled, images)
    views = RECIPE.views.model_copy(update={"modalities": ("amodal_masks",)})
    masked = RECIPE.model_copy(update={"views": views})
    work["annotations with amodal_masks"] = partial(annotation_table, masked, settled, images)
    return {f"layer: {name}": {"ms": least(call, rounds)} for name, call in work.items()}


def least(work: Callable[[], object], rounds: int) -> float:
    """Return the least time of a call, ms a view."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times) / VIEWS


def bench_opengl(settled: SettledScene, rounds: int, name: str) -> dict[str, dict[str, float]]:
    world, views = settled.world, range(VIEWS)
    render_views(world)
    rows: dict[str, dict[str, float]] = {
        f"{name}: depth, ids": {"ms": least(lambda: render_views(world, colourless=views), rounds)},
    }
    whole, bare, noted, setup, cpu = [], [], [], [], []
    cpu_noted, cpu_bare = [], []
    for _ in range(rounds):
        spent, making = [0.0, 0.0], [0.0, 0.0]
        used = time.process_time()
        with (
            watched(opengl.mujoco, ("mjr_render", "mjr_readPixels"), spent),
            watched(opengl.mujoco, ("MjrContext",), making),
        ):
            start = time.perf_counter()
            images = render_views(world)
            whole.append(time.perf_counter() - start)
            cpu.append(time.process_time() - used)
        depth = [stored_depth(image.depth) for image in images]  # for the stored image, whatever is annotated
        start, used = time.perf_counter(), time.process_time()
        annotate_all(settled, images, depth)
        noted.append(whole[-1] + time.perf_counter() - start)
        cpu_noted.append(cpu[-1] + time.process_time() - used)
        cpu_bare.append(spent[1])
        bare.append(spent[0])
        setup.append(making[0])
    ms = 1e3 / VIEWS
    # Each round compares within itself.
    shares = np.array([whole, noted]) / np.array(bare)
    rows[f"{name}: colour with shadows, depth, ids"] = {
        "ms": ms * min(whole),
        "cpu_ms": ms * min(cpu),
        "bare": ms * min(bare),
        "ratio": float(np.median(shares[0])),
        "cpu_ratio": float(np.median(np.array(cpu) / cpu_bare)),
        "upload_ms_per_scene": 1e3 * min(setup),
        "frame_ms": ms * float(np.min(np.subtract(whole, setup))),
    }
    rows[f"{name}: the same and all annotations"] = {
        "ms": ms * min(noted),
        "cpu_ms": ms * min(cpu_noted),
        "bare": ms * min(bare),
        "ratio": float(np.median(shares[1])),
        "cpu_ratio": float(np.median(np.array(cpu_noted) / cpu_bare)),
    }
    return rows


def bench_filament(settled: SettledScene, rounds: int) -> dict[str, dict[str, float]]:
    lit = with_engine(settled, "filament")
    filament.render_colour(lit.world, range(VIEWS))
    whole, bare, every, cpu, cpu_bare = [], [], [], [], []
    for _ in range(rounds):
        spent, used = [0.0, 0.0], time.process_time()
        start = time.perf_counter()
        with watched(filament, ("frame",), spent):
            filament.render_colour(lit.world, range(VIEWS))
        whole.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
        bare.append(spent[0])
        cpu_bare.append(spent[1])
        start = time.perf_counter()
        annotate_all(lit, render_scene(lit.world))
        every.append(time.perf_counter() - start)
    ms = 1e3 / VIEWS
    return {
        "filament: colour": {
            "ms": ms * min(whole),
            "cpu_ms": ms * min(cpu),
            "bare": ms * min(bare),
            "ratio": float(np.median(np.array(whole) / np.array(bare))),
            "cpu_ratio": float(np.median(np.array(cpu) / cpu_bare)),
        },
        "filament: colour, depth, ids, all annotations": {"ms": ms * min(every)},
    }


def _opengl_process(results, library: Path | None, faces: int | None, rounds: int) -> None:
    results.put(bench_opengl(scene(library, faces), rounds, ONE_THREAD))


def bench_one_thread(library: Path | None, faces: int | None, rounds: int) -> dict[str, dict[str, float]]:
    """Time OpenGL in a process of its own whose renderer has one thread: it asks for their number once."""
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    with mock.patch.dict(os.environ, LP_NUM_THREADS="1"):
        process = spawn.Process(target=_opengl_process, args=(results, library, faces, rounds))
        process.start()
    rows = results.get()
    process.join()
    return rows


def _process(barrier, results, library: Path | None, faces: int | None, rounds: int, threads: str) -> None:
    os.environ["LP_NUM_THREADS"] = threads
    settled = scene(library, faces)
    render_views(settled.world)
    barrier.wait()
    start = time.perf_counter()
    for _ in range(rounds):
        annotate_all(settled, render_views(settled.world))
    results.put(rounds * VIEWS / (time.perf_counter() - start))


def views_per_second(processes: int, library: Path | None, faces: int | None, rounds: int) -> float:
    """Return the views a second of so many processes at once, each with one thread, as the pipeline runs them."""
    spawn = multiprocessing.get_context("spawn")
    barrier, results = spawn.Barrier(processes), spawn.Queue()
    running = [
        spawn.Process(target=_process, args=(barrier, results, library, faces, rounds, "1")) for _ in range(processes)
    ]
    for process in running:
        process.start()
    rates = [results.get() for _ in running]
    for process in running:
        process.join()
    return float(sum(rates))


def report(library: Path | None = None, faces: int | None = None, rounds: int = 5, processes: int = 2) -> dict:
    """Measure everything, print it, and return it."""
    settled = scene(library, faces)
    model = settled.world.model
    drawn = [g for g in range(model.ngeom) if int(model.geom_group[g]) == 2]
    triangles = sum(int(model.mesh_facenum[model.geom_dataid[g]]) for g in drawn)
    rows = bench_one_thread(library, faces, rounds) | bench_opengl(settled, rounds, ALL_THREADS)
    rows |= bench_layers(settled, rounds)
    if not vulkan.missing():
        rows |= bench_filament(settled, rounds)
    result = {
        "machine": {
            "cores": os.cpu_count(), "python": platform.python_version(), "mujoco": mujoco.__version__,
            "renderer": opengl.gl.renderer_name(), "load": os.getloadavg()[0],
        },
        "objects": len(drawn), "faces": triangles, "views": rows,
    }  # fmt: skip
    print(f"{len(drawn)} objects, {triangles} faces, 640×480, load {os.getloadavg()[0]:.1f}")
    print(f"{'':50} {'ms a view':>10} {'cpu ms':>8} {'bare':>8} {'ours/bare':>10} {'in cpu':>7}")
    for name, row in rows.items():
        cpu = f"{row['cpu_ms']:8.1f}" if "cpu_ms" in row else " " * 8
        rest = f" {cpu} {row['bare']:8.1f} {row['ratio']:10.2f} {row['cpu_ratio']:7.2f}" if "bare" in row else ""
        print(f"{name:50} {row['ms']:10.1f}{rest}")
    colour = rows[f"{ALL_THREADS}: colour with shadows, depth, ids"]
    frame, upload = colour["frame_ms"], colour["upload_ms_per_scene"]
    print(f"of colour, depth, ids, with all cores: {frame:.1f} ms a frame, {upload:.0f} ms a scene")
    if processes > 1:
        one, many = (views_per_second(n, library, faces, rounds) for n in (1, processes))
        result["processes"] = {"one": one, "many": many, "count": processes, "ratio": many / one}
        print(f"opengl with annotations, views/s: 1 process {one:.1f}, {processes} {many:.1f} ({many / one:.2f}×)")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, help="objects of the scanned scene; procedural ones if not given")
    parser.add_argument("--faces", type=int, help="level of detail: most faces of an object (objects.faces)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2, help="to compare with one; 0 leaves that out")
    parser.add_argument("--json", type=Path, default=Path("bench_render.json"))
    args = parser.parse_args()
    result = report(args.library, args.faces, args.rounds, args.processes)
    args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
