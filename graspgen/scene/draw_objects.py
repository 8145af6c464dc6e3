"""Draw the objects of a scene: which, what they are made of, how they look, and where they are let go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from graspgen.grippers.gripper import load_gripper
from graspgen.objects.asset import Asset
from graspgen.objects.catalogue import Catalogue, numbers_of
from graspgen.objects.redistribute import com_offset
from graspgen.recipe import Objects, Recipe
from graspgen.scene.arena_plan import ArenaPlan
from graspgen.scene.arrange import Arrange, Thing
from graspgen.scene.arrange_drop import drop
from graspgen.scene.arrange_packed import packed
from graspgen.scene.arrange_pile import pile
from graspgen.scene.arrange_stack import stack
from graspgen.scene.draw_looks import draw_object_surface
from graspgen.scene.drawing import ARENA, OBJECT, matrix4, number, scene_stream, vector
from graspgen.scene.plan import ArrangementPlan, ObjectPlan
from graspgen.streams import Purpose

#: Share of the opening that the shortest side of an object that fits the hand takes at most.
_FITS = 0.9
#: What `scene.arrangement` may name.
ARRANGEMENTS: Mapping[str, Arrange] = {"drop": drop, "pile": pile, "packed": packed, "stack": stack}


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Which object comes, from which section of the recipe, and why."""

    spec: Objects
    role: Literal["target", "clutter", "distractor"]
    number: int
    scale: float
    asset: Asset
    rng: np.random.Generator


def draw_objects(
    recipe: Recipe,
    catalogue: Catalogue,
    seed: int,
    key: tuple[int, int],
    count: int,
    arena: ArenaPlan,
    distractors: int = 0,
) -> tuple[tuple[ObjectPlan, ...], ArrangementPlan]:
    """Draw the `count` targets of the scene and attempt `key`, its contextual `distractors`, and where all go.

    Objects that find no room are left out; the others have dense ids.

    Raises:
        NoRoom: they do not fit.
        ObjectError: an asset cannot be made or read.
    """
    contextual = recipe.scene.distractors.contextual
    drawn = [_which(recipe, catalogue, seed, key, i, i > count) for i in range(1, count + distractors + 1)]
    things = [Thing(d.asset.scaled(d.scale), d.rng) for d in drawn]
    whole = scene_stream(seed, Purpose.ARRANGEMENT, key, ARENA, 0)
    arranged = ARRANGEMENTS[recipe.scene.arrangement](recipe.scene, arena, things, whole)
    plans: list[ObjectPlan] = []
    ids: dict[int, int] = {}
    for i, (d, T) in enumerate(zip(drawn, arranged.poses, strict=True)):
        if T is None:
            continue
        ids[i] = len(plans) + 1
        spec, asset = d.spec, d.asset
        material = scene_stream(seed, Purpose.MATERIAL, key, OBJECT, i + 1)
        density = number(spec.density, material, asset.density)
        friction = (
            number(spec.friction, material, asset.friction),
            number(spec.torsional_friction, material),
            number(spec.rolling_friction, material),
        )
        share = [number(spec.com_offset, material) for _ in range(3)]
        made_of = str(asset.params.get("material", ""))
        spread = [number(spec.inertia_scale, material) for _ in range(3)]
        plans.append(
            ObjectPlan(
                instance_id=ids[i],
                asset=d.number,
                scale=d.scale,
                density=density,
                friction=friction,
                com_offset=vector(com_offset(asset.scaled(d.scale), share)),
                inertia_scale=vector(spread),
                made_of=made_of,
                surface=draw_object_surface(recipe.render, seed, key, ids[i], made_of),
                T_world_object_dropped=matrix4(T),
                role=d.role,
                labelled=d.role == "target" or contextual.labelled,
            )
        )
    upon = tuple((ids[above], ids[below]) for above, below in arranged.plan.upon)
    return tuple(plans), arranged.plan.model_copy(update={"upon": upon})


def _which(
    recipe: Recipe, catalogue: Catalogue, seed: int, key: tuple[int, int], draw: int, distractor: bool
) -> _Drawn:
    """Draw which object comes as number `draw`; its stream goes on with where it is put."""
    contextual = recipe.scene.distractors.contextual
    spec = contextual.objects if distractor and contextual.objects is not None else recipe.objects
    role = contextual.role if distractor else "target"
    numbers: Sequence[int] = numbers_of(catalogue, role)
    if role == "target" and spec.featured and draw <= spec.featured_count:
        wanted = sorted(number for name in spec.featured for number in catalogue.by_class.get(name, ()))
        numbers = wanted or numbers
    rng = scene_stream(seed, Purpose.ARRANGEMENT, key, OBJECT, draw)
    asset_number = numbers[min(int(rng.random() * len(numbers)), len(numbers) - 1)]
    scale, asset = number(spec.scale, rng), catalogue.asset(asset_number)
    fits = scene_stream(seed, Purpose.ARRANGEMENT, key, OBJECT, draw, 1).random() < spec.fits_hand
    if fits and role == "target":
        shortest = float(np.ptp(asset.mesh.bounds, axis=0).min())
        scale = min(scale, _FITS * _opening(recipe.gripper) / max(shortest, 1e-6))
    return _Drawn(spec, role, asset_number, scale, asset, rng)


@cache
def _opening(gripper: str) -> float:
    """Return how far a gripper opens, m; without limit for cups, which objects of any size fit."""
    hand = load_gripper(gripper)
    return np.inf if hand.suction else hand.file.stroke
