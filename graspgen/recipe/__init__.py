"""What a recipe may say. A recipe names what is random and how; it never holds a drawn value.

Units are SI; a key in degrees ends in `_deg`. Every class here is a section of the YAML file; an unknown key is an
error.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from graspgen.recipe.arenas import Table
from graspgen.recipe.demos import Demos
from graspgen.recipe.distractors import Contextual, Distractors, Flying
from graspgen.recipe.focus import Focus
from graspgen.recipe.grasps import Grasps, InScene
from graspgen.recipe.looks import Colour, Lights, Render, Surface
from graspgen.recipe.objects import Objects
from graspgen.recipe.quotas import EdgeCase, Quotas
from graspgen.recipe.scene import Count, Scene, Settle
from graspgen.recipe.section import Section
from graspgen.recipe.storage import Storage
from graspgen.recipe.views import Views

__all__ = [
    "Colour", "Contextual", "Count", "Demos", "Distractors", "EdgeCase", "Flying", "Focus", "Grasps", "InScene",
    "Lights", "Objects", "Quotas", "Recipe", "Render", "Scene", "Section", "Settle", "Storage", "Surface", "Table",
    "Views",
]  # fmt: skip


class Recipe(Section):
    """A recipe: the whole description of a run."""

    task: Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")]
    """Name of the task, stored with every scene."""
    description: str = ""
    """One sentence for people."""
    gripper: str = "panda_hand"
    """Name of a shipped gripper (`graspgen grippers list`), path of a gripper's YAML or MJCF, or `menagerie:NAME`."""
    objects: Objects = Objects()
    scene: Scene = Scene()
    views: Views = Views()
    render: Render = Render()
    grasps: Grasps = Grasps()
    demos: Demos = Demos()
    quotas: Quotas = Quotas()
    focus: Focus = Focus()
    storage: Storage = Storage()

    @model_validator(mode="after")
    def _recorded_trials_are_made(self) -> Recipe:
        trials = self.grasps.in_scene
        if self.views.sequence.per_scene and not (trials.per_object or trials.share):
            raise ValueError(
                "views.sequence.per_scene records trials in the scene, but none are made; set grasps.in_scene.share"
            )
        return self
