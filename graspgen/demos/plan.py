"""Which labelled grasps an expert would follow: those that hold, that its hand can reach, and that touch nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.demos.alike import alike
from graspgen.demos.central import central_grasps
from graspgen.demos.labels import Labels, joined
from graspgen.demos.steer import reachable
from graspgen.env.task import GraspTask
from graspgen.frames import Array, inverse, pose, rotation_angle
from graspgen.grasps.clearance import OWN_REACH, Obstacle, hand_clearance
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.scene_trial import try_scene
from graspgen.grasps.suction_trial import press_on

#: Length of the straight approach, m.
APPROACH = 0.06
#: Grasps whose closing direction must be turned by more than this to be reached are left out, rad.
MOST_TURN = np.radians(15.0)
#: The hand is drawn back so far that it keeps one of these gaps, m, to the support, and at most by that, m.
GAPS, MOST_RAISED = np.array([0.0005, 0.003]), 0.02
#: Least slope of an approach that a gap is reckoned with.
MOST_LEVEL = 0.3
#: A hand that passes at least this far from support and neighbours passes safely, m.
SAFE = 0.004
#: Clearance is measured up to this, m.
REACH = 0.01
#: How many of the best grasps are examined for collisions; how many are tried at once, and how many must hold.
EXAMINED, TRIED, ENOUGH = 64, 16, 3
#: Costs: of a failed trial, of one that touched the support, of none; of having been followed before; of a closing
#: direction that must be turned by more than `MOST_TURN`.
FAILED, TOUCHED, UNTRIED, FOLLOWED, TURNED = 6.0, 3.0, 4.0, 8.0, 10.0
#: What a radian costs that a multi-finger hand must turn.
TURN = 0.2
#: What a labelled grasp costs where central ones are preferred.
UNCENTRAL = 5.0
#: How a labelled grasp is turned, by action mode: to what which mode can reach.
WAYS: dict[str, tuple[str, ...]] = {
    "delta4": ("delta4",),
    "delta5": ("delta5",),
    "delta6": ("delta6", "delta5"),
    "delta7": ("delta7", "delta5"),
    "absolute": ("absolute", "delta5"),
    "velocity": ("velocity", "delta5"),
}


@dataclass(frozen=True, eq=False)
class Plan:
    """A grasp to follow.

    Attributes:
        key: of the label; negative for a grasp of its own.
        way: which of the ways of turning it (`WAYS`).
        target: number of the object.
        T_object_tool: (4, 4) where the hand is told to be, in the object's frame: the tool point of the open hand.
        cost: the smaller, the better.
        fingers: (2, d) driven joints that a multi-finger hand must begin its episode with; None of other grippers.
    """

    key: int
    way: int
    target: int
    T_object_tool: Array
    cost: float
    fingers: Array | None = None


@dataclass(frozen=True, eq=False)
class _Options:
    """n grasps as the hand would do them: row of the label, way of turning it, pose, cost."""

    row: NDArray[np.int64]
    way: NDArray[np.int64]
    T: Array
    cost: Array

    def __getitem__(self, chosen: NDArray) -> _Options:
        return _Options(self.row[chosen], self.way[chosen], self.T[chosen], self.cost[chosen])


class Planner:
    """Chooses grasps in one episode; it remembers what was tried.

    A labelled grasp is turned to what the action mode can reach; where that is any pose, turned to point down as well.
    It costs to be turned, a way from the object's centre of mass, an angle between closing line and normals, failed
    trials, a slant; then, after an exact look at what the open hand meets on its way, a touch. Of what looks best, some
    are tried in the settled scene, by the open hand, as the trials that label grasps; until some hold.

    Cups are pressed on where they are turned. A multi-finger hand has the joints of its first grasp all through an
    episode, and later grasps are of those with the same.

    Args:
        task: at the start of an episode.
        labels: of its scene's grasps that hold.
        central: whether grasps that the state tells (`central_grasps`) are preferred to labelled ones.
    """

    def __init__(self, task: GraspTask, labels: Labels, central: bool = False) -> None:
        self._task, self._given, self._labels, self._central = task, labels, labels, central
        self._extra = np.zeros(len(labels))
        self._followed: set[tuple[int, int]] = set()
        self._known: dict[tuple[int, int], float] = {}
        self._begun = False
        self._turns = alike(task.gripper)
        self._joints: Array | None = None

    def best(self) -> Plan | None:
        """Return the grasp to follow from how things lie now; None where there is none."""
        if self._central:
            own, cost = central_grasps(self._task, object_poses(self._task))
            self._labels = joined(self._given, own)
            self._extra = np.append(np.full(len(self._given), UNCENTRAL), cost)
        if not len(self._labels):
            return None
        options = self._examined(self._options())
        if not self._begun:
            self._try(options)
            self._begun = True
        if not len(options.row):
            return None
        known = [self._known.get(pair, UNTRIED) for pair in self._pairs(options)]
        cost = options.cost + known
        i = int(np.argmin(cost))
        label, row = self._labels, int(options.row[i])
        hand = self._task.gripper
        offset = hand.tool_point(float(label.grip_width[row])) - hand.T_base_tcp[:3, 3]
        told = options.T[i] @ pose(translation=-offset)
        T_object = object_poses(self._task)[label.target[row]]
        found = Plan(
            int(label.key[row]), int(options.way[i]), int(label.target[row]), inverse(T_object) @ told, float(cost[i]),
            None if label.fingers is None else label.fingers[row],
        )  # fmt: skip
        self._joints = found.fingers
        self._followed.add((found.key, found.way))
        return found

    def _pairs(self, options: _Options) -> list[tuple[int, int]]:
        return list(zip(self._labels.key[options.row].tolist(), options.way.tolist(), strict=True))

    def _options(self) -> _Options:
        """Turn the labelled grasps, and say what speaks against each."""
        task, label = self._task, self._labels
        T_object = object_poses(task)[label.target]
        T, R_now, n = T_object @ label.T_object_grasp, task.moment.R[0], len(label)
        parts = []
        for way, mode in enumerate(WAYS[task.spec.action_mode]):
            turned = T.copy()
            turned[:, :3, :3] = [reachable(mode, R, R_now, self._turns) for R in T[:, :3, :3]]
            closing = self._turned(T, turned)
            tilt = _angle((T[:, :3, 2] * turned[:, :3, 2]).sum(axis=1))
            com = (T_object[:, :3, :3] @ task.place.com[label.target][..., None])[..., 0] + T_object[:, :3, 3]
            z, aside = turned[:, :3, 2], com - T[:, :3, 3]
            off = np.linalg.norm(aside - (aside * z).sum(axis=1, keepdims=True) * z, axis=1)
            cost = (
                4 * closing
                + (4.0 if task.gripper.suction else 0.3) * tilt
                + 25 * off
                + label.angle
                + 2 * (1 - label.holds)
            )
            cost += 0.3 * _angle(-turned[:, 2, 2]) + TURNED * (closing > MOST_TURN)
            cost += self._extra
            if task.gripper.fingered:
                # Half a turn is no way to the same grasp, and takes two seconds.
                cost += TURN * rotation_angle(R_now.T @ turned[:, :3, :3])
            if way == 0:
                same = (closing < 0.02) & (tilt < 0.05)
                cost += same * np.where(label.in_scene == Outcome.SUCCESS, -0.5, 0.0)
                cost += same * ~np.isin(label.in_scene, (Outcome.SUCCESS, Outcome.NOT_TRIED))
            # What is as it was labelled needs no second turning.
            cost[(tilt < 0.02) & (way > 0)] = np.inf
            parts.append(_Options(np.arange(n), np.full(n, way), turned, cost))
        other = np.zeros(n, bool) if task.spec.goal != "target" else label.target != task.target
        if self._joints is not None:
            other |= (label.fingers != self._joints).any(axis=(1, 2))
        for part in parts:
            part.cost[other] = np.inf
        found = _Options(*(np.concatenate([getattr(p, f) for p in parts]) for f in ("row", "way", "T", "cost")))
        # A central grasp may be followed again: no state tells that it was.
        found.cost[:] += [FOLLOWED * (pair in self._followed and pair[0] >= 0) for pair in self._pairs(found)]
        order = np.argsort(found.cost, kind="stable")
        return found[order[np.isfinite(found.cost[order])][:EXAMINED]]

    def _turned(self, T: Array, turned: Array) -> Array:
        """(n,) rad by which closing directions are turned, as far as that is another grasp."""
        hand = self._task.gripper
        if hand.suction:
            return np.zeros(len(T))
        along = (T[:, :3, 1] * turned[:, :3, 1]).sum(axis=1)
        return _angle(along if hand.fingered else np.abs(along))

    def _pressed(self, options: _Options) -> _Options:
        """Press cups on as objects lie now; those that do not seal are left for the last."""
        task, label = self._task, self._labels
        T, cost, poses = options.T.copy(), options.cost.copy(), object_poses(task)
        for number in np.unique(label.target[options.row]).tolist():
            own = np.flatnonzero(label.target[options.row] == number)
            asset = task.place.settled.world.objects[number].asset
            pressed, seal = press_on(asset, task.gripper, inverse(poses[number]) @ T[own])
            T[own] = poses[number] @ pressed
            cost[own] += np.where(seal.score.max(axis=1) > 0, 1 - seal.score.mean(axis=1), TURNED)
        return _Options(options.row, options.way, T, cost)

    def _examined(self, options: _Options) -> _Options:
        """Look what the open hand meets, and raise it where it would touch the support."""
        task, hand, label = self._task, self._task.gripper, self._labels
        n, m = len(options.row), len(GAPS)
        if not n:
            return options
        if hand.suction:
            options = self._pressed(options)
        settled = task.place.settled
        obstacles = [Obstacle(settled.world.support, np.eye(4))]
        poses = object_poses(task)
        obstacles += [Obstacle(o.asset.parts, T) for o, T in zip(settled.world.objects, poses, strict=True)]
        near = {"approach": APPROACH, "step": task.profile.protocol.approach_step}
        grip, stroke = label.grip_width[options.row], self._openings(options.row)
        below = hand_clearance(
            hand, obstacles[:1], options.T, stroke, reach=REACH, grip_width=grip, pregrasp=self._pregrasp(options.row),
            approach=0.0, step=near["step"],
        ).at_grasp[:, :1]  # fmt: skip
        # The gap to the support grows by the height of what the hand is drawn back by.
        slope = np.maximum(-options.T[:, 2, 2], MOST_LEVEL)[:, None]
        raises = np.clip((GAPS - below) / slope, 0.0, MOST_RAISED).ravel()
        if hand.suction or hand.fingered:
            # Cups must be where they seal, and the joints of a hand fit where its grasp is.
            raises[:] = 0.0
        rows = np.repeat(options.row, m)
        raised = np.repeat(options.T, m, axis=0)
        raised[:, :3, 3] -= raises[:, None] * raised[:, :3, 2]
        target, stroke = label.target[rows], np.repeat(stroke, m)
        near["grip_width"], near["pregrasp"] = label.grip_width[rows], self._pregrasp(rows)
        seen = hand_clearance(hand, obstacles, raised, stroke, reach=REACH, ignore=target + 1, **near).on_approach
        own = hand_clearance(hand, obstacles, raised, stroke, reach=OWN_REACH, **near).on_approach
        cost = np.repeat(options.cost, m) + 60 * raises + 150 * np.maximum(SAFE - seen[:, 1:].min(axis=1), 0)
        cost += 2.0 * (seen.min(axis=1) < 0) + 4.0 * (own[np.arange(n * m), target + 1] < 0)
        best = cost.reshape(n, m).argmin(axis=1) + np.arange(n) * m
        found = _Options(options.row, options.way, raised[best], cost[best])
        return found[np.argsort(found.cost, kind="stable")]

    def _openings(self, rows: NDArray[np.int64]) -> Array:
        """(n,) m, of the open hand."""
        width = self._labels.width
        return np.full(len(rows), self._task.gripper.file.stroke) if width is None else width[rows]

    def _pregrasp(self, rows: NDArray[np.int64]) -> Array | None:
        """(n, d) driven joints of an open multi-finger hand, None of other grippers."""
        fingers = self._labels.fingers
        return None if fingers is None else fingers[rows, 0]

    def _try(self, options: _Options) -> None:
        """Try the best as the hand would do them, some at a time, until enough hold; from the settled scene."""
        task, label = self._task, self._labels
        held = 0
        at_once, enough = (4, 1) if self._central else (TRIED, ENOUGH)
        for first in range(0, len(options.row), at_once):
            some = options[np.arange(first, min(first + at_once, len(options.row)))]
            made = try_scene(
                task.place.settled, task.gripper, task.profile, task.place.ids[label.target[some.row]], some.T,
                self._openings(some.row), grip_width=label.grip_width[some.row],
                fingers=None if label.fingers is None else label.fingers[some.row],
                force=task.scenes.recipe.grasps.force, approach=APPROACH,
            )  # fmt: skip
            loose = 60 * np.nan_to_num(made.drift_holding) + 4 * np.nan_to_num(made.rotation_holding)
            cost = np.where(made.outcome == Outcome.HITS_SUPPORT, TOUCHED, FAILED)
            # What moves little in the hand is surer, which no state tells beforehand.
            cost = np.where(made.success, 0.0 if self._central else loose, cost)
            self._known.update(zip(self._pairs(some), cost.tolist(), strict=True))
            held += int(made.success.sum())
            if held >= enough:
                break


def _angle(cosine: Array) -> Array:
    return np.arccos(np.clip(cosine, -1.0, 1.0))


def object_poses(task: GraspTask) -> Array:
    """(k, 4, 4) poses of the objects now, in the simulation's frame, which rides on the belt."""
    k = len(task.place.ids)
    T = np.tile(np.eye(4), (k, 1, 1))
    T[:, :3, :3], T[:, :3, 3] = task.moment.R_object[0, :k], task.moment.x_object[0, :k]
    return T
