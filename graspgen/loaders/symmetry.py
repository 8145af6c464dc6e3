"""Symmetries of objects as rotations, from what the assets say."""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np

from graspgen.frames import Array, axis_angle
from graspgen.loaders.errors import LoaderError

#: A finite group of rotations that no object has is larger than this.
_MOST = 360


@lru_cache(maxsize=4096)
def read_symmetry(text: str) -> tuple[Array, Array]:
    """Return the symmetries that `assets.symmetry` tells.

    Returns:
        (s, 3, 3) rotations of the discrete ones, closed under products, the identity first; and (3, 3) axes of
        continuous ones, one a row, 0 where there are fewer. Both are about the origin of the object's frame. An object
        looks the same after `T_camera_object @ R`, R one of the first, or any turn about one of the second.
    """
    told = json.loads(text)
    axes = np.zeros((3, 3))
    continuous = np.asarray(told.get("continuous", []), float).reshape(-1, 3)[:3]
    axes[: len(continuous)] = continuous
    turns = [axis_angle(t[:3], 2 * np.pi / int(t[3])) for t in told.get("discrete", [])]
    found = closed_group(turns)
    for values in (found, axes):
        values.flags.writeable = False
    return found, axes


def closed_group(generators: list[Array]) -> Array:
    """Return the (s, 3, 3) finite group of rotations that some generate, the identity first.

    Raises:
        LoaderError: they generate no small finite group.
    """
    found = [np.eye(3)]
    for R in found:  # grows while it is walked
        for G in generators:
            product = R @ G
            if not any(np.abs(product - known).max() < 1e-6 for known in found):
                found.append(product)
        if len(found) > _MOST:
            raise LoaderError("the symmetries of an asset generate no finite group; mend `symmetry` in its asset.json")
    return np.array(found)
