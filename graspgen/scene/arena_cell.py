"""A user's own cell as the arena: an MJCF with fixtures, the digital twin of a workplace.

The world's origin is moved to the middle of the area that objects are dropped in, on the surface below it, with the
axes of the site or geom that names the area; `ArenaPlan.T_world_cell` leads back. Friction is the recipe's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np

from graspgen.errors import SceneError, nearest
from graspgen.frames import Array, inverse, pose
from graspgen.objects.asset import Asset, Mesh, Part
from graspgen.recipe.arenas import Cell
from graspgen.scene.arena_file import ArenaFile, load_spec, read_arena
from graspgen.scene.arena_plan import ArenaPlan, GeomPlan
from graspgen.scene.drawing import matrix4

#: Name of the site that is looked for where the recipe names none.
DROP_SITE = "drop"
#: The surface is looked for from this far above a site that lies on it, m.
_ABOVE = 0.02


@dataclass(frozen=True, eq=False)
class CellFile:
    """A user's cell, ready to be an arena.

    Attributes:
        name: of the file, without its ending.
        file: what the MJCF holds.
        T_world_cell: (4, 4) pose of the file's frame in the scene's world.
        area: half-sides of the area for objects, m, None for no limit.
        assets: the meshes of its geoms by their numbers.
        mjcf: the whole MJCF in one text, its files named as in `files`.
        files: content of its meshes and textures by name.
        digest: SHA-256 of both.
    """

    name: str
    file: ArenaFile
    T_world_cell: Array
    area: tuple[float, float] | None
    assets: Mapping[int, Asset]
    mjcf: str
    files: Mapping[str, bytes]
    digest: str


def load_cell(path: str | Path, cell: Cell) -> CellFile:
    """Read a user's MJCF; it is read once while it does not change.

    Raises:
        SceneError: there is no such file, it does not compile, or nothing in it can support an object.
    """
    file = Path(path)
    stamp = file.stat().st_mtime_ns if file.is_file() else 0
    return _load(file, stamp, cell.drop, cell.area)


def cell_arena(cell: CellFile, friction: float) -> ArenaPlan:
    """Return the plan of a cell."""
    geoms = []
    for g in cell.file.geoms:
        T = matrix4(cell.T_world_cell @ np.array(g.T_world_geom))
        geoms.append(g.model_copy(update={"name": f"cell/{g.name}", "T_world_geom": T}))
    return ArenaPlan(
        name=cell.name,
        friction=friction,
        geoms=tuple(geoms),
        area=cell.area,
        T_world_cell=matrix4(cell.T_world_cell),
        cell=cell.digest,
    )


@lru_cache(maxsize=4)
def _load(path: Path, stamp: int, drop: str | None, area: tuple[float, float] | None) -> CellFile:
    spec = load_spec(path)
    file = read_arena(spec, str(path))
    support = [g for g in file.geoms if g.collides]
    if not support:
        raise SceneError(f"the arena {path} has no geom that collides; nothing in it can support an object")
    where, half, named = _drop_area(file, support, drop, path)
    # The area is level: only the turn about z of the site or geom counts.
    x = where[:3, 0] * [1, 1, 0]
    x = x / np.linalg.norm(x) if np.linalg.norm(x) > 1e-6 else np.array([1.0, 0, 0])
    z = np.array([0.0, 0, 1])
    origin = _surface_below(file, where[:3, 3] + _ABOVE * z)
    if origin is None:
        told = np.round(where[:3, 3], 3).tolist()
        raise SceneError(
            f"the arena {path}: nothing that objects can lie on is below {named} at {told}; "
            "give it a floor there, or name another site or geom (scene.cell.drop)"
        )
    T_cell_world = pose(np.stack([x, np.cross(z, x), z], axis=1), origin)
    mjcf, files = _self_contained(spec, path)
    digest = hashlib.sha256(mjcf.encode())
    for name in sorted(files):
        digest.update(name.encode() + hashlib.sha256(files[name]).digest())
    chosen = (area[0] / 2, area[1] / 2) if area is not None else half
    assets = {n: fixture(mesh, f"mesh_{-n - 1}") for n, mesh in file.meshes.items()}
    return CellFile(path.stem, file, inverse(T_cell_world), chosen, assets, mjcf, files, digest.hexdigest())


def fixture(mesh: Mesh, name: str) -> Asset:
    """Return a mesh of a cell as an asset, whose collision part is its convex hull, as MuJoCo's; it has no mass."""
    return Asset(
        name=name, class_name="fixture", mesh=mesh, parts=(Part("hull", vertices=mesh.vertices),), volume=0.0,
        com=np.zeros(3), unit_inertia=np.zeros((3, 3)), density=0.0, friction=0.0, source="cell",
    )  # fmt: skip


def _drop_area(
    file: ArenaFile, support: list[GeomPlan], drop: str | None, path: Path
) -> tuple[Array, tuple[float, float] | None, str]:
    """Return the pose of what says where objects are dropped, its half-sides, and what it is called."""
    by_name = {g.name: g for g in file.geoms}
    name = drop or (DROP_SITE if DROP_SITE in file.sites else None)
    if name is None:
        level = [(g, b) for g in support if (b := _level_top(g)) is not None and g.kind == "box"]
        planes = [g for g in support if g.kind == "plane"]
        if not level and not planes:
            raise SceneError(
                f"the arena {path} does not say where objects are dropped: it has no site 'drop', no level box and no "
                "plane; name a site or a geom in scene.cell.drop"
            )
        name = max(level, key=lambda x: x[1][1][0] * x[1][1][1])[0].name if level else planes[0].name
    if name in file.sites:
        site = file.sites[name]
        half = None if site.half is None else (float(site.half[0]), float(site.half[1]))
        return site.T_file_site, half, f"the site '{name}'"
    if name in by_name:
        top = _level_top(by_name[name])
        if top is None:
            raise SceneError(
                f"the arena {path}: the geom '{name}' has no level top of its own to drop objects on; "
                "put a site there and name it in scene.cell.drop"
            )
        return top[0], top[1], f"the geom '{name}'"
    raise SceneError(f"the arena {path} has no site or geom '{name}'{nearest(name, [*file.sites, *by_name])}")


def _level_top(geom: GeomPlan) -> tuple[Array, tuple[float, float] | None] | None:
    """Return the pose of the middle of a box's level top, x along a side, and its half-sides; or a plane's."""
    T, half = np.array(geom.T_world_geom), np.array(geom.size)
    up = int(np.abs(T[2, :3]).argmax())
    if abs(T[2, up]) < 0.9999:
        return None
    if geom.kind == "plane":
        return (T, None) if up == 2 else None
    if geom.kind != "box":
        return None
    side = (up + 1) % 3, (up + 2) % 3
    x = T[:3, side[0]]
    top = T[:3, 3] + [0, 0, half[up]]
    return pose(np.stack([x, np.cross([0, 0, 1], x), [0, 0, 1]], axis=1), top), (
        float(half[side[0]]),
        float(half[side[1]]),
    )


def _surface_below(file: ArenaFile, point: Array) -> Array | None:
    """Return the first point of a geom that collides on the way down from `point`, or None."""
    model, data = file.model, file.data
    geom = np.zeros(1, np.int32)
    start = point.astype(float).copy()
    for _ in range(model.ngeom + 1):
        distance = mujoco.mj_ray(model, data, start, np.array([0, 0, -1.0]), None, 1, -1, geom)
        if distance < 0:
            return None
        start = start - [0, 0, distance]
        if model.geom_contype[geom[0]] or model.geom_conaffinity[geom[0]]:
            return start
        start = start - [0, 0, 1e-6]
    return None


def _self_contained(spec: mujoco.MjSpec, path: Path) -> tuple[str, dict[str, bytes]]:
    """Return the MJCF as one text, included files and all, and the files that it names, all in one folder."""
    files: dict[str, bytes] = {}

    def taken(name: str, folder: str) -> str:
        source = Path(folder) / name
        source = source if source.is_absolute() else path.parent / source
        try:
            content = source.read_bytes()
        except OSError as error:
            raise SceneError(f"the arena {path} names {source}, which cannot be read: {error.strerror}") from None
        label = source.name
        while label in files and files[label] != content:
            label = f"_{label}"
        files[label] = content
        return label

    folders = {"mesh": spec.meshdir, "texture": spec.texturedir}
    root = ElementTree.fromstring(spec.to_xml())
    for kind, folder in folders.items():
        for element in root.iter(kind):
            for key, value in element.attrib.items():
                if key.startswith("file"):  # the six sides of a cube have names of their own
                    element.set(key, taken(value, folder))
    for compiler in root.iter("compiler"):
        compiler.attrib.pop("assetdir", None)
        compiler.attrib.update(meshdir="files", texturedir="files")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n", files
