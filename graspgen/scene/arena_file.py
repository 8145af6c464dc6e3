"""Read the static geoms of an MJCF, of a shipped arena or of a user's cell, as plain data.

Everything in the file stands still: bodies with joints are taken as they are at the joints' zero (`qpos0`). Lights,
cameras, textures and actuators are not read: looks and views are the recipe's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import mujoco

from graspgen.errors import SceneError
from graspgen.frames import Array, pose
from graspgen.objects.asset import Mesh
from graspgen.paths import data_dir
from graspgen.scene.arena_plan import PLANE_HALF_SIDE, GeomKind, GeomPlan, Surface

#: Geoms of these groups are drawn; collision geoms are by custom in group 3.
DRAWN_GROUPS = (0, 1, 2)

_KINDS: dict[int, GeomKind] = {
    int(mujoco.mjtGeom.mjGEOM_PLANE): "plane",
    int(mujoco.mjtGeom.mjGEOM_BOX): "box",
    int(mujoco.mjtGeom.mjGEOM_SPHERE): "sphere",
    int(mujoco.mjtGeom.mjGEOM_CAPSULE): "capsule",
    int(mujoco.mjtGeom.mjGEOM_ELLIPSOID): "ellipsoid",
    int(mujoco.mjtGeom.mjGEOM_CYLINDER): "cylinder",
    int(mujoco.mjtGeom.mjGEOM_MESH): "mesh",
}
_SURFACES: dict[str, Surface] = {"table": "table", "background": "background"}


@dataclass(frozen=True, eq=False)
class Site:
    """A site of an arena: its (4, 4) pose in the file's frame, and the half-sizes of a box, else None."""

    T_file_site: Array
    half: Array | None


@dataclass(frozen=True, eq=False)
class ArenaFile:
    """What an MJCF says about an arena, in the file's own frame.

    Attributes:
        geoms: those that collide or are drawn.
        sites: by name.
        meshes: by the numbers that the geoms name (−1, −2, …).
        model, data: the compiled file, for rays.
    """

    geoms: tuple[GeomPlan, ...]
    sites: Mapping[str, Site]
    meshes: Mapping[int, Mesh]
    model: mujoco.MjModel
    data: mujoco.MjData


@lru_cache
def shipped_arena(name: str) -> ArenaFile:
    """Read a shipped arena (`models/arenas/<name>.xml`)."""
    path = data_dir("models") / "arenas" / f"{name}.xml"
    return read_arena(mujoco.MjSpec.from_file(str(path)), path.name)


def load_spec(path: Path) -> mujoco.MjSpec:
    """Read a user's MJCF.

    Raises:
        SceneError: there is no such file, or it is no MJCF.
    """
    if not path.is_file():
        raise SceneError(f"there is no arena {path}; scene.arena is the path of an MJCF, relative to the recipe")
    try:
        return mujoco.MjSpec.from_file(str(path))
    except (ValueError, mujoco.FatalError) as error:
        raise SceneError(f"the arena {path} is no MJCF that MuJoCo reads: {_told(error)}") from None


def read_arena(spec: mujoco.MjSpec, name: str) -> ArenaFile:
    """Compile an arena's MJCF and read its geoms where they are at the joints' zero.

    Raises:
        SceneError: it does not compile, or has a geom of a kind that cannot be an arena's.
    """
    try:
        model = spec.compile()
    except (ValueError, mujoco.FatalError) as error:
        raise SceneError(f"the arena {name} does not compile: {_told(error)}") from None
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    numbers: dict[int, int] = {}
    geoms = []
    for i in range(model.ngeom):
        rgba = model.geom_rgba[i]
        if int(model.geom_matid[i]) >= 0:
            rgba = model.mat_rgba[int(model.geom_matid[i])]
        collides = bool(model.geom_contype[i] or model.geom_conaffinity[i])
        drawn = int(model.geom_group[i]) in DRAWN_GROUPS and rgba[3] > 0
        if not (collides or drawn):
            continue
        label = model.geom(i).name or f"geom_{i}"
        kind = _KINDS.get(int(model.geom_type[i]))
        if kind is None:
            told = mujoco.mjtGeom(int(model.geom_type[i])).name.removeprefix("mjGEOM_").lower()
            raise SceneError(
                f"the arena {name}: geom '{label}' is of the kind {told}, which no arena can have; "
                "use primitives, planes and meshes"
            )
        mesh = 0
        if kind == "mesh":
            mesh = numbers.setdefault(int(model.geom_dataid[i]), -1 - len(numbers))
        geoms.append(
            GeomPlan(
                name=label,
                kind=kind,
                size=_size(kind, model.geom_size[i]),
                T_world_geom=_rows(pose(data.geom_xmat[i].reshape(3, 3), data.geom_xpos[i])),
                collides=collides,
                drawn=drawn,
                surface=_SURFACES.get(label, "own"),
                colour=tuple(float(c) for c in rgba[:3]),
                surface_velocity=tuple(float(v) for v in model.geom_surfacevel[i]),
                mesh=mesh,
            )
        )
    return ArenaFile(tuple(geoms), _sites(model, data), {n: _mesh(model, i) for i, n in numbers.items()}, model, data)


def _size(kind: GeomKind, size: Array) -> tuple[float, float, float]:
    if kind == "mesh":
        return (0.0, 0.0, 0.0)
    if kind == "plane":
        x, y = (float(s) or PLANE_HALF_SIDE for s in size[:2])
        return (x, y, 0.0)
    x, y, z = (float(s) for s in size)
    return (x, y, z)


def _sites(model: mujoco.MjModel, data: mujoco.MjData) -> dict[str, Site]:
    found = {}
    for i in range(model.nsite):
        box = int(model.site_type[i]) == int(mujoco.mjtGeom.mjGEOM_BOX)
        T = pose(data.site_xmat[i].reshape(3, 3), data.site_xpos[i])
        found[model.site(i).name] = Site(T, model.site_size[i].copy() if box else None)
    return found


def _mesh(model: mujoco.MjModel, i: int) -> Mesh:
    v, n = int(model.mesh_vertadr[i]), int(model.mesh_vertnum[i])
    f, m = int(model.mesh_faceadr[i]), int(model.mesh_facenum[i])
    return Mesh(model.mesh_vert[v : v + n], model.mesh_face[f : f + m])


def _rows(T: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(c) for c in row) for row in T)


def _told(error: BaseException) -> str:
    return " ".join(str(error).split())
