"""Environments: learn to grasp where the data is made.

`import graspgen.env` makes `gymnasium.make("graspgen/Pick-v0")` work (or, without the import,
`gymnasium.make("graspgen.env:graspgen/Pick-v0")`); `graspgen.env.make` says what is missing where Gymnasium is not
installed. `graspgen.env.dm.load` gives the same task as a `dm_env.Environment`.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from graspgen.env.errors import EnvError
from graspgen.env.registration import IDS, register_all

__all__ = ["IDS", "EnvError", "make"]


def _has_gymnasium() -> bool:
    try:
        return find_spec("gymnasium") is not None
    except ValueError:  # it has been put out of the way
        return False


if _has_gymnasium():
    register_all()


def make(name: str, **settings: Any) -> Any:
    """Return `gymnasium.make(name, **settings)`.

    Raises:
        EnvError: Gymnasium is not installed.
    """
    if not _has_gymnasium():
        raise EnvError("the environments need Gymnasium: pip install 'graspgen[rl]'")
    import gymnasium

    return gymnasium.make(name, **settings)
