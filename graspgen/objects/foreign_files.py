"""Files that a foreign file names: read only inside one folder, up to a size, and never by an absolute path.

An OBJ's materials, a material's texture, a glTF's buffers, the meshes of a URDF or MJCF. What is missing or lies
outside is looked for by its bare name near the file, since exported models are often moved without their textures'
paths being mended; that is said in a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import trimesh
from PIL import Image

from graspgen.errors import ObjectError

#: Most bytes of one file.
MOST_BYTES = 2**30
#: Most pixels of an image: one of 64 Mpx takes 200 MB once it is unpacked.
MOST_IMAGE = 64_000_000
#: Where collections keep the textures of a mesh, seen from the mesh's folder.
_NEAR = (".", "textures", "images", "materials/textures", "../materials/textures", "../textures", "../images")
_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".tga", ".tif", ".tiff", ".gif", ".webp")


class Folder(trimesh.resolvers.Resolver):
    """Reads the files that one file names, inside `root` only.

    Attributes:
        notes: what was found elsewhere, or not at all.
    """

    def __init__(self, folder: Path, root: Path | None = None) -> None:
        """Read names as seen from `folder`, a folder in `root` (itself, if not given)."""
        self.folder = folder
        self.root = (root or folder).resolve()
        self.notes: list[str] = []

    def path(self, name: str) -> Path:
        """Return the file that `name` stands for.

        Raises:
            ObjectError: it is not there, lies outside the root, or is too large.
        """
        wanted = unquote(str(name).strip().strip('"')).replace("\\", "/")
        if re.match(r"^[A-Za-z]{2,}://", wanted):
            raise ObjectError(f"'{name}' is on the network, and nothing is fetched; put the file beside the mesh")
        absolute = wanted.startswith(("/", "~")) or re.match(r"^[A-Za-z]:", wanted) is not None
        place = None if absolute else self._inside(self.folder / wanted)
        if place is None:
            why = "is an absolute path" if absolute else self._why(wanted)
            bare = wanted.rsplit("/", 1)[-1]
            found = (self._inside(self.folder / near / bare) for near in _NEAR) if bare not in ("", ".", "..") else ()
            place = next((p for p in found if p is not None), None)
            if place is None:
                raise ObjectError(f"'{name}' {why}; put the file beside the mesh and name it without a folder")
            self.note(f"'{name}' {why}: took {bare} near the mesh instead")
        size = place.stat().st_size
        if size > MOST_BYTES:
            raise ObjectError(
                f"'{name}' has {size / 2**20:.0f} MiB, more than {MOST_BYTES / 2**20:.0f}; make it smaller"
            )
        return place

    def get(self, name: str) -> bytes:
        """Return the bytes of the file that `name` stands for; for trimesh, which goes on without what is missing.

        Raises:
            ObjectError: as `path`; or an image that is too large.
        """
        try:
            place = self.path(name.split()[-1] if name.startswith("-") else name)
            data = place.read_bytes()
            if place.suffix.lower() in _IMAGES:
                check_image(data, place.name)
            return data
        except ObjectError as error:
            self.note(f"left out: {error}")
            raise
        except OSError as error:
            self.note(f"left out: '{name}' cannot be read ({error.strerror})")
            raise ObjectError(f"'{name}' cannot be read ({error.strerror})") from error

    def note(self, text: str) -> None:
        """Keep a note, once."""
        if text not in self.notes:
            self.notes.append(text)

    def keys(self) -> Iterable[str]:
        """Return nothing: names are looked up, never listed."""
        return ()

    def write(self, name: str, data: Any) -> None:
        """Refuse to write.

        Raises:
            ObjectError: always.
        """
        raise ObjectError(f"'{name}' is not written: an import only reads")

    def namespaced(self, namespace: str) -> Folder:
        """Return the same for names as seen from a folder below."""
        return Folder(self.folder / namespace, self.root)

    def _inside(self, path: Path) -> Path | None:
        try:
            place = path.resolve()
            return place if place.is_relative_to(self.root) and place.is_file() else None
        except (OSError, ValueError, RuntimeError):  # a name that no file can have, or a circle of links
            return None

    def _why(self, wanted: str) -> str:
        try:
            outside = not (self.folder / wanted).resolve().is_relative_to(self.root)
        except (OSError, ValueError, RuntimeError):
            return "is no valid path"
        return "leads out of the folder" if outside else "is not there"


def check_image(data: bytes, where: str) -> None:
    """Refuse an image whose header announces too many pixels; nothing is unpacked.

    Raises:
        ObjectError: it does.
    """
    try:
        with Image.open(BytesIO(data)) as image:
            width, height = image.size
    except Image.DecompressionBombError:
        width = height = MOST_IMAGE
    except (OSError, ValueError, SyntaxError):
        return  # not readable: the texture is dropped, with a note, where it is used
    if width * height > MOST_IMAGE:
        raise ObjectError(
            f"the image {where} announces more than {MOST_IMAGE // 1_000_000} million pixels; make it smaller"
        )


def count_in(path: Path, *markers: bytes) -> int:
    """Count how often the markers stand in a file, or at its start after a line break, block by block."""
    total, tail = 0, b"\n"
    keep = max(map(len, markers)) - 1
    with path.open("rb") as file:
        while block := file.read(2**24):
            text = tail + block
            total += sum(text.count(m) - tail.count(m) for m in markers)
            tail = text[-keep:]
    return total
