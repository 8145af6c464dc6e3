"""Clearance of the open hand at a grasp and on its straight approach, against anything that stands still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from graspgen.contact_sensor import ContactData, Reduce, add_contact_sensor
from graspgen.frames import Array, matrix_to_quat, pose, pose_to_qpos, transform_points
from graspgen.grippers.gripper import Gripper, opening_to_joints
from graspgen.objects.asset import Part
from graspgen.objects.geoms import add_parts

#: Reach to use for the object that is grasped, which the pads are always near, m.
OWN_REACH = 0.004

_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])


@dataclass(frozen=True, eq=False)
class Obstacle:
    """Convex parts that stand still at the (4, 4) pose `T_world_obstacle`."""

    parts: Sequence[Part]
    T_world_obstacle: Array


@dataclass(frozen=True, eq=False)
class Clearance:
    """What the open hand meets. Distances are negative inside and at most `reach`.

    Attributes:
        at_grasp: (n, k) distance to each obstacle at the grasp, m.
        on_approach: (n, k) smallest distance on the approach, the grasp included, up to the first touch, m.
    """

    at_grasp: Array
    on_approach: Array


def hand_clearance(
    gripper: Gripper,
    obstacles: Sequence[Obstacle],
    T_world_grasp: Array,
    width: Array,
    *,
    grip_width: Array | None = None,
    pregrasp: Array | None = None,
    approach: float,
    step: float,
    reach: float,
    ignore: NDArray[np.int64] | None = None,
    threads: int = 1,
) -> Clearance:
    """Measure the distance of the open hand to each obstacle along the approach.

    The hand starts at the grasp and backs off along −z. The next place looked at is as far away as the hand has
    clearance to what it has not touched yet, at least `step`: nothing thicker than `step` is missed, and free space
    costs a few evaluations only (conservative advancement).

    Args:
        gripper: the hand.
        obstacles: k things that stand still.
        T_world_grasp: (n, 4, 4) grasp frames.
        width: (n,) openings, m.
        grip_width: (n,) openings where the pads should meet the object, m; the grasp frame is the tool point
            there. None for `width`.
        pregrasp: (n, d) driven joints of a multi-finger hand before closing; None for those of its postures at
            the opening.
        approach: length of the approach, m.
        step: resolution, m.
        reach: distances beyond this are reported as this, m. Everything within reach costs an exact distance, so a
            small reach is cheaper among many parts, a large one in free space.
        ignore: (n,) number of the one obstacle that each grasp may touch (its distances are `reach`), or None.
        threads: native threads.
    """
    n, k = len(T_world_grasp), len(obstacles)
    at_grasp, on_approach = np.full((n, k), reach), np.full((n, k), reach)
    if n == 0 or k == 0:
        return Clearance(at_grasp, on_approach)
    model = _model(gripper, obstacles, reach)
    batch = Batch(model, n, nthread=threads)
    joints = [model.joint(f"hand/{j}").qposadr[0] for j in gripper.joints]
    batch.qpos[:, joints] = opening_to_joints(gripper, width, pregrasp)
    T_tool_base = gripper.T_tool_base(width if grip_width is None else grip_width)
    sensors = batch.bind("sensordata").reshape(n, k, 2)
    travelled = np.zeros(n)
    active = np.arange(n)
    while len(active):
        back = pose(translation=np.stack([np.zeros(len(active)), np.zeros(len(active)), -travelled[active]], 1))
        batch.qpos[active, :7] = pose_to_qpos(T_world_grasp[active] @ back @ T_tool_base[active])
        batch.forward(ids=active, stage=int(mujoco.mjtStage.mjSTAGE_POS))
        found, distance = sensors[active, :, 0], sensors[active, :, 1]
        distance = np.where(found > 0, np.minimum(distance, reach), reach)
        if ignore is not None:
            distance[np.arange(len(active)), ignore[active]] = reach
        if not travelled.any():
            at_grasp[active] = distance
        untouched = on_approach[active] >= 0
        on_approach[active] = np.where(untouched, np.minimum(on_approach[active], distance), on_approach[active])
        free = np.where(on_approach[active] >= 0, distance, np.inf).min(axis=1)
        going = np.isfinite(free) & (travelled[active] < approach)
        travelled[active] = np.minimum(travelled[active] + np.maximum(free, step), approach)
        active = active[going]
    return Clearance(at_grasp, on_approach)


def _model(gripper: Gripper, obstacles: Sequence[Obstacle], reach: float) -> mujoco.MjModel:
    """The hand on a free joint among static obstacles, with a sensor of the nearest distance to each."""
    spec = mujoco.MjSpec()
    # Contacts within the gap are reported with their distance.
    gap = {"margin": 0.0, "gap": reach}
    frame = spec.worldbody.add_frame()
    hand = gripper.trial_spec()
    for geom in hand.geoms:
        geom.margin = 0.0
    for actuator in list(hand.actuators):
        hand.delete(actuator)
    for equality in list(hand.equalities):
        hand.delete(equality)
    frame.attach_body(hand.body(gripper.base), "hand/", "").add_freejoint()
    for i, obstacle in enumerate(obstacles):
        T = obstacle.T_world_obstacle
        body = spec.worldbody.add_body(name=f"obstacle_{i}", pos=T[:3, 3], quat=matrix_to_quat(T[:3, :3]))
        parts = [as_hull(part) for part in obstacle.parts]
        add_parts(spec, body, parts, f"obstacle_{i}", priority=1, condim=1, **gap)
        add_contact_sensor(
            spec,
            f"distance_{i}",
            f"hand/{gripper.base}",
            f"obstacle_{i}",
            ContactData.FOUND | ContactData.DIST,
            Reduce.NEAREST,
        )
    return spec.compile()


def as_hull(part: Part) -> Part:
    """Return a box as the hull of its corners.

    Between two boxes MuJoCo's contacts tell the gap along a separating axis, which is less than the distance where
    corners or edges face each other (by up to 2.5 mm in 20, measured); between a box and a hull they tell the distance.
    And a capsule that pierces a box is told to be beside it (so is its `mj_geomDistance`), but not one in a hull.
    """
    if part.kind != "box":
        return part
    return Part("hull", vertices=transform_points(part.T_asset_part, _CORNERS * part.size))
