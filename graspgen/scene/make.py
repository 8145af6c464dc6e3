"""Make a settled scene: draw, build, settle, and draw again what does not come to rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from graspgen.errors import SceneError
from graspgen.frames import Array
from graspgen.objects.asset import Asset
from graspgen.objects.catalogue import Catalogue, KeptCatalogue
from graspgen.recipe import Recipe
from graspgen.recipe.scene import ARENAS
from graspgen.scene.arena_cell import load_cell
from graspgen.scene.arrange import NoRoom
from graspgen.scene.build import build_world
from graspgen.scene.draw import draw_plan
from graspgen.scene.place_views import place_views
from graspgen.scene.plan import ScenePlan
from graspgen.scene.refusal import Refusal
from graspgen.scene.settle import settle
from graspgen.scene.world import SettledScene


def settled_scene(
    recipe: Recipe,
    catalogue: Catalogue,
    seed: int,
    index: int,
    steered: Callable[[int], Recipe] | None = None,
    views: bool = True,
) -> SettledScene:
    """Make scene `index` of the run `seed`, at rest.

    A refused scene is drawn again as the next attempt, so the result depends on the recipe, the
    catalogue, the seed and the index only; and on what `steered` gives, the recipe of each attempt. `views`: whether it
    is to be seen; it changes nothing else.

    Raises:
        ObjectError: an asset cannot be made or read.
        SceneError: no attempt came to rest.
    """
    kept = KeptCatalogue(catalogue)
    refused: list[tuple[str, str]] = []
    for attempt in range(recipe.scene.settle.attempts):
        recipe = steered(attempt) if steered else recipe
        try:
            plan = draw_plan(recipe, kept, seed, index, attempt)
        except NoRoom as error:
            refused.append((str(Refusal.NO_ROOM), str(error)))
            continue
        scene = settle_plan(recipe, kept, plan, views)
        if scene.settled:
            scene = place_views(recipe.views, scene, assets_of(kept, plan, fixtures(recipe)))
        if scene.settled:
            return replace(scene, refused=tuple(refused))
        refused.append((scene.refusal or str(Refusal.CAMERA), scene.reason))
    reason = refused[-1][1]
    advice = "" if reason.startswith("camera") else "; drop fewer or lower (scene.objects), or relax scene.settle"
    kinds = ", ".join(f"{kind} {n}" for kind, n in Counter(kind for kind, _ in refused).most_common())
    raise SceneError(
        f"scene {index} of seed {seed} did not settle in {recipe.scene.settle.attempts} attempts ({kinds}), "
        f"the last because: {reason}{advice}"
    )


def settle_plan(
    recipe: Recipe, assets: Catalogue | Mapping[int, Asset], plan: ScenePlan, views: bool = True
) -> SettledScene:
    """Build a planned scene and let it settle, once; `recipe` gives the thresholds only.

    Args:
        recipe: the run's recipe.
        assets: the run's catalogue, or its unscaled assets by number.
        plan: the scene.
        views: whether it is to be seen.

    Raises:
        ObjectError: an asset cannot be made or read.
        SceneError: the scene cannot be built.
    """
    if not isinstance(assets, Mapping):
        assets = assets_of(assets, plan, fixtures(recipe))
    world = build_world(plan, assets, views=views, walls=bool(plan.arrangement.walls))
    return settle(world, recipe.scene.settle, assets)


def settle_again(recipe: Recipe, settled: SettledScene, poses: Mapping[int, Array]) -> SettledScene | None:
    """Let some of a scene's objects come to rest from wherever they are; None where none is given.

    Args:
        recipe: gives the thresholds only.
        settled: the scene.
        poses: (4, 4) by instance id, world frame.

    Raises:
        SceneError: the scene cannot be built.
    """
    if not poses:
        return None
    plan, assets, views = settled.world.plan, settled.world.assets, len(settled.world.camera_ids) > 0
    world = build_world(plan, assets, T_world_object=poses, instances=list(poses), views=views)
    return settle(world, recipe.scene.settle, assets)


def assets_of(catalogue: Catalogue, plan: ScenePlan, arena: Mapping[int, Asset]) -> dict[int, Asset]:
    """Return the unscaled assets that a plan is built from, by number.

    Args:
        catalogue: the run's.
        plan: the scene.
        arena: the meshes of its arena, by their negative numbers.

    Raises:
        ObjectError: an asset cannot be made or read.
    """
    return {n: catalogue.asset(n) for n in sorted({o.asset for o in plan.objects})} | dict(arena)


def fixtures(recipe: Recipe) -> Mapping[int, Asset]:
    """Return the meshes of the recipe's arena by their negative numbers; shipped arenas have none.

    Raises:
        SceneError: a user's MJCF cannot be an arena.
    """
    if recipe.scene.arena in ARENAS:
        return {}
    return load_cell(recipe.scene.arena, recipe.scene.cell).assets
