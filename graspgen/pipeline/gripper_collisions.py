"""Find parts of a jaw that are in each other."""

from __future__ import annotations

import mujoco
import numpy as np

from graspgen.grippers.gripper import Gripper, opening_to_joints
from graspgen.pipeline.gripper_report import GripperReport

#: Parts of the hand may be this deep in each other, m.
DEEP = 5e-4


def find_collisions(gripper: Gripper, report: GripperReport) -> None:
    """Find parts of one finger inside the other, or inside the base, between open and closed."""
    model = gripper.spec().compile()
    data = mujoco.MjData(model)
    owner = {f: _below(model, f) for f in gripper.file.fingers}
    solid = np.flatnonzero((model.geom_contype > 0) | (model.geom_conaffinity > 0))
    base = {int(model.body(gripper.base).id), int(model.body(gripper.file.base).id)}
    groups = [[int(g) for g in solid if int(model.geom_bodyid[g]) in owner[f]] for f in gripper.file.fingers]
    groups.append([int(g) for g in solid if int(model.geom_bodyid[g]) in base])
    names = [*gripper.file.fingers, gripper.file.base]
    deepest: dict[tuple[str, str], tuple[float, float]] = {}
    widest: dict[tuple[str, str], float] = {}
    for share in (0.02, 0.25, 0.5, 0.75, 1.0):
        width = report.least + share * (gripper.file.stroke - report.least)
        for name, value in zip(gripper.joints, opening_to_joints(gripper, [width])[0], strict=True):
            data.joint(name).qpos[:] = value
        mujoco.mj_kinematics(model, data)
        for a, b in ((0, 1), (0, 2), (1, 2)):
            for g in groups[a]:
                for h in groups[b]:
                    distance = mujoco.mj_geomDistance(model, data, g, h, 0.01, None)
                    key = names[a], names[b]
                    if distance < -DEEP:
                        widest[key] = max(width, widest.get(key, 0.0))
                        deepest[key] = min(deepest.get(key, (0.0, 0.0)), (distance, width))
    for (a, b), (distance, width) in deepest.items():
        told = f"{a} is {-distance * 1e3:.1f} mm inside {b} at an opening of {width * 1e3:.0f} mm"
        report.collisions.append(told)
        # Slides run in their housings, and crude shapes may meet before the pads do; half open, fingers are clear.
        if b == names[1] and widest[a, b] >= report.least + 0.49 * (gripper.file.stroke - report.least):
            report.failures.append(f"self-collision: {told}, and still when half open")


def _below(model: mujoco.MjModel, top: str) -> set[int]:
    """Bodies that are a body or below it."""
    found = {int(model.body(top).id)}
    for body in range(1, model.nbody):
        if int(model.body_parentid[body]) in found:
            found.add(body)
    return found
