"""Find an arm: a shipped YAML that says which installed package has its MJCF, a user's YAML, or a bare MJCF."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from graspgen.arms.errors import ArmError
from graspgen.arms.model import ArmModel, Servos, read_arm
from graspgen.errors import GripperError, nearest
from graspgen.grippers.menagerie import MENAGERIE, menagerie_mjcf
from graspgen.paths import data_dir

#: Of an arm of which only the MJCF is known: largest speed of its joints, rad/s, and its distance, m.
_SPEED, _DISTANCE = 2.0, 0.5
#: The flange of such an arm: Menagerie's name.
_FLANGE = "attachment_site"


class Source(BaseModel):
    """Where an arm's MJCF is: a file in a package, one of MuJoCo Menagerie, or a file beside the YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: str | None = None
    """Name of a Python package with the file."""
    pip: str | None = None
    """What to install for it."""
    file: str | None = None
    """Path in the package, or from the YAML."""
    menagerie: str | None = None
    """Folder and entry in Menagerie."""

    @model_validator(mode="after")
    def _one(self) -> Source:
        if (self.file is None) == (self.menagerie is None):
            raise ValueError("say either 'file', with its 'package' where it is in one, or 'menagerie'")
        return self


class ArmFile(BaseModel):
    """What an arm's YAML says. Angles are radians."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")
    sources: tuple[Source, ...] = Field(min_length=1)
    """Where its MJCF is; the first that is installed."""
    flange: str = _FLANGE
    """A site, or a body, that the hand stands on; its z points out of the arm."""
    turn_deg: float = 0.0
    """How the hand is turned on the flange, about its z, degrees."""
    home: tuple[float, ...] | None = None
    """Joints where inverse kinematics begins to search; the arm faces the tool there. None: its keyframe `home`."""
    speed: tuple[float, ...] | None = None
    """Largest speed of each joint, rad/s; None for 2."""
    distance: float = Field(default=_DISTANCE, gt=0)
    """m from its base to the world's origin, on the side of +y."""
    servos: Servos | None = None
    """Position servos instead of the model's actuators."""


@dataclass(frozen=True, eq=False)
class Arm:
    """An arm ready to be put into scenes.

    Attributes:
        name: of it.
        model: its MJCF, made ready.
        home: (n,) joints, rad, where inverse kinematics begins to search.
        speed: (n,) largest speeds, rad/s.
        distance: m from its base to the world's origin.
    """

    name: str
    model: ArmModel
    home: tuple[float, ...]
    speed: tuple[float, ...]
    distance: float


def list_arms() -> list[str]:
    """Return the names of the arms that graspgen knows, sorted."""
    return sorted(p.stem for p in (data_dir("models") / "arms").glob("*.yaml"))


@lru_cache(maxsize=8)
def load_arm(name_or_path: str) -> Arm:
    """Load an arm.

    Args:
        name_or_path: name of a known one, path of an arm's YAML, path of an MJCF, or `menagerie:NAME`; of a bare MJCF,
            the flange is the site `attachment_site`.

    Raises:
        ArmError: it is unknown, its package is not installed, or its YAML or MJCF is not valid.
    """
    path = Path(name_or_path)
    if name_or_path.startswith(MENAGERIE):
        source = Source(menagerie=name_or_path.removeprefix(MENAGERIE))
        file = ArmFile(name=name_or_path.replace(":", "_").replace("/", "_"), sources=(source,))
    elif path.suffix == ".xml":
        file = ArmFile(
            name="".join(c if c.isalnum() else "_" for c in path.stem)[:64], sources=(Source(file=path.name),)
        )
    else:
        if path.suffix not in (".yaml", ".yml"):
            path = data_dir("models") / "arms" / f"{name_or_path}.yaml"
            if not path.is_file():
                raise ArmError(f"no arm '{name_or_path}'{nearest(name_or_path, list_arms())}")
        file = _read_file(path)
    model = read_arm(_mjcf(file, path.parent), f"arm {file.name}", file.flange, file.turn_deg, file.servos)
    n = len(model.joints)
    home = file.home if file.home is not None else model.home
    speed = file.speed if file.speed is not None else (_SPEED,) * n
    for what, given in (("home", home), ("speed", speed)):
        if len(given) != n:
            raise ArmError(f"arm {file.name}: {what} has {len(given)} numbers, the arm has {n} joints")
    return Arm(file.name, model, home, speed, file.distance)


def _mjcf(file: ArmFile, folder: Path) -> Path:
    """Return the path of the MJCF, of the first source that is there."""
    wanted = []
    for source in file.sources:
        if source.menagerie is not None:
            try:
                return menagerie_mjcf(source.menagerie)
            except GripperError as error:
                wanted.append("'graspgen[menagerie]' and a network once" if "needs the package" in str(error) else "")
                why = str(error)
        elif source.package is None:
            if (folder / str(source.file)).is_file():
                return folder / str(source.file)
            raise ArmError(f"arm {file.name}: {folder / str(source.file)} is missing")
        else:
            found = find_spec(source.package)
            if found is not None and found.submodule_search_locations:
                path = Path(found.submodule_search_locations[0]) / str(source.file)
                if path.is_file():
                    return path
            wanted.append(str(source.pip or source.package))
    if wanted == [""]:
        raise ArmError(f"arm {file.name}: {why}")
    raise ArmError(
        f"arm {file.name} needs its model: pip install {' (or '.join(w for w in wanted if w)}"
        + ")" * (sum(map(bool, wanted)) - 1)
    )


def _read_file(path: Path) -> ArmFile:
    try:
        return ArmFile.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, UnicodeDecodeError) as error:
        raise ArmError(f"arm {path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ArmError(f"arm {path}: not valid YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        hint = nearest(str(first["loc"][-1]), ArmFile.model_fields) if first["type"] == "extra_forbidden" else ""
        raise ArmError(f"arm {path}: {key}: {first['msg'].removeprefix('Value error, ')}{hint}") from error
