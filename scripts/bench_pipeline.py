"""Views per second of whole runs, with writing, beside processes that do nothing but render the same views.

    python scripts/bench_pipeline.py [--scenes 24] [--rounds 3] [--recipe tabletop] [--set KEY=VALUE …] [--json FILE]

In turns, so that other load on the machine hits all alike: one and two bare render loops (each a process with one
rendering thread that calls `mjr_render` and `mjr_readPixels` for the colour, depth and ids of settled scenes, as a
worker does, and only the time in these calls counts), and `graspgen generate` with one and with two workers. A run's
rate is taken from its own journal between the first scene that each worker has made and the last one, so that
starting processes is left out; `whole` has it in. `ratio` is two workers against two bare loops, `scaling` two workers
against one. The median of the rounds counts. Then a process without any other beside it makes scenes by CPU time,
stage by stage: `cpu ratio` is the share of the bare render calls, `cpu native` that of all native calls (rendering and
simulation steps): what is left for graspgen's own code to save.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import mujoco
from bench_render import watched

from graspgen.dataset.manifest import load_manifest
from graspgen.objects.library import open_catalogue
from graspgen.pipeline import scene as scene_module
from graspgen.pipeline.journal import Journal
from graspgen.pipeline.run import generate
from graspgen.pipeline.units import Job, SceneDone, Unit, make_unit
from graspgen.pipeline.worker import worker_environment
from graspgen.recipe import Recipe
from graspgen.recipe_file import load_recipe
from graspgen.render import opengl
from graspgen.scene.make import settled_scene

SEED = 7
_RENDER = ("mjr_render", "mjr_readPixels")


def render_loop(recipe: Recipe, scenes: int, gate: Any, told: Any) -> None:
    """Render views for a while; tell how many, and the seconds inside the renderer."""
    catalogue = open_catalogue(recipe.objects, SEED)
    worlds = [settled_scene(recipe, catalogue, SEED, index).world for index in range(scenes)]
    opengl.render_views(worlds[0])
    gate.wait()
    views, spent = 0, [0.0, 0.0]
    with watched(opengl.mujoco, _RENDER, spent):
        end = time.perf_counter() + 5
        while time.perf_counter() < end:
            for world in worlds:
                views += len(opengl.render_views(world))
    told.put(views / spent[0])


def bare(recipe: Recipe, loops: int) -> float:
    """Return the views per second of so many render loops at once."""
    spawn = multiprocessing.get_context("spawn")
    gate, told = spawn.Barrier(loops), spawn.Queue()
    processes = [spawn.Process(target=render_loop, args=(recipe, 3, gate, told)) for _ in range(loops)]
    with worker_environment():
        for process in processes:
            process.start()
    rates = [told.get() for _ in processes]
    for process in processes:
        process.join()
    return sum(rates)


def run(recipe: Recipe, scenes: int, workers: int) -> dict[str, float]:
    """Make a dataset; return its views per second, and bytes a view."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        made = generate(recipe, out, scenes, SEED, workers, executor="local", quiet=True, preview=False)
        times = [datetime.fromisoformat(e["time"]).timestamp() for e in Journal(out).events("scene")]
        size = sum(shard.bytes for shard in load_manifest(out).shards)
        meshes = sum(path.stat().st_size for path in (out / "objects").rglob("*") if path.is_file())
    each = made.views / made.scenes
    steady = (len(times) - workers) * each / (times[-1] - times[workers - 1])
    return {
        "views_per_s": steady,
        "whole": made.views / made.wall,
        "bytes_per_view": size / made.views,
        "mesh_bytes_per_scene": meshes / made.scenes,
        "grasps_per_s": steady / each * made.grasps / made.scenes,
    }


def by_cpu(recipe: Recipe, scenes: int) -> dict[str, Any]:
    """Make scenes in this process and return CPU ms a view: whole, of each stage, and of the native calls."""
    seconds: Counter[str] = Counter()
    views = 0

    @contextmanager
    def timed(stages: dict[str, float], stage: str):
        start = time.process_time()
        yield
        stages[stage] = time.process_time() - start

    def report(event: object) -> None:
        nonlocal views
        if isinstance(event, SceneDone):
            views += event.views
            seconds.update({k: v for k, v in event.seconds.items() if k != "pack"})

    spent, steps = [0.0, 0.0], [0.0, 0.0]
    native = [(mujoco.batch.Batch, ("step", "rollout", "forward")), (mujoco, ("mj_step",))]
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(scene_module, "_timed", timed), ExitStack() as held:
        for name in ("shards", "objects"):
            (Path(folder) / name).mkdir()
        job = Job(recipe.model_dump_json(), SEED, folder, {})
        make_unit(job, Unit(0, (0,)), lambda event: None)
        for module, names in native:
            held.enter_context(watched(module, names, steps))
        held.enter_context(watched(opengl.mujoco, _RENDER, spent))
        start = time.process_time()
        make_unit(job, Unit(1, tuple(range(1, 1 + scenes))), report)
        whole = time.process_time() - start
    seconds["pack and write"] = whole - seconds.total()
    ms = 1e3 / views
    return {
        "views": views,
        "cpu_ms_per_view": ms * whole,
        "bare_ms_per_view": ms * spent[1],
        "cpu_ratio": spent[1] / whole,
        "cpu_native": (spent[1] + steps[1]) / whole,
        "stages_ms_per_view": {stage: round(ms * s, 2) for stage, s in seconds.items()},
    }


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3, help="0 leaves the wall-clock part out")
    parser.add_argument("--recipe", default="tabletop")
    parser.add_argument("--set", action="append", default=[], dest="sets", metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path, default=Path("bench_pipeline.json"))
    args = parser.parse_args()
    os.environ["LP_NUM_THREADS"] = "1"
    recipe = load_recipe(args.recipe, args.sets)
    told: dict[str, Any] = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "mujoco": mujoco.__version__},
        "recipe": [args.recipe, *args.sets],
        "cpu": by_cpu(recipe, max(2, args.scenes // 3)),
    }
    rounds = []
    for _ in range(args.rounds):
        row = {f"bare {n}": bare(recipe, n) for n in (1, 2)} | {f"run {n}": run(recipe, args.scenes, n) for n in (1, 2)}
        row["ratio"] = row["run 2"]["views_per_s"] / row["bare 2"]
        row["scaling"] = row["run 2"]["views_per_s"] / row["run 1"]["views_per_s"]
        row["bare_scaling"] = row["bare 2"] / row["bare 1"]
        rounds.append(row)
        print(json.dumps(row), flush=True)
    if rounds:
        told["rounds"] = rounds
        told |= {name: statistics.median(r[name] for r in rounds) for name in ("ratio", "scaling", "bare_scaling")}
    args.json.write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps({k: v for k, v in told.items() if k != "rounds"}, indent=1))


if __name__ == "__main__":
    main()
