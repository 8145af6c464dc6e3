"""Benchmark of the pipeline, each stage beside the bare engine doing the same work in the same run.

    python scripts/bench.py [--scenes 12] [--memory-scenes 200] [--rounds 3] [--json bench.json]

`ratio` is bare time / our time: 1 would be no overhead at all. The bare engine repeats exactly what the stage did: the
same native calls on the same models from the same states (`mj_step`, `Batch.step`, `Batch.forward`, `mjr_render`,
`mjr_readPixels`), without compiling models, drawing plans, judging, annotating or writing. Stage and bare engine take
turns, so that other load on the machine hits both. Then come the views by engine and layer, as
`scripts/bench_render.py` has them; that script also takes scanned objects (`--library`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import bench_render
import mujoco
from tape import Tape, recorded_batches, timed

from graspgen.dataset.writer import write_shard
from graspgen.pipeline.grasping import grasp_scene
from graspgen.pipeline.scene import SceneContext, finish_scene, make_scene
from graspgen.recipe_file import load_recipe
from graspgen.render.opengl import render_views
from graspgen.scene import settle as settle_module
from graspgen.scene.make import settled_scene

SEED = 7


@contextmanager
def recorded_steps(tape: Tape):
    """Record every `mj_step` of settling."""
    original = mujoco.mj_step

    def step(model, data, nstep=1):
        at = mujoco.MjData(model)
        mujoco.mj_copyData(at, model, data)
        flags = int(model.opt.enableflags)  # whether what rests sleeps

        def again() -> float:
            model.opt.enableflags = flags
            return timed(lambda: original(model, at, nstep))

        tape.calls.append(again)
        tape.steps += nstep
        original(model, data, nstep)

    with mock.patch.object(settle_module.mujoco, "mj_step", step):
        yield


@contextmanager
def recorded_frames(tape: Tape):
    """Time the `mjr_render` and `mjr_readPixels` of a stage; a frame cannot be made again outside its context."""
    spent = [0.0]

    def watch(function):
        def call(*args, **kwargs):
            start = time.perf_counter()
            out = function(*args, **kwargs)
            spent[0] += time.perf_counter() - start
            return out

        return call

    with (
        mock.patch.object(mujoco, "mjr_render", watch(mujoco.mjr_render)),
        mock.patch.object(mujoco, "mjr_readPixels", watch(mujoco.mjr_readPixels)),
    ):
        yield
    tape.calls.append(lambda: spent[0])


def bench(scenes: int, threads: int) -> dict[str, dict[str, float]]:
    recipe = load_recipe("tabletop")
    ours = dict.fromkeys(("settle", "views", "trials", "end_to_end"), 0.0)
    bare = dict.fromkeys(ours, 0.0)
    count = dict.fromkeys(ours, 0)
    steps = 0
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "shards").mkdir()
        context = SceneContext.open(recipe, SEED, folder, threads=threads)
        make_scene(context, scenes)  # warm: imports, GL context, caches
        for index in range(scenes):
            tapes = {name: Tape() for name in ("settle", "views", "trials")}

            start = time.perf_counter()
            settled = settled_scene(recipe, context.catalogue, SEED, index)
            ours["settle"] += time.perf_counter() - start
            with recorded_steps(tapes["settle"]):
                settled_scene(recipe, context.catalogue, SEED, index)

            start = time.perf_counter()
            with recorded_frames(tapes["views"]):
                images = render_views(settled.world, shadow_size=recipe.render.shadow_size)
            ours["views"] += time.perf_counter() - start

            start = time.perf_counter()
            grasp_scene(settled, context.gripper, context.profile, recipe.grasps, threads)
            ours["trials"] += time.perf_counter() - start
            with recorded_batches(tapes["trials"]):
                grasps = grasp_scene(settled, context.gripper, context.profile, recipe.grasps, threads)

            start = time.perf_counter()
            again = settled_scene(recipe, context.catalogue, SEED, index)
            record = finish_scene(context, again, {}).record
            write_shard(Path(folder) / "shards" / f"shard-{index:05d}.h5", [record], {})
            ours["end_to_end"] += time.perf_counter() - start

            for name, tape in tapes.items():
                seconds = tape.replay()
                bare[name] += seconds
                bare["end_to_end"] += seconds
            steps += tapes["trials"].steps
            count["settle"] += 1
            count["views"] += len(images)
            count["trials"] += sum(len(g.labelled.candidates) for g in grasps)
            count["end_to_end"] += len(images)
    rows = {
        name: {
            "count": count[name],
            "per_second": count[name] / ours[name],
            "bare_per_second": count[name] / bare[name],
            "ratio": bare[name] / ours[name],
        }
        for name in ours
    }
    rows["trials"]["steps_per_trial"] = steps / max(count["trials"], 1)
    return rows


def memory(scenes: int) -> dict[str, float]:
    """Resident memory over many scenes of one process, MiB: after a tenth of them, and at the end."""
    context = SceneContext.open(load_recipe("tabletop", ["grasps.per_object=4", "views.per_scene=2"]), SEED, None)
    page = resource.getpagesize() / 2**20
    readings = []
    for index in range(scenes):
        make_scene(context, index)
        readings.append(int(Path("/proc/self/statm").read_text().split()[1]) * page)
    warm = readings[max(0, scenes // 10 - 1)]
    return {
        "scenes": scenes,
        "warm_mib": warm,
        "end_mib": readings[-1],
        "growth": readings[-1] / warm - 1,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="native threads of the trials")
    parser.add_argument("--memory-scenes", type=int, default=200, help="0 leaves the memory test out")
    parser.add_argument("--rounds", type=int, default=3, help="of views by engine and layer; 0 leaves these out")
    parser.add_argument("--json", type=Path, default=Path("bench.json"))
    args = parser.parse_args()
    rows = bench(args.scenes, args.threads)
    names = {
        "settle": "settled scenes",
        "views": "views 640x480 colour + depth + ids",
        "trials": "free trials, proposals and scene checks included",
        "end_to_end": "views end to end, with grasps and writing",
    }
    print(f"{'':50} {'per second':>11} {'bare':>9} {'ratio':>6}")
    for name, row in rows.items():
        print(f"{names[name]:50} {row['per_second']:11.1f} {row['bare_per_second']:9.1f} {row['ratio']:6.2f}")
    print(f"simulated steps per trial: {rows['trials']['steps_per_trial']:.0f}")
    result = {"machine": {"cores": os.cpu_count(), "python": platform.python_version(), "mujoco": mujoco.__version__}}
    result["stages"] = rows
    if args.memory_scenes:
        result["memory"] = memory(args.memory_scenes)
        print("memory: " + ", ".join(f"{k} {v:.3g}" for k, v in result["memory"].items()))
    if args.rounds:
        result["render"] = bench_render.report(rounds=args.rounds)
    args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
