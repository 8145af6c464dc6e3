"""GraspNet's dense grasp labels: points × 300 views × 12 turns × 4 depths, with our grasps in slots of their own.

GraspNet tries every slot of every point; we tried the grasps that we proposed. So each of our grasps is a point of its
own with one slot that is filled: the view nearest to its approach, its turn exactly, one depth. The view is one of 300
fixed directions, so a grasp turns by a few degrees about its tool point; the rest is exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.exports.grasp_frames import GRASP_GRASPNET
from graspgen.exports.npz import Rows, write_npz
from graspgen.frames import Array, pose, rotation_angle

VIEWS, TURNS = 300, 12
DEPTHS = (0.01, 0.02, 0.03, 0.04)

#: Shape of the slots of a point.
SLOTS = (VIEWS, TURNS, len(DEPTHS))


@dataclass(frozen=True, eq=False)
class Slots:
    """Grasps in GraspNet's slots.

    Attributes:
        points: (n, 3) grasp points, m, object frame.
        view, turn, depth: (n,) the slot of each.
        angle: (n,) turn about the approach, rad; exact, near turn · π / 12.
        width: (n,) opening, m.
        friction: (n,) smallest friction that holds.
        tilt: (n,) how far the view turned each grasp, rad.
    """

    points: Array
    view: NDArray[np.int64]
    turn: NDArray[np.int64]
    depth: NDArray[np.int64]
    angle: Array
    width: Array
    friction: Array
    tilt: Array


def template_views() -> Array:
    """Return GraspNet's (300, 3) unit directions from the object to the hand: a Fibonacci lattice."""
    i = np.arange(VIEWS)
    z = (2 * i + 1) / VIEWS - 1
    around = 2 * np.pi * i * (np.sqrt(5) - 1) / 2
    flat = np.sqrt(1 - z**2)
    return np.stack([flat * np.cos(around), flat * np.sin(around), z], axis=-1)


def view_rotation(approach: ArrayLike, angle: ArrayLike) -> Array:
    """Return (n, 3, 3) rotations of GraspNet's frame from its approach and its turn.

    At turn 0 the closing direction is horizontal in the object's frame; straight up or down it is the object's y.
    """
    x, angle = np.asarray(approach, float), np.asarray(angle, float)
    y = np.stack([-x[:, 1], x[:, 0], np.zeros(len(x))], axis=-1)
    y[np.linalg.norm(y, axis=1) == 0] = [0, 1, 0]
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    z = np.cross(x, y)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    return np.stack([x, cos * y + sin * z, cos * z - sin * y], axis=-1)


def to_slots(T_object_grasp: Array, width: Array, friction: Array, depth: float) -> Slots:
    """Put n grasps into slots; the tool point of each stays where it is.

    Args:
        T_object_grasp: (n, 4, 4) our grasp frames.
        width: (n,) openings, m.
        friction: (n,) smallest friction that holds.
        depth: one of `DEPTHS`.
    """
    R = T_object_grasp[:, :3, :3] @ GRASP_GRASPNET
    views = template_views()
    view = np.argmax(-R[:, :, 0] @ views.T, axis=1)
    level = view_rotation(-views[view], np.zeros(len(R)))
    angle = np.arctan2(
        np.einsum("ni,ni->n", R[:, :, 1], level[:, :, 2]), np.einsum("ni,ni->n", R[:, :, 1], level[:, :, 1])
    )
    # Half a turn about the approach swaps the jaws: the turns span half a circle.
    angle = np.mod(angle + np.pi / (2 * TURNS), np.pi) - np.pi / (2 * TURNS)
    turn = np.round(angle / (np.pi / TURNS)).astype(np.int64) % TURNS
    snapped = view_rotation(-views[view], angle)
    flipped = snapped @ np.diag([1.0, -1.0, -1.0])
    tilt = np.minimum(*(rotation_angle(np.swapaxes(R, 1, 2) @ s) for s in (snapped, flipped)))
    points = T_object_grasp[:, :3, 3] - depth * snapped[:, :, 0]
    slot = np.full(len(R), DEPTHS.index(depth), np.int64)
    return Slots(points, view, turn, slot, angle, np.asarray(width, float), np.asarray(friction, float), tilt)


def from_slots(points: Array, view: NDArray[np.int64], angle: ArrayLike, depth: ArrayLike) -> tuple[Array, Array]:
    """Return (n, 4, 4) our grasp frames of slots, and the (n,) depths, m; undoes `to_slots` but for the tilt.

    Args:
        points: (n, 3) grasp points, m, object frame.
        view: (n,) number of the view.
        angle: (n,) turn, rad.
        depth: (n,) m.
    """
    depth = np.asarray(depth, float)
    R = view_rotation(-template_views()[view], angle)
    return pose(R @ GRASP_GRASPNET.T, points + depth[:, None] * R[:, :, 0]), depth


def write_grasp_label(path: Path, slots: Slots, hits: NDArray[np.bool_]) -> None:
    """Write `grasp_label/NNN_labels.npz`.

    Args:
        path: of the file.
        slots: the grasps.
        hits: (n,) whether the open hand touches the object itself.
    """
    n = len(slots.points)

    def offsets() -> Iterable[NDArray[Any]]:
        for i in range(n):
            row = np.zeros((*SLOTS, 3), np.float32)
            at = slots.view[i], slots.turn[i], slots.depth[i]
            row[at] = slots.angle[i], DEPTHS[slots.depth[i]], slots.width[i]
            yield row

    def scores() -> Iterable[NDArray[Any]]:
        for i in range(n):
            row = np.full(SLOTS, -1, np.float32)
            row[slots.view[i], slots.turn[i], slots.depth[i]] = slots.friction[i]
            yield row

    write_npz(
        path,
        {
            "points": slots.points.astype(np.float32),
            "offsets": Rows((n, *SLOTS, 3), np.float32, offsets),
            "collision": _collisions(slots, hits),
            "scores": Rows((n, *SLOTS), np.float32, scores),
        },
    )


def write_collision_labels(path: Path, parts: list[tuple[Slots, NDArray[np.bool_]]]) -> None:
    """Write `collision_label/scene_XXXX/collision_labels.npz`: an array an object, in the order of the scene's objects.

    What was not tried counts as a collision, so that nobody takes it for a grasp.
    """
    write_npz(path, {f"arr_{i}": _collisions(slots, hits) for i, (slots, hits) in enumerate(parts)})


def _collisions(slots: Slots, hits: NDArray[np.bool_]) -> Rows:
    def rows() -> Iterable[NDArray[Any]]:
        for i in range(len(slots.points)):
            row = np.ones(SLOTS, bool)
            row[slots.view[i], slots.turn[i], slots.depth[i]] = hits[i]
            yield row

    return Rows((len(slots.points), *SLOTS), bool, rows)
