"""What a recipe says about where scenes are drawn more often: densities over the quantiles of its own ranges."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, model_validator

from graspgen.recipe.section import Section


class Focus(Section):
    """Ranges that are drawn from more densely in some parts; `graspgen generate --focus` fills this in.

    A scene draws one bin of each of these keys: with the share `keep` evenly, so as without a focus, else by `density`.
    """

    keep: float = Field(0.3, ge=0.05, le=1)
    """Share of the scenes that is drawn as without a focus; no importance weight exceeds its inverse."""
    density: Mapping[str, tuple[float, ...]] = {}
    """Key → density of each of its bins, which are equally probable without a focus; their mean is 1."""
    scores: str = ""
    """SHA-256 of the file of scores; "" for those of the labels themselves."""
    source: str = ""
    """Content hash of the dataset that was scored."""
    changes: tuple[str, ...] = ()
    """What else differs between the recipe of that dataset and this one."""

    @model_validator(mode="after")
    def _densities(self) -> Focus:
        for key, values in self.density.items():
            if not values or min(values) < 0 or abs(sum(values) / len(values) - 1) > 1e-6:
                raise ValueError(f"density.{key}: densities must be >= 0 with a mean of 1, got {list(values)}")
        return self
