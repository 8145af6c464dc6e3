"""What the exporters of grasps share: a dataset, scenes or a grasp database, as objects with their labelled grasps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.dataset.reader import Dataset
from graspgen.dataset.schema import GripperKind, TrialKind
from graspgen.errors import DatasetError, nearest
from graspgen.exports.folder import safe_name
from graspgen.frames import Array, pose
from graspgen.grasps.outcomes import Outcome

#: Names under which others know the same gripper.
KNOWN_AS = {"panda_hand": "panda"}


@dataclass(frozen=True, eq=False)
class Hand:
    """A gripper as a dataset's `grippers` holds it.

    Attributes:
        key: of its row.
        name: of the gripper.
        known_as: what ACRONYM and GraspGen call it.
        T_base_tcp: (4, 4) tool frame of the open hand in the base.
        stroke: largest opening, m.
        pad: width (x) and length (z) of a pad, m.
        base: name of the base body.
        joints: names of the driven finger joints.
        course: (k, 1 + 3 + joints) openings, ascending, m, the tool point in the base there, m, and the driven joints;
            None where the tool point stands still and the opening is the joints' sum.
    """

    key: int
    name: str
    known_as: str
    T_base_tcp: Array
    stroke: float
    pad: tuple[float, float]
    base: str
    joints: tuple[str, ...]
    course: Array | None = None

    def T_base_tool(self, grip_width: ArrayLike) -> Array:
        """(n, 4, 4) grasp frames in the base, at the (n,) openings of `grasps.grip_width`, m."""
        if self.course is None:
            return np.broadcast_to(self.T_base_tcp, (*np.shape(grip_width), 4, 4))
        width, tool = self.course[:, 0], self.course[:, 1:4]
        return pose(self.T_base_tcp[:3, :3], np.stack([np.interp(grip_width, width, axis) for axis in tool.T], axis=-1))

    def positions(self, opening: float) -> dict[str, float]:
        """Driven joints at an opening, m or rad by name."""
        if self.course is None:
            return {joint: opening / len(self.joints) for joint in self.joints}
        width = self.course[:, 0]
        return {
            j: float(np.interp(opening, width, at)) for j, at in zip(self.joints, self.course[:, 4:].T, strict=True)
        }


@dataclass(frozen=True, eq=False)
class GraspedObject:
    """An object and the grasps of it.

    Attributes:
        key: of the object; of the asset in a grasp database.
        scene: key of the scene, −1 in a grasp database.
        asset: row of the asset.
        name: of the asset, safe in a file name and unique for the asset.
        class_name: of the asset, safe in a file name.
        file_name: `<class>_<asset>_<scale>`, safe and unique in the dataset; no ending.
        scale: factor on the asset's mesh, the same along all axes.
        mass, friction: kg; sliding friction between pads and object.
        com, inertia: (3,) m and (3, 3) kg m² about it, in the scaled object's frame; None in a grasp database.
        volume: m³ of the scaled object.
        rows: rows of its grasps in `grasps`.
        trials: rows of their nominal free trials in `trials`, −1 for none.
    """

    key: int
    scene: int
    asset: int
    name: str
    class_name: str
    file_name: str
    scale: float
    mass: float
    friction: float
    com: Array | None
    inertia: Array | None
    volume: float
    rows: NDArray[np.int64]
    trials: NDArray[np.int64]

    def trial(self, dataset: Dataset, column: str) -> NDArray[Any]:
        """Return a column of `trials` for each grasp, as floats; NaN where there was no trial."""
        values = np.full(len(self.rows), np.nan)
        there = self.trials >= 0
        values[there] = dataset.trials[column][self.trials[there]]
        return values


def find_hand(dataset: Dataset, name: str | None) -> Hand:
    """Return the gripper whose grasps are exported.

    Args:
        dataset: to export.
        name: of the gripper; None where there is only one.

    Raises:
        DatasetError: there is no grasp, no such gripper, several and none is chosen, or it has no two jaws.
    """
    names = [str(n) for n in dataset.grippers["name"]]
    if not names:
        raise DatasetError(f"{dataset.path} has no grasps to export")
    if name is None and len(names) > 1:
        raise DatasetError(f"{dataset.path} has grasps of {', '.join(names)}; choose one with --set gripper=NAME")
    if name is not None and name not in names:
        raise DatasetError(f"{dataset.path} has no gripper '{name}'{nearest(name, names)}")
    i = 0 if name is None else names.index(name)
    g = dataset.grippers
    if int(g["kind"][i]) != GripperKind.PARALLEL_JAW:
        kind = GripperKind(int(g["kind"][i])).name.lower().replace("_", " ")
        raise DatasetError(f"{names[i]} is a {kind} gripper; this format holds grasps of two jaws")
    try:
        definition = json.loads(str(g["definition"][i]))
        written, course = definition["yaml"], definition.get("course")
        pad = (float(written["pad"][0]), float(written["pad"][1]))
        base, joints = str(written["base"]), tuple(str(joint) for joint in written["joints"])
        course = None if course is None else np.array(course, float).reshape(-1, 4 + len(joints))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DatasetError(f"grippers.definition of {names[i]} does not say its pad, base and joints") from error
    known_as = KNOWN_AS.get(names[i], names[i])
    T, stroke = g["T_base_tcp"][i], float(g["stroke"][i])
    return Hand(int(g["id"][i]), names[i], known_as, T, stroke, pad, base, joints, course)


def grasped_objects(dataset: Dataset, hand: Hand) -> Iterator[GraspedObject]:
    """Yield every object that has grasps of a gripper, ascending by key.

    Raises:
        DatasetError: an object's scale differs between axes.
    """
    grasps = dataset.grasps
    mine = np.flatnonzero(grasps["gripper"] == hand.key)
    nominal = _nominal_trials(dataset)
    names = unique_names([str(n) for n in dataset.assets["name"]])
    taken: set[str] = set()
    for key in np.unique(grasps["object"][mine]):
        rows = mine[grasps["object"][mine] == key]
        database = int(grasps["scene"][rows[0]]) < 0
        i = 0 if database else dataset.objects.index_of(int(key))
        asset = dataset.assets.index_of(int(key if database else dataset.objects["asset"][i]))
        scale = 1.0 if database else _uniform(dataset, i)
        class_name = safe_name(str(dataset.assets["class_name"][asset])).replace("_", "-")
        file_name = f"{class_name}_{names[asset]}_{scale!r}"
        if file_name in taken:  # the same asset at the same scale, in another place
            file_name = f"{class_name}_{names[asset]}-{int(key)}_{scale!r}"
        taken.add(file_name)
        trials = nominal[rows]
        there = trials[trials >= 0]
        if database:
            mass = float(dataset.trials["mass"][there[0]]) if len(there) else float("nan")
            friction = float(dataset.trials["friction"][there[0]]) if len(there) else float("nan")
            com = inertia = None
        else:
            mass, friction = float(dataset.objects["mass"][i]), float(dataset.objects["friction"][i][0])
            com, inertia = dataset.objects["com"][i], dataset.objects["inertia"][i]
        yield GraspedObject(
            int(key), int(grasps["scene"][rows[0]]), asset, names[asset], class_name, file_name, scale, mass, friction,
            com, inertia, float(dataset.assets["volume"][asset]) * scale**3, rows, trials,
        )  # fmt: skip


def tried_in_scene(dataset: Dataset, rows: NDArray[np.int64]) -> int:
    """Return how many of the grasps were tried in the scene."""
    return int((dataset.grasps["outcome_in_scene"][rows] != Outcome.NOT_TRIED).sum())


def unique_names(names: list[str]) -> list[str]:
    """Return a safe name for each name, no two alike even where letters' case is ignored.

    "_" becomes "-": ACRONYM's readers split file names at it.
    """
    out: list[str] = []
    taken: set[str] = set()
    for name in names:
        base = safe_name(name).replace("_", "-").strip("-.") or "object"
        candidate, number = base, 1
        while candidate.lower() in taken:
            number += 1
            candidate = f"{base}-{number}"
        taken.add(candidate.lower())
        out.append(candidate)
    return out


def _uniform(dataset: Dataset, i: int) -> float:
    scale = dataset.objects["scale"][i]
    if np.ptp(scale) > 1e-9 * scale.max():
        raise DatasetError(
            f"object {int(dataset.objects['id'][i])} is scaled by {scale.tolist()}; this format has one factor for all"
        )
    return float(scale[0])


def _nominal_trials(dataset: Dataset) -> NDArray[np.int64]:
    """(grasps,) row of the nominal free trial of each grasp, −1 for none."""
    t, ids = dataset.trials, dataset.grasps["id"]
    found = np.full(len(ids), -1, np.int64)
    rows = np.flatnonzero((t["kind"] == TrialKind.FREE) & (t["draw"] == 0))
    at = np.searchsorted(ids, t["grasp"][rows])
    good = (at < len(ids)) & (ids[np.minimum(at, max(len(ids) - 1, 0))] == t["grasp"][rows]) if len(ids) else at < 0
    found[at[good]] = rows[good]
    return found
