"""Antipodal grasp candidates on a mesh."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array, axis_angle, pose
from graspgen.grasps.clearance import OWN_REACH, Obstacle, hand_clearance
from graspgen.grasps.outcomes import Sampler
from graspgen.grippers.fingers import MAX_JOINTS
from graspgen.grippers.gripper import Gripper
from graspgen.objects.asset import Asset
from graspgen.raycast import RayCaster

#: A candidate that looks for a clear approach opens up to this much more on each side, m.
WIDEST_GAP = 0.025


@dataclass(frozen=True, eq=False)
class Candidates:
    """Grasp candidates in the object's frame.

    Attributes:
        T_object_grasp: (n, 4, 4) grasp frames: origin between the contacts, z approach, y closing direction.
        width: (n,) opening before closing, m.
        contacts: (n, 2, 3) points that the pads should touch, the left pad's (+y) first, m.
        normals: (n, 2, 3) outward unit normals there.
        antipodal_angle: (n,) larger of the two angles between the closing line and an inward normal, rad.
        sampler: (n,) `Sampler`.
        grip_width: (n,) opening where the pads should meet the object, m: the grasp frame is the tool point there. If
            it is not given, the contacts' distance along the closing direction; `width` where there are none.
        fingers: (n, 2, d) driven joints of a multi-finger hand before closing, and at the grasp, rad or m; d is 0 for
            other grippers.
        hand_shape: (n,) number of the way to hold among the hand's `shapes`, 0 for none.
    """

    T_object_grasp: Array
    width: Array
    contacts: Array
    normals: Array
    antipodal_angle: Array
    sampler: NDArray[np.uint8]
    grip_width: Array = None  # type: ignore[assignment]
    fingers: Array = None  # type: ignore[assignment]
    hand_shape: NDArray[np.uint8] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.fingers is None:
            object.__setattr__(self, "fingers", np.zeros((len(self.width), 2, 0)))
        if self.hand_shape is None:
            object.__setattr__(self, "hand_shape", np.zeros(len(self.width), np.uint8))
        if self.grip_width is None:
            apart = self.contacts[:, 0] - self.contacts[:, 1]
            along = np.einsum("nj,nj->n", apart, self.T_object_grasp[:, :3, 1])
            met = np.where(np.isfinite(along) & (along > 0), along, self.width)
            object.__setattr__(self, "grip_width", np.minimum(met, self.width))

    def __len__(self) -> int:
        return len(self.width)

    def take(self, index: NDArray[np.int64] | slice) -> Candidates:
        """Return the candidates at `index`."""
        return Candidates(*(getattr(self, f.name)[index] for f in fields(self)))


def packed(fingers: Array) -> Array:
    """Return (n, 2, d) driven joints as they are stored: (n, 2, `MAX_JOINTS`), NaN beyond."""
    out = np.full((len(fingers), 2, MAX_JOINTS), np.nan)
    out[..., : fingers.shape[2]] = fingers
    return out


def unpacked(stored: Array) -> Array:
    """Return (n, 2, d) driven joints as `packed` stored them, all of one gripper."""
    number = int(np.isfinite(stored[0, 0]).sum()) if len(stored) else 0
    return np.array(stored[..., :number], float)


def propose(
    asset: Asset,
    gripper: Gripper,
    count: int,
    rng: np.random.Generator,
    *,
    cone: float,
    clearance: float,
    clear_share: float,
    approach: float,
    step: float,
    redraws: int = 24,
    threads: int = 1,
) -> Candidates:
    """Draw antipodal candidates, a share of them with an approach on which the open hand is clear of the object.

    Most uniform approaches to a bulky object run the palm into it, which teaches little. So every candidate of the
    share takes the first clear one of its own and `redraws` further approaches about the same closing line, if there is
    one: one drawn in each of as many equal sectors, in random order, each with an opening drawn between the usual one
    and `WIDEST_GAP` more on each side, because fingers need room to straddle a curved wall.

    Args:
        asset: the object, at its scale.
        gripper, count, rng, cone, clearance: see `sample_antipodal`.
        clear_share: share of candidates that look for a clear approach, evenly spread.
        approach, step: length and resolution of the approach, m.
        redraws: further approaches tried.
        threads: native threads; results do not depend on it.
    """
    caster = RayCaster(asset.mesh.vertices, asset.mesh.faces)
    found = sample_antipodal(caster, gripper, count, rng, cone=cone, clearance=clearance)
    n = len(found)
    angles = 2 * np.pi * rng.permuted((np.arange(redraws) + rng.random((n, redraws))) / redraws, axis=1)
    numbers = np.arange(n)
    seeking = np.flatnonzero(np.floor((numbers + 1) * clear_share) > np.floor(numbers * clear_share))
    if not len(seeking):
        return found
    T = found.T_object_grasp[seeking]
    wider = found.width[seeking, None] + 2 * WIDEST_GAP * rng.random((n, redraws))[seeking]
    widths = np.concatenate([found.width[seeking, None], np.minimum(wider, gripper.file.stroke)], axis=1)
    options = np.concatenate([T[:, None], _turned_about_contacts(found, seeking, angles[seeking])], axis=1)
    sweep = hand_clearance(
        gripper, [Obstacle(asset.parts, np.eye(4))], options.reshape(-1, 4, 4),
        widths.ravel(), grip_width=np.repeat(found.grip_width[seeking], options.shape[1]),
        approach=approach, step=step, reach=OWN_REACH, threads=threads,
    )  # fmt: skip
    clear = sweep.on_approach[:, 0].reshape(len(seeking), -1) >= 0
    first = np.argmax(clear, axis=1)
    chosen, width, sampler = found.T_object_grasp.copy(), found.width.copy(), found.sampler.copy()
    rows = np.arange(len(seeking))
    chosen[seeking], width[seeking] = options[rows, first], widths[rows, first]
    sampler[seeking] = np.where(clear.any(axis=1), Sampler.ANTIPODAL_CLEAR, Sampler.ANTIPODAL_BLOCKED)
    return replace(found, T_object_grasp=chosen, width=width, sampler=sampler)


def _turned_about_contacts(found: Candidates, index: NDArray[np.int64], angles: Array) -> Array:
    """(m, r, 4, 4) the grasps at `index`, turned by (m, r) angles about their closing lines."""
    T = found.T_object_grasp[index]
    centre = found.contacts[index].mean(axis=1)
    turn = axis_angle(np.repeat(T[:, None, :3, 1], angles.shape[1], axis=1), angles)
    R = turn @ T[:, None, :3, :3]
    offset = (turn @ (T[:, :3, 3] - centre)[:, None, :, None])[..., 0]
    return pose(R, centre[:, None] + offset)


def sample_antipodal(
    caster: RayCaster,
    gripper: Gripper,
    count: int,
    rng: np.random.Generator,
    *,
    cone: float,
    clearance: float,
    max_rounds: int = 40,
) -> Candidates:
    """Draw antipodal candidates: two surface points whose line lies in both friction cones.

    A surface point is drawn uniformly by area, a closing direction uniformly in the cone about its inward normal, and a
    ray is cast through the object. Every face that the ray leaves through, not only the first, is a second contact
    (so a mug is grasped by its wall and across its body); one of those within the stroke and the cone is taken. The
    approach is uniform about the closing line, the depth uniform over the pad's length. After Dex-Net 1.0 (Mahler et
    al., 2016) and ACRONYM (Eppner et al., 2021).

    Args:
        caster: the object's mesh, m.
        gripper: its stroke bounds the width, its pad the depth.
        count: candidates wanted.
        rng: stream of the draws.
        cone: half-angle of the cones, rad.
        clearance: gap between pad and surface before closing, m; reduced where the stroke leaves less.
        max_rounds: sampling rounds before giving up on an object that offers too few.

    Returns:
        At most `count` candidates; fewer, down to none, where the object offers too few.
    """
    area = np.cumsum(caster.areas)
    found: list[Candidates] = []
    have, batch = 0, max(4 * count, 64)
    for _ in range(max_rounds if count else 0):
        new = _round(caster, area, gripper, batch, rng, cone, clearance)
        found.append(new)
        have += len(new)
        if have >= count:
            break
        # A mesh with no pair in its first 2000 rays offers none worth the wait.
        if have == 0 and len(found) * batch > 2000:
            break
    if not found:
        found = [_round(caster, area, gripper, 0, rng, cone, clearance)]
    arrays = ((getattr(c, f.name) for c in found) for f in fields(Candidates))
    return Candidates(*(np.concatenate(list(a)) for a in arrays)).take(slice(0, count))


def closing_contacts(caster: RayCaster, T_object_grasp: Array, width: Array) -> tuple[Array, Array, Array]:
    """Find where pads that close along a grasp's line through the tool point first meet the object.

    Args:
        caster: the object's mesh, m.
        T_object_grasp: (n, 4, 4) grasp frames, object frame.
        width: (n,) openings, m.

    Returns:
        (n, 2, 3) contacts and (n, 2, 3) outward normals, the left pad's (+y) first, object frame, and the (n,)
        antipodal angles, rad; NaN where the pads do not meet it from both sides.
    """
    centre, y = T_object_grasp[:, :3, 3], T_object_grasp[:, :3, 1]
    points, normals = np.full((len(width), 2, 3), np.nan), np.full((len(width), 2, 3), np.nan)
    for side, sign in enumerate((1.0, -1.0)):
        start, along = centre + sign * width[:, None] / 2 * y, -sign * y
        face = caster.first_face(start, along)
        hit = np.flatnonzero(face >= 0)
        distance = caster.plane_distance(face[hit], start[hit], along[hit])
        near = distance <= width[hit]
        hit, distance = hit[near], distance[near]
        points[hit, side] = start[hit] + distance[:, None] * along[hit]
        normals[hit, side] = caster.normals[face[hit]]
    cosines = np.einsum("nkj,nj->nk", normals, y) * [1, -1]
    apart = np.einsum("nj,nj->n", points[:, 0] - points[:, 1], y)
    # A pad that starts inside the object meets the surface from within, and no pair of pads can be there.
    missed = ~((cosines > 0).all(axis=1) & (apart > 0))
    points[missed], normals[missed] = np.nan, np.nan
    angle = np.arccos(np.clip(cosines.min(axis=1), -1, 1))
    return points, normals, np.where(missed, np.nan, angle)


def _round(
    caster: RayCaster,
    area: Array,
    gripper: Gripper,
    batch: int,
    rng: np.random.Generator,
    cone: float,
    clearance: float,
) -> Candidates:
    """One round: `batch` rays, and the candidates that come of them, in the order of the rays."""
    u = rng.random((batch, 8))
    face = np.minimum(np.searchsorted(area, u[:, 0] * area[-1], "right"), len(area) - 1)
    point = caster.point(face, u[:, 1], u[:, 2])
    normal = caster.normals[face]
    direction = _in_cone(-normal, cone, u[:, 3], u[:, 4])
    hits = caster.all_hits(point, direction, gripper.file.stroke)
    exit_normal = caster.normals[hits.face]
    leaving = np.einsum("ij,ij->i", exit_normal, direction[hits.ray])
    good = (leaving >= np.cos(cone)) & (hits.distance > 5e-4)
    ray, distance, exit_normal, leaving = (
        hits.ray[good],
        hits.distance[good],
        exit_normal[good],
        leaving[good],
    )
    # One exit a ray, drawn uniformly among those that are good.
    rays, first, number = np.unique(ray, return_index=True, return_counts=True)
    chosen = first + np.minimum((u[rays, 5] * number).astype(int), number - 1)
    p, y, n1, n2 = point[rays], direction[rays], normal[rays], exit_normal[chosen]
    q = p + distance[chosen, None] * y
    angle1 = np.arccos(np.clip(-np.einsum("ij,ij->i", n1, y), -1, 1))
    angle2 = np.arccos(np.clip(leaving[chosen], -1, 1))
    # y runs from the right pad (at p) to the left pad (at q).
    approach = np.einsum("nij,nj->ni", axis_angle(y, 2 * np.pi * u[rays, 6]), _perpendicular(y))
    R = np.stack([np.cross(y, approach), y, approach], axis=-1)
    depth = (u[rays, 7] - 0.5) * gripper.file.pad[1]
    T = pose(R, (p + q) / 2 + depth[:, None] * approach)
    width = np.minimum(distance[chosen] + 2 * clearance, gripper.file.stroke)
    sampler = np.full(len(rays), Sampler.ANTIPODAL, np.uint8)
    return Candidates(T, width, np.stack([q, p], 1), np.stack([n2, n1], 1), np.maximum(angle1, angle2), sampler)


def _in_cone(axis: Array, half_angle: float, u: Array, v: Array) -> Array:
    """Directions uniform in solid angle within `half_angle` of the (n, 3) unit `axis`."""
    cos = 1 - u * (1 - np.cos(half_angle))
    sin = np.sqrt(1 - cos**2)
    a = _perpendicular(axis)
    b = np.cross(axis, a)
    phi = 2 * np.pi * v
    return cos[:, None] * axis + sin[:, None] * (np.cos(phi)[:, None] * a + np.sin(phi)[:, None] * b)


def _perpendicular(v: Array) -> Array:
    """A unit vector perpendicular to each of the (n, 3) unit vectors."""
    axis = np.eye(3)[np.argmin(np.abs(v), axis=1)]
    w = np.cross(v, axis)
    return w / np.linalg.norm(w, axis=1, keepdims=True)
