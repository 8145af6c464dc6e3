"""Checks of keys: sorted, unique, made as the schema says, and resolving."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.checked import Checked, read_json
from graspgen.dataset.schema import Toucher
from graspgen.dataset.violations import Report

#: (table, column, table referred to, column there, value that means none)
FOREIGN: tuple[tuple[str, str, str, str, int | None], ...] = (
    ("objects", "scene", "scenes", "index", None),
    ("objects", "asset", "assets", "id", None),
    ("views", "scene", "scenes", "index", None),
    ("annotations", "view", "views", "id", None),
    ("annotations", "object", "objects", "id", None),
    ("keypoints", "view", "views", "id", None),
    ("keypoints", "object", "objects", "id", None),
    ("flying", "view", "views", "id", None),
    ("grasps", "scene", "scenes", "index", -1),
    ("grasps", "object", "objects", "id", None),
    ("grasps", "gripper", "grippers", "id", None),
    ("grasps", "parent", "grasps", "id", -1),
    ("grasp_views", "grasp", "grasps", "id", None),
    ("grasp_views", "view", "views", "id", None),
    ("trials", "grasp", "grasps", "id", None),
    ("trials", "profile", "profiles", "id", None),
    ("scene_trials", "grasp", "grasps", "id", None),
    ("displacements", "grasp", "scene_trials", "grasp", None),
    ("displacements", "object", "objects", "id", None),
    ("frames", "scene", "scenes", "index", None),
    ("frames", "grasp", "grasps", "id", None),
    ("frame_objects", "frame", "frames", "id", None),
    ("frame_objects", "object", "objects", "id", None),
    ("frame_contacts", "frame", "frames", "id", None),
    ("frame_views", "frame", "frames", "id", None),
    ("frame_views", "view", "views", "id", None),
    ("episodes", "scene", "scenes", "index", None),
    ("episodes", "target", "objects", "id", -1),
    ("episodes", "grasp", "grasps", "id", -1),
    ("steps", "episode", "episodes", "id", None),
    ("step_objects", "step", "steps", "id", None),
    ("step_objects", "object", "objects", "id", None),
    ("step_views", "step", "steps", "id", None),
    ("step_views", "view", "views", "id", None),
)

#: Tables without a key of their own: rows ascend by the first column, and no combination of all occurs twice.
ORDERED = {
    "annotations": ("view", "object"),
    "grasp_views": ("grasp", "view"),
    "trials": ("grasp", "kind", "profile", "draw"),
    "scene_trials": ("grasp",),
    "displacements": ("grasp", "object"),
    "keypoints": ("view", "object", "number"),
    "step_objects": ("step", "object"),
    "step_views": ("step", "view"),
}


def check_keys(report: Report, checked: Checked, scenes: list[int]) -> bool:
    """Check all keys; return whether rows can be joined by them.

    Args:
        report: takes the violations.
        checked: the shard.
        scenes: the scenes that the manifest says it holds.
    """
    before = len(report.violations)
    t = checked.tables
    if "index" in t["scenes"] and sorted(scenes) != t["scenes"]["index"].tolist():
        report.add("holds other scenes than the manifest names", "scenes", "index")
    for table, columns in t.items():
        key = "index" if table == "scenes" else "id"
        if key in columns:
            values = columns[key]
            bad = np.concatenate([[False], values[1:] <= values[:-1]])
            report.rows(table, key, bad, "keys are not unique and ascending", values)
    back = np.diff(t["flying"]["view"], prepend=0) < 0 if "view" in t["flying"] else np.zeros(0, bool)
    report.rows("flying", "view", back, "rows are not in the order of their keys")
    for table, keys in ORDERED.items():
        report.attempt(f"the order of {table}", partial(_in_order, report, t, table, keys))
    report.attempt("frames", partial(_check_frames, report, t))
    for table in ("episodes", "steps"):
        if "id" in t[table]:
            told = f"{table} of a scene are not numbered 0, 1, 2, …"
            report.rows(table, "id", _gaps(t[table]["id"], 32), told, t[table]["id"])
    for table, column, target, key, none in FOREIGN:
        if report.foreign and (column not in t[table] or key not in t[target]):
            continue  # the missing column is told
        values = t[table][column]
        bad = ~np.isin(values, t[target][key])
        if (table, column) == ("grasps", "object"):
            # Without a scene a grasp belongs to an asset.
            of_asset = ~np.isin(values, t["assets"].get("id", values[:0]))
            bad = np.where(t["grasps"]["scene"] >= 0, bad, of_asset)
        if none is not None:
            bad &= values != none
        report.rows(
            table,
            column,
            bad,
            lambda row, v=values, into=f"{target}.{key}": f"{v[row]} is no key of {into}",
            t[table].get("id"),
        )
    report.attempt("keys of objects, views and grasps", partial(_check_composition, report, t))
    report.attempt("that each pair has its row", partial(_check_pairs, report, t))
    return len(report.violations) == before


def _in_order(report: Report, t: dict[str, dict[str, NDArray[Any]]], table: str, keys: tuple[str, ...]) -> None:
    _ascending(report, table, keys[0], [t[table][name] for name in keys])


def _ascending(report: Report, table: str, column: str, parts: list[NDArray[Any]]) -> None:
    """Rows ascend by the first part, and no combination of all parts occurs twice."""
    bad = np.concatenate([[False], parts[0][1:] < parts[0][:-1]])
    report.rows(table, column, bad, "rows are not in the order of their keys")
    together = np.stack([part.astype(np.int64) for part in parts], axis=1)
    _, first = np.unique(together, axis=0, return_index=True)
    twice = np.ones(len(together), bool)
    twice[first] = False
    report.rows(table, column, twice, "the row repeats another one's keys")


def _check_composition(report: Report, t: dict[str, dict[str, NDArray[Any]]]) -> None:
    objects, views, grasps = t["objects"], t["views"], t["grasps"]
    bad = objects["id"] != (objects["scene"] << 16) + objects["instance_id"]
    report.rows("objects", "id", bad, "is not scene·2^16 + instance_id", objects["id"])
    report.rows(
        "views",
        "id",
        views["id"] >> 16 != views["scene"],
        "is not scene·2^16 + number",
        views["id"],
    )
    report.rows(
        "views",
        "id",
        _gaps(views["id"], 16),
        "views of a scene are not numbered 0, 1, 2, …",
        views["id"],
    )
    in_scene = grasps["scene"] >= 0
    report.rows(
        "grasps",
        "id",
        in_scene & (grasps["id"] >> 32 != grasps["scene"]),
        "is not scene·2^32 + number",
        grasps["id"],
    )
    bad = ~in_scene & (grasps["id"] >> 32 != grasps["object"])
    report.rows("grasps", "id", bad, "is not asset·2^32 + number, in a grasp without a scene", grasps["id"])
    other = in_scene & (grasps["object"] >> 16 != grasps["scene"])
    report.rows("grasps", "object", other, "the object is in another scene than the grasp", grasps["id"])


def _check_pairs(report: Report, t: dict[str, dict[str, NDArray[Any]]]) -> None:
    """Tables with a row for each pair of two others have them all, and no pair of two scenes."""
    objects, views, grasps = t["objects"], t["views"], t["grasps"]
    annotations = t["annotations"]
    other = annotations["object"] >> 16 != annotations["view"] >> 16
    report.rows("annotations", "object", other, "the object is in another scene than the view")
    unlabelled = np.isin(annotations["object"], objects["id"][~objects["labelled"]])
    report.rows("annotations", "object", unlabelled, "the object is not labelled")
    counts = dict(zip(*np.unique(objects["scene"][objects["labelled"]], return_counts=True), strict=True))
    annotated = dict(zip(*np.unique(annotations["view"], return_counts=True), strict=True))
    wrong = np.array(
        [
            annotated.get(view, 0) != counts.get(scene, 0)
            for view, scene in zip(views["id"], views["scene"], strict=True)
        ],
        bool,
    )
    report.rows(
        "views",
        "id",
        wrong,
        "has not one row in annotations for each labelled object of its scene",
        views["id"],
    )
    seen = t["grasp_views"]
    other = seen["grasp"] >> 32 != seen["view"] >> 16
    report.rows("grasp_views", "view", other, "the view is of another scene than the grasp")
    views_of = dict(zip(*np.unique(views["scene"], return_counts=True), strict=True))
    rows_of = dict(zip(*np.unique(seen["grasp"], return_counts=True), strict=True))
    wrong = np.array(
        [
            rows_of.get(grasp, 0) != views_of.get(scene, 0)
            for grasp, scene in zip(grasps["id"].tolist(), grasps["scene"].tolist(), strict=True)
        ],
        bool,
    )
    report.rows("grasps", "id", wrong, "has not one row in grasp_views for each view of its scene", grasps["id"])


def _check_frames(report: Report, t: dict[str, dict[str, NDArray[Any]]]) -> None:
    """Frames are numbered, have a row for each object of their scene, and contacts and images of that scene."""
    frames, things, contacts, views = (t[n] for n in ("frames", "frame_objects", "frame_contacts", "frame_views"))
    keys, objects = frames["id"], t["objects"]
    _ascending(report, "frame_objects", "frame", [things["frame"], things["object"]])
    _ascending(report, "frame_views", "frame", [views["frame"], views["view"]])
    back = np.diff(contacts["frame"], prepend=0) < 0
    report.rows("frame_contacts", "frame", back, "rows are not in the order of their keys")
    report.rows("frames", "id", keys >> 32 != frames["scene"], "is not scene·2^32 + number", keys)
    report.rows("frames", "id", _gaps(keys, 32), "frames of a scene are not numbered 0, 1, 2, …", keys)
    report.rows("frames", "grasp", frames["grasp"] >> 32 != frames["scene"], "the grasp is in another scene", keys)
    other = things["object"] >> 16 != things["frame"] >> 32
    report.rows("frame_objects", "object", other, "is in another scene than the frame")
    report.rows("frame_views", "view", views["view"] >> 16 != views["frame"] >> 32, "is in another scene")
    ids, counts = np.unique(objects["scene"], return_counts=True)
    wanted = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    ids, counts = np.unique(things["frame"], return_counts=True)
    has = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    pairs = zip(keys.tolist(), frames["scene"].tolist(), strict=True)
    wrong = np.array([has.get(key, 0) != wanted.get(scene, 0) for key, scene in pairs], bool)
    report.rows("frames", "id", wrong, "has not one row in frame_objects for each object of its scene", keys)
    last = int(Toucher.HAND) - max((_fingers(text) for text in t["grippers"]["definition"]), default=0)
    for name in ("first", "second"):
        who = contacts[name]
        code = (who < 0) & (who >= last)
        present = np.isin(who, objects["id"]) & (who >> 16 == contacts["frame"] >> 32)
        report.rows("frame_contacts", name, ~(code | present), lambda row, w=who: f"{w[row]} is nothing of its scene")


def _fingers(definition: str) -> int:
    """Return how many fingers a gripper of the table `grippers` has: two where its file does not name them."""
    found = read_json(definition).get("yaml")
    file = found if isinstance(found, dict) else {}
    names = file.get("fingers")
    return len(names) if isinstance(names, list) else 0 if file.get("kind") == "suction" else 2


def _gaps(keys: NDArray[np.int64], bits: int) -> NDArray[np.bool_]:
    """Mask of the keys whose number in their scene is not the one before's plus one, from 0."""
    scene, number = keys >> bits, keys & ((1 << bits) - 1)
    expected = np.zeros(len(keys), np.int64)
    follows = scene[1:] == scene[:-1]
    expected[1:] = np.where(follows, number[:-1] + 1, 0)
    return number != expected
