"""What a dataset itself holds, ready to be used again: its recipe, its objects, its gripper, its physics profile."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import mujoco
from pydantic import ValidationError

from graspgen import __version__
from graspgen.dataset.guards import inside
from graspgen.dataset.layout import OBJECTS, arena_mesh
from graspgen.dataset.reader import Dataset
from graspgen.errors import DatasetError, GripperError, ObjectError
from graspgen.grasps.profile import Profile
from graspgen.grippers.gripper import Gripper, gripper_file
from graspgen.libraries import libraries
from graspgen.objects.asset import Asset
from graspgen.objects.library import load_asset
from graspgen.recipe import Recipe
from graspgen.scene.plan import ScenePlan


def stored_recipe(dataset: Dataset) -> Recipe:
    """Return the recipe of a dataset.

    Raises:
        DatasetError: this graspgen cannot read it.
    """
    try:
        return Recipe.model_validate(dataset.recipe)
    except ValueError as error:
        version = dataset.attrs["graspgen_version"]
        raise DatasetError(
            f"{dataset.path}: this graspgen cannot read the recipe that graspgen {version} stored "
            f"({_cause(error)}); use that version"
        ) from None


def stored_gripper(dataset: Dataset) -> Gripper:
    """Return the gripper of a dataset, from the definition that it stores.

    Raises:
        DatasetError: it holds no gripper or several, or the definition is damaged.
        GripperError: this graspgen cannot use it.
    """
    table = dataset.grippers
    if len(table) != 1:
        raise DatasetError(f"{dataset.path} holds {len(table)} grippers; its grasps must all be of one")
    definition, name = str(table["definition"][0]), str(table["name"][0])
    try:
        content = json.loads(definition)
        digest = content.pop("sha256")
        intact = digest == hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        written, mjcf = content["yaml"], content["mjcf"]
    except (ValueError, KeyError, TypeError, AttributeError):
        intact = False
    if not intact:
        raise DatasetError(f"{dataset.path}: the stored definition of the gripper '{name}' is damaged")
    try:
        gripper = Gripper(gripper_file(written), mjcf)
        gripper.spec().compile()
    except ValueError as error:
        raise GripperError(
            f"{dataset.path}: this graspgen cannot use the stored gripper '{name}' ({_cause(error)}); "
            f"use graspgen {dataset.attrs['graspgen_version']}, which made it"
        ) from None
    return gripper


def stored_profile(dataset: Dataset) -> Profile:
    """Return the physics profile of a dataset's trials, from the values that it stores.

    Raises:
        DatasetError: it holds no profile or several, or this graspgen cannot use it.
    """
    table = dataset.profiles
    if len(table) != 1:
        raise DatasetError(f"{dataset.path} holds {len(table)} physics profiles; its trials must all be of one")
    try:
        written = json.loads(str(table["options"][0]))
        return Profile.model_validate({name: written[name] for name in written if name != "mujoco_option"})
    except (ValueError, TypeError) as error:
        raise DatasetError(
            f"{dataset.path}: this graspgen cannot use the stored physics profile '{table['name'][0]}' "
            f"({_cause(error)}); use graspgen {dataset.attrs['graspgen_version']}, which made it"
        ) from None


def stored_fixtures(dataset: Dataset, plan: ScenePlan) -> dict[int, Asset]:
    """Return the meshes of a scene's arena, by their negative numbers, from the dataset's own copy.

    Raises:
        ObjectError: a mesh is missing or damaged.
    """
    return {n: load_asset((dataset.path / arena_mesh(n)).parent) for n in plan.arena.meshes}


def version_notes(dataset: Dataset) -> list[str]:
    """Name what differs between the dataset's maker and this program."""
    pairs = (
        ("MuJoCo", "mujoco_version", mujoco.__version__),
        ("graspgen", "graspgen_version", __version__),
    )
    notes = [
        f"the dataset was made with {name} {dataset.attrs[key]}, this is {mine}"
        for name, key, mine in pairs
        if str(dataset.attrs[key]) != mine
    ]
    here = libraries()
    others = {name: v for name, v in dataset.attrs.get("made_with", {}).items() if here.get(name) != v}
    if others:
        theirs, mine = (", ".join(f"{name} {which.get(name, '?')}" for name in others) for which in (others, here))
        notes.append(
            f"the dataset was made with {theirs}, this is {mine}: the last digits may differ, and contacts amplify that"
        )
    return notes


class StoredObjects:
    """The catalogue of a dataset's own `objects/`: it needs neither library nor families of the run."""

    def __init__(self, dataset: Dataset) -> None:
        table = dataset.assets
        self._folder = dataset.path / OBJECTS
        # Two assets of runs that were merged may have one name; each has its folder.
        folders = (PurePosixPath(str(mesh)).parent.name for mesh in table["mesh"])
        self._names: Mapping[int, str] = dict(zip(table["id"].tolist(), folders, strict=True))
        self._class_of = {k: str(c) for k, c in zip(table["id"].tolist(), table["class_name"], strict=True)}
        ids = table["class_id"].tolist()
        self._classes = [""] * max(ids, default=0)
        for number, name in zip(ids, table["class_name"], strict=True):
            self._classes[number - 1] = str(name)
        self._assets: dict[int, Asset] = {}

    def __len__(self) -> int:
        return len(self._names)

    @property
    def class_names(self) -> Sequence[str]:
        """Class names, in the order of their ids."""
        return self._classes

    @property
    def by_class(self) -> Mapping[str, Sequence[int]]:
        """Numbers of the stored assets by class."""
        found: dict[str, list[int]] = {}
        for number, name in sorted(self._class_of.items()):
            found.setdefault(name, []).append(number)
        return found

    def asset(self, number: int) -> Asset:
        """Read asset `number`, or return it from memory.

        Raises:
            ObjectError: the dataset does not hold it, or its files are missing or damaged.
        """
        if number not in self._names:
            raise ObjectError(f"the dataset does not hold asset {number}, which the scene's plan names")
        if number not in self._assets:
            self._assets[number] = load_asset(inside(self._folder, self._names[number]))
        return self._assets[number]


def _cause(error: ValueError) -> str:
    """Say in one line what pydantic or MuJoCo found wrong."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return " ".join(str(error).split())
