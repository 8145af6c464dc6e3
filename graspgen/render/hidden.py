"""Which flying distractors of a view may stay: those that together hide no more of a target than is allowed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array

#: Takes the numbers of the flying distractors that are shown; returns the (H, W) instance ids, and the (H, W) number
#: of the distractor that each pixel shows, −1 for none.
See = Callable[[Collection[int]], tuple[NDArray[np.uint8], NDArray[np.int64]]]


@dataclass(frozen=True, eq=False)
class FlyingSeen:
    """What became of the n flying distractors of a view.

    Attributes:
        shown: (n,) whether it is in the view; the others hid too much.
        pixels: (n,) pixels that show it.
        hides: (n,) largest share of a target that it hides, of the target's pixels without flying distractors.
    """

    shown: NDArray[np.bool_]
    pixels: NDArray[np.int64]
    hides: Array


NOTHING_FLIES = FlyingSeen(np.zeros(0, bool), np.zeros(0, np.int64), np.zeros(0))


def screen(count: int, targets: Sequence[int], limit: float | None, see: See) -> tuple[set[int], NDArray[np.uint8]]:
    """Leave out flying distractors until no target loses more than `limit` of its pixels.

    The loss of a target is counted in pixels of the id image: those that show it without any flying distractor and
    show one now. While it is too large, the distractor that hides most of the worst-off target is left out; what that
    uncovers may be hidden by another one, so the view is looked at again. Leaving out even more never hides more.

    Args:
        count: flying distractors of the view, at least one.
        targets: instance ids of the targets.
        limit: largest share that all of them together may hide of any target; None for no limit.
        see: looks at the view.

    Returns:
        The numbers of those that stay, and the (H, W) ids without any.
    """
    shown = set(range(count))
    base, _ = see(())
    while limit is not None:
        share = _shares(base, see(sorted(shown))[1], targets, count)
        lost = share.sum(axis=1)
        if not len(lost) or lost.max() <= limit + 1e-12:
            break
        shown.remove(int(share[int(lost.argmax())].argmax()))
    return shown, base


def seen(
    shown: Collection[int],
    count: int,
    targets: Sequence[int],
    base: NDArray[np.uint8],
    flying: NDArray[np.int64],
) -> FlyingSeen:
    """Return what became of the `count` flying distractors of a view.

    Args:
        shown, base: what `screen` returned.
        count, targets: as there.
        flying: (H, W) number of the distractor that each pixel shows, −1 for none.
    """
    share = _shares(base, flying, targets, count)
    return FlyingSeen(
        shown=np.isin(np.arange(count), list(shown)),
        pixels=np.bincount(flying.ravel() + 1, minlength=count + 1)[1:],
        hides=share.max(axis=0) if len(share) else np.zeros(count),
    )


def _shares(base: NDArray[np.uint8], flying: NDArray[np.int64], targets: Sequence[int], count: int) -> Array:
    """Return (t, count) shares of the targets in `base` that each distractor hides; targets out of sight are left out.

    Args:
        base: (H, W) ids without flying distractors.
        flying: (H, W) numbers of the distractors, −1 for none.
        targets: their ids.
        count: of distractors.
    """
    bare = np.bincount(base.ravel(), minlength=256)
    known = [t for t in targets if bare[t]]
    pairs = np.bincount((base * np.int64(count + 1) + flying + 1).ravel(), minlength=256 * (count + 1))
    return pairs.reshape(256, count + 1)[known, 1:] / bare[known, None]
