"""Give a scene another number, and its assets others: every key that follows from them, the plan's too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.pack import PackedScene
from graspgen.dataset.shard_scenes import packed_hash
from graspgen.errors import DatasetError

#: Table → key columns → the bits by which a key is shifted to give its scene. Negative keys mean none.
SHIFTED: Mapping[str, Mapping[str, int]] = {
    "scenes": {"index": 0},
    "objects": {"id": 16, "scene": 0},
    "views": {"id": 16, "scene": 0},
    "annotations": {"view": 16, "object": 16},
    "keypoints": {"view": 16, "object": 16},
    "flying": {"view": 16},
    "grasps": {"id": 32, "scene": 0, "object": 16, "parent": 32},
    "grasp_views": {"grasp": 32, "view": 16},
    "trials": {"grasp": 32},
    "scene_trials": {"grasp": 32},
    "displacements": {"grasp": 32, "object": 16},
    "frames": {"id": 32, "scene": 0, "grasp": 32},
    "frame_objects": {"frame": 32, "object": 16},
    "frame_contacts": {"frame": 32, "first": 16, "second": 16},
    "frame_views": {"frame": 32, "view": 16},
    "episodes": {"id": 32, "scene": 0, "target": 16, "grasp": 32},
    "steps": {"id": 32, "episode": 32},
    "step_objects": {"step": 32, "object": 16},
    "step_views": {"step": 32, "view": 16},
}
_INDEX = re.compile(r'^(\{"seed":\d+,"index":)(\d+)(?=[,}])')
_ASSET = re.compile(r'("asset":)(\d+)')


@dataclass(frozen=True)
class Rekeying:
    """What becomes of the numbers of a run that is put beside others.

    Attributes:
        offset: what is added to the number of a scene, >= 0.
        assets: number of an asset → its number there; those that are not in it keep theirs.
        meshes: number of an asset there → path of its mesh there, where it is another one.
    """

    offset: int = 0
    assets: Mapping[int, int] = field(default_factory=dict)
    meshes: Mapping[int, str] = field(default_factory=dict)

    @property
    def is_nothing(self) -> bool:
        """Whether everything stays as it is."""
        return not self.offset and all(a == b for a, b in self.assets.items()) and not self.meshes


def rekeyed(scene: PackedScene, by: Rekeying) -> PackedScene:
    """Return a scene with other numbers; its content hash is computed again, all else stays, draws included.

    Raises:
        DatasetError: its plan is not as graspgen writes it, or an image is damaged.
    """
    if by.is_nothing:
        return scene
    columns = {table: dict(found) for table, found in scene.columns.items()}
    for table, keys in SHIFTED.items():
        for name, bits in keys.items():
            if name in columns[table]:
                values = columns[table][name]
                columns[table][name] = np.where(values >= 0, values + (by.offset << bits), values).astype(values.dtype)
    columns["objects"]["asset"] = _mapped(columns["objects"]["asset"], by.assets)
    assets = columns["assets"]
    assets["id"] = _mapped(assets["id"], by.assets)
    assets["mesh"] = _texts(by.meshes.get(int(i), m) for i, m in zip(assets["id"], assets["mesh"], strict=True))
    order = np.argsort(assets["id"], kind="stable")
    columns["assets"] = {name: values[order] for name, values in assets.items()}
    columns["scenes"]["plan"] = _texts(_plan(str(text), scene.index, by) for text in columns["scenes"]["plan"])
    changed = replace(scene, index=scene.index + by.offset, columns=columns)
    try:
        return replace(changed, digest=packed_hash(changed))
    except ValueError as error:
        raise DatasetError(f"scene {scene.index} holds {error}") from error


def _mapped(values: NDArray[Any], to: Mapping[int, int]) -> NDArray[Any]:
    return np.array([to.get(int(value), int(value)) for value in values], values.dtype)


def _texts(values: Any) -> NDArray[Any]:
    texts = list(values)
    out = np.empty(len(texts), object)
    out[:] = texts
    return out


def _plan(text: str, scene: int, by: Rekeying) -> str:
    """Change a plan's text where it names the scene or an asset; numbers are not written anew, so none is rounded."""
    found = _INDEX.match(text)
    if found is None or int(found[2]) != scene:
        raise DatasetError(f"the plan of scene {scene} is not as graspgen writes it: it does not begin with its number")
    text = f"{found[1]}{scene + by.offset}{text[found.end() :]}"
    return _ASSET.sub(lambda m: f"{m[1]}{by.assets.get(int(m[2]), int(m[2]))}", text)
