"""Demonstrations as episodes of LeRobot v3.

- `observation.state`: `agent_pos`; `observation.environment_state`: that of the environment, rows of objects that an
  episode has not being 0 (`docs/environments.md`).
- `action`: what was done then, in −1…1, as the episode's action mode reads it.
- `next.reward`, `next.done`, `next.success`: after the action.
- `observation.images.<camera>`: colour, before the action; with `depth=true`, `observation.images.<camera>_depth`:
  planar z, m. `sim_time`: seconds since the episode began.

What is seen at the end of an episode, after the last action, has no frame of its own there, and is left out.
"""

from __future__ import annotations

from graspgen.dataset.reader import Dataset
from graspgen.errors import DatasetError
from graspgen.exports.folder import ExportFolder
from graspgen.exports.lerobot_episode import Taken
from graspgen.exports.lerobot_files import Feature
from graspgen.exports.lerobot_images import DEPTH_TOLD
from graspgen.exports.readme import write_readme
from graspgen.grasps.outcomes import Outcome

#: Names of the numbers: those of `graspgen.env.observe`, which needs MuJoCo.
AGENT = [
    "x", "y", "z", "qw", "qx", "qy", "qz", "vx", "vy", "vz", "wx", "wy", "wz", "opening", "opening_rate", "touch_left",
    "touch_right",
]  # fmt: skip
OBJECT = [
    "there", "target", "dx", "dy", "dz", "r11", "r21", "r31", "r12", "r22", "r32", "vx", "vy", "vz", "half_x", "half_y",
    "half_z",
]  # fmt: skip
_MOVES = ["x", "y", "z"]
_TURNS = ["turn_x", "turn_y", "turn_z"]
ACTIONS = {
    "delta4": [*_MOVES, "fingers"],
    "delta5": [*_MOVES, "yaw", "fingers"],
    "delta6": [*_MOVES, "yaw", "pitch", "fingers"],
    **{mode: [*_MOVES, *_TURNS, "fingers"] for mode in ("delta7", "absolute", "velocity")},
}


def fps(dataset: Dataset) -> int:
    """Return the frames a second, the same in all episodes."""
    times = dataset.steps["time"][:2]
    return max(1, round(1 / float(times[1] - times[0])))


def features(dataset: Dataset, keys: list[int]) -> dict[str, Feature]:
    """Return the features of demonstrations but those that all episodes have."""
    rows = max(len(dataset.episode(key).objects) for key in keys)
    around = ["held", "rise", *(f"{name}_{row}" for row in range(rows) for name in OBJECT)]
    numbers = ACTIONS[str(dataset.episodes["action_mode"][0])]
    return {
        "observation.state": Feature("float32", (len(AGENT),), AGENT),
        "observation.environment_state": Feature("float32", (len(around),), around),
        "action": Feature("float32", (len(numbers),), numbers),
        "next.reward": Feature("float32", (1,)),
        "next.done": Feature("bool", (1,)),
        "next.success": Feature("bool", (1,)),
        "sim_time": Feature("float32", (1,)),
    }


def episode(dataset: Dataset, key: int, cameras: dict[str, str], rows: int) -> Taken:
    """Return an episode, with so many rows of objects.

    Raises:
        DatasetError: it has not the images of the others.
    """
    found, n = dataset.episode(key), int(dataset.episodes["length"][dataset.episodes.index_of(key)])
    if missing := [camera for camera in cameras if camera not in found.images]:
        raise DatasetError(f"episode {key} has no images of '{missing[0]}'; --set images=false leaves them out")
    row = dataset.episodes.index_of(key)
    done = (found.terminated | found.truncated)[:, None]
    success = done & found.success
    return Taken(
        vectors={
            "observation.state": found.agent_pos[:n],
            "observation.environment_state": found.observations(rows)[:n, len(AGENT) :],
            "action": found.action,
            "next.reward": found.reward[:, None],
            "next.done": done,
            "next.success": success,
            "sim_time": found.time[:n, None],
        },
        images={name: found.images[camera][:n] for camera, name in cameras.items()},
        table="step_views",
        task=found.description,
        grasp=int(dataset.episodes["grasp"][row]),
        scene=found.scene,
        outcome=Outcome(int(dataset.episodes["outcome"][row])).name.lower(),
    )


def readme(dataset: Dataset, folder: ExportFolder, rate: int, depth: bool) -> None:
    """Write README.md."""
    mode = dataset.episodes["action_mode"][0]
    told = [
        f"Episodes of graspgen's scripted expert in {dataset.episodes['task'][0]}, {rate} frames a second.",
        f"`action`: what was done then, in −1…1, `action_mode={mode}`. World frame, z up, metres; quaternions w x y z.",
        "`observation.state`, `observation.environment_state`: `agent_pos` and `environment_state` of the environment.",
        "`next.reward`, `next.done`, `next.success`: after the action. `sim_time`: s since the episode began.",
        *([DEPTH_TOLD] if depth else []),
    ]
    lost = [
        "What is seen after the last action.",
        f"{'Ids' if depth else 'Depth and ids'} of the images, poses of cameras and objects, scenes, labels of grasps.",
    ]
    write_readme(folder, dataset, "Demonstrations as a LeRobot dataset", told, lost)
