"""What carries the hand in trials: six servos of limited force on a stand that is put at the grasp.

The stand is a mocap body and stays where it is put. Three slides and a ball joint at the tool point let the hand leave
it; position servos, one an axis of the grasp frame, drive it along its path with limited force. A weld to a moving
mocap body would be simpler, but a MuJoCo equality has no limit of force: it pushes as hard as it takes.
"""

from __future__ import annotations

from typing import Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.grasps.profile import Profile
from graspgen.grippers.gripper import Gripper

#: Prefix of everything that belongs to the hand.
HAND = "hand/"
#: The mocap body at the grasp, and the frame that moves with the tool point.
STAND = "stand"
#: Servos along, then about, x, y and z of the grasp frame.
SERVOS = ("push_x", "push_y", "push_z", "turn_x", "turn_y", "turn_z")
SLIDES, BALL = ("slide_x", "slide_y", "slide_z"), "wrist"

_AWAY = np.array([0.0, 0.0, 10.0])  # m


class Carrier(Protocol):
    """What carries the hand in a model: a stand, or an arm.

    Attributes:
        root: name of the body that it begins with.
        servos: names of its actuators, which are position servos.
    """

    root: str
    servos: tuple[str, ...]

    def add(self, spec: mujoco.MjSpec, hand: mujoco.MjSpec, gripper: Gripper, profile: Profile, seen: bool) -> None:
        """Add itself to a scene and attach the hand, with the prefix `HAND`; where it is seen, with materials."""

    def begin(self, model: mujoco.MjModel, qpos: NDArray[np.float64]) -> NDArray[np.float64]:
        """Write its coordinates at the start into (nq,) `qpos`; return (servos,) damping over stiffness, s."""


class Stand:
    """The stand of the trials."""

    root, servos = STAND, SERVOS

    def add(self, spec: mujoco.MjSpec, hand: mujoco.MjSpec, gripper: Gripper, profile: Profile, seen: bool) -> None:
        """Add the stand, the hand and its servos."""
        s = profile.scene
        stand = spec.worldbody.add_body(name=STAND, mocap=True)
        # MuJoCo looks at contacts before it puts mocap bodies in place: until a trial sets its joints, the hand is far
        # off.
        frame = stand.add_frame(pos=_AWAY - gripper.T_base_tcp[:3, 3])
        attached = frame.attach_body(hand.body(gripper.base), HAND, "")
        at = gripper.T_base_tcp[:3, 3]
        for name, axis, away in zip(SLIDES, np.eye(3), _AWAY, strict=True):
            attached.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=axis, ref=away)
        attached.add_joint(name=BALL, type=mujoco.mjtJoint.mjJNT_BALL, pos=at)
        for i, name in enumerate(SERVOS):
            stiffness, most = (s.stiffness, s.force) if i < 3 else (s.turn_stiffness, s.torque)
            servo = spec.add_actuator(
                name=name,
                trntype=mujoco.mjtTrn.mjTRN_JOINT,
                target=SLIDES[i] if i < 3 else BALL,
                forcelimited=True,
                forcerange=[-most, most],
            )
            if i >= 3:
                servo.gear = [*np.eye(3)[i - 3], 0, 0, 0]
            servo.set_to_position(kp=stiffness)

    def begin(self, model: mujoco.MjModel, qpos: NDArray[np.float64]) -> NDArray[np.float64]:
        """Put the hand at the stand, and damp the servos critically for the bare hand."""
        qpos[[int(model.joint(name).qposadr[0]) for name in SLIDES]] = 0.0
        data = mujoco.MjData(model)
        data.qpos[:] = qpos
        mujoco.mj_forward(model, data)
        inertia = np.zeros((model.nv, model.nv))
        mujoco.mj_fullM(model, data, inertia)
        servos = [model.actuator(name).id for name in SERVOS]
        wrist = int(model.joint(BALL).dofadr[0])
        dofs = [int(model.joint(name).dofadr[0]) for name in SLIDES] + [wrist, wrist + 1, wrist + 2]
        stiffness = model.actuator_gainprm[servos, 0]
        damping = 2 * np.sqrt(stiffness * np.diag(inertia)[dofs])
        model.actuator_biasprm[servos, 2] = -damping
        return damping / stiffness
