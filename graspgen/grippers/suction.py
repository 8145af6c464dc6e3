"""A suction gripper: vacuum cups on a plate. Its MJCF holds what is rigid; the cups' lips are added from its YAML.

A lip is a ring of short segments on springs (after the ring of springs of Dex-Net 3.0, Mahler et al., 2018). Each
slides along the approach and carries its share of the vacuum's force as an adhesion actuator, so that the load on every
part of the lip is known, and the lip lifts where the load passes that share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from graspgen.frames import Array
from graspgen.grippers.postures import Postures

#: Segments of a simulated lip. Eight bear a tipping moment within 8 % of what a continuous ring bears (1 / cos(π / 8)).
SEGMENTS = 8

#: Radius of a segment's ball, m.
BALL = 0.001

#: Mass of a segment and its reflected inertia, kg: rubber, and small beside anything that is lifted.
SEGMENT_MASS, SEGMENT_ARMATURE = 0.0003, 0.002

#: Colour of a lip, and the group of what is only seen of it.
RUBBER, GROUP_LOOK = (0.11, 0.24, 0.44, 1.0), 2

#: Time constant with which a lip gives way, s: rubber damps strongly. A push takes longer, so that a lip bears all of
#: it at its end.
RELAXATION = 0.02

#: Contacts of lips have sliding friction only: it is the ring of contacts that resists a twist, by μ F r.
LIP_CONDIM = 3

#: A part of the lip that is this close to the surface still seals, m. A lip that slides hops a little.
LEAK_GAP = 5e-5

#: Segments slide this share of the lip's radius to either side.
TRAVEL = 0.5


class SuctionFile(BaseModel):
    """What a suction gripper's YAML says. Lengths are metres, in the frame of the base body."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")
    kind: Literal["suction"]
    model: str
    """The MJCF of what is rigid, relative to the YAML."""
    base: str
    """The body that carries the cups; approach +z."""
    tcp: tuple[float, float, float]
    """The tool point: in the plane of the lips, in the middle of the cups."""
    cups: tuple[tuple[float, float], ...] = Field(min_length=1, max_length=8)
    """Centres of the lips in the tool frame (x, y). Each has its own valve: one that leaks costs the others nothing."""
    radius: float = Field(gt=0, le=0.1)
    """Of the ring where a lip seals."""
    depth: float = Field(gt=0, le=0.05)
    """Inner height of a pressed cup: a surface that bulges further into the cup keeps the lip off."""
    vacuum: float = Field(gt=0, le=101325)
    """Pressure below the surroundings', Pa."""
    give: float = Field(gt=0, le=0.01)
    """Axial travel of a lip under its full force, m."""
    source: str = ""

    @model_validator(mode="after")
    def _cups_apart(self) -> SuctionFile:
        c = np.asarray(self.cups, float)
        apart = np.linalg.norm(c[:, None] - c, axis=-1) + np.eye(len(c))
        if len(c) > 1 and apart.min() < 2 * self.radius:
            raise ValueError(f"cups of radius {self.radius:g} m overlap: their centres are {apart.min():g} m apart")
        return self

    @property
    def axes(self) -> Array:
        """(3, 3) axes of the grasp frame in the frame of the base body: its own."""
        return np.eye(3)

    @property
    def turned(self) -> bool:
        """Whether the base body's axes are other ones than the grasp frame's."""
        return False

    @property
    def cup_force(self) -> float:
        """The vacuum's force on one sealed cup, N: ΔP π r²."""
        return self.vacuum * math.pi * self.radius**2

    @property
    def max_force(self) -> float:
        """The vacuum's force on all cups, N."""
        return self.cup_force * len(self.cups)

    @property
    def force(self) -> float:
        """The force where none is asked for, N: that of the full vacuum."""
        return self.max_force

    @property
    def stroke(self) -> float:
        """A suction gripper has no opening."""
        return 0.0

    @property
    def fingers(self) -> tuple[str, ...]:
        """A suction gripper has no fingers."""
        return ()

    @property
    def joints(self) -> tuple[str, ...]:
        """Names of the lips' slides, cup by cup."""
        return tuple(segment_names(len(self.cups)))


def segment_names(cups: int) -> list[str]:
    """Return the names of the segments of all lips, cup by cup; body, joint, geom and actuator share them."""
    return [f"lip{c}_{i}" for c in range(cups) for i in range(SEGMENTS)]


def segment_points(file: SuctionFile) -> Array:
    """(cups · SEGMENTS, 2) points of the lips, tool frame, m."""
    angle = 2 * np.pi * np.arange(SEGMENTS) / SEGMENTS
    ring = file.radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return (np.asarray(file.cups, float)[:, None] + ring).reshape(-1, 2)


@dataclass(frozen=True, eq=False)
class StillPostures(Postures):
    """The posture of a gripper that does not open: every joint at 0, whatever the opening."""

    def at(self, width: Array) -> Array:
        """(n, joints) zeros."""
        return np.zeros((len(width), len(self.joints)))

    def opening(self, positions: Array) -> Array:
        """(n,) zeros."""
        return np.zeros(len(positions))

    def rate(self, positions: Array, rates: Array) -> Array:
        """(n,) zeros."""
        return np.zeros(len(positions))


def still_postures(file: SuctionFile) -> Postures:
    """Return the posture of a suction gripper."""
    joints = file.joints
    return StillPostures(
        joints, (), np.zeros(1), np.zeros((1, len(joints))), np.array([file.tcp]), moves=False, summed=True
    )


def add_lips(spec: mujoco.MjSpec, file: SuctionFile) -> None:
    """Add the lips to the base. Their segments collide with nothing until a trial lets them (`enable_lips`)."""
    base = spec.body(file.base)
    stiffness = file.cup_force / file.give / SEGMENTS
    damping = stiffness * RELAXATION
    reach = TRAVEL * file.radius
    angles = np.tile(2 * np.pi * np.arange(SEGMENTS) / SEGMENTS, len(file.cups))
    for name, (x, y), angle in zip(segment_names(len(file.cups)), segment_points(file), angles, strict=True):
        body = base.add_body(name=name, pos=np.add(file.tcp, [x, y, -BALL]))
        body.add_joint(
            name=name, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=[0, 0, 1], stiffness=stiffness, damping=damping,
            armature=SEGMENT_ARMATURE, range=[-reach, reach], limited=True,
        )  # fmt: skip
        body.add_geom(
            name=name, type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[BALL, 0, 0], mass=SEGMENT_MASS, contype=0,
            conaffinity=0, rgba=RUBBER,
        )  # fmt: skip
        for way in (-1, 1):  # an arc of the ring to either side, which is only seen
            turned = angle + way * np.pi / SEGMENTS
            end = file.radius * np.array([np.cos(turned) - np.cos(angle), np.sin(turned) - np.sin(angle), 0])
            body.add_geom(
                type=mujoco.mjtGeom.mjGEOM_CAPSULE, fromto=[0, 0, 0, *end], size=[BALL, 0, 0], mass=0, contype=0,
                conaffinity=0, group=GROUP_LOOK, rgba=RUBBER,
            )  # fmt: skip
        valve = spec.add_actuator(name=name)
        valve.set_to_adhesion(gain=file.cup_force / SEGMENTS)
        valve.trntype, valve.target = mujoco.mjtTrn.mjTRN_BODY, name
        valve.ctrlrange, valve.ctrllimited = [0, 1], True


def enable_lips(spec: mujoco.MjSpec, file: SuctionFile, force: float | None, prefix: str = "") -> None:
    """Let the lips of a hand in a trial touch things, and set the vacuum's force.

    Args:
        spec: the trial's.
        file: the gripper's.
        force: of all cups, N, capped at the vacuum's own; None for that.
        prefix: of the hand's names in the spec.
    """
    total = file.max_force if force is None else min(force, file.max_force)
    for name in segment_names(len(file.cups)):
        geom = spec.geom(prefix + name)
        geom.contype, geom.conaffinity = 1, 1
        geom.gap = LEAK_GAP
        spec.actuator(prefix + name).set_to_adhesion(gain=total / (SEGMENTS * len(file.cups)))
