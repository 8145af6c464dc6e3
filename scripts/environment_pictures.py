"""Make the picture of docs/environments.md: a labelled grasp followed in the environment, seen by two cameras."""

from __future__ import annotations

import sys
from pathlib import Path

import gymnasium
import imageio.v3 as iio
import numpy as np

import graspgen.env
from graspgen.env.follow import trial_actions, trial_start
from graspgen.grasps.scene_path import Stage
from graspgen.labels.overlay import contact_sheet
from graspgen.pipeline.grasping import grasp_scene

SCENE, SIZE = 3, (240, 320)
#: m, longer than a label's, for the eye.
APPROACH = 0.15


def main(out: Path) -> None:
    env = graspgen.env.make(
        "graspgen/PickTarget-v0", obs_mode="rgb", cameras=("side", "wrist"), image_size=SIZE, shadow_size=2048,
        action_mode="delta4",
    ).unwrapped  # fmt: skip
    task = env.grasping
    env.reset(seed=0, options={"scene": SCENE})
    settled = task.place.settled
    for found in grasp_scene(settled, task.gripper, task.profile, task.scenes.recipe.grasps):
        good = np.flatnonzero((found.collision == 0) & found.labelled.results.success)
        target = found.thing.plan.instance_id
        own = settled.T_world_object[int(np.searchsorted(task.place.ids, target))]
        for i in good[:6]:
            T = own @ found.labelled.candidates.T_object_grasp[i]
            frames = follow(env, T, float(found.labelled.candidates.width[i]), target)
            if task.success:
                iio.imwrite(out, contact_sheet(*sheet(frames)), quality=85)
                return
    sys.exit("no labelled grasp of this scene succeeds")


def follow(env: gymnasium.Env, T: np.ndarray, width: float, target: int) -> list[tuple[Stage, dict]]:
    """Follow a grasp; return the stage and what was seen, after every step."""
    task = env.grasping
    chosen = {"scene": SCENE, "target": target, "T_world_tool": trial_start(task, T, APPROACH), "opening": width}
    seen, info = env.reset(seed=0, options=chosen)
    frames = [(Stage.APPROACH, seen["pixels"])]
    for action, _ in zip(trial_actions(task, T, APPROACH), range(100), strict=False):
        seen, _, done, _, info = env.step(action)
        frames.append((Stage(info["stage"]), seen["pixels"]))
        if done:
            break
    return frames


def sheet(frames: list[tuple[Stage, dict]]) -> tuple[list[np.ndarray], int, list[str]]:
    """Choose six moments, one column each; the side camera above the hand's."""
    of = {stage: [i for i, (s, _) in enumerate(frames) if s is stage] for stage in Stage}
    come, lift = of[Stage.APPROACH], of[Stage.LIFT]
    chosen = {
        "start": 0,
        "approach": come[len(come) // 2],
        "at the grasp": come[-1],
        "held": lift[0],
        "lift": lift[len(lift) // 2],
        "success": len(frames) - 1,
    }
    rows = [(name, frames[i][1][camera]) for camera in ("side", "wrist") for name, i in chosen.items()]
    return [image for _, image in rows], len(chosen), [name for name, _ in rows]


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/environments.jpg"))
