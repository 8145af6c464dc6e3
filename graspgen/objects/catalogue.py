"""Catalogues: numbered collections of assets that a run draws its objects from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from graspgen.objects.asset import Asset


class Catalogue(Protocol):
    """Assets numbered 0 … len − 1. The same number always gives the same asset, in every process."""

    def __len__(self) -> int: ...

    @property
    def class_names(self) -> Sequence[str]:
        """All class names that can occur, sorted; `class_id` is the position in it, from 1."""
        ...

    def asset(self, number: int) -> Asset:
        """Return asset `number`.

        Raises:
            ObjectError: it cannot be made or read.
        """
        ...
