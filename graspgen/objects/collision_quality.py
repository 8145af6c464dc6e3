"""How well convex parts stand for a mesh: their union's volume, and the Hausdorff distance of the two solids.

It is the solids' distance, not the surfaces': the gaps between parts inside an object, and inner faces of a scan, lie
far from the other surface and matter to nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array
from graspgen.objects import shapes
from graspgen.objects.asset import Part
from graspgen.objects.mass import mass_properties
from graspgen.objects.surface_distance import Surface, beyond, inside_hulls, inside_mesh

#: Given parts are taken up to these: share of the volume, and of the largest extent.
GOOD_VOLUME, GOOD_DISTANCE = 0.15, 0.025


@dataclass(frozen=True)
class CollisionQuality:
    """How well convex parts stand for a mesh.

    Attributes:
        volume_error: volume of the parts' union over the mesh's, less 1.
        outwards: how far the parts stick out of the mesh, or into its hollows, at most, m.
        inwards: how far the mesh sticks out of the parts at most, m.
        extent: largest extent of the mesh, m.
    """

    volume_error: float
    outwards: float
    inwards: float
    extent: float

    @property
    def hausdorff(self) -> float:
        """Hausdorff distance of the two solids, m."""
        return max(self.outwards, self.inwards)

    @property
    def is_good(self) -> bool:
        """Tell whether parts that somebody else made may stand for the mesh."""
        return abs(self.volume_error) <= GOOD_VOLUME and self.hausdorff <= GOOD_DISTANCE * self.extent


def collision_quality(parts: Sequence[Part], vertices: Array, faces: NDArray[np.int32]) -> CollisionQuality:
    """Compare the union of convex parts with a closed mesh.

    Distances are taken at points a fiftieth of the extent apart and at all vertices.

    Args:
        parts: m, the mesh's frame.
        vertices, faces: the mesh, m.

    Raises:
        ObjectError: the union is empty.
    """
    union = shapes.union(parts)
    mesh, hulls = Surface(vertices, faces), Surface(union.vertices, union.faces)
    volume = mass_properties(union.vertices, union.faces).volume / mass_properties(vertices, faces).volume
    inside = inside_hulls([shapes.part_mesh(part)[0] for part in parts])
    return CollisionQuality(
        volume - 1, beyond(hulls, inside_mesh(mesh), mesh), beyond(mesh, inside, hulls), mesh.extent
    )
