"""Find a gripper: a shipped one, a user's YAML with an MJCF beside it, a bare MJCF, or one of MuJoCo Menagerie."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from graspgen.errors import GripperError, nearest
from graspgen.grippers.forms import KINDS, AnyFile, form, gripper_file
from graspgen.grippers.given_text import given_yaml
from graspgen.grippers.hand import Gripper, opening_to_joints
from graspgen.grippers.inspect import Guess, inspect_mjcf
from graspgen.grippers.jaw_file import GripperFile
from graspgen.grippers.menagerie import MENAGERIE, menagerie_mjcf
from graspgen.grippers.mjcf import read_mjcf
from graspgen.grippers.parametric import JawShape, parametric_mjcf
from graspgen.grippers.prepare import prepared_mjcf
from graspgen.paths import data_dir

__all__ = [
    "Gripper",
    "GripperFile",
    "as_gripper",
    "gripper_file",
    "guess_gripper",
    "list_grippers",
    "load_gripper",
    "opening_to_joints",
]


def list_grippers() -> list[str]:
    """Return the names of the shipped grippers, sorted."""
    return sorted(p.stem for p in (data_dir("models") / "grippers").glob("*.yaml"))


def load_gripper(name_or_path: str) -> Gripper:
    """Load a gripper.

    Args:
        name_or_path: name of a shipped one, path of a gripper's YAML file, path of an MJCF, whose file is guessed then,
            or `menagerie:NAME`.

    Raises:
        GripperError: it is unknown, or its YAML or MJCF is not valid.
    """
    path = Path(name_or_path)
    if name_or_path.startswith(MENAGERIE) or path.suffix == ".xml":
        return guess_gripper(name_or_path)[0]
    if path.suffix not in (".yaml", ".yml"):
        path = data_dir("models") / "grippers" / f"{name_or_path}.yaml"
        if not path.is_file():
            raise GripperError(f"no gripper '{name_or_path}'{nearest(name_or_path, list_grippers())}")
    file = _read_file(path)
    if isinstance(file, GripperFile) and file.jaw is not None:
        mjcf = parametric_mjcf(file.name, file.jaw, file.stroke, file.pad)
    else:
        mjcf = read_mjcf(path.parent / str(file.model), f"gripper {path}")
    try:
        return Gripper(file, prepared_mjcf(file, mjcf))
    except GripperError as error:
        raise GripperError(f"gripper {path}: {error}") from None


def guess_gripper(mjcf: str) -> tuple[Gripper, Guess]:
    """Load a gripper from an MJCF alone; what its file would say is guessed (`graspgen.grippers.inspect`).

    Args:
        mjcf: path of an MJCF, or `menagerie:NAME`.

    Raises:
        GripperError: it cannot be had, or is no jaw.
    """
    path = menagerie_mjcf(mjcf.removeprefix(MENAGERIE)) if mjcf.startswith(MENAGERIE) else Path(mjcf)
    guess = inspect_mjcf(path)
    if mjcf.startswith(MENAGERIE):
        name = mjcf.replace(":", "_")
        guess = Guess(guess.file.model_copy(update={"name": name, "source": mjcf}), guess.notes)
    try:
        return Gripper(guess.file, prepared_mjcf(guess.file, read_mjcf(path, f"gripper {mjcf}"))), guess
    except GripperError as error:
        raise GripperError(f"gripper {mjcf}: {error}") from None


def as_gripper(given: str | Path | Gripper) -> Gripper:
    """Return a gripper that is given itself, by its name, or by the path of its YAML file.

    Raises:
        GripperError: as `load_gripper`.
    """
    return given if isinstance(given, Gripper) else load_gripper(str(given))


def _read_file(path: Path) -> AnyFile:
    written = given_yaml(path, f"gripper {path}")
    kind = written.get("kind", KINDS[0])
    if kind not in KINDS:
        raise GripperError(f"gripper {path}: kind: there is no kind {kind!r}{nearest(str(kind), KINDS)}")
    try:
        return gripper_file(written)
    except ValidationError as error:
        # An unknown key explains the missing one that it was meant for.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        key = ".".join(map(str, first["loc"])) or "the file"
        known = JawShape.model_fields if first["loc"][:1] == ("jaw",) else form(written).model_fields
        hint = nearest(str(first["loc"][-1]), known) if first["type"] == "extra_forbidden" else ""
        raise GripperError(f"gripper {path}: {key}: {first['msg'].removeprefix('Value error, ')}{hint}") from error
