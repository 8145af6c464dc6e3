"""`graspgen grippers check`: measure what a jaw does and compare it with what its file says."""

from __future__ import annotations

from dataclasses import dataclass, field

import mujoco
import numpy as np

from graspgen.errors import GripperError
from graspgen.frames import Array
from graspgen.grasps.course import SHUT, TOUCH
from graspgen.grasps.profile import Profile, load_profile
from graspgen.grasps.trial import trial_model
from graspgen.grippers.gripper import Gripper, opening_to_joints
from graspgen.grippers.pads import find_pads
from graspgen.grippers.postures import Linkage
from graspgen.objects.asset import Asset, Mesh, Part

#: Friction of the payload test.
FRICTION = 0.6
#: The load that slips, over m: m·g is so much at 2·μ·F, m/s². High, so that what slips is told from what creeps.
LOAD = 50.0
#: How far measured and stated values may differ: of a stroke (m), of times, of forces, of the payload.
STROKE_OFF, TIME_OFF, FORCE_OFF, PAYLOAD_OFF = 0.0015, 0.2, 0.05, 0.05
#: Largest motion of the pads at full force, from peak to peak, m: what the 2F-85 must keep.
CHATTER = 1e-4
#: Parts of the hand may be this deep in each other, m.
DEEP = 5e-4
#: Length of the block of the payload test along the approach, at most, m.
_SHORT = 0.008
#: How long the hand is watched after it has closed or opened, s.
_REST = 0.3
#: Speed of the opening above which it is not at rest then, m/s.
_STILL = 0.005
#: Openings, as shares of the stroke, at which the tool point is told.
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass
class GripperReport:
    """What was measured of a gripper.

    Attributes:
        name: of the gripper.
        stroke: gap between the pads when open, m; NaN where there is none.
        closed_gap: when nearly closed, m.
        least: smallest opening, m; 0 where the pads meet.
        widths, tool: (5,) openings, m, and (5, 3) tool points there, base frame, m.
        gaps: (5,) gap between the pads that rays find at those openings, m.
        closing_time, opening_time: over the whole stroke, s.
        forces: (n,) N that were asked for; pad_forces: (n,) mean of both pads, N.
        payload: (n,) load across fingers and approach at which the object slips, over 2·μ·F.
        payload_along: (n, 2) likewise along the approach, out of the hand and into it.
        payload_along_expected: (2,) what the way of the tool point lets expect.
        chatter: (n,) motion of the pads from peak to peak, m.
        collisions: parts of the hand that are in each other, told.
        failures: what is wrong; empty where the gripper is sound.
        notes: what is worth knowing.
    """

    name: str
    stroke: float = float("nan")
    closed_gap: float = float("nan")
    least: float = 0.0
    widths: Array = field(default_factory=lambda: np.zeros(0))
    tool: Array = field(default_factory=lambda: np.zeros((0, 3)))
    gaps: Array = field(default_factory=lambda: np.zeros(0))
    closing_time: float = float("nan")
    opening_time: float = float("nan")
    forces: list[float] = field(default_factory=list)
    pad_forces: list[float] = field(default_factory=list)
    payload: list[float] = field(default_factory=list)
    payload_along: list[tuple[float, float]] = field(default_factory=list)
    payload_along_expected: tuple[float, float] = (1.0, 1.0)
    chatter: list[float] = field(default_factory=list)
    collisions: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures


def check_gripper(gripper: Gripper, profile: Profile | None = None) -> GripperReport:
    """Measure a jaw: stroke, tool point, times, force at the pads, payload, stability, self-collision.

    Args:
        gripper: the hand.
        profile: how it is simulated; None for `standard`.

    Raises:
        GripperError: it is no jaw, or its joints cannot be moved from open to closed.
    """
    if gripper.suction:
        raise GripperError(f"{gripper.name} holds by suction; what is measured here is a jaw's")
    rules = profile or load_profile("standard")
    report = GripperReport(gripper.name)
    _measure_gaps(gripper, report)
    _measure_times(gripper, rules, report)
    if not any("unstable" in f for f in report.failures):
        for force in sorted({gripper.file.force, gripper.file.max_force}):
            _measure_grip(gripper, rules, force, report)
    _find_collisions(gripper, report)
    return report


def _measure_gaps(gripper: Gripper, report: GripperReport) -> None:
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


def _measure_times(gripper: Gripper, profile: Profile, report: GripperReport) -> None:
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


def _measure_grip(gripper: Gripper, profile: Profile, force: float, report: GripperReport) -> None:
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


def _find_collisions(gripper: Gripper, report: GripperReport) -> None:
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
