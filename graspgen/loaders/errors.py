"""What can go wrong with a loader, and packages that it may need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from graspgen.errors import GraspgenError

#: The package that holds each module, where their names differ, and the extra of graspgen that asks for it.
_EXTRAS = {"torch": "torch", "jax": "jax", "datasets": "hf", "tensorflow": "tf"}


class LoaderError(GraspgenError, ValueError):
    """A sample source, an augmentation or a loader cannot do what it is asked."""


def need(module: str) -> Any:
    """Import a package that graspgen does not depend on.

    Raises:
        LoaderError: it is not installed; the line says how to get it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        top = module.partition(".")[0]
        raise LoaderError(f"{top} is needed and missing ({error}): pip install 'graspgen[{_EXTRAS[top]}]'") from error
