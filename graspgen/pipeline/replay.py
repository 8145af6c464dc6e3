"""Make a scene of a dataset again, from what the dataset itself holds; compare every column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.dataset.record import SceneRecord
from graspgen.dataset.schema import TABLES
from graspgen.errors import DatasetError, ObjectError
from graspgen.grasps.profile import load_profile
from graspgen.grippers.gripper import load_gripper
from graspgen.objects.asset import Asset
from graspgen.objects.library import load_asset
from graspgen.pipeline.scene import SceneContext, finish_scene
from graspgen.recipe import Recipe
from graspgen.scene.make import settle_plan
from graspgen.scene.plan import ScenePlan

# Columns whose difference is shown; the others are counted.
_SHOWN = 8


@dataclass(frozen=True)
class Difference:
    """A column that came out differently.

    Attributes:
        column: "table.column".
        message: the first row that differs, and how.
    """

    column: str
    message: str


@dataclass(frozen=True)
class ReplayReport:
    """What a replay found.

    Attributes:
        scene: index of the scene.
        columns: how many columns were compared.
        differences: those that are not identical.
        notes: what may explain them, for example another version of MuJoCo.
    """

    scene: int
    columns: int
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """Whether every column is the same, bit by bit."""
        return not self.differences

    def lines(self) -> list[str]:
        """Return the report for people."""
        if self.identical:
            told = [f"scene {self.scene}: identical ({self.columns} columns)"]
        else:
            total = f"{len(self.differences)} of {self.columns} columns"
            told = [f"scene {self.scene}: {total} differ"]
            told += [f"  {d.column}: {d.message}" for d in self.differences[:_SHOWN]]
            if len(self.differences) > _SHOWN:
                told.append(f"  and {len(self.differences) - _SHOWN} more columns")
        return told + [f"note: {note}" for note in self.notes]


def replay(path: str | Path, scene: int) -> ReplayReport:
    """Make a scene again from its stored plan, recipe and objects, and compare it with the stored one.

    Args:
        path: the dataset's folder.
        scene: index of the scene.

    Raises:
        DatasetError: the path is no dataset, it has no such scene, or its plan is damaged.
        GraspgenError: the scene cannot be made, for example because an object's files are gone.
    """
    with open_dataset(path) as dataset:
        stored = _stored_record(dataset, scene)
        recipe = _stored_recipe(dataset)
        context = SceneContext(
            recipe=recipe,
            seed=int(dataset.attrs["seed"]),
            catalogue=_StoredObjects(dataset),
            gripper=load_gripper(recipe.gripper),
            profile=load_profile(recipe.grasps.profile),
            dataset=None,
        )
        plan = _stored_plan(stored)
        made = finish_scene(context, settle_plan(recipe, context.catalogue, plan), {}).record
        return ReplayReport(
            scene,
            sum(len(table.columns) for table in TABLES.values()),
            tuple(compare(stored, made)),
            tuple(_notes(dataset)),
        )


def compare(stored: SceneRecord, made: SceneRecord) -> list[Difference]:
    """Return the columns in which two records of a scene differ, in the schema's order."""
    found = []
    for table, spec in TABLES.items():
        for column in spec.columns:
            message = _difference(stored.tables[table][column], made.tables[table][column])
            if message:
                found.append(Difference(f"{table}.{column}", message))
    return found


def _difference(old: NDArray[Any], new: NDArray[Any]) -> str:
    """Say how two columns differ, "" if they do not; NaN equals NaN."""
    if len(old) != len(new):
        return f"{len(old)} rows stored, {len(new)} made"
    if old.shape != new.shape and len(old):
        return f"shape {old.shape[1:]} stored, {new.shape[1:]} made"
    if old.dtype == object:
        differs = np.array([str(a) != str(b) for a, b in zip(old, new, strict=True)], bool)
    else:
        both_nan = (old != old) & (new != new)  # NaN differs from itself
        differs = (old != new) & ~both_nan
    rows = np.flatnonzero(differs.reshape(len(old), -1).any(axis=1)) if len(old) else []
    if not len(rows):
        return ""
    row = int(rows[0])
    told = f"{len(rows)} of {len(old)} rows, first row {row}: "
    if old.dtype == object:
        return told + _text_difference(str(old[row]), str(new[row]))
    where = np.argwhere(differs[row])[0] if differs[row].ndim else ()
    a, b = old[(row, *where)], new[(row, *where)]
    entry = f" at {[int(i) for i in where]}" if len(where) else ""
    gap = f", {int(differs[row].sum())} entries differ" if differs[row].ndim else ""
    return f"{told}{a} stored, {b} made{entry}{gap}"


def _text_difference(a: str, b: str) -> str:
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    low = max(0, at - 20)
    return f"'…{a[low : at + 20]}…' stored, '…{b[low : at + 20]}…' made"


def _stored_record(dataset: Dataset, scene: int) -> SceneRecord:
    indices = dataset.scenes["index"]
    if scene not in indices:
        held = f"{indices.min()} … {indices.max()}" if len(indices) else "none"
        raise DatasetError(f"{dataset.path} has no scene {scene}; scenes in it: {held}")
    return dataset.record(scene)


def _stored_recipe(dataset: Dataset) -> Recipe:
    try:
        return Recipe.model_validate(dataset.recipe)
    except ValueError as error:
        version = dataset.attrs["graspgen_version"]
        raise DatasetError(
            f"{dataset.path}: this graspgen cannot read the recipe that graspgen {version} stored "
            f"({str(error).splitlines()[0]}); replay it with that version"
        ) from None


def _stored_plan(record: SceneRecord) -> ScenePlan:
    try:
        return ScenePlan.model_validate_json(record.tables["scenes"]["plan"][0])
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise DatasetError(f"the plan of scene {record.index} is damaged: {reason}") from None


def _notes(dataset: Dataset) -> list[str]:
    """Name what differs between the dataset's maker and this program."""
    from graspgen import __version__

    pairs = (
        ("MuJoCo", "mujoco_version", mujoco.__version__),
        ("graspgen", "graspgen_version", __version__),
    )
    return [
        f"the dataset was made with {name} {dataset.attrs[key]}, this is {mine}"
        for name, key, mine in pairs
        if str(dataset.attrs[key]) != mine
    ]


class _StoredObjects:
    """The catalogue of a dataset's own `objects/`: it needs neither library nor families of the run."""

    def __init__(self, dataset: Dataset) -> None:
        table = dataset.assets
        self._folder = dataset.path / "objects"
        self._names: Mapping[int, str] = dict(zip(table["id"].tolist(), table["name"], strict=True))
        ids = table["class_id"].tolist()
        self._classes = [""] * max(ids, default=0)
        for number, name in zip(ids, table["class_name"], strict=True):
            self._classes[number - 1] = str(name)
        self._assets: dict[int, Asset] = {}

    def __len__(self) -> int:
        return len(self._names)

    @property
    def class_names(self) -> Sequence[str]:
        return self._classes

    def asset(self, number: int) -> Asset:
        if number not in self._names:
            raise ObjectError(f"the dataset does not hold asset {number}, which the scene's plan names")
        if number not in self._assets:
            self._assets[number] = load_asset(self._folder / self._names[number])
        return self._assets[number]
