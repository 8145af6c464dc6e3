"""A multi-finger hand as points of its surface: where they are in many postures, and where fingers meet things."""

from __future__ import annotations

from functools import lru_cache

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array, axis_angle, cross, quat_to_matrix
from graspgen.grasps.finger_close import finger_postures, fingers_file
from graspgen.grippers.gripper import Gripper
from graspgen.objects.distance_grid import DistanceGrid
from graspgen.objects.surface_distance import sample_surface
from graspgen.primitive_mesh import primitive_mesh

#: Spacing of the points on a hand, m, and how many of a geom are kept at most: those that are farthest apart.
SPACING, MOST = 0.008, 28
#: Steps in which fingers close until they meet the object.
CLOSING = 48
#: Points within this of a surface touch it, m; and they do so from opposite sides where the cosine is less than this.
TOUCHES, OPPOSITE = 0.002, -0.3

_KINDS = {
    int(mujoco.mjtGeom.mjGEOM_SPHERE): "sphere",
    int(mujoco.mjtGeom.mjGEOM_CAPSULE): "capsule",
    int(mujoco.mjtGeom.mjGEOM_ELLIPSOID): "ellipsoid",
    int(mujoco.mjtGeom.mjGEOM_CYLINDER): "cylinder",
    int(mujoco.mjtGeom.mjGEOM_BOX): "box",
}


class HandPoints:
    """Points of a hand and how they move, of many postures at once: the pads of its tips, then points all over it.

    Args:
        gripper: a multi-finger hand.
        most: points of each of its geoms at most.
    """

    def __init__(self, gripper: Gripper, most: int = MOST) -> None:
        self.postures = finger_postures(gripper)
        spec = gripper.spec()
        for element in [*spec.actuators, *spec.equalities]:
            spec.delete(element)
        self.model = model = spec.compile()
        self.tool = gripper.T_base_tcp[:3, 3]
        bodies = [model.body(tip).id for tip in self.postures.tips]
        points = list(self.postures.pads)
        for g in range(model.ngeom):
            if model.geom_contype[g] or model.geom_conaffinity[g]:
                own = _geom_points(model, g, most)
                bodies += [int(model.geom_bodyid[g])] * len(own)
                points += list(own)
        self.body, self.local = np.array(bodies), np.array(points)
        self.finger = _fingers(model, self.body, fingers_file(gripper).fingers)
        self._of_body = [(int(b), np.flatnonzero(self.body == b)) for b in np.unique(self.body)]
        self.tips = len(self.postures.tips)
        self.follow = self.postures.follow(self.postures.stages[2])
        # Which joints move which body.
        self.moves = np.zeros((model.nbody, model.njnt), bool)
        for b in range(1, model.nbody):
            self.moves[b] = self.moves[int(model.body_parentid[b])]
            self.moves[b, int(model.body_jntadr[b]) : int(model.body_jntadr[b]) + int(model.body_jntnum[b])] = True
        self.slides = model.jnt_type == int(mujoco.mjtJoint.mjJNT_SLIDE)

    def look(self, driven: Array) -> tuple[Array, Array, Array, Array]:
        """Return where the hand is at (n, d) driven joints, along the base's axes, from the tool point.

        Returns:
            (n, p, 3) m, the points; (n, f, 3) the pads' normals; (n, joints, 3) m, places of the joints, and
            (n, joints, 3) their axes.
        """
        model, n = self.model, len(driven)
        q = self.postures.full(driven) - model.qpos0
        R, x = np.zeros((model.nbody, n, 3, 3)), np.zeros((model.nbody, n, 3))
        R[0] = np.eye(3)
        anchor, axis = np.zeros((n, model.njnt, 3)), np.zeros((n, model.njnt, 3))
        own = quat_to_matrix(model.body_quat)
        for b in range(1, model.nbody):
            parent = int(model.body_parentid[b])
            x[b] = x[parent] + R[parent] @ model.body_pos[b]
            R[b] = R[parent] @ own[b]
            for j in range(int(model.body_jntadr[b]), int(model.body_jntadr[b]) + int(model.body_jntnum[b])):
                axis[:, j] = R[b] @ model.jnt_axis[j]
                anchor[:, j] = x[b] + R[b] @ model.jnt_pos[j]
                if self.slides[j]:
                    x[b] += axis[:, j] * q[:, j, None]
                else:
                    turn = axis_angle(axis[:, j], q[:, j])
                    x[b] = anchor[:, j] + (turn @ (x[b] - anchor[:, j])[..., None])[..., 0]
                    R[b] = turn @ R[b]
        points = np.empty((n, len(self.body), 3))
        for b, own in self._of_body:
            points[:, own] = self.local[own] @ R[b].swapaxes(1, 2) + (x[b] - self.tool)[:, None]
        normals = (R[self.body[: self.tips]] @ self.postures.normals[:, None, :, None])[..., 0]
        return points, normals.swapaxes(0, 1), anchor - self.tool, axis

    def slopes(self, body: Array, points: Array, anchor: Array, axis: Array) -> Array:
        """(m, 3, d) how points move with the driven joints.

        Args:
            body: (m,) bodies of the points.
            points, anchor, axis: (m, 3), (m, joints, 3) and (m, joints, 3), as `look` returns them.
        """
        arm = cross(axis, points[:, None] - anchor)
        ways = np.where(self.slides[:, None], axis, arm) * self.moves[body][..., None]
        return np.einsum("mji,jd->mid", ways, self.follow)

    def turns(self, body: Array, axis: Array) -> Array:
        """(m, 3, d) how bodies turn with the driven joints, rad."""
        ways = axis * (self.moves[body] & ~self.slides)[..., None]
        return np.einsum("mji,jd->mid", ways, self.follow)


@lru_cache(maxsize=4)
def hand_points(gripper: Gripper, most: int = MOST) -> HandPoints:
    """Return `HandPoints` of a hand, made once."""
    return HandPoints(gripper, most)


def meet(surface: DistanceGrid, hand: HandPoints, T_object_grasp: Array, opened: Array, closed: Array) -> Array:
    """Close hands until their fingers meet an object, as GraspIt!'s auto-grasp does (Miller and Allen, 2004).

    All closing joints go from open to closed at once; what moves a link that has met the object stops, what is beyond
    that link goes on.

    Args:
        surface: the object's.
        hand: the hand.
        T_object_grasp: (n, 4, 4) grasp frames.
        opened, closed: (n, d) driven joints.

    Returns:
        (n, d) driven joints where the fingers meet the object; as in `closed` of those that do not.
    """
    n = len(opened)
    closers = np.abs(closed - opened) > 1e-6
    # Whether a driven joint moves a point.
    moves = (hand.moves[hand.body].astype(float) @ np.abs(hand.follow)) > 1e-9
    number = np.flatnonzero(moves[:, hand.postures.closers].any(axis=1))
    moves = moves[number]

    def apart(q: Array, which: NDArray[np.int64]) -> Array:
        R, origin = T_object_grasp[which, :3, :3], T_object_grasp[which, :3, 3]
        x = hand.look(q)[0][:, number] @ R.swapaxes(1, 2) + origin[:, None]
        return surface.distance(x.reshape(-1, 3)).reshape(len(which), len(number))

    q, step = opened.copy(), (closed - opened) / CLOSING
    active, before = closers.copy(), apart(opened, np.arange(n))
    for _ in range(CLOSING):
        ids = np.flatnonzero(active.any(axis=1))
        if not len(ids):
            break
        goes = np.where(active[ids], step[ids], 0.0)
        after = apart(q[ids] + goes, ids)
        # What is inside already when the hand is open does not count: it gets no deeper by this finger alone.
        met = (after < 0) & (after < before[ids])
        share = np.where(met, np.clip(before[ids] / np.maximum(before[ids] - after, 1e-9), 0, 1), 1.0)
        # Of each joint, what it can go: until the first of the points that it moves is there.
        can = np.stack([share[:, m].min(axis=1, initial=1.0) for m in moves.T], axis=1)
        stop = active[ids] & (can < 1)
        q[ids] += goes * np.where(stop, can, 1.0)
        active[ids] &= ~stop
        before[ids] = after
        stopped = np.flatnonzero(stop.any(axis=1))
        if len(stopped):
            before[ids[stopped]] = apart(q[ids[stopped]], ids[stopped])
    return q


def grips(surface: DistanceGrid, hand: HandPoints, T_object_grasp: Array, joints: Array) -> NDArray[np.bool_]:
    """(n,) whether two fingers, or one and the palm, are at a surface from opposite sides.

    Args:
        surface: the object's.
        hand: the hand.
        T_object_grasp: (n, 4, 4) grasp frames.
        joints: (n, d) driven joints.
    """
    n, number = len(joints), int(hand.finger.max()) + 1
    x = hand.look(joints)[0] @ T_object_grasp[:, :3, :3].swapaxes(1, 2) + T_object_grasp[:, None, :3, 3]
    distance = surface.distance(x.reshape(-1, 3)).reshape(n, -1)
    groups = [np.flatnonzero(hand.finger == f) for f in range(-1, number)]
    nearest = np.stack([own[distance[:, own].argmin(axis=1)] for own in groups if len(own)], axis=1)
    row = np.arange(n)[:, None]
    _, way, _ = surface.look(x[row, nearest].reshape(-1, 3))
    unit = np.where((distance[row, nearest] < TOUCHES)[..., None], way.reshape(n, -1, 3), 0.0)
    return (np.einsum("nai,nbi->nab", unit, unit) < OPPOSITE).any(axis=(1, 2))


def _fingers(model: mujoco.MjModel, body: NDArray[np.int64], fingers: tuple[str, ...]) -> NDArray[np.int64]:
    """(p,) number of the finger that each point's body is part of, −1 of the palm."""
    of_body = np.full(model.nbody, -1)
    roots = [model.body(name).id for name in fingers]
    for b in range(1, model.nbody):
        of_body[b] = roots.index(b) if b in roots else of_body[int(model.body_parentid[b])]
    return of_body[body]


def _geom_points(model: mujoco.MjModel, geom: int, most: int) -> Array:
    """(p, 3) points of a geom's surface, its body's frame, m."""
    R = np.zeros(9)
    mujoco.mju_quat2Mat(R, model.geom_quat[geom])
    if int(model.geom_type[geom]) == int(mujoco.mjtGeom.mjGEOM_MESH):
        mesh = int(model.geom_dataid[geom])
        at, number = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
        first, faces = int(model.mesh_faceadr[mesh]), int(model.mesh_facenum[mesh])
        vertices, triangles = model.mesh_vert[at : at + number], model.mesh_face[first : first + faces]
    else:
        vertices, triangles = primitive_mesh(_KINDS[int(model.geom_type[geom])], model.geom_size[geom])
    vertices = np.asarray(vertices, float)
    points = np.concatenate([vertices, sample_surface(vertices, np.asarray(triangles), SPACING)[0]])
    return _spread(points, most) @ R.reshape(3, 3).T + model.geom_pos[geom]


def _spread(points: Array, most: int) -> Array:
    """Return at most `most` of the points, far from each other: each the farthest from those before it."""
    if len(points) <= most:
        return points
    kept = [int(points[:, 0].argmin())]
    far = np.linalg.norm(points - points[kept[0]], axis=1)
    while len(kept) < most:
        kept.append(int(far.argmax()))
        far = np.minimum(far, np.linalg.norm(points - points[kept[-1]], axis=1))
    return points[kept]
