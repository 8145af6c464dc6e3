"""What load a sealed suction gripper resists, by the statics of its lips.

The lips of all sealed cups are one rigid ring of N springs under the vacuum's force F. A pull P, a moment M and a shear
load it: a spring bears P / N, and M by its distance from the axis of bending, as in a beam. The lip lifts, and the
vacuum is lost, where a spring bears more than its share F / N of the vacuum: for one cup of radius r, P + 2 M / r = F,
so that a moment alone is borne up to F r / 2. (Dex-Net 3.0 limits the moment by π r κ with a constant of the material;
that is the same limit for κ = F / 2π.) The lip slides where the shear passes μ (F − P), the twist about the approach
taken as a shear at the lip's mean distance from the middle: μ F r alone for one cup, as in Dex-Net 3.0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from graspgen.frames import Array
from graspgen.grasps.seal import POINTS

#: Standard gravity, m/s²: a weight where there is no scene.
STANDARD_GRAVITY = 9.81

#: Loads beyond this many weights count as this many: an object that lies on a cup is only pressed on.
MOST_WEIGHTS = 1000.0

#: Directions of gravity among which the worst is looked for, evenly over the sphere.
DIRECTIONS = 256


def resisted(
    cups: Array,
    radius: float,
    cup_force: float,
    sealed: np.ndarray,
    friction: Array,
    lever: Array,
    direction: Array,
    weight: Array,
) -> Array:
    """Return how many times its weight a held object can pull in given directions before its lips lift or slide.

    Args:
        cups: (k, 2) centres of the lips, grasp frame, m.
        radius: of a lip, m.
        cup_force: the vacuum's force on one cup, N.
        sealed: (n, k) which cups hold.
        friction: (n,) sliding friction of lips and object.
        lever: (n, 3) centre of mass of the object, grasp frame, m.
        direction: (n, m, 3) unit vectors of the pull, grasp frame.
        weight: (n,) N.

    Returns:
        (n, m) multiples of the weight; 0 where no cup seals, infinite where no such pull moves anything.
    """
    n, m = direction.shape[:2]
    angle = 2 * np.pi * np.arange(POINTS) / POINTS
    ring = radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    out = np.zeros((n, m))
    for pattern in np.unique(sealed, axis=0):
        mine = np.flatnonzero((sealed == pattern).all(axis=1))
        if not pattern.any() or not len(mine):
            continue
        p = (np.asarray(cups, float)[pattern][:, None] + ring).reshape(-1, 2)
        middle, number, force = p.mean(axis=0), len(p), cup_force * pattern.sum()
        p = p - middle
        arm = lever[mine, None] - np.array([*middle, 0.0])
        f = direction[mine] * weight[mine, None, None]
        torque = np.cross(arm, f)
        # A moment (Mx, My) loads a spring at (x, y) by w · (x, y), where S w = (−My, Mx) and S = Σ p pᵀ.
        w = np.stack([-torque[..., 1], torque[..., 0]], axis=-1) @ np.linalg.inv(p.T @ p)
        load = f[..., 2] + number * (w @ p.T).max(axis=-1)
        lifts = np.divide(force, load, out=np.full(load.shape, np.inf), where=load > 0)
        shear = np.hypot(np.linalg.norm(f[..., :2], axis=-1), torque[..., 2] / np.linalg.norm(p, axis=1).mean())
        mu = friction[mine, None]
        slide = shear + mu * f[..., 2]
        slides = np.divide(mu * force, slide, out=np.full(load.shape, np.inf), where=slide > 0)
        out[mine] = np.minimum(lifts, slides)
    return out


def weights_resisted(
    cups: Array,
    radius: float,
    cup_force: float,
    sealed: np.ndarray,
    T_object_grasp: Array,
    com: ArrayLike,
    friction: float,
    weight: float,
    down: ArrayLike | None = None,
) -> Array:
    """Return how many times its weight an object can pull, in the worst direction or in one.

    Args:
        cups, radius, cup_force, sealed: see `resisted`.
        T_object_grasp: (n, 4, 4) grasp frames, object frame.
        com: (3,) centre of mass, object frame, m.
        friction: sliding friction of lips and object.
        weight: N.
        down: (3,) direction of the pull, object frame; None for the worst.

    Returns:
        (n,) multiples of the weight, at most `MOST_WEIGHTS`.
    """
    n, R = len(T_object_grasp), T_object_grasp[:, :3, :3]
    lever = np.einsum("nji,nj->ni", R, np.asarray(com, float) - T_object_grasp[:, :3, 3])
    if down is None:
        direction = np.broadcast_to(all_directions(), (n, DIRECTIONS, 3))
    else:
        direction = np.einsum("nji,j->ni", R, np.asarray(down, float) / np.linalg.norm(down))[:, None]
    found = resisted(
        cups, radius, cup_force, sealed, np.full(n, friction), lever, direction, np.full(n, weight)
    )  # fmt: skip
    return np.minimum(found.min(axis=1, initial=np.inf), MOST_WEIGHTS)


def all_directions() -> Array:
    """(DIRECTIONS, 3) unit vectors spread evenly over the sphere (a Fibonacci lattice)."""
    i = np.arange(DIRECTIONS) + 0.5
    z, turn = 1 - 2 * i / DIRECTIONS, np.pi * (1 + 5**0.5) * i
    return np.stack([np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z], axis=-1)
