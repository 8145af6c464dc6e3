"""What a mesh file announces, checked before anything of it is unpacked: time and memory stay bounded.

Only headers are read (OBJ and ASCII STL: their lines are counted), so a scan of ten million faces is refused in less
than a second, and a file that announces more than it holds is never believed.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from graspgen.errors import ObjectError
from graspgen.objects.foreign_files import MOST_BYTES, Folder, count_in
from graspgen.objects.gltf_limits import check_gltf, gltf_json

#: Most faces of a mesh.
MOST_FACES = 2_000_000


def check_limits(path: Path, folder: Folder) -> None:
    """Refuse a mesh file that is too large, or that announces what it does not hold.

    Args:
        path: OBJ, STL, PLY, OFF, GLB or glTF.
        folder: reads what the file names.

    Raises:
        ObjectError: one line names the file, the cause and the mend.
    """
    size = path.stat().st_size
    if size == 0:
        raise ObjectError(f"{path}: the file is empty; export the mesh again")
    if size > MOST_BYTES:
        raise ObjectError(
            f"{path}: {size / 2**20:.0f} MiB are more than {MOST_BYTES / 2**20:.0f}; simplify the mesh first"
        )
    kind = path.suffix.lower()
    if kind in (".glb", ".gltf"):
        doc, blob = gltf_json(path)
        faces = check_gltf(doc, blob, path, folder)
    else:
        faces = {".obj": _obj, ".stl": _stl, ".ply": _ply, ".off": _off}[kind](path, size)
    if faces > MOST_FACES:
        raise ObjectError(f"{path}: {faces} faces are more than {MOST_FACES}; simplify the mesh first")


def _obj(path: Path, size: int) -> int:
    return count_in(path, b"\nf ", b"\nf\t")


def _stl(path: Path, size: int) -> int:
    with path.open("rb") as file:
        head = file.read(84)
    if len(head) == 84:
        (count,) = struct.unpack_from("<I", head, 80)
        if 84 + 50 * count == size:
            return int(count)
        if not head.lstrip().lower().startswith(b"solid"):
            raise ObjectError(
                f"{path}: cannot be read as a STL mesh (it announces {count} faces, and holds {(size - 84) // 50}); "
                "export it again"
            )
    return count_in(path, b"endfacet")


def _ply(path: Path, size: int) -> int:
    with path.open("rb") as file:
        head = file.read(65536).split(b"end_header", 1)[0].decode("ascii", "replace")
    counts = {name: int(count) for name, count in re.findall(r"^element\s+(\w+)\s+(\d{1,18})\s*$", head, re.MULTILINE)}
    # An element takes a byte at least, in any of PLY's formats.
    if sum(counts.values()) > size:
        raise ObjectError(
            f"{path}: cannot be read as a PLY mesh (it announces {max(counts.values())} elements in {size} bytes); "
            "export it again"
        )
    return counts.get("face", 0)


def _off(path: Path, size: int) -> int:
    with path.open("rb") as file:
        head = re.sub(r"#[^\n]*", "", file.read(65536).decode("ascii", "replace"))
    match = re.match(r"\s*\w*OFF\w*\s+(\d{1,18})\s+(\d{1,18})", head)
    if match is None:
        return 0  # the reader says what is wrong
    vertices, faces = int(match[1]), int(match[2])
    if vertices + faces > size:
        raise ObjectError(
            f"{path}: cannot be read as an OFF mesh (it announces {faces} faces in {size} bytes); export it again"
        )
    return faces
