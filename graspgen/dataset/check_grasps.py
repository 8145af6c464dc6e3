"""Checks of grasps: outcomes against trials, widths, and geometry against the mesh."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.checked import Checked, read_json
from graspgen.dataset.schema import TrialKind
from graspgen.dataset.violations import Report
from graspgen.errors import DatasetError
from graspgen.frames import Array
from graspgen.grasps.outcomes import Outcome, Sampler

CONTACT_TOLERANCE = 1e-3
ANGLE_TOLERANCE = 1e-3
#: A finger that is pressed on its stop gives way a little.
WIDTH_TOLERANCE = 1e-3


def check_grasps(report: Report, checked: Checked) -> None:
    """Check the grasps and trials of a shard."""
    for each in (_check_outcomes, _check_trials, _check_angles, _check_contacts):
        report.attempt(each.__name__.removeprefix("_check_"), partial(each, report, checked))


def _check_outcomes(report: Report, checked: Checked) -> None:
    """The summary of a grasp is what its trials say."""
    grasps, trials = checked.tables["grasps"], checked.tables["trials"]
    grasp, keys = checked.rows_of("grasps", trials["grasp"]), grasps["id"]
    for kind, column in ((TrialKind.FREE, "outcome"), (TrialKind.IN_SCENE, "outcome_in_scene")):
        mine = trials["kind"] == kind
        expected = np.full(len(keys), int(Outcome.NOT_TRIED))
        # The first draw is the nominal one: write the others before it.
        order = np.flatnonzero(mine)[np.argsort(-trials["draw"][mine], kind="stable")]
        expected[grasp[order]] = trials["outcome"][order]
        report.rows(
            "grasps",
            column,
            grasps[column] != expected,
            lambda row, c=column, e=expected: f"{_name(grasps[c][row])}, its first trial says {_name(e[row])}",
            keys,
        )
    free = trials["kind"] == TrialKind.FREE
    # Repeated trials, where there are any, give the rate; else the nominal one alone.
    repeated = np.bincount(grasp[free & (trials["draw"] > 0)], minlength=len(keys)) > 0
    free &= (trials["draw"] > 0) == repeated[grasp]
    tried = np.bincount(grasp[free], minlength=len(keys))
    held = np.bincount(grasp[free & (trials["outcome"] == Outcome.SUCCESS)], minlength=len(keys))
    rate = np.divide(held, tried, out=np.full(len(keys), np.nan), where=tried > 0)
    bad = ~((np.abs(grasps["success_rate"] - rate) <= 1e-6) | (np.isnan(rate) & np.isnan(grasps["success_rate"])))
    report.rows(
        "grasps",
        "success_rate",
        bad,
        lambda row: f"{grasps['success_rate'][row]:g}, {held[row]} of {tried[row]} trials succeeded",
        keys,
    )


def _name(code: int) -> str:
    return Outcome(int(code)).name if int(code) in list(Outcome) else str(code)


def _check_trials(report: Report, checked: Checked) -> None:
    trials, profiles = checked.tables["trials"], checked.tables["profiles"]
    success, keys = trials["outcome"] == Outcome.SUCCESS, trials["grasp"]
    timed = ~np.isnan(trials["time_to_failure"])
    report.rows("trials", "time_to_failure", timed & success, "a success has no time to failure", keys)
    report.rows(
        "trials",
        "failed_direction",
        (trials["failed_direction"] >= 0) & success,
        "a success has none",
        keys,
    )
    report.rows(
        "trials",
        "outcome",
        trials["outcome"] == Outcome.NOT_TRIED,
        "a trial says that none was made",
        keys,
    )
    row = checked.rows_of("profiles", trials["profile"])
    protocols = [protocol(text) for text in profiles["options"]]
    for column, limits in (
        ("drift_holding", [p.get("max_drift", np.inf) for p in protocols]),
        ("rotation_holding", [np.radians(p.get("max_rotation_deg", np.inf)) for p in protocols]),
    ):
        limit = np.array(limits, float)[row] if len(row) else np.zeros(0)
        bad = success & ~(trials[column] <= limit * (1 + 1e-5))
        report.rows(
            "trials",
            column,
            bad,
            lambda r, c=column, n=limit: f"{trials[c][r]:g} in a success, the profile allows {n[r]:g}",
            keys,
        )
    pushes = [len(p.get("directions", ())) + len(p.get("turns", ())) for p in protocols]
    scenes = [protocol(text, "scene") for text in profiles["options"]]
    shakes = [len(p.get("shakes", ())) + len(p.get("shake_turns", ())) for p in scenes]
    directions = np.array([[n or 127 for n in pushes], [n or 127 for n in shakes]], int)
    bad = trials["failed_direction"] >= (directions[trials["kind"], row] if len(row) else 0)
    report.rows("trials", "failed_direction", bad, "the profile has no such direction", keys)
    grasps, grippers = checked.tables["grasps"], checked.tables["grippers"]
    stroke = grippers["stroke"][checked.rows_of("grippers", grasps["gripper"])]
    opens = stroke > 0  # cups do not open
    bad = opens & (grasps["width"] <= 0) | (grasps["width"] > stroke + 1e-9)
    report.rows(
        "grasps",
        "width",
        bad,
        lambda r: f"{grasps['width'][r]:g} m, the gripper opens from 0 to {stroke[r]:g} m",
        grasps["id"],
    )
    of_grasp = stroke[checked.rows_of("grasps", keys)] if len(keys) else np.zeros(0)
    bad = (trials["width"] > of_grasp + WIDTH_TOLERANCE) | (trials["width"] < -WIDTH_TOLERANCE)
    report.rows("trials", "width", bad, "is no opening that the gripper has", keys)


def protocol(text: str, section: str = "protocol") -> dict[str, Any]:
    """Return a section of a profile's options, empty where it is not there."""
    protocol = read_json(text).get(section)
    return protocol if isinstance(protocol, dict) else {}


def _check_angles(report: Report, checked: Checked) -> None:
    """The angle between the line of the contacts and the inward normals, derived again from both."""
    grasps = checked.tables["grasps"]
    keys, normals = grasps["id"], grasps["normals"].astype(float)
    length = np.linalg.norm(normals, axis=-1)
    bad = (np.abs(length - 1) > 1e-5).any(axis=1)
    report.rows("grasps", "normals", bad, "are not of unit length", keys)
    angle = antipodal_angle(grasps["contacts"].astype(float), normals)
    given = grasps["antipodal_angle"]
    bad = ~(np.abs(given - angle) <= ANGLE_TOLERANCE) & ~(np.isnan(given) & np.isnan(angle))
    report.rows(
        "grasps",
        "antipodal_angle",
        bad,
        lambda r: f"{given[r]:g} rad, contacts and normals give {angle[r]:g}",
        keys,
    )
    friction, needed = (
        grasps["min_friction_analytic"],
        np.where(given < np.pi / 2, np.tan(given), np.inf),
    )
    bad = (given < 1.5) & ~(np.abs(friction - needed) <= 1e-4 * (1 + needed))
    report.rows("grasps", "min_friction_analytic", bad, "is not tan(antipodal_angle)", keys)
    line = grasps["contacts"][:, 0].astype(float) - grasps["contacts"][:, 1]
    along = line / np.linalg.norm(line, axis=-1, keepdims=True)
    cosine = np.abs(np.einsum("ij,ij->i", along, grasps["T_object_grasp"][:, :3, 1]))
    antipodal = np.isin(grasps["sampler"], (Sampler.ANTIPODAL, Sampler.ANTIPODAL_CLEAR, Sampler.ANTIPODAL_BLOCKED))
    bad = antipodal & (cosine < np.cos(0.01))
    report.rows(
        "grasps",
        "T_object_grasp",
        bad,
        "y, the closing direction, is not along the line of the contacts",
        keys,
    )


def antipodal_angle(contacts: Array, normals: Array) -> Array:
    """Return the (n,) larger angle between the line of (n, 2, 3) contacts and the inward normal at each, rad."""
    line = contacts[:, 1] - contacts[:, 0]
    inward = np.stack([line, -line], axis=1)
    across = np.linalg.norm(np.cross(inward, -normals), axis=-1)
    angles = np.arctan2(across, np.einsum("nij,nij->ni", inward, -normals))
    return angles.max(axis=1) if len(angles) else np.zeros(0)


def _check_contacts(report: Report, checked: Checked) -> None:
    """Contacts lie on the mesh."""
    from graspgen.raycast import RayCaster  # Embree is loaded only where it is used

    grasps, objects, assets = (checked.tables[t] for t in ("grasps", "objects", "assets"))
    far = np.zeros(len(grasps["id"]), bool)
    meshes = [(False, row, key) for row, key in enumerate(assets["id"].tolist())]
    meshes += [(True, row, key) for row, key in enumerate(objects["id"].tolist())]
    touching = ~np.isnan(grasps["contacts"]).any(axis=(1, 2))
    for in_scene, row, key in meshes:
        mine = np.flatnonzero((grasps["object"] == key) & ((grasps["scene"] >= 0) == in_scene) & touching)
        if not len(mine):
            continue
        try:
            vertices, faces = checked.object_mesh(row) if in_scene else checked.meshes.read(assets["mesh"][row])
        except DatasetError:
            continue  # named once, for the asset
        points = grasps["contacts"][mine].reshape(-1, 3).astype(float)
        normals = grasps["normals"][mine].reshape(-1, 3).astype(float)
        # From a millimetre outside inwards, the surface comes within two; only at sharp edges the ray can pass by.
        off = ~_hits(
            RayCaster(vertices, faces),
            points + CONTACT_TOLERANCE * normals,
            -normals,
            2 * CONTACT_TOLERANCE,
        )
        off[off] = _distance(points[off], vertices[faces]) > CONTACT_TOLERANCE
        far[mine] = off.reshape(-1, 2).any(axis=1)
    report.rows(
        "grasps",
        "contacts",
        far,
        f"are more than {CONTACT_TOLERANCE:g} m from the object's mesh",
        grasps["id"],
    )


def _hits(caster: Any, origins: Array, directions: Array, limit: float) -> NDArray[np.bool_]:
    """Mask of the rays that meet the mesh within `limit`; rays that are not finite do not."""
    finite = np.isfinite(origins).all(axis=1)
    hit = np.zeros(len(origins), bool)
    face = caster.first_face(origins[finite], directions[finite])
    distance = caster.plane_distance(face, origins[finite], directions[finite])
    hit[finite] = (face >= 0) & (distance <= limit)
    return hit


def _distance(points: Array, triangles: Array) -> Array:
    """Return the (n,) exact distances of points to the nearest of (m, 3, 3) triangles, m."""
    out = np.empty(len(points))
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
    for i, point in enumerate(points):
        height = np.einsum("ij,ij->i", point - a, normal)
        foot = point - height[:, None] * normal
        inside = np.ones(len(a), bool)
        nearest = np.full(len(a), np.inf)
        for start, end in ((a, b), (b, c), (c, a)):
            edge = end - start
            inside &= np.einsum("ij,ij->i", np.cross(edge, foot - start), normal) >= 0
            share = np.einsum("ij,ij->i", point - start, edge) / np.maximum(np.einsum("ij,ij->i", edge, edge), 1e-30)
            closest = start + np.clip(share, 0, 1)[:, None] * edge
            nearest = np.minimum(nearest, np.linalg.norm(point - closest, axis=1))
        out[i] = np.where(inside, np.abs(height), nearest).min()
    return out
