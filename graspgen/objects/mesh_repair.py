"""Topology of triangle meshes: what is closed, which shells there are, which way they face, and small holes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from graspgen.frames import Array

Faces = NDArray[np.int32]

#: Largest hole that is filled, as a share of the mesh's largest extent. A larger one may be meant: a cup's mouth.
LARGEST_HOLE = 0.15
#: A larger hole is filled where one triangle is missing, or a few, of this share of the mesh's area.
MISSING_AREA, _MISSING_EDGES = 0.05, 6


def drop_degenerate(vertices: Array, faces: Faces) -> Faces:
    """Return the faces whose three corners lie at three different places."""
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    same = (a == b).all(axis=1) | (b == c).all(axis=1) | (c == a).all(axis=1)
    return faces[~same]


def merge_equal(vertices: Array, faces: Faces) -> tuple[Array, Faces, NDArray[np.int64]]:
    """Merge vertices at the very same place (a texture's seams double them).

    Returns:
        Vertices, faces in the same order, and for each new vertex one old one.
    """
    used, compact = np.unique(faces, return_inverse=True)
    places, first, inverse = np.unique(vertices[used], axis=0, return_index=True, return_inverse=True)
    merged = inverse.reshape(-1)[compact].reshape(-1, 3).astype(np.int32)
    return places, merged, used[first].astype(np.int64)


def clean(vertices: Array, faces: Faces) -> tuple[Array, Faces]:
    """Merge vertices closer than a millionth of the extent, drop double and empty faces, make the winding agree."""
    step = 1e-6 * float(np.ptp(vertices, axis=0).max())
    _, inverse = np.unique(np.round(vertices / step), axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    places = np.zeros((int(inverse.max()) + 1, 3))
    places[inverse] = vertices
    f = inverse[faces]
    f = f[(f[:, 0] != f[:, 1]) & (f[:, 1] != f[:, 2]) & (f[:, 2] != f[:, 0])]
    _, once = np.unique(np.sort(f, axis=1), axis=0, return_index=True)
    f = agree_winding(f[np.sort(once)].astype(np.int32)) if len(once) else f[:0].astype(np.int32)
    v, f, _ = merge_equal(places, f)
    return v, f


def is_closed(faces: Faces) -> bool:
    """Tell whether every edge is walked as often one way as the other: the surface is closed and oriented alike."""
    return len(_open_edges(faces)) == 0


def open_edge_count(faces: Faces) -> int:
    """Return how many edges are walked more often one way than the other, each as often as it lacks its opposite."""
    return len(_open_edges(faces))


def agree_winding(faces: Faces) -> Faces:
    """Return the faces, turned where needed so that neighbours across an edge of two faces agree.

    In each shell the first face is taken as right; `orient` decides about whole shells.
    """
    f = faces.astype(np.int64)
    edges = np.concatenate([f[:, [0, 1]], f[:, [1, 2]], f[:, [2, 0]]])
    owner = np.tile(np.arange(len(f)), 3)
    forward = edges[:, 0] < edges[:, 1]
    key = edges.min(axis=1) * (int(f.max()) + 1) + edges.max(axis=1)
    order = np.argsort(key, kind="stable")
    _, start, count = np.unique(key[order], return_index=True, return_counts=True)
    a, b = order[start[count == 2]], order[start[count == 2] + 1]
    differ = forward[a] == forward[b]
    if not differ.any():
        return faces
    m = len(f)
    # Two sheets of nodes, as given and turned: agreeing neighbours are joined within a sheet, others across.
    low, high = owner[a], owner[b]
    rows = np.concatenate([low, low + m])
    columns = np.concatenate([np.where(differ, high + m, high), np.where(differ, high, high + m)])
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(2 * m, 2 * m))
    _, sheet = connected_components(graph, directed=False)
    # Of a shell's two copies the one with its first face as given is kept.
    turned = sheet[:m] > sheet[m:]
    return np.where(turned[:, None], faces[:, ::-1], faces)


def fill_small_holes(vertices: Array, faces: Faces) -> tuple[Faces, int, float]:
    """Close holes up to `LARGEST_HOLE`, or where a triangle or a few are missing, between the vertices of their edge.

    Returns:
        The new faces, the number of holes, and the widest one, m.
    """
    follow: dict[int, list[int]] = {}
    for start, end in _open_edges(faces).tolist():
        follow.setdefault(end, []).append(start)
    limit = LARGEST_HOLE * float(np.ptp(vertices, axis=0).max())
    whole = _areas(vertices, faces).sum()
    # A triangle that hangs on nothing has an edge of three sides, too: its own back would close it.
    loose = {tuple(sorted(face)) for face in faces[_alone(faces)].tolist()}
    added, holes, largest = [], 0, 0.0
    for loop in _loops(follow):
        width = float(np.linalg.norm(np.ptp(vertices[loop], axis=0)))
        if len(loop) < 3 or tuple(sorted(loop)) in loose:
            continue
        fan = [[loop[0], loop[k], loop[k + 1]] for k in range(1, len(loop) - 1)]
        few = len(fan) == 1 or (
            len(loop) <= _MISSING_EDGES and _areas(vertices, np.array(fan)).sum() <= MISSING_AREA * whole
        )
        if width <= limit or few:
            holes, largest = holes + 1, max(largest, width)
            added += fan
    return np.array(added, np.int32).reshape(-1, 3), holes, largest


def _areas(vertices: Array, faces: Faces) -> Array:
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)


def _alone(faces: Faces) -> NDArray[np.bool_]:
    """Tell which triangles share no vertex with another one."""
    return (np.bincount(faces.reshape(-1))[faces] == 1).all(axis=1)


def _loops(follow: dict[int, list[int]]) -> Iterator[list[int]]:
    """Take loops without a repeated vertex out of directed edges (holes may touch at a vertex)."""
    for start in list(follow):
        path = [start]
        place = {start: 0}
        while follow.get(path[-1]):
            after = follow[path[-1]].pop()
            if after in place:
                first = place[after]
                yield path[first:]
                for vertex in path[first + 1 :]:
                    del place[vertex]
                del path[first + 1 :]
            else:
                place[after] = len(path)
                path.append(after)


def shells(faces: Faces) -> NDArray[np.int32]:
    """Return (m,) the number of the connected shell that each face belongs to, from 0."""
    n = int(faces.max()) + 1
    a, b = np.concatenate([faces[:, :2], faces[:, 1:]]).T
    _, label = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(n, n)), directed=False)
    return np.unique(label[faces[:, 0]], return_inverse=True)[1].astype(np.int32)


def orient(vertices: Array, faces: Faces, label: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return (shells,) which shells are inside-out.

    A shell with negative volume is a cavity where it lies in a shell with positive volume, else it is inside-out.
    """
    count = int(label.max()) + 1
    a, b, c = np.moveaxis((vertices - vertices.mean(axis=0))[faces], 1, 0)
    volumes = np.bincount(label, weights=np.einsum("ij,ij->i", a, np.cross(b, c)), minlength=count)
    if (volumes <= 0).all():
        return np.ones(count, bool)
    turned = np.zeros(count, bool)
    outer = [trimesh.Trimesh(vertices, faces[label == i], process=False) for i in range(count) if volumes[i] > 0]
    for i in np.flatnonzero(volumes < 0):
        point = vertices[faces[label == i][0, :1]]
        turned[i] = not any(shell.contains(point)[0] for shell in outer)
    return turned


def _open_edges(faces: Faces) -> NDArray[np.int64]:
    """Return (k, 2) directed edges that lack their opposite, each as often as it is lacking."""
    if len(faces) == 0:
        return np.zeros((0, 2), np.int64)
    f = faces.astype(np.int64)
    edges = np.concatenate([f[:, [0, 1]], f[:, [1, 2]], f[:, [2, 0]]])
    low, high = edges.min(axis=1), edges.max(axis=1)
    sign = np.where(edges[:, 0] == low, 1, -1)
    key = low * (int(f.max()) + 1) + high
    unique, index, inverse = np.unique(key, return_index=True, return_inverse=True)
    balance = np.bincount(inverse.reshape(-1), weights=sign, minlength=len(unique)).astype(int)
    bad = np.flatnonzero(balance)
    forward = np.stack([low[index[bad]], high[index[bad]]], axis=-1)
    directed = np.where(balance[bad, None] > 0, forward, forward[:, ::-1])
    return np.repeat(directed, np.abs(balance[bad]), axis=0)
