"""Robotic grasping datasets by physics.

`graspgen.open(path)` reads a dataset; `graspgen.try_grasps(mesh, gripper, T_object_grasp)` labels your own grasps of
your own mesh, `graspgen.try_in_scene(dataset, scene, T_world_grasp)` in a stored scene, and `graspgen.clear(recipe,
policy)` lets a policy empty cluttered ones. Importing graspgen is light: MuJoCo is imported when a grasp is tried,
OpenGL when an image is rendered.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graspgen.dataset.reader import open as open
    from graspgen.errors import GraspgenError as GraspgenError
    from graspgen.grasps.api import try_grasps as try_grasps
    from graspgen.pipeline.clearing import clear as clear
    from graspgen.pipeline.scene_api import try_in_scene as try_in_scene

__version__ = "0.1.0"

__all__ = ["GraspgenError", "__version__", "clear", "open", "try_grasps", "try_in_scene"]


#: Where what is offered here comes from.
_FROM = {
    "GraspgenError": "graspgen.errors",
    "clear": "graspgen.pipeline.clearing",
    "open": "graspgen.dataset.reader",
    "try_grasps": "graspgen.grasps.api",
    "try_in_scene": "graspgen.pipeline.scene_api",
}


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module 'graspgen' has no attribute '{name}'")
    try:
        return getattr(import_module(_FROM[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("graspgen"):  # of graspgen-read
            raise ImportError(f"graspgen.{name} needs the whole of graspgen: pip install graspgen") from error
        raise


def __dir__() -> list[str]:
    return sorted(__all__)
