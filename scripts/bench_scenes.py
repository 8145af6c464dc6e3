"""Benchmark of scenes: how fast they settle beside the bare engine, how many are refused, and how memory grows.

    python scripts/bench_scenes.py [--scenes 10] [--refusal-scenes 60] [--memory-scenes 300] [--json bench_scenes.json]

`ratio` is bare time / our time for the same scenes: the bare engine repeats exactly the steps that settling took, on
the same models from the same states, without drawing plans, compiling models and looking at speeds. `awake` is the time
of the same scenes without sleeping islands over the time with them; simulations are chaotic, so the scenes that come
out are not the same.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import mujoco
from tape import Tape

from graspgen.errors import SceneError
from graspgen.objects.library import open_catalogue
from graspgen.recipe_file import load_recipe
from graspgen.scene import settling
from graspgen.scene.make import settled_scene

SEED = 7
TASKS = ("single", "tabletop", "pile", "packed", "bin", "shelf", "stack", "tray", "conveyor")


@contextmanager
def recorded_steps(tape: Tape):
    """Record every `mj_step` of settling."""
    original = mujoco.mj_step

    def step(model, data, nstep=1):
        at = mujoco.MjData(model)
        mujoco.mj_copyData(at, model, data)
        flags = int(model.opt.enableflags)

        def again() -> float:
            model.opt.enableflags = flags
            start = time.process_time()
            original(model, at, nstep)
            return time.process_time() - start

        tape.calls.append(again)
        tape.steps += nstep
        original(model, data, nstep)

    with mock.patch.object(settling.mujoco, "mj_step", step):
        yield


@contextmanager
def awake():
    with mock.patch.object(settling.Settling, "_let_sleep", lambda self, on: None):
        yield


def speed(count: int, scenes: int, task: str) -> dict[str, float]:
    """Settled scenes per second for a number of objects, CPU time of this process."""
    recipe = load_recipe(task, [f"scene.objects.count={count}", "views.per_scene=1"])
    catalogue = open_catalogue(recipe.objects, SEED)
    ours = bare = without = steps = 0.0
    for index in range(scenes):
        settled_scene(recipe, catalogue, SEED, index)  # makes the objects, which later scenes have again
        start = time.process_time()
        settled_scene(recipe, catalogue, SEED, index)
        ours += time.process_time() - start
        tape = Tape()
        with recorded_steps(tape):
            settled_scene(recipe, catalogue, SEED, index)
        bare += tape.replay()
        steps += tape.steps
        with awake():
            start = time.process_time()
            settled_scene(recipe, catalogue, SEED, index)
            without += time.process_time() - start
    return {
        "per_second": scenes / ours,
        "bare_per_second": scenes / bare,
        "ratio": bare / ours,
        "awake": without / ours,
        "steps": steps / scenes,
    }


def refusals(task: str, scenes: int) -> dict[str, object]:
    """Share of refused attempts of a task, why, and what left its scenes."""
    recipe = load_recipe(task, ["views.per_scene=1"])
    catalogue = open_catalogue(recipe.objects, SEED)
    kinds: Counter[str] = Counter()
    objects = removed = tunnelled = left_out = failed = 0
    deepest = 0.0
    start = time.process_time()
    for index in range(scenes):
        try:
            scene = settled_scene(recipe, catalogue, SEED, index)
        except SceneError:
            failed += 1
            continue
        kinds.update(kind for kind, _ in scene.refused)
        objects += len(scene.world.plan.objects)
        removed += len(scene.removed)
        tunnelled += len(scene.tunnelled)
        left_out += scene.world.plan.arrangement.left_out
        deepest = max(deepest, scene.max_penetration)
    attempts = scenes + kinds.total()
    return {
        "scenes": scenes,
        "per_second": scenes / (time.process_time() - start),
        "refused": kinds.total() / attempts,
        "kinds": dict(kinds),
        "failed": failed,
        "objects": objects,
        "removed": removed,
        "tunnelled": tunnelled,
        "left_out": left_out,
        "max_penetration_mm": deepest * 1e3,
    }


def memory(scenes: int) -> dict[str, float]:
    """Resident memory over many settled scenes of one process, MiB: after a tenth of them, and at the end."""
    recipe = load_recipe("bin", ["views.per_scene=1", "scene.objects.count=4", "objects.pool=50"])
    catalogue = open_catalogue(recipe.objects, SEED)
    page = resource.getpagesize() / 2**20
    readings = []
    for index in range(scenes):
        settled_scene(recipe, catalogue, SEED, index)
        readings.append(int(Path("/proc/self/statm").read_text().split()[1]) * page)
    warm = readings[max(0, scenes // 10 - 1)]
    return {"scenes": scenes, "warm_mib": warm, "end_mib": readings[-1], "growth": readings[-1] / warm - 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=10)
    parser.add_argument("--refusal-scenes", type=int, default=60, help="0 leaves the refusals out")
    parser.add_argument("--memory-scenes", type=int, default=300, help="0 leaves the memory test out")
    parser.add_argument("--json", type=Path, default=Path("bench_scenes.json"))
    args = parser.parse_args()
    result: dict[str, object] = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "mujoco": mujoco.__version__}
    }
    if args.scenes:
        print(
            f"{'settled scenes':24} {'per second':>11} {'bare':>9} {'ratio':>6} {'awake':>6} {'steps':>6}", flush=True
        )
        rows = {}
        for task in ("tabletop", "bin"):
            for count in (5, 10, 20):
                row = rows[f"{task}, {count} objects"] = speed(count, args.scenes, task)
                name = f"{task}, {count} objects"
                print(
                    f"{name:24} {row['per_second']:11.2f} {row['bare_per_second']:9.2f}"
                    f" {row['ratio']:6.2f} {row['awake']:6.2f} {row['steps']:6.0f}",
                    flush=True,
                )
        result["speed"] = rows
    if args.refusal_scenes:
        shares = {}
        for task in TASKS:
            row = shares[task] = refusals(task, args.refusal_scenes)
            print(
                f"{task:9} {row['per_second']:6.2f}/s  refused {row['refused']:.1%} {row['kinds']}  objects "
                f"{row['objects']}, removed {row['removed']}, tunnelled {row['tunnelled']}, "
                f"left out {row['left_out']}, deepest {row['max_penetration_mm']:.2f} mm, failed {row['failed']}",
                flush=True,
            )
        result["refusals"] = shares
    if args.memory_scenes:
        result["memory"] = memory(args.memory_scenes)
        print("memory: " + ", ".join(f"{k} {v:.3g}" for k, v in result["memory"].items()))
    args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
