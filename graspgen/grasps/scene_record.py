"""Replay one in-scene trial and keep what it looked like, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.frames import Array, cross, inverse, pose, qpos_to_pose, quat_to_matrix
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_model import SceneModel, scene_trial_model
from graspgen.grasps.scene_recorder import STATE, Recorder
from graspgen.grasps.scene_stand import BALL, HAND, SLIDES, STAND
from graspgen.grasps.scene_trial import SceneTrialResults, run_trials, target_numbers
from graspgen.grippers.gripper import Gripper
from graspgen.scene.world import SettledScene


@dataclass(frozen=True, eq=False)
class Trajectory:
    """f frames of one in-scene trial among k objects, and its c contacts in all frames together. World frame.

    A trial on a moving belt is simulated in the belt's frame: `qpos`, `qvel` and `states` are brought to the world's
    frame too, but for the hand's velocity, which is relative to its stand, and the belt of `model` stands still: go no
    step on from such a state.

    Attributes:
        results: what happened, as `try_scene` says it; one row.
        time: (f,) s since the approach began.
        phase: (f,) `Phase`.
        states: (f, nstate) `mjSTATE_INTEGRATION` of `model`: all that a frame can be made again from.
        qpos, qvel: (f, nq), (f, nv) coordinates and velocities of `model`.
        T_world_object: (f, k, 4, 4) poses, in the order of the scene's objects.
        object_velocity, object_spin: (f, k, 3) m/s of the centres of mass, and rad/s, world axes.
        T_world_tool: (f, 4, 4) pose of the grasp frame, which moves with the hand.
        tool_velocity, tool_spin: (f, 3) m/s of the tool point, and rad/s, world axes.
        opening: (f,) m, of the fingers.
        contact_frame: (c,) the frame that each contact is in.
        contact_between: (c, 2) instance ids of what touches, 0 the support, −1 the hand.
        contact_fingers: (c, 2) which of the gripper's fingers it is, from 0; −1 for anything else.
        contact_position, contact_normal: (c, 3) m, and unit normal from the first to the second, world frame.
        contact_force: (c,) N, along the normal.
        model: MuJoCo's model of the trial; with the scene's cameras and lights where they were asked for. Nothing
            sleeps in it, so that the contacts of what slept in the trial are found as well.
        instance: (nbody,) instance id of each body of the model, 0 for the support, −1 for the hand.
        object_bodies: (k,) body of each object.
    """

    results: SceneTrialResults
    time: Array
    phase: NDArray[np.uint8]
    states: Array
    qpos: Array
    qvel: Array
    T_world_object: Array
    object_velocity: Array
    object_spin: Array
    T_world_tool: Array
    tool_velocity: Array
    tool_spin: Array
    opening: Array
    contact_frame: NDArray[np.int64]
    contact_between: NDArray[np.int64]
    contact_fingers: NDArray[np.int64]
    contact_position: Array
    contact_normal: Array
    contact_force: Array
    model: mujoco.MjModel
    instance: NDArray[np.int64]
    object_bodies: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.time)

    def data(self, frame: int, data: mujoco.MjData | None = None) -> mujoco.MjData:
        """Return MuJoCo's data of a frame, all derived quantities computed; `data` is used where one is given."""
        data = mujoco.MjData(self.model) if data is None else data
        mujoco.mj_setState(self.model, data, self.states[frame], STATE)
        mujoco.mj_forward(self.model, data)
        return data


def record_trial(
    settled: SettledScene,
    gripper: Gripper,
    profile: Profile,
    target: int,
    T_world_grasp: ArrayLike,
    width: float,
    *,
    grip_width: float | None = None,
    force: float | None = None,
    approach: float = 0.05,
    shake: bool = False,
    period: float = 0.02,
    linger: float = 0.0,
    views: bool = False,
    fingers: Array | None = None,
) -> Trajectory:
    """Run one trial again and keep its frames; its results are those that `try_scene` gives it among others.

    Args:
        settled: the scene.
        gripper: the hand.
        profile: how trials are simulated and judged.
        target: instance id of the object to grasp.
        T_world_grasp: (4, 4) grasp frame in the world.
        width: opening before closing, m.
        grip_width: opening where the pads should meet the object, m; None for `width`.
        force, approach, shake: as in `try_scene`.
        period: s between frames, rounded to whole steps; the last frame is the end of the trial.
        linger: s that the frames go on after the end, for the eye; not where the hand has hit something.
        views: whether the model has the scene's cameras and lights.
        fingers: (2, d) driven joints of a multi-finger hand before closing, and at the grasp; None for those of its
            postures at the opening.

    Raises:
        SceneError: the scene does not hold the target.
    """
    number = target_numbers(settled, [target])
    scene = scene_trial_model(settled, gripper, profile, force, views)
    record, grip = Recorder({0}), width if grip_width is None else grip_width
    T = np.asarray(T_world_grasp, float).reshape(1, 4, 4)
    r = run_trials(
        settled, scene, gripper, profile, number, T, np.array([width], float), np.array([grip], float),
        approach=approach, shake=shake, threads=1, record=record, linger=linger,
        fingers=None if fingers is None else np.asarray(fingers, float)[None], force=force,
    )  # fmt: skip
    states, phases = record.of(0)
    every = max(1, round(period / profile.option.timestep))
    frames = np.unique([*range(0, len(states), every), len(states) - 1])
    found = _trajectory(scene, gripper, T[0], grip, SceneTrialResults(**r), states[frames], phases[frames])
    belt = np.array(settled.world.plan.arena.belt_velocity)
    return _in_world(found, belt) if belt.any() else found


def _in_world(found: Trajectory, belt: Array) -> Trajectory:
    """Bring a trial, which is made in the frame that moves with the belt, to the world's frame; `belt` in m/s."""
    way = found.time[:, None] * belt
    model, data = found.model, mujoco.MjData(found.model)
    stand = int(model.body(STAND).mocapid[0])
    joints = model.body_jntadr[found.object_bodies]
    places, rates = (at[joints][:, None] + np.arange(3) for at in (model.jnt_qposadr, model.jnt_dofadr))
    states, qpos, qvel = [], found.qpos.copy(), found.qvel.copy()
    for frame, state in enumerate(found.states):
        mujoco.mj_setState(model, data, state, STATE)
        data.mocap_pos[stand] += way[frame]
        data.qpos[places] += way[frame]
        data.qvel[rates] += belt
        qpos[frame], qvel[frame] = data.qpos, data.qvel
        moved = np.empty_like(state)
        mujoco.mj_getState(model, data, moved, STATE)
        states.append(moved)
    T_world_object, T_world_tool = found.T_world_object.copy(), found.T_world_tool.copy()
    T_world_object[..., :3, 3] += way[:, None]
    T_world_tool[..., :3, 3] += way
    return replace(
        found,
        states=np.array(states),
        qpos=qpos,
        qvel=qvel,
        T_world_object=T_world_object,
        object_velocity=found.object_velocity + belt,
        T_world_tool=T_world_tool,
        tool_velocity=found.tool_velocity + belt,
        contact_position=found.contact_position + way[found.contact_frame],
    )


def _trajectory(
    scene: SceneModel,
    gripper: Gripper,
    T_world_grasp: Array,
    grip_width: float,
    results: SceneTrialResults,
    states: Array,
    phases: NDArray[np.uint8],
) -> Trajectory:
    model, tool = scene.model, gripper.tool_point(grip_width)
    offset = pose(translation=tool - gripper.T_base_tcp[:3, 3])  # of the tool point from the wrist
    model.opt.enableflags &= ~int(mujoco.mjtEnableBit.mjENBL_SLEEP)
    for name in gripper.joints if gripper.suction else ():
        geom = model.geom(HAND + name)  # on their way lips are near nothing; what they touch is shown
        geom.contype[:] = geom.conaffinity[:] = 1
    data = mujoco.MjData(model)
    finger = np.full(model.nbody, -1)
    finger[[model.body(HAND + name).id for name in gripper.file.fingers]] = range(len(gripper.file.fingers))
    time, qpos, qvel, contacts, object_rates, tool_rates = [], [], [], [], [], []
    for frame, state in enumerate(states):
        mujoco.mj_setState(model, data, state, STATE)
        mujoco.mj_forward(model, data)
        time.append(data.time)
        qpos.append(data.qpos.copy())
        qvel.append(data.qvel.copy())
        object_rates.append([_rates(model, data, mujoco.mjtObj.mjOBJ_BODY, body) for body in scene.object_bodies])
        tool_rates.append(_tool_rates(model, data, gripper, tool))
        bodies = model.geom_bodyid[data.contact.geom].reshape(-1, 2)
        for i in range(data.ncon):
            force = np.zeros(6)
            mujoco.mj_contactForce(model, data, i, force)
            contact = data.contact[i]
            contacts.append((frame, bodies[i], contact.pos.copy(), contact.frame[:3].copy(), force[0]))
    at = np.array(qpos).reshape(len(states), model.nq)
    joints = model.body_jntadr[scene.object_bodies]
    objects = at[:, model.jnt_qposadr[joints][:, None] + np.arange(7)]
    slides = [int(model.joint(name).qposadr[0]) for name in SLIDES]
    ball = int(model.joint(BALL).qposadr[0]) + np.arange(4)
    fingers = [int(model.joint(HAND + j).qposadr[0]) for j in gripper.joints]
    rates = np.array(object_rates).reshape(len(states), -1, 6)
    touching = np.array([c[1] for c in contacts], np.int64).reshape(-1, 2)
    return Trajectory(
        results=results,
        time=np.array(time),
        phase=phases,
        states=states,
        qpos=at,
        qvel=np.array(qvel).reshape(len(states), model.nv),
        T_world_object=qpos_to_pose(objects),
        object_velocity=rates[..., 3:],
        object_spin=rates[..., :3],
        T_world_tool=T_world_grasp @ inverse(offset) @ pose(quat_to_matrix(at[:, ball]), at[:, slides]) @ offset,
        tool_velocity=np.array(tool_rates)[:, 3:],
        tool_spin=np.array(tool_rates)[:, :3],
        opening=gripper.opening(at[:, fingers]),
        contact_frame=np.array([c[0] for c in contacts], np.int64),
        contact_between=scene.instance[touching],
        contact_fingers=finger[touching],
        contact_position=np.array([c[2] for c in contacts], float).reshape(-1, 3),
        contact_normal=np.array([c[3] for c in contacts], float).reshape(-1, 3),
        contact_force=np.array([c[4] for c in contacts], float),
        model=model,
        instance=scene.instance,
        object_bodies=scene.object_bodies,
    )


def _rates(model: mujoco.MjModel, data: mujoco.MjData, kind: mujoco.mjtObj, body: int) -> Array:
    """(6,) rad/s and m/s of a body, world axes: at its centre of mass (`mjOBJ_BODY`) or its frame (`mjOBJ_XBODY`)."""
    rates = np.zeros(6)
    mujoco.mj_objectVelocity(model, data, int(kind), int(body), rates, 0)
    return rates


def _tool_rates(model: mujoco.MjModel, data: mujoco.MjData, gripper: Gripper, tool: Array) -> Array:
    """(6,) rad/s of the hand and m/s of its tool point, world axes."""
    base = model.body(HAND + gripper.base).id
    rates = _rates(model, data, mujoco.mjtObj.mjOBJ_XBODY, base)
    arm = data.xmat[base].reshape(3, 3) @ tool
    return np.concatenate([rates[:3], rates[3:] + cross(rates[:3], arm)])
