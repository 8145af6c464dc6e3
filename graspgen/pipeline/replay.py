"""Make a scene of a dataset again, from what the dataset itself holds; compare every column."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graspgen.dataset.coded import CodedImages
from graspgen.dataset.hdf5 import REFERENCES
from graspgen.dataset.layout import LOOKS
from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.dataset.record import SceneRecord
from graspgen.dataset.schema import TABLES
from graspgen.errors import DatasetError
from graspgen.looks.images import ImageStore
from graspgen.pipeline.from_database import open_database
from graspgen.pipeline.scene import SceneContext, finish_scene
from graspgen.pipeline.steering_columns import stored_steering
from graspgen.pipeline.stored import (
    StoredObjects,
    stored_fixtures,
    stored_gripper,
    stored_profile,
    stored_recipe,
    version_notes,
)
from graspgen.pipeline.stored_scene import stored_plan
from graspgen.scene.make import assets_of, settle_plan

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
        recipe = stored_recipe(dataset)
        gripper, profile, spec = stored_gripper(dataset), stored_profile(dataset), recipe.grasps
        context = SceneContext(
            recipe=recipe,
            seed=int(dataset.attrs["seed"]),
            catalogue=StoredObjects(dataset),
            gripper=gripper,
            profile=profile,
            dataset=None,
            database=None if spec.database is None else open_database(spec.database, gripper, profile, spec),
            images=ImageStore(dataset.path / LOOKS),
        )
        plan = stored_plan(stored.tables["scenes"]["plan"][0], scene)
        assets = assets_of(context.catalogue, plan, stored_fixtures(dataset, plan))
        steering = stored_steering(stored.tables["scenes"])
        made = finish_scene(context, settle_plan(recipe, assets, plan), {}, steering).record
        return ReplayReport(
            scene,
            sum(len(table) for table in stored.tables.values()),
            tuple(compare(stored, referenced(made))),
            tuple(version_notes(dataset)),
        )


def referenced(record: SceneRecord) -> SceneRecord:
    """Return a record with only those rows of shared tables that its own rows refer to, as a dataset gives it back."""
    tables = dict(record.tables)
    for shared, (owner, key) in REFERENCES.items():
        used = np.isin(tables[shared]["id"], tables[owner][key])
        tables[shared] = {name: values[used] for name, values in tables[shared].items()}
    return SceneRecord(record.index, tables)


def compare(stored: SceneRecord, made: SceneRecord) -> list[Difference]:
    """Return the columns in which two records of a scene differ, in the schema's order."""
    found = []
    for table, spec in TABLES.items():
        for column in spec.columns:
            old, new = (record.tables[table].get(column) for record in (stored, made))
            if old is None or new is None:
                message = (
                    "" if old is new else f"{'not ' if old is None else ''}stored, {'' if old is None else 'not '}made"
                )
            else:
                message = _difference(old, new)
            if message:
                found.append(Difference(f"{table}.{column}", message))
    return found


def _difference(old: Any, new: Any) -> str:
    """Say how two columns differ, "" if they do not; NaN equals NaN, and of JPEG colour the files are compared."""
    if len(old) != len(new):
        return f"{len(old)} rows stored, {len(new)} made"
    if not len(old):
        return ""  # images of which there are none have no size
    if isinstance(old, CodedImages) and isinstance(new, CodedImages):
        if old.files == new.files:
            return ""
        if all((a == b).all() for a, b in zip(old, new, strict=True)):
            return "other JPEG files of the same pixels: another libjpeg made them"
        old, new = np.asarray(old), np.asarray(new)
    if old.shape != new.shape:
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
