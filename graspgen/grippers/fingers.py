"""A multi-finger hand: what its YAML says, and the servos that its driven joints get.

It goes through named postures, which are the stages of DexGraspBench and Dexonomy: from `pregrasp` it closes towards
`grasp`, every joint until something blocks it, and from where that is it goes on by what `squeeze` is beyond `grasp`. A
servo's stiffness is such that this is the force that is asked for: F at the fingertip, by virtual work τ = F |∂p/∂q|.
"""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import mujoco
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from graspgen.errors import GripperError, nearest
from graspgen.frames import Array
from graspgen.grippers.frame_axes import FrameAxes
from graspgen.grippers.postures import Linkage

#: The named postures, in the order in which the hand goes through them.
STAGES = ("open", "pregrasp", "grasp", "squeeze")
#: Most driven joints of a hand: the length of the columns that store them.
MAX_JOINTS = 24
#: Most fingers: what touches what is stored by their numbers.
MAX_FINGERS = 8
#: Prefix of the servos' names.
SERVO = "servo_"
#: A joint that the squeeze does not move gets the stiffness of one that it moves by this much, rad or m.
_STIFF = 0.05
#: Reflected inertia of the drives at the fingertip, kg; no published figure.
ARMATURE = 0.1
#: What pushes a joint back meets up to this many times its own largest force: gears are hard to drive backwards.
HOLDS = 3.0
#: Two links oppose each other where their forces are at more than 90°.
OPPOSED = 0.0
#: A link that presses with less than this share of the usual force only brushes the object.
BRUSH = 0.02

JointValue = float | str


class FingersFile(FrameAxes, BaseModel):
    """What a multi-finger hand's YAML says. Lengths are metres, in the frame of the base body."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")
    kind: Literal["multi_finger"]
    model: str
    """The MJCF, relative to the YAML."""
    base: str
    """The body that carries the fingers: the palm, which counts as a link that can hold."""
    approach: tuple[float, float, float] = (0.0, 0.0, 1.0)
    """The approach in its frame, towards the object."""
    closing: tuple[float, float, float] = (0.0, 1.0, 0.0)
    """The direction in its frame along which the fingertips of both sides come together."""
    fingers: tuple[str, ...] = Field(min_length=2, max_length=MAX_FINGERS)
    """Bodies, each with all below it; contact of two that oppose each other is what holding means."""
    tips: tuple[str, ...]
    """The bodies with the fingertips, a finger each."""
    joints: tuple[str, ...] = Field(min_length=1, max_length=MAX_JOINTS)
    """The driven joints, each with its own servo. All others follow through the model's couplings, or its springs."""
    tcp: tuple[float, float, float]
    """The tool point: where the fingertips close to."""
    postures: dict[str, dict[str, JointValue]]
    """By stage (`open`, `pregrasp`, `grasp`, `squeeze`) and joint: rad or m, or a share of the joint's range ("40%").
    What a stage does not say is as in the stage before, in `open` where the MJCF has it."""
    shapes: dict[str, dict[str, JointValue]] = {}
    """Ways to hold, by name: joints that are somewhere else in every stage. Candidates draw one, or none."""
    stroke: float = Field(gt=0, le=2)
    """The largest opening: between the open fingertips of both sides, along the closing direction."""
    max_force: float = Field(gt=0)
    """The largest force of a fingertip, N."""
    force: float = Field(gt=0)
    """The force where none is asked for, N."""
    closing_time: float = Field(gt=0, le=60)
    """From the open posture to the grasp's, s."""
    source: str = ""

    @model_validator(mode="after")
    def _possible(self) -> FingersFile:
        if self.force > self.max_force:
            raise ValueError(f"force {self.force:g} N is more than max_force {self.max_force:g} N")
        if len(set(self.fingers)) < len(self.fingers) or len(set(self.joints)) < len(self.joints):
            raise ValueError("the fingers, and the joints, must be different ones")
        if len(self.tips) != len(self.fingers):
            raise ValueError(f"{len(self.fingers)} fingers need as many tips, got {len(self.tips)}")
        z, y = np.array(self.approach), np.array(self.closing)
        if not (abs(z @ z - 1) < 1e-3 and abs(y @ y - 1) < 1e-3 and abs(z @ y) < 1e-3):
            raise ValueError("approach and closing must be unit vectors at a right angle")
        for where, named in (("postures", self.postures), ("shapes", self.shapes)):
            for stage, joints in named.items():
                if where == "postures" and stage not in STAGES:
                    raise ValueError(f"no posture '{stage}'{nearest(stage, STAGES)}; they are {', '.join(STAGES)}")
                for joint in joints:
                    if joint not in self.joints:
                        raise ValueError(f"{where}.{stage}: '{joint}' is no driven joint{nearest(joint, self.joints)}")
        missing = [s for s in STAGES if s not in self.postures]
        if missing:
            raise ValueError(f"postures: '{missing[0]}' is missing")
        return self

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    @property
    def actuator(self) -> None:
        """There is no actuator of an opening: every driven joint has its own."""
        return None

    @property
    def pad(self) -> tuple[float, float]:
        """Fingertips have no flat pad."""
        return (0.0, 0.0)


def stage_values(file: FingersFile, model: mujoco.MjModel) -> dict[str, Array]:
    """Return the (d,) driven joints in every stage, rad or m, by the stage's name.

    Raises:
        GripperError: a value is no number and no share, or out of the joint's range.
    """
    now = {j: float(model.qpos0[model.joint(j).qposadr[0]]) for j in file.joints}
    out = {}
    for stage in STAGES:
        now = {**now, **_numbers(file, model, f"postures.{stage}", file.postures[stage])}
        out[stage] = np.array([now[j] for j in file.joints])
    return out


def shape_values(file: FingersFile, model: mujoco.MjModel) -> Array:
    """Return the (shapes + 1, d) positions that each way to hold puts joints at; NaN where a stage's own value counts.

    The first row is that of no shape; the others are in the order of their names, which no way of storing them changes.
    """
    rows = np.full((len(file.shapes) + 1, len(file.joints)), np.nan)
    for row, (name, joints) in zip(rows[1:], sorted(file.shapes.items()), strict=True):
        for joint, value in _numbers(file, model, f"shapes.{name}", joints).items():
            row[file.joints.index(joint)] = value
    return rows


def _numbers(file: FingersFile, model: mujoco.MjModel, where: str, values: dict[str, JointValue]) -> dict[str, float]:
    out = {}
    for joint, value in values.items():
        j = model.joint(joint)
        low, high = (float(v) for v in model.jnt_range[j.id])
        limited = bool(model.jnt_limited[j.id])
        if isinstance(value, str):
            try:
                share = float(value.removesuffix("%")) / 100
            except ValueError:
                raise GripperError(f"{where}.{joint}: '{value}' is no number and no share such as 40%") from None
            if not value.endswith("%") or not limited:
                why = "has no range" if value.endswith("%") else "is given in words; write a number or a share like 40%"
                raise GripperError(f"{where}.{joint}: '{value}': the joint {why}")
            value = low + share * (high - low)
        if limited and not low - 1e-6 <= value <= high + 1e-6:
            raise GripperError(f"{where}.{joint}: {value:g} is out of the joint's range, {low:g} to {high:g}")
        out[joint] = float(value)
    return out


def add_servos(spec: mujoco.MjSpec, file: FingersFile, base: str) -> None:
    """Replace a hand's actuators by position servos of the driven joints, and let its bodies pass through each other.

    Raises:
        GripperError: a posture is not possible, or a driven joint moves no fingertip.
    """
    for element in [*spec.actuators, *spec.keys, *spec.sensors]:
        spec.delete(element)
    linkage = Linkage(spec, base)
    stages = stage_values(file, linkage.model)
    linkage.put(dict(zip(file.joints, stages["grasp"].tolist(), strict=True)))
    squeeze = np.abs(stages["squeeze"] - stages["grasp"])
    arms = tip_arms(linkage, file)
    if not (squeeze > 1e-6).any():
        raise GripperError("postures: squeeze moves no joint beyond grasp, so nothing presses")
    usual = np.where(arms > 1e-4, arms, max(float(arms.max()), 1e-3))
    for joint, arm, beyond, low, high in zip(
        file.joints, usual, squeeze, *_ranges(linkage.model, file.joints), strict=True
    ):
        stiffness = file.force * arm / (beyond if beyond > 1e-6 else _STIFF)
        most = HOLDS * file.max_force * arm
        element = spec.joint(joint)
        element.armature = max(element.armature, ARMATURE * arm**2)
        servo = spec.add_actuator(
            name=SERVO + joint, trntype=mujoco.mjtTrn.mjTRN_JOINT, target=joint, forcelimited=1,
            forcerange=[-most, most],
        )  # fmt: skip
        if np.isfinite(low):
            servo.ctrllimited, servo.ctrlrange = 1, [low - beyond - 0.5, high + beyond + 0.5]
        servo.set_to_position(kp=stiffness, kv=2 * float(np.sqrt(stiffness * 1.5 * ARMATURE * arm**2)))
    bodies = [b.name for b in spec.bodies[1:]]
    kept = {frozenset((e.bodyname1, e.bodyname2)) for e in spec.excludes}
    for a, b in combinations(bodies, 2):
        if frozenset((a, b)) not in kept:
            spec.add_exclude(bodyname1=a, bodyname2=b)


def tip_arms(linkage: Linkage, file: FingersFile) -> Array:
    """(d,) m (or 1, of a slide) that the fingertip that moves most moves for each unit of a driven joint."""
    model, data = linkage.model, linkage.data
    start = linkage.positions()
    values = {j: float(data.qpos[model.joint(j).qposadr[0]]) for j in file.joints}
    before = np.array([linkage.inner(t) for t in file.tips])
    arms = np.zeros(len(file.joints))
    for i, joint in enumerate(file.joints):
        step = 1e-3
        linkage.put({**values, joint: values[joint] + step})
        after = np.array([linkage.inner(t) for t in file.tips])
        arms[i] = np.linalg.norm(after - before, axis=1).max() / step
        data.qpos[:] = start
    linkage.put(values)
    return arms


def _ranges(model: mujoco.MjModel, joints: tuple[str, ...]) -> tuple[list[float], list[float]]:
    low, high = [], []
    for joint in joints:
        j = model.joint(joint).id
        limited = bool(model.jnt_limited[j])
        low.append(float(model.jnt_range[j, 0]) if limited else -np.inf)
        high.append(float(model.jnt_range[j, 1]) if limited else np.inf)
    return low, high
