"""Checks of scenes, assets and objects: evidence of rest, plausible units, masses and inertias, plans."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.checked import Checked
from graspgen.dataset.schema import Role
from graspgen.dataset.violations import Report
from graspgen.errors import DatasetError

#: What a graspable object can be: a size outside is a mesh in another unit, a density outside a wrong mass.
EXTENT_RANGE = (1e-3, 2.0)
DENSITY_RANGE = (1.0, 25_000.0)


def check_objects(report: Report, checked: Checked) -> None:
    """Check what does not depend on any image."""
    for each in (_check_rest, _check_plans, _check_assets, _check_masses):
        report.attempt(each.__name__.removeprefix("_check_"), partial(each, report, checked))


def _check_rest(report: Report, checked: Checked) -> None:
    """A scene that says it is settled kept the recipe's thresholds."""
    scenes = checked.tables["scenes"]
    settle = checked.recipe.get("scene", {}).get("settle", {})
    limits = {
        "max_speed": ("max_speed", "m/s"),
        "max_angular_speed": ("max_angular_speed", "rad/s"),
        "max_penetration": ("max_penetration", "m"),
    }
    for column, (key, unit) in limits.items():
        if key in settle:
            limit = float(settle[key])
            report.rows(
                "scenes",
                column,
                scenes["settled"] & (scenes[column] > limit * (1 + 1e-9)),
                lambda row, c=column, n=limit, u=unit: (
                    f"{scenes[c][row]:g} {u} in a settled scene, the recipe allows {n:g}"
                ),
                scenes["index"],
            )
    longest = _longest_settle(checked, settle)
    report.rows(
        "scenes",
        "settle_time",
        scenes["settled"] & (scenes["settle_time"] > longest * (1 + 1e-9)),
        lambda row: f"{scenes['settle_time'][row]:g} s in a settled scene, the recipe allows {longest[row]:g}",
        scenes["index"],
    )
    report.rows(
        "scenes",
        "tunnelled",
        scenes["tunnelled"] > scenes["removed"],
        "is more than the objects that were removed",
        scenes["index"],
    )
    _check_motion(report, checked)
    report.rows("scenes", "settled", ~scenes["settled"], "the scene did not come to rest", scenes["index"])


def _longest_settle(checked: Checked, settle: dict[str, Any]) -> NDArray[np.float64]:
    """Return the longest time, s, that each scene may have settled for.

    One that is calm when time is up may stay so for `rest_time`. A pile rests twice, in its box and without it, after
    every object has been waited for.
    """
    scenes = checked.tables["scenes"]
    longest = np.full(len(scenes["index"]), settle.get("time_limit", np.inf) + settle.get("rest_time", 0.0), float)
    here = (checked.tables["objects"]["scene"][:, None] == scenes["index"]).sum(axis=0) + scenes["removed"]
    wait = checked.recipe.get("scene", {}).get("pile", {}).get("wait", 0.0)
    piled = scenes["arrangement"] == "pile"
    return np.where(piled, 2 * longest + here * wait, longest)


def _check_motion(report: Report, checked: Checked) -> None:
    """The velocities of a scene's objects are those that its evidence of rest says, relative to the belt."""
    scenes, objects = checked.tables["scenes"], checked.tables["objects"]
    row = checked.rows_of("scenes", objects["scene"])
    speeds = {
        "velocity": ("max_speed", objects["velocity"] - scenes["belt_velocity"][row], "m/s"),
        "angular_velocity": ("max_angular_speed", objects["angular_velocity"], "rad/s"),
    }
    for column, (limit, velocity, unit) in speeds.items():
        speed, most = np.linalg.norm(velocity, axis=1), scenes[limit][row]
        report.rows(
            "objects",
            column,
            speed > most * (1 + 1e-9) + 1e-12,
            lambda i, s=speed, m=most, n=limit, u=unit: f"{s[i]:g} {u}, but the scene's {n} is {m[i]:g}",
            objects["id"],
        )
        fastest = np.zeros(len(scenes["index"]))
        np.maximum.at(fastest, row, speed)
        report.rows(
            "scenes",
            limit,
            ~(np.abs(fastest - scenes[limit]) <= 1e-9 + 1e-6 * fastest) & (scenes["removed"] == 0),
            lambda i, s=fastest, n=limit, u=unit: f"{scenes[n][i]:g} {u}, the fastest object has {s[i]:g}",
            scenes["index"],
        )


def _check_plans(report: Report, checked: Checked) -> None:
    """A scene's objects are those of its plan but for the removed ones, with the plan's assets and scales."""
    scenes, objects = checked.tables["scenes"], checked.tables["objects"]
    for row, key in enumerate(scenes["index"].tolist()):
        mine = objects["scene"] == key
        ids = objects["instance_id"][mine].tolist()
        highest = len(ids) + int(scenes["removed"][row])
        if ids and max(ids) > highest:
            text = f"instance ids {ids} are not dense: {len(ids)} objects, {scenes['removed'][row]} removed"
            report.add(text, "objects", "instance_id", int(np.flatnonzero(mine)[-1]), key)
        plan = checked.plan(row)
        for name in ("index", "seed", "attempt", "task"):
            if name in plan and plan[name] != scenes[name][row]:
                report.add(
                    f"the plan says {plan[name]}, the column {scenes[name][row]}",
                    "scenes",
                    name,
                    row,
                    key,
                )
        if "gravity" in plan:
            wanted = plan["gravity"] * np.array(plan.get("gravity_direction", (0, 0, -1)), float)
            if not np.allclose(scenes["gravity"][row], wanted, atol=1e-9):
                report.add(f"the plan says {wanted.tolist()} m/s²", "scenes", "gravity", row, key)
        _compare_arena(report, scenes, row, plan)
        if "objects" in plan:
            _compare_objects(report, checked, row, np.flatnonzero(mine), plan["objects"])


def _compare_arena(report: Report, scenes: dict[str, NDArray[Any]], row: int, plan: dict[str, Any]) -> None:
    """The scene's columns say of its arena and arrangement what its plan says."""
    arena, arrangement = plan.get("arena", {}), plan.get("arrangement", {})
    planned = {
        "arena": arena.get("name"),
        "belt_velocity": arena.get("belt_velocity"),
        "arrangement": arrangement.get("kind"),
        "left_out": arrangement.get("left_out"),
    }
    for column, value in planned.items():
        stored = scenes[column][row]
        if value is not None and not np.array_equal(np.asarray(stored), np.asarray(value)):
            text = f"the plan says {value}, the column {stored}"
            report.add(text, "scenes", column, row, int(scenes["index"][row]))


def _compare_objects(
    report: Report,
    checked: Checked,
    scene: int,
    rows: NDArray[np.int64],
    planned: list[dict[str, Any]],
) -> None:
    scenes, objects = checked.tables["scenes"], checked.tables["objects"]
    by_id = {int(p["instance_id"]): p for p in planned}
    if len(rows) + int(scenes["removed"][scene]) != len(planned):
        text = f"{len(rows)} objects and {scenes['removed'][scene]} removed, the plan has {len(planned)}"
        report.add(text, "scenes", "removed", scene, int(scenes["index"][scene]))
    for row in rows.tolist():
        key, plan = int(objects["id"][row]), by_id.get(int(objects["instance_id"][row]))
        if plan is None:
            report.add("the plan has no such object", "objects", "instance_id", row, key)
            continue
        _compare_mass(report, checked, row, plan)
        if plan.get("asset", objects["asset"][row]) != objects["asset"][row]:
            text = f"the plan says {plan['asset']}, the column {objects['asset'][row]}"
            report.add(text, "objects", "asset", row, key)
        role = Role[str(plan["role"]).upper()] if "role" in plan else objects["role"][row]
        for name, planned_as in (("role", role), ("labelled", plan.get("labelled", objects["labelled"][row]))):
            if objects[name][row] != planned_as:
                report.add(f"the plan says {planned_as}, the column {objects[name][row]}", "objects", name, row, key)
        for name in ("scale", "friction"):
            if name in plan and not np.allclose(objects[name][row], plan[name], rtol=1e-9, atol=0):
                report.add(
                    f"the plan says {plan[name]}, the column {objects[name][row]}",
                    "objects",
                    name,
                    row,
                    key,
                )


def _compare_mass(report: Report, checked: Checked, row: int, plan: dict[str, Any]) -> None:
    """An object's mass, centre of mass and inertia are those of its asset, at the plan's scale and density."""
    objects, assets = checked.tables["objects"], checked.tables["assets"]
    asset = checked.meshes.asset(assets["mesh"][int(checked.rows_of("assets", objects["asset"][row]))])
    if asset is None or not {"scale", "density"} <= set(plan):
        return
    scale, key = float(plan["scale"]), int(objects["id"][row])
    mass = asset.volume * scale**3 * float(plan["density"])
    if not np.isclose(objects["mass"][row], mass, rtol=1e-6):
        text = f"{objects['mass'][row]:g} kg, the plan's density gives {mass:g}"
        report.add(text, "objects", "mass", row, key)
    if not any(plan.get("com_offset", (1,))):
        if not np.allclose(objects["com"][row], asset.com * scale, rtol=1e-6, atol=1e-9):
            report.add("is not that of the asset", "objects", "com", row, key)
        inertia = asset.unit_inertia * scale**5 * float(plan["density"])
        same = np.allclose(objects["inertia"][row], inertia, rtol=1e-5, atol=1e-6 * np.abs(inertia).max())
        if not same and (np.asarray(plan.get("inertia_scale", (0,))) == 1).all():
            report.add("is not that of the asset at its mass", "objects", "inertia", row, key)


def _check_assets(report: Report, checked: Checked) -> None:
    assets = checked.tables["assets"]
    keys, extents, volume = assets["id"], assets["extents"], assets["volume"]
    low, high = EXTENT_RANGE
    report.rows(
        "assets",
        "extents",
        (extents.max(axis=1) < low) | (extents.max(axis=1) > high),
        lambda row: f"an object of {extents[row].max():g} m: is its mesh in metres? expected {low:g} to {high:g} m",
        keys,
    )
    bad = (volume <= 0) | (volume > extents.prod(axis=1) * (1 + 1e-6))
    report.rows("assets", "volume", bad, "is not between 0 and the volume of the box around the asset", keys)
    for column in ("name", "id"):
        if len(set(assets[column])) < len(assets[column]):
            report.add("a name occurs twice", "assets", column)
    for row, name in enumerate(assets["mesh"]):
        try:
            vertices, _ = checked.meshes.read(name)
        except DatasetError as error:
            report.add(str(error), "assets", "mesh", row, int(keys[row]))
            continue
        size = np.ptp(vertices, axis=0)
        if not np.allclose(size, extents[row], rtol=1e-5, atol=1e-7):
            text = f"{extents[row].round(6).tolist()} m, the mesh {name} measures {size.round(6).tolist()} m"
            report.add(text, "assets", "extents", row, int(keys[row]))
        stored, found = assets["content_hash"][row], checked.meshes.content_hash(name)
        if found != stored:
            text = found if " " in found or not found else f"the asset beside {name} is another one"
            text = text or f"beside {name} there is no asset.yaml: no scene can be made again with it"
            report.add(text, "assets", "content_hash", row, int(keys[row]))


def _check_masses(report: Report, checked: Checked) -> None:
    objects, assets = checked.tables["objects"], checked.tables["assets"]
    keys, asset = objects["id"], checked.rows_of("assets", objects["asset"])
    report.rows("objects", "scale", (objects["scale"] <= 0).any(axis=1), "is not positive", keys)
    density = objects["mass"] / (assets["volume"][asset] * objects["scale"].prod(axis=1))
    low, high = DENSITY_RANGE
    report.rows(
        "objects",
        "mass",
        ~((density >= low * (1 - 1e-6)) & (density <= high * (1 + 1e-6))),
        lambda row: (
            f"{objects['mass'][row]:g} kg means {density[row]:g} kg/m³, expected {low:g} to {high:g}: wrong unit?"
        ),
        keys,
    )
    inertia = objects["inertia"]
    finite = np.isfinite(inertia).all(axis=(1, 2))
    symmetric = np.abs(inertia - inertia.swapaxes(1, 2)).max(axis=(1, 2)) <= 1e-9 * np.abs(inertia).max(axis=(1, 2))
    principal = np.linalg.eigvalsh(np.where(finite[:, None, None], inertia, np.eye(3)))
    positive = finite & symmetric & (principal[:, 0] > 0)
    report.rows("objects", "inertia", ~positive, "is not symmetric and positive definite", keys)
    # No body has a principal moment above the sum of the two others.
    triangle = principal[:, 0] + principal[:, 1] >= principal[:, 2] * (1 - 1e-6)
    report.rows(
        "objects",
        "inertia",
        positive & ~triangle,
        "breaks the triangle inequality of its moments",
        keys,
    )
    bounds, known = checked.object_bounds()
    size = bounds[:, 1] - bounds[:, 0]
    # All mass lies in the box: no moment exceeds m (a² + b²) / 4 with the two largest sides, mass at the corners.
    largest = np.sort(size, axis=1)[:, 1:]
    most = objects["mass"] * (largest**2).sum(axis=1) / 4
    report.rows(
        "objects",
        "inertia",
        known & positive & (principal[:, 2] > most * (1 + 1e-6)),
        lambda row: f"a moment of {principal[row, 2]:g} kg m², more than its mass in its box can have: wrong unit?",
        keys,
    )
    com, slack = objects["com"], 1e-6 + 1e-6 * size
    outside = ((com < bounds[:, 0] - slack) | (com > bounds[:, 1] + slack)).any(axis=1)
    report.rows("objects", "com", known & outside, "lies outside the box around the mesh", keys)
