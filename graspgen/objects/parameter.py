"""A named, documented value (or list of values) that a procedural family draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graspgen.distributions import Distribution, Scalar, parse
from graspgen.errors import ObjectError, nearest

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Parameter:
    """What a family draws.

    Attributes:
        distribution: of one value.
        unit: "" for none.
        doc: what it is.
        repeat: values drawn; with more than one the parameter is a list. The number never depends on other draws.
        low, high: what a recipe may ask for.
        names: what it may be called, where it is a name and no number.
    """

    distribution: Distribution
    unit: str
    doc: str
    repeat: int = 1
    low: float = 0.0
    high: float = 10.0
    names: tuple[str, ...] = ()

    def draw(self, rng: np.random.Generator) -> Scalar | list[Scalar]:
        """Draw the value, or the list."""
        if self.repeat == 1:
            return self.distribution.draw(rng)
        return [self.distribution.draw(rng) for _ in range(self.repeat)]

    def overridden(self, asked: Distribution) -> Parameter:
        """Return the parameter with another distribution, as a recipe asks for it.

        Raises:
            ValueError: that can give a value which the family cannot be built from.
        """
        words = [v for v in asked.values if isinstance(v, str)]
        if self.names:
            for word in asked.options or ("",):
                if word not in self.names:
                    raise ValueError(f"'{word or asked}' is none of its names{nearest(str(word), self.names)}")
            return replace(self, distribution=asked)
        if words:
            raise ValueError(f"expected a number, got '{words[0]}'")
        low, high = asked.support
        if low < self.low or high > self.high:
            allowed = f"[{self.low:g}, {self.high:g}] {self.unit}".rstrip()
            advice = "; use truncated_normal" if asked.kind == "normal" else ""
            raise ValueError(f"{asked} can leave the allowed range {allowed}{advice}")
        return replace(self, distribution=replace(asked, integer=self.distribution.integer))


def metres(written: Any, doc: str, repeat: int = 1, low: float = 2e-4, high: float = 1.0) -> Parameter:
    """Return a parameter in metres."""
    return Parameter(parse(written), "m", doc, repeat, low, high)


def number(written: Any, doc: str, repeat: int = 1, low: float = 0.0, high: float = 10.0) -> Parameter:
    """Return a parameter without unit; a choice of words is one of these words."""
    distribution = parse(written)
    names = tuple(str(v) for v in distribution.options if isinstance(v, str))
    return Parameter(distribution, "", doc, repeat, low, high, names)


def share(written: Any, doc: str, low: float = 0.01, high: float = 1.0) -> Parameter:
    """Return a parameter that is a share, within (0, 1]."""
    return Parameter(parse(written), "", doc, 1, low, high)


def whole(low: int, high: int, doc: str, least: int, most: int) -> Parameter:
    """Return a whole number, uniform in low … high; a recipe may ask for `least` … `most`."""
    return Parameter(Distribution("uniform", (low, high), integer=True), "", doc, 1, least, most)


def require(holds: bool, text: str) -> None:
    """Raise an ObjectError with `text` where parameters contradict each other."""
    if not holds:
        raise ObjectError(text)
