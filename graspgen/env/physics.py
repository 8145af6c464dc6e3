"""Masses and frictions that differ from episode to episode: factors of what the scene says, object by object.

They are written into the model that an environment has for itself, in the fields that MuJoCo lets change in a compiled
model; shapes, and where things stand, stay those of the scene.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from math import isfinite
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.env.errors import EnvError
from graspgen.errors import nearest
from graspgen.frames import Array
from graspgen.grasps.scene_model import SceneModel
from graspgen.scene.world import SettledScene

#: Factors of mass and of sliding friction, by instance id.
Factors = Mapping[int, tuple[float, float]]


@dataclass(frozen=True)
class Ranges:
    """What factors are drawn from, evenly in their logarithm, for every object by itself.

    Attributes:
        mass: smallest and largest factor of mass and inertia.
        friction: of sliding friction; between an object and its support the geometric mean of both sides' counts.
    """

    mass: tuple[float, float] = (1.0, 1.0)
    friction: tuple[float, float] = (1.0, 1.0)

    @classmethod
    def of(cls, given: Any) -> Ranges | None:
        """Return the ranges that a setting `{"mass": (low, high), …}` names; None of None.

        Raises:
            EnvError: it is not such a mapping.
        """
        if given is None or isinstance(given, Ranges):
            return given
        known = [f.name for f in fields(cls)]
        if not isinstance(given, Mapping) or not given:
            raise EnvError(f'physics must be ranges of factors such as {{"mass": (0.7, 1.4)}}, got {given!r}')
        for name, value in given.items():
            if name not in known:
                raise EnvError(f"physics: there is no {name!r}{nearest(str(name), known)}")
            try:
                low, high = (float(v) for v in value)
            except (TypeError, ValueError):
                low = high = np.nan
            if not (0 < low <= high and isfinite(high)):
                raise EnvError(f"physics: {name} must be two factors, 0 < smallest <= largest, got {value!r}")
        return cls(**{name: (float(value[0]), float(value[1])) for name, value in given.items()})

    def draw(self, rng: np.random.Generator, ids: NDArray[np.int64]) -> dict[int, tuple[float, float]]:
        """Return factors for objects of (k,) instance ids; takes a single number of `rng`, however many they are."""
        own = np.random.Generator(np.random.Philox(int(rng.integers(2**63))))
        low, high = np.log([self.mass, self.friction]).T
        drawn = np.exp(low + own.random((len(ids), 2)) * (high - low))
        return {int(k): (float(mass), float(friction)) for k, (mass, friction) in zip(ids, drawn, strict=True)}


class Physics:
    """Masses and frictions of the objects of one place.

    Attributes:
        mass: (k,) of the objects, as they are now, kg.
        friction: (k, 3) likewise.

    Args:
        settled: the scene.
        scene: its model, as it was compiled; `vary` writes into it.
    """

    def __init__(self, settled: SettledScene, scene: SceneModel) -> None:
        objects = settled.world.objects
        self._model, self._bodies = scene.model, scene.object_bodies
        self._ids = [o.plan.instance_id for o in objects]
        self._friction = np.array([o.plan.friction for o in objects], float).reshape(-1, 3)
        self._mass = np.array([o.mass for o in objects], float)
        self.mass: Array = self._mass.copy()
        self.friction: Array = self._friction.copy()

    @cached_property
    def _compiled(self) -> _Compiled:
        return _Compiled.of(self._model, self._bodies)

    def vary(self, factors: Factors) -> None:
        """Make masses and frictions what the scene says, times the factors of each object."""
        model, was = self._model, self._compiled
        mass, slide = np.array([factors[k] for k in self._ids]).T
        self.mass[:] = self._mass * mass
        self.friction[:, 0] = self._friction[:, 0] * slide
        model.body_mass[self._bodies] = was.mass * mass
        model.body_inertia[self._bodies] = was.inertia * mass[:, None]
        model.geom_friction[was.geoms, 0] = was.geom_friction * slide[was.owner]
        model.pair_friction[was.pairs, :2] = was.pair_friction * np.sqrt(slide[was.pair_owner])[:, None]
        mujoco.mj_setConst(model, was.scratch)  # what MuJoCo derives from masses


@dataclass(frozen=True, eq=False)
class _Compiled:
    """What a model said when it was compiled: of objects' bodies, geoms (`owner`: whose) and pairs with the support."""

    mass: Array
    inertia: Array
    geoms: NDArray[np.int64]
    owner: NDArray[np.int64]
    geom_friction: Array
    pairs: NDArray[np.int64]
    pair_owner: NDArray[np.int64]
    pair_friction: Array
    scratch: mujoco.MjData

    @classmethod
    def of(cls, model: mujoco.MjModel, bodies: NDArray[np.int64]) -> _Compiled:
        number = np.full(model.nbody, -1)
        number[bodies] = np.arange(len(bodies))
        owner = number[model.geom_bodyid]
        geoms, sides = np.flatnonzero(owner >= 0), np.stack([model.pair_geom1, model.pair_geom2])
        pair_owner = owner[sides].max(axis=0)  # the other side is the support
        pairs = np.flatnonzero(pair_owner >= 0)
        return cls(
            model.body_mass[bodies], model.body_inertia[bodies], geoms, owner[geoms], model.geom_friction[geoms, 0],
            pairs, pair_owner[pairs], model.pair_friction[pairs, :2], mujoco.MjData(model),
        )  # fmt: skip
