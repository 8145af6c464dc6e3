"""Labels of one object's grasps: the nominal trial, repeated trials, the smallest friction, and hard negatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.frames import Array, axis_angle, pose
from graspgen.grasps.candidates import Candidates
from graspgen.grasps.outcomes import Outcome, Sampler
from graspgen.grasps.profile import DrawSpread, Profile
from graspgen.grasps.propose import candidates_at
from graspgen.grasps.trial import TrialResults, try_asset
from graspgen.grippers.gripper import Gripper
from graspgen.objects.asset import Asset
from graspgen.raycast import RayCaster

Arrays = TypeVar("Arrays", Candidates, TrialResults)

#: Hard negatives are moved by up to this, m and rad, along and about each axis of the grasp frame.
PERTURBATION = (0.005, np.radians(5.0))

#: Smallest and largest sliding friction that the search for the smallest one that holds looks at.
FRICTION_RANGE = (0.02, 1.5)

#: Halvings of the search, in the logarithm: the result is within 7 % of the threshold.
BISECTIONS = 6


@dataclass(frozen=True, eq=False)
class Draws:
    """Repeated trials of grasps under drawn conditions.

    Attributes:
        grasp: (m,) index of the grasp.
        number: (m,) number of the draw of that grasp, from 1.
        friction: (m,) sliding friction between pads and object.
        mass: (m,) kg.
        com_offset: (m, 3) offset of the centre of mass, object frame, m.
        pose_noise: (m, 6) offset of the grasp: x, y, z (m) and a rotation vector (rad), grasp frame.
        results: what happened.
    """

    grasp: NDArray[np.int64]
    number: NDArray[np.int64]
    friction: Array
    mass: Array
    com_offset: Array
    pose_noise: Array
    results: TrialResults


@dataclass(frozen=True, eq=False)
class LabelledGrasps:
    """Grasps of one object and what is known of each.

    Attributes:
        candidates: n grasps, hard negatives last.
        parent: (n,) index of the grasp that a hard negative perturbs, −1 for the others.
        results: nominal trial of each.
        draws: repeated trials.
        success_rate: (n,) share of the repeated trials that succeeded, of the nominal trial where there are none.
        min_friction: (n,) smallest sliding friction that holds; NaN where none does or none was searched.
        steps: simulated steps of all trials.
    """

    candidates: Candidates
    parent: NDArray[np.int64]
    results: TrialResults
    draws: Draws
    success_rate: Array
    min_friction: Array
    steps: int


def label_object(
    asset: Asset,
    gripper: Gripper,
    profile: Profile,
    candidates: Candidates,
    *,
    mass: float,
    inertia: Array,
    friction: ArrayLike,
    rng: np.random.Generator,
    draws: int = 8,
    min_friction: bool = True,
    hard_negatives: int = 0,
    force: float | None = None,
    approach: float = 0.05,
    threads: int = 1,
) -> LabelledGrasps:
    """Try every candidate, then whatever is asked for of those that hold.

    Args:
        asset: the object, at its scale.
        gripper: the hand.
        profile: how trials are simulated and judged, and how conditions are drawn.
        candidates: the grasps.
        mass: kg.
        inertia: (3, 3) about the centre of mass, object axes, kg m².
        friction: (3,) sliding (–), torsional (m) and rolling (m) friction between pads and object.
        rng: stream of the draws and perturbations.
        draws: repeated trials of each grasp that holds, with friction, mass, centre of mass and pose drawn anew.
        min_friction: whether to search the smallest friction that holds, of grasps that reach the object.
        hard_negatives: perturbed copies to try of each grasp that holds; most fail, or hold only just.
        force: grip force, N; None for the gripper's usual one.
        approach: length of the straight approach that must be free of the object, m.
        threads: native threads; results do not depend on it.
    """
    mu = np.asarray(friction, float)

    def attempt(
        T: Array,
        width: Array,
        grip_width: Array,
        fingers: Array,
        masses: ArrayLike = mass,
        friction: ArrayLike = mu,
        com_offset: Array | None = None,
        graded: bool = False,
    ) -> TrialResults:
        masses = np.broadcast_to(masses, len(width))
        return try_asset(
            asset,
            gripper,
            profile,
            T,
            width,
            grip_width=grip_width,
            fingers=fingers if gripper.fingered else None,
            mass=masses,
            inertia=inertia * (masses[0] / mass if len(masses) else 1.0),
            friction=friction,
            com_offset=com_offset,
            force=force,
            approach=approach,
            graded=graded,
            threads=threads,
        )

    # A stream each, and a draw for every grasp, held or not: one's number or outcome moves none of the others.
    draw_rng, perturb_rng = rng.spawn(2)
    results = attempt(
        candidates.T_object_grasp, candidates.width, candidates.grip_width, candidates.fingers, graded=True
    )
    parent = np.full(len(candidates), -1)
    if hard_negatives and results.success.any():
        held = np.flatnonzero(results.success)
        caster = RayCaster(asset.mesh.vertices, asset.mesh.faces)
        perturbed, of = perturb(candidates, held, hard_negatives, caster, gripper, perturb_rng)
        more = attempt(perturbed.T_object_grasp, perturbed.width, perturbed.grip_width, perturbed.fingers, graded=True)
        candidates, results = joined([candidates, perturbed]), joined([results, more])
        parent = np.concatenate([parent, of])

    held = np.flatnonzero(results.success)
    grasp, number = np.repeat(held, draws), np.tile(np.arange(1, draws + 1), len(held))
    conditions = _draw_conditions(profile.draws, draws * len(candidates), asset.extents, draw_rng)
    conditions = {name: values[grasp * draws + number - 1] for name, values in conditions.items()}
    tried = attempt(
        candidates.T_object_grasp[grasp] @ offset_pose(conditions["pose_noise"]),
        candidates.width[grasp],
        candidates.grip_width[grasp],
        candidates.fingers[grasp],
        mass * conditions["mass"],
        mu * conditions["friction"][:, None],
        conditions["com_offset"],
    )
    repeated = Draws(
        grasp,
        number,
        mu[0] * conditions["friction"],
        mass * conditions["mass"],
        conditions["com_offset"],
        conditions["pose_noise"],
        tried,
    )
    rate = results.success.astype(float)
    if draws:
        rate[held] = np.bincount(grasp, tried.success, len(candidates))[held] / draws

    steps = int(results.steps.sum() + tried.steps.sum())
    smallest = np.full(len(candidates), np.nan)
    if min_friction:
        reach = np.flatnonzero((results.outcome != Outcome.HITS_TARGET) & (results.outcome != Outcome.UNSTABLE))

        def holds(index: NDArray[np.int64], at: Array) -> NDArray[np.bool_]:
            nonlocal steps
            trials = attempt(
                candidates.T_object_grasp[index],
                candidates.width[index],
                candidates.grip_width[index],
                candidates.fingers[index],
                friction=mu * (at / mu[0])[:, None],
            )
            steps += int(trials.steps.sum())
            return trials.success

        smallest[reach] = _bisect(holds, reach, results.success[reach], mu[0])
    return LabelledGrasps(candidates, parent, results, repeated, rate, smallest, steps)


def perturb(
    candidates: Candidates,
    index: NDArray[np.int64],
    copies: int,
    caster: RayCaster,
    gripper: Gripper,
    rng: np.random.Generator,
) -> tuple[Candidates, NDArray[np.int64]]:
    """Move each grasp at `index` by up to 5 mm and 5° along and about each of its axes, `copies` times.

    After Get a Grip (Lum et al., 2024), which perturbs successes to find failures near them.

    Returns:
        The moved grasps, with the contacts that their closing line meets (NaN where it meets none), and the (m,)
        indices that they were moved from.
    """
    of = np.repeat(index, copies)
    limit = np.repeat(PERTURBATION, 3)
    noise = rng.uniform(-limit, limit, (len(candidates), copies, 6))[index].reshape(-1, 6)
    T = candidates.T_object_grasp[of] @ offset_pose(noise)
    sampler = np.full(len(of), Sampler.PERTURBED, np.uint8)
    # The hand is what is moved: its tool point stays the one of the grasp that it comes from.
    moved = candidates_at(
        caster, gripper, T, candidates.width[of], sampler, candidates.grip_width[of], candidates.fingers[of],
        candidates.hand_shape[of],
    )  # fmt: skip
    return moved, of


def offset_pose(noise: Array) -> Array:
    """Turn (m, 6) offsets, a translation (m) and a rotation vector (rad), into (m, 4, 4) poses."""
    angle = np.linalg.norm(noise[:, 3:], axis=1)
    axis = np.where(angle[:, None] > 0, noise[:, 3:] / np.maximum(angle, 1e-300)[:, None], [0.0, 0.0, 1.0])
    return pose(axis_angle(axis, angle), noise[:, :3])


def _draw_conditions(spread: DrawSpread, m: int, extents: Array, rng: np.random.Generator) -> dict[str, Array]:
    """(m, …) drawn conditions, row by row, so that a row depends on no later one."""
    s = spread
    columns = (
        s.friction_factor,
        s.mass_factor,
        *[s.com_offset] * 3,
        *[s.position_noise] * 3,
        *[s.rotation_noise_deg] * 3,
    )
    x = np.array([[c.draw(rng) for c in columns] for _ in range(m)], float).reshape(m, len(columns))
    return {
        "friction": x[:, 0],
        "mass": x[:, 1],
        "com_offset": x[:, 2:5] * extents,
        "pose_noise": np.concatenate([x[:, 5:8], np.radians(x[:, 8:])], axis=1),
    }


def _bisect(
    holds: Callable[[NDArray[np.int64], Array], NDArray[np.bool_]],
    index: NDArray[np.int64],
    success: NDArray[np.bool_],
    nominal: float,
) -> Array:
    """(m,) smallest friction at which `holds(index, friction)`; all grasps are halved in step.

    What holds at the nominal friction is searched below it, what does not between it and the largest friction.
    """
    lowest, highest = FRICTION_RANGE
    low = np.where(success, min(lowest, nominal / 2), nominal)
    high = np.where(success, nominal, max(highest, 2 * nominal))
    possible = success.copy()
    if (~success).any():
        possible[~success] = holds(index[~success], high[~success])
    for _ in range(BISECTIONS):
        if not possible.any():
            break
        middle = np.sqrt(low * high)
        held = np.zeros(len(index), bool)
        held[possible] = holds(index[possible], middle[possible])
        high = np.where(possible & held, middle, high)
        low = np.where(possible & ~held, middle, low)
    return np.where(possible, high, np.nan)


def joined(parts: list[Arrays]) -> Arrays:
    """Join dataclasses of arrays end to end."""
    names = [f.name for f in fields(parts[0])]  # type: ignore[arg-type]
    return type(parts[0])(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})
