"""Masks and depth against the saved meshes: every view is made again by casting rays at the poses that were stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.dataset.arena_solids import ARENA, Solid, arena_solids, hidden_geoms, plan_arena
from graspgen.dataset.checked import Checked
from graspgen.dataset.encodings import decode_normals
from graspgen.dataset.schema import Shape
from graspgen.dataset.violations import Report
from graspgen.errors import DatasetError
from graspgen.frames import Array, inverse, transform_points
from graspgen.lens import NONE, rays

#: About so many rays are cast for a view.
RAYS = 40_000
#: Share of the pixels off edges that must show what the rays meet, and how many may differ whatever the number.
AGREEMENT, SPARE = 0.99, 2
DEPTH_TOLERANCE = 2e-4
#: A hand may be inside what it touches by this much, m.
HAND_DEPTH_TOLERANCE = 3e-3
#: Largest angle, rad, of a stored normal from its facet's, and the share that must be within it.
NORMAL_TOLERANCE, NORMAL_AGREEMENT = 0.02, 0.98
#: Of a lens's image, whose pixels are up to a quarter off where a surface is not smooth, fewer pixels tell nothing.
FEW = 25
#: Beyond this nothing is stored, and up to this far before it the far plane may cut.
RANGE, RANGE_MARGIN = 6.5, 0.1

#: What a ray shows that meets nothing, and one that disagrees with the mask; the arena's geoms show −10 and below.
VOID, WRONG = -1, -2
#: An object without labels shows `UNLABELLED` less its instance id, flying distractor i `FLYING` − i.
UNLABELLED, FLYING = -10_000, -20_000


def check_geometry(report: Report, checked: Checked) -> None:
    """Compare the masks and the depth of every view of a shard with what rays through the pixels' centres meet."""
    scenes, views = checked.tables["scenes"], checked.tables["views"]
    for row, scene in enumerate(scenes["index"].tolist()):
        try:
            names = [g["name"] for g in plan_arena(checked.plan(row))]
            still = arena_solids(checked.plan(row), checked.meshes)
        except (DatasetError, KeyError, TypeError, ValueError) as error:
            text = f"names no arena that can be rebuilt ({error}): masks and depth of its views were not checked"
            report.add(text, "scenes", "plan", row, scene)
            continue
        try:
            solids = [*still, *object_solids(checked, row)]
        except DatasetError:
            continue  # named once, for the asset
        for view in np.flatnonzero(views["scene"] == scene).tolist():
            plan, number = checked.plan(row), view_number(views, view)
            hidden = hidden_geoms(plan, number)
            shown = [solid for solid in solids if solid.shows not in hidden]
            shown += flying_solids(checked, view)
            if shown:
                _check_view(report, checked, view, shown, names, seen_range(plan, number))


def object_solids(checked: Checked, row: int, poses: Array | None = None) -> list[Solid]:
    """Return the objects that there are to see in a scene, at rest or at (k, 4, 4) `poses`, in the order of their keys.

    Raises:
        DatasetError: a mesh is missing or damaged.
    """
    scenes, objects = checked.tables["scenes"], checked.tables["objects"]
    solids = []
    for number, i in enumerate(np.flatnonzero(objects["scene"] == scenes["index"][row]).tolist()):
        vertices, faces = checked.object_mesh(i)
        placed = transform_points(objects["T_world_object"][i] if poses is None else poses[number], vertices)
        instance = int(objects["instance_id"][i])
        solids.append(Solid(placed, faces, instance if objects["labelled"][i] else UNLABELLED - instance))
    return solids


def flying_solids(checked: Checked, view: int) -> list[Solid]:
    """Return the flying distractors that a view shows."""
    from graspgen.scene.flying_shapes import flying_mesh  # imports no MuJoCo, but scipy

    flying, key = checked.tables["flying"], checked.tables["views"]["id"][view]
    solids = []
    for number, row in enumerate(np.flatnonzero(flying["view"] == key).tolist()):
        if flying["shown"][row]:
            vertices, faces = flying_mesh(Shape(int(flying["shape"][row])).name.lower(), flying["size"][row])
            solids.append(Solid(transform_points(flying["T_world_flying"][row], vertices), faces, FLYING - number))
    return solids


def cast(
    solids: list[Solid], T_world_camera: Array, K: Array, pixels: NDArray[np.int64], distortion: ArrayLike = NONE
) -> tuple[NDArray[np.int64], Array]:
    """Cast rays through the centres of pixels: `hits` without the normals."""
    return hits(solids, T_world_camera, K, pixels, distortion)[:2]


def hits(
    solids: list[Solid], T_world_camera: Array, K: Array, pixels: NDArray[np.int64], distortion: ArrayLike = NONE
) -> tuple[NDArray[np.int64], Array, Array]:
    """Cast rays through the centres of pixels.

    Args:
        solids: what there is to see.
        T_world_camera: (4, 4) pose of the OpenCV camera.
        K: (3, 3) camera matrix, px.
        pixels: (n, 2) row and column of each pixel.
        distortion: k1, k2, p1, p2, k3.

    Returns:
        (n,) what each ray meets first (`Solid.shows`, `VOID` for nothing), (n,) its planar z, m, 0 for nothing, and
        (n, 3) the facet's unit normal towards the camera, camera's frame, of a ray that meets something.
    """
    from graspgen.raycast import RayCaster  # Embree is loaded only where it is used

    T_camera_world = inverse(T_world_camera)
    offsets = np.cumsum([0, *(len(s.vertices) for s in solids)])
    # In the camera's frame all rays start at the origin, so single precision loses nothing to it.
    vertices = transform_points(T_camera_world, np.concatenate([s.vertices for s in solids]))
    faces = np.concatenate([s.faces + start for s, start in zip(solids, offsets, strict=False)])
    shows = np.concatenate([np.full(len(s.faces), s.shows) for s in solids])
    caster = RayCaster(vertices, faces)
    # A direction with z = 1 makes the distance along the ray the planar z.
    directions = rays(K, distortion, pixels[:, ::-1] + 0.5)
    origins = np.zeros_like(directions)
    face = caster.first_face(origins, directions)
    hit = face >= 0
    z = np.where(hit, caster.plane_distance(face, origins, directions), 0.0)
    normals = caster.normals[face]
    away = np.einsum("ij,ij->i", normals, directions) > 0
    return np.where(hit, shows[face], VOID), z, np.where(away[:, None], -normals, normals)


def view_number(views: dict[str, NDArray[Any]], row: int) -> int:
    """Return the number of a view in its scene."""
    return int(views["id"][row]) & 0xFFFF


def seen_range(plan: dict[str, Any], number: int) -> float:
    """Return the far plane of a view, m."""
    views = plan.get("views", [])
    return float(views[number].get("far", RANGE)) if number < len(views) else RANGE


def sampled_pixels(height: int, width: int) -> tuple[NDArray[np.int64], int]:
    """Return (n, 2) rows and columns of about `RAYS` pixels of an image, and how far apart they are, px."""
    step = max(1, int(np.sqrt(height * width / RAYS)))
    rows, columns = np.meshgrid(np.arange(1, height - 1, step), np.arange(1, width - 1, step), indexing="ij")
    return np.column_stack([rows.ravel(), columns.ravel()]), step


@dataclass(frozen=True, eq=False)
class Shot:
    """An image that is checked: of which row of which table, its (H, W) ids and depth, m, its camera, and normals."""

    table: str
    row: int
    key: int
    mask: NDArray[np.uint8]
    depth: Array
    K: Array
    distortion: Array
    T_world_camera: Array
    normals: Array | None = None


def _check_view(report: Report, checked: Checked, view: int, solids: list[Solid], names: list[str], far: float) -> None:
    views, images = checked.tables["views"], checked.images
    image = Shot(
        "views",
        view,
        int(views["id"][view]),
        images["instances"][view],
        images["depth"][view] * checked.depth_scale,
        views["K"][view],
        views["distortion"][view],
        views["T_world_camera"][view],
        decode_normals(images["normals"][view]) if "normals" in images else None,
    )
    check_image(report, image, solids, names, far)


def check_image(report: Report, image: Shot, solids: list[Solid], names: list[str], far: float, hand: int = -1) -> None:
    """Compare an image with what rays through its pixels' centres meet.

    Args:
        report: takes the violations.
        image: the image.
        solids: what there is to see, but for a hand.
        names: of the arena's geoms.
        far: its far plane, m.
        hand: id of a hand in the mask: of its pixels only what lies behind them is known.
    """
    pixels, _ = sampled_pixels(*image.mask.shape)
    pixels = pixels[_off_edges(image.mask)[pixels[:, 0], pixels[:, 1]]]
    shows, z, normals = hits(solids, image.T_world_camera, image.K, pixels, image.distortion)
    shows = np.where(z > far + RANGE_MARGIN, VOID, shows)
    seen, stored = image.mask[pixels[:, 0], pixels[:, 1]], image.depth[pixels[:, 0], pixels[:, 1]]
    if hand >= 0:
        mine = seen == hand
        behind = mine & (z > 0) & ((stored > z + HAND_DEPTH_TOLERANCE) | (stored <= 0))
        if behind.sum() > (1 - AGREEMENT) * mine.sum() + SPARE:
            text = f"{int(behind.sum())} of {int(mine.sum())} pixels of the hand lie behind what they hide"
            report.add(text, image.table, "depth", image.row, image.key)
        pixels, shows, z, normals, seen, stored = (v[~mine] for v in (pixels, shows, z, normals, seen, stored))
    expected = np.maximum(shows, 0)
    wrong = seen != expected
    named = False
    for instance in np.union1d(seen, expected).tolist():
        concerned = (seen == instance) | (expected == instance)
        count, bad = int(concerned.sum()), int((concerned & wrong).sum())
        if bad > (1 - AGREEMENT) * count + SPARE:
            who = f"instance {instance}" if instance else "the background"
            text = (
                f"{bad} of {count} pixels off edges that should show {who}, or do, disagree with the meshes and poses"
            )
            report.add(text, image.table, "instances", image.row, image.key)
            named = True
    if named:
        return
    if image.normals is not None:
        met = (shows != VOID) & ~wrong & (stored > 0)
        _check_normals(report, image, image.normals, pixels[met], normals[met])
    _check_depth(report, image, np.where(wrong, WRONG, shows), z, stored, names, far)


def _check_normals(report: Report, image: Shot, normals: Array, pixels: NDArray[np.int64], wanted: Array) -> None:
    """Compare stored normals with those of the facets that rays meet; along creases neighbours may be met."""
    stored = normals[pixels[:, 0], pixels[:, 1]]
    off = ~(np.einsum("ij,ij->i", stored, wanted) >= np.cos(NORMAL_TOLERANCE))
    if int(off.sum()) > (1 - NORMAL_AGREEMENT) * len(off) + SPARE:
        text = f"{int(off.sum())} of {len(off)} normals are not those of the facets seen"
        report.add(text, image.table, "normals", image.row, image.key)


def _check_depth(
    report: Report, image: Shot, shows: NDArray[np.int64], z: Array, stored: Array, names: list[str], far: float
) -> None:
    near = (z > 0) & (z < far - RANGE_MARGIN)
    for what in np.unique(shows).tolist():
        if what in (VOID, WRONG):
            continue
        pixels = (shows == what) & near
        count, name = int(pixels.sum()), _name(what, names)
        if count < (FEW if image.distortion.any() else 1):
            continue
        error = float(np.median(np.abs(stored[pixels] - z[pixels])))
        if not error <= DEPTH_TOLERANCE:
            text = (
                f"the median depth of {name} is {error * 1e3:.3g} mm from the meshes at their poses "
                "(planar z, m, × depth_scale)"
            )
            report.add(text, image.table, "depth", image.row, image.key)
    void = shows == VOID
    filled = int((void & (stored > 0)).sum())
    if filled > (1 - AGREEMENT) * void.sum() + SPARE:
        text = f"{filled} of {int(void.sum())} pixels without anything in range have a depth"
        report.add(text, image.table, "depth", image.row, image.key)


def _off_edges(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Mask of the pixels whose 3×3 neighbourhood holds one id; the image's border is not among them."""
    same = np.zeros(mask.shape, bool)
    centre = mask[1:-1, 1:-1]
    inner = np.ones(centre.shape, bool)
    height, width = mask.shape
    for dy in range(3):
        for dx in range(3):
            inner &= mask[dy : height - 2 + dy, dx : width - 2 + dx] == centre
    same[1:-1, 1:-1] = inner
    return same


def _name(shows: int, names: list[str]) -> str:
    if shows <= FLYING:
        return f"flying distractor {FLYING - shows}"
    if shows < UNLABELLED:
        return f"instance {UNLABELLED - shows}, which has no labels"
    return f"instance {shows}" if shows > 0 else f"the arena's '{names[ARENA - shows]}'"
