"""What a recipe says about recorded trials."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from graspgen.recipe.section import Section


class Sequence(Section):
    """Trials in the scene (`grasps.in_scene`) that are recorded frame by frame: poses, velocities, contacts, images.

    Which ones is not random. Images of frames are OpenGL's, in the looks of the camera's view, without flying
    distractors.
    """

    per_scene: Annotated[int, Field(ge=0, le=1000)] = 0
    """Trials of every scene that are recorded, as far as it has so many."""
    choose: Literal["success", "any", "outcomes"] = "success"
    """Which: `success` takes those that held first, `any` whatever became of them, both of each object in turn;
    `outcomes` takes one of each outcome in turn, from the code 0. All in the order of the grasps."""
    fps: Annotated[float, Field(ge=1, le=250)] = 20.0
    """Frames a second, as near as whole steps of the simulation come to it; the last frame is the end of the trial."""
    cameras: tuple[Annotated[int, Field(ge=0, lt=1000)], ...] = (0,)
    """Numbers of the scene's views, from 0, whose cameras see every frame; [] stores no images of frames."""

    @model_validator(mode="after")
    def _different(self) -> Sequence:
        if len(set(self.cameras)) < len(self.cameras):
            raise ValueError(f"cameras names one twice: {list(self.cameras)}")
        return self
