"""A dataset's multi-finger hands as lines: what is drawn of them in place of a jaw's outline."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from graspgen.dataset.schema import GripperKind
from graspgen.errors import DatasetError
from graspgen.frames import Array

if TYPE_CHECKING:
    from graspgen.dataset.reader import Dataset
    from graspgen.grippers.gripper import Gripper


def hand_lines(dataset: Dataset, row: int, fingers: Array) -> tuple[Array, Array] | None:
    """Return the lines of a hand at its grasps, and how its fingertips close, in the grasp frames, m.

    Args:
        dataset: open.
        row: of the hand in `grippers`.
        fingers: (n, 2, …) of `grasps.fingers`.

    Returns:
        (n, k, 2, 3): a stem, then from the base over the joints of every finger to the pad of its tip; and
        (n, f, 2, 3): each fingertip's pad before closing and at the grasp. None of a gripper that is no multi-finger
        hand.

    Raises:
        DatasetError: MuJoCo, which knows how its joints move it, is missing, or this graspgen cannot read the hand.
    """
    if int(dataset.grippers["kind"][row]) != GripperKind.MULTI_FINGER:
        return None
    try:
        from graspgen.grasps.candidates import unpacked
        from graspgen.grasps.finger_outline import finger_segments, tip_ways
    except ModuleNotFoundError as error:
        raise DatasetError(
            f"where the fingers of {dataset.grippers['name'][row]} are takes MuJoCo to know: install graspgen itself "
            f"({error})"
        ) from None
    hand, joints = _hand(str(dataset.grippers["definition"][row])), unpacked(fingers)
    lines = [finger_segments(hand, at) for at in joints[:, 1]]
    out = np.full((len(lines), max(map(len, lines), default=0), 2, 3), np.nan)
    for own, found in zip(out, lines, strict=True):
        own[: len(found)] = found
    return out, tip_ways(hand, joints)


@lru_cache(maxsize=8)
def _hand(definition: str) -> Gripper:
    from pydantic import ValidationError

    from graspgen.grippers.gripper import Gripper, gripper_file

    try:
        stored = json.loads(definition)
        return Gripper(gripper_file(stored["yaml"]), stored["mjcf"])
    except (ValidationError, KeyError, ValueError) as error:
        raise DatasetError(
            f"its gripper was made by another version of graspgen: {str(error).splitlines()[0]}"
        ) from None
