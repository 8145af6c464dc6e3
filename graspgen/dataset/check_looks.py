"""Checks of how views look: what is stored with a view is what its scene's plan says, and its images are there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from re import fullmatch
from typing import Any

from graspgen.dataset.checked import Checked, read_json
from graspgen.dataset.guards import inside
from graspgen.dataset.layout import LOOKS, look_file
from graspgen.dataset.violations import Report
from graspgen.errors import DatasetError

#: What `views.looks` holds of a view's plan, beside the surfaces.
FIELDS = ("preset", "lights", "ambient", "environment", "grade", "background")


def looks_of_plan(plan: dict[str, Any], view: dict[str, Any]) -> dict[str, Any]:
    """Return what `views.looks` says of a view: its draws, and the surfaces of all objects."""
    objects = {f"object_{o['instance_id']}": o["surface"] for o in plan["objects"]}
    return {**{name: view[name] for name in FIELDS}, "surfaces": {**objects, **view["surfaces"]}}


def images_of(looks: dict[str, Any]) -> set[str]:
    """Return the names of the user's images that a view shows."""
    textures = (surface.get("texture") or {} for surface in looks.get("surfaces", {}).values())
    names = {texture.get("image", "") for texture in textures} | {looks.get("background", {}).get("image", "")}
    return names - {""}


def check_looks(report: Report, checked: Checked, folder: Path) -> None:
    """Check the looks of every view of a shard against the plans, and the images that they name."""
    views, scenes = checked.tables["views"], checked.tables["scenes"]
    rows = checked.rows_of("scenes", views["scene"])
    plans = [read_json(text) for text in scenes["plan"]]
    seen: dict[str, str] = {}
    for row, scene in enumerate(rows):
        plan, number = plans[scene], int(views["id"][row]) & 0xFFFF
        planned = plan.get("views", [])
        if number >= len(planned) or "surfaces" not in planned[number]:
            continue  # the check of the plan's own column says so
        looks = read_json(views["looks"][row])
        wanted = json.loads(json.dumps(looks_of_plan(plan, planned[number])))
        differ = [name for name in wanted if looks.get(name) != wanted[name]]
        if differ:
            report.add(f"{differ[0]} is not what the scene's plan says", "views", "looks", row, int(views["id"][row]))
        if views["preset"][row] != planned[number]["preset"]:
            report.add("is not what the scene's plan says", "views", "preset", row, int(views["id"][row]))
        if views["engine"][row] != planned[number].get("engine", "opengl"):
            report.add("is not the engine of the scene's plan", "views", "engine", row, int(views["id"][row]))
        for name in images_of(looks):
            if name not in seen:
                seen[name] = _mistake(folder / look_file(name), name)
            if seen[name]:
                report.add(f"{look_file(name)} {seen[name]}", "views", "looks", row, int(views["id"][row]))


def _mistake(path: Path, name: str) -> str:
    """Say what is wrong with a kept image, "" for nothing."""
    try:
        content = (
            inside(path.parent.parent, f"{LOOKS}/{name}.jpg").read_bytes() if fullmatch("[0-9a-f]{32}", name) else None
        )
    except DatasetError:
        return "is a link out of the dataset"
    except OSError:
        return "is missing: no view that shows it can be made again"
    if content is None:
        return f"is named {name[:40]!r}: no name of a kept image"
    return "" if hashlib.sha256(content).hexdigest()[:32] == name else "was changed: its name is not its SHA-256"
