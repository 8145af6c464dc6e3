"""Make the picture of docs/arms.md: arms that follow a labelled grasp, a row each, seen by the camera `wide`."""

from __future__ import annotations

import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np

import graspgen.env
from graspgen.env.follow import trial_actions, trial_start
from graspgen.labels.overlay import contact_sheet
from graspgen.pipeline.grasping import grasp_scene

SCENE, SIZE = 3, (300, 400)
#: m, longer than a label's, for the eye.
APPROACH = 0.15


def main(out: Path, arms: list[str]) -> None:
    images: list[np.ndarray] = []
    captions: list[str] = []
    for arm in arms:
        frames = followed(arm)
        for name, i in (("start", 0), ("at the grasp", frames[1]), ("lifted", len(frames[0]) - 1)):
            images.append(frames[0][i])
            captions.append(f"{arm}, {name}")
    iio.imwrite(out, contact_sheet(images, 3, captions), quality=88)


def followed(arm: str) -> tuple[list[np.ndarray], int]:
    """Return what was seen, step by step, of the first labelled grasp from above that succeeds; when it closes."""
    env = graspgen.env.make(
        "graspgen/PickTarget-v0", obs_mode="rgb", cameras=("wide",), image_size=SIZE, shadow_size=2048, overrides=(),
        action_mode="delta7", arm=arm,
    ).unwrapped  # fmt: skip
    task = env.grasping
    env.reset(seed=0, options={"scene": SCENE})
    settled, found = task.place.settled, []
    for g in grasp_scene(settled, task.gripper, task.profile, task.scenes.recipe.grasps):
        target = g.thing.plan.instance_id
        own = settled.T_world_object[int(np.searchsorted(task.place.ids, target))]
        for i in np.flatnonzero((g.collision == 0) & g.labelled.results.success):
            T = own @ g.labelled.candidates.T_object_grasp[i]
            found.append((T[2, 2], T, float(g.labelled.candidates.width[i]), target))
    for _, T, width, target in sorted(found, key=lambda f: f[0]):
        start = trial_start(task, T, APPROACH)
        chosen = {"scene": SCENE, "target": target, "T_world_tool": start, "opening": width}
        images, closing = [env.reset(seed=0, options=chosen)[0]["pixels"]["wide"]], 0
        for action, _ in zip(trial_actions(task, T, APPROACH), range(100), strict=False):
            closing = closing or (len(images) - 1 if action[-1] < 0 else 0)
            seen, _, done, _, _ = env.step(action)
            images.append(seen["pixels"]["wide"])
            if done:
                break
        if task.success:
            return images, closing
    sys.exit(f"no labelled grasp of this scene succeeds with {arm}")


if __name__ == "__main__":
    given = sys.argv[1:] or ["docs/images/arms.jpg", "ur5e", "panda_robosuite"]
    main(Path(given[0]), given[1:])
