"""A named, documented number (or list of numbers) that a procedural family draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graspgen.distributions import Distribution, Scalar, parse

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Parameter:
    """What a family draws.

    Attributes:
        distribution: of one value.
        unit: "" for none.
        doc: what it is.
        repeat: values drawn; with more than one the parameter is a list. The number never depends on other draws.
    """

    distribution: Distribution
    unit: str
    doc: str
    repeat: int = 1

    def draw(self, rng: np.random.Generator) -> Scalar | list[Scalar]:
        """Draw the value, or the list."""
        if self.repeat == 1:
            return self.distribution.draw(rng)
        return [self.distribution.draw(rng) for _ in range(self.repeat)]


def metres(written: Any, doc: str, repeat: int = 1) -> Parameter:
    """Return a parameter in metres."""
    return Parameter(parse(written), "m", doc, repeat)


def number(written: Any, doc: str, repeat: int = 1) -> Parameter:
    """Return a parameter without unit."""
    return Parameter(parse(written), "", doc, repeat)
