"""An object asset: what is drawn, what collides, and how it weighs.

Everything is in the asset's own frame (the frame that the user's mesh came in) and in metres. An asset has no colour,
mass or friction of its own run: those are drawn by the recipe for each object of a scene.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from graspgen.frames import Array, pose, transform_points
from graspgen.objects.normals import Shaded, shaded

PartKind = Literal["hull", "box", "sphere", "ellipsoid", "capsule", "cylinder"]


def float32_exact(x: ArrayLike) -> Array:
    """Round to values that float32 holds exactly, so that an asset read back from its files equals the one written."""
    return np.asarray(x, np.float32).astype(np.float64)


#: Step of texture coordinates: fine enough for any image, and coarse enough that 1 - v (glTF's v) is exact in float32.
UV_STEP = 2.0**-20
#: Side of the coarsest level of a texture, px.
LEAST_TEXTURE = 64


@dataclass(frozen=True, eq=False)
class Mesh:
    """A closed triangle mesh, outward oriented.

    Attributes:
        vertices: (n, 3) float, m.
        faces: (m, 3) int, counter-clockwise seen from outside.
        uv: (n, 2) float texture coordinates with the origin at the lower left, in steps of `UV_STEP`, or None.
        texture: (h, w, 3) uint8 image, or None.
    """

    vertices: Array
    faces: NDArray[np.int32]
    uv: Array | None = None
    texture: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "vertices", float32_exact(self.vertices))
        object.__setattr__(self, "faces", np.ascontiguousarray(self.faces, np.int32))
        if self.uv is not None:
            object.__setattr__(self, "uv", float32_exact(np.round(np.asarray(self.uv, float) / UV_STEP) * UV_STEP))

    @cached_property
    def shaded(self) -> Shaded:
        """The mesh with normals: round where it is round, sharp at edges."""
        return shaded(self.vertices, self.faces)

    @cached_property
    def seams(self) -> NDArray[np.int32] | None:
        """(4, e) edges: corners a and b, the face that goes from a to b, the one that goes from b to a.

        None where a face lacks a neighbour. Corners at one place count as one; where more than two faces meet they are
        taken in pairs.
        """
        _, place = np.unique(self.vertices, axis=0, return_inverse=True)
        a, b = self.faces.T.ravel(), self.faces[:, [1, 2, 0]].T.ravel()
        start, end = place.ravel()[a], place.ravel()[b]
        ways = []
        for way in (np.flatnonzero(start < end), np.flatnonzero(start > end)):
            key = np.minimum(start[way], end[way]) * len(self.vertices) + np.maximum(start[way], end[way])
            order = np.argsort(key, kind="stable")
            ways.append((way[order], key[order]))
        (forth, key), (back, other_key) = ways
        if not np.array_equal(key, other_key):
            return None
        n = len(self.faces)
        return np.stack([a[forth], b[forth], forth % n, back % n]).astype(np.int32)

    @cached_property
    def bounds(self) -> Array:
        """(2, 3) smallest and largest coordinates, m; read-only."""
        bounds = np.stack([self.vertices.min(axis=0), self.vertices.max(axis=0)])
        bounds.flags.writeable = False
        return bounds

    @cached_property
    def texture_levels(self) -> tuple[NDArray[np.uint8], ...]:
        """The texture, then each level half as fine as the one before, down to `LEAST_TEXTURE` px; () without one."""
        if self.texture is None:
            return ()
        levels = [self.texture]
        while max(levels[-1].shape[:2]) >= 2 * LEAST_TEXTURE:
            levels.append(np.asarray(Image.fromarray(levels[-1]).reduce(2)))
        return tuple(levels)


@dataclass(frozen=True, eq=False)
class Part:
    """One convex collision part.

    Attributes:
        kind: a MuJoCo primitive, or "hull": the convex hull of `vertices`.
        size: (3,) MuJoCo's size of a primitive (half-sizes of a box, radius and half-length of a cylinder or
            capsule, radius of a sphere, semi-axes of an ellipsoid), m; unused entries are 0.
        T_asset_part: (4, 4) pose of the primitive in the asset's frame; identity for a hull.
        vertices: (n, 3) corner points of a hull in the asset's frame, m; empty for a primitive.
    """

    kind: PartKind
    size: Array = field(default_factory=lambda: np.zeros(3))
    T_asset_part: Array = field(default_factory=lambda: np.eye(4))
    vertices: Array = field(default_factory=lambda: np.zeros((0, 3)))

    def __post_init__(self) -> None:
        size = np.zeros(3)
        given = np.atleast_1d(np.asarray(self.size, float))
        size[: len(given)] = given
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "T_asset_part", np.asarray(self.T_asset_part, float))
        object.__setattr__(self, "vertices", float32_exact(self.vertices).reshape(-1, 3))

    def scaled(self, factor: float) -> Part:
        """Return the part of an asset that is `factor` times as large."""
        T = pose(self.T_asset_part[:3, :3], self.T_asset_part[:3, 3] * factor)
        return Part(self.kind, self.size * factor, T, self.vertices * factor)


@dataclass(frozen=True, eq=False)
class Asset:
    """An object that scenes can hold.

    Attributes:
        name: unique in its catalogue; letters, digits, '_', '-' and '.'.
        class_name: what it is ("mug").
        mesh: what is drawn, sampled for grasps and saved.
        parts: convex parts that collide.
        volume: m³ of material (of the closed mesh unless stated otherwise).
        com: (3,) centre of mass, m, asset frame.
        unit_inertia: (3, 3) inertia about the centre of mass for a density of 1 kg/m³, asset axes, m⁵.
        density: kg/m³ to use where the recipe says none.
        friction: sliding friction to use where the recipe says none.
        source: where it came from: "procedural:mug", or the imported file's name.
        licence: licence of the mesh, "" if unknown.
        params: parameters of a procedural family.
        symmetry: known symmetries, for example {"continuous": [[0, 0, 1]]}.
        keypoints: named points, m, asset frame, for example {"handle": (0.08, 0, 0.05)}.
    """

    name: str
    class_name: str
    mesh: Mesh
    parts: tuple[Part, ...]
    volume: float
    com: Array
    unit_inertia: Array
    density: float
    friction: float
    source: str
    licence: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    symmetry: Mapping[str, Any] = field(default_factory=dict)
    keypoints: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)

    @property
    def extents(self) -> Array:
        """(3,) size of the axis-aligned box, m."""
        low, high = self.mesh.bounds
        return high - low

    def scaled(self, factor: float) -> Asset:
        """Return the asset `factor` times as large, about its frame's origin."""
        return self if factor == 1.0 else _scaled(self, factor)

    def lowest_point(self, rotation: ArrayLike) -> float:
        """Return the smallest z of the mesh when turned by the (3, 3) `rotation` about the frame's origin, m."""
        return float(transform_points(pose(rotation), self.mesh.vertices)[:, 2].min())


@lru_cache(maxsize=32)
def _scaled(asset: Asset, factor: float) -> Asset:
    # A scene asks for each of its objects four times: to arrange it, to weigh it, to build it, and for its trials.
    return replace(
        asset,
        mesh=replace(asset.mesh, vertices=asset.mesh.vertices * factor),
        parts=tuple(p.scaled(factor) for p in asset.parts),
        volume=asset.volume * factor**3,
        com=asset.com * factor,
        unit_inertia=asset.unit_inertia * factor**5,
        keypoints={name: (x * factor, y * factor, z * factor) for name, (x, y, z) in asset.keypoints.items()},
    )
