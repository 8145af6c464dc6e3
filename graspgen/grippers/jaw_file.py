"""What the YAML of a jaw says."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from graspgen.grippers.frame_axes import FrameAxes
from graspgen.grippers.parametric import BASE, FINGERS, JOINTS, JawShape, parametric_tcp


class GripperFile(FrameAxes, BaseModel):
    """What a gripper's YAML says. Lengths are metres, in the frame of the base body."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

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
    pad: tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(gt=0, le=1)]]
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
