"""What a gripper is: the values of its YAML and an MJCF that is ready to be simulated."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import mujoco
import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field, model_validator

from graspgen.errors import GripperError, nearest
from graspgen.frames import Array, inverse, pose
from graspgen.grippers.drive import BEHIND, DRIVE, add_drive
from graspgen.grippers.mjcf import TURNED, check_size, hand_spec
from graspgen.grippers.parametric import BASE, FINGERS, JOINTS, JawShape, parametric_tcp
from graspgen.grippers.postures import Postures, measure
from graspgen.grippers.suction import SuctionFile, add_lips, still_postures


class GripperFile(BaseModel):
    """What a gripper's YAML says. Lengths are metres, in the frame of the base body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")
    kind: Literal["parallel_jaw"]
    model: str | None = None
    """The MJCF, relative to the YAML."""
    jaw: JawShape | None = None
    """Instead of a model: figures of a jaw of boxes, which is made from them; base, fingers, joints and tcp follow."""
    base: str
    """The body that carries the gripper."""
    approach: tuple[float, float, float] = (0.0, 0.0, 1.0)
    """The approach in its frame, towards the object."""
    closing: tuple[float, float, float] = (0.0, 1.0, 0.0)
    """The closing direction in its frame; the pads move along it."""
    fingers: tuple[str, str]
    """The bodies with the pads; contact of both is what holding means."""
    joints: tuple[str, ...] = Field(min_length=1, max_length=2)
    """The driven joints. All others follow through the model's couplings."""
    actuator: str | None = None
    """An actuator of the MJCF whose control is the speed of the opening (m/s, negative closes), whose length is the
    opening and whose force that of each pad. None: the model's actuators are replaced by such a one."""
    tcp: tuple[float, float, float]
    """The tool point, midway between the pads, of the open hand; it moves with the pads as they close."""
    stroke: float = Field(gt=0, le=1)
    """The largest opening."""
    max_force: float = Field(gt=0)
    """The largest force of each pad, N."""
    force: float = Field(gt=0)
    """The force where none is asked for, N."""
    closing_speed: float = Field(gt=0)
    """Of the opening, m/s."""
    pad: tuple[float, float]
    """Width (x) and length (z) of a pad."""
    source: str = ""

    @model_validator(mode="before")
    @classmethod
    def _made_of_figures(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if (data.get("model") is None) == (data.get("jaw") is None):
            raise ValueError("say either 'model', an MJCF, or 'jaw', the figures of a jaw of boxes")
        if data.get("jaw") is None:
            return data
        pad, jaw = data.get("pad"), data["jaw"]
        try:
            shape = JawShape.model_validate(jaw)
            size = (float(pad[0]), float(pad[1])) if isinstance(pad, list | tuple) else (0.02, 0.02)
        except (ValueError, IndexError, TypeError):  # told with its key when the fields are looked at
            shape, size = JawShape(), (0.02, 0.02)
        given = {"base": BASE, "fingers": FINGERS, "joints": JOINTS, "tcp": parametric_tcp(shape, size)}
        return {**given, **data}

    @model_validator(mode="after")
    def _possible(self) -> GripperFile:
        if self.force > self.max_force:
            raise ValueError(f"force {self.force:g} N is more than max_force {self.max_force:g} N")
        if self.fingers[0] == self.fingers[1] or len(set(self.joints)) < len(self.joints):
            raise ValueError("the fingers, and the joints, must be different ones")
        z, y = np.array(self.approach), np.array(self.closing)
        if not (abs(z @ z - 1) < 1e-3 and abs(y @ y - 1) < 1e-3 and abs(z @ y) < 1e-3):
            raise ValueError("approach and closing must be unit vectors at a right angle")
        return self

    @property
    def axes(self) -> Array:
        """(3, 3) axes of the grasp frame in the frame of the base body, as columns."""
        y, z = np.array(self.closing), np.array(self.approach)
        return np.stack([np.cross(y, z), y, z], axis=1)

    @property
    def turned(self) -> bool:
        """Whether the base body's axes are other ones than the grasp frame's."""
        return bool(np.abs(self.axes - np.eye(3)).max() > 1e-9)


@dataclass(frozen=True, eq=False)
class Gripper:
    """A gripper ready to use: its file's values and its MJCF, one text that needs no other file.

    The base is a body whose frame has the approach as +z and the closing direction as y: the file's own, or one around
    it that the MJCF was given. The tool point lies midway between the pads; where
    a linkage moves them along the approach it is a function of the opening, and a grasp's frame is the tool point at
    the opening where the pads meet the object. The actuator's control is the speed of the opening (negative closes),
    its force that of each pad. A suction gripper (`SuctionFile`) has no opening: it is 0, and its joints are its lips.
    """

    file: GripperFile | SuctionFile
    mjcf: str

    @property
    def name(self) -> str:
        """The gripper's name."""
        return self.file.name

    @property
    def suction(self) -> bool:
        """Whether it holds by suction."""
        return isinstance(self.file, SuctionFile)

    @property
    def touching(self) -> tuple[str, ...]:
        """Names of the bodies whose contact tells what is held: the fingers, or the segments of the lips."""
        return self.file.joints if isinstance(self.file, SuctionFile) else self.file.fingers

    @property
    def base(self) -> str:
        """Name of the base."""
        return TURNED if self.file.turned else self.file.base

    @property
    def actuator(self) -> str:
        """Name of the actuator of the opening."""
        return self.file.actuator or DRIVE

    @property
    def zero_length(self) -> float:
        """Length of the actuator's tendon when the hand is closed, m: its target at an opening is this much more."""
        return 0.0 if self.file.actuator else 2 * BEHIND

    @property
    def T_base_tcp(self) -> Array:
        """(4, 4) pose of the open hand's tool frame in the base frame."""
        return pose(translation=self.file.axes.T @ np.array(self.file.tcp) if self.file.turned else self.file.tcp)

    @property
    def T_body_tcp(self) -> Array:
        """(4, 4) pose of the open hand's tool frame in the frame of the body that the file calls its base."""
        return pose(self.file.axes, self.file.tcp)

    @property
    def tool_moves(self) -> bool:
        """Whether the tool point moves in the base as the hand closes."""
        return self.postures.moves

    def tool_point(self, width: ArrayLike) -> Array:
        """(…, 3) tool point in the base frame at openings of any shape, m."""
        width = np.asarray(width, float)
        if not self.tool_moves:
            return np.broadcast_to(self.T_base_tcp[:3, 3], (*width.shape, 3))
        return self.postures.tool_point(width.ravel()).reshape(*width.shape, 3)

    def T_base_tool(self, width: ArrayLike) -> Array:
        """(…, 4, 4) pose of the tool frame in the base frame at openings."""
        return pose(translation=self.tool_point(width))

    def T_body_tool(self, width: ArrayLike) -> Array:
        """(…, 4, 4) pose of the tool frame, at openings, in the frame of the body that the file calls its base."""
        axes = self.file.axes
        return pose(axes, self.tool_point(width) @ axes.T)

    def T_tool_base(self, width: ArrayLike) -> Array:
        """(…, 4, 4) pose of the base frame in the tool frame at openings."""
        return inverse(self.T_base_tool(width))

    @cached_property
    def postures(self) -> Postures:
        """Where its joints and tool point are at every opening."""
        return _postures(self.file, self.mjcf)

    @property
    def joints(self) -> tuple[str, ...]:
        """Names of all joints of the hand."""
        return self.postures.joints

    def opening(self, positions: Array) -> Array:
        """(n,) openings of (n, joints) positions of `joints`, m."""
        return self.postures.opening(positions)

    def opening_rate(self, positions: Array, rates: Array) -> Array:
        """(n,) m/s of the opening, from (n, joints) positions of `joints` and their rates."""
        return self.postures.rate(positions, rates)

    def spec(self) -> mujoco.MjSpec:
        """Return a fresh, editable copy of the gripper's model."""
        return self._parsed.copy()

    @cached_property
    def _parsed(self) -> mujoco.MjSpec:
        return mujoco.MjSpec.from_string(self.mjcf)

    @cached_property
    def definition(self) -> str:
        """The YAML's values and the MJCF, whole, and a hash: JSON.

        Where the tool point moves or the joints are no slides, `course` has rows of the opening (m), the tool point
        there (m, in the frame of the file's base) and the driven joints.
        """
        content: dict[str, Any] = {"yaml": self.file.model_dump(mode="json", exclude_none=True), "mjcf": self.mjcf}
        p = self.postures
        if not p.summed or p.moves:
            course = np.concatenate([p.width[:, None], p.tool @ self.file.axes.T, p.positions[:, p.drivers]], axis=1)
            content["course"] = course.round(9).tolist()
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return json.dumps({**content, "sha256": digest}, sort_keys=True)


def gripper_file(written: Any) -> GripperFile | SuctionFile:
    """Validate what a gripper's YAML says, by its kind.

    Raises:
        ValidationError: it is not valid.
    """
    return form(written).model_validate(written)


def form(written: Any) -> type[GripperFile | SuctionFile]:
    """Return what holds the values of a gripper's YAML, by its kind."""
    return SuctionFile if isinstance(written, dict) and written.get("kind") == "suction" else GripperFile


@lru_cache(maxsize=32)
def prepared_mjcf(file: GripperFile | SuctionFile, mjcf: str) -> str:
    """Return the MJCF of the hand alone, with an actuator of its opening, or with its lips.

    Raises:
        GripperError: it does not compile, lacks something that the file names, or does not move as a jaw.
    """
    label = file.model or "the jaw"
    try:
        spec = mujoco.MjSpec.from_string(mjcf)
        model = spec.compile()
    except ValueError as error:
        raise GripperError(f"{label} does not compile: {' '.join(str(error).split())}") from error
    if isinstance(file, SuctionFile):
        known = [e.name for e in spec.bodies]
        if file.base not in known:
            raise GripperError(f"{label} has no body '{file.base}'{nearest(file.base, known)}")
        hand = hand_spec(spec, file.base)
        add_lips(hand, file)
        hand.compile()
        return str(hand.to_xml())
    wanted = [
        ("body", spec.bodies, (file.base, *file.fingers)),
        ("joint", spec.joints, file.joints),
        ("actuator", spec.actuators, (file.actuator,) if file.actuator else ()),
    ]
    for kind, elements, names in wanted:
        known = [e.name for e in elements]
        for name in names:
            if name not in known:
                raise GripperError(f"{label} has no {kind} '{name}'{nearest(name, known)}")
    if file.actuator and not file.turned:
        return mjcf
    try:
        check_size(model)
    except GripperError as error:
        raise GripperError(f"{label}: {error}") from None
    hand = hand_spec(spec, file.base, file.axes if file.turned else None, own_drive=bool(file.actuator))
    for kind, elements, names in (("body", hand.bodies, file.fingers), ("joint", hand.joints, file.joints)):
        known = [e.name for e in elements]
        for name in names:
            if name not in known:
                raise GripperError(f"{label}: the {kind} '{name}' is not on the base '{file.base}'")
    if not file.actuator:
        base, tcp = _base(file)
        add_drive(hand, base, file.fingers, file.joints, tcp, file.stroke, file.max_force, file.closing_speed)
    hand.compile()
    return str(hand.to_xml())


@lru_cache(maxsize=32)
def _postures(file: GripperFile | SuctionFile, mjcf: str) -> Postures:
    if isinstance(file, SuctionFile):
        return still_postures(file)
    base, tcp = _base(file)
    return measure(mujoco.MjSpec.from_string(mjcf), base, file.fingers, file.joints, tcp, file.stroke)


def _base(file: GripperFile) -> tuple[str, Array]:
    """Return the name of the base of a prepared model, and the open hand's tool point in its frame."""
    return (TURNED if file.turned else file.base), file.axes.T @ np.array(file.tcp)


def opening_to_joints(gripper: Gripper, width: ArrayLike) -> Array:
    """Return the (n, joints) positions of all its joints, in the order of `Gripper.joints`, at (n,) openings."""
    return gripper.postures.at(np.asarray(width, float))
