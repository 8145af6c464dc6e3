"""Dotted names in conditions: columns of another table, by the key that leads there, and other units.

`object.mass` of a grasp is the mass of its object, `object.asset.class_name` (or `object.class_name` for short) its
class, `view.sensor` of an annotation the sensor of its view. `trial` is the nominal trial of a grasp in free space,
`in_scene` and `scene_trial` that in the scene, `annotation` that of a grasp's object in a view. A row without such a
partner has NaN there (−1 for codes, "" for texts, False).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.schema import TABLES, Column, TrialKind
from graspgen.dataset.tables import TableReader
from graspgen.dataset.where import Field
from graspgen.errors import nearest

Tables = Mapping[str, TableReader]
Keys = NDArray[np.int64]

#: Suffix → unit of the columns that take it, and how many of the suffix's units one of those is.
UNITS: dict[str, tuple[str, float]] = {
    "_mm": ("m", 1e3), "_cm": ("m", 1e2), "_um": ("m", 1e6), "_deg": ("rad", 180 / np.pi), "_g": ("kg", 1e3),
    "_ms": ("s", 1e3),
}  # fmt: skip

#: Table → short names of columns that one looks for there.
SHORT: dict[str, dict[str, str]] = {
    "grasps": {"drift": "trial.drift_holding", "rotation": "trial.rotation_holding"},
}


@dataclass(frozen=True)
class Join:
    """How a row leads to a row of another table.

    Attributes:
        table: the other one.
        left: keys of the rows, (n,).
        right: keys of the other table, and the rows that have them.
        needs: (table, column) that both read.
        through: a column that the other table lacks is looked for behind this name of it.
    """

    table: str
    left: Callable[[Tables], Keys]
    right: Callable[[Tables], tuple[Keys, Keys]]
    needs: tuple[tuple[str, str], ...]
    through: str = ""


def _by_key(source: str, column: str, table: str, key: str = "id", through: str = "") -> Join:
    def right(tables: Tables) -> tuple[Keys, Keys]:
        keys = tables[table][key]
        return keys, np.arange(len(keys))

    return Join(table, lambda t: t[source][column], right, ((source, column), (table, key)), through)


def _trial(kind: TrialKind) -> Join:
    def right(tables: Tables) -> tuple[Keys, Keys]:
        trials = tables["trials"]
        rows = np.flatnonzero((trials["kind"] == kind) & (trials["draw"] == 0))
        return trials["grasp"][rows], rows

    needs = (("grasps", "id"), *(("trials", c) for c in ("grasp", "kind", "draw")))
    return Join("trials", lambda t: t["grasps"]["id"], right, needs)


def _asset_of_grasp(tables: Tables) -> Keys:
    grasps, objects = tables["grasps"], tables["objects"]
    return _partners(
        grasps["object"], objects["id"], objects["asset"], np.where(grasps["scene"] < 0, grasps["object"], -1)
    )


def _partners(keys: Keys, ids: Keys, values: Keys, missing: Keys) -> Keys:
    at = np.minimum(np.searchsorted(ids, keys), max(len(ids) - 1, 0))
    return np.where(ids[at] == keys, values[at], missing) if len(ids) else missing


def _seen(view: Keys, object_key: Keys) -> Keys:
    return (view << 16) | (object_key & 0xFFFF)


def _annotations(tables: Tables) -> tuple[Keys, Keys]:
    table = tables["annotations"]
    keys = _seen(table["view"], table["object"])
    return keys, np.arange(len(keys))


def _annotation_of_grasp_view(tables: Tables) -> Keys:
    sights, grasps = tables["grasp_views"], tables["grasps"]
    none = np.full(len(sights), -1)
    return _seen(sights["view"], _partners(sights["grasp"], grasps["id"], grasps["object"], none))


_ANNOTATION = (("annotations", "view"), ("annotations", "object"))
_SCENE = {
    table: _by_key(table, "scene", "scenes", "index") for table in ("objects", "views", "grasps", "frames", "episodes")
}


def _view(table: str) -> Join:
    return _by_key(table, "view", "views", through="scene")


def _object(table: str) -> Join:
    return _by_key(table, "object", "objects", through="asset")


def _grasp(table: str) -> Join:
    return _by_key(table, "grasp", "grasps")


#: Table → names that lead to another one.
JOINS: dict[str, dict[str, Join]] = {
    "objects": {"scene": _SCENE["objects"], "asset": _by_key("objects", "asset", "assets")},
    "views": {"scene": _SCENE["views"]},
    "annotations": {"view": _view("annotations"), "object": _object("annotations")},
    "keypoints": {
        "view": _view("keypoints"),
        "object": _object("keypoints"),
        "annotation": Join(
            "annotations",
            lambda t: _seen(t["keypoints"]["view"], t["keypoints"]["object"]),
            _annotations,
            (*_ANNOTATION, ("keypoints", "view"), ("keypoints", "object")),
        ),
    },
    "flying": {"view": _view("flying")},
    "grasps": {
        "scene": _SCENE["grasps"],
        "object": _object("grasps"),
        "asset": Join(
            "assets",
            _asset_of_grasp,
            lambda t: (t["assets"]["id"], np.arange(len(t["assets"]["id"]))),
            (("grasps", "object"), ("grasps", "scene"), ("objects", "id"), ("objects", "asset"), ("assets", "id")),
        ),
        "gripper": _by_key("grasps", "gripper", "grippers"),
        "parent": _by_key("grasps", "parent", "grasps"),
        "trial": _trial(TrialKind.FREE),
        "in_scene": _trial(TrialKind.IN_SCENE),
        "scene_trial": _by_key("grasps", "id", "scene_trials", "grasp"),
    },
    "grasp_views": {
        "grasp": _grasp("grasp_views"),
        "view": _view("grasp_views"),
        "annotation": Join(
            "annotations",
            _annotation_of_grasp_view,
            _annotations,
            (*_ANNOTATION, ("grasp_views", "view"), ("grasp_views", "grasp"), ("grasps", "id"), ("grasps", "object")),
        ),
    },
    "trials": {"grasp": _grasp("trials"), "profile": _by_key("trials", "profile", "profiles")},
    "scene_trials": {"grasp": _grasp("scene_trials")},
    "displacements": {"grasp": _grasp("displacements"), "object": _object("displacements")},
    "frames": {"scene": _SCENE["frames"], "grasp": _grasp("frames")},
    "frame_objects": {"frame": _by_key("frame_objects", "frame", "frames"), "object": _object("frame_objects")},
    "frame_contacts": {"frame": _by_key("frame_contacts", "frame", "frames")},
    "frame_views": {"frame": _by_key("frame_views", "frame", "frames"), "view": _view("frame_views")},
    "episodes": {"scene": _SCENE["episodes"]},
    "steps": {"episode": _by_key("steps", "episode", "episodes")},
    "step_objects": {"step": _by_key("step_objects", "step", "steps"), "object": _object("step_objects")},
    "step_views": {"step": _by_key("step_views", "step", "steps"), "view": _view("step_views")},
}  # fmt: skip


@dataclass(frozen=True)
class Named:
    """A column that a name leads to: the joins on the way, the table, the column, and a factor for its unit."""

    joins: tuple[Join, ...]
    table: str
    column: str
    factor: float = 1.0

    @property
    def needs(self) -> set[tuple[str, str]]:
        """(table, column) that are read."""
        return {(self.table, self.column), *(n for join in self.joins for n in join.needs)}


def find(tables: Tables, table: str, name: str) -> Named:
    """Return the column that a dotted name means for rows of a table.

    Raises:
        KeyError: there is none; the message names the nearest.
    """
    joins: list[Join] = []
    *way, last = name.split(".")
    for step in way:
        if step not in JOINS.get(table, {}):
            is_column = "; it is a column" if step in TABLES[table].columns else nearest(step, JOINS.get(table, {}))
            raise KeyError(f"{table} leads to nothing by '{step}'{is_column}")
        joins.append(JOINS[table][step])
        table = joins[-1].table
    found = next(_columns(tables, table, last), None)
    if found is None:
        through = joins[-1].through if joins else ""
        if through:
            behind = JOINS[table][through]
            found = next(_columns(tables, behind.table, last), None)
            if found is not None:
                return replace(found, joins=(*joins, behind, *found.joins))
        known = {*tables[table].columns, *SHORT.get(table, {})}
        hint = _unit_hint(table, last) or nearest(last, known)
        raise KeyError(f"{table} has no column '{last}'{hint if len(hint) < 120 else f'; it has {len(known)} others'}")
    return replace(found, joins=(*joins, *found.joins))


def _columns(tables: Tables, table: str, name: str) -> Iterator[Named]:
    """Yield what a name without dots can mean, the plainest first."""
    if name in tables[table]:
        yield Named((), table, name)
    if name in SHORT.get(table, {}):
        yield find(tables, table, SHORT[table][name])
    for suffix, (unit, factor) in UNITS.items():
        base = name.removesuffix(suffix)
        if base != name and base:
            for found in _columns(tables, table, base):
                if TABLES[found.table].columns[found.column].unit == unit and found.factor == 1.0:
                    yield replace(found, factor=factor)


def _unit_hint(table: str, name: str) -> str:
    for suffix in UNITS:
        base = name.removesuffix(suffix)
        if base != name and base in TABLES[table].columns:
            return f": '{base}' is in {TABLES[table].columns[base].unit or 'no unit'}"
    return ""


def field(tables: Tables, table: str, name: str, rows: Callable[[], Keys]) -> tuple[Field, set[tuple[str, str]]]:
    """Return a column for a condition, and the (table, column) that it reads.

    Args:
        tables: of the dataset.
        table: whose rows the condition is about.
        name: dotted.
        rows: returns the rows for which values are wanted.

    Raises:
        KeyError: there is no such column, or it holds images.
    """
    named = find(tables, table, name)
    spec = TABLES[named.table].columns[named.column]
    if spec.is_image:
        raise KeyError(f"'{name}' is an image; conditions are about numbers and texts")

    def read() -> NDArray[Any]:
        at = rows()
        for join in named.joins:
            at = _follow(tables, join, at)
        return _values(tables[named.table][named.column], at, spec, named.factor)

    kind = "code" if spec.enum else "text" if spec.is_text else "bool" if spec.dtype == "bool" else "number"
    shape = tuple(int(n) for n in spec.shape)
    return Field(read, kind, shape, spec.enum, spec.flags), named.needs


def _follow(tables: Tables, join: Join, rows: Keys) -> Keys:
    """Return the rows of the other table that rows lead to; −1 where there is none, and for −1."""
    keys, at = join.right(tables)
    if len(keys) and (np.diff(keys) < 0).any():
        order = np.argsort(keys, kind="stable")
        keys, at = keys[order], at[order]
    wanted = join.left(tables)[rows]
    found = _partners(wanted, keys, at, np.full(len(wanted), -1))
    return np.where(rows < 0, -1, found)


def _values(column: NDArray[Any], rows: Keys, spec: Column, factor: float) -> NDArray[Any]:
    missing = rows < 0
    if not missing.any():
        found = column[rows]
    else:
        empty: Any = "" if spec.is_text else False if spec.dtype == "bool" else -1 if spec.enum else np.nan
        kept = column if spec.is_text or spec.dtype == "bool" or column.dtype.kind == "f" else column.astype(
            np.int64 if spec.enum else float
        )  # fmt: skip
        found = np.full((len(rows), *column.shape[1:]), empty, kept.dtype)
        found[~missing] = kept[rows[~missing]]
    return found if factor == 1.0 else found * found.dtype.type(factor)
