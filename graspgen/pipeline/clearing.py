"""`graspgen.clear`: how well does a policy empty cluttered scenes?

The protocol is that of VGN (Breyer et al. 2020, section V): in each scene the policy sees the cameras' images and names
one grasp; it is tried among all objects; an object that is held is taken away; whatever moved stays moved. A scene ends
when it is empty, when the policy names no grasp, or after some failures in a row (two, as there).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.dataset.layout import MANIFEST
from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.errors import GraspgenError, SceneError
from graspgen.frames import Array
from graspgen.grasps.api import checked_poses
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile, as_profile, load_profile
from graspgen.grasps.scene_record import record_trial
from graspgen.grippers.gripper import Gripper, as_gripper, load_gripper
from graspgen.objects.library import open_catalogue
from graspgen.pipeline.scene_api import grip_widths, measured_widths, nearest_objects
from graspgen.pipeline.stored import stored_gripper, stored_profile, stored_recipe
from graspgen.pipeline.stored_scene import stored_scene
from graspgen.recipe import Recipe
from graspgen.recipe_file import load_recipe
from graspgen.render.views import render_scene
from graspgen.scene.make import settle_again, settled_scene
from graspgen.scene.world import SettledScene


@dataclass(frozen=True, eq=False)
class CameraImage:
    """What the policy sees through one camera.

    Attributes:
        name: of the camera.
        rgb: (H, W, 3) uint8, sRGB.
        depth: (H, W) float32, planar z, m; 0 where nothing was seen.
        instances: (H, W) uint8 instance ids, 0 the background: the truth, for baselines that may know it.
        K: (3, 3) camera matrix, px; the centre of pixel (0, 0) is (0.5, 0.5).
        distortion: (5,) OpenCV's k1, k2, p1, p2, k3.
        T_world_camera: (4, 4) pose of the OpenCV camera, as its calibration reports it.
    """

    name: str
    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    instances: NDArray[np.uint8]
    K: Array
    distortion: Array
    T_world_camera: Array


@dataclass(frozen=True, eq=False)
class Observation:
    """What the policy sees before a grasp.

    Attributes:
        scene: number of the scene.
        step: grasps tried in it so far.
        images: one for each camera.
        gripper: the hand.
    """

    scene: int
    step: int
    images: tuple[CameraImage, ...]
    gripper: Gripper


#: Names a grasp: the (4, 4) grasp frame in the world, alone or with the opening in m; None for no grasp.
Policy = Callable[[Observation], "ArrayLike | tuple[ArrayLike, float] | None"]


@dataclass(frozen=True, eq=False)
class Attempt:
    """A grasp that the policy named, and what came of it.

    Attributes:
        scene, step: which.
        target: instance id of the object at the tool point.
        T_world_grasp: (4, 4).
        width: opening before closing, m.
        outcome: `Outcome`; an object is taken away after SUCCESS only.
        lost: instance ids of the objects that left the arena after it.
    """

    scene: int
    step: int
    target: int
    T_world_grasp: Array
    width: float
    outcome: Outcome
    lost: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class ClearReport:
    """What the policy achieved.

    Attributes:
        attempts: all grasps, in order.
        objects: scene to the number of objects at its start.
        endings: scene to why it ended: "empty", "no grasp", "failures", "steps" or "refused: …" (it did not
            come to rest again).
    """

    attempts: tuple[Attempt, ...]
    objects: Mapping[int, int]
    endings: Mapping[int, str] = field(default_factory=dict)

    @property
    def successes(self) -> int:
        """Grasps that held."""
        return sum(a.outcome == Outcome.SUCCESS for a in self.attempts)

    @property
    def success_rate(self) -> float:
        """Share of the grasps that held; NaN where none was tried."""
        return self.successes / len(self.attempts) if self.attempts else float("nan")

    @property
    def cleared(self) -> float:
        """Share of all objects that were taken away; those that were lost are not among them."""
        total = sum(self.objects.values())
        return self.successes / total if total else float("nan")

    @property
    def outcomes(self) -> dict[str, int]:
        """Number of grasps by the name of their outcome."""
        return dict(Counter(a.outcome.name for a in self.attempts))

    def __str__(self) -> str:
        ended = Counter(ending.split(":")[0] for ending in self.endings.values())
        rate = f" ({self.success_rate:.1%})" if self.attempts else ""
        return (
            f"{len(self.objects)} scenes: {self.successes} of {len(self.attempts)} grasps held{rate}, "
            f"{self.cleared:.1%} of {sum(self.objects.values())} objects cleared; ended: "
            + ", ".join(f"{reason} {n}" for reason, n in ended.items())
        )


def clear(
    dataset_or_recipe: str | Path | Dataset | Recipe,
    policy: Policy,
    *,
    scenes: int | Sequence[int] | None = None,
    seed: int = 0,
    max_failures: int = 2,
    max_steps: int = 100,
    gripper: str | Path | Gripper | None = None,
    profile: str | Profile | None = None,
) -> ClearReport:
    """Run the clutter-removal protocol with a user's policy.

    The scenes are those of a dataset, as they settled, or are made from a recipe. Before every grasp the policy is
    given the images of the scene's cameras, rendered as the scene now lies. The object at the tool point is the target:
    the grasp succeeds when it is held and no other object comes along. Then it is taken away; after a failure it falls
    back. In either case the others come to rest again from wherever the hand has left them.

    Example:
        >>> import graspgen
        >>> report = graspgen.clear("pile", lambda observation: None, scenes=1)
        >>> report.endings
        {0: 'no grasp'}

    Args:
        dataset_or_recipe: a dataset or its folder; or a recipe, the name of a shipped one, or the path of a YAML file.
        policy: called with an `Observation`; returns the (4, 4) grasp frame in the world (z approach, y closing
            direction, origin at the tool point), or that and the opening in m, or None for no grasp.
        scenes: how many of the first scenes, or which; None for all of a dataset, 10 of a recipe.
        seed: of the scenes made from a recipe.
        max_failures: a scene ends after this many failures in a row.
        max_steps: a scene ends after this many grasps.
        gripper: None for the dataset's or the recipe's own.
        profile: None for the dataset's or the recipe's own.

    Raises:
        SceneError: an argument is not valid, or what the policy returned is no grasp.
        GraspgenError: the dataset, a recipe's scene, the gripper or the profile cannot be used.
    """
    if not callable(policy):
        raise SceneError(f"the policy must be a function of an Observation, got {policy!r}")
    for name, least in (("max_failures", max_failures), ("max_steps", max_steps)):
        if least < 1:
            raise SceneError(f"{name} must be at least 1, got {least}")
    source = _source(dataset_or_recipe, seed)
    try:
        rules = _Rules(
            policy,
            source.recipe,
            source.gripper if gripper is None else as_gripper(gripper),
            source.profile if profile is None else as_profile(profile),
            max_failures,
            max_steps,
        )
        attempts: list[Attempt] = []
        objects: dict[int, int] = {}
        endings: dict[int, str] = {}
        for number in _numbers(scenes, source.numbers):
            settled = source.make(number)
            objects[number] = len(settled.world.objects)
            endings[number] = _clear_scene(rules, settled, attempts)
        return ClearReport(tuple(attempts), objects, endings)
    finally:
        source.close()


@dataclass(frozen=True, eq=False)
class _Source:
    """Where scenes come from."""

    recipe: Recipe
    gripper: Gripper
    profile: Profile
    numbers: Sequence[int]
    make: Callable[[int], SettledScene]
    close: Callable[[], None]


def _source(given: str | Path | Dataset | Recipe, seed: int) -> _Source:
    if isinstance(given, str | Path) and (Path(given) / MANIFEST).is_file():
        dataset = open_dataset(given)
        return _of_dataset(dataset, dataset.close)
    if isinstance(given, Dataset):
        return _of_dataset(given, lambda: None)
    recipe = given if isinstance(given, Recipe) else load_recipe(str(given))
    catalogue = open_catalogue(recipe.objects, seed)
    return _Source(
        recipe,
        load_gripper(recipe.gripper),
        load_profile(recipe.grasps.profile),
        range(10),
        lambda number: settled_scene(recipe, catalogue, seed, number),
        lambda: None,
    )


def _of_dataset(dataset: Dataset, close: Callable[[], None]) -> _Source:
    return _Source(
        stored_recipe(dataset),
        stored_gripper(dataset),
        stored_profile(dataset),
        [int(i) for i in dataset.scenes["index"]],
        lambda number: stored_scene(dataset, number),
        close,
    )


def _numbers(scenes: int | Sequence[int] | None, there: Sequence[int]) -> Sequence[int]:
    if scenes is None:
        return there
    if isinstance(scenes, int):
        if scenes < 1:
            raise SceneError(f"scenes must be at least 1, got {scenes}")
        return there[:scenes] if not isinstance(there, range) else range(scenes)
    if not isinstance(scenes, Iterable) or not all(isinstance(s, int | np.integer) and s >= 0 for s in scenes):
        raise SceneError(f"scenes must be how many, or the numbers of which from 0 on, got {scenes!r}")
    return [int(s) for s in scenes]


@dataclass(frozen=True, eq=False)
class _Rules:
    """What all scenes of a run are cleared by."""

    policy: Policy
    recipe: Recipe
    gripper: Gripper
    profile: Profile
    max_failures: int
    max_steps: int


def _clear_scene(rules: _Rules, settled: SettledScene, attempts: list[Attempt]) -> str:
    """Clear a scene as far as it goes; append its attempts, and return why it ended."""
    scene, failures, step = settled.world.plan.index, 0, 0
    while settled.world.objects:
        if step >= rules.max_steps:
            return "steps"
        named = _named(rules.policy(_observe(rules, settled, step)), scene, step)
        if named is None:
            return "no grasp"
        T, width = named
        target = nearest_objects(settled, T[None, :3, 3])
        opening = measured_widths(settled, rules.gripper, target, T[None], width)
        grip = grip_widths(settled, rules.gripper, target, T[None], opening)
        course = record_trial(
            settled, rules.gripper, rules.profile, int(target[0]), T, float(opening[0]), grip_width=float(grip[0]),
            force=rules.recipe.grasps.force, approach=rules.recipe.grasps.approach,
        )  # fmt: skip
        outcome = Outcome(int(course.results.outcome[0]))
        there = [o.plan.instance_id for o in settled.world.objects]
        poses = dict(zip(there, course.T_world_object[-1], strict=True))
        held = outcome == Outcome.SUCCESS
        if held:
            del poses[int(target[0])]
        after = settle_again(rules.recipe, settled, poses)
        left = {o.plan.instance_id for o in after.world.objects} if after else set()
        lost = tuple(i for i in poses if i not in left)
        attempts.append(Attempt(scene, step, int(target[0]), T, float(opening[0]), outcome, lost))
        step, failures = step + 1, 0 if held else failures + 1
        if not left or after is None:
            return "empty"
        if not after.settled:
            return f"refused: {after.reason}"
        if failures >= rules.max_failures:
            return "failures"
        settled = after
    return "empty"


def _observe(rules: _Rules, settled: SettledScene, step: int) -> Observation:
    plan = settled.world.plan
    render = rules.recipe.render
    seen = render_scene(settled.world, shadow_size=render.shadow_size, fallback=render.fallback)
    return Observation(
        plan.index,
        step,
        tuple(
            CameraImage(
                view.camera,
                image.rgb,
                image.depth,
                image.instances,
                np.array(view.K),
                np.array(view.distortion),
                np.array(view.T_world_camera_nominal),
            )
            for view, image in zip(plan.views, seen, strict=True)
        ),
        rules.gripper,
    )


def _named(answer: object, scene: int, step: int) -> tuple[Array, float | None] | None:
    """Read what the policy returned."""
    if answer is None:
        return None
    T, width = answer if isinstance(answer, tuple) else (answer, None)
    try:
        return checked_poses(np.asarray(T, float)[None], "T_world_grasp")[0], None if width is None else float(width)
    except (TypeError, ValueError, GraspgenError) as error:
        raise SceneError(
            f"the policy's answer in scene {scene}, step {step}, is no grasp: {error}; return a (4, 4) pose, "
            "(pose, width) or None"
        ) from None
