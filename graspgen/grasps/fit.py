"""Is there a place where a gripper can close on an object? The size test of the check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graspgen.grasps.candidates import sample_antipodal
from graspgen.grasps.seal import cup_seal
from graspgen.grasps.suction_candidates import propose_suction, suction_file
from graspgen.grippers.gripper import Gripper
from graspgen.objects.asset import Asset
from graspgen.raycast import RayCaster

#: Half-angle of the friction cones, rad: the default of recipes.
CONE = np.radians(20.0)
#: Pairs of surface points that are looked for; at most 40 rounds of four times as many rays are cast for them.
PAIRS = 256


@dataclass(frozen=True)
class Fit:
    """How an object fits between the pads, or under the cups.

    Attributes:
        pairs: antipodal pairs no farther apart than the stroke that sampling found, at most `PAIRS`; of
            suction, how many of so many points of the surface a cup seals on.
        narrowest: distance of the closest of them, m; NaN where there is none.
        stroke: the gripper's, m.
    """

    pairs: int
    narrowest: float
    stroke: float


def measure_fit(asset: Asset, gripper: Gripper) -> Fit:
    """Sample antipodal pairs of surface points that the gripper's stroke reaches; the sampling is always the same.

    Points are drawn uniformly by area and rays in the friction cone about their inward normals (`sample_antipodal`),
    so a graspable spot of less than some 1/1000 of the surface can be missed.
    """
    caster = RayCaster(asset.mesh.vertices, asset.mesh.faces)
    rng = np.random.Generator(np.random.Philox(key=11))
    if gripper.suction:
        points = propose_suction(asset, gripper, PAIRS, rng, tilt=0.0, sealed_share=0.0)
        file = suction_file(gripper)
        seal = cup_seal(caster, points.T_object_grasp, file.cups, file.radius, file.depth)
        return Fit(int((seal.score > 0).any(axis=1).sum()), float("nan"), 0.0)
    found = sample_antipodal(caster, gripper, PAIRS, rng, cone=CONE, clearance=0.0)
    narrowest = float(found.width.min()) if len(found) else float("nan")
    return Fit(len(found), narrowest, gripper.file.stroke)
