"""The labelled grasps of a scene that an expert may follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array
from graspgen.grasps.candidates import unpacked
from graspgen.grasps.outcomes import Outcome

#: What an unknown angle between closing line and normal is taken for, rad.
_UNKNOWN = float(np.radians(20.0))


@dataclass(frozen=True, eq=False)
class Labels:
    """n labelled grasps of a scene, as the rows of `grasps` hold them.

    Attributes:
        key: (n,) of the grasps.
        target: (n,) numbers of their objects among the scene's.
        T_object_grasp: (n, 4, 4).
        grip_width: (n,) m.
        holds: (n,) share of the free trials that succeeded.
        in_scene: (n,) outcome in the scene, `NOT_TRIED` where it was not tried.
        angle: (n,) rad, between closing line and inward normal; of cups, what they fall short of a plane's seal.
        width: (n,) m, openings before closing; None for the widest, of jaws.
        fingers: (n, 2, d) driven joints of multi-finger hands before closing, and at the grasp; None of others.
    """

    key: NDArray[np.int64]
    target: NDArray[np.int64]
    T_object_grasp: Array
    grip_width: Array
    holds: Array
    in_scene: NDArray[np.uint8]
    angle: Array
    width: Array | None = None
    fingers: Array | None = None

    def __len__(self) -> int:
        return len(self.key)


def labels_of(grasps: Mapping[str, NDArray[Any]], ids: NDArray[np.int64]) -> Labels:
    """Return the grasps of a scene that hold in free space.

    Args:
        grasps: rows of the table `grasps`.
        ids: (k,) instance ids of the scene's objects, ascending.
    """
    good = np.flatnonzero(grasps["outcome"] == Outcome.SUCCESS)
    rate = grasps["success_rate"][good]
    # As uncertain as a closing line that is so much askew.
    unsealed = _UNKNOWN * (1 - np.nan_to_num(grasps["seal"][good]))
    angle = grasps["antipodal_angle"][good]
    hand = np.isfinite(grasps["fingers"][good]).any()
    return Labels(
        grasps["id"][good],
        np.searchsorted(ids, grasps["object"][good] & 0xFFFF),
        grasps["T_object_grasp"][good],
        grasps["grip_width"][good],
        np.where(np.isfinite(rate), rate, 1.0),
        grasps["outcome_in_scene"][good],
        np.where(np.isfinite(angle), angle, unsealed),
        grasps["width"][good] if hand else None,
        unpacked(grasps["fingers"][good]) if hand else None,
    )


def joined(a: Labels, b: Labels) -> Labels:
    """Return the grasps of both."""
    both = [(getattr(a, f.name), getattr(b, f.name)) for f in fields(Labels)]
    return Labels(*(None if x is None or y is None else np.concatenate([x, y]) for x, y in both))
