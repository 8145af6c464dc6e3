"""A scene of two boxes that a jaw takes from above."""

from __future__ import annotations

import numpy as np

#: Two small boxes that lie apart, each easily held from above.
BOXES = [
    "objects.families=box",
    "objects.parameters={box: {width: 0.03, depth: 0.05, height: 0.04}}",
    "objects.scale=1",
    "scene.objects.count=2",
    "scene.objects.spread=0.2",
    "views.per_scene=1",
    "views.width=96",
    "views.height=72",
    "grasps.per_object=2",
    "grasps.in_scene.per_object=0",
]


def from_above(settled, number):
    """A grasp straight down on an upright or lying box, its pads across the narrowest level axis."""
    o, T = settled.world.objects[number], settled.T_world_object[number]
    extents = o.asset.extents
    level = [a for a in range(3) if abs(T[2, a]) < 0.5]
    y = T[:3, min(level, key=lambda a: extents[a])] * [1, 1, 0]
    y /= np.linalg.norm(y)
    z = np.array([0, 0, -1.0])
    grasp = np.eye(4)
    grasp[:3, :3] = np.stack([np.cross(y, z), y, z], axis=1)
    grasp[:3, 3] = T[:3, :3] @ o.asset.com + T[:3, 3]
    return grasp
