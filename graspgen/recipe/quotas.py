"""What a recipe says about how much there should be of what: quotas, and named edge cases."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from graspgen.errors import nearest
from graspgen.grasps.outcomes import Outcome
from graspgen.recipe.section import Section

#: What can be measured of a view, an object or a grasp, and what that is. `graspgen.dataset.edge_measures` measures it.
MEASURES: dict[str, dict[str, str]] = {
    "view": {
        "luminance": "median luminance of the colour image (Rec. 709 weights on sRGB values), 0 … 1",
        "saturated": "share of pixels of which red, green and blue are all at least 250 of 255",
        "nearest": "planar depth of the nearest object of which something is seen, m",
        "least_visible": "smallest share that is not hidden by others, of objects of which something is seen",
        "least_in_frame": "smallest share that is inside the image, of objects of which something is seen",
        "fewest_pixels": "pixels of the object that shows fewest, of those of which something is seen",
    },
    "object": {
        "smallest_side": "shortest side of its box along the asset's axes, m",
        "largest_side": "longest side of that box, m",
        "wall_distance": "horizontal distance of its surface to the nearest wall of a bin or tray, m; NaN without",
        "asymmetry": "mean distance, as a share of the box's diagonal, between its surface and itself turned by 90° or "
        "180° about an axis of its box: the smallest that is not 0 (below 0.003)",
    },
    "grasp": {
        "success_rate": "share of its repeated free trials that held; NaN without any (`grasps.draws`)",
        "friction_margin": "its object's friction over the smallest that holds; NaN without (`grasps.min_friction`)",
    },
}

#: Sections and keys that hold for a whole run, so that no single scene can have others.
FIXED = (
    "task", "description", "gripper", "quotas", "focus", "demos", "objects.library", "objects.faces",
    "objects.families", "objects.parameters", "objects.pool", "objects.refused", "objects.split", "objects.classes",
    "scene.settle", "scene.pile.wait", "scene.distractors.contextual", "scene.cell", "views.per_scene", "views.width",
    "views.height", "views.K", "views.cameras", "views.modalities", "views.sensor", "views.sequence",
    "views.ignore_below", "render.mix", "render.mixed", "render.preset", "render.images", "render.background.images",
    "grasps.profile", "grasps.database", "grasps.min_friction", "grasps.approach_axis", "grasps.approach_cone_deg",
    "grasps.approach", "grasps.force", "storage",
)  # fmt: skip


def _target(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"expected a whole number, or a share up to 1.0, got {value!r}")
    if value <= 0 or (isinstance(value, float) and value > 1):
        raise ValueError(f"expected a whole number above 0, or a share up to 1.0, got {value!r}")
    return value


def _bin(name: str) -> str:
    ends_of(name)
    return name


def ends_of(name: str) -> tuple[float, float]:
    """Return both ends of a bin that is written "low-high", such as "0.3-0.6".

    Raises:
        ValueError: it is written otherwise, or low is not below high.
    """
    low, _, high = name.partition("-")
    try:
        ends = float(low), float(high)
    except ValueError:
        raise ValueError(f"'{name}' is no bin low-high, such as '0.3-0.6'") from None
    if not 0 <= ends[0] < ends[1]:
        raise ValueError(f"the bin '{name}' is empty; its low end must be >= 0 and below its high end")
    return ends


def _outcome(name: str) -> str:
    known = [o.name.lower() for o in Outcome if o is not Outcome.NOT_TRIED]
    if name not in known:
        raise ValueError(f"there is no outcome '{name}'{nearest(name, known)}")
    return name


#: A whole number is a count, a number with a point a share of all: 1 is one, 1.0 all.
Target = Annotated[int | float, BeforeValidator(_target)]
_Bin = Annotated[str, AfterValidator(_bin)]


class EdgeCase(Section):
    """A named edge case: how a scene is drawn for it, and what must be measured of what came of it."""

    description: str = ""
    """One sentence for people."""
    of: Literal["view", "object", "grasp"]
    """What has it, and is counted."""
    where: Mapping[str, tuple[float | None, float | None]] = Field(min_length=1)
    """Measures and their [low, high), none for no limit: what has the edge case is within all of them."""
    overlay: Mapping[str, Any] = {}
    """Keys of the recipe, dotted, with the values that scenes of this edge case have instead."""

    def told(self) -> list[str]:
        """Return its conditions as people write them."""
        return [
            " ".join(
                filter(
                    None, (f"{low:g} <=" if low is not None else "", name, f"< {high:g}" if high is not None else "")
                )
            )
            for name, (low, high) in self.where.items()
        ]

    @model_validator(mode="after")
    def _known(self) -> EdgeCase:
        for name, (low, high) in self.where.items():
            if name not in MEASURES[self.of]:
                raise ValueError(f"where: no measure '{name}' of a {self.of}{nearest(name, MEASURES[self.of])}")
            if low is not None and high is not None and low >= high:
                raise ValueError(f"where.{name}: low, {low:g}, is not below high, {high:g}")
        for key in self.overlay:
            fixed = next((f for f in FIXED if key == f or key.startswith(f"{f}.")), None)
            if fixed:
                raise ValueError(f"overlay: {fixed} holds for the whole run; an edge case cannot change it")
        return self


class Quotas(Section):
    """How much there should be of what, at least: a whole number counts, a number up to 1.0 is a share of all.

    Scenes are drawn in rounds. What a round draws follows from what the rounds before it gave. A run with counts ends
    when all are met; shares alone never end one.
    """

    classes: Mapping[str, Target] = {}
    """Targets in the scenes by their class: `{mug: 200, bowl: 0.1}`."""
    outcomes: Mapping[Annotated[str, AfterValidator(_outcome)], Target] = {}
    """Grasps by the outcome of their free trial: `{success: 0.4, slipped: 500}`."""
    visibility: Mapping[_Bin, Target] = {}
    """Objects in views (rows of `annotations` with a pixel in the image) by `visibility`: `{0-0.3: 0.2}`."""
    distance: Mapping[_Bin, Target] = {}
    """Objects that are seen in views by their planar depth, m; `{0.4-0.6: 0.3, 0.6-0.8: 0.3}`."""
    engines: Mapping[Literal["opengl", "filament"], Target] = {}
    """Views by what renders them: `{filament: 0.2}`."""
    edge_cases: Mapping[str, Target] = {}
    """Views, objects or grasps that are an edge case by its definition: `{dark: 50, thin: 0.1}`; `graspgen edge-cases`
    lists those that there are."""
    cases: Mapping[str, EdgeCase] = {}
    """Edge cases of your own, by name; those that come with graspgen and are asked for are filled in when the recipe is
    read."""
    round: Annotated[int, Field(ge=1, le=100_000)] = 32
    """Most scenes of a round, while these are more than a quarter of those that there are (unit: scenes)."""
    tolerance: float = Field(0.02, ge=0, le=0.5)
    """A share is met when no more than this is missing."""

    @property
    def targets(self) -> dict[str, dict[str, int | float]]:
        """What is asked for: dimension → name → count (int) or share (float); dimensions without any are not in it."""
        names = ("classes", "outcomes", "visibility", "distance", "engines", "edge_cases")
        return {name: dict(getattr(self, name)) for name in names if getattr(self, name)}

    @property
    def bits(self) -> dict[str, int]:
        """The bit of each edge case in the column `edge_cases`: its place in `cases`, sorted by name."""
        return {name: bit for bit, name in enumerate(sorted(self.cases))}

    @model_validator(mode="after")
    def _consistent(self) -> Quotas:
        for dimension, wanted in self.targets.items():
            shares = sum(value for value in wanted.values() if isinstance(value, float))
            if shares > 1 + 1e-9:
                raise ValueError(f"{dimension}: the shares are {shares:g} together; they cannot be more than 1")
        for dimension in ("visibility", "distance"):
            ends = sorted(ends_of(name) for name in getattr(self, dimension))
            for (_, high), (low, _) in pairwise(ends):
                if low < high:
                    raise ValueError(f"{dimension}: bins overlap between {low:g} and {high:g}")
        missing = [name for name in self.edge_cases if name not in self.cases]
        if missing:
            raise ValueError(f"edge_cases: there is no edge case '{missing[0]}'{nearest(missing[0], self.cases)}")
        if len(self.cases) > 32:
            raise ValueError(f"cases: {len(self.cases)} edge cases; at most 32")
        return self
