"""The postures of a multi-finger hand: its named stages, where its fingertips' pads are, and how far it is open."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from graspgen.errors import GripperError
from graspgen.frames import Array
from graspgen.grippers.fingers import FingersFile, shape_values, stage_values
from graspgen.grippers.postures import Linkage, Postures

#: Openings that are looked at between open and grasp.
SAMPLES = 65
#: A pad is looked for by a ray from this far, m.
_FAR = 0.2


@dataclass(frozen=True, eq=False)
class FingerPostures(Postures):
    """A multi-finger hand from its grasp to its open posture (`Postures`), and what it can do besides.

    Its opening is how far the pads of both sides are apart along the closing direction; a hand whose fingers each went
    their own way is as open as its closing joints say on average.

    Attributes:
        driven: (d,) numbers of the driven joints among all.
        stages: (4, d) driven joints in `open`, `pregrasp`, `grasp` and `squeeze`.
        shapes: (s + 1, d) what each way to hold puts joints at instead, NaN elsewhere; the first row is that of none.
        limits: (d, 2) of the driven joints; infinite where they have none.
        closers: (d,) whether a joint closes: it moves from pregrasp to grasp.
        tips: names of the bodies with the fingertips.
        pads: (f, 3) m, the point of each fingertip that meets an object first, its body's frame.
        normals: (f, 3) outward unit normals there.
        spec: the hand, to compile copies of.
        base: its base.
        coupling: (joints, 6) of every joint the number of the driven joint that it follows, and the polynomial by which
            it does (of degree 4, from the constant on); None where something else than such equalities couples joints.
    """

    driven: tuple[int, ...]
    stages: Array
    shapes: Array
    limits: Array
    closers: Array
    tips: tuple[str, ...]
    pads: Array
    normals: Array
    spec: mujoco.MjSpec
    base: str
    coupling: Array | None

    def stage(self, name: int, shape: Array) -> Array:
        """(n, d) driven joints of a stage, by its number, in (n,) shapes."""
        own = self.shapes[shape]
        return np.where(np.isfinite(own), own, self.stages[name])

    @property
    def squeeze(self) -> Array:
        """(d,) by how much the squeeze is beyond the grasp."""
        return self.stages[3] - self.stages[2]

    def full(self, driven: Array) -> Array:
        """(n, joints) positions of all joints, from (n, d) of the driven ones."""
        if self.coupling is not None:
            x = driven[:, self.coupling[:, 0].astype(int)]
            return np.polynomial.polynomial.polyval(x, self.coupling[:, 1:].T[:, None], tensor=False)
        out = np.zeros((len(driven), len(self.joints)))
        linkage = Linkage(self.spec, self.base)
        names = [self.joints[i] for i in self.driven]
        for row, values in zip(out, driven, strict=True):
            linkage.put(dict(zip(names, values.tolist(), strict=True)))
            row[:] = linkage.positions()
        return out

    def follow(self, at: Array) -> Array:
        """(joints, d) by how much every joint moves with each driven one, at (d,) driven joints."""
        step = 1e-4
        moved = self.full(np.concatenate([at[None], at + step * np.eye(len(at))]))
        return ((moved[1:] - moved[0]) / step).T


def _coupling(model: mujoco.MjModel, driven: tuple[int, ...]) -> Array | None:
    """Return `FingerPostures.coupling`."""
    rows = np.full((model.njnt, 6), np.nan)
    for number, j in enumerate(driven):
        rows[j] = [number, 0, 1, 0, 0, 0]
    for e in range(model.neq):
        first, second = int(model.eq_obj1id[e]), int(model.eq_obj2id[e])
        simple = int(model.eq_type[e]) == int(mujoco.mjtEq.mjEQ_JOINT) and second >= 0
        if not simple or second not in driven or first in driven:
            return None
        # y − y0 = c(x − x0)
        x0, y0 = (float(model.qpos0[model.jnt_qposadr[j]]) for j in (second, first))
        shifted = np.polynomial.Polynomial(model.eq_data[e, :5])(np.polynomial.Polynomial([-x0, 1.0]))
        rows[first] = [driven.index(second), *np.pad(shifted.coef, (0, 5 - len(shifted.coef)))]
        rows[first, 1] += y0
    return None if np.isnan(rows).any() else rows


def measure_fingers(spec: mujoco.MjSpec, base: str, file: FingersFile, tcp: Array) -> FingerPostures:
    """Measure a hand.

    Args:
        spec: the hand; its driven joints have servos.
        base: name of its base, whose frame has the approach as z and the closing direction as y.
        file: what its YAML says.
        tcp: (3,) tool point in the base, m.

    Raises:
        GripperError: its fingertips do not close from two sides.
    """
    linkage = Linkage(spec, base)
    named = stage_values(file, linkage.model)
    stages = np.stack(list(named.values()))
    driven = tuple(linkage.joints.index(j) for j in file.joints)

    def put(values: Array) -> None:
        linkage.put(dict(zip(file.joints, values.tolist(), strict=True)))

    put((stages[1] + stages[2]) / 2)
    before = np.array([linkage.inner(t) for t in file.tips])
    put(0.45 * stages[1] + 0.55 * stages[2])
    moves = np.array([linkage.inner(t) for t in file.tips]) - before
    if (np.linalg.norm(moves, axis=1) < 1e-5).any():
        still = file.tips[int(np.linalg.norm(moves, axis=1).argmin())]
        raise GripperError(f"postures: the fingertip '{still}' stands still between pregrasp and grasp")
    found = [_pad(linkage, t, m / np.linalg.norm(m)) for t, m in zip(file.tips, moves, strict=True)]
    pads, normals = (np.array(x) for x in zip(*found, strict=True))
    ways = moves[:, 1]
    if not ((ways > 0).any() and (ways < 0).any()):
        raise GripperError(
            "its fingertips do not come together along the closing direction: they all move to the same side of it"
        )
    width, positions = np.zeros(SAMPLES), np.zeros((SAMPLES, len(linkage.joints)))
    for i, share in enumerate(np.linspace(0, 1, SAMPLES)):
        put((1 - share) * stages[0] + share * stages[2])
        y = np.array([linkage.in_base(t, p)[1] for t, p in zip(file.tips, pads, strict=True)])
        width[i], positions[i] = y[ways < 0].mean() - y[ways > 0].mean(), linkage.positions()
    # Pads that have passed each other are 0 apart; where they do not come nearer the opening does not grow again.
    width = np.minimum.accumulate(np.maximum(width, 0.0)) - 1e-9 * np.arange(SAMPLES)
    width, positions = width[::-1] - width[-1] + max(float(width[-1]), 0.0), positions[::-1]
    if width[-1] - width[0] < 1e-3:
        raise GripperError("postures: its fingertips come no nearer to each other from open to grasp")
    moved = np.abs(stages[2] - stages[0])
    closing = tuple(d for d, m in zip(driven, moved, strict=True) if m > 1e-3)
    limits = [linkage.model.jnt_range[j] if linkage.model.jnt_limited[j] else (-np.inf, np.inf) for j in driven]
    tool = np.repeat([tcp], len(width), axis=0)
    return FingerPostures(
        joints=linkage.joints, drivers=closing, width=width, positions=positions, tool=tool, moves=False,
        summed=False, driven=driven, stages=stages, shapes=shape_values(file, linkage.model),
        limits=np.array(limits), closers=np.abs(stages[2] - stages[1]) > 1e-6, tips=file.tips, pads=pads,
        normals=normals, spec=spec, base=base, coupling=_coupling(linkage.model, driven),
    )  # fmt: skip


def _pad(linkage: Linkage, tip: str, way: Array) -> tuple[Array, Array]:
    """Return the point of a fingertip that meets what it moves against, and the normal there, its body's frame.

    Args:
        linkage: the hand, put somewhere.
        tip: the body; what is fixed to it is part of it.
        way: (3,) unit direction in which it moves, base frame.

    Raises:
        GripperError: it has no geom that collides.
    """
    model, data = linkage.model, linkage.data
    mujoco.mj_kinematics(model, data)
    body = model.body(tip)
    own = model.body_weldid[model.geom_bodyid] == model.body_weldid[body.id]
    own &= (model.geom_contype > 0) | (model.geom_conaffinity > 0)
    if not own.any():
        raise GripperError(f"the fingertip '{tip}' has no geom that collides")
    model.geom_group[:] = np.where(own, 5, 0)
    # Rays pass what cannot be seen, which is how many models paint what collides.
    model.geom_rgba[own, 3], model.mat_rgba[:, 3] = 1.0, 1.0
    base = data.body(linkage.base).xmat.reshape(3, 3)
    world, middle = base @ way, data.geom_xpos[own].mean(axis=0)
    geom, normal = np.zeros(1, np.int32), np.zeros(3)
    # The geoms of a bent tip need not lie on the line through their middle: then aim at each of them.
    for target in (middle, *data.geom_xpos[own]):
        start = target + _FAR * world
        distance = mujoco.mj_ray(
            model, data, start, -world, np.array([0, 0, 0, 0, 0, 1], np.uint8), 1, -1, geom, normal
        )
        if distance >= 0:
            point, R = start - distance * world, data.body(tip).xmat.reshape(3, 3)
            return R.T @ (point - data.body(tip).xpos), R.T @ normal
    raise GripperError(f"no ray meets the fingertip '{tip}'")
