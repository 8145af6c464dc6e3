"""Observation modes: which spaces they have, and how an observation is put together. Names are LeRobot's.

Distortion of a lens is not undone in point clouds: the cameras of environments have none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from graspgen.env.images import Shot, point_cloud
from graspgen.env.observe import agent_bounds, environment_bounds

ObsMode = Literal["state", "state_dict", "rgb", "depth", "rgbd", "segmentation", "pointcloud"]

#: What each mode shows of every camera: what is added to its name.
SHOWN: dict[str, tuple[str, ...]] = {
    "rgb": ("",),
    "depth": ("_depth",),
    "rgbd": ("", "_depth"),
    "segmentation": ("", "_depth", "_segmentation"),
}

#: Farthest depth that is told, m, and largest coordinates of points and cameras.
FAR, WIDE = 10.0, 20.0


def bounds(
    mode: str, rows: int, cameras: Sequence[str], size: tuple[int, int], points: int, joints: int = 0
) -> dict[str, Any]:
    """Return the entries of an observation: (low, high) arrays, in dictionaries where observations have them.

    Args:
        mode: an `ObsMode`.
        rows: of objects in the state.
        cameras: their names.
        size: height and width of images, px.
        points: in a cloud.
        joints: of the arm that carries the hand.
    """
    agent, around = agent_bounds(joints), environment_bounds(rows)
    if mode == "state":
        most = np.concatenate([agent, around])
        return {"": (-most, most)}
    found: dict[str, Any] = {"agent_pos": (-agent, agent)}
    if mode == "state_dict":
        return {**found, "environment_state": (-around, around)}
    if mode == "pointcloud":
        found["pointcloud"] = {
            "points": (np.full((points, 3), -WIDE, np.float32), np.full((points, 3), WIDE, np.float32)),
            "rgb": (np.zeros((points, 3), np.uint8), np.full((points, 3), 255, np.uint8)),
            "segmentation": (np.zeros(points, np.uint8), np.full(points, 255, np.uint8)),
        }
    else:
        image: dict[str, Callable[[], tuple[NDArray, NDArray]]] = {
            "": lambda: (np.zeros((*size, 3), np.uint8), np.full((*size, 3), 255, np.uint8)),
            "_depth": lambda: (np.zeros((*size, 1), np.float32), np.full((*size, 1), FAR, np.float32)),
            "_segmentation": lambda: (np.zeros((*size, 1), np.uint8), np.full((*size, 1), 255, np.uint8)),
        }
        found["pixels"] = {name + end: image[end]() for name in cameras for end in SHOWN[mode]}
    K, T = np.full((3, 3), 1e5, np.float32), np.full((4, 4), WIDE, np.float32)
    found["cameras"] = {}
    for name in cameras:
        found["cameras"][f"{name}_K"] = (np.zeros_like(K), K.copy())
        found["cameras"][f"{name}_T_world_camera"] = (-T, T.copy())
    return found


def observation(mode: str, agent: NDArray, shots: list[Shot], points: int) -> dict[str, Any]:
    """Return an observation with images, of arrays of its own.

    Args:
        mode: an `ObsMode` that shows images, or a cloud.
        agent: `agent_pos`.
        shots: what the cameras see.
        points: in a cloud.
    """
    found: dict[str, Any] = {"agent_pos": agent}
    if mode == "pointcloud":
        found["pointcloud"] = dict(zip(("points", "rgb", "segmentation"), point_cloud(shots, points), strict=True))
    else:
        found["pixels"] = {s.name + end: _shown(s, end) for s in shots for end in SHOWN[mode]}
    found["cameras"] = cameras_of(shots)
    return found


def cameras_of(shots: list[Shot]) -> Mapping[str, NDArray[np.float32]]:
    """Return K, (3, 3) px, and T_world_camera, (4, 4), of each camera."""
    told: dict[str, NDArray[np.float32]] = {}
    for s in shots:
        told[f"{s.name}_K"] = s.K.astype(np.float32)
        told[f"{s.name}_T_world_camera"] = s.T_world_camera.astype(np.float32)
    return told


def _shown(shot: Shot, end: str) -> NDArray:
    match end:
        case "":
            return shot.rgb
        case "_depth":
            return np.minimum(shot.depth, np.float32(FAR))[..., None]
        case _:
            return shot.instances[..., None]
