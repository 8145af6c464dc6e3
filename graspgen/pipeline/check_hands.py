"""`graspgen check`: collisions of the open hand, measured again at a sample of the stored grasps.

Labels come from contacts that look ahead and from steps as long as the way is free (`grasps.clearance`). Here the hand
goes in many equal steps, and at each the distance of every pair of convex parts is computed by itself
(`mj_geomDistance`). Both must agree on what is touched, and the stored clearance must lie between the smallest distance
on the way and the distance at the grasp. It needs MuJoCo, which the rest of the check does not.
"""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.dataset.violations import Report, Violation
from graspgen.errors import GraspgenError
from graspgen.frames import Array, matrix_to_quat, pose, pose_to_qpos
from graspgen.grasps.candidates import unpacked
from graspgen.grasps.clearance import as_hull
from graspgen.grasps.finger_close import finger_postures
from graspgen.grasps.outcomes import Collision
from graspgen.grippers.gripper import Gripper, opening_to_joints
from graspgen.objects.asset import Part
from graspgen.objects.geoms import add_parts
from graspgen.pipeline.grasping import SCENE_REACH
from graspgen.pipeline.stored import stored_gripper, stored_recipe
from graspgen.pipeline.stored_scene import stored_scene

#: Grasps that are looked at by default.
SAMPLE = 64
#: Steps on the way.
STEPS = 50
#: Contacts shallower or gaps narrower than this may count as either, and distances may differ by it, m, and by this
#: share: contacts that look ahead tell some distances up to 5 % too large (measured against exact ones).
TOLERANCE, SHARE = 3e-4, 0.06

_TOUCHES = (
    (Collision.SUPPORT_AT_GRASP, "support", True),
    (Collision.NEIGHBOUR_AT_GRASP, "neighbour", True),
    (Collision.TARGET_AT_GRASP, "target", True),
    (Collision.SUPPORT_ON_APPROACH, "support", False),
    (Collision.NEIGHBOUR_ON_APPROACH, "neighbour", False),
    (Collision.TARGET_ON_APPROACH, "target", False),
)


def check_hands(path: str | Path, sample: int = SAMPLE) -> list[Violation]:
    """Measure again what the open hand touches, at about `sample` grasps spread over the scenes of a dataset.

    Args:
        path: the dataset's folder.
        sample: how many grasps to look at; all where there are fewer.

    Raises:
        DatasetError: the path is no dataset, or this graspgen cannot use its recipe or gripper.
    """
    report = Report()
    with open_dataset(path) as dataset:
        rows = np.flatnonzero(dataset.grasps["scene"] >= 0)
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(sample, len(rows))).round().astype(int))]
        if not len(rows):
            return []
        report.where = dataset.path.name
        gripper, approach = stored_gripper(dataset), stored_recipe(dataset).grasps.approach
        if gripper.fingered:
            _check_joints(report, dataset, gripper)
        for scene in np.unique(dataset.grasps["scene"][rows]).tolist():
            mine = rows[dataset.grasps["scene"][rows] == scene]
            try:
                _check_scene(report, dataset, gripper, approach, scene, mine)
            except GraspgenError as error:
                report.add(f"not measured again in scene {scene}: {error}", "grasps", "collision")
    return report.violations


def _check_joints(report: Report, dataset: Dataset, gripper: Gripper) -> None:
    """Check that the driven joints of all grasps are within their ranges."""
    low, high = finger_postures(gripper).limits.T
    joints = unpacked(dataset.grasps["fingers"][:])
    out = ~((joints >= low - 1e-6) & (joints <= high + 1e-6)).all(axis=(1, 2))
    for row in np.flatnonzero(out).tolist():
        report.add("a joint is out of its range", "grasps", "fingers", row, int(dataset.grasps["id"][row]))


def _check_scene(
    report: Report, dataset: Dataset, gripper: Gripper, approach: float, scene: int, rows: NDArray[np.int64]
) -> None:
    settled = stored_scene(dataset, scene)
    objects = settled.world.objects
    things = [(settled.world.support, np.eye(4))]
    things += [(o.asset.parts, T) for o, T in zip(objects, settled.T_world_object, strict=True)]
    hand = Hand(gripper, things)
    grasps = dataset.grasps.rows(rows)
    place = {o.plan.instance_id: i for i, o in enumerate(objects)}
    for i, row in enumerate(rows.tolist()):
        target = place[int(grasps["object"][i]) & 0xFFFF]
        T = settled.T_world_object[target] @ grasps["T_object_grasp"][i]
        driven = unpacked(grasps["fingers"][i : i + 1])[0, 0]
        at, way = hand.distances(
            T, float(grasps["width"][i]), float(grasps["grip_width"][i]), approach, SCENE_REACH, driven
        )
        others = np.delete(np.arange(1, len(things)), target)
        groups = {"support": [0], "neighbour": others.tolist(), "target": [target + 1]}
        key = int(grasps["id"][i])
        for bit, group, here in _TOUCHES:
            found = float((at if here else way)[groups[group]].min(initial=SCENE_REACH))
            stored = bool(grasps["collision"][i] & int(bit))
            if stored != (found < 0) and abs(found) > TOLERANCE:
                what = f"{'' if stored else 'not '}set, the open hand is {found * 1e3:.2f} mm from there"
                report.add(f"{bit.name.lower()} is {what}", "grasps", "collision", row, key)
        free = groups["support"] + groups["neighbour"]
        low, high = float(way[free].min()), float(at[free].min())
        given = float(grasps["clearance"][i])
        if low > TOLERANCE and not (1 - SHARE) * low - TOLERANCE <= given <= (1 + SHARE) * high + TOLERANCE:
            text = f"{given * 1e3:.2f} mm, measured again {low * 1e3:.2f} on the way, {high * 1e3:.2f} at the grasp"
            report.add(text, "grasps", "clearance", row, key)


class Hand:
    """The open hand among things that stand still.

    Args:
        gripper: the hand.
        things: convex parts and the (4, 4) pose of each thing.
    """

    def __init__(self, gripper: Gripper, things: list[tuple[tuple[Part, ...], Array]]) -> None:
        spec = mujoco.MjSpec()
        spec.worldbody.add_frame().attach_body(gripper.spec().body(gripper.base), "hand/", "").add_freejoint()
        for i, (parts, T) in enumerate(things):
            body = spec.worldbody.add_body(name=f"thing_{i}", pos=T[:3, 3], quat=matrix_to_quat(T[:3, :3]))
            add_parts(spec, body, [as_hull(part) for part in parts], f"thing_{i}")
        for element in [*spec.actuators, *spec.equalities]:
            spec.delete(element)
        self._gripper, self._count = gripper, len(things)
        self._model = spec.compile()
        self._data = mujoco.MjData(self._model)
        roots = self._model.body_rootid[self._model.geom_bodyid]
        first = self._model.body("thing_0").id
        solid = (self._model.geom_contype > 0) | (self._model.geom_conaffinity > 0)
        self._hand = np.flatnonzero(solid & (roots == self._model.body(f"hand/{gripper.base}").id))
        self._things = np.flatnonzero(roots >= first)
        self._thing = roots[self._things] - first
        self._joints = [self._model.joint(f"hand/{j}").qposadr[0] for j in gripper.joints]

    def distances(
        self,
        T_world_grasp: Array,
        width: float,
        grip_width: float,
        approach: float,
        reach: float,
        pregrasp: Array | None = None,
    ) -> tuple[Array, Array]:
        """Return the (k,) distances of the open hand to each thing at a grasp, and the smallest on its approach, m.

        Args:
            T_world_grasp: (4, 4) grasp frame.
            width: opening, m.
            grip_width: opening where the pads should meet the object, m.
            approach: length of the approach, m.
            reach: what is farther away is reported as this, m.
            pregrasp: (d,) driven joints of a multi-finger hand before closing; None for other grippers.
        """
        driven = None if pregrasp is None else pregrasp[None]
        self._data.qpos[self._joints] = opening_to_joints(self._gripper, np.array([width]), driven)[0]
        T_tool_base = self._gripper.T_tool_base(grip_width)
        way = np.stack(
            [
                self._at(T_world_grasp @ pose(translation=[0, 0, -back]) @ T_tool_base, reach)
                for back in np.linspace(0, approach, STEPS + 1)
            ]
        )
        return way[0], way.min(axis=0)

    def _at(self, T_world_base: Array, reach: float) -> Array:
        model, data = self._model, self._data
        data.qpos[:7] = pose_to_qpos(T_world_base)
        mujoco.mj_kinematics(model, data)
        gap = np.linalg.norm(data.geom_xpos[self._hand][:, None] - data.geom_xpos[self._things], axis=2)
        gap -= model.geom_rbound[self._hand][:, None] + model.geom_rbound[self._things]
        unbounded = model.geom_rbound[self._things] == 0  # a plane
        out = np.full(self._count, reach)
        for h, t in np.argwhere((gap < reach) | unbounded).tolist():
            distance = mujoco.mj_geomDistance(model, data, int(self._hand[h]), int(self._things[t]), reach, None)
            out[self._thing[t]] = min(out[self._thing[t]], distance)
        return out
