"""Why a drawn scene is refused: it is drawn again as the next attempt, and the reason is counted."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Kind of a refusal."""

    NO_ROOM = "no room"
    """The objects do not fit where they should be put."""
    OVERLAP = "overlap"
    """Objects overlap before they are let go, or by more than the threshold at rest."""
    MOVING = "still moving"
    """Something still moves when time is up."""
    UNHELD = "unheld"
    """Something is at rest although nothing holds it."""
    UNSTABLE = "unstable"
    """The simulation diverged, or threw an object faster than any fall could."""
    REMOVED = "removed"
    """Too many objects, or all, left the arena."""
    FELL = "stack fell"
    """Objects that were put upon others no longer lie on one."""
    CAMERA = "camera"
    """A camera found no place from which it sees what it should."""
    NOTHING = "no object"
    """There is nothing in the scene."""
