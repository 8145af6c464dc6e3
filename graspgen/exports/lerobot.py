"""LeRobot v3: recorded trials as episodes, in Parquet with embedded PNGs.

Layout: `meta/info.json`, `meta/stats.json`, `meta/tasks.parquet`, `meta/episodes/…` and `data/…` of codebase version
v3.0 of github.com/huggingface/lerobot. An episode is one that the expert played (`lerobot_demos`), or a
trial in the scene that was recorded (`views.sequence`). Of trials: world frame, metres, quaternions w x y z:

- `observation.state`: pose of the tool point and opening of the fingers; `action`: that of the next frame, to
  which the hand goes (the last one stays).
- `observation.environment_state`: pose of the object to grasp.
- `observation.images.<camera>`: colour; with `depth=true`, `observation.images.<camera>_depth`: planar z, m, 0 for
  none.
- `next.done`, `next.success`: at the last frame, and whether the trial succeeded.
- `sim_time`: seconds since the approach began. `timestamp` counts frames at `fps`, as LeRobot demands.

The last frame of a trial is its end, which may follow sooner than the others; such a frame is left out.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from graspgen.dataset.reader import Dataset
from graspgen.dataset.tables import TableReader
from graspgen.errors import DatasetError
from graspgen.exports import lerobot_demos, lerobot_stats
from graspgen.exports.demos import chosen_episodes
from graspgen.exports.folder import ExportFolder
from graspgen.exports.lerobot_episode import Taken
from graspgen.exports.lerobot_files import DATA_PATH, DataFiles, Feature, write_episodes, write_tasks
from graspgen.exports.lerobot_images import DEPTH, DEPTH_TOLD, camera_features, depth_features, pictures_of
from graspgen.exports.lerobot_stats import Stats
from graspgen.exports.readme import write_readme
from graspgen.exports.registry import Format, Options
from graspgen.frames import Array, matrix_to_quat
from graspgen.grasps.outcomes import Outcome

VERSION = "v3.0"
_POSE = ["x", "y", "z", "qw", "qx", "qy", "qz"]
_COUNTED = ("timestamp", "frame_index", "episode_index", "index", "task_index")


class LeRobotOptions(Options):
    """What can be chosen."""

    source: Literal["auto", "trials", "demos"] = "auto"
    """What episodes are: recorded trials or demonstrations; auto takes demonstrations where there are any."""
    outcomes: Literal["all", "success"] = "all"
    """Episodes to export: all, or those that succeeded."""
    images: bool = True
    """Whether images are exported; without them the files hold poses only."""
    depth: bool = False
    """Whether depth is exported beside colour: float32 metres in TIFF, as LeRobot stores raw depth since it knows any
    (release 0.4.4 reads it as images of one channel, and its policies take colour only)."""
    file_mb: int = Field(100, ge=1)
    """A file of data is closed when it holds this many megabytes."""


def _export(dataset: Dataset, folder: ExportFolder, options: LeRobotOptions) -> None:
    demos = options.source == "demos" or (options.source == "auto" and len(dataset.episodes) > 0)
    keys = chosen_episodes(dataset, options.outcomes) if demos else _chosen(dataset, options)
    fps = lerobot_demos.fps(dataset) if demos else _fps(dataset, keys)
    seen = (dataset.episode(keys[0]) if demos else dataset.sequence(keys[0])).images if options.images else {}
    cameras = camera_features(seen)
    depths = depth_features(cameras) if options.depth else {}
    features = lerobot_demos.features(dataset, keys) if demos else _features()
    features |= _shared_features(dataset.step_views if demos else dataset.frame_views, cameras, depths)
    rows_of_objects = max(len(dataset.episode(key).objects) for key in keys) if demos else 0
    tasks: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    parts: list[dict[str, Stats]] = []
    start = 0
    with DataFiles(folder, features, options.file_mb) as files:
        for number, key in enumerate(keys):
            folder.progress("episodes", number, len(keys))
            if demos:
                episode = lerobot_demos.episode(dataset, key, cameras, rows_of_objects)
            else:
                episode = _episode(dataset, key, cameras)
            task = tasks.setdefault(episode.task, len(tasks))
            n = len(episode)
            counted = {
                "timestamp": np.arange(n) / fps,
                "frame_index": np.arange(n),
                "episode_index": np.full(n, number),
                "index": start + np.arange(n),
                "task_index": np.full(n, task),
            }
            vectors = episode.vectors | {name: column[:, None] for name, column in counted.items()}
            pictures, stats = pictures_of(dataset, episode, depths)
            where = files.write(vectors, pictures)
            stats = {name: lerobot_stats.of_values(column) for name, column in vectors.items()} | stats
            rows.append(
                {
                    "episode_index": number,
                    "tasks": [episode.task],
                    "length": n,
                    "data/chunk_index": where[0],
                    "data/file_index": where[1],
                    "dataset_from_index": start,
                    "dataset_to_index": start + n,
                    "graspgen/scene": episode.scene,
                    "graspgen/grasp": episode.grasp,
                    "graspgen/outcome": episode.outcome,
                }
            )
            parts.append(stats)
            start += n
    write_episodes(folder, rows, parts)
    write_tasks(folder, list(tasks))
    total = {name: lerobot_stats.together([part[name] for part in parts]) for name in parts[0]}
    plain = {name: {k: v.tolist() for k, v in stats.items()} for name, stats in total.items()}
    folder.write_json("meta/stats.json", plain, indent=4)
    folder.write_json("meta/info.json", _info(dataset, keys, fps, features, len(tasks), start, options), indent=4)
    if demos:
        lerobot_demos.readme(dataset, folder, fps, bool(depths))
    else:
        _write_readme(dataset, folder, fps, bool(depths))


def _chosen(dataset: Dataset, options: LeRobotOptions) -> list[int]:
    keys = dataset.sequences()
    if not len(keys):
        raise DatasetError(
            f"{dataset.path} has no recorded trials and no demonstrations; generate with --set grasps.in_scene.share=1 "
            "--set views.sequence.per_scene=2, or make some with `graspgen demos`"
        )
    if options.outcomes == "success":
        rows = np.searchsorted(dataset.grasps["id"], keys)
        keys = keys[dataset.grasps["outcome_in_scene"][rows] == int(Outcome.SUCCESS)]
        if not len(keys):
            raise DatasetError(f"none of the recorded trials of {dataset.path} succeeded; --set outcomes=all")
    return keys.tolist()


def _fps(dataset: Dataset, keys: list[int]) -> int:
    """Return the frames a second, the same for all trials, to a whole number."""
    rows = np.flatnonzero(np.isin(dataset.frames["grasp"], keys))
    same = np.diff(dataset.frames["grasp"][rows]) == 0
    steps = np.diff(dataset.frames["time"][rows])[same]
    return max(1, round(1 / float(np.median(steps)))) if len(steps) else 1


def _features() -> dict[str, Feature]:
    state = [*_POSE, "opening"]
    return {
        "observation.state": Feature("float32", (8,), state),
        "observation.environment_state": Feature("float32", (7,), _POSE),
        "action": Feature("float32", (8,), state),
        "next.done": Feature("bool", (1,)),
        "next.success": Feature("bool", (1,)),
        "sim_time": Feature("float32", (1,)),
    }


def _shared_features(views: TableReader, cameras: dict[str, str], depths: dict[str, str]) -> dict[str, Feature]:
    found: dict[str, Feature] = {}
    if cameras:
        height, width = views["rgb"].shape[1:3]
        for name in cameras.values():
            found[name] = Feature("image", (height, width, 3), ["height", "width", "channels"])
        for name in depths.values():
            found[name] = Feature("image", (height, width, 1), ["height", "width", "channels"], DEPTH)
    found |= {name: Feature("float32" if name == "timestamp" else "int64", (1,)) for name in _COUNTED}
    return found


def _episode(dataset: Dataset, key: int, cameras: dict[str, str]) -> Taken:
    sequence = dataset.sequence(key)
    row = dataset.grasps.index_of(key)
    target = int(dataset.grasps["object"][row])
    steps = np.diff(sequence.time)
    last = len(sequence)
    if last > 2 and steps[-1] < 0.99 * steps[0]:
        last -= 1
    at = int(np.searchsorted(sequence.objects, target))
    state = np.concatenate([_pose(sequence.T_world_tool[:last]), sequence.opening[:last, None]], axis=1)
    outcome = Outcome(int(dataset.grasps["outcome_in_scene"][row]))
    done = np.arange(last)[:, None] == last - 1
    asset = dataset.assets.index_of(int(dataset.objects["asset"][dataset.objects.index_of(target)]))
    missing = [camera for camera in cameras if camera not in sequence.images]
    if missing:
        raise DatasetError(
            f"the recorded trial of grasp {key} has no images of camera '{missing[0]}', and all episodes must have the "
            "same; --set images=false leaves them out"
        )
    return Taken(
        vectors={
            "observation.state": state,
            "observation.environment_state": _pose(sequence.T_world_object[:last, at]),
            "action": np.concatenate([state[1:], state[-1:]]),
            "next.done": done,
            "next.success": done & (outcome is Outcome.SUCCESS),
            "sim_time": sequence.time[:last, None],
        },
        images={name: sequence.images[camera][:last] for camera, name in cameras.items()},
        table="frame_views",
        task=f"grasp the {str(dataset.assets['class_name'][asset]).replace('_', ' ')}",
        grasp=key,
        scene=sequence.scene,
        outcome=outcome.name.lower(),
    )


def _pose(T: Array) -> Array:
    """Return (n, 7) positions and quaternions w x y z, without jumps of the quaternions' sign."""
    q = matrix_to_quat(T[:, :3, :3])
    turned = np.cumprod(np.where((q[1:] * q[:-1]).sum(axis=1) < 0, -1.0, 1.0))
    q[1:] *= turned[:, None]
    return np.concatenate([T[:, :3, 3], q], axis=1)


def _info(
    dataset: Dataset,
    keys: list[int],
    fps: int,
    features: dict[str, Feature],
    tasks: int,
    frames: int,
    options: LeRobotOptions,
) -> dict[str, Any]:
    names = sorted(set(dataset.grippers["name"].tolist()))
    return {
        "codebase_version": VERSION,
        "robot_type": " ".join(names) or None,
        "total_episodes": len(keys),
        "total_frames": frames,
        "total_tasks": tasks,
        "chunks_size": 1000,
        "data_files_size_in_mb": options.file_mb,
        "video_files_size_in_mb": 200,
        "fps": fps,
        "splits": {"train": f"0:{len(keys)}"},
        "data_path": DATA_PATH,
        "video_path": None,
        "features": {name: feature.described() for name, feature in features.items()},
    }


def _write_readme(dataset: Dataset, folder: ExportFolder, fps: int, depth: bool) -> None:
    frames = [
        f"An episode is a recorded trial of a grasp in its scene, {fps} frames a second; `graspgen/…` in "
        "`meta/episodes` says which, and what became of it.",
        "World frame, z up, metres; quaternions w x y z.",
        "`observation.state`: pose of the tool point between the fingers (z approach, y closing direction) and their "
        "opening. `action`: the state of the next frame; that of the last frame stays.",
        "`observation.environment_state`: pose of the object to grasp, in the frame of its mesh.",
        "`sim_time`: seconds since the approach began. `timestamp` counts frames.",
        *([DEPTH_TOLD] if depth else []),
    ]
    lost = [
        f"Other objects, contacts, velocities, {'' if depth else 'depth and '}ids of the frames, poses of the cameras.",
        "The end of a trial where it followed sooner than a whole frame.",
    ]
    write_readme(folder, dataset, "Recorded trials as a LeRobot dataset", frames, lost)


FORMAT = Format(
    "lerobot",
    "demonstrations or recorded trials, LeRobot v3 (Parquet, embedded PNGs); needs `pip install 'graspgen[tables]'`",
    LeRobotOptions,
    _export,
)
