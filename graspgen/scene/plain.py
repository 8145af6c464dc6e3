"""What plans are made of: immutable plain data, with fixed-length vectors that JSON keeps exactly."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Vector = tuple[float, float, float]
Matrix3 = tuple[Vector, Vector, Vector]
Matrix4 = tuple[
    tuple[float, float, float, float],
    tuple[float, float, float, float],
    tuple[float, float, float, float],
    tuple[float, float, float, float],
]

#: The pose that moves nothing.
IDENTITY: Matrix4 = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))


class Plain(BaseModel):
    """Base of all parts of a plan: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
