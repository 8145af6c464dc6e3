"""Minari: demonstrations as the offline dataset of its own loader, HDF5 and JSON.

Layout of github.com/Farama-Foundation/Minari, 0.5: `data/metadata.json` and `data/main_data.hdf5`, with a group
`episode_<i>` each: `observations/…` (n + 1 rows), `actions`, `rewards`, `terminations`, `truncations` (n), `infos/…`
(n + 1). Images are stored as they are (`jpeg_encoding` false), compressed without loss.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from graspgen.dataset.episode import Episode
from graspgen.dataset.reader import Dataset
from graspgen.dataset.schema import DEPTH_SCALE
from graspgen.errors import DatasetError
from graspgen.exports.demos import chosen_episodes
from graspgen.exports.folder import ExportFolder
from graspgen.exports.readme import write_readme
from graspgen.exports.registry import Format, Options

#: Version of Minari whose layout it is.
VERSION = "0.5.4"
#: Largest number of an observation: finite, as loaders of spaces like it.
_MOST, _FAR = 50.0, 10.0


class MinariOptions(Options):
    """What can be chosen."""

    outcomes: Literal["all", "success"] = "all"
    """Episodes to export: all, or those that succeeded."""
    images: bool = True
    """Whether images are exported: colour and depth, where the episodes have any."""
    dataset_id: str = Field("graspgen/demos-v0", pattern=r"^([-_\w][-_\w/]*[-_\w]+/)?[-_\w]+-v\d+$")
    """Name by which Minari knows the dataset: its folder below Minari's."""


def _export(dataset: Dataset, folder: ExportFolder, options: MinariOptions) -> None:
    keys = chosen_episodes(dataset, options.outcomes)
    rows = max(len(dataset.episode(key).objects) for key in keys)
    spaces: dict[str, Any] = {}
    total = 0
    path = folder.file("data/main_data.hdf5")
    with h5py.File(path, "w", track_order=True) as file:
        for number, key in enumerate(keys):
            folder.progress("episodes", number, len(keys))
            episode = dataset.episode(key)
            seen = _observations(dataset, episode, rows, options.images)
            found = {"observation": _space(seen), "action": _box(-1.0, 1.0, episode.action.shape[1:], "float32")}
            if spaces and found != spaces:
                raise DatasetError(
                    f"episode {key} of {dataset.path} has other actions or images than the first; Minari takes "
                    "the same of all: --set images=false leaves images out"
                )
            spaces = found
            _write(file.create_group(f"episode_{number}"), number, episode, seen)
            total += len(episode)
    folder.write_json(
        "data/metadata.json",
        {
            "total_episodes": len(keys),
            "total_steps": total,
            "data_format": "hdf5",
            "jpeg_encoding": False,
            "observation_space": json.dumps(spaces["observation"]),
            "action_space": json.dumps(spaces["action"]),
            "dataset_id": options.dataset_id,
            "minari_version": VERSION,
            "algorithm_name": "a scripted expert that plans from the labels of grasps",
            "description": f"{dataset.episodes['task'][0]}: {dataset.recipe.get('description', '')}".strip(": "),
            "requirements": ["graspgen[rl]"],
            "dataset_size": round(path.stat().st_size / 1e6, 1),
        },
        indent=1,
    )
    _readme(dataset, folder, rows, options)


def _observations(dataset: Dataset, episode: Episode, rows: int, images: bool) -> dict[str, Any]:
    pad = np.zeros((len(episode.steps), 17 * (rows - len(episode.objects))), np.float32)
    seen: dict[str, Any] = {
        "agent_pos": episode.agent_pos,
        "environment_state": np.concatenate([episode.environment_state, pad], axis=1),
    }
    if images and episode.images:
        shots: dict[str, NDArray[Any]] = {}
        for camera, of in episode.images.items():
            shots[camera] = dataset.step_views["rgb"][of]
            depth = dataset.step_views["depth"][of].astype(np.float32) * np.float32(DEPTH_SCALE)
            shots[f"{camera}_depth"] = depth[..., None]
        seen["pixels"] = shots
    return seen


def _write(group: h5py.Group, number: int, episode: Episode, seen: dict[str, Any]) -> None:
    group.attrs["id"], group.attrs["total_steps"] = number, len(episode)
    group.attrs["graspgen/episode"], group.attrs["graspgen/scene"] = episode.key, episode.scene
    group.attrs["graspgen/success"] = episode.success
    for name, values in _leaves("observations", seen):
        if values.ndim > 2:
            group.create_dataset(name, data=values, chunks=(1, *values.shape[1:]), compression="gzip", shuffle=True)
        else:
            group.create_dataset(name, data=values)
    given = {
        "actions": episode.action, "rewards": episode.reward, "terminations": episode.terminated,
        "truncations": episode.truncated, "infos/time": episode.time,
        "infos/is_success": np.concatenate([np.zeros(len(episode), bool), [episode.success]]),
    }  # fmt: skip
    for name, values in given.items():
        group.create_dataset(name, data=values)


def _leaves(name: str, tree: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    if not isinstance(tree, dict):
        yield name, tree
        return
    for key, below in tree.items():
        yield from _leaves(f"{name}/{key}", below)


def _space(tree: Any) -> dict[str, Any]:
    """Describe observations as Minari describes Gymnasium's spaces."""
    if isinstance(tree, dict):
        return {"type": "Dict", "subspaces": {name: _space(below) for name, below in tree.items()}}
    shape, kind = tree.shape[1:], str(tree.dtype)
    if kind == "uint8":
        return _box(0, 255, shape, kind)
    return _box(0.0, _FAR, shape, kind) if tree.ndim > 2 else _box(-_MOST, _MOST, shape, kind)


def _box(low: float, high: float, shape: tuple[int, ...], kind: str) -> dict[str, Any]:
    return {
        "type": "Box", "dtype": kind, "shape": list(shape), "low": np.full(shape, low).tolist(),
        "high": np.full(shape, high).tolist(),
    }  # fmt: skip


def _readme(dataset: Dataset, folder: ExportFolder, rows: int, options: MinariOptions) -> None:
    mode = dataset.episodes["action_mode"][0]
    told = [
        f"`minari.MinariDataset('OUT/data')` reads it; as {options.dataset_id} once it lies in Minari's folder.",
        f"Actions are of `action_mode={mode}`; `agent_pos` and `environment_state` ({rows} rows of objects) as "
        f"`graspgen.env` tells them: world frame, z up, metres, quaternions w x y z.",
        "`pixels/<camera>`: (H, W, 3) uint8; `pixels/<camera>_depth`: (H, W, 1) float32, planar z, m, 0 for none.",
        "`infos/is_success` is true at the end of an episode that succeeded; failures are kept with `outcomes=all`.",
    ]
    lost = ["Ids of images, poses of cameras and of objects, scenes, and the labels of grasps."]
    write_readme(folder, dataset, "Demonstrations as a Minari dataset", told, lost)


FORMAT = Format(
    "minari",
    "demonstrations (`graspgen demos`) as a Minari dataset: data/main_data.hdf5, data/metadata.json",
    MinariOptions,
    _export,
)
