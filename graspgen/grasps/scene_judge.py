"""What counts as held: the rules of in-scene trials, as functions of what was measured at one look at m trials.

Trials along a planned path (`scene_course`) and hands that somebody else drives (the environments) are judged by these
alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array
from graspgen.grasps.course import SHUT, UNTOUCHED
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Protocol, SceneProtocol
from graspgen.grasps.scene_state import Motion

Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]

_OPEN = int(Outcome.NOT_TRIED)


def has_shut(opening: Array) -> Flags:
    """(m,) whether the fingers are closed on nothing, from their (m,) openings, m."""
    return opening < SHUT


def has_gripped(protocol: Protocol, both: Flags, rate: Array, com_speed: Array, squeezing: Flags) -> Flags:
    """(m,) whether the close has ended with the target between the fingers.

    Args:
        protocol: limits.
        both: whether both fingers touch the target now.
        rate: m/s, of the opening.
        com_speed: m/s, of the target's centre of mass, relative to the hand.
        squeezing: whether the grip is at its limit of force.
    """
    still = (np.abs(rate) < protocol.stall_speed) & (com_speed < protocol.still_speed)
    return both & still & squeezing


def judge_close(touching: Flags, shut: Flags, touched: Flags, drift: Array) -> Codes:
    """(m,) `Outcome` of closes that have ended, NOT_TRIED where the target is held.

    Args:
        touching: (m, 2) whether each finger touches the target.
        shut: whether the fingers are closed on nothing: then their stops bear the force, whatever sliver is between.
        touched: whether any finger has touched the target since the close began.
        drift: m, of the target since then, tool frame.
    """
    touching = touching & ~shut[:, None]
    both, none = touching.all(axis=1), ~touching.any(axis=1)
    # A touch can be shorter than the time between two looks, but it leaves the object moved.
    moved = touched | (drift > UNTOUCHED)
    codes = np.where(none, np.where(moved, int(Outcome.DROPPED), int(Outcome.NO_CONTACT)), int(Outcome.ONE_FINGER))
    return np.where(both, _OPEN, codes)


def judge_held(
    protocol: Protocol,
    limits: SceneProtocol,
    drift: Array,
    turned: Array,
    neighbour: Array,
    blocked: Flags,
    lost: Flags,
) -> Codes:
    """(m,) `Outcome` of what is held, NOT_TRIED where nothing has gone wrong.

    Args:
        protocol, limits: of the free trial and of the trial in the scene.
        drift, turned: m and rad, of the target since the close, tool frame.
        neighbour: m, largest rise of another object.
        blocked: whether the hand has fallen behind where it should be.
        lost: whether a finger no longer touches the target.
    """
    codes = np.full(len(drift), _OPEN)
    # The last one that is written counts.
    codes[neighbour > limits.neighbour_rise] = Outcome.LIFTED_NEIGHBOUR
    codes[turned > np.radians(protocol.max_rotation_deg)] = Outcome.ROTATED
    codes[drift > protocol.max_drift] = Outcome.SLIPPED
    codes[blocked] = Outcome.BLOCKED
    codes[lost] = Outcome.DROPPED
    return codes


def is_blocked(limits: SceneProtocol, lag: Array, turn_lag: Array) -> Flags:
    """(m,) whether the hand is behind where it should be, from the distances, m and rad."""
    return (lag > limits.max_lag) | (turn_lag > np.radians(limits.max_turn_lag_deg))


def judge_rest(protocol: Protocol, look: Motion) -> Codes:
    """(m,) why what is held does not stand still in the hand: SLIPPED, ROTATED, or NOT_TRIED where it does."""
    sliding, spinning = look.slide_speed > protocol.max_speed, look.spin > protocol.max_spin
    return np.where(sliding, int(Outcome.SLIPPED), np.where(spinning, int(Outcome.ROTATED), _OPEN))
