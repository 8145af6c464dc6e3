"""Scenes that episodes are played in: made from a recipe when they are needed, the last few kept."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from graspgen.arms.arm import load_arm
from graspgen.arms.mount import mounted
from graspgen.env.ahead import Ahead
from graspgen.env.cameras import with_cameras
from graspgen.env.errors import EnvError
from graspgen.env.physics import Physics
from graspgen.env.seen import images_of
from graspgen.env.simulation import Simulation
from graspgen.env.spec import TaskSpec
from graspgen.errors import SceneError
from graspgen.frames import Array
from graspgen.grasps.profile import Profile, load_profile
from graspgen.grasps.scene_model import SceneModel, scene_trial_model
from graspgen.grippers.gripper import Gripper, load_gripper
from graspgen.looks.images import ImageStore
from graspgen.objects.catalogue import Catalogue, KeptCatalogue
from graspgen.objects.library import run_catalogue
from graspgen.recipe import Recipe
from graspgen.recipe_file import load_recipe
from graspgen.scene.arena_plan import PLANE_HALF_SIDE
from graspgen.scene.make import settle_again, settled_scene
from graspgen.scene.world import SettledScene

#: Assets that are kept in memory.
_ASSETS = 256
#: How far above the highest thing the tool point starts, m, and at least how high.
_CLEAR, _LEAST_HEIGHT = 0.08, 0.2


@dataclass(frozen=True, eq=False)
class Place:
    """A settled scene, ready for a hand.

    Attributes:
        settled: the scene.
        scene: its trial model.
        sim: the simulation of it; scenes that are played again reuse it.
        views: whether it can be seen.
        images: the user's images that it wears.
        key: of the recipe, and number of the scene; None where some of its objects were taken away.
        force: that the recipe's grasps ask for, N; None for the gripper's usual one.
    """

    settled: SettledScene
    scene: SceneModel
    sim: Simulation
    views: bool
    images: ImageStore | None = None
    key: tuple[int, int] | None = None
    force: float | None = None

    def copy(self) -> Place:
        """Return the same place with a model and a simulation of its own."""
        scene = replace(self.scene, model=copy.copy(self.scene.model))
        return replace(self, scene=scene, sim=Simulation(scene.model))

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """(k,) instance ids of the objects."""
        return np.array([o.plan.instance_id for o in self.settled.world.objects], np.int64)

    @cached_property
    def physics(self) -> Physics:
        """Masses and frictions of the objects."""
        return Physics(self.settled, self.scene)

    @cached_property
    def com(self) -> Array:
        """(k, 3) centres of mass, object frame, m."""
        return np.array([o.asset.com for o in self.settled.world.objects], float).reshape(-1, 3)

    @cached_property
    def centre(self) -> Array:
        """(k, 3) centres of the objects' boxes, object frame, m."""
        return self._bounds.mean(axis=1)

    @cached_property
    def half(self) -> Array:
        """(k, 3) half-sizes of the boxes, m."""
        return (self._bounds[:, 1] - self._bounds[:, 0]) / 2

    @cached_property
    def _bounds(self) -> Array:
        return np.array([o.asset.mesh.bounds for o in self.settled.world.objects], float).reshape(-1, 2, 3)

    @cached_property
    def belt(self) -> Array:
        """(3,) velocity of the belt, m/s."""
        return np.array(self.settled.world.plan.arena.belt_velocity, float)

    @cached_property
    def home_height(self) -> float:
        """Height at which the tool point starts, above everything in the scene, m."""
        R, t = self.settled.T_world_object[:, :3, :3], self.settled.T_world_object[:, :3, 3]
        centre = t + np.einsum("kij,kj->ki", R, self.centre)
        top = centre[:, 2] + (np.abs(R[:, 2]) * self.half).sum(axis=1)
        return max(_LEAST_HEIGHT, float(top.max()) + _CLEAR, self.settled.world.plan.arena.rim + _CLEAR)

    @property
    def belt_size(self) -> Array | None:
        """(2,) half-length and half-width of the belt that objects ride on, m; None where there is none."""
        arena = self.settled.world.plan.arena
        if not arena.is_moving:
            return None
        return np.array(next(g for g in arena.geoms if any(g.surface_velocity)).size[:2])

    def ends(self, fallen: float) -> tuple[Array, Array]:
        """Return the (3,) corners of the box within which an object is in the arena, m; `fallen` m below its top."""
        inside = self.settled.world.plan.arena.inside
        low, high = np.full(3, -PLANE_HALF_SIDE), np.full(3, PLANE_HALF_SIDE)
        low[2] = -fallen
        if inside is not None:
            low[:2], high[:2] = inside[:2], inside[2:]
        if self.belt_size is not None:
            low[:2], high[:2] = np.maximum(low[:2], -self.belt_size), np.minimum(high[:2], self.belt_size)
        return low, high

    def target_number(self, instance: int | None, choice: float) -> int:
        """Return the number of an object: of an instance id, or drawn by a number in 0…1 among those to be grasped.

        Raises:
            EnvError: no object has this id.
        """
        if instance is None:
            among = self.settled.world.targets
            return int(among[int(choice * len(among))])
        found = np.flatnonzero(self.ids == instance)
        if not len(found):
            raise EnvError(f"the scene holds no object {instance!r}; its instance ids: {self.ids.tolist()}")
        return int(found[0])


class Scenes:
    """Places by recipe and number.

    Attributes:
        players: how many play scenes at a time: each on a model of its own that it gives back; to a single one the kept
            scenes themselves are given.

    Args:
        spec: of the task.
        views: whether the scenes are to be seen.
    """

    def __init__(self, spec: TaskSpec, views: bool) -> None:
        self._spec, self.views, self.players = spec, views, 0
        self._sources: dict[int, _Source] = {}
        self._places: OrderedDict[tuple[int, int], Place] = OrderedDict()
        self._free: list[Place] = []
        self._coming: dict[Hashable, Sequence[int]] = {}
        self._names: dict[str, Recipe] = {}
        self.recipe = self._recipe(spec.recipe)
        self.carrier = None if spec.arm is None else mounted(load_arm(spec.arm), spec.arm_base)
        self.ahead = Ahead(spec, views) if spec.ahead else None

    def source(self, recipe: Recipe) -> _Source:
        """Return what the scenes of a recipe share, made once."""
        if id(recipe) not in self._sources:
            self._sources[id(recipe)] = _Source.of(recipe, self._spec.run_seed, self.views)
        return self._sources[id(recipe)]

    def chosen(self, given: str | Recipe | None) -> Recipe:
        """Return the recipe of a reset: the task's own where None is given.

        Raises:
            RecipeError: it is unknown or not valid.
        """
        return self.recipe if given is None else self._recipe(given)

    def place(self, recipe: Recipe, number: int, back: Place | None = None) -> Place:
        """Return scene `number` of a recipe.

        Args:
            recipe, number: which scene.
            back: the place that the caller was in, which others may have now.

        Raises:
            SceneError: it does not come to rest.
        """
        kept = self._kept((id(recipe), number), recipe)
        if self.players < 2:
            return kept
        if back is not None and back.key is not None:
            self._free.append(back)
        for place in self._free:
            if place.key == kept.key:
                self._free.remove(place)
                return place
        while len(self._free) > self.players:
            self._free.pop(0)
        return kept.copy()

    def _kept(self, key: tuple[int, int], recipe: Recipe) -> Place:
        if key in self._places:
            self._places.move_to_end(key)
            return self._places[key]
        source = self.source(recipe)
        made = self.ahead.take(key[1]) if self.ahead is not None and recipe is self.recipe else None
        if made is not None:
            settled, scene = made
            place = Place(settled, scene, Simulation(scene.model), self.views, source.images, key)
        else:
            settled = settled_scene(recipe, source.catalogue, self._spec.run_seed, key[1], views=self.views)
            place = self._made(source, settled, key)
        return self._keep(key, place)

    def expect(self, who: Hashable, numbers: Sequence[int]) -> None:
        """Let scenes of the task's own recipe be made that a player will ask for soon, and no others for it."""
        if self.ahead is not None:
            self._coming[who] = numbers
            coming = dict.fromkeys(number for each in self._coming.values() for number in each)
            new = [number for number in coming if (id(self.recipe), number) not in self._places]
            self.ahead.forget(new)
            self.ahead.want(new)

    def close(self) -> None:
        """End the processes that make scenes ahead."""
        if self.ahead is not None:
            self.ahead.close()

    def put(self, settled: SettledScene) -> None:
        """Keep a settled scene, made elsewhere from the task's own recipe, as the scene of its number."""
        key = id(self.recipe), settled.world.plan.index
        self._keep(key, self._made(self.source(self.recipe), settled, key))

    def _keep(self, key: tuple[int, int], place: Place) -> Place:
        self._places[key] = place
        while len(self._places) > self._spec.keep:
            self._places.popitem(last=False)
        return place

    def again(self, recipe: Recipe, place: Place, poses: Mapping[int, Array]) -> Place | None:
        """Let some of a scene's objects, (4, 4) poses by instance id, come to rest anew; None where none is left.

        Raises:
            SceneError: they do not come to rest.
        """
        settled = settle_again(recipe, place.settled, poses)
        if settled is None or not settled.world.objects:
            return None
        if not settled.settled:
            number = place.settled.world.plan.index
            raise SceneError(f"scene {number} does not come to rest again: {settled.reason}")
        return self._made(self.source(recipe), settled)

    def _made(self, source: _Source, settled: SettledScene, key: tuple[int, int] | None = None) -> Place:
        scene = scene_trial_model(
            settled, source.gripper, source.profile, source.recipe.grasps.force, self.views, self.carrier
        )
        force = source.recipe.grasps.force
        return Place(settled, scene, Simulation(scene.model), self.views, source.images, key, force)

    def _recipe(self, given: str | Recipe) -> Recipe:
        if not isinstance(given, str | Recipe):
            raise EnvError(f"recipe must be a name, a path or a Recipe, got {given!r:.80}")
        # Recipes are told apart by their identity, so the same name or content must give the same one.
        key = given if isinstance(given, str) else given.model_dump_json()
        if key not in self._names:
            spec = self._spec
            loaded = load_recipe(given, list(spec.overrides)) if isinstance(given, str) else given
            self._names[key] = with_cameras(loaded, spec.cameras, spec.image_size)
        return self._names[key]


@dataclass(frozen=True, eq=False)
class _Source:
    """What the scenes of a recipe share."""

    recipe: Recipe
    catalogue: Catalogue
    gripper: Gripper
    profile: Profile
    images: ImageStore | None

    @classmethod
    def of(cls, recipe: Recipe, seed: int, views: bool) -> _Source:
        catalogue = KeptCatalogue(run_catalogue(recipe, seed), _ASSETS)
        gripper = load_gripper(recipe.gripper)
        return cls(
            recipe, catalogue, gripper, load_profile(recipe.grasps.profile), images_of(recipe) if views else None
        )
