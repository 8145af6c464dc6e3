"""Settled scenes of a few solids on a table, each where the test puts it."""

from collections.abc import Sequence

import numpy as np
from scene.scene_parts import plan_of

from graspgen.frames import axis_angle, pose
from graspgen.objects.asset import Asset
from graspgen.recipe import Settle
from graspgen.scene.build import build_world
from graspgen.scene.settle import settle
from graspgen.scene.world import SettledScene

#: Approaches downwards, closes along the world's y.
DOWN = np.diag([1.0, -1.0, -1.0])
#: Approaches along the world's x, closes along y.
SIDEWAYS = axis_angle([0, 1, 0], np.pi / 2)


def at(x: float, y: float, z: float, R: np.ndarray | None = None) -> np.ndarray:
    return pose(R, [x, y, z])


def settled_scene(
    things: Sequence[tuple[Asset, np.ndarray]],
    masses: Sequence[float] | None = None,
    friction: float = 0.6,
    table_friction: float = 0.6,
) -> SettledScene:
    """Things at poses in the world, instance ids 1, 2, … in their order; they come to rest from there."""
    assets = dict(enumerate(asset for asset, _ in things))
    plan = plan_of(*(T for _, T in things), friction=(friction, 0.005, 0.0005), table_friction=table_friction)
    if masses is not None:
        weighed = (
            o.model_copy(update={"density": m / a.volume})
            for o, m, (a, _) in zip(plan.objects, masses, things, strict=True)
        )
        plan = plan.model_copy(update={"objects": tuple(weighed)})
    scene = settle(build_world(plan, assets), Settle(), assets)
    assert scene.settled, scene.reason
    return scene
