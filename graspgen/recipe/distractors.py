"""What a recipe says about distractors: things in a scene that are not to be grasped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator

from graspgen.distributions import Distribution, Name, Number, Whole
from graspgen.errors import nearest
from graspgen.looks import KINDS
from graspgen.recipe.looks import Colour, Surface
from graspgen.recipe.objects import Objects
from graspgen.recipe.section import Section, default

#: Shapes of flying distractors.
SHAPES = ("box", "sphere", "cylinder", "cone", "capsule", "pyramid", "prism", "octahedron")


class Contextual(Section):
    """Objects that settle with the others, after them, and get ids and poses, but no grasps."""

    count: Whole("objects", 0, 64) = default(0)
    """Contextual distractors dropped in a scene, besides `scene.objects.count`."""
    objects: Objects | None = None
    """What they are drawn from and made of, a section like `objects`; none draws from the run's own objects."""
    role: Literal["distractor", "clutter"] = "distractor"
    """What `objects.role` calls them."""
    labelled: bool = True
    """Whether masks show their ids and `annotations` has rows of them; if not, masks show 0 where they are seen."""


class Flying(Section):
    """Geometric shapes in the air, drawn anew for every view: they are seen, and touch nothing."""

    count: Whole("shapes", 0, 64) = default(0)
    """Flying distractors of a view."""
    shapes: Name = default({"choice": list(SHAPES)})
    """Shapes to draw from."""
    size: Number("m", 0.002, 1) = default({"log_uniform": [0.015, 0.08]})
    """Longest side of the box about a shape."""
    aspect: Number("", 0.05, 1) = default({"uniform": [0.4, 1]})
    """Each side of the box about a shape as a share of `size`, drawn for x, for y and for z."""
    depth: Number("", 0.01, 1) = default({"uniform": [0.3, 0.95]})
    """How far a shape is away, as a share of the way from the camera along its ray to the plane of the support; its
    place in the image is uniform."""
    surface: Surface = Surface(
        texture=default({"choice": list(KINDS)}),
        scale=default({"log_uniform": [0.01, 0.1]}),
        colour=Colour(saturation=default({"uniform": [0, 1]})),
        specular=default({"uniform": [0, 0.6]}),
        shininess=default({"uniform": [0.1, 0.9]}),
    )
    """How each of them looks."""
    max_hidden: float | None = Field(0.3, ge=0, le=1)
    """Largest share of the pixels of a target, of those to be seen without flying distractors, that all of a view
    together may hide: as long as they hide more, the one that hides most is left out. None sets no limit."""

    @field_validator("shapes")
    @classmethod
    def _known(cls, shapes: Distribution) -> Distribution:
        for name in shapes.options:
            if name not in SHAPES:
                raise ValueError(f"unknown shape '{name}'{nearest(str(name), SHAPES)}")
        return shapes


class Distractors(Section):
    """Things that are not to be grasped."""

    contextual: Contextual = Contextual()
    flying: Flying = Flying()
    mixed: Mapping[str, Flying] = {}
    """What flies in the views of each preset of `render.mix`; filled in when the recipe is read."""

    @property
    def most_hidden(self) -> float | None:
        """Share of a target that what flies in a view may hide: the smallest of all presets that let something fly."""
        flying = [f for f in (self.mixed.values() or (self.flying,)) if f.count.support[1] > 0] or [self.flying]
        return min((f.max_hidden for f in flying if f.max_hidden is not None), default=None)
