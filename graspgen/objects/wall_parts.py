"""Cuts a solid into convex parts where CoACD fills it: thin, bent walls (bowls, plates, mugs, scans of them).

Planes cut the solid into many small patches, the worst one first, across its own axes; then the neighbours whose common
hull fills least are joined until as few parts are left as were asked for. A patch of a bent wall is a thin, bent plate,
whose hull is thicker than the wall by the depth of the bend. It is flattened: squeezed along its thin axis, about its
own centre of mass, until it holds as much as the wall that it stands for. So the wall keeps its thickness and its place
on average, and a plane stands for a curve.

The work is bounded by counts and nothing is drawn at random, so the result depends on the mesh alone.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import manifold3d
import numpy as np

from graspgen.frames import Array
from graspgen.objects import shapes
from graspgen.objects.mass import mass_properties

#: Patches that the solid is cut into, for each part that is asked for.
_PATCHES = 3
#: Cutting ends where the patches' hulls fill this share of what the parts may fill.
_FINE = 0.3
#: Where planes cut a patch along an axis, and how long that axis is at least, over the longest one.
_PLACES, _LONG = (0.35, 0.5, 0.65), 0.5
#: A patch of more triangles is halved across its longest axis: it will be cut many times more.
_LARGE = 1000
#: A patch is joined with one of so many neighbours, the nearest.
_NEIGHBOURS = 16
#: A part is flattened where it is a plate: no thicker than this share of its width,
_PLATE = 0.7
#: and where its surface moves by no more than this share of the solid's largest extent.
_MOVED = 0.012


@dataclass(frozen=True, eq=False)
class _Piece:
    """A convex hull and what is in it.

    Attributes:
        hull: m.
        own: volume of the material in it, m³.
        filled: volume of the hull beside its material, m³.
        cost: about the integral over the surface of the squared depth that is filled: deep fills count most, m⁴.
    """

    hull: manifold3d.Manifold
    own: float
    filled: float
    cost: float


_Patch = tuple[manifold3d.Manifold, _Piece]


def wall_parts(solid: manifold3d.Manifold, most: int, fill: float) -> list[Array]:
    """Cut a solid into convex parts that keep its volume.

    Args:
        solid: m; it may run through itself.
        most: parts at most.
        fill: fewer parts are taken where their hulls fill no more than this share of the volume.

    Returns:
        (n, 3) corners of each part, m.
    """
    extent = float(np.ptp(np.reshape(solid.bounding_box(), (2, 3)), axis=0).max())
    volume = abs(solid.volume())
    pieces = _joined(_patches(solid, most * _PATCHES, _FINE * fill * volume), most, fill * volume)
    return [_flattened(piece, _MOVED * extent) for piece in pieces]


def patches_needed(solid: manifold3d.Manifold, most: int, fill: float) -> int:
    """Return how many patches must be cut so that their hulls fill no more than a share of the volume; `most` at most.

    A few for what is chunky, however hollow; dozens for thin walls that are bent.
    """
    return len(_patches(solid, most, fill * abs(solid.volume())))


def _patches(solid: manifold3d.Manifold, most: int, allowed: float) -> list[_Piece]:
    """Cut the patch of the largest cost until there are `most`, or their hulls fill no more than `allowed`, m³."""
    waiting: list[tuple[float, int, manifold3d.Manifold, _Piece]] = []
    done: list[_Piece] = []
    number, filled = 0, 0.0
    fresh = _solids(solid)
    while True:
        for patch, piece in fresh:
            filled += piece.filled
            heapq.heappush(waiting, (-piece.cost, number, patch, piece))
            number += 1
        if not waiting or filled <= allowed or len(waiting) + len(done) >= most:
            return [*done, *(piece for *_, piece in waiting)]
        _, _, patch, piece = heapq.heappop(waiting)
        fresh = _halves(patch)
        if fresh:
            filled -= piece.filled
        else:
            done.append(piece)


def _halves(patch: manifold3d.Manifold) -> list[_Patch]:
    """Return the patches on both sides of the best plane across the patch's long axes; none where none cuts it."""
    corners, axes = _axes(patch)
    along = corners @ axes
    low, size = along.min(axis=0), np.ptp(along, axis=0)
    best: tuple[float, list[_Patch]] = (np.inf, [])
    large = patch.num_tri() > _LARGE
    for k in np.flatnonzero(size >= (1.0 if large else _LONG) * size.max()):
        for place in (0.5,) if large else _PLACES:
            sides = patch.split_by_plane(axes[:, k], float(low[k] + place * size[k]))
            patches = [one for side in sides for one in _solids(side)]
            cost = sum(piece.cost for _, piece in patches)
            if len(patches) > 1 and cost < best[0]:
                best = cost, patches
    return best[1]


def _joined(pieces: list[_Piece], most: int, allowed: float) -> list[_Piece]:
    """Join neighbours, the least cost first, until `most` are left and a further one would fill more than `allowed`."""
    alive = dict(enumerate(pieces))
    # Lower and upper corners of the boxes around the hulls; of those to come, too.
    low, high = np.full((2 * len(pieces), 3), np.inf), np.full((2 * len(pieces), 3), -np.inf)
    filled, free = sum(piece.filled for piece in pieces), len(pieces)
    pairs: list[tuple[float, int, int, float]] = []

    def offer(i: int) -> None:
        low[i], high[i] = np.reshape(alive[i].hull.bounding_box(), (2, 3))
        slack = 1e-4 * float((high[i] - low[i]).max())
        meet = (low <= high[i] + slack).all(axis=1) & (high >= low[i] - slack).all(axis=1)
        others = [j for j in np.flatnonzero(meet).tolist() if j in alive and j != i]
        if len(others) > _NEIGHBOURS:
            away = np.linalg.norm((low[others] + high[others] - low[i] - high[i]) / 2, axis=1)
            others = [others[k] for k in np.argsort(away, kind="stable")[:_NEIGHBOURS]]
        for j in others:
            both = _both(alive[i], alive[j])
            more = both.filled - alive[i].filled - alive[j].filled
            heapq.heappush(pairs, (both.cost - alive[i].cost - alive[j].cost, i, j, more))

    for i in alive:
        offer(i)
    while pairs:
        _, i, j, more = heapq.heappop(pairs)
        if i not in alive or j not in alive:
            continue
        if len(alive) <= most and filled + more > allowed:
            break
        alive[free] = _both(alive.pop(i), alive.pop(j))
        filled += more
        offer(free)
        free += 1
    # Pieces that touch no other one are left: the smallest go.
    return sorted(alive.values(), key=lambda piece: -piece.own)[:most]


def _flattened(piece: _Piece, moved: float) -> Array:
    corners, faces = shapes.from_manifold(piece.hull)
    squeeze = piece.own / piece.hull.volume()
    if squeeze >= 1:
        return corners
    along = corners @ (axes := _axes(piece.hull)[1])
    size = np.ptp(along, axis=0)
    if size[0] > _PLATE * size[1] or (1 - squeeze) * size[0] / 2 > moved:
        return corners
    centre = mass_properties(corners, faces).com @ axes[:, 0]
    return corners + np.outer((squeeze - 1) * (along[:, 0] - centre), axes[:, 0])


def _both(a: _Piece, b: _Piece) -> _Piece:
    return _piece(manifold3d.Manifold.batch_hull([a.hull, b.hull]), a.own + b.own)


def _piece(hull: manifold3d.Manifold, own: float) -> _Piece:
    volume = hull.volume()
    own = min(own, volume)  # a surface that runs through itself may count some of it twice
    return _Piece(hull, own, volume - own, (volume - own) ** 2 / max(hull.surface_area(), 1e-30))


def _solids(solid: manifold3d.Manifold) -> list[_Patch]:
    """Return the connected patches of a solid and their hulls; crumbs of no volume are left out."""
    patches = solid.decompose()
    # A cavity is a surface of its own, and belongs to what is around it.
    cavities = [patch for patch in patches if patch.volume() < 0]
    patches = [patch for patch in patches if patch.volume() >= 0]
    for cavity in cavities:
        around = [k for k, patch in enumerate(patches) if _holds(patch, cavity)]
        if around:
            k = min(around, key=lambda k: patches[k].volume())
            patches[k] = _beside(patches[k], cavity)
        else:  # where a scan's inside lies outside of its outside; there is a wall all the same
            patches.append(cavity)
    hulls = [patch.hull() for patch in patches]
    return [
        (patch, _piece(hull, abs(patch.volume())))
        for patch, hull in zip(patches, hulls, strict=True) if hull.volume() > 0
    ]  # fmt: skip


def _beside(a: manifold3d.Manifold, b: manifold3d.Manifold) -> manifold3d.Manifold:
    """Return both surfaces as they are (manifold3d's own `compose` adds solids, which fills cavities)."""
    (v, f), (w, g) = shapes.from_manifold(a), shapes.from_manifold(b)
    return shapes.to_manifold(np.concatenate([v, w]), np.concatenate([f, g + len(v)]))


def _holds(outer: manifold3d.Manifold, inner: manifold3d.Manifold) -> bool:
    """Tell whether most of a box lies in another box; not all: in scans walls cross."""
    a, b = np.reshape(outer.bounding_box(), (2, 3)), np.reshape(inner.bounding_box(), (2, 3))
    common = np.minimum(a[1], b[1]) - np.maximum(a[0], b[0])
    return bool(np.prod(np.maximum(common, 0)) > 0.5 * np.prod(b[1] - b[0]))


def _axes(solid: manifold3d.Manifold) -> tuple[Array, Array]:
    """Return (n, 3) corners, and the surface's principal axes as columns, the shortest first."""
    corners, faces = shapes.from_manifold(solid)
    a, b, c = np.moveaxis(corners[faces], 1, 0)
    weight = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    middle = (a + b + c) / 3
    offset = middle - np.average(middle, axis=0, weights=weight)
    return corners, np.linalg.eigh(offset.T @ (weight[:, None] * offset))[1]
