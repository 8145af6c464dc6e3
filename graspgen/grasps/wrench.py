"""What two soft fingers can resist: the friction that force closure needs, and the Ferrari–Canny quality ε.

A contact carries a unit normal force, a tangential force within the friction cone and a moment about its normal.
Friction couples the two (Howe and Cutkosky, 1996: an ellipsoid of semi-axes μ, μ and the torsional coefficient). Here
the ellipsoid is replaced by a bipyramid inside it: its ring are `EDGES` edges of the friction cone, its tips the
torsional moment in either sense. So ε is never overstated. Moments are taken about the centre of mass and divided by
a length, which makes wrenches six plain numbers.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.frames import Array

#: Edges of the linearised friction cone. With 16 the median ε of antipodal grasps is 3-7 % larger, with the first edge
#: turned by half a step single ones differ by up to 10 %.
EDGES = 8

# Grasps at a time: keeps the intermediate arrays in the cache's size.
_BLOCK = 128


def smallest_friction(antipodal_angle: ArrayLike) -> Array:
    """Return the (n,) smallest sliding friction with which two soft fingers that close have force closure.

    They have it if the line between the contacts lies inside both friction cones and torsional friction is not zero
    (Nguyen, 1988), so it is the tangent of the larger angle between that line and an inward normal.

    Args:
        antipodal_angle: (n,) that angle, rad; from π/2 on no friction will do, and the answer is infinite.
    """
    angle = np.asarray(antipodal_angle, float)
    return np.where(angle < np.pi / 2, np.tan(np.minimum(angle, np.pi / 2)), np.where(np.isnan(angle), np.nan, np.inf))


def primitive_wrenches(
    contacts: Array, normals: Array, across: Array, com: ArrayLike, length: float, sliding: float, torsional: float
) -> Array:
    """Return the (n, 2, EDGES + 2, 6) wrenches, force then moment / length, whose hulls bound each contact.

    Args:
        contacts: (n, 2, 3), m.
        normals: (n, 2, 3) outward unit normals.
        across: (n, 3) unit directions, along no normal; their parts in the tangent planes point to the first edges.
        com: (3,) moments are taken about it, m.
        length: by which moments are divided, m.
        sliding: coefficient of friction.
        torsional: largest moment about the normal per normal force, m.
    """
    inward = -normals
    first = across[:, None] - np.einsum("nj,nkj->nk", across, inward)[..., None] * inward
    first /= np.maximum(np.linalg.norm(first, axis=-1, keepdims=True), 1e-12)
    second = np.cross(inward, first)
    angle = 2 * np.pi * np.arange(EDGES) / EDGES
    ring = np.cos(angle)[:, None] * first[:, :, None] + np.sin(angle)[:, None] * second[:, :, None]
    tips = np.zeros((*inward.shape[:2], 2, 3))
    force = inward[:, :, None] + np.concatenate([sliding * ring, tips], axis=2)
    moment = np.cross((contacts - np.asarray(com, float))[:, :, None], force)
    moment[:, :, EDGES:] += torsional * np.stack([inward, -inward], axis=2)
    return np.concatenate([force, moment / length], axis=-1)


def ferrari_canny(wrenches: Array) -> Array:
    """Return the (n,) Ferrari–Canny ε of two contacts: the radius of the largest ball about 0 in the wrenches' hull.

    This is the L1 quality (Ferrari and Canny, 1992): all contacts together exert a unit of normal force. It is exact
    for the given wrenches up to rounding. For a direction u let h(u) be the largest ⟨u, w⟩ over all wrenches; ε is the
    smallest h over all unit u, and it is reached at the normal of a facet. The wrenches of one contact span a
    bipyramid of three dimensions, so a facet of the hull in six holds a triangle of each, or one whole and an edge of
    the other: 4·EDGES² + 6·EDGES hyperplanes at most. h is taken at the normals of all of them; at a hyperplane that
    is no facet, or is badly determined, it is not below ε and does no harm.

    Args:
        wrenches: (n, 2, EDGES + 2, 6) of `primitive_wrenches`.

    Returns:
        ε; 0 where 0 is outside the hull or on its surface.
    """
    blocks = [_epsilon(wrenches[i : i + _BLOCK]) for i in range(0, len(wrenches), _BLOCK)]
    return np.concatenate(blocks) if blocks else np.zeros(0)


def _epsilon(wrenches: Array) -> Array:
    points = np.concatenate([np.ones((*wrenches.shape[:3], 1)), wrenches], axis=-1)
    triangles = _wedge(*(points[:, :, _TRIANGLES[:, i]] for i in range(3)))
    edges = _wedge(*(points[:, :, _BIPYRAMID_EDGES[:, i]] for i in range(2)))
    whole = _wedge(*(points[:, :, [i]] for i in _SPANNING))
    normals = np.concatenate(
        [
            _hyperplanes(triangles[:, 0], triangles[:, 1], 3),
            _hyperplanes(whole[:, 0], edges[:, 1], 4),
            _hyperplanes(edges[:, 0], whole[:, 1], 2),
        ],
        axis=2,
    )
    size = np.linalg.norm(normals, axis=1)
    along = wrenches.reshape(len(wrenches), -1, 6) @ normals
    reach = np.minimum(along.max(axis=1), -along.min(axis=1))
    reach = np.divide(reach, size, out=np.full_like(size, np.inf), where=size > 0)
    return np.maximum(reach.min(axis=1), 0.0)


def _hyperplanes(a: Array, b: Array, grade: int) -> Array:
    """Normals of the hyperplanes through every pair of flats: (n, p, ·), (n, q, ·) -> (n, 6, p·q), not of unit length.

    `a` and `b` are wedges of `grade` and 6 − `grade` points in homogeneous coordinates. The wedge of both is the
    hyperplane through all six points; its first coordinate, the offset, is not needed.
    """
    index_a, index_b, sign = _COMPLEMENT[grade]
    left = np.moveaxis(a[:, :, index_a] * sign, 2, 1)
    right = np.moveaxis(b[:, :, index_b], (2, 3), (1, 2))
    return (left @ right).reshape(len(a), 6, -1)


def _wedge(*points: Array) -> Array:
    """Wedge product of (…, 7) points: their minors, in the order of `combinations`."""
    wedge = points[0]
    for grade, point in enumerate(points[1:], start=1):
        index_a, index_b, sign = _PRODUCT[grade]
        wedge = np.einsum("...ot,...ot,ot->...o", wedge[..., index_a], point[..., index_b], sign)
    return wedge


def _terms(out: tuple[int, ...], grade: int) -> list[tuple[int, int, int]]:
    """The terms of coordinate `out` of a wedge: the two factors' coordinates and the sign.

    The first factor has `grade`, the second the rest.
    """
    of_a = {c: i for i, c in enumerate(combinations(range(7), grade))}
    of_b = {c: i for i, c in enumerate(combinations(range(7), len(out) - grade))}
    terms = []
    for places in combinations(range(len(out)), grade):
        a = tuple(out[i] for i in places)
        b = tuple(x for x in out if x not in a)
        swaps = sum(places) - grade * (grade - 1) // 2
        terms.append((of_a[a], of_b[b], (-1) ** swaps))
    return terms


def _arrays(outs: list[tuple[int, ...]], grade: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    table = np.array([_terms(out, grade) for out in outs])
    return table[..., 0], table[..., 1], table[..., 2]


def _normal_terms(grade: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """For each of the six coordinates of a normal, what the Hodge dual of the wedge of six points sums."""
    outs = [tuple(x for x in range(7) if x != missing) for missing in range(1, 7)]
    index_a, index_b, sign = _arrays(outs, grade)
    return index_a, index_b, sign * np.array([(-1) ** missing for missing in range(1, 7)])[:, None]


_PRODUCT = {grade: _arrays(list(combinations(range(7), grade + 1)), grade) for grade in (1, 2, 3)}
_COMPLEMENT = {grade: _normal_terms(grade) for grade in (2, 3, 4)}

# The bipyramid: the ring's corners, then the two tips.
_RING = np.stack([np.arange(EDGES), (np.arange(EDGES) + 1) % EDGES], axis=1)
_TRIANGLES = np.concatenate([np.column_stack([_RING, np.full(EDGES, EDGES + tip)]) for tip in (0, 1)])
_BIPYRAMID_EDGES = np.concatenate(
    [_RING, *(np.column_stack([np.arange(EDGES), np.full(EDGES, EDGES + tip)]) for tip in (0, 1))]
)
_SPANNING = (0, EDGES // 3, 2 * EDGES // 3, EDGES)
