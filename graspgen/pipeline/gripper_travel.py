"""Measure the way of a jaw: gaps and tool points between open and closed, and the time that it takes."""

from __future__ import annotations

import mujoco
import numpy as np

from graspgen.grasps.course import SHUT
from graspgen.grasps.profile import Profile
from graspgen.grippers.gripper import Gripper, opening_to_joints
from graspgen.grippers.pads import find_pads
from graspgen.grippers.postures import Linkage
from graspgen.pipeline.gripper_report import GripperReport

#: How far measured and stated values may differ: of a stroke (m), of times (shares).
STROKE_OFF, TIME_OFF = 0.0015, 0.2
#: How long the hand is watched after it has closed or opened, s.
_REST = 0.3
#: Speed of the opening above which it is not at rest then, m/s.
_STILL = 0.005
#: Openings, as shares of the stroke, at which the tool point is told.
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def measure_gaps(gripper: Gripper, report: GripperReport) -> None:
    """Write down the gap between the pads and the tool point at several openings, and what is wrong with them."""
    file, stroke = gripper.file, gripper.file.stroke
    linkage = Linkage(gripper.spec(), gripper.base)
    report.least = float(gripper.postures.width[0])
    report.widths = report.least + np.array(SHARES) * (stroke - report.least)
    report.tool = gripper.tool_point(report.widths)
    gaps, skews = [], []
    # A little wider than closed, where the faces would touch.
    for width in [report.least + max(0.0005, 0.005 * stroke), *report.widths[1:]]:
        for name, value in zip(gripper.joints, opening_to_joints(gripper, [width])[0], strict=True):
            linkage.data.joint(name).qpos[:] = value
        pads = find_pads(linkage, file.fingers, np.eye(3)) or find_pads(linkage, file.fingers[::-1], np.eye(3))
        gaps.append(float("nan") if pads is None else pads.gap)
        skews.append(0.0 if pads is None else pads.skew)
    report.gaps = np.array(gaps)
    report.stroke, report.closed_gap = gaps[-1], gaps[0]
    if not np.isfinite(gaps).all():
        report.failures.append("the fingers do not face each other along the closing direction at every opening")
        return
    if report.stroke < 0:
        report.failures.append("fingers: they are named the wrong way round; the second one is first along `closing`")
        return
    if abs(report.stroke - stroke) > STROKE_OFF:
        report.failures.append(
            f"stroke: the file says {stroke * 1e3:.1f} mm, the open pads are {report.stroke * 1e3:.1f} mm apart"
        )
    off = np.abs(report.gaps[1:-1] - report.widths[1:-1]).max()
    if off > STROKE_OFF:
        report.failures.append(
            f"opening: the gap between the pads is up to {off * 1e3:.1f} mm off what the joints tell"
        )
    if report.least > SHUT:
        report.notes.append(f"it closes to {report.least * 1e3:.1f} mm only, and holds nothing thinner")
    if max(skews) > 0.001:
        report.notes.append(f"the pads are not parallel: the gap differs by up to {max(skews) * 1e3:.1f} mm along them")
    pads = find_pads(linkage, file.fingers, np.eye(3)) or find_pads(linkage, file.fingers[::-1], np.eye(3))
    if pads is not None:
        low, high = (pads.middle[2] + s * pads.size[1] / 2 for s in (-1, 1))
        if not low - 0.002 <= report.tool[-1, 2] <= high + 0.002:
            report.failures.append(
                f"tcp: the tool point lies {report.tool[-1, 2] * 1e3:.1f} mm along the approach, the pads of the open "
                f"hand from {low * 1e3:.1f} to {high * 1e3:.1f} mm"
            )
        for axis, told in ((0, "across"), (1, "along the closing direction")):
            off = abs(float(pads.middle[axis] - report.tool[-1, axis]))
            if off > 0.003:
                report.failures.append(f"tcp: the tool point is {off * 1e3:.1f} mm off the pads' middle {told}")


def _alone(gripper: Gripper, profile: Profile) -> mujoco.MjModel:
    spec = gripper.spec()
    profile.apply(spec)
    limit = gripper.file.force
    spec.actuator(gripper.actuator).forcerange = [-limit, limit]
    return spec.compile()


def measure_times(gripper: Gripper, profile: Profile, report: GripperReport) -> None:
    """Close from fully open, and open again."""
    file = gripper.file
    model = _alone(gripper, profile)
    data = mujoco.MjData(model)
    joints = np.array([model.joint(j).qposadr[0] for j in gripper.joints])
    rates = np.array([model.joint(j).dofadr[0] for j in gripper.joints])
    data.qpos[joints] = opening_to_joints(gripper, [file.stroke])[0]
    travel = file.stroke - report.least
    expected = travel / file.closing_speed
    times = []
    for sign in (-1, 1):
        # The servo's target starts where the hand is; pressing against a stop has moved it beyond.
        data.act[:] = float(gripper.opening(data.qpos[None, joints])[0]) + gripper.zero_length
        data.ctrl[:] = sign * file.closing_speed
        there, steps = float("nan"), round((2 * expected + 0.5) / model.opt.timestep)
        for step in range(steps):
            mujoco.mj_step(model, data)
            if _diverges(data):
                break
            opening = float(gripper.opening(data.qpos[None, joints])[0])
            # The last hundredth is left out: stops are soft.
            if opening <= report.least + 0.01 * travel if sign < 0 else opening >= report.least + 0.99 * travel:
                there = (step + 1) * model.opt.timestep
                break
        mujoco.mj_step(model, data, nstep=round(_REST / model.opt.timestep))
        rate = abs(float(gripper.opening_rate(data.qpos[None, joints], data.qvel[None, rates])[0]))
        if _diverges(data) or (np.isfinite(there) and rate > _STILL):
            report.failures.append("unstable: the hand by itself does not come to rest at the end of its way")
            return
        times.append(there)
    report.closing_time, report.opening_time = times
    for name, time in (("closing", times[0]), ("opening", times[1])):
        if not np.isfinite(time):
            report.failures.append(f"{name}: not done in {2 * expected + 0.5:.1f} s, twice what its speed lets expect")
        elif abs(time / (0.99 * expected) - 1) > TIME_OFF:
            report.failures.append(
                f"{name} takes {time:.2f} s; {travel * 1e3:.0f} mm at {file.closing_speed * 1e3:g} mm/s take "
                f"{expected:.2f} s"
            )


def _diverges(data: mujoco.MjData) -> bool:
    """Whether a simulation has met numbers that MuJoCo refuses."""
    bad = (mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQVEL, mujoco.mjtWarning.mjWARN_BADQACC)
    return not np.isfinite(data.qpos).all() or any(data.warning[int(w)].number for w in bad)
