"""Contact optimisation: move hand and joints until every fingertip lies flat on the surface and the contacts balance.

After the contact energy of GraspIt! (Ciocarlie and Allen, 2009: distance and alignment of a hand's contact points) and
the differentiable force closure of Liu et al. (2021), as DexGraspNet (Wang et al., 2023) uses them. Here they are least
squares, by Levenberg–Marquardt instead of gradient descent; the object is a grid of signed distances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graspgen.frames import Array, axis_angle, cross
from graspgen.grasps.finger_points import HandPoints
from graspgen.objects.asset import Asset
from graspgen.objects.distance_grid import DistanceGrid

#: Steps of the optimisation.
STEPS = 40
#: Points of each geom of the hand that are looked at for being inside.
POINTS = 12
#: Weights: of a pad's distance (–), of what 1 − cos of its tilt counts, of unbalanced contacts, m; of depth inside (–);
#: of joints that leave where they began, as a share of their range, m.
DISTANCE, TILTED, UNBALANCED, INSIDE, ASTRAY = 2.0, 0.005, 0.03, 1.0, 0.001
#: Points of a hand that are looked at for being inside: the deepest ones.
DEEPEST = 16
#: Every direction is damped by at least this share of the mean one.
LEAST = 1e-3
#: A step moves the hand by at most this, m and rad.
LARGEST = 0.02


@dataclass(frozen=True, eq=False)
class Optimised:
    """What the optimisation found for n starts.

    Attributes:
        T_object_grasp: (n, 4, 4) grasp frames.
        joints: (n, d) driven joints.
        energy: (n,) sum of squares that is left, m².
        distance: (n, f) m, of every fingertip's pad from the surface, negative inside.
    """

    T_object_grasp: Array
    joints: Array
    energy: Array
    distance: Array


def optimise_contacts(
    surface: DistanceGrid,
    hand: HandPoints,
    asset: Asset,
    T_object_grasp: Array,
    joints: Array,
    *,
    floor: tuple[Array, float] | None = None,
    steps: int = STEPS,
) -> Optimised:
    """Move hands until their fingertips lie on the surface.

    Args:
        surface: the object's.
        hand: the hand.
        asset: the object, at its scale.
        T_object_grasp: (n, 4, 4) where to begin.
        joints: (n, d) driven joints to begin with.
        floor: (3,) unit normal, object frame, and height along it, m, that the hand must stay above; None for none.
        steps: of the optimisation.
    """
    low, high = hand.postures.limits.T
    reach = np.where(np.isfinite(high - low), high - low, 1.0)
    T, q, q0 = T_object_grasp.copy(), np.clip(joints, low, high), joints
    size = float(np.linalg.norm(asset.extents)) / 2
    damping = np.full(len(T), 1e-3)
    energy = np.full(len(T), np.inf)
    best = (T.copy(), q.copy())
    system: tuple[Array, Array] | None = None
    distance = np.zeros((len(T), hand.tips))
    for _ in range(steps + 1):
        residual, J, apart = _residuals(surface, hand, T, q, q0, reach, asset.com, size, floor)
        now = (residual**2).sum(axis=1)
        better = now < energy
        energy = np.where(better, now, energy)
        best[0][better], best[1][better], distance[better] = T[better], q[better], apart[better]
        damping = np.where(better, damping * 0.4, damping * 5)
        H, b = np.einsum("nri,nrj->nij", J, J), np.einsum("nri,nr->ni", J, residual)
        if system is None:
            system = (H, b)
        system[0][better], system[1][better] = H[better], b[better]
        # What hardly matters must not take the whole step: at first no pad may care for a way along the surface.
        scale = np.einsum("nii->ni", system[0])
        scale += LEAST * scale.mean(axis=1, keepdims=True)
        held = np.clip(damping, 1e-6, 1e6)[:, None] * scale
        step = -np.linalg.solve(system[0] + held[:, None] * np.eye(H.shape[1]), system[1][..., None])[..., 0]
        far = np.abs(step) / np.where(np.arange(step.shape[1]) < 3, LARGEST, 10 * LARGEST)
        most = far.max(axis=1)
        step /= np.maximum(most, 1.0)[:, None]
        T, q = _moved(best[0], step[:, :6]), np.clip(best[1] + step[:, 6:], low, high)
    return Optimised(best[0], best[1], energy, distance)


def _moved(T: Array, step: Array) -> Array:
    """(n, 4, 4) frames moved by (n, 6): the origin by the first three, m, turned about it by a rotation vector."""
    out = T.copy()
    out[:, :3, 3] += step[:, :3]
    angle = np.linalg.norm(step[:, 3:], axis=1)
    axis = np.where(angle[:, None] > 0, step[:, 3:] / np.maximum(angle, 1e-300)[:, None], [0.0, 0.0, 1.0])
    out[:, :3, :3] = axis_angle(axis, angle) @ T[:, :3, :3]
    return out


def _residuals(
    surface: DistanceGrid,
    hand: HandPoints,
    T: Array,
    q: Array,
    q0: Array,
    reach: Array,
    com: Array,
    size: float,
    floor: tuple[Array, float] | None,
) -> tuple[Array, Array, Array]:
    """(n, r) residuals, (n, r, 6 + d) their derivatives, and (n, f) the pads' distances."""
    n, d, f = len(T), q.shape[1], hand.tips
    local, normal, anchor, axis = hand.look(q)
    R = T[:, :3, :3]
    arm = local @ R.swapaxes(1, 2)
    x = arm + T[:, None, :3, 3]
    # What is deepest inside, of each hand: the others do not count.
    depth = surface.distance(x[:, f:].reshape(-1, 3)).reshape(n, -1)
    deepest = f + np.argpartition(depth, DEEPEST - 1, axis=1)[:, :DEEPEST]
    row = np.arange(n)[:, None]
    listed = [np.broadcast_to(np.arange(f), (n, f)), deepest]
    if floor is not None:
        listed.append(np.argpartition(x @ floor[0], DEEPEST - 1, axis=1)[:, :DEEPEST])
    chosen = np.concatenate(listed, axis=1)
    J = np.zeros((*chosen.shape, 3, 6 + d))
    J[..., :3] = np.eye(3)
    J[..., 3:6] = -_skew(arm[row, chosen])
    number = chosen.shape[1]
    slopes = hand.slopes(
        hand.body[chosen].ravel(), local[row, chosen].reshape(-1, 3), np.repeat(anchor, number, axis=0),
        np.repeat(axis, number, axis=0),
    ).reshape(n, number, 3, d)  # fmt: skip
    J[..., 6:] = R[:, None] @ slopes
    m = normal @ R.swapaxes(1, 2)
    turns = hand.turns(np.tile(hand.body[:f], n), np.repeat(axis, f, axis=0)).reshape(n, f, 3, d)
    J_m = np.zeros((n, f, 3, 6 + d))
    J_m[..., 3:6] = -_skew(m)
    J_m[..., 6:] = -_skew(m) @ (R[:, None] @ turns)
    distance, g, H = (a.reshape(n, f, *a.shape[1:]) for a in surface.look(x[:, :f].reshape(-1, 3)))
    J_g = H @ J[:, :f]
    depth, face, _ = (a.reshape(n, -1, *a.shape[1:]) for a in surface.look(x[row, deepest].reshape(-1, 3)))
    inside = depth < 0
    lever = x[:, :f] - com
    share = _shares(g, lever, size)[..., None]
    force = (share * g).sum(axis=1)
    torque = (share * cross(lever, g)).sum(axis=1) / size
    J_force = (share[..., None] * J_g).sum(axis=1)
    J_torque = (share[..., None] * (_skew(lever) @ J_g - _skew(g) @ J[:, :f])).sum(axis=1) / size
    residual = (
        DISTANCE * distance,
        TILTED * (m + g).reshape(n, -1),
        UNBALANCED * force,
        UNBALANCED * torque,
        INSIDE * np.where(inside, depth, 0.0),
        ASTRAY * (q - q0) / reach,
    )
    slope = (
        DISTANCE * (g[:, :, None] @ J[:, :f])[:, :, 0],
        TILTED * (J_m + J_g).reshape(n, -1, 6 + d),
        UNBALANCED * J_force,
        UNBALANCED * J_torque,
        INSIDE * inside[..., None] * (face[:, :, None] @ J[:, f : f + DEEPEST])[:, :, 0],
        np.broadcast_to(ASTRAY * np.eye(6 + d)[6:] / reach[:, None], (n, d, 6 + d)),
    )
    if floor is not None:
        up, height = floor
        above = x[row, listed[2]] @ up - height
        under = above < 0
        residual = (*residual, INSIDE * np.where(under, above, 0.0))
        slope = (*slope, INSIDE * under[..., None] * (up @ J[:, f + DEEPEST :]))
    return np.concatenate(residual, axis=1), np.concatenate(slope, axis=1), distance


def _shares(g: Array, lever: Array, size: float) -> Array:
    """(n, f) shares of the whole force that balance best, by least squares near equal ones; none is below 0.1 / f."""
    n, f = g.shape[:2]
    G = np.concatenate([g, cross(lever, g) / size], axis=2)
    A = np.einsum("nfi,nki->nfk", G, G) + 0.3 * np.eye(f)
    x = np.linalg.solve(A, np.full((n, f, 1), 1.0))[..., 0]
    x = np.maximum(x / np.maximum(x.sum(axis=1, keepdims=True), 1e-9), 0.1 / f)
    return x / x.sum(axis=1, keepdims=True)


def _skew(v: Array) -> Array:
    """(…, 3, 3) matrices S with S w = v × w."""
    out = np.zeros((*v.shape, 3))
    out[..., 0, 1], out[..., 0, 2], out[..., 1, 2] = -v[..., 2], v[..., 1], -v[..., 0]
    return out - np.swapaxes(out, -1, -2)
