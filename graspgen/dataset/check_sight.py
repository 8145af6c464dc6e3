"""Checks of how views see grasps: tool points projected again, contacts against the stored depth, cones of approach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.checked import Checked
from graspgen.dataset.schema import Role, Seen
from graspgen.dataset.violations import Report
from graspgen.frames import Array, inverse, transform_points
from graspgen.lens import project

PIXEL_TOLERANCE, DEPTH_TOLERANCE, ANGLE_TOLERANCE = 0.05, 1e-5, 1e-5
#: A contact that is seen is as deep as the surface around its pixel, to within this, m.
MARGIN = 1e-3
#: A contact that is hidden lies at least this far behind what is seen: half the thickness of the thinnest walls, m.
THINNEST = 1e-4
#: Depths around a pixel are those of a plane if none is further from it than this, m.
FLAT = 2e-4
#: Share of the contacts that depth can decide on that must agree, and how many may differ whatever the number: between
#: the centres of pixels there is room for an edge that the depth does not know.
AGREEMENT, SPARE = 0.99, 3
#: The near plane of cameras whose plan says none, m.
NEAR = 0.02

_FIRST = (Seen.FIRST_VISIBLE, Seen.FIRST_OCCLUDED, Seen.FIRST_OUT_OF_FRAME)
_SECOND = (Seen.SECOND_VISIBLE, Seen.SECOND_OCCLUDED, Seen.SECOND_OUT_OF_FRAME)


def check_sight(report: Report, checked: Checked) -> None:
    """Check the table `grasp_views`, and the columns of `grasps` about the approach in a scene."""
    _check_approach(report, checked)
    grasps, seen = checked.tables["grasps"], checked.tables["grasp_views"]
    _check_bits(report, checked)
    if not len(seen["grasp"]):
        return
    of = checked.rows_of("grasps", seen["grasp"])
    for view, key in enumerate(checked.tables["views"]["id"].tolist()):
        rows = np.flatnonzero(seen["view"] == key)
        if len(rows):
            _check_view(report, checked, view, rows, _world(checked, of[rows]), grasps["contacts"][of[rows]])


def _world(checked: Checked, grasps: NDArray[np.int64]) -> Array:
    objects, table = checked.tables["objects"], checked.tables["grasps"]
    return objects["T_world_object"][checked.rows_of("objects", table["object"][grasps])]


def _check_approach(report: Report, checked: Checked) -> None:
    grasps, objects = checked.tables["grasps"], checked.tables["objects"]
    rows = np.flatnonzero(grasps["scene"] >= 0)
    angle = np.full(len(grasps["id"]), np.nan)
    spec = checked.recipe.get("grasps", {})
    axis = np.array(spec.get("approach_axis", (0, 0, -1)), float)
    if len(rows):
        approach = (_world(checked, rows) @ grasps["T_object_grasp"][rows])[:, :3, 2]
        angle[rows] = np.arccos(np.clip(approach @ axis / np.linalg.norm(axis), -1, 1))
        other = objects["role"][checked.rows_of("objects", grasps["object"][rows])] != Role.TARGET
        bad = np.zeros(len(angle), bool)
        bad[rows] = other
        report.rows("grasps", "object", bad, "is no target: only targets are grasped", grasps["id"])
    given = grasps["approach_angle"]
    # Near 0 and π an arc cosine is only good to the root of the precision.
    bad = ~(np.abs(given - angle) <= ANGLE_TOLERANCE + 1e-6 / np.maximum(np.sin(angle), 1e-4))
    bad &= ~(np.isnan(given) & np.isnan(angle))
    told = "{:g} rad, the pose and the recipe's axis give {:g}"
    report.rows("grasps", "approach_angle", bad, lambda r: told.format(given[r], angle[r]), grasps["id"])
    cone = np.radians(spec.get("approach_cone_deg", 60.0))
    close = np.abs(given - cone) <= ANGLE_TOLERANCE
    report.rows(
        "grasps",
        "in_cone",
        ~close & (grasps["in_cone"] != (given < cone)),
        "is not whether approach_angle is within the recipe's cone",
        grasps["id"],
    )


def _check_bits(report: Report, checked: Checked) -> None:
    """Each contact has one bit, and none where it is not known."""
    grasps, seen = checked.tables["grasps"], checked.tables["grasp_views"]
    of = checked.rows_of("grasps", seen["grasp"])
    known = np.isfinite(grasps["contacts"][of]).all(axis=-1) if len(of) else np.zeros((0, 2), bool)
    bad = np.zeros(len(of), bool)
    for number, bits in enumerate((_FIRST, _SECOND)):
        count = sum((seen["seen"] & int(bit) > 0).astype(int) for bit in bits)
        bad |= count != known[:, number]
    report.rows("grasp_views", "seen", bad, "has not one bit for each contact that is known", seen["grasp"])


def _check_view(
    report: Report, checked: Checked, view: int, rows: NDArray[np.int64], T: Array, contacts: NDArray[np.float32]
) -> None:
    views, seen, grasps = (checked.tables[t] for t in ("views", "grasp_views", "grasps"))
    T_camera_world, K, lens = inverse(views["T_world_camera"][view]), views["K"][view], views["distortion"][view]
    T_object_grasp = grasps["T_object_grasp"][checked.rows_of("grasps", seen["grasp"][rows])]
    tool = (T_camera_world @ T @ T_object_grasp)[:, :3, 3]
    bad = np.zeros(len(seen["grasp"]), bool)
    bad[rows] = ~(np.abs(seen["tool_depth"][rows] - tool[:, 2]) <= DEPTH_TOLERANCE)
    report.rows("grasp_views", "tool_depth", bad, "is not the planar z of the grasp's tool point", seen["grasp"])
    pixels, given = project(K, lens, tool), seen["tool_pixel"][rows]
    same = np.abs(pixels - given) <= PIXEL_TOLERANCE + 1e-6 * np.abs(pixels)
    bad[rows] = ~(same | (np.isnan(pixels) & np.isnan(given))).all(axis=1)
    report.rows("grasp_views", "tool_pixel", bad, "is not the projection of the grasp's tool point", seen["grasp"])
    depth = checked.images["depth"][view] * checked.depth_scale
    near = near_plane(checked.plan(int(checked.rows_of("scenes", views["scene"][view]))), int(views["id"][view]))
    wrong, decided = np.zeros(len(rows), bool), 0
    for number, bits in enumerate((_FIRST, _SECOND)):
        points = transform_points(T_camera_world @ T, contacts[:, None, number].astype(float))[:, 0]
        known = np.isfinite(points).all(axis=1)
        allowed, sure = expected(points, project(K, lens, points), depth, near, float(K[0, 0]))
        code = np.argmax([seen["seen"][rows] & int(bit) > 0 for bit in bits], axis=0)
        decided += int((sure & known).sum())
        wrong |= known & ~allowed[np.arange(len(rows)), code]
    if wrong.sum() > (1 - AGREEMENT) * decided + SPARE:
        text = f"{int(wrong.sum())} grasps are seen otherwise in the depth of view {views['id'][view]}"
        report.add(text, "grasp_views", "seen", int(rows[wrong][0]), int(seen["grasp"][rows[wrong][0]]))


def near_plane(plan: Mapping[str, Any], view: int) -> float:
    """Return the near plane of the view with the key `view`, m."""
    views, number = plan.get("views", ()), view & 0xFFFF
    return float(views[number].get("near", NEAR)) if number < len(views) else NEAR


def expected(
    points: Array, pixels: Array, depth: Array, near: float, focal: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say from a depth image how points on surfaces can be seen.

    Args:
        points: (n, 3) in the camera's frame, m.
        pixels: (n, 2) where they project to.
        depth: (H, W) planar z, m, 0 for nothing.
        near: near plane of the camera, m.
        focal: its focal length, px.

    Returns:
        (n, 3) whether a point may be visible, occluded, out of the frame; (n,) whether the depth leaves no choice
        between the first two.
    """
    height, width = depth.shape
    ahead, size = points[:, 2] > near, np.array([width, height])
    inside = ahead & ((pixels >= 0) & (pixels < size)).all(axis=1)
    near_edge = ahead & (np.minimum(np.abs(pixels), np.abs(pixels - size)) <= PIXEL_TOLERANCE).any(axis=1)
    where = np.where(inside[:, None], pixels, 0.0)
    column, row = where.astype(int).T
    padded = np.pad(np.where(depth > 0, depth, np.inf), 1, mode="edge")
    around = np.stack([padded[row + dy, column + dx] for dy in range(3) for dx in range(3)])
    z, nearest, furthest = points[:, 2], around.min(axis=0), around.max(axis=0)
    flat, surface = _on_plane(around, where - [0.5, 0.5] - np.stack([column, row], axis=1))
    # What curves or ends there is not known any better than a pixel is wide.
    margin = np.maximum(MARGIN, z / focal)
    visible = np.where(flat, np.abs(z - surface) < MARGIN, (z > nearest - margin) & (z < furthest + margin))
    occluded = np.where(flat, z > surface + THINNEST, z > nearest + THINNEST)
    sure = inside & (visible != occluded)
    return np.stack([inside & visible, inside & occluded, ~inside | near_edge], axis=1), sure


def _on_plane(around: Array, offset: Array) -> tuple[NDArray[np.bool_], Array]:
    """Fit a plane to (9, n) depths about n pixels; return which are flat, and the plane's depth at (n, 2) offsets, px.

    The inverse of depth is linear in the image of a plane.
    """
    dy, dx = (d.ravel()[:, None] for d in np.mgrid[-1:2, -1:2])
    inverse_depth = 1 / around
    level = inverse_depth.mean(axis=0)
    right, down = (inverse_depth * dx).sum(axis=0) / 6, (inverse_depth * dy).sum(axis=0) / 6
    misfit = np.abs(1 / (level + right * dx + down * dy) - around).max(axis=0)
    surface = 1 / (level + right * offset[:, 0] + down * offset[:, 1])
    return np.isfinite(misfit) & (misfit < FLAT), surface
