"""What a recipe says about demonstrations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from graspgen.recipe.section import Section


class Demos(Section):
    """Episodes of the environment (`docs/environments.md`) in every scene, played by an expert that knows the labels.

    The first observation of an episode, every action and what came of it are stored; `graspgen demos` sets these keys.
    """

    per_scene: Annotated[int, Field(ge=0, le=1000)] = 0
    """Episodes of every scene; the hand starts each at another place."""
    task: Literal["Pick-v0", "PickTarget-v0"] = "Pick-v0"
    """What is to be done: lift any object, or a given one of them, drawn for each episode."""
    action_mode: Literal["delta4", "delta5", "delta6", "delta7", "absolute", "velocity"] = "delta7"
    """What actions mean; modes of fewer numbers reach fewer grasps."""
    reward_mode: Literal["sparse", "dense", "normalised_dense"] = "normalised_dense"
    """What is rewarded."""
    max_steps: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Actions after which an episode is cut short; one takes 40 ms."""
    choose: Literal["best", "central"] = "best"
    """Which grasp is followed: `best`, the surest label; `central`, one from above on the middle of the object's box,
    along one of its axes, where that holds: the state tells which, as cloning needs it."""
    keep: Literal["all", "success"] = "all"
    """Which episodes are stored: all of them, labelled by what became of them, or those that succeeded."""
    images: bool = False
    """Whether the scene's views see every step: colour, depth and ids, without flying distractors."""
    shadow_size: Annotated[int, Field(ge=0, le=8192)] = 0
    """Side of the shadow map of these images, texels; 0 for no shadows, which take most of an image's time."""
