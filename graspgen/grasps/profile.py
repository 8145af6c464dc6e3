"""Physics profiles: named, versioned files that say how a trial is simulated and judged."""

from __future__ import annotations

import json
from typing import Any

import mujoco
import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from graspgen.distributions import Number
from graspgen.errors import RecipeError, nearest
from graspgen.paths import data_dir

Vector = tuple[float, float, float]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Option(_Section):
    """MuJoCo's option block, where it differs from MuJoCo's defaults."""

    timestep: float = Field(gt=0)
    integrator: str
    cone: str
    impratio: float
    iterations: int
    tolerance: float


class Contact(_Section):
    """Settings of every contact between hand and object."""

    condim: int
    solref: tuple[float, float]
    solimp: tuple[float, float, float, float, float]


class Protocol(_Section):
    """The course of a trial and its limits; units are in the profile's file."""

    sample_period: float = Field(gt=0)
    touch_time: float = Field(ge=0)
    approach_step: float = Field(gt=0)
    close_time_limit: float = Field(gt=0)
    stall_speed: float = Field(gt=0)
    still_speed: float = Field(gt=0)
    acceleration: float = Field(gt=0)
    ladder: tuple[float, ...]
    directions: tuple[Vector, ...]
    turns: tuple[Vector, ...]
    turn_arm: float = Field(gt=0)
    duration: float = Field(gt=0)
    patience: int = Field(ge=1)
    hold: float = Field(gt=0)
    max_drift: float = Field(gt=0)
    max_rotation_deg: float = Field(gt=0)
    max_speed: float = Field(gt=0)
    max_spin: float = Field(gt=0)

    @model_validator(mode="after")
    def _has_nominal(self) -> Protocol:
        if list(self.ladder) != sorted(set(self.ladder)) or 1.0 not in self.ladder or self.ladder[0] <= 0:
            raise ValueError(f"the ladder must ascend from above 0 and hold 1, got {list(self.ladder)}")
        return self


class SceneProtocol(_Section):
    """The course of an in-scene trial, where it differs from the free one; units are in the profile's file.

    What is not here (looks, the close, the limits of drift and rotation) is the free trial's.
    """

    sample_period: float = Field(gt=0)
    approach_speed: float = Field(gt=0)
    settle: float = Field(ge=0)
    lift: float = Field(gt=0)
    lift_speed: float = Field(gt=0)
    hold: float = Field(gt=0)
    patience: int = Field(ge=1)
    shake_time: float = Field(gt=0)
    shakes: tuple[Vector, ...]
    shake_turns: tuple[Vector, ...]
    force: float = Field(gt=0)
    torque: float = Field(gt=0)
    stiffness: float = Field(gt=0)
    turn_stiffness: float = Field(gt=0)
    max_lag: float = Field(gt=0)
    max_turn_lag_deg: float = Field(gt=0)
    neighbour_rise: float = Field(gt=0)
    sleep: bool


class DrawSpread(_Section):
    """How repeated trials differ from the nominal one."""

    friction_factor: Number("", 0.01, 100)
    mass_factor: Number("", 0.01, 100)
    com_offset: Number("", -1, 1)
    position_noise: Number("m", -0.1, 0.1)
    rotation_noise_deg: Number("deg", -45, 45)


class Profile(_Section):
    """How a trial, in free space or in a scene, is simulated and judged."""

    name: str
    version: int = Field(ge=1)
    option: Option
    contact: Contact
    protocol: Protocol
    scene: SceneProtocol
    draws: DrawSpread

    def apply(self, spec: mujoco.MjSpec) -> None:
        """Set the option block of a spec. Gravity is off: disturbances are accelerations of the frame."""
        o = spec.option
        o.timestep = self.option.timestep
        o.integrator = getattr(mujoco.mjtIntegrator, f"mjINT_{self.option.integrator.upper()}")
        o.cone = getattr(mujoco.mjtCone, f"mjCONE_{self.option.cone.upper()}")
        o.impratio = self.option.impratio
        o.iterations = self.option.iterations
        o.tolerance = self.option.tolerance
        o.gravity = [0, 0, 0]

    def geom(self) -> dict[str, Any]:
        """Return the attributes of the object's geoms: their priority makes their settings and friction rule.

        MuJoCo takes the larger friction of two geoms of equal priority, so that lowering one side alone does nothing;
        with the object's geoms above the hand's, the object's friction is the friction of the pair.
        """
        return {
            "condim": self.contact.condim,
            "solref": self.contact.solref,
            "solimp": self.contact.solimp,
            "priority": 1,
        }

    def options_json(self) -> str:
        """Return the profile and MuJoCo's whole option block under it as JSON."""
        spec = mujoco.MjSpec()
        self.apply(spec)
        option = spec.compile().opt
        names = sorted(n for n in dir(option) if not n.startswith("_") and not callable(getattr(option, n)))
        block = {n: np.asarray(getattr(option, n)).tolist() for n in names}
        return json.dumps({**self.model_dump(mode="json"), "mujoco_option": block}, sort_keys=True)


def list_profiles() -> list[str]:
    """Return the names of the shipped profiles, sorted."""
    return sorted(p.stem for p in (data_dir("models") / "profiles").glob("*.yaml"))


def load_profile(name: str) -> Profile:
    """Load a shipped physics profile.

    Raises:
        RecipeError: there is no such profile, or its file is not valid.
    """
    path = data_dir("models") / "profiles" / f"{name}.yaml"
    if not path.is_file():
        raise RecipeError(f"no physics profile '{name}'{nearest(name, list_profiles())}")
    try:
        return Profile.model_validate(yaml.safe_load(path.read_text()))
    except ValidationError as error:
        first = error.errors()[0]
        raise RecipeError(f"profile {path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def as_profile(given: str | Profile) -> Profile:
    """Return a profile that is given itself or by its name.

    Raises:
        RecipeError: as `load_profile`.
    """
    return given if isinstance(given, Profile) else load_profile(given)
