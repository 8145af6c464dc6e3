"""What `graspgen grippers check` measured of a jaw."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from graspgen.frames import Array


@dataclass
class GripperReport:
    """What was measured of a gripper.

    Attributes:
        name: of the gripper.
        stroke: gap between the pads when open, m; NaN where there is none.
        closed_gap: when nearly closed, m.
        least: smallest opening, m; 0 where the pads meet.
        widths, tool: (5,) openings, m, and (5, 3) tool points there, base frame, m.
        gaps: (5,) gap between the pads that rays find at those openings, m.
        closing_time, opening_time: over the whole stroke, s.
        forces: (n,) N that were asked for; pad_forces: (n,) mean of both pads, N.
        payload: (n,) load across fingers and approach at which the object slips, over 2·μ·F.
        payload_along: (n, 2) likewise along the approach, out of the hand and into it.
        payload_along_expected: (2,) what the way of the tool point lets expect.
        chatter: (n,) motion of the pads from peak to peak, m.
        collisions: parts of the hand that are in each other, told.
        failures: what is wrong; empty where the gripper is sound.
        notes: what is worth knowing.
    """

    name: str
    stroke: float = float("nan")
    closed_gap: float = float("nan")
    least: float = 0.0
    widths: Array = field(default_factory=lambda: np.zeros(0))
    tool: Array = field(default_factory=lambda: np.zeros((0, 3)))
    gaps: Array = field(default_factory=lambda: np.zeros(0))
    closing_time: float = float("nan")
    opening_time: float = float("nan")
    forces: list[float] = field(default_factory=list)
    pad_forces: list[float] = field(default_factory=list)
    payload: list[float] = field(default_factory=list)
    payload_along: list[tuple[float, float]] = field(default_factory=list)
    payload_along_expected: tuple[float, float] = (1.0, 1.0)
    chatter: list[float] = field(default_factory=list)
    collisions: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures
