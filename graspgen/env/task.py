"""The grasping task without any framework, one episode at a time (`graspgen.env.tasks`: any number)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.env.actions import Limits
from graspgen.env.drive import Driver
from graspgen.env.episode import SavedEpisode
from graspgen.env.judge import Judge
from graspgen.env.moment import Moment
from graspgen.env.physics import Factors
from graspgen.env.scenes import Place, Scenes
from graspgen.env.simulation import Simulation
from graspgen.env.spec import TaskSpec
from graspgen.env.tasks import GraspTasks
from graspgen.frames import Array
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_measures import SceneMeasures
from graspgen.grippers.gripper import Gripper
from graspgen.recipe import Recipe

_ONLY = (0,)


class Step(NamedTuple):
    """What a control step came to.

    Attributes:
        reward: of the step.
        terminated: whether the episode is over: the task is done, or can no longer be.
        success: whether the task is done.
    """

    reward: float
    terminated: bool
    success: bool


class GraspTask:
    """A hand that is driven step by step among the objects of settled scenes.

    Attributes:
        many: the tasks that it is the only one of.
        spec, scenes: what it was asked to be, and where its scenes come from.
        gripper, profile: the hand, and how it is simulated and judged.
        chunk, period: simulation steps of a control step, and its length, s.
        judge: of the attempts to grasp; arrays of one entry.
        limits: what bounds the hand's motion.
        driver: what drives the hand; its arrays have one entry.
        rows: of objects in the state.
        action_size: how many numbers an action has.

    Args:
        spec: of the task.
        views: whether scenes are to be seen.
    """

    def __init__(self, spec: TaskSpec, views: bool = False, many: GraspTasks | None = None) -> None:
        self.many = many = GraspTasks(spec, views) if many is None else many
        self.spec: TaskSpec = spec
        self.scenes: Scenes = many.scenes
        self.gripper: Gripper = many.gripper
        self.profile: Profile = many.profile
        self.chunk, self.period = many.chunk, many.period
        self.judge: Judge = many.judge
        self.limits: Limits = replace(many.limits, low=many.limits.low[0], high=many.limits.high[0])
        self.driver: Driver = many.driver
        self.rows, self.action_size = many.rows, many.action_size

    def reset(self, rng: np.random.Generator, **given: Any) -> None:
        """Begin an episode; what is not given is drawn from `rng`.

        Args:
            rng: a generator.
            given: `recipe`, `scene`, `target`, `T_world_tool`, `opening`, `fingers`: as of
                `GraspTasks.reset`, and so are errors.
        """
        self.many.reset(0, rng, **given)

    def step(self, action: ArrayLike) -> Step:
        """Do an action for one control step, and judge what has happened.

        Args:
            action: (numbers,) in −1…1, as the spec's `action_mode` reads it; what is beyond is clipped.

        Raises:
            EnvError: the action has the wrong shape or is not finite.
        """
        many = self.many
        many.command(_ONLY, (action,))
        many.simulate(0)
        reward, over = many.judged(_ONLY)
        return Step(float(reward[0]), bool(over[0]), bool(many.success[0]))

    def settle_attempt(self, number: int, outcome: Outcome, touched: int) -> None:
        """Take the outcome of a whole trial, made elsewhere, of the object with this number, as this episode's."""
        self.many.settle_attempt(0, number, outcome, touched)

    def agent_pos(self) -> NDArray[np.float32]:
        """(17 + 2 joints,) numbers of the hand, `graspgen.env.observe.AGENT`, and of the arm that carries it."""
        return self.many.agent_pos()[0]

    def environment_state(self) -> NDArray[np.float32]:
        """(2 + 17 rows,) numbers of the objects: `graspgen.env.observe.EPISODE` and `OBJECT`."""
        return self.many.environment_state()[0]

    def info(self) -> dict[str, Any]:
        """Return what a step's info says: always the same keys, numbers and truth values only."""
        return self.many.info(0)

    def save(self) -> SavedEpisode:
        """Return all that the episode's future depends on, but for the random generator."""
        return self.many.save(0)

    def restore(self, saved: SavedEpisode) -> None:
        """Go on from where `save` was called; what happens then is the same to the last bit."""
        self.many.restore(0, saved)

    def target_com(self) -> Array:
        """(3,) centre of mass of the target, m, the simulation's frame."""
        return self.many.target_com(0)

    @property
    def place(self) -> Place | None:
        """The scene, None before the first."""
        return self.many.places[0]

    @property
    def sim(self) -> Simulation:
        """Its simulation."""
        return self.many.places[0].sim

    @property
    def state(self) -> SceneMeasures:
        """What puts the hand at its start and makes objects its target."""
        return self.many.states[0]

    @property
    def moment(self) -> Moment:
        """Where everything is now, the simulation's frame; arrays of one entry."""
        return self.many.moment

    @property
    def told(self) -> tuple[Array, Array]:
        """(1, 3) m and (1, 3, 3), where the hand was told to be, world frame."""
        return self.many.driver.told

    @property
    def offset(self) -> Array:
        """(3,) m, where the simulation's frame, which rides on the belt, is now in the world."""
        return self.many.here[0]

    @property
    def target(self) -> int:
        """Number of the target among the scene's objects; −1 where none is left."""
        return int(self.many.targets[0])

    @property
    def goal(self) -> NDArray[np.float32]:
        """(4,) where the target's centre of mass is to be (m, world frame), and 1: held."""
        return self.many.goals[0]

    @property
    def achieved(self) -> NDArray[np.float32]:
        """(4,) centre of mass of the target, m, world frame, and 1 once it is lifted and judged as held."""
        return self.many.achieved()[0]

    @property
    def success(self) -> bool:
        """Whether the task is done."""
        return bool(self.many.success[0])

    @property
    def recipe(self) -> Recipe:
        """The recipe of this episode's scene."""
        return self.many.recipes[0]

    @property
    def factors(self) -> Factors | None:
        """Factors of mass and friction in this episode, by instance id; None where they are the scene's."""
        return self.many.factors[0]

    @property
    def objects(self) -> int:
        """Number of objects when the episode began."""
        return int(self.many.objects[0])

    @property
    def cleared(self) -> int:
        """Number of objects that were taken away."""
        return int(self.many.cleared[0])

    @property
    def lost(self) -> int:
        """Number of objects that have left the arena."""
        return int(self.many.lost[0])

    @property
    def target_name(self) -> str:
        """What the target is ("mug"), "" where none is left."""
        return self.many.target_name(0)

    @property
    def task_description(self) -> str:
        """The task in words, as vision-language policies are told it."""
        return self.many.description(0)
