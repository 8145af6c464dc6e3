"""Checks of suction grasps: seal and resisted weights, derived again from mesh, pose and gripper; outcomes that fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.checked import Checked, read_json
from graspgen.dataset.schema import GripperKind, TrialKind
from graspgen.dataset.violations import Report
from graspgen.errors import DatasetError
from graspgen.frames import Array, pose
from graspgen.grasps.outcomes import Outcome, Sampler

#: Suction grasps of a shard that are derived again, spread over its rows.
SAMPLE = 400
#: Scores are stored in single precision, and so are some meshes.
TOLERANCE, SHARE = 2e-3, 1e-2
#: A lip at an edge seals or not by a hair: it counts as either if it does within this, m.
SHIFT = 2e-5

_SCORES = ("seal", "resists_any", "resists_gravity")
_ONLY_SUCTION = (Outcome.NO_SEAL, Outcome.PEELED)
_SURFACE = (Sampler.SURFACE, Sampler.SURFACE_SEALED, Sampler.SURFACE_UNSEALED)


def check_suction(report: Report, checked: Checked) -> None:
    """Check the columns of `grasps` that only suction has, and that no other gripper has them."""
    g, t, hands = (checked.tables[name] for name in ("grasps", "trials", "grippers"))
    keys = g["id"]
    suction = hands["kind"][checked.rows_of("grippers", g["gripper"])] == GripperKind.SUCTION
    for name in _SCORES:
        report.rows("grasps", name, ~suction & ~np.isnan(g[name]), "is given of a gripper without cups", keys)
    report.rows("grasps", "cups", ~suction & (g["cups"] != 0), "is given of a gripper without cups", keys)
    strange = np.isin(g["sampler"], _SURFACE) & ~suction
    strange |= np.isin(g["sampler"], (Sampler.ANTIPODAL, Sampler.ANTIPODAL_CLEAR, Sampler.ANTIPODAL_BLOCKED)) & suction
    report.rows("grasps", "sampler", strange, "does not fit the kind of gripper", keys)
    of = checked.rows_of("grasps", t["grasp"])
    bad = np.isin(t["outcome"], _ONLY_SUCTION) & ~suction[of]
    bad |= (t["outcome"] == Outcome.ONE_FINGER) & suction[of]
    report.rows("trials", "outcome", bad, "does not fit the kind of gripper", t["grasp"])
    if not suction.any():
        return
    for name in ("seal", "resists_any"):
        report.rows("grasps", name, suction & np.isnan(g[name]), "is missing", keys)
    report.rows("grasps", "cups", suction & ((g["cups"] != 0) != (g["seal"] > 0)), "does not fit the seal", keys)
    nominal = (t["kind"] == TrialKind.FREE) & (t["draw"] == 0)
    without = nominal & suction[of] & (g["seal"][of] == 0)
    early = np.isin(t["outcome"], (Outcome.NO_SEAL, Outcome.NO_CONTACT, Outcome.HITS_TARGET, Outcome.UNSTABLE))
    report.rows("trials", "outcome", without & ~early, "holds without a cup that seals", t["grasp"])
    rows = np.flatnonzero(suction)
    _check_derived(report, checked, rows[np.unique(np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).astype(int))])


def _check_derived(report: Report, checked: Checked, rows: NDArray[np.int64]) -> None:
    g = checked.tables["grasps"]
    bad: dict[str, NDArray[np.bool_]] = {name: np.zeros(len(g["id"]), bool) for name in (*_SCORES, "cups", "contacts")}
    told: dict[str, NDArray[Any]] = {name: np.full(len(g["id"]), np.nan) for name in bad}
    owner = np.stack([g["scene"][rows] >= 0, g["object"][rows], g["gripper"][rows]], axis=-1)
    for in_scene, key, hand in np.unique(owner, axis=0).tolist():
        mine = rows[(owner == [in_scene, key, hand]).all(axis=1)]
        row = int(checked.rows_of("objects" if in_scene else "assets", np.array([key]))[0])
        try:
            if in_scene:
                vertices, faces = checked.object_mesh(row)
            else:
                vertices, faces = checked.meshes.read(checked.tables["assets"]["mesh"][row])
        except DatasetError:
            continue  # named once, for the asset
        number = int(checked.rows_of("grippers", np.array([hand]))[0])
        file = read_json(checked.tables["grippers"]["definition"][number]).get("yaml")
        if isinstance(file, dict) and file.get("kind") == "suction":
            _derive(checked, mine, file, vertices, faces, row if in_scene else None, bad, told)
    for name, mask in bad.items():
        report.rows(
            "grasps",
            name,
            mask,
            lambda r, n=name: f"{np.ravel(g[n][r])[0]:g}, derived again {told[n][r]:g}",
            g["id"],
        )


def _derive(
    checked: Checked,
    rows: NDArray[np.int64],
    file: dict[str, Any],
    vertices: Array,
    faces: NDArray[np.int64],
    thing: int | None,
    bad: dict[str, NDArray[np.bool_]],
    told: dict[str, NDArray[Any]],
) -> None:
    """Derive the scores of grasps of one object; `thing` is its row in `objects`, None in a database."""
    from graspgen.grasps.seal import cup_seal  # Embree is loaded only where it is used
    from graspgen.grasps.suction_wrench import STANDARD_GRAVITY, weights_resisted
    from graspgen.raycast import RayCaster

    g, caster = checked.tables["grasps"], RayCaster(vertices, faces)
    cups, radius = np.asarray(file["cups"], float), float(file["radius"])
    T = g["T_object_grasp"][rows]
    shifts = SHIFT * np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    scores = np.stack(
        [cup_seal(caster, T @ pose(translation=s), cups, radius, float(file["depth"])).score for s in shifts]
    )
    sealed = (g["cups"][rows, None] >> np.arange(len(cups)) & 1).astype(bool)
    can, must = (scores > 0).any(axis=0), (scores > 0).all(axis=0)
    bad["cups"][rows] = ((sealed & ~can) | (~sealed & must)).any(axis=1) | (g["cups"][rows] >> len(cups) > 0)
    told["cups"][rows] = (can * (1 << np.arange(len(cups)))).sum(axis=1)
    # The mean over the cups that are said to seal.
    count = np.maximum(sealed.sum(axis=1), 1)
    mean = np.where(sealed, scores, 0.0).sum(axis=2) / count
    low, high = mean.min(axis=0) - TOLERANCE, mean.max(axis=0) + TOLERANCE
    bad["seal"][rows] = ~bad["cups"][rows] & ~((g["seal"][rows] >= low) & (g["seal"][rows] <= high))
    told["seal"][rows] = mean[0]
    contact, z = g["contacts"][rows, 0].astype(float), T[:, :3, 2]
    there = np.isfinite(contact).all(axis=1)
    across = np.linalg.norm(np.cross(contact - T[:, :3, 3], z), axis=1)
    bad["contacts"][rows] = there & ~(across <= 2 * radius)
    told["contacts"][rows] = np.nan
    if thing is None:
        bad["resists_gravity"][rows] = ~np.isnan(g["resists_gravity"][rows])
        return
    objects, total = checked.tables["objects"], float(file["vacuum"]) * np.pi * radius**2 * len(cups)
    asked = checked.recipe.get("grasps", {}).get("force")
    total = total if asked is None else min(total, float(asked))
    mass, friction = float(objects["mass"][thing]), float(objects["friction"][thing][0])
    known = (cups, radius, total / len(cups), sealed, T, objects["com"][thing], friction)
    scene = int(checked.rows_of("scenes", objects["scene"][thing : thing + 1])[0])
    gravity = objects["T_world_object"][thing][:3, :3].T @ checked.tables["scenes"]["gravity"][scene]
    size = float(np.linalg.norm(gravity))
    expected = {"resists_any": weights_resisted(*known, mass * STANDARD_GRAVITY)}
    none = np.full(len(rows), np.nan)
    expected["resists_gravity"] = weights_resisted(*known, mass * size, gravity) if size > 0 else none
    for name, values in expected.items():
        given = g[name][rows]
        bad[name][rows] = ~(np.abs(given - values) <= TOLERANCE + SHARE * values) & ~(
            np.isnan(given) & np.isnan(values)
        )
        told[name][rows] = values
