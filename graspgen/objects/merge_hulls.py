"""Fewer convex parts: those whose common hull adds least are joined."""

from __future__ import annotations

import manifold3d
import numpy as np

#: Most hulls that are merged; the time grows with the square of their number.
MOST_MERGED = 250


def merge_hulls(hulls: list[manifold3d.Manifold], most: int) -> list[manifold3d.Manifold]:
    """Join pairs of hulls until `most` are left, each time the pair whose hull fills the least volume beside them.

    Args:
        hulls: convex solids.
        most: at least 1.
    """
    alive = dict(enumerate(hulls))
    cost = {(i, j): _cost(alive[i], alive[j]) for i in alive for j in alive if i < j}
    free = len(hulls)
    while len(alive) > most:
        i, j = min(cost, key=lambda pair: (cost[pair], pair))
        merged = _joined(alive.pop(i), alive.pop(j))
        cost = {pair: value for pair, value in cost.items() if not {i, j} & set(pair)}
        cost.update({(k, free): _cost(other, merged) for k, other in alive.items()})
        alive[free] = merged
        free += 1
    return list(alive.values())


def _cost(a: manifold3d.Manifold, b: manifold3d.Manifold) -> float:
    """Return the volume that the common hull has beside the two."""
    both = (a + b).volume() if _boxes_meet(a, b) else a.volume() + b.volume()
    return _joined(a, b).volume() - both


def _joined(a: manifold3d.Manifold, b: manifold3d.Manifold) -> manifold3d.Manifold:
    return manifold3d.Manifold.batch_hull([a, b])


def _boxes_meet(a: manifold3d.Manifold, b: manifold3d.Manifold) -> bool:
    p, q = np.reshape(a.bounding_box(), (2, 3)), np.reshape(b.bounding_box(), (2, 3))
    return bool((p[0] <= q[1]).all() and (q[0] <= p[1]).all())
