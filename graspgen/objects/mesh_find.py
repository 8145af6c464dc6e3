"""Finds the objects in folders of meshes: one file for each object, its name and its class.

Collections keep an object in several files: YCB has scans of several sizes (`025_mug/google_16k/textured.obj`), Google
Scanned Objects a mesh beside its textures (`NAME/meshes/model.obj`), ShapeNet a mesh below its category
(`03797390/ID/models/model_normalized.obj`), Bullet's random objects a URDF with its mesh (`000/000.urdf`). A URDF or
MJCF stands for the meshes that it names; of files that differ in type, texture or resolution only, the best is taken.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from graspgen.errors import ObjectError
from graspgen.objects import mjcf_file, urdf_file
from graspgen.objects.mesh_file import SUFFIXES
from graspgen.objects.shapenet import CATEGORIES

#: Descriptions of an object by several files.
DESCRIPTIONS = (".urdf", ".xml")
#: Files whose name, or whose folder's name, matches are collision parts: skipped in a folder, read when named.
COLLISION_PART = re.compile(r"coacd|vhacd|collision|convex|(^|[_.\-])(col|coll|hull|parts)([_.\-\d]|$)", re.IGNORECASE)
# File names, and folder names, that say nothing: the name of the folder above is taken instead.
_GENERIC = re.compile(
    r"(non)?textured?|textured_(simple|reoriented)|mesh|model|model_(normalized|watertight|simplified)|visual|object|"
    r"base|scene|untitled|\d{0,2}",
    re.IGNORECASE,
)
_GENERIC_FOLDER = re.compile(
    r"models?|mesh(es)?|visuals?|urdfs?|mjcfs?|xml|obj|stl|ply|glb|gltf|off|google_\d+k|tsdf|poisson|clouds|"
    r"textured|assets?",
    re.IGNORECASE,
)
# What YCB puts before a name, and names that only number an object: their class is the folder above.
_NUMBERED = re.compile(r"\d{3}(?:-[a-z])?_(?=[A-Za-z])")
_OPAQUE = re.compile(r"\d+|[0-9a-fA-F]{12,}|[0-9a-f]{8}-[0-9a-f\-]{20,}")
# The best first.
_SCANS = ("google_16k", "google_64k", "google_512k", "tsdf", "poisson", "clouds")
_TYPES = (".urdf", ".xml", ".glb", ".gltf", ".obj", ".ply", ".stl", ".off")


@dataclass(frozen=True)
class Found:
    """One object to import.

    Attributes:
        path: the file that stands for it.
        root: the folder that the file may name other files in.
        name, class_name: what to call it.
        notes: files of the same object that are left out.
    """

    path: Path
    root: Path
    name: str
    class_name: str
    notes: tuple[str, ...] = ()


def find_objects(paths: Sequence[str | Path]) -> tuple[list[Found], list[tuple[Path, str]]]:
    """Find the objects that files and folders hold, each once, in the order of their paths.

    Returns:
        The objects, and each folder that holds none, with the reason.
    """
    found: dict[Path, Found] = {}
    empty = []
    for path in map(Path, paths):
        if path.is_dir():
            objects = list(_objects_in(path))
            found.update((o.path, o) for o in objects if o.path not in found)
            if not objects:
                types = ", ".join((*SUFFIXES, *DESCRIPTIONS))
                empty.append((path, f"{path}: the folder holds no mesh ({types})"))
        else:
            name = asset_name(path)
            found.setdefault(path, Found(path, _object_folder(path), name, _class_name(path, name)))
    return list(found.values()), empty


def asset_name(path: Path) -> str:
    """Return a valid asset name from a file's name, or its folder's where the file's says nothing ("textured")."""
    stem = path.stem
    if _GENERIC.fullmatch(stem):
        stem = _object_folder(path).name or stem
    return valid_name(stem)


def valid_name(text: str) -> str:
    """Return the text with what an asset's name cannot hold replaced or left out."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.\-]+", "_", ascii_only).lstrip(".-")[:80] or "object"


def _object_folder(path: Path) -> Path:
    """Return the nearest folder of the file whose name says something."""
    folder = path.resolve().parent
    while _GENERIC_FOLDER.fullmatch(folder.name) and folder.parent != folder:
        folder = folder.parent
    return folder


def _class_name(path: Path, name: str) -> str:
    numbered = _NUMBERED.match(name)
    if numbered:
        return name[numbered.end() :]
    if not _OPAQUE.fullmatch(name):
        return name
    folder = _object_folder(path)
    above = folder.parent if _OPAQUE.fullmatch(folder.name) else folder
    return CATEGORIES.get(above.name) or valid_name(above.name)


def _objects_in(root: Path) -> Iterator[Found]:
    files = sorted(_files(root))
    described = [p for p in files if p.suffix.lower() in DESCRIPTIONS and _is_description(p)]
    covered = {mesh for path in described for mesh in _covered(path)}
    meshes = [
        p
        for p in files
        if p.suffix.lower() in SUFFIXES and p.resolve() not in covered and not _is_collision_part(p.relative_to(root))
    ]
    top = root.resolve()
    groups: dict[tuple[Path, str], list[Path]] = {}
    for path in sorted([*described, *meshes]):
        folder = _object_folder(path)
        if not folder.is_relative_to(top):
            folder = top
        stem = "" if _GENERIC.fullmatch(path.stem) else path.stem
        groups.setdefault((folder, stem), []).append(path)
    for members in groups.values():
        best = min(members, key=_rank)
        others = sorted(str(p.relative_to(root)) for p in members if p != best)
        notes = ()
        if others:
            more = f" and {len(others) - 3} more" if len(others) > 3 else ""
            notes = (f"the same object, left out: {', '.join(others[:3])}{more}",)
        name = asset_name(best)
        yield Found(best, root, name, _class_name(best, name), notes)


def _files(root: Path) -> Iterator[Path]:
    # Links to folders are not followed: they may lead anywhere, or in circles.
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(n for n in inner if not n.startswith("."))
        for name in names:
            if name.lower().endswith((*SUFFIXES, *DESCRIPTIONS)) and not name.startswith("."):
                path = Path(folder) / name
                if path.is_file():
                    yield path


def _rank(path: Path) -> tuple[int, int, int, int, str]:
    suffix, stem, parents = path.suffix.lower(), path.stem.lower(), {p.lower() for p in path.parts}
    scan = next((i for i, name in enumerate(_SCANS) if name in parents), -1)
    plain = 0 if stem.startswith("textured") else 2 if stem.startswith("nontextured") else 1
    return suffix not in DESCRIPTIONS, scan, plain, _TYPES.index(suffix), str(path)


def _is_collision_part(inner: Path) -> bool:
    return any(COLLISION_PART.search(part) for part in (inner.stem, *inner.parts[:-1]))


def _is_description(path: Path) -> bool:
    """Tell a URDF or MJCF from other XML files, which folders of meshes hold too, by its beginning."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError:
        return False
    return path.suffix.lower() == ".urdf" or b"<mujoco" in start


def _covered(path: Path) -> Iterator[Path]:
    """Yield the meshes that a description names; none where it cannot be read: the import says why."""
    try:
        names = urdf_file.named_files(path) if path.suffix.lower() == ".urdf" else mjcf_file.named_files(path)
    except ObjectError:
        return
    for name in names:
        local = urdf_file.local_name(name).replace("\\", "/")
        try:
            yield (path.parent / local).resolve()
        except (OSError, ValueError, RuntimeError):
            continue
