"""`graspgen grippers check` of a multi-finger hand: it opens, closes, and holds a bar across until it slips."""

from __future__ import annotations

from dataclasses import dataclass, field

import mujoco
import numpy as np

from graspgen.frames import Array, pose
from graspgen.grasps.course import TOUCH
from graspgen.grasps.finger_close import FingerClose, finger_postures, fingers_file, mean_force, opposing
from graspgen.grasps.finger_points import HandPoints, meet
from graspgen.grasps.profile import Profile, load_profile
from graspgen.grasps.trial import trial_model
from graspgen.grippers.gripper import Gripper, opening_to_joints
from graspgen.objects.asset import Asset, Mesh, Part
from graspgen.objects.distance_grid import DistanceGrid
from graspgen.primitive_mesh import primitive_mesh

#: Friction of the bar, its radius as a share of the stroke within limits, and its half-length, m.
FRICTION, RADIUS, SMALLEST, LARGEST, HALF = 0.6, 0.14, 0.008, 0.03, 0.08
#: How far the load at which it slips may be off μ · Σ N, a share; the least of it before that is wrong and not only
#: noted; how far the times may be off, s. Coulomb's law bounds the load from above; it is less where fingers whose
#: planes are not across the bar spend friction against each other.
PAYLOAD_OFF, PAYLOAD_LEAST, TIME_OFF = 0.1, 0.5, 0.5
#: The weakest that a mean fingertip may press, of the force asked for.
WEAKEST = 0.4
#: Fingertips must not move by more while they hold, m.
CHATTER = 1e-4
#: Links of two fingers that are so much in each other are reported, m.
DEEP = 1e-3
#: Time between two looks, and for the load to grow, s; how far what slips moves, m, how fast, m/s;
#: steps of a mean.
_PERIOD, _RAMP, _SLIPS, _FAST, _MEAN = 0.01, 1.5, 0.001, 0.02, 15


@dataclass
class FingerReport:
    """What was measured of a multi-finger hand.

    Attributes:
        name: of the hand.
        stroke: its opening in the open posture, m.
        least: its opening in the grasp's posture, m.
        closing_time, opening_time: s, from open to grasp and back.
        radius: of the bar that it held, m.
        forces: asked for of each fingertip, N.
        tip_forces: mean force of the links that pressed then, N.
        links: how many pressed.
        payload: load along the bar at which it slipped, N.
        payload_ratio: that over μ times the sum of all normal forces at that moment; at most 1 by Coulomb's law, for
            all normals are across the bar, and 1 where all friction is along it.
        chatter: largest motion of a fingertip while it held, m.
        collisions: links of different fingers that are in each other, in which posture.
        failures: what is wrong; empty where the hand is sound.
        notes: what is worth knowing.
    """

    name: str
    stroke: float = float("nan")
    least: float = float("nan")
    closing_time: float = float("nan")
    opening_time: float = float("nan")
    radius: float = float("nan")
    forces: list[float] = field(default_factory=list)
    tip_forces: list[float] = field(default_factory=list)
    links: list[int] = field(default_factory=list)
    payload: list[float] = field(default_factory=list)
    payload_ratio: list[float] = field(default_factory=list)
    chatter: list[float] = field(default_factory=list)
    collisions: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures


def check_fingers(gripper: Gripper, profile: Profile | None = None) -> FingerReport:
    """Measure a multi-finger hand; what is wrong is in the report's `failures`.

    Args:
        gripper: the hand.
        profile: how it is simulated; None for `standard`.
    """
    file, hand, rules = fingers_file(gripper), finger_postures(gripper), profile or load_profile("standard")
    report = FingerReport(gripper.name, float(hand.width[-1]), float(hand.width[0]))
    if abs(report.stroke - file.stroke) > max(0.1 * file.stroke, 0.005):
        report.failures.append(
            f"stroke: the open fingertips are {report.stroke * 1e3:.0f} mm apart, the file says {file.stroke * 1e3:g}"
        )
    _measure_motion(gripper, rules, report)
    report.radius = float(np.clip(RADIUS * report.stroke, SMALLEST, LARGEST))
    for force in dict.fromkeys((file.force, file.max_force)):
        _measure_grip(gripper, rules, force, report)
    _find_collisions(gripper, report)
    return report


def _measure_motion(gripper: Gripper, profile: Profile, report: FingerReport) -> None:
    """Close the empty hand and open it again."""
    file, hand = fingers_file(gripper), finger_postures(gripper)
    spec = gripper.spec()
    profile.apply(spec)
    model = spec.compile()
    data = mujoco.MjData(model)
    joints = [model.joint(j).qposadr[0] for j in gripper.joints]
    driven = [joints[i] for i in hand.driven]
    servos = [model.actuator(s).id for s in gripper.servos]
    data.qpos[joints] = hand.full(hand.stages[:1])[0]
    reach = np.maximum(np.abs(hand.stages[2] - hand.stages[0]), 0.1)
    for name, start, end in (("closing", 0, 2), ("opening", 2, 0)):
        last, limit = 0.0, file.closing_time + 2.0
        for look in range(round(limit / _PERIOD)):
            share = min(1.0, look * _PERIOD / file.closing_time)
            data.ctrl[servos] = hand.stages[start] + share * (hand.stages[end] - hand.stages[start])
            mujoco.mj_step(model, data, nstep=max(1, round(_PERIOD / model.opt.timestep)))
            if (np.abs(data.qpos[driven] - hand.stages[end]) > 0.03 * reach).any():
                last = (look + 1) * _PERIOD
        setattr(report, f"{name}_time", last)
        off = np.abs(data.qpos[driven] - hand.stages[end]) / reach
        if not np.isfinite(data.qpos).all() or np.abs(data.qvel).max() > 0.5:
            report.failures.append(f"{name}: the hand does not come to rest")
            return
        if off.max() > 0.05:
            worst = file.joints[int(off.argmax())]
            report.failures.append(f"{name}: the joint '{worst}' does not reach its posture")
        elif abs(last - file.closing_time) > TIME_OFF:
            report.failures.append(f"{name} takes {last:.2f} s, the file says {file.closing_time:g} s")


def _bar(radius: float) -> Asset:
    """A solid cylinder along x."""
    R = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    vertices, faces = primitive_mesh("cylinder", np.array([radius, HALF, 0.0]))
    volume = np.pi * radius**2 * 2 * HALF
    across = volume / 12 * (3 * radius**2 + (2 * HALF) ** 2)
    return Asset(
        name="bar", class_name="bar", mesh=Mesh(vertices @ R.T, faces),
        parts=(Part("cylinder", np.array([radius, HALF, 0.0]), pose(R)),), volume=volume, com=np.zeros(3),
        unit_inertia=np.diag([volume * radius**2 / 2, across, across]), density=1000.0, friction=FRICTION,
        source="check",
    )  # fmt: skip


def _measure_grip(gripper: Gripper, profile: Profile, force: float, report: FingerReport) -> None:
    """Hold a bar across approach and closing direction, look how still that is, and load it until it slips."""
    file, hand = fingers_file(gripper), finger_postures(gripper)
    asset, told = _bar(report.radius), f"at {force:g} N"
    surface, start = DistanceGrid(asset.mesh.vertices, asset.mesh.faces), hand.stages[1:2]
    met = meet(surface, HandPoints(gripper), np.eye(4)[None], start, hand.stages[2:3])
    mass = 0.1
    model = trial_model(
        asset, gripper, profile, mass, asset.unit_inertia * mass / asset.volume, (FRICTION, 0.005, 0.002), force
    )
    data = mujoco.MjData(model)
    joints = [model.joint(j).qposadr[0] for j in gripper.joints]
    driven, rates = ([joints[i] for i in hand.driven], [model.joint(gripper.joints[i]).dofadr[0] for i in hand.driven])
    servos = [model.actuator(s).id for s in gripper.servos]
    data.qpos[joints] = opening_to_joints(gripper, np.zeros(1), start)[0]
    data.joint("object").qpos[:] = [*gripper.T_base_tcp[:3, 3], 1, 0, 0, 0]
    steps = max(1, round(_PERIOD / model.opt.timestep))
    close, one = (
        FingerClose(gripper, np.stack([start, met], axis=1), force, steps * model.opt.timestep),
        np.zeros(1, int),
    )
    data.ctrl[servos] = close.target[0]
    for look in range(1, int(close.longest[0]) + 200):
        mujoco.mj_step(model, data, nstep=steps)
        q, rate = data.qpos[None, driven], data.qvel[None, rates]
        close.advance(one, one + look, q, rate)
        data.ctrl[servos] = close.target[0]
    places, at = [], [model.body(t).id for t in file.tips]
    for _ in range(round(0.5 / model.opt.timestep)):
        mujoco.mj_step(model, data)
        places.append(data.xpos[at].copy())
    mujoco.mj_forward(model, data)
    links = np.array([data.sensor(TOUCH + b).data[1:4] for b in gripper.touching])[None]
    pressed = int((np.linalg.norm(links[0], axis=1) > 0.02 * force).sum())
    report.forces.append(force)
    report.links.append(pressed)
    report.tip_forces.append(float(mean_force(gripper, links)[0]))
    report.chatter.append(float(np.ptp(np.array(places), axis=0).max()))
    if not np.isfinite(data.qpos).all() or not opposing(gripper, links)[0]:
        report.payload.append(0.0)
        report.payload_ratio.append(0.0)
        what = "does not hold a bar of" if np.isfinite(data.qpos).all() else "diverges on a bar of"
        report.failures.append(f"grip {told}: it {what} {2 * report.radius * 1e3:.0f} mm at its tool point")
        return
    if report.tip_forces[-1] < WEAKEST * force:
        report.failures.append(f"force {told}: its links press with {report.tip_forces[-1]:.1f} N only")
    if report.chatter[-1] > CHATTER:
        report.failures.append(
            f"stability {told}: fingertips move by {report.chatter[-1] * 1e3:.2f} mm while they hold"
        )
    load, normal = _slips_at(model, data, 2.5 * FRICTION * _normal(model, data))
    report.payload.append(load)
    report.payload_ratio.append(load / (FRICTION * normal))
    ratio = report.payload_ratio[-1]
    if not PAYLOAD_LEAST <= ratio <= 1 + PAYLOAD_OFF:
        report.failures.append(
            f"payload {told}: it slips at {ratio:.2f} of μ·ΣN, not within {PAYLOAD_LEAST:g}…{1 + PAYLOAD_OFF:g}"
        )
    elif ratio < 1 - PAYLOAD_OFF:
        report.notes.append(
            f"payload {told}: it slips at {ratio:.2f} of μ·ΣN; part of the friction holds fingers against each other"
        )


def _normal(model: mujoco.MjModel, data: mujoco.MjData) -> float:
    """Return the sum of the normal forces of all contacts, N: they are all of hand and object."""
    total, wrench = 0.0, np.zeros(6)
    for i in range(data.ncon):
        mujoco.mj_contactForce(model, data, i, wrench)
        total += abs(float(wrench[0]))
    return total


def _slips_at(model: mujoco.MjModel, data: mujoco.MjData, most: float) -> tuple[float, float]:
    """Pull the bar along its axis ever harder; return the load while it slips, and Σ N then, N."""
    body, joint, load = model.body("object").id, data.joint("object"), 0.0
    start, steps = float(joint.qpos[0]), round(_RAMP / model.opt.timestep)
    loads, normals = [], []
    for step in range(steps):
        load = most * (step + 1) / steps
        data.xfrc_applied[body, 0] = load
        mujoco.mj_step(model, data)
        # What is left of the load for friction, while it slips: contacts come and go, so a mean.
        loads.append(load - float(model.body_mass[body]) * float(joint.qacc[0]))
        normals.append(_normal(model, data))
        if float(joint.qvel[0]) > _FAST and float(joint.qpos[0]) - start > _SLIPS:
            break
    return float(np.mean(loads[-_MEAN:])), float(np.mean(normals[-_MEAN:]))


def _find_collisions(gripper: Gripper, report: FingerReport) -> None:
    """Find links of different fingers that are in each other; before the grasp's posture that is wrong."""
    file, hand = fingers_file(gripper), finger_postures(gripper)
    model = gripper.spec().compile()
    data = mujoco.MjData(model)
    joints = [model.joint(j).qposadr[0] for j in gripper.joints]
    owner = np.full(model.nbody, -1)
    for number, finger in enumerate(file.fingers):
        top = model.body(finger).id
        for b in range(model.nbody):
            up = b
            while up and up != top:
                up = int(model.body_parentid[up])
            if up == top and top:
                owner[b] = number
    solid = [g for g in range(model.ngeom) if model.geom_contype[g] and owner[model.geom_bodyid[g]] >= 0]
    for number, stage in enumerate(("open", "pregrasp", "grasp")):
        data.qpos[joints] = hand.full(hand.stages[number : number + 1])[0]
        mujoco.mj_kinematics(model, data)
        found = {}
        for i, a in enumerate(solid):
            for b in solid[i + 1 :]:
                x, y = (int(model.geom_bodyid[g]) for g in (a, b))
                if owner[x] == owner[y]:
                    continue
                apart = float(np.linalg.norm(data.geom_xpos[a] - data.geom_xpos[b]))
                if apart > model.geom_rbound[a] + model.geom_rbound[b]:
                    continue
                depth = -mujoco.mj_geomDistance(model, data, a, b, 0.01, None)
                if depth > DEEP:
                    found[x, y] = max(found.get((x, y), 0.0), depth)
        for (x, y), depth in found.items():
            told = f"{stage}: '{model.body(x).name}' is {depth * 1e3:.1f} mm in '{model.body(y).name}'"
            report.collisions.append(told + (" where nothing is held" if stage == "grasp" else ""))
            if stage != "grasp":
                report.failures.append(f"self-collision, {told}")


def tip_places(gripper: Gripper, driven: Array) -> Array:
    """(n, f, 3) m, pads of the fingertips in the base, at (n, d) driven joints."""
    hand = HandPoints(gripper)
    return hand.look(driven)[0][:, : hand.tips] + gripper.T_base_tcp[:3, 3]
