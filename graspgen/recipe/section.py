"""What all sections of a recipe share."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from graspgen.distributions import Distribution, parse


class Section(BaseModel):
    """Base of all sections: immutable, and an unknown key is an error."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True, allow_inf_nan=False
    )

    #: The key that a single value in place of the section stands for, "" for none.
    SHORT: ClassVar[str] = ""

    @classmethod
    def short(cls, value: Any) -> dict[str, Any]:
        """Return what a single value in place of the section stands for; None stands for nothing."""
        return {} if value is None or not cls.SHORT else {cls.SHORT: value}


def default(written: object) -> Distribution:
    """Return the distribution that is written so in YAML, as the default of a key."""
    return parse(written)
