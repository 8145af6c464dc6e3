"""Robotic grasping datasets by physics.

`graspgen.open(path)` reads a dataset; `graspgen.try_grasps(mesh, gripper, T_object_grasp)` labels your own grasps of
your own mesh. Importing graspgen is light: MuJoCo is imported when a grasp is tried, OpenGL when an image is rendered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graspgen.dataset.reader import open as open
    from graspgen.grasps.api import try_grasps as try_grasps

__version__ = "0.1.0"

__all__ = ["__version__", "open", "try_grasps"]


def __getattr__(name: str) -> Any:
    if name == "open":
        from graspgen.dataset.reader import open as opener

        return opener
    if name == "try_grasps":
        from graspgen.grasps.api import try_grasps

        return try_grasps
    raise AttributeError(f"module 'graspgen' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
