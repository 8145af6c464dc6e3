"""Take a scene's grasps from a grasp database instead of proposing and trying them."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.dataset.grasp_file import read_keys
from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.dataset.record import Columns
from graspgen.errors import DatasetError
from graspgen.grasps.candidates import Candidates, unpacked
from graspgen.grasps.label import Draws, LabelledGrasps
from graspgen.grasps.outcomes import Collision, Sampler
from graspgen.grasps.profile import Profile
from graspgen.grasps.trial import TrialResults
from graspgen.grippers.gripper import Gripper
from graspgen.objects.asset import Asset
from graspgen.objects.library import content_hash
from graspgen.pipeline.object_labels import rows_of
from graspgen.recipe import Grasps

#: Settings that decide what an outcome means: they must be the scene's. How grasps were proposed, and how often they
#: were tried again, may differ.
_SAME = ("force", "approach")


@dataclass(frozen=True, eq=False)
class GraspDatabase:
    """A grasp database that fits a run; open it once per process with `open_database`.

    Attributes:
        path: the file.
        dataset: its tables.
        assets: key of the asset by its content hash.
        friction: torsional and rolling friction of its trials, m.
        per_object: candidates that were asked for of every object.
    """

    path: Path
    dataset: Dataset
    assets: dict[str, int]
    friction: tuple[float, float]
    per_object: int


def open_database(path: str | Path, gripper: Gripper, profile: Profile, spec: Grasps) -> GraspDatabase:
    """Open a grasp database for the scenes of a run.

    Args:
        path: the file.
        gripper, profile: of the run.
        spec: the recipe's section.

    Raises:
        DatasetError: the file is no grasp database, or was made with another gripper, profile or other trials.
    """
    path = Path(path).expanduser()
    if read_keys(path) is None:
        what = "is no grasp database" if path.exists() else "does not exist"
        raise DatasetError(f"grasps.database: {path} {what}; make one with `graspgen grasps`")
    dataset = open_dataset(path)
    stored, mine = (json.loads(text) for text in (str(dataset.grippers["definition"][0]), gripper.definition))
    if stored["sha256"] != mine["sha256"]:
        name = dataset.grippers["name"][0]
        same = "another version of this gripper" if name == gripper.name else f"the gripper {name}"
        raise _misfit(path, f"was made with {same}, the recipe's is {gripper.name}")
    if json.loads(str(dataset.profiles["options"][0])) != json.loads(profile.options_json()):
        told = f"{dataset.profiles['name'][0]} version {dataset.profiles['version'][0]}"
        raise _misfit(
            path, f"was made with the profile {told}, the recipe's is {profile.name} version {profile.version}"
        )
    grasps, objects = dataset.recipe["grasps"], dataset.recipe["objects"]
    for name in _SAME:
        wanted = getattr(spec, name)
        if grasps[name] != wanted:
            raise _misfit(path, f"was made with grasps.{name} {_yaml(grasps[name])}, the recipe's is {_yaml(wanted)}")
    if grasps["per_object"] < spec.per_object:
        raise _misfit(path, f"holds {grasps['per_object']} grasps an object, grasps.per_object is {spec.per_object}")
    keys = dict(zip(dataset.assets["content_hash"].tolist(), dataset.assets["id"].tolist(), strict=True))
    friction = float(objects["torsional_friction"]), float(objects["rolling_friction"])
    return GraspDatabase(path, dataset, keys, friction, int(grasps["per_object"]))


def from_database(
    database: GraspDatabase,
    asset: Asset,
    count: int,
    *,
    scale: float,
    mass: float,
    friction: ArrayLike,
    rng: np.random.Generator,
) -> LabelledGrasps:
    """Draw grasps of an object of a scene from the database, labels and repeated trials with them.

    They are drawn uniformly, without repetition, among those that were proposed, so that their success rate is
    unbiased; hard negatives, which were made from successes, stay behind.

    Args:
        database: as opened.
        asset: the object at its own size.
        count: how many; fewer where the object offers fewer.
        scale: of the object in the scene.
        mass: of the object in the scene, kg.
        friction: (3,) of the object in the scene.
        rng: stream of the draw (the scene's GRASPS stream).

    Returns:
        What `label_object` returns. Clearances to the object itself are −1e-6 where the open hand touched it, else
        NaN, and steps are 0: the database does not store them.

    Raises:
        DatasetError: the object is not in the database, or its labels are those of another size, mass or friction.
    """
    key = database.assets.get(content_hash(asset))
    if key is None:
        raise _misfit(database.path, f"does not hold the object {asset.name}, as it is now")
    if scale != 1.0:
        raise _misfit(database.path, f"holds objects at their own size, a scene scales {asset.name} by {scale:g}")
    rows = rows_of(database.dataset, key)
    grasps, trials = rows.tables["grasps"], rows.tables["trials"]
    proposed = np.flatnonzero(grasps["sampler"] != Sampler.PERTURBED)
    if len(proposed):
        _check_conditions(database, asset, trials, mass, np.asarray(friction, float))
    chosen = np.sort(rng.choice(proposed, min(count, len(proposed)), replace=False)) if len(proposed) else proposed
    return _labelled(grasps, trials, chosen)


def _check_conditions(database: GraspDatabase, asset: Asset, trials: Columns, mass: float, friction: NDArray) -> None:
    stored = float(trials["mass"][0]), float(trials["friction"][0]), *database.friction
    names = ("mass, kg", "sliding friction", "torsional friction, m", "rolling friction, m")
    for name, old, new in zip(names, stored, (mass, *friction), strict=True):
        if not np.isclose(old, new, rtol=1e-5):
            raise _misfit(
                database.path,
                f"tried {asset.name} with another {name} ({old:g}) than a scene draws ({new:g}); leave objects.density "
                "and objects.friction unset",
            )


def _labelled(grasps: Columns, trials: Columns, chosen: NDArray[np.int64]) -> LabelledGrasps:
    names = [f.name for f in fields(Candidates)]
    values = {n: np.array(grasps[n][chosen]) for n in names}
    values = {n: v if v.dtype == np.uint8 else v.astype(float) for n, v in values.items()}
    candidates = Candidates(**{**values, "fingers": unpacked(values["fingers"])})
    owner = np.searchsorted(grasps["id"][chosen], trials["grasp"])
    mine = np.isin(trials["grasp"], grasps["id"][chosen])
    nominal, drawn = np.flatnonzero(mine & (trials["draw"] == 0)), np.flatnonzero(mine & (trials["draw"] > 0))
    return LabelledGrasps(
        candidates=candidates,
        parent=np.full(len(chosen), -1),
        results=_results(trials, nominal, grasps["collision"][chosen]),
        draws=Draws(
            grasp=owner[drawn],
            number=trials["draw"][drawn].astype(np.int64),
            friction=trials["friction"][drawn].astype(float),
            mass=trials["mass"][drawn].astype(float),
            com_offset=trials["com_offset"][drawn].astype(float),
            pose_noise=trials["pose_noise"][drawn].astype(float),
            results=_results(trials, drawn, np.zeros(len(drawn), np.uint8)),
        ),
        success_rate=grasps["success_rate"][chosen].astype(float),
        min_friction=grasps["min_friction"][chosen].astype(float),
        steps=0,
    )


def _results(trials: Columns, rows: NDArray[np.int64], collision: NDArray[np.uint8]) -> TrialResults:
    """Turn rows of `trials` back into results; `collision` says whether the open hand touched the object."""
    made = {
        "target_at_grasp": np.where(collision & int(Collision.TARGET_AT_GRASP), -1e-6, np.nan),
        "target_on_approach": np.where(collision & int(Collision.TARGET_ON_APPROACH), -1e-6, np.nan),
        "steps": np.zeros(len(rows), np.int64),
    }
    for f in fields(TrialResults):
        if f.name not in made:
            values = trials[f.name][rows]
            made[f.name] = values.astype(float) if values.dtype.kind == "f" else np.array(values)
    return TrialResults(**made)


def _misfit(path: Path, what: str) -> DatasetError:
    return DatasetError(
        f"grasps.database: {path} {what}; make one that fits with `graspgen grasps`, or change the recipe"
    )


def _yaml(value: object) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
