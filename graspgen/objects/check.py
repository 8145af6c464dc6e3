"""Is an asset a solid that weighs what its mesh says? The tests of the check that need neither physics nor a camera.

Every test returns what it measured, and a reason where the asset is refused. Tolerances are named below, and the
documentation states them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from graspgen.errors import ObjectError
from graspgen.frames import Array
from graspgen.objects import shapes
from graspgen.objects.asset import Asset
from graspgen.objects.mass import MassProperties, mass_properties
from graspgen.objects.mesh_repair import drop_degenerate, merge_equal, open_edge_count

#: The parts may fill hollows, or miss material, of this share of the mesh's convex hull.
PARTS_VOLUME = 0.2
#: Nor may they be larger than the mesh by more than this share of its own volume: walls would be twice as thick.
PARTS_FILL = 1.0
#: The parts may end this far from the mesh's bounding box: a share of its largest extent, and at least some metres.
PARTS_BOUNDS, PARTS_BOUNDS_LEAST = 0.05, 0.003
#: An asset may state less material than its mesh encloses (it is hollow), and this share more.
VOLUME_MORE = 0.02
#: Matter within the convex hull cannot be spread wider than this share of what the hull allows (1, but for rounding).
SPREAD = 1.01
#: Nor may it be packed closer than this: a principal radius of gyration over that of the mesh filled evenly.
GYRATION = 0.25
#: Principal moments may break the triangle inequality by this share of the largest (rounding of flat things).
TRIANGLE = 1e-6


@dataclass(frozen=True)
class Tested:
    """What one test found.

    Attributes:
        name: of the test.
        evidence: what was measured, plain data.
        reason: why the asset is refused, "" where it passed.
    """

    name: str
    evidence: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


def shape_tests(asset: Asset) -> list[Tested]:
    """Test mesh, volume, inertia and centre of mass of an asset; see the module's tolerances."""
    try:
        hull = ConvexHull(asset.mesh.vertices)
    except (QhullError, ValueError):
        return [Tested("watertight", {}, "the mesh is flat or has no extent")]
    mesh = mass_properties(asset.mesh.vertices, asset.mesh.faces)
    tests: tuple[Callable[[Asset, MassProperties, ConvexHull], Tested], ...] = (
        _watertight, _volume, _parts, _inertia, _centre_of_mass,
    )  # fmt: skip
    return [test(asset, mesh, hull) for test in tests]


def _watertight(asset: Asset, mesh: MassProperties, hull: ConvexHull) -> Tested:
    """Every edge is walked as often one way as the other, once vertices at the same place are merged."""
    vertices, faces, _ = merge_equal(asset.mesh.vertices, asset.mesh.faces)
    count = open_edge_count(drop_degenerate(vertices, faces))
    reason = f"{count} edges of the mesh are open" if count else ""
    return Tested("watertight", {"open_edges": count, "faces": len(asset.mesh.faces)}, reason)


def _volume(asset: Asset, mesh: MassProperties, hull: ConvexHull) -> Tested:
    evidence = {"volume": _short(asset.volume), "mesh": _short(mesh.volume), "hull": _short(hull.volume)}
    reason = ""
    if not (np.isfinite(asset.volume) and asset.volume > 0):
        reason = f"the volume is {asset.volume:.3g} m³, not above 0"
    elif mesh.volume <= 0:
        reason = "the mesh encloses no volume, or is inside-out"
    elif asset.volume > (1 + VOLUME_MORE) * mesh.volume:
        reason = f"the volume, {asset.volume:.3g} m³, is more than the mesh encloses, {mesh.volume:.3g} m³"
    return Tested("volume", evidence, reason)


def _parts(asset: Asset, mesh: MassProperties, hull: ConvexHull) -> Tested:
    """The union of the convex parts is where the mesh is."""
    if not asset.parts:
        return Tested("parts", {"count": 0}, "it has no collision part")
    try:
        union = shapes.union(asset.parts)
    except ObjectError as error:
        return Tested("parts", {"count": len(asset.parts)}, str(error))
    volume = mass_properties(union.vertices, union.faces).volume
    off = float(np.abs(union.bounds - asset.mesh.bounds).max())
    most = max(PARTS_BOUNDS * float(asset.extents.max()), PARTS_BOUNDS_LEAST)
    share = (volume - mesh.volume) / hull.volume
    fill = volume / mesh.volume - 1 if mesh.volume > 0 else 0.0
    evidence = {
        "count": len(asset.parts), "volume": _short(volume), "extra_share_of_hull": round(share, 4),
        "extra_share": round(fill, 4), "bounds_off": _short(off),
    }  # fmt: skip
    if abs(share) > PARTS_VOLUME:
        what = "fill hollows of" if share > 0 else "miss"
        return Tested("parts", evidence, f"the parts {what} {abs(share):.0%} of the convex hull's volume")
    if fill > PARTS_FILL:
        return Tested("parts", evidence, f"the parts are {fill:.0%} larger than the mesh: its walls are too thick")
    reason = f"the parts end {off * 1000:.1f} mm from the mesh, at most {most * 1000:.1f}" if off > most else ""
    return Tested("parts", evidence, reason)


def _inertia(asset: Asset, mesh: MassProperties, hull: ConvexHull) -> Tested:
    """Positive definite, the triangle inequality, and such as matter in the mesh's convex hull can have."""
    inertia = np.asarray(asset.unit_inertia, float)
    if not np.isfinite(inertia).all():
        return Tested("inertia", {}, "the inertia holds numbers that are not finite")
    if np.abs(inertia - inertia.T).max() > 1e-9 * np.abs(inertia).max():
        return Tested("inertia", {}, "the inertia is not symmetric")
    moments = np.linalg.eigvalsh(inertia)
    evidence: dict[str, Any] = {"principal_moments": [_short(m) for m in moments]}
    if moments[0] <= 0:
        reason = f"the inertia is not positive definite: its least moment is {moments[0]:.3g}"
        return Tested("inertia", evidence, reason)
    excess = float((moments[2] - moments[0] - moments[1]) / moments[2])
    evidence["triangle_excess"] = _short(excess)
    if excess > TRIANGLE:
        told = ", ".join(f"{m:.3g}" for m in moments)
        reason = f"no body has the principal moments {told}: the largest exceeds the sum of the others"
        return Tested("inertia", evidence, reason)
    reason = ""
    if mesh.volume > 0 and asset.volume > 0:
        mine, even = _gyration(inertia / asset.volume), _gyration(mesh.unit_inertia / mesh.volume)
        factor, spread = float((mine / even).min()), _spread(asset, inertia / asset.volume)
        evidence |= {"gyration": [_short(x) for x in mine / even], "spread": _short(spread)}
        if spread > SPREAD:
            reason = f"matter within the mesh cannot be spread so far: its variance is {spread:.3g} times what fits in"
        elif factor < GYRATION:
            reason = f"a radius of gyration is {factor:.2g} of the mesh's, at least {GYRATION:g}; is the unit another?"
    return Tested("inertia", evidence, reason)


def _centre_of_mass(asset: Asset, mesh: MassProperties, hull: ConvexHull) -> Tested:
    distance = float((hull.equations[:, :3] @ np.asarray(asset.com, float) + hull.equations[:, 3]).max())
    offset = float(np.linalg.norm(asset.com - mesh.com))
    evidence = {"inside_by": _short(-distance), "from_mesh": _short(offset)}
    if not np.isfinite(distance):
        return Tested("centre_of_mass", {}, "the centre of mass is not finite")
    reason = f"the centre of mass is {distance * 1000:.2g} mm outside the convex hull" if distance > 1e-6 else ""
    return Tested("centre_of_mass", evidence, reason)


def _spread(asset: Asset, inertia: Array) -> float:
    """Return the variance of the matter along a principal axis over the largest that the mesh allows, at worst.

    Values in [a, b] with mean c have at most the variance (b − c)(c − a) (Bhatia and Davis, "A better bound on the
    variance", The American Mathematical Monthly 107, 2000).
    """
    variance, axes = np.linalg.eigh(np.trace(inertia) / 2 * np.eye(3) - inertia)
    along = (asset.mesh.vertices - asset.com) @ axes
    most = np.maximum(along.max(axis=0) * -along.min(axis=0), 1e-30)
    return float((variance / most).max())


def _gyration(second: Array) -> Array:
    return np.sqrt(np.maximum(np.linalg.eigvalsh(second), 1e-30))


def _short(x: float) -> float:
    return float(f"{x:.4g}")
