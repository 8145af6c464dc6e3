"""What an environment is asked to be: one frozen record that every face of the task is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from numbers import Real
from os import PathLike, fspath
from typing import Any, Literal, get_args

import numpy as np

from graspgen.env.errors import EnvError
from graspgen.env.physics import Ranges
from graspgen.errors import nearest
from graspgen.recipe import Recipe

Goal = Literal["any", "target", "all"]
ActionMode = Literal["delta4", "delta5", "delta6", "delta7", "absolute", "velocity", "joint_delta", "joint_position"]
RewardMode = Literal["sparse", "dense", "normalised_dense"]
Rules = Literal["free", "trial"]


@dataclass(frozen=True)
class TaskSpec:
    """A grasping task.

    Attributes:
        recipe: name or path of the recipe that scenes are made from, or a recipe.
        overrides: "dotted.key=value" each, on top of a recipe that is named; a `Recipe` is taken as it is.
        goal: lift any object, a named target, or, one after the other, all of them.
        arm: name of the arm that carries the hand (`panda`, `ur5e`), path of its YAML or MJCF, or `menagerie:NAME`;
            None for a hand that floats.
        arm_base: where the arm stands: x, y, z, m, world frame, and which way it faces, degrees about z from the
            world's x; None for its own distance from the origin on the side of +y, facing it.
        action_mode: what an action means (`graspgen.env.actions`; `joint_delta`, `joint_position`:
            `graspgen.env.arm_drive`).
        reward_mode: `sparse`, `dense` or `normalised_dense`, which is in 0…1.
        rules: `free`: the hand may touch things and try again; `trial`: as in the trials that label grasps, the first
            touch on the approach, and the first grasp that fails, ends the episode.
        terminate_on_success: whether an episode ends when the task is done.
        scenes: number of scenes that resets draw from; None for 2³¹.
        first_scene: number of the first of them.
        run_seed: seed of the run whose scenes they are: what `graspgen generate --seed` says.
        keep: how many scenes are kept ready in memory.
        ahead: how many processes make the scenes of the next resets while an episode is played; 0 for none.
        physics: ranges of factors that each reset draws for every object of its scene, nothing else changes:
            `{"mass": (0.7, 1.4), "friction": (0.8, 1.25)}` (`graspgen.env.physics.Ranges`); None for masses and
            frictions of the scene itself, as the labels have them.
        max_objects: rows of objects in the state, which tells no others; None for as many as the recipe may put into
            a scene.
        image_size: height and width of images, 16 to 4096 px; one number for both.
        cameras: names of cameras (`graspgen.env.cameras.PRESETS`), or one; "recipe" for the recipe's own views.
        shadow_size: side of the shadow map, texels; 0 for no shadows, which take most of an image's time.
        points: number of points of a point cloud.
    """

    recipe: str | Recipe = "tabletop"
    overrides: tuple[str, ...] = ()
    goal: Goal = "any"
    arm: str | None = None
    arm_base: tuple[float, float, float, float] | None = None
    action_mode: ActionMode = "delta5"
    reward_mode: RewardMode = "normalised_dense"
    rules: Rules = "free"
    terminate_on_success: bool = True
    scenes: int | None = None
    first_scene: int = 0
    run_seed: int = 0
    keep: int = 16
    ahead: int = 0
    physics: Ranges | Mapping[str, Sequence[float]] | None = None
    max_objects: int | None = None
    image_size: tuple[int, int] = (84, 84)
    cameras: tuple[str, ...] = ("front",)
    shadow_size: int = 0
    points: int = 1024

    def __post_init__(self) -> None:
        if isinstance(self.recipe, PathLike):
            object.__setattr__(self, "recipe", fspath(self.recipe))
        for name in ("overrides", "cameras", "arm_base", "image_size"):
            object.__setattr__(self, name, _several(getattr(self, name), twice=name == "image_size"))
        choices = (("goal", Goal), ("action_mode", ActionMode), ("reward_mode", RewardMode), ("rules", Rules))
        for name, kind in choices:
            check_choice(name, getattr(self, name), get_args(kind))
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not (value is None and name in ("scenes", "max_objects")) and not _is_whole(value, least):
                raise EnvError(f"{name} must be a whole number of at least {least}, got {value!r}")
        if not isinstance(self.terminate_on_success, bool | np.bool_):
            raise EnvError(f"terminate_on_success must be true or false, got {self.terminate_on_success!r}")
        object.__setattr__(self, "physics", Ranges.of(self.physics))
        self._check_arm()
        size = self.image_size
        if not isinstance(size, tuple) or len(size) != 2 or not all(_is_whole(side, 16, 4096) for side in size):
            raise EnvError(f"image_size must be height and width of 16 to 4096 px, got {self.image_size!r}")
        for name, example in (("overrides", "scene.objects.count=3"), ("cameras", "front")):
            value = getattr(self, name)
            if not isinstance(value, tuple) or not all(isinstance(one, str) for one in value):
                raise EnvError(f'{name} must be texts such as ("{example}",), got {value!r}')
        if not self.cameras:
            raise EnvError('cameras names none; give names such as ("front",), or "recipe"')
        if len(set(self.cameras)) < len(self.cameras):
            raise EnvError(f"cameras names one twice: {', '.join(self.cameras)}")
        if "recipe" in self.cameras and len(self.cameras) > 1:
            raise EnvError('cameras="recipe" takes the views of the recipe alone; name no others beside it')

    def _check_arm(self) -> None:
        if self.arm is None:
            for name, given in (("arm_base", self.arm_base), ("action_mode", self.action_mode.startswith("joint_"))):
                if given:
                    raise EnvError(f'{name}={getattr(self, name)!r} needs an arm, for example arm="panda"')
            return
        if not isinstance(self.arm, str):
            raise EnvError(f'arm must be a name or a path, for example arm="panda", got {self.arm!r}')
        base = self.arm_base
        if base is not None and not (
            isinstance(base, tuple) and len(base) == 4 and all(isinstance(v, Real) and isfinite(v) for v in base)
        ):
            raise EnvError(f"arm_base must be x, y, z in m and degrees, got {self.arm_base!r}")


#: Settings that are whole numbers, and how large they are at least.
_LEAST = {
    "scenes": 1, "first_scene": 0, "run_seed": 0, "keep": 1, "ahead": 0, "points": 1, "max_objects": 1,
    "shadow_size": 0,
}  # fmt: skip


def _is_whole(value: Any, least: int, most: float = inf) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and least <= value <= most


def _several(given: Any, twice: bool) -> Any:
    """Return a tuple of what may be one alone, or a list as files of settings hold them."""
    if isinstance(given, int) and twice:
        return given, given
    if isinstance(given, str):
        return (given,)
    return tuple(given) if isinstance(given, list) else given


def check_choice(name: str, value: object, known: tuple[str, ...]) -> None:
    """Raise an EnvError where a value is none of those known."""
    if value not in known:
        raise EnvError(f"{name}: there is no {value!r}{nearest(str(value), known)}")
