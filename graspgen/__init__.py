"""Robotic grasping datasets by physics.

`graspgen.open(path)` reads a dataset. Importing graspgen is light: it never imports MuJoCo or OpenGL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graspgen.dataset.reader import open as open

__version__ = "0.1.0"

__all__ = ["__version__", "open"]


def __getattr__(name: str) -> Any:
    if name == "open":
        from graspgen.dataset.reader import open as opener

        return opener
    raise AttributeError(f"module 'graspgen' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
