"""Measure what a jaw holds: force at the pads, chatter, and the load at which a block slips."""

from __future__ import annotations

import mujoco
import numpy as np

from graspgen.frames import Array
from graspgen.grasps.course import TOUCH
from graspgen.grasps.profile import Profile
from graspgen.grasps.trial import trial_model
from graspgen.grippers.gripper import Gripper, opening_to_joints
from graspgen.objects.asset import Asset, Mesh, Part
from graspgen.pipeline.gripper_report import GripperReport

#: Friction of the payload test.
FRICTION = 0.6
#: The load that slips, over m: m·g is so much at 2·μ·F, m/s². High, so that what slips is told from what creeps.
LOAD = 50.0
#: How far forces and payloads may be off, as shares.
FORCE_OFF, PAYLOAD_OFF = 0.05, 0.05
#: Largest motion of the pads at full force, from peak to peak, m: what the 2F-85 must keep.
CHATTER = 1e-4
#: Length of the block of the payload test along the approach, at most, m.
_SHORT = 0.008


def measure_grip(gripper: Gripper, profile: Profile, force: float, report: GripperReport) -> None:
    """Close on a block at a force; measure the force of the pads, their chatter, and the load at which it slips."""
    file = gripper.file
    side = max(min(0.03, 0.5 * file.stroke), report.least + 0.1 * (file.stroke - report.least))
    mass = 2 * FRICTION * force / LOAD
    # Short along the approach: pads that are not quite parallel touch it near its middle all the same.
    asset = _block((min(file.pad[0], 0.03), side, min(file.pad[1], _SHORT)))
    model = _held_model(asset, gripper, profile, mass, force)
    data, held = _held(model, gripper, profile, side)
    joints = np.array([model.joint(j).qposadr[0] for j in gripper.joints])
    openings = []
    for _ in range(round(0.5 / model.opt.timestep)):
        mujoco.mj_step(model, data)
        openings.append(float(gripper.opening(data.qpos[None, joints])[0]))
    report.forces.append(force)
    report.chatter.append(float(np.ptp(openings)))
    touch = [model.sensor(TOUCH + f).adr[0] for f in file.fingers]
    found = [abs(float(data.sensordata[at + 2])) for at in touch]
    report.pad_forces.append(float(np.mean(found)))
    told = f"at {force:g} N"
    if not all(data.sensordata[at] > 0 for at in touch):
        report.failures.append(f"grip {told}: it does not hold a block of {side * 1e3:.0f} mm between its pads")
        report.payload.append(0.0)
        report.payload_along.append((0.0, 0.0))
        return
    if abs(report.pad_forces[-1] / force - 1) > FORCE_OFF:
        report.failures.append(f"force {told}: the pads press with {report.pad_forces[-1]:.1f} N")
    if report.chatter[-1] > CHATTER:
        report.failures.append(f"stability {told}: the pads move by {report.chatter[-1] * 1e3:.2f} mm while they hold")
    slips = [_slips_at(model, held, np.array(way)) for way in ((1, 0, 0), (0, 0, 1), (0, 0, -1))]
    report.payload.append(slips[0])
    report.payload_along.append((slips[1], slips[2]))
    if abs(slips[0] - 1) > PAYLOAD_OFF:
        report.failures.append(f"payload {told}: it slips at {slips[0]:.2f} of 2·μ·F")
    # The tool point moves along the approach by s per opening: a load there does work against the drive.
    slope = float(np.diff(gripper.tool_point([side - 5e-4, side + 5e-4])[:, 2])[0] / 1e-3)
    report.payload_along_expected = (1 / (1 + 2 * FRICTION * slope), 1 / (1 - 2 * FRICTION * slope))


def _block(sides: tuple[float, float, float]) -> Asset:
    """A solid box with the given sides, m, along the grasp's axes."""
    x, y, z = sides
    corners = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)]) * np.array(sides) / 2
    faces = np.array([[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6],
                      [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]])  # fmt: skip
    volume = x * y * z
    inertia = volume / 12 * np.diag([y**2 + z**2, x**2 + z**2, x**2 + y**2])
    return Asset(
        name="block", class_name="block", mesh=Mesh(corners, faces), parts=(Part("box", np.array(sides) / 2),),
        volume=volume, com=np.zeros(3), unit_inertia=inertia, density=1000.0, friction=FRICTION, source="check",
    )  # fmt: skip


def _held_model(asset: Asset, gripper: Gripper, profile: Profile, mass: float, force: float) -> mujoco.MjModel:
    inertia = asset.unit_inertia * mass / asset.volume
    return trial_model(asset, gripper, profile, mass, inertia, (FRICTION, 0.005, 0.002), force)


def _held(model: mujoco.MjModel, gripper: Gripper, profile: Profile, side: float) -> tuple[mujoco.MjData, Array]:
    """Close on the block; return the simulation and its state (`mjSTATE_INTEGRATION`)."""
    data = mujoco.MjData(model)
    width = min(side + 0.01, gripper.file.stroke)
    for name, value in zip(gripper.joints, opening_to_joints(gripper, [width])[0], strict=True):
        data.joint(name).qpos[:] = value
    data.joint("object").qpos[:] = [*gripper.tool_point(side), 1, 0, 0, 0]
    data.act[:] = width + gripper.zero_length
    data.ctrl[:] = -gripper.file.closing_speed
    time = (width - side) / gripper.file.closing_speed + profile.protocol.close_time_limit + 0.5
    mujoco.mj_step(model, data, nstep=round(time / model.opt.timestep))
    state = np.zeros(mujoco.mj_stateSize(model, int(mujoco.mjtState.mjSTATE_INTEGRATION)))
    mujoco.mj_getState(model, data, state, int(mujoco.mjtState.mjSTATE_INTEGRATION))
    return data, state


def _slips_at(model: mujoco.MjModel, state: Array, way: Array) -> float:
    """Return the load in a direction at which the block slips, over 2·μ·F, by halving between 0 and 2."""
    data, body = mujoco.MjData(model), model.body("object").id
    mass = float(model.body_mass[body])
    low, high = 0.0, 2.0
    for _ in range(9):
        share = (low + high) / 2
        mujoco.mj_setState(model, data, state, int(mujoco.mjtState.mjSTATE_INTEGRATION))
        start = data.joint("object").qpos[:3].copy()
        data.xfrc_applied[body, :3] = share * LOAD * mass * way
        mujoco.mj_step(model, data, nstep=round(0.25 / model.opt.timestep))
        slips = abs(float((data.joint("object").qpos[:3] - start) @ way)) > 0.003
        low, high = (low, share) if slips else (share, high)
    return low
