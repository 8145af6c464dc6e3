"""Contact sheets of in-scene trials: for each outcome a few trials, each a row of frames from approach to end.

    python scripts/scene_trial_sheets.py TASK OUT_FOLDER [--scenes 12] [--each 3] [--set KEY=VALUE …]
    python scripts/scene_trial_sheets.py --combine OUT_FOLDER PICTURE.jpg

A sheet is named after its outcome. The caption of a row says scene, object, phase and what was measured. `--combine`
makes one picture of the first row of every outcome that is in a folder, of several runs with other settings, say.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import mujoco
import numpy as np
from PIL import Image, ImageDraw

from graspgen.grasps.candidates import propose
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.profile import Profile, load_profile
from graspgen.grasps.scene_record import Trajectory, record_trial
from graspgen.grasps.scene_trial import try_scene
from graspgen.grippers.gripper import Gripper, load_gripper
from graspgen.objects.library import open_catalogue
from graspgen.recipe import Recipe
from graspgen.recipe_file import load_recipe
from graspgen.scene.make import settled_scene
from graspgen.scene.world import SettledScene
from graspgen.streams import Purpose, stream

WIDTH, HEIGHT, COLUMNS, CAPTION = 300, 240, 5, 16


def candidates(
    settled: SettledScene, gripper: Gripper, profile: Profile, recipe: Recipe, each: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Candidates of every object that are clear of the object itself: instance ids, poses in the world, openings."""
    spec, T, width, target = recipe.grasps, [], [], []
    for thing, T_world_object in zip(settled.world.objects, settled.T_world_object, strict=True):
        found = propose(
            thing.asset, gripper, each,
            stream(settled.world.plan.seed, Purpose.GRASPS, settled.world.plan.index, thing.plan.instance_id),
            cone=np.radians(spec.cone_deg), clearance=spec.clearance, clear_share=1.0, approach=spec.approach,
            step=profile.protocol.approach_step, threads=2,
        )  # fmt: skip
        T.append(T_world_object @ found.T_object_grasp)
        width.append(found.width)
        target += [thing.plan.instance_id] * len(found)
    return np.array(target), np.concatenate(T), np.concatenate(width)


def frames_of(trajectory: Trajectory) -> list[int]:
    """Frames that tell the story: the start, the ends of the phases, the middle of the last one, the end."""
    ends = [int(i) for i in np.flatnonzero(np.diff(trajectory.phase.astype(int)))]
    end = len(trajectory) - 1
    wanted = [0, end, *ends, (max([0, *ends]) + end) // 2, *np.linspace(0, end, COLUMNS).astype(int).tolist()]
    return sorted(list(dict.fromkeys(wanted))[:COLUMNS])


def row(trajectory: Trajectory, caption: str, target: int) -> Image.Image:
    """One trial: a strip of frames, the target in its own colour, seen across the closing direction."""
    model = trajectory.model
    model.vis.headlight.ambient[:], model.vis.headlight.diffuse[:] = 0.40, 0.35
    for i in range(model.nmat):
        name = model.material(i).name
        plain = {"table": [0.42, 0.42, 0.40, 1], "background": [0.30, 0.32, 0.35, 1]}
        if name in plain:
            model.mat_texid[i], model.mat_rgba[i] = -1, plain[name]
        if name.startswith("object_"):
            model.mat_texid[i] = -1
            model.mat_rgba[i] = [0.95, 0.55, 0.1, 1] if name == f"object_{target}" else [0.5, 0.62, 0.75, 1]
    camera = mujoco.MjvCamera()
    x = trajectory.T_world_tool[0, :3, 0]
    camera.lookat[:] = trajectory.T_world_tool[len(trajectory) // 2, :3, 3] + [0, 0, 0.03]
    camera.azimuth = np.degrees(np.arctan2(x[1], x[0])) + 15 if np.hypot(x[0], x[1]) > 0.3 else 30.0
    camera.elevation, camera.distance = -36, 0.55
    option = mujoco.MjvOption()
    option.geomgroup[:] = [1, 1, 1, 0, 0, 0]
    strip = Image.new("RGB", (WIDTH * COLUMNS, HEIGHT + CAPTION), "white")
    data = mujoco.MjData(model)
    with mujoco.Renderer(model, HEIGHT, WIDTH) as renderer:
        for column, frame in enumerate(frames_of(trajectory)):
            renderer.update_scene(trajectory.data(frame, data), camera, option)
            image = Image.fromarray(renderer.render())
            label = f"{trajectory.time[frame]:.2f} s {Phase(int(trajectory.phase[frame])).name.lower()}"
            ImageDraw.Draw(image).text((6, 4), label, fill="white")
            strip.paste(image, (column * WIDTH, CAPTION))
    ImageDraw.Draw(strip).text((6, 2), caption, fill="black")
    return strip


def stacked(strips: list[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (strips[0].width, sum(s.height for s in strips)), "white")
    for n, strip in enumerate(strips):
        sheet.paste(strip, (0, n * strip.height))
    return sheet


def combine(folder: Path, picture: Path) -> None:
    """Stack the first row of every outcome."""
    rows = [folder / f"{code.name.lower()}_0.png" for code in Outcome]
    sheet = stacked([Image.open(row) for row in rows if row.is_file()])
    sheet.resize((sheet.width * 2 // 3, sheet.height * 2 // 3), Image.Resampling.LANCZOS).save(picture, quality=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("out", type=Path)
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--grasps", type=int, default=24, help="candidates of each object")
    parser.add_argument("--each", type=int, default=3, help="rows of a sheet")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shake", action="store_true")
    parser.add_argument("--noise", type=float, default=0.0, help="m, spread of a shift of every grasp along its axes")
    parser.add_argument("--set", nargs="*", default=[])
    parser.add_argument("--combine", action="store_true")
    args = parser.parse_args()
    if args.combine:
        combine(Path(args.task), args.out)
        return
    recipe = load_recipe(args.task, args.set)
    gripper, profile = load_gripper(recipe.gripper), load_profile(recipe.grasps.profile)
    catalogue = open_catalogue(recipe.objects, args.seed)
    found: dict[Outcome, list[tuple]] = defaultdict(list)
    for index in range(args.scenes):
        settled = settled_scene(recipe, catalogue, args.seed, index)
        target, T, width = candidates(settled, gripper, profile, recipe, args.grasps)
        T[:, :3, 3] += np.random.default_rng(index).normal(scale=args.noise, size=(len(T), 3))
        results = try_scene(
            settled, gripper, profile, target, T, width, force=recipe.grasps.force, shake=args.shake, threads=2
        )
        order = np.random.default_rng(index).permutation(len(target))
        for i in order:
            code = Outcome(int(results.outcome[i]))
            # A collision where the approach begins shows nothing.
            if results.steps[i] and not any(s is settled for s, *_ in found[code]):
                found[code].append((settled, i, target[i], T[i], width[i]))
        codes, counts = np.unique(results.outcome, return_counts=True)
        print(index, {Outcome(int(c)).name: int(n) for c, n in zip(codes, counts, strict=True)}, flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    for code, trials in sorted(found.items()):
        strips = []
        for settled, i, target, T, width in trials[: args.each]:
            t = record_trial(
                settled, gripper, profile, target, T, width,
                force=recipe.grasps.force, shake=args.shake, linger=0.2, views=True,
            )  # fmt: skip
            r = t.results
            assert Outcome(int(r.outcome[0])) is code, f"replayed as {Outcome(int(r.outcome[0])).name}, was {code.name}"
            caption = (
                f"{code.name}  scene {settled.world.plan.index} grasp {i} object {target}: phase "
                f"{Phase(int(r.phase[0])).name}, touched {r.first_touch[0]}, drift {1e3 * r.drift_holding[0]:.1f} mm,"
                f" turned {np.degrees(r.rotation_holding[0]):.1f} deg, lift {1e3 * r.lift_height[0]:.0f} mm, width "
                f"{1e3 * r.width[0]:.1f} mm, others moved {1e3 * np.nanmax([0, *r.displacement[0]]):.1f} mm"
            )
            strips.append(row(t, caption, int(target)))
        for n, strip in enumerate(strips):
            strip.save(args.out / f"{code.name.lower()}_{n}.png")
        stacked(strips).save(args.out / f"{code.name.lower()}.jpg", quality=85)


if __name__ == "__main__":
    main()
