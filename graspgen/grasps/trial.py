"""The free-space trial: close on a free object, then accelerate the hand in every direction and watch the object.

The hand's base stands still, so its frame is the world; an acceleration of the hand is a gravity of the simulation.
Every candidate is one simulation of a `mujoco.batch.Batch` and runs through its phases on its own; one that has failed
stops costing steps. Results do not depend on the number of threads or on the other candidates.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import mujoco
import numpy as np
from mujoco.batch import Batch, SimulationError
from numpy.typing import ArrayLike, NDArray

from graspgen.contact_sensor import ContactData, Reduce, add_contact_sensor
from graspgen.frames import Array, inverse, pose_to_qpos, quat_to_matrix, rotation_angle
from graspgen.grasps.clearance import Obstacle, hand_clearance
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.profile import Profile
from graspgen.grippers.gripper import Gripper, opening_to_joints
from graspgen.objects.asset import Asset
from graspgen.objects.geoms import add_parts, set_inertial


@dataclass(frozen=True, eq=False)
class TrialResults:
    """What happened to each of n grasps. NaN where a trial did not get that far.

    Attributes:
        outcome: (n,) `Outcome`.
        phase: (n,) `Phase` that the trial reached.
        time_to_failure: (n,) s from the start of the disturbances.
        failed_direction: (n,) number of the disturbance that broke it, −1 for none.
        drift_closing, rotation_closing: (n,) m and rad, motion of the object while closing, hand frame.
        drift_holding, rotation_holding: (n,) m and rad, largest motion since the close.
        grip_force: (n,) N, mean normal force of the two fingers after closing.
        width: (n,) m, opening after closing.
        peak_acceleration: (n,) m/s², largest acceleration that was applied.
        held_acceleration: (n,) m/s², largest acceleration that held; 0 if none did.
        target_at_grasp, target_on_approach: (n,) m, clearance of the open hand to the object.
        steps: (n,) simulated steps.
    """

    outcome: NDArray[np.uint8]
    phase: NDArray[np.uint8]
    time_to_failure: Array
    failed_direction: NDArray[np.int8]
    drift_closing: Array
    rotation_closing: Array
    drift_holding: Array
    rotation_holding: Array
    grip_force: Array
    width: Array
    peak_acceleration: Array
    held_acceleration: Array
    target_at_grasp: Array
    target_on_approach: Array
    steps: NDArray[np.int64]

    @property
    def success(self) -> NDArray[np.bool_]:
        """(n,) whether each grasp held."""
        return self.outcome == Outcome.SUCCESS


@dataclass(eq=False)
class _Trials:
    """The running state of n trials; the fields of `TrialResults` are filled as trials end."""

    n: int
    results: dict[str, NDArray] = field(init=False)

    def __post_init__(self) -> None:
        n = self.n
        self.results = {f.name: np.full(n, np.nan) for f in fields(TrialResults)}
        self.results |= {
            "outcome": np.full(n, Outcome.NOT_TRIED, np.uint8),
            "phase": np.full(n, Phase.APPROACH, np.uint8),
            "failed_direction": np.full(n, -1, np.int8),
            "steps": np.zeros(n, np.int64),
        }

    def end(self, ids: NDArray[np.int64], outcome: Outcome) -> None:
        self.results["outcome"][ids] = outcome

    @property
    def running(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.results["outcome"] == Outcome.NOT_TRIED)


def try_asset(
    asset: Asset,
    gripper: Gripper,
    profile: Profile,
    T_object_grasp: Array,
    width: Array,
    *,
    mass: float,
    inertia: Array,
    friction: ArrayLike,
    force: float | None = None,
    approach: float = 0.05,
    threads: int = 1,
) -> TrialResults:
    """Try n grasps of an object in free space.

    Args:
        asset: the object, at its scale.
        gripper: the hand.
        profile: how it is simulated and judged.
        T_object_grasp: (n, 4, 4) grasp frames in the object's frame: z approach, y closing, origin at the tool point.
        width: (n,) opening before closing, m.
        mass: kg.
        inertia: (3, 3) about the centre of mass, object axes, kg m².
        friction: sliding (–), torsional (m) and rolling (m) friction between pads and object.
        force: grip force, N, capped at the gripper's limit; None for the limit.
        approach: length of the straight approach that must be free of the object, m.
        threads: native threads; results do not depend on it.
    """
    T_object_grasp = np.asarray(T_object_grasp, float).reshape(-1, 4, 4)
    width = np.asarray(width, float)
    trials = _Trials(len(width))
    r = trials.results
    protocol = profile.protocol
    sweep = hand_clearance(
        gripper,
        [Obstacle(asset.parts, np.eye(4))],
        T_object_grasp,
        width,
        approach=approach,
        step=protocol.approach_step,
        threads=threads,
    )
    r["target_at_grasp"][:], r["target_on_approach"][:] = sweep.at_grasp[:, 0], sweep.on_approach[:, 0]
    trials.end(np.flatnonzero(r["target_on_approach"] < 0), Outcome.HITS_TARGET)
    if len(trials.running):
        model = trial_model(asset, gripper, profile, mass, inertia, friction, force)
        _simulate(trials, model, gripper, profile, T_object_grasp, width, asset.com, threads)
    r["outcome"] = r["outcome"].astype(np.uint8)
    return TrialResults(**r)


def trial_model(
    asset: Asset,
    gripper: Gripper,
    profile: Profile,
    mass: float,
    inertia: Array,
    friction: ArrayLike,
    force: float | None = None,
) -> mujoco.MjModel:
    """Compile the model of a trial: the hand, its base fixed at the origin, and the free body "object"."""
    spec = gripper.spec()
    profile.apply(spec)
    grip = spec.actuator(gripper.file.actuator)
    limit = gripper.file.max_force if force is None else min(force, gripper.file.max_force)
    grip.forcerange = [-limit, limit]
    body = spec.worldbody.add_body(name="object")
    body.add_freejoint(name="object")
    set_inertial(body, mass, asset.com, inertia)
    add_parts(spec, body, asset.parts, "object", friction=np.asarray(friction, float), **profile.geom())
    for finger in gripper.file.fingers:
        add_contact_sensor(
            spec, f"touch_{finger}", finger, "object", ContactData.FOUND | ContactData.FORCE, Reduce.NET_FORCE
        )
    return spec.compile()


class _Fields:
    """The live arrays of a batch that a trial reads and writes; all (n, …)."""

    def __init__(self, batch: Batch, gripper: Gripper) -> None:
        model = batch.model
        at = model.joint("object").qposadr[0]
        self.object = batch.qpos[:, at : at + 7]
        self.object_velocity = batch.qvel[:, model.joint("object").dofadr[0] :][:, :6]
        self.joints = [model.joint(j).qposadr[0] for j in gripper.file.joints]
        self.rates = [model.joint(j).dofadr[0] for j in gripper.file.joints]
        self.qpos, self.qvel, self.act, self.ctrl = batch.qpos, batch.qvel, batch.act, batch.ctrl
        self.gravity = batch.expand("opt.gravity")
        self.grip = batch.bind("actuator_force")[:, model.actuator(gripper.file.actuator).id]
        touch = batch.bind("sensordata")
        adr = [model.sensor(f"touch_{f}").adr[0] for f in gripper.file.fingers]
        self._sensors, self._adr = touch, adr

    def touching(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(m, 2) whether each finger touches the object."""
        return np.stack([self._sensors[ids, a] > 0 for a in self._adr], axis=1)

    def normal_force(self, ids: NDArray[np.int64]) -> Array:
        """(m, 2) force of each finger along the closing direction, N."""
        return np.stack([np.abs(self._sensors[ids, a + 2]) for a in self._adr], axis=1)

    def opening(self, ids: NDArray[np.int64]) -> Array:
        return self.qpos[np.ix_(ids, self.joints)].sum(axis=1)

    def opening_rate(self, ids: NDArray[np.int64]) -> Array:
        return self.qvel[np.ix_(ids, self.rates)].sum(axis=1)


def _simulate(
    trials: _Trials,
    model: mujoco.MjModel,
    gripper: Gripper,
    profile: Profile,
    T_object_grasp: Array,
    width: Array,
    com: Array,
    threads: int,
) -> None:
    p, file, r = profile.protocol, gripper.file, trials.results
    n, dt = trials.n, profile.option.timestep
    batch = Batch(model, n, nthread=threads)
    f = _Fields(batch, gripper)
    f.object[:] = pose_to_qpos(gripper.T_base_tcp @ inverse(T_object_grasp))
    f.qpos[:, f.joints] = opening_to_joints(gripper, width)
    f.act[:, 0] = width
    f.ctrl[:, 0] = -file.closing_speed

    # The sweep's distances come from shapes inflated by its cap, and are wrong once in some hundred deep penetrations;
    # a hand that starts inside the object would shoot it away, so the start is looked at again without inflation.
    ids = trials.running
    batch.forward(ids=ids, stage=int(mujoco.mjtStage.mjSTAGE_POS))
    trials.end(ids[batch.bind("ncon")[ids] > 0], Outcome.HITS_TARGET)

    chunk = max(1, round(p.sample_period / dt))
    period = chunk * dt
    close_chunks = np.ceil((width / file.closing_speed + p.close_time_limit) / period).astype(int)
    direction_chunks = max(1, round(p.duration / period))
    directions = np.asarray(p.directions) / np.linalg.norm(p.directions, axis=1, keepdims=True)
    R_base_tcp = gripper.T_base_tcp[:3, :3]
    limit = abs(float(model.actuator(file.actuator).forcerange[0]))

    count = np.zeros(n, int)  # chunks in the present phase
    both_touched = np.zeros(n, bool)
    x_start, R_start = _object_pose(f.object, com)
    x_ref, R_ref = x_start.copy(), R_start.copy()
    warnings = batch.warning[:, :, 1].sum(axis=1)
    r["phase"][trials.running] = Phase.CLOSE

    while len(ids := trials.running):
        try:
            batch.step(ids=ids, nstep=chunk)
        except SimulationError as error:
            trials.end(error.ids, Outcome.UNSTABLE)
        r["steps"][ids] += chunk
        count[ids] += 1
        x, R = _object_pose(f.object, com)
        now = batch.warning[:, :, 1].sum(axis=1)
        wild = ~np.isfinite(x[ids]).all(axis=1) | (np.abs(f.object_velocity[ids, :3]).max(axis=1) > 20.0)
        trials.end(ids[wild | (now[ids] > warnings[ids])], Outcome.UNSTABLE)
        touching = f.touching(np.arange(n))
        both, any_touch = touching.all(axis=1), touching.any(axis=1)
        both_touched |= both

        ids = _still(trials, Phase.CLOSE)
        if len(ids):
            speed = np.linalg.norm(_com_velocity(f, com, ids), axis=1)
            squeezed = (np.abs(f.opening_rate(ids)) < p.stall_speed) & (np.abs(f.grip[ids]) >= 0.99 * limit)
            settled = both[ids] & squeezed & (speed < p.still_speed)
            shut = f.opening(ids) < 5e-4
            ended = ids[settled | (shut & ~both[ids]) | (count[ids] >= close_chunks[ids])]
            r["drift_closing"][ended] = np.linalg.norm(x[ended] - x_start[ended], axis=1)
            r["rotation_closing"][ended] = rotation_angle(R[ended] @ np.swapaxes(R_start[ended], 1, 2))
            r["width"][ended] = f.opening(ended)
            r["grip_force"][ended] = f.normal_force(ended).mean(axis=1)
            lost = ended[~both[ended]]
            trials.end(lost[both_touched[lost] & ~any_touch[lost]], Outcome.DROPPED)
            trials.end(lost[any_touch[lost]], Outcome.ONE_FINGER)
            trials.end(lost[~any_touch[lost] & ~both_touched[lost]], Outcome.NO_CONTACT)
            held = ended[both[ended]]
            x_ref[held], R_ref[held] = x[held], R[held]
            r["phase"][held] = Phase.DISTURB
            r["drift_holding"][held], r["rotation_holding"][held] = 0.0, 0.0
            r["peak_acceleration"][held], r["held_acceleration"][held] = p.acceleration, 0.0
            count[held] = 0

        ids = _still(trials, Phase.DISTURB)
        ids = ids[count[ids] > 0]
        if len(ids):
            drift = np.linalg.norm(x[ids] - x_ref[ids], axis=1)
            angle = rotation_angle(R[ids] @ np.swapaxes(R_ref[ids], 1, 2))
            r["drift_holding"][ids] = np.maximum(r["drift_holding"][ids], drift)
            r["rotation_holding"][ids] = np.maximum(r["rotation_holding"][ids], angle)
            for broken, outcome in (
                (~both[ids], Outcome.DROPPED),
                (drift > p.max_drift, Outcome.SLIPPED),
                (angle > np.radians(p.max_rotation_deg), Outcome.ROTATED),
            ):
                failed = np.intersect1d(ids[broken], trials.running)
                trials.end(failed, outcome)
                r["time_to_failure"][failed] = count[failed] * period
                r["failed_direction"][failed] = (count[failed] - 1) // direction_chunks
            done = np.intersect1d(ids[count[ids] >= direction_chunks * len(directions)], trials.running)
            r["phase"][done] = Phase.HOLD
            r["held_acceleration"][done] = p.acceleration
            trials.end(done, Outcome.SUCCESS)

        ids = _still(trials, Phase.DISTURB)
        # An acceleration of the hand is a gravity the other way.
        f.gravity[ids] = -p.acceleration * (directions @ R_base_tcp.T)[count[ids] // direction_chunks]


def _still(trials: _Trials, phase: Phase) -> NDArray[np.int64]:
    ids = trials.running
    return ids[trials.results["phase"][ids] == phase]


def _object_pose(qpos: Array, com: Array) -> tuple[Array, Array]:
    """(n, 3) centres of mass and (n, 3, 3) rotations of (n, 7) free-joint coordinates."""
    R = quat_to_matrix(qpos[:, 3:])
    return qpos[:, :3] + R @ com, R


def _com_velocity(f: _Fields, com: Array, ids: NDArray[np.int64]) -> Array:
    """(m, 3) velocity of the centre of mass; MuJoCo's angular velocity of a free joint is in the body's frame."""
    v = f.object_velocity[ids]
    R = quat_to_matrix(f.object[ids, 3:])
    return v[:, :3] + np.einsum("nij,nj->ni", R, np.cross(v[:, 3:], com))
