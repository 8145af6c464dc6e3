"""A gripper: an MJCF and a short YAML beside it. The YAML's keys are the fields of `GripperFile`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import mujoco
import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graspgen.errors import GripperError, nearest
from graspgen.frames import Array, pose
from graspgen.paths import data_dir


class GripperFile(BaseModel):
    """What a gripper's YAML says. Lengths are metres, in the frame of the base body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")
    kind: Literal["parallel_jaw"]
    model: str
    base: str
    fingers: tuple[str, str]
    joints: tuple[str, str]
    actuator: str
    tcp: tuple[float, float, float]
    stroke: float = Field(gt=0, le=1)
    max_force: float = Field(gt=0)
    force: float = Field(gt=0)
    closing_speed: float = Field(gt=0)
    pad: tuple[float, float]
    source: str = ""


@dataclass(frozen=True, eq=False)
class Gripper:
    """A gripper ready to use: its file's values and its MJCF.

    The approach is the base frame's +z, the closing direction its y; an opening of `width` puts both finger joints at
    width / 2. The actuator's control is the speed of the opening (negative closes), its force that of each pad.
    """

    file: GripperFile
    mjcf: str

    @property
    def name(self) -> str:
        """The gripper's name."""
        return self.file.name

    @property
    def T_base_tcp(self) -> Array:
        """(4, 4) pose of the grasp frame in the base frame."""
        return pose(translation=self.file.tcp)

    def spec(self) -> mujoco.MjSpec:
        """Return a fresh, editable copy of the gripper's model."""
        return mujoco.MjSpec.from_string(self.mjcf)

    @cached_property
    def definition(self) -> str:
        """The YAML's values and the MJCF, whole, with their hash, as JSON."""
        content = {"yaml": self.file.model_dump(mode="json"), "mjcf": self.mjcf}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return json.dumps({**content, "sha256": digest}, sort_keys=True)


def list_grippers() -> list[str]:
    """Return the names of the shipped grippers, sorted."""
    return sorted(p.stem for p in (data_dir("models") / "grippers").glob("*.yaml"))


def load_gripper(name_or_path: str) -> Gripper:
    """Load a shipped gripper by its name, or any gripper by the path of its YAML file.

    Raises:
        GripperError: it is unknown, or its YAML or MJCF is not valid.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = data_dir("models") / "grippers" / f"{name_or_path}.yaml"
        if not path.is_file():
            raise GripperError(f"no gripper '{name_or_path}'{nearest(name_or_path, list_grippers())}")
    try:
        written = yaml.safe_load(path.read_text())
        file = GripperFile.model_validate(written)
        mjcf = (path.parent / file.model).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise GripperError(f"gripper {path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise GripperError(f"gripper {path}: not valid YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        # An unknown key explains the missing one that it was meant for.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        key = ".".join(map(str, first["loc"])) or "the file"
        hint = nearest(key, GripperFile.model_fields) if first["type"] == "extra_forbidden" else ""
        raise GripperError(f"gripper {path}: {key}: {first['msg']}{hint}") from error
    gripper = Gripper(file, mjcf)
    _check_names(gripper, path)
    return gripper


def as_gripper(given: str | Path | Gripper) -> Gripper:
    """Return a gripper that is given itself, by its name, or by the path of its YAML file.

    Raises:
        GripperError: as `load_gripper`.
    """
    return given if isinstance(given, Gripper) else load_gripper(str(given))


def _check_names(gripper: Gripper, path: Path) -> None:
    try:
        spec = gripper.spec()
        spec.compile()
    except ValueError as error:
        raise GripperError(
            f"gripper {path}: {gripper.file.model} does not compile: {' '.join(str(error).split())}"
        ) from error
    file = gripper.file
    wanted = [
        ("body", spec.bodies, (file.base, *file.fingers)),
        ("joint", spec.joints, file.joints),
        ("actuator", spec.actuators, (file.actuator,)),
    ]
    for kind, elements, names in wanted:
        known = [e.name for e in elements]
        for name in names:
            if name not in known:
                raise GripperError(f"gripper {path}: {file.model} has no {kind} '{name}'{nearest(name, known)}")


def opening_to_joints(gripper: Gripper, width: Array) -> Array:
    """Return the (n, 2) joint positions of the (n,) openings, m."""
    return np.repeat(np.asarray(width, float)[:, None] / 2, len(gripper.file.joints), axis=1)
