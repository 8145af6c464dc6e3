"""What a user can say about an import of meshes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from graspgen.errors import ObjectError
from graspgen.objects.coacd_run import TIME_LIMIT, Decomposition
from graspgen.objects.decimate import FACES
from graspgen.objects.library import is_valid_name
from graspgen.objects.mesh_units import UNITS


@dataclass(frozen=True)
class ImportOptions:
    """How to import; the same for all files.

    Attributes:
        scale: factor from the file's unit to metres.
        target_size: largest extent that the object shall have, m; instead of `scale`.
        units: "m", "cm", "mm" or "in"; instead of `scale`.
        unit_guess: guess the unit of a mesh that would be no object in metres.
        up: the axis of the file that points up: "y" turns it onto z.
        mass: kg; or
        density: kg/m³. Where neither is given the file's own mass counts, else 600 kg/m³.
        friction: sliding friction; the file's own, else 0.6, when not given.
        class_name: of all; each object's own when not given.
        licence: of the meshes, stored with them.
        faces: most faces of the drawn mesh.
        decomposition: parameters of the convex decomposition.
        time_limit: of one run of CoACD, s; what meets it is refused.
        given_parts: use the collision parts of a URDF or MJCF where they are convex and good.
        overwrite: replace assets of the same name.
    """

    scale: float = 1.0
    target_size: float | None = None
    units: str | None = None
    unit_guess: bool = True
    up: Literal["y", "z"] = "z"
    mass: float | None = None
    density: float | None = None
    friction: float | None = None
    class_name: str | None = None
    licence: str = ""
    faces: int = FACES
    decomposition: Decomposition = field(default_factory=Decomposition)
    time_limit: float = TIME_LIMIT
    given_parts: bool = True
    overwrite: bool = False

    def __post_init__(self) -> None:
        positive = {
            "scale": self.scale, "target size": self.target_size, "mass": self.mass, "density": self.density,
            "friction": self.friction, "time limit": self.time_limit, "threshold": self.decomposition.threshold,
        }  # fmt: skip
        for label, value in positive.items():
            if value is not None and not (np.isfinite(value) and value > 0):
                raise ObjectError(f"the {label} must be a number above 0, got {value:g}")
        if self.decomposition.threshold > 1:
            raise ObjectError(f"a threshold of {self.decomposition.threshold:g} is above 1, which would cut nothing")
        if self.target_size is not None and self.scale != 1.0:
            raise ObjectError("both a scale and a target size are given; pass one of them")
        if self.units is not None and (self.scale != 1.0 or self.target_size is not None):
            raise ObjectError("a unit is given beside a scale or a target size; pass one of them")
        if self.units is not None and self.units not in UNITS:
            raise ObjectError(f"'{self.units}' is not a unit; use {', '.join(UNITS)}")
        if self.up not in ("y", "z"):
            raise ObjectError(f"'{self.up}' cannot be up; use y or z")
        if self.mass is not None and self.density is not None:
            raise ObjectError("both a mass and a density are given; pass one of them")
        if self.class_name is not None and not is_valid_name(self.class_name):
            raise ObjectError(f"'{self.class_name}' is not a valid class name; use letters, digits, '_', '-' and '.'")
        if self.faces < 100:
            raise ObjectError(f"{self.faces} faces are too few to draw an object; allow 100 at least")
        if self.decomposition.method not in ("auto", "coacd", "walls"):
            raise ObjectError(f"'{self.decomposition.method}' is no way to cut; use auto, coacd or walls")
        if self.decomposition.max_parts < 1:
            raise ObjectError("an object needs one convex part at least")
