"""A gripper that is ready to be simulated: the values of its YAML and one MJCF."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import mujoco
import numpy as np
from numpy.typing import ArrayLike

from graspgen.errors import GripperError
from graspgen.frames import Array, inverse, pose
from graspgen.grippers.defaults import forget_defaults
from graspgen.grippers.drive import BEHIND, DRIVE
from graspgen.grippers.finger_postures import FingerPostures, measure_fingers
from graspgen.grippers.fingers import SERVO, FingersFile
from graspgen.grippers.forms import AnyFile
from graspgen.grippers.jaw_file import GripperFile
from graspgen.grippers.mjcf import TURNED, drop_looks
from graspgen.grippers.postures import Postures, measure
from graspgen.grippers.prepare import jaw_base
from graspgen.grippers.suction import SuctionFile, still_postures


@dataclass(frozen=True, eq=False)
class Gripper:
    """A gripper ready to use: its file's values and its MJCF, one text that needs no other file.

    The base is a body whose frame has the approach as +z and the closing direction as y: the file's own, or one around
    it that the MJCF was given. The tool point lies midway between the pads; where
    a linkage moves them along the approach it is a function of the opening, and a grasp's frame is the tool point at
    the opening where the pads meet the object. The actuator's control is the speed of the opening (negative closes),
    its force that of each pad. A suction gripper (`SuctionFile`) has no opening: it is 0, and its joints are its lips.
    A multi-finger hand (`FingersFile`) has a position servo on every driven joint, and its tool point stands still.
    """

    file: AnyFile
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
    def jaw(self) -> bool:
        """Whether it holds between two pads."""
        return isinstance(self.file, GripperFile)

    @property
    def fingered(self) -> bool:
        """Whether it is a hand of several fingers, each of whose driven joints has a servo of its own."""
        return isinstance(self.file, FingersFile)

    @property
    def touching(self) -> tuple[str, ...]:
        """Names of the bodies whose contact tells what is held: fingers, segments of lips; of hands the palm, last."""
        if isinstance(self.file, FingersFile):
            return (*self.file.fingers, self.file.base)
        return self.file.joints if isinstance(self.file, SuctionFile) else self.file.fingers

    @property
    def base(self) -> str:
        """Name of the base."""
        return TURNED if self.file.turned else self.file.base

    @property
    def servos(self) -> tuple[str, ...]:
        """Names of the servos of a multi-finger hand's driven joints; none of other grippers."""
        return tuple(SERVO + j for j in self.file.joints) if isinstance(self.file, FingersFile) else ()

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

    def trial_spec(self) -> mujoco.MjSpec:
        """Return a fresh, editable copy without what is only seen: geoms that never touch, and meshes of those."""
        return self._bare.copy()

    @cached_property
    def _parsed(self) -> mujoco.MjSpec:
        return forget_defaults(mujoco.MjSpec.from_string(self.mjcf))

    @cached_property
    def _bare(self) -> mujoco.MjSpec:
        spec = self.spec()
        drop_looks(spec, keep=set(self.file.joints) if self.suction else set())
        return spec

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


@lru_cache(maxsize=32)
def _postures(file: AnyFile, mjcf: str) -> Postures:
    if isinstance(file, SuctionFile):
        return still_postures(file)
    base, tcp = jaw_base(file)
    if isinstance(file, FingersFile):
        try:
            return measure_fingers(mujoco.MjSpec.from_string(mjcf), base, file, tcp)
        except GripperError as error:
            raise GripperError(f"gripper {file.name}: {error}") from None
    return measure(mujoco.MjSpec.from_string(mjcf), base, file.fingers, file.joints, tcp, file.stroke)


def opening_to_joints(gripper: Gripper, width: ArrayLike, pregrasp: Array | None = None) -> Array:
    """Return where all joints of the open hand are.

    Args:
        gripper: the hand.
        width: (n,) openings, m.
        pregrasp: (n, d) positions of the driven joints of a multi-finger hand before closing; None, or d = 0, where the
            opening says it all.

    Returns:
        (n, joints) positions, in the order of `Gripper.joints`.
    """
    if pregrasp is not None and pregrasp.shape[-1] and isinstance(gripper.postures, FingerPostures):
        return gripper.postures.full(pregrasp)
    return gripper.postures.at(np.asarray(width, float))
