"""The grasping task itself, without any framework: reset, step, judge, reward, save and restore.

Physics, contacts and the judgement of success are those of the in-scene trials that label grasps: the same model of a
hand on six servos of limited force, and the same rules. A control step is the period in which trials are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.env.actions import HOME, NAMES, TURN_SPEED, Limits, commanded, rotation_vector, servo_targets
from graspgen.env.errors import EnvError
from graspgen.env.judge import Judge
from graspgen.env.moment import Meter, nearest_box
from graspgen.env.observe import agent_state, environment_state
from graspgen.env.rewards import goal_reached, goal_reward, pick_reward
from graspgen.env.scenes import Place, Scenes
from graspgen.env.spec import TaskSpec
from graspgen.errors import SceneError
from graspgen.frames import Array, pose, rotation_angle
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.scene_path import Stage
from graspgen.grasps.scene_state import Motion, SceneState
from graspgen.grasps.scene_touch import first_touch
from graspgen.recipe import Recipe
from graspgen.scene.arena_plan import PLANE_HALF_SIDE

# Enumerations are slow to compare arrays with.
_APPROACH, _CLOSE, _ENDED = int(Stage.APPROACH), int(Stage.CLOSE), int(Stage.ENDED)
_SUCCESS, _UNSTABLE, _DROPPED = int(Outcome.SUCCESS), int(Outcome.UNSTABLE), int(Outcome.DROPPED)

#: The only simulation.
ONE = np.zeros(1, np.int64)
#: Half-sides, m, of the box about the origin that the tool point is kept in, and its height.
REACH, CEILING = (0.4, 0.4), 0.7
#: How far upstream of the origin things on a belt are when an episode begins, m.
UPSTREAM = 0.4
#: The tool point starts at most this far from above the origin along x and y, m.
START_JITTER = 0.03
#: How many scenes are drawn where one does not come to rest, before the reset gives up.
DRAWS = 5


@dataclass(frozen=True, eq=False)
class Step:
    """What a control step came to.

    Attributes:
        reward: of the step.
        terminated: whether the episode is over: the task is done, or can no longer be.
        success: whether the task is done.
    """

    reward: float
    terminated: bool
    success: bool


@dataclass(frozen=True, eq=False)
class Saved:
    """All that an episode's future depends on, but for the random generator."""

    recipe: Recipe
    number: int
    place: Place
    data: mujoco.MjData
    measured: tuple[NDArray, ...]
    judged: Mapping[str, NDArray]
    told: tuple[Array, Array]
    rest: Mapping[str, Any]


_REST = ("target", "cleared", "lost", "objects", "goal", "_started", "success", "_was_ended")


class GraspTask:
    """A hand that is driven step by step among the objects of settled scenes.

    Attributes:
        spec: what it was asked to be.
        scenes: where its scenes come from.
        place: the scene of this episode.
        limits: what bounds the hand's motion in it.
        target: number of the target among the scene's objects; −1 where none is left.
        goal: (4,) where the target's centre of mass is to be (m, world frame), and 1: held.
        cleared, lost: objects that were taken away, and that have left the arena, in this episode.
        objects: at its start.
        success: whether the task is done.

    Args:
        spec: of the task.
        views: whether scenes are to be seen.
    """

    def __init__(self, spec: TaskSpec, views: bool = False) -> None:
        self.spec, self.scenes = spec, Scenes(spec, views)
        source = self.scenes.source(self.scenes.recipe)
        self.gripper, self.profile = source.gripper, source.profile
        self.chunk = max(1, round(self.profile.scene.sample_period / self.profile.option.timestep))
        self.judge = Judge(self.profile, self.gripper, 1, self.chunk)
        self.rows = spec.max_objects or _most_objects(self.scenes.recipe)
        self.place: Place | None = None

    @property
    def period(self) -> float:
        """Length of a control step, s."""
        return self.chunk * self.profile.option.timestep

    @property
    def action_size(self) -> int:
        """How many numbers an action has."""
        return len(NAMES[self.spec.action_mode])

    def reset(
        self,
        rng: np.random.Generator,
        *,
        recipe: str | Recipe | None = None,
        scene: int | None = None,
        target: int | None = None,
        T_world_tool: ArrayLike | None = None,
        opening: float | None = None,
    ) -> None:
        """Begin an episode.

        Args:
            rng: what is not given is drawn from it.
            recipe: name, path or recipe of the scene; None for the task's own.
            scene: its number; None draws one.
            target: instance id of the target, where the task has one; None draws it.
            T_world_tool: (4, 4) pose at which the hand starts; None for above the middle, pointing down.
            opening: of the fingers, m; None for the largest.

        Raises:
            EnvError: an argument is not valid, or the scene holds more objects than the state has room for.
            SceneError: no scene came to rest.
            RecipeError: the recipe is not valid.
        """
        self._recipe = self.scenes.chosen(recipe)
        source = self.scenes.source(self._recipe)
        if source.gripper.name != self.gripper.name or source.profile.name != self.profile.name:
            raise EnvError(
                f"recipe {self._recipe.task} has gripper {source.gripper.name} and profile {source.profile.name}, this "
                f"environment {self.gripper.name} and {self.profile.name}; make another environment for it"
            )
        place = self._draw(rng, scene)
        jitter, choice = rng.uniform(-START_JITTER, START_JITTER, 2), rng.random()
        if len(place.ids) > self.rows and self.spec.max_objects is None:
            raise EnvError(
                f"scene {self._number} of {self._recipe.task} holds {len(place.ids)} objects, the state has room for "
                f"{self.rows}; make the environment with max_objects={len(place.ids)}"
            )
        number = _chosen_target(place, target, choice)
        self.cleared, self.lost, self.objects = 0, 0, len(place.ids)
        self.success, self._was_ended = False, False
        self._start(place, number if self.spec.goal == "target" else None, T_world_tool, opening, jitter)

    def _draw(self, rng: np.random.Generator, scene: int | None) -> Place:
        if scene is not None:
            if not isinstance(scene, int | np.integer) or scene < 0:
                raise EnvError(f"scene must be a number of at least 0, got {scene!r}")
            self._number = int(scene)
            return self.scenes.place(self._recipe, self._number)
        spec = self.spec
        for left in reversed(range(DRAWS)):
            self._number = spec.first_scene + int(rng.integers(spec.scenes or 2**31))
            try:
                return self.scenes.place(self._recipe, self._number)
            except SceneError:
                if not left:
                    raise
        raise AssertionError("the last draw returns or raises")

    def _start(
        self, place: Place, target: int | None, T: ArrayLike | None, opening: float | None, jitter: Array
    ) -> None:
        """Put the hand into a place."""
        stroke = self.gripper.file.stroke
        width = stroke if opening is None else float(opening)
        if not 0 <= width <= stroke:
            raise EnvError(f"opening must be from 0 to {stroke:g} m, got {opening!r}")
        self.place, self.sim = place, place.sim
        self._bound(place)
        self._started = -UPSTREAM * np.sign(place.belt)
        if T is None:
            start = pose(HOME, [jitter[0], jitter[1], place.home_height])
        else:
            start = np.asarray(T, float)
            if start.shape != (4, 4):
                raise EnvError(f"T_world_tool must be a (4, 4) pose, got shape {start.shape}")
            start = start.copy()
        local = start[None].copy()
        local[:, :3, 3] -= self._started
        self.sim.reset()
        fixed = target is not None
        self.target = target if fixed else 0
        self.state = SceneState(
            place.scene, self.sim, self.gripper, target=np.array([self.target]), friction=place.friction[[self.target]],
            com=place.com, T_world_grasp=local, width=np.array([width]), approach=0.0,
        )  # fmt: skip
        self.told = start[None, :3, 3], start[None, :3, :3]
        self._meter = Meter(place, self.gripper)
        self._measure()
        if not fixed:
            self._aim()
        x = self._target_com()
        self.goal = np.append(x + self.offset + [0.0, 0.0, self.profile.scene.lift], 1.0).astype(np.float32)
        self.judge.begin(ONE)
        self._there = np.ones(len(place.ids), bool)

    def _bound(self, place: Place) -> None:
        settle = self._recipe.scene.settle
        self.limits, self._ends = _limits(place, self.period, self.profile.scene.lift_speed, settle.fallen)

    def _measure(self) -> None:
        self.moment = self._meter.read(self.state.stand(ONE)[1])

    @property
    def offset(self) -> Array:
        """(3,) m, where the simulation's frame, which rides on the belt, is now in the world."""
        return self._started + self.place.belt * self.sim.data.time

    def step(self, action: ArrayLike) -> Step:
        """Do an action for one control step, and judge what has happened.

        Args:
            action: (numbers,) in −1…1, as the spec's `action_mode` reads it; what is beyond is clipped.

        Raises:
            EnvError: the action has the wrong shape or is not finite.
        """
        if self.place is None:
            raise EnvError("reset the environment before its first step")
        action = np.array(action, float).reshape(1, -1)
        if action.shape[1] != self.action_size or not np.isfinite(action).all():
            raise EnvError(f"an action must be {self.action_size} finite numbers in -1…1, got {action[0].tolist()}")
        np.minimum(np.maximum(action, -1.0), 1.0, out=action)
        fingers = action[:, -1]
        if self.spec.goal != "target" and self.judge.stage[0] == _APPROACH:
            self._aim()
        if len(beginning := self.judge.told(ONE, fingers)):
            self.judge.close(beginning, self.state, self._motion())
        approaching = self.judge.stage[0] == _APPROACH and self.judge.first_touch[0] < 0
        before = self.sim.state() if approaching and self.spec.rules == "trial" else None
        control = self._control(action, fingers)
        seen = self.sim.rollout(control)
        if approaching:
            self._watch_touch(seen, control, before)
        self._measure()
        self.judge.watch(ONE, self.state, seen[None], self._motion, self._lag)
        if self.judge.stage[0] == _CLOSE and self.spec.goal != "target" and not self.judge.touching.all():
            self._aim_by_touch()
        return self._result()

    def _motion(self) -> Motion:
        hand = self.gripper
        tool = hand.tool_point(self.moment.opening) - hand.T_base_tcp[:3, 3] if hand.tool_moves else np.zeros((1, 3))
        return self.moment.motion(self.target, self.place.com[self.target], tool)

    def _lag(self) -> tuple[Array, Array]:
        """(1,) m and (1,) rad by which the hand is off where it was told to be."""
        now, (told, R_told) = self.moment, self.told
        off = told - self.offset - now.x
        return np.sqrt((off**2).sum(axis=1)), rotation_angle(R_told.swapaxes(1, 2) @ now.R)

    def _control(self, action: Array, fingers: Array) -> Array:
        """(steps, nu) controls of a control step; moves the stand with the hand where that turns."""
        state, old, R_old = self.state, self.told[0], self.told[1]
        now, here = self.moment, self.offset
        x, R, turned = commanded(self.spec.action_mode, action, self.told, (now.x + here, now.R), self.limits)
        after = here + self.place.belt * self.period
        if turned[0]:
            state.restand(ONE, (x - after, R), (now.x, now.R, now.v))
            # Where it was told to be turned until now, seen from the new stand.
            left = rotation_vector(R.swapaxes(1, 2) @ R_old)
        else:
            left = np.zeros((1, 3))
        control = np.empty((self.chunk, self.sim.model.nu))
        lead = self.place.scene.lead
        control[:, state.servos] = servo_targets(
            (old - here, x - after), left, state.stand(ONE), lead, self.chunk, self.period
        )[0]
        control[:, state.grip] = fingers[0] * self.gripper.file.closing_speed
        self.told = x, R
        return control

    def _aim(self) -> None:
        """Make the object whose box the tool point is in, or nearest to, the target."""
        nearest = int(nearest_box(self.moment, self.place.half)[0])
        if nearest != self.target:
            self._retarget(nearest)

    def _aim_by_touch(self) -> None:
        """Make the object that both fingers have between them the target, where it is another one."""
        if not self.state.squeezing(ONE)[0]:
            return
        model, contact = self.sim.model, self.sim.data.contact
        bodies = model.geom_bodyid[contact.geom[contact.dist < 0]]
        instance, held = self.place.scene.instance, []
        for finger in self._fingers():
            mine = bodies[(bodies == finger).any(axis=1)]
            held.append(set(instance[mine[mine != finger]].tolist()) - {0, -1})
        common = sorted(held[0] & held[1])
        if common and int(self.place.ids[self.target]) not in common:
            self._retarget(int(np.searchsorted(self.place.ids, common[0])))
            self.judge.close(ONE, self.state, self._motion())

    def _fingers(self) -> list[int]:
        return [self.sim.model.body(f"hand/{name}").id for name in self.gripper.file.fingers]

    def _retarget(self, number: int) -> None:
        self.target = number
        self.state.retarget(ONE, np.array([number]), self.place.friction[[number]])

    def _target_com(self) -> Array:
        """(3,) centre of mass of the target, m, the simulation's frame."""
        return self.moment.com(self.target, self.place.com[self.target])[0]

    def _watch_touch(self, seen: Array, control: Array, before: Array | None) -> None:
        """Note what the open hand touches on its approach; where a trial's rules hold, that ends the attempt."""
        hits = self.state.hand_hits(seen)
        if not hits.any():
            return
        if before is not None:
            found = first_touch(self.place.scene, before, control[: int(hits.argmax())])
        else:
            found = _deepest(self.sim, self.place.scene.instance)
        if found is None:
            return
        self.judge.first_touch[0] = found
        if before is not None:
            own = Outcome.HITS_TARGET if found == self.place.ids[self.target] else Outcome.HITS_OBJECT
            self.judge.over(ONE, own if found else Outcome.HITS_SUPPORT)

    def _result(self) -> Step:
        judge, spec = self.judge, self.spec
        picked = bool(judge.stage[0] == _ENDED and judge.outcome[0] == _SUCCESS)
        self._count_lost()
        if spec.goal == "target":
            achieved = self.achieved
            self.success = picked and bool(goal_reached(achieved, self.goal))
            reward = float(goal_reward(spec.reward_mode, achieved, self.goal))
        else:
            reward = float(
                pick_reward(
                    spec.reward_mode, self._reach(), judge.touching, judge.held, judge.rise / judge.high,
                    picked and not self._was_ended,
                )[0]
            )  # fmt: skip
            self.success = picked
        terminated = bool(judge.outcome[0] == _UNSTABLE)
        if spec.goal == "all":
            if picked:
                self._take_away()
            self.success = self.cleared == self.objects
            terminated |= self.target < 0
        elif spec.goal == "target":
            terminated |= not self._there[self.target]
        else:
            terminated |= not self._there.any()
        if spec.rules == "trial":
            terminated |= bool(judge.stage[0] == _ENDED and not picked)
        terminated |= self.success and spec.terminate_on_success
        self._was_ended = picked and spec.goal != "all"
        return Step(reward, terminated, self.success)

    def _reach(self) -> Array:
        """(1,) m from the tool point to the centre of the target's box."""
        way = self.moment.centre[:, self.target] - self.moment.x
        return np.sqrt((way**2).sum(axis=1))

    def _count_lost(self) -> None:
        """Note which objects have left the arena: below its top, beyond its walls, or at the end of the belt."""
        x = self.moment.x_object[0] + self.offset
        low, high = self._ends
        outside = (x < low) | (x > high)
        if not outside.any():
            return
        gone = outside.any(axis=1)
        gone[self.target] &= not self.judge.held[0]
        new = gone & self._there
        if new.any():
            self._there &= ~gone
            self.lost += int(new.sum())

    def _take_away(self) -> None:
        """Take away what is held; the rest comes to rest, and the hand goes back to where it started."""
        self.cleared += 1
        stay = [i for i in np.flatnonzero(self._there).tolist() if i != self.target]
        poses = pose(self.moment.R_object[0], self.moment.x_object[0])
        place = self.scenes.again(self._recipe, self.place, {int(self.place.ids[i]): poses[i] for i in stay})
        if place is None:
            self.lost += len(stay)
            self.target = -1
            return
        self.lost += len(stay) - len(place.ids)
        self._start(place, None, None, None, np.zeros(2))

    def settle_attempt(self, number: int, outcome: Outcome, touched: int) -> None:
        """Take the outcome of a whole trial, made elsewhere, of the object with this number, as this episode's."""
        self.target, self.success = number, outcome == _SUCCESS
        self.judge.over(ONE, outcome)
        self.judge.first_touch[0] = touched

    @property
    def achieved(self) -> NDArray[np.float32]:
        """(4,) centre of mass of the target, m, world frame, and 1 once it is lifted and judged as held."""
        x = self._target_com()
        held = self.judge.stage[0] == _ENDED and self.judge.outcome[0] == _SUCCESS
        return np.append(x + self.offset, float(held)).astype(np.float32)

    def agent_pos(self) -> NDArray[np.float32]:
        """(17,) numbers of the hand: `graspgen.env.observe.AGENT`."""
        return agent_state(self.moment, self.judge.touching, self.offset, self.place.belt)[0]

    def environment_state(self) -> NDArray[np.float32]:
        """(2 + 17 rows,) numbers of the objects: `graspgen.env.observe.EPISODE` and `OBJECT`."""
        judge, place = self.judge, self.place
        return environment_state(
            self.moment, judge.held, judge.rise, place.half, np.array([self.target]), place.belt, self.rows
        )[0]

    def info(self) -> dict[str, Any]:
        """Return what a step's info says: always the same keys, numbers and truth values only."""
        judge, there = self.judge, self.target >= 0
        return {
            "is_success": self.success,
            "success": self.success,
            "outcome": int(judge.outcome[0]),
            "stage": int(judge.stage[0]),
            "grasped": bool(judge.held[0]),
            "lifted": bool(judge.held[0] and judge.rise[0] >= judge.high),
            "dropped": bool(judge.stage[0] == _ENDED and judge.outcome[0] == _DROPPED),
            "collision": bool(judge.first_touch[0] >= 0),
            "first_touch": int(judge.first_touch[0]),
            "rise": float(judge.rise[0]),
            "target": int(self.place.ids[self.target]) if there else 0,
            "cleared": self.cleared,
            "lost": self.lost,
            "scene": self._number,
            "time": float(self.sim.data.time),
        }

    @property
    def target_name(self) -> str:
        """What the target is ("mug"), "" where none is left."""
        return self.place.settled.world.objects[self.target].asset.class_name if self.target >= 0 else ""

    @property
    def task_description(self) -> str:
        """The task in words, as vision-language policies are told it."""
        if self.spec.goal == "all":
            return "clear the bin"
        return f"pick up the {self.target_name}" if self.spec.goal == "target" else "pick up an object"

    def save(self) -> Saved:
        """Return all that the episode's future depends on."""
        data = mujoco.MjData(self.sim.model)
        mujoco.mj_copyData(data, self.sim.model, self.sim.data)
        rest = {name: getattr(self, name) for name in _REST}
        rest["_there"] = self._there.copy()
        return Saved(
            self._recipe, self._number, self.place, data, self.state.saved(), self.judge.saved(), self.told, rest
        )

    def restore(self, saved: Saved) -> None:
        """Go on from where `save` was called; what happens then is the same to the last bit."""
        self._recipe, self._number, self.told = saved.recipe, saved.number, saved.told
        for name, value in saved.rest.items():
            setattr(self, name, value)
        self._there = saved.rest["_there"].copy()
        place = self.place = saved.place
        self.sim = place.sim
        self._bound(place)
        number = max(self.target, 0)
        self.state = SceneState(
            place.scene, self.sim, self.gripper, target=np.array([number]), friction=place.friction[[number]],
            com=place.com, T_world_grasp=np.eye(4)[None], width=np.zeros(1), approach=0.0,
        )  # fmt: skip
        mujoco.mj_copyData(self.sim.data, self.sim.model, saved.data)
        self.state.restore(saved.measured, place.friction[[number]])
        self.judge.restore(dict(saved.judged))
        self._meter = Meter(place, self.gripper)
        self._measure()


def _most_objects(recipe: Recipe) -> int:
    """Return how many objects a scene of a recipe can hold."""
    scene = recipe.scene
    return int(scene.objects.count.support[1]) + int(scene.distractors.contextual.count.support[1])


def _chosen_target(place: Place, target: int | None, choice: float) -> int:
    """Return the number of the target: of the instance id given, or drawn by a number in 0…1 among what is grasped."""
    if target is None:
        among = place.settled.world.targets
        return int(among[int(choice * len(among))])
    found = np.flatnonzero(place.ids == target)
    if not len(found):
        raise EnvError(f"the scene holds no object {target!r}; its instance ids: {place.ids.tolist()}")
    return int(found[0])


def _limits(place: Place, period: float, speed: float, fallen: float) -> tuple[Limits, tuple[Array, Array]]:
    """Return what bounds the hand, and the (3,) corners of the box within which an object is in the arena, m."""
    arena = place.settled.world.plan.arena
    reach, low, high = np.array(REACH), np.full(3, -PLANE_HALF_SIDE), np.full(3, PLANE_HALF_SIDE)
    low[2] = -fallen
    if arena.inside is not None:
        low[:2], high[:2] = arena.inside[:2], arena.inside[2:]
    if arena.is_moving:
        belt = next(g for g in arena.geoms if any(g.surface_velocity))
        along = np.array(belt.size[:2])
        low[:2], high[:2], reach = np.maximum(low[:2], -along), np.minimum(high[:2], along), np.maximum(reach, along)
    ceiling = max(CEILING, place.home_height + 0.2)
    return Limits(speed, TURN_SPEED, period, np.array([*-reach, 0.0]), np.array([*reach, ceiling])), (low, high)


def _deepest(sim: Any, instance: NDArray[np.int64]) -> int | None:
    """Return the instance id of what the hand is deepest in now, 0 for the support, None for nothing."""
    contact = sim.data.contact
    owner = instance[sim.model.geom_bodyid[contact.geom]].reshape(-1, 2)
    hand = owner == -1
    mine = np.flatnonzero(hand.any(axis=1) & ~hand.all(axis=1) & (contact.dist < 0))
    if not len(mine):
        return None
    deepest = mine[np.argmin(contact.dist[mine])]
    return int(owner[deepest][~hand[deepest]][0])
