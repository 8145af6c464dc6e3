"""Checks of flying distractors: rows against the plan, and how much they hide, derived again by casting rays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.arena_solids import arena_solids, hidden_geoms
from graspgen.dataset.check_geometry import FLYING, cast, flying_solids, object_solids, sampled_pixels, view_number
from graspgen.dataset.checked import Checked
from graspgen.dataset.schema import Role, Shape
from graspgen.dataset.violations import Report
from graspgen.errors import DatasetError

#: A share that is counted in n sampled pixels may be off by this much over the square root of n.
SPREAD = 3.0


def check_flying(report: Report, checked: Checked) -> None:
    """Check the table `flying`, and that no target is hidden by more than the plan allows."""
    flying = checked.tables["flying"]
    unseen = ~flying["shown"] & ((flying["pixels"] > 0) | (flying["hides"] > 0))
    report.rows("flying", "shown", unseen, "is not shown, but has pixels or hides something")
    views, scenes = checked.tables["views"], checked.tables["scenes"]
    for row, scene in enumerate(scenes["index"].tolist()):
        plan = checked.plan(row)
        mine = np.flatnonzero(views["scene"] == scene)
        for view, planned in zip(mine.tolist(), plan.get("views", ()), strict=False):
            _check_plan(report, checked, view, planned.get("flying", ()))
        flown = [v for v in mine.tolist() if flying["shown"][flying["view"] == views["id"][v]].any()]
        if flown:
            _check_hidden(report, checked, row, flown, plan.get("flying_max_hidden"))


def _check_plan(report: Report, checked: Checked, view: int, planned: list[dict[str, Any]]) -> None:
    flying, key = checked.tables["flying"], int(checked.tables["views"]["id"][view])
    rows = np.flatnonzero(flying["view"] == key).tolist()
    if len(rows) != len(planned):
        report.add(f"{len(rows)} rows in flying, the plan has {len(planned)}", "views", "id", view, key)
        return
    for row, given in zip(rows, planned, strict=True):
        if Shape[given["shape"].upper()] != flying["shape"][row]:
            report.add(f"the plan says {given['shape']}", "flying", "shape", row, key)
        for name in ("size", "T_world_flying"):
            if not np.allclose(flying[name][row], given[name], atol=1e-12):
                report.add("is not what the plan says", "flying", name, row, key)


def _check_hidden(report: Report, checked: Checked, scene: int, views: list[int], limit: float | None) -> None:
    """Cast the same rays with the flying distractors and without them."""
    tables = checked.tables
    objects, flying = tables["objects"], tables["flying"]
    try:
        solids = [*arena_solids(checked.plan(scene), checked.meshes), *object_solids(checked, scene)]
    except (DatasetError, KeyError, TypeError, ValueError):
        return  # named once, for the asset or the plan
    targets = objects["instance_id"][
        (objects["scene"] == tables["scenes"]["index"][scene]) & (objects["role"] == Role.TARGET)
    ].tolist()
    for view in views:
        key, shape = int(tables["views"]["id"][view]), checked.images["instances"].shape[1:3]
        pixels, step = sampled_pixels(*shape)
        pose, K, lens = (tables["views"][name][view] for name in ("T_world_camera", "K", "distortion"))
        hidden = hidden_geoms(checked.plan(scene), view_number(tables["views"], view))
        behind = [solid for solid in solids if solid.shows not in hidden]
        bare = cast(behind, pose, K, pixels, lens)[0] if behind else np.zeros(len(pixels), int)
        full, _ = cast(behind + flying_solids(checked, view), pose, K, pixels, lens)
        rows = np.flatnonzero(flying["view"] == key)
        for number, row in enumerate(rows.tolist()):
            count, told = int((full == FLYING - number).sum()), int(flying["pixels"][row])
            # An outline crosses about as many pixels as a square of that area has on its sides.
            if abs(count * step**2 - told) > SPREAD * step**2 * np.sqrt(count + 1) + 4 * np.sqrt(told):
                text = f"{told} px, rays through every {step}. pixel of view {key} find {count}"
                report.add(text, "flying", "pixels", row, key)
        _check_shares(report, flying, rows, key, [bare == target for target in targets], full)
        for target in targets:
            own = bare == target
            n, gone = int(own.sum()), int((own & (full <= FLYING)).sum())
            if limit is not None and gone > limit * n + SPREAD * np.sqrt(n) + 1:
                text = f"flying distractors hide {gone} of {n} rays at target {target}, the plan allows {limit:g}"
                report.add(text, "views", "id", view, key)


def _check_shares(
    report: Report,
    flying: dict[str, NDArray[Any]],
    rows: NDArray[np.int64],
    view: int,
    targets: list[NDArray[np.bool_]],
    full: NDArray[np.int64],
) -> None:
    """The share that a shape hides is the largest of those that the rays find."""
    for number, row in enumerate(rows.tolist()):
        found, slack = 0.0, 0.02
        for own in targets:
            n = int(own.sum())
            if n:
                found = max(found, float((full[own] == FLYING - number).mean()))
                slack = max(slack, SPREAD * 0.5 / np.sqrt(n))
        told = float(flying["hides"][row])
        if flying["shown"][row] and abs(told - found) > slack:
            text = f"{told:g}, rays of view {view} find {found:.3g}"
            report.add(text, "flying", "hides", row, view)
