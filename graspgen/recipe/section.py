"""What all sections of a recipe share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from graspgen.distributions import Distribution, parse


class Section(BaseModel):
    """Base of all sections: immutable, and an unknown key is an error."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True, allow_inf_nan=False
    )


def default(written: object) -> Distribution:
    """Return the distribution that is written so in YAML, as the default of a key."""
    return parse(written)
