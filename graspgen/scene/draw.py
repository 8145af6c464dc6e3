"""Draw the plan of a scene from a recipe: the only place where a recipe meets randomness.

Every purpose has its own stream, keyed further by object, view or light, and every value of a
recipe takes exactly one uniform number of its stream. So a knob of one object, one view or one
purpose moves no other draw, the objects of a scene stay when it gets one more, and nothing depends
on which values are constants.
"""

from __future__ import annotations

import math

from graspgen.objects.catalogue import Catalogue
from graspgen.recipe import Recipe
from graspgen.recipe.arenas import Bin, Cell, Conveyor, Shelf, Table, Tray
from graspgen.recipe.scene import ARENAS
from graspgen.scene.draw_arena import draw_arena
from graspgen.scene.draw_objects import draw_objects
from graspgen.scene.draw_views import draw_views
from graspgen.scene.drawing import CONTEXTUAL, SCENE, number, scene_stream
from graspgen.scene.plan import ScenePlan
from graspgen.scene.room import with_room
from graspgen.streams import Purpose


def draw_plan(recipe: Recipe, catalogue: Catalogue, seed: int, index: int, attempt: int = 0) -> ScenePlan:
    """Draw every random value of scene `index` of the run `seed`.

    Args:
        recipe: what is random and how.
        catalogue: where the objects come from.
        seed: the run's seed, >= 0.
        index: the scene's number in the run, >= 0.
        attempt: how often this scene was refused; every attempt draws anew.

    Raises:
        ObjectError: an asset cannot be made or read.
        NoRoom: the objects of this attempt do not fit.
        SceneError: a user's MJCF cannot be an arena.
    """
    key = (index, attempt)
    count = int(number(recipe.scene.objects.count, scene_stream(seed, Purpose.ARRANGEMENT, key)))
    distractors = recipe.scene.distractors
    others = number(distractors.contextual.count, scene_stream(seed, Purpose.ARRANGEMENT, key, CONTEXTUAL))
    scene = scene_stream(seed, Purpose.MATERIAL, key)
    friction, gravity = (number(d, scene) for d in (_support(recipe).friction, recipe.scene.gravity))
    expert = scene_stream(seed, Purpose.MATERIAL, key, SCENE, 1)
    tilt, turn = math.radians(number(recipe.scene.tilt_deg, expert)), 2 * math.pi * expert.random()
    softer, wider = (number(d, expert) for d in (recipe.scene.contact_softness, recipe.scene.contact_depth))
    arena = draw_arena(recipe, seed, key, friction)
    objects, arrangement = draw_objects(recipe, catalogue, seed, key, count, arena, int(others))
    views = draw_views(recipe, seed, key, objects, arena.own_colours)
    return ScenePlan(
        seed=seed,
        index=index,
        attempt=attempt,
        task=recipe.task,
        gravity=gravity,
        gravity_direction=(math.sin(tilt) * math.cos(turn), math.sin(tilt) * math.sin(turn), -math.cos(tilt))
        if tilt
        else (0.0, 0.0, -1.0),
        contact_softness=softer,
        contact_depth=wider,
        arena=with_room(arena, views),
        arrangement=arrangement,
        objects=objects,
        views=views,
        flying_max_hidden=distractors.most_hidden,
        grasp_stream=key,
    )


def _support(recipe: Recipe) -> Table | Bin | Tray | Shelf | Conveyor | Cell:
    """Return the section of the recipe's arena."""
    name = recipe.scene.arena
    return getattr(recipe.scene, name if name in ARENAS else "cell")
