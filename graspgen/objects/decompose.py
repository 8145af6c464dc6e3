"""Convex decomposition of a mesh, kept in a cache by content: its own convex shells, CoACD, or `wall_parts`.

The result depends on the mesh and the settings, not on the machine: what takes CoACD long is cut in another way, or
simplified, by counts, and a run that meets the time limit is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version

import manifold3d
import numpy as np

from graspgen.errors import ObjectError
from graspgen.frames import Array
from graspgen.objects import shapes
from graspgen.objects.asset import Part
from graspgen.objects.coacd_run import TIME_LIMIT, Decomposition, TooSlow, run_coacd
from graspgen.objects.hull_files import cached_hulls, store_hulls
from graspgen.objects.merge_hulls import MOST_MERGED, merge_hulls
from graspgen.objects.mesh_repair import shells
from graspgen.objects.wall_parts import patches_needed, wall_parts

__all__ = ["TIME_LIMIT", "Cut", "Decomposition", "TooSlow", "cut", "decompose"]

#: Most corners of a hull: MuJoCo's narrow phase slows down beyond.
MOST_CORNERS = 256
#: A mesh that fills its convex hull to this share is taken as convex.
CONVEX = 0.995
#: Of another number other results are kept in the cache: raise it where the way of cutting changes.
_VERSION = 3
#: A mesh has thin, bent walls where more than this many patches are needed to fill no more than this share of it,
_PATCHES, _FILL = 50, 0.1
#: and where CoACD's parts are off by more than this share of the volume, both ways are tried.
_GOOD = 0.1
#: Wall parts are joined as long as they fill no more than this share of the volume.
_WALL_FILL = 0.05
#: Walls may move by this share of the extent before they are cut.
_WALL_SIMPLIFY = 0.001
#: A mesh of more faces is simplified further, for walls and for CoACD, whose time grows with them,
_WALL_FACES, _COACD_FACES = 20_000, 5_000
#: up to this share.
_MOST_SIMPLIFY = 0.01


@dataclass(frozen=True, eq=False)
class Cut:
    """Convex parts, and how they were made.

    Attributes:
        parts: hulls in the mesh's frame, the largest first.
        source: "convex shells" (the mesh's own), "coacd", "walls", or "given".
        settings: where something was cut.
        notes: why something was cut in another way than was asked for.
    """

    parts: tuple[Part, ...]
    source: str
    settings: Decomposition | None = None
    notes: tuple[str, ...] = ()


def decompose(vertices: Array, faces: np.ndarray, settings: Decomposition | None = None) -> tuple[Part, ...]:
    """Cut a closed mesh into convex hulls; `cut` without its report.

    Args:
        vertices: (n, 3), m.
        faces: (m, 3).
        settings: parameters.

    Raises:
        ObjectError: CoACD failed, or took longer than `TIME_LIMIT`.
    """
    return cut(vertices, faces, settings).parts


def cut(
    vertices: Array, faces: np.ndarray, settings: Decomposition | None = None, time_limit: float = TIME_LIMIT
) -> Cut:  # fmt: skip
    """Cut a closed mesh into convex hulls that stand for it.

    Shells that are convex become parts as they are.

    Args:
        vertices: (n, 3), m.
        faces: (m, 3).
        settings: parameters.
        time_limit: of one run of CoACD, s; the result does not depend on it.

    Raises:
        ObjectError: CoACD failed, or took longer.
    """
    settings = settings or Decomposition()
    v, f = np.asarray(vertices, float), np.asarray(faces, np.int32)
    key = _key(v, f, settings)
    kept = cached_hulls(key)
    if kept is not None:
        hulls, about = kept
    else:
        hulls, about = _made(v, f, settings, time_limit)
        store_hulls(key, hulls, about)
    parts = tuple(Part("hull", vertices=h) for h in hulls)
    return Cut(parts, about["source"], None if about["source"] == "convex shells" else settings, tuple(about["notes"]))


def _made(v: Array, f: np.ndarray, settings: Decomposition, time_limit: float) -> tuple[list[Array], dict]:
    ready, rest = _convex_shells(v, f, settings.max_parts)
    source, notes, made = "convex shells", [], []
    if rest is not None or not ready:
        left = replace(settings, max_parts=max(1, settings.max_parts - len(ready)))
        if rest is None:  # closed, but not a manifold: CoACD wraps it
            source, made = "coacd", _hulls(run_coacd(v, f, left, "on", time_limit))
        else:
            source, made, notes = _cut_rest(rest, left, time_limit)
    hulls = [*ready, *made]
    if not hulls:
        raise ObjectError("the convex decomposition is empty; simplify or remesh the mesh")
    corners = [_few_corners(h) for h in sorted(hulls, key=lambda h: -h.volume())]
    return corners, {"source": source, "notes": notes}


def _cut_rest(
    solid: manifold3d.Manifold, settings: Decomposition, time_limit: float
) -> tuple[str, list[manifold3d.Manifold], list[str]]:
    """Return which way was taken, the hulls, and why."""
    walls = _simplified(solid, _WALL_SIMPLIFY, _WALL_FACES)
    thin = settings.method == "auto" and patches_needed(walls, _PATCHES + 1, _FILL) > _PATCHES
    if settings.method == "walls" or thin:
        return "walls", _walls(walls, settings), []
    notes = []
    try:
        made = _coacd(solid, settings, time_limit)
    except TooSlow:
        raise
    except ObjectError as error:
        if settings.method == "coacd":
            raise
        return "walls", _walls(walls, settings), [f"cut without CoACD: {str(error).partition(';')[0]}"]
    off = _off(made, solid)
    if settings.method == "auto" and off > _GOOD:
        other = _walls(walls, settings)
        if _off(other, solid) < off:
            return "walls", other, notes
    return "coacd", made, notes


def _off(hulls: Sequence[manifold3d.Manifold], solid: manifold3d.Manifold) -> float:
    """Return by which share of its volume the hulls' union differs from a solid."""
    union = manifold3d.Manifold.batch_boolean(list(hulls), manifold3d.OpType.Add)
    return abs(union.volume() / solid.volume() - 1)


def _walls(solid: manifold3d.Manifold, settings: Decomposition) -> list[manifold3d.Manifold]:
    return _hulls(wall_parts(solid, settings.max_parts, _WALL_FILL))


def _coacd(solid: manifold3d.Manifold, settings: Decomposition, time_limit: float) -> list[manifold3d.Manifold]:
    v, f = shapes.from_manifold(_simplified(solid, settings.simplify, _COACD_FACES))
    try:
        return _hulls(run_coacd(v, f, settings, "off", time_limit))
    except TooSlow:
        raise
    except ObjectError:
        # CoACD trusts a closed mesh and can crash on sliver triangles; its own remeshing removes them.
        return _hulls(run_coacd(v, f, settings, "on", time_limit))


def _simplified(solid: manifold3d.Manifold, share: float, most: int) -> manifold3d.Manifold:
    """Return a solid whose surface moved by a share of its extent, or by more where it has more faces than `most`."""
    extent = float(np.ptp(np.reshape(solid.bounding_box(), (2, 3)), axis=0).max())
    simple = solid.simplify(share * extent)
    while simple.num_tri() > most and share < _MOST_SIMPLIFY:
        share *= 1.5
        simple = solid.simplify(share * extent)
    return solid if simple.is_empty() else simple


def _convex_shells(v: Array, f: np.ndarray, most: int) -> tuple[list[manifold3d.Manifold], manifold3d.Manifold | None]:
    """Split a closed mesh into the hulls of its convex shells and the union of what is left (None: nothing)."""
    label = shells(f)
    solids = []
    for i in range(int(label.max()) + 1):
        used, index = np.unique(f[label == i], return_inverse=True)
        solids.append(shapes.to_manifold(v[used], index.reshape(-1, 3)))
    if any(s.volume() <= 0 for s in solids):  # a cavity, or a shell that is not manifold
        whole = shapes.to_manifold(v, f)
        return [], None if whole.is_empty() else whole
    convex = [s.volume() >= CONVEX * s.hull().volume() for s in solids]
    if sum(convex) > MOST_MERGED:
        convex = [False] * len(solids)
    ready = [s.hull() for s, is_convex in zip(solids, convex, strict=True) if is_convex]
    rest = [s for s, is_convex in zip(solids, convex, strict=True) if not is_convex]
    # What is not convex is cut into a quarter of the parts at least.
    ready = merge_hulls(ready, max(1, most - most // 4) if rest else most)
    union = manifold3d.Manifold.batch_boolean(rest, manifold3d.OpType.Add) if rest else None
    return ready, union


def _hulls(corners: list[Array]) -> list[manifold3d.Manifold]:
    hulls = [manifold3d.Manifold.hull_points(np.ascontiguousarray(c)) for c in corners]
    return [h for h in hulls if h.volume() > 0]


def _key(v: Array, f: np.ndarray, settings: Decomposition) -> str:
    about = [_VERSION, version("coacd"), version("manifold3d"), asdict(settings)]
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(v, "<f8").tobytes())
    digest.update(np.ascontiguousarray(f, "<i4").tobytes())
    return digest.hexdigest()


def _few_corners(hull: manifold3d.Manifold) -> Array:
    """Return the corners of a hull; of more than MOST_CORNERS those that reach farthest in as many directions."""
    corners, _ = shapes.from_manifold(hull)
    if len(corners) <= MOST_CORNERS:
        return corners
    # Directions spread evenly over the sphere (Fibonacci), in the proportions of the hull.
    k = np.arange(MOST_CORNERS) + 0.5
    z, turn = 1 - 2 * k / MOST_CORNERS, np.pi * (1 + 5**0.5) * k
    directions = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(z)], -1) * np.sqrt(1 - z**2)[:, None]
    directions[:, 2] = z
    size = np.ptp(corners, axis=0)
    farthest = np.argmax((corners / size) @ directions.T, axis=0)
    return corners[np.unique(farthest)]
