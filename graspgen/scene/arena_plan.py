"""The part of a plan that says what stands still in a scene: every static geom, with its place, as plain data.

Nothing here needs MuJoCo, so whoever reads a stored plan can rebuild the arena from it. The world's origin is the
middle of the surface that objects are put on, z up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from graspgen.scene.plain import IDENTITY, Matrix4, Plain, Vector

GeomKind = Literal["plane", "box", "sphere", "capsule", "ellipsoid", "cylinder", "mesh"]
#: A geom with a colour of its own, or one of the surfaces that every view colours anew.
Surface = Literal["table", "background", "wall", "own"]

#: A plane is drawn this far from its middle, m; it supports everywhere.
PLANE_HALF_SIDE = 10.0


class GeomPlan(Plain):
    """One static geom."""

    name: str
    kind: GeomKind
    size: Vector = (0.0, 0.0, 0.0)
    """MuJoCo's size of the kind, m: half-sizes of a box, radius and half-length of a cylinder; unused entries are 0."""
    T_world_geom: Matrix4 = IDENTITY
    collides: bool = True
    drawn: bool = True
    surface: Surface = "table"
    colour: Vector = (0.6, 0.6, 0.6)
    """RGB in 0…1, where `surface` is "own"."""
    surface_velocity: tuple[float, float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    """Of the surface in the geom's frame: linear, m/s, and angular about its origin, rad/s (MuJoCo's `surfacevel`)."""
    mesh: int = 0
    """Number of a mesh: −1, −2, … in the assets that the scene is built from; 0 for none."""


class ArenaPlan(Plain):
    """What stands still in a scene."""

    name: str
    """Name of the shipped arena, or of the user's MJCF."""
    friction: float
    """Sliding friction of everything that collides in the arena; a contact has the geometric mean of both sides'."""
    geoms: tuple[GeomPlan, ...]
    parameters: Mapping[str, float] = {}
    """What was drawn for this arena, for example the depth of a bin, m."""
    area: tuple[float, float] | None = None
    """Half-sides along x and y of the area about the origin that objects are put into, m; None for no limit."""
    inside: tuple[float, float, float, float] | None = None
    """Smallest x and y, largest x and y between the walls, m: what is outside them is removed. None for no limit."""
    rim: float = 0.0
    """Height of the walls around the inside, m: what has left the inside below it has gone through a wall."""
    headroom: float | None = None
    """Free height above the support, m; None for no limit."""
    belt_velocity: Vector = (0.0, 0.0, 0.0)
    """Of the belt that objects ride on, m/s: they are at rest when they are at rest relative to it."""
    T_world_cell: Matrix4 = IDENTITY
    """Pose of the user's own world frame."""
    cell: str = ""
    """SHA-256 of the user's MJCF and its files, as they are copied into the dataset; "" for a shipped arena."""

    @property
    def support(self) -> tuple[GeomPlan, ...]:
        """The geoms that collide."""
        return tuple(g for g in self.geoms if g.collides)

    @property
    def own_colours(self) -> dict[Vector, str]:
        """The colours of the geoms that have their own, and the names of their materials."""
        colours = dict.fromkeys(g.colour for g in self.geoms if g.surface == "own")
        return {colour: f"arena_{i}" for i, colour in enumerate(colours)}

    @property
    def meshes(self) -> tuple[int, ...]:
        """Numbers of the meshes in it, the largest first."""
        return tuple(sorted({g.mesh for g in self.geoms if g.mesh}, reverse=True))

    @property
    def is_moving(self) -> bool:
        """Whether objects ride on a belt."""
        return any(self.belt_velocity)

    def riding(self) -> ArenaPlan:
        """Return the same arena in the frame that moves with its belt: the belt stands still, what lay still goes back.

        Exact for walls that are uniform along the belt. Trials that track the belt are made in this frame.
        """
        if not self.is_moving:
            return self
        import numpy as np  # only here

        geoms = []
        for g in self.geoms:
            back = np.array(g.T_world_geom)[:3, :3].T @ np.array(self.belt_velocity)
            v = np.array(g.surface_velocity) - [*back, 0, 0, 0]
            geoms.append(g.model_copy(update={"surface_velocity": tuple(float(x) for x in v)}))
        return self.model_copy(update={"geoms": tuple(geoms), "belt_velocity": (0.0, 0.0, 0.0)})
