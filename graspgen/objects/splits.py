"""Splits that stay when a library grows: each object's share is read off a hash of its name or class alone."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from graspgen.errors import ObjectError, nearest

By = Literal["object", "category"]

#: Shares of a split that nobody has chosen.
SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}
#: Salt of a split that nobody has chosen.
SALT = "graspgen"

_NAME = re.compile(r"[A-Za-z0-9_\-]{1,32}")


@dataclass(frozen=True)
class Split:
    """How objects are divided.

    Where an object belongs depends on its key (its name, or its class) and the salt only: no object moves when others
    come or go, and with `by="category"` all objects of a class lie on one side.

    Attributes:
        by: what is hashed: each object's name, or its class.
        shares: share of each part, in order, above 0; together 1. Shares hold for many objects (or many classes).
        salt: another salt divides anew.
    """

    by: By
    shares: tuple[tuple[str, float], ...]
    salt: str = SALT

    def __post_init__(self) -> None:
        if self.by not in ("object", "category"):
            raise ObjectError(f"a split is by object or by category, not by '{self.by}'")
        names = [name for name, _ in self.shares]
        for name, share in self.shares:
            if not _NAME.fullmatch(name):
                raise ObjectError(f"'{name}' cannot name a part of a split; use letters, digits, '_' and '-'")
            if not (math.isfinite(share) and share > 0):
                raise ObjectError(f"the share of '{name}' must be above 0, got {share:g}")
        if len(set(names)) != len(names):
            raise ObjectError(f"a part of the split is named twice: {', '.join(names)}")
        total = sum(share for _, share in self.shares)
        if abs(total - 1) > 1e-6:
            raise ObjectError(f"the shares of a split must add up to 1, got {total:g}; for example {told(SHARES)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The parts, in order."""
        return tuple(name for name, _ in self.shares)

    def of(self, name: str, class_name: str) -> str:
        """Return the part that an object belongs to."""
        u = fraction(self.salt, name if self.by == "object" else class_name)
        reached = 0.0
        for part, share in self.shares:
            reached += share
            if u < reached:
                return part
        return self.shares[-1][0]

    def check_part(self, part: str, key: str = "objects.split") -> None:
        """Raise `ObjectError` where the split has no such part."""
        if part not in self.names:
            raise ObjectError(f"{key}: the split has no part '{part}'{nearest(part, self.names)}")

    def plain(self) -> dict[str, Any]:
        """Return it as plain data; a list, since the shares' order matters and other programs sort mappings."""
        return {"by": self.by, "salt": self.salt, "shares": [list(pair) for pair in self.shares]}


def fraction(salt: str, key: str) -> float:
    """Return a number in [0, 1) that depends on both texts only: the first 53 bits of their SHA-256."""
    digest = hashlib.sha256(f"{salt}\n{key}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2.0**53


def split_from(plain: Mapping[str, Any]) -> Split:
    """Make a split from what `Split.plain` returned.

    Raises:
        ObjectError: a value is missing or not valid.
    """
    try:
        shares = tuple((str(name), float(share)) for name, share in plain["shares"])
        return Split(plain["by"], shares, str(plain["salt"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ObjectError):
            raise
        raise ObjectError(f"a split needs by, salt and shares ({error})") from error


def parse_shares(text: str) -> tuple[tuple[str, float], ...]:
    """Read `train=0.8,val=0.1,test=0.1`.

    Raises:
        ObjectError: it is written in another way.
    """
    shares = []
    for part in text.split(","):
        name, equals, share = part.partition("=")
        try:
            shares.append((name.strip(), float(share)))
        except ValueError:
            equals = ""
        if not equals:
            raise ObjectError(f"--shares: expected NAME=SHARE,…, for example {told(SHARES)}; got '{text}'")
    return tuple(shares)


def told(shares: Mapping[str, float]) -> str:
    """Return shares as `parse_shares` reads them."""
    return ",".join(f"{name}={share:g}" for name, share in shares.items())
