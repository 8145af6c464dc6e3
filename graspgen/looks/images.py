"""The user's own images: as textures and as backgrounds.

An image is known by the SHA-256 of the copy that datasets keep: RGB, at most `LARGEST` pixels a side, JPEG. What is
rendered is that copy, so a dataset alone makes its views again.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from re import fullmatch

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from graspgen.errors import DatasetError, RecipeError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
#: Longest side of a kept copy, px.
LARGEST = 1024
#: Images with more pixels are refused before they are decoded: some 100 MB.
MOST_PIXELS = 40_000_000
#: Copies that a process keeps in memory, some 0.2 MB each.
_KEPT = 256


class ImageFolder:
    """The images of a folder and its subfolders, in the order of their paths. Get one with `image_folder`."""

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise RecipeError(f"the images' folder {path} does not exist or is no folder")
        found = [p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")]
        self.files = tuple(sorted(p for p in found if p.suffix.lower() in SUFFIXES))
        if not self.files:
            others = f"it has {len(found)} other files" if found else "it is empty"
            raise RecipeError(f"the folder {path} holds no images ({', '.join(SUFFIXES)}): {others}")
        self._copies: OrderedDict[Path, tuple[str, bytes]] = OrderedDict()

    def pick(self, u: float) -> str:
        """Return the name of the image at the share `u`, 0 … 1, of the folder.

        Raises:
            RecipeError: the image is damaged or too large.
        """
        return self._copy(self.files[min(int(u * len(self.files)), len(self.files) - 1)])[0]

    def data(self, name: str) -> bytes | None:
        """Return the kept copy of an image by its name, None where the folder does not hold it."""
        for known, copy in self._copies.values():
            if known == name:
                return copy
        return next((copy for known, copy in map(self._copy, self.files) if known == name), None)

    def check(self) -> None:
        """Decode every image once.

        Raises:
            RecipeError: one is damaged, too large or no image.
        """
        for file in self.files:
            _decoded(file, fast=True)

    def _copy(self, file: Path) -> tuple[str, bytes]:
        if file not in self._copies:
            buffer = io.BytesIO()
            _decoded(file).save(buffer, "JPEG", quality=92, subsampling=0)
            copy = buffer.getvalue()
            self._copies[file] = (hashlib.sha256(copy).hexdigest()[:32], copy)
            if len(self._copies) > _KEPT:
                self._copies.popitem(last=False)
        self._copies.move_to_end(file)
        return self._copies[file]


@lru_cache(maxsize=8)
def image_folder(path: str) -> ImageFolder:
    """Return the images of a folder; a process lists it once.

    Raises:
        RecipeError: the folder does not exist or holds no images.
    """
    return ImageFolder(Path(path))


class ImageStore:
    """The images of a run by name: the dataset's own copies, and the folders that they came from.

    Args:
        folder: the dataset's `looks`, None to keep nothing; it is made when the first image is.
        sources: folders of the recipe.
    """

    def __init__(self, folder: Path | None, sources: tuple[str, ...] = ()) -> None:
        self._folder, self._sources = folder, sources
        self._saved: set[str] = set()

    def array(self, name: str) -> NDArray[np.uint8]:
        """Return the (H, W, 3) uint8 image.

        Raises:
            DatasetError: neither the dataset nor the folders hold it, or it is damaged.
        """
        return _pixels(self._bytes(name), name)

    def save(self, name: str) -> None:
        """Write the image into the dataset, once.

        Raises:
            DatasetError: it is not found, or cannot be written.
        """
        if self._folder is None or name in self._saved:
            return
        target = self._folder / file_name(name)
        if not target.is_file():
            copy = self._bytes(name)
            try:
                self._folder.mkdir(exist_ok=True)
                # Workers may write the same image at once: each its own file, and the last rename wins.
                partial = target.with_name(f"{name}.{os.getpid()}.partial")
                partial.write_bytes(copy)
                partial.replace(target)
            except OSError as error:
                raise DatasetError(f"cannot write {target}: {error.strerror}") from error
        self._saved.add(name)

    def _bytes(self, name: str) -> bytes:
        if not fullmatch("[0-9a-f]{32}", name):
            raise DatasetError(f"{name[:40]!r} is no name of a kept image; restore the plan that names it")
        if self._folder is not None and (self._folder / file_name(name)).is_file():
            copy = (self._folder / file_name(name)).read_bytes()
            if hashlib.sha256(copy).hexdigest()[:32] != name:
                raise DatasetError(f"{self._folder / file_name(name)} is damaged: it is not what its name says")
            return copy
        for source in self._sources:
            copy = image_folder(source).data(name)
            if copy is not None:
                return copy
        where = f"{self._folder} and " if self._folder else ""
        raise DatasetError(f"the image {name} is missing: it is not in {where}{list(self._sources)}")


def file_name(name: str) -> str:
    """Return the file of an image in a dataset's `looks/`."""
    return f"{name}.jpg"


@lru_cache(maxsize=32)
def _pixels(copy: bytes, name: str) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(copy)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"the image {name} is damaged ({error})") from None


def _decoded(file: Path, fast: bool = False) -> Image.Image:
    """Return an image as RGB of at most `LARGEST` a side; `fast` decodes a JPEG at a fraction of its size."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    raise RecipeError(
                        f"{file} has {width} x {height} pixels, at most {MOST_PIXELS // 10**6} million are read; "
                        "make it smaller, or take it out of the folder"
                    )
                if min(width, height) < 8:
                    raise RecipeError(f"{file} has {width} x {height} pixels; an image needs 8 a side")
                if fast:
                    image.draft("RGB", (64, 64))
                    image.load()
                    return image
                image.draft("RGB", (LARGEST, LARGEST))
                upright = ImageOps.exif_transpose(image)
                if upright.mode.startswith("I;16") or upright.mode in ("I", "F"):
                    levels = np.asarray(upright, np.float64)
                    span = max(float(levels.max()), 1.0)
                    upright = Image.fromarray(np.uint8(255 * np.clip(levels / span, 0, 1)))
                if upright.has_transparency_data:  # what is clear would show whatever colour lies under it
                    upright = upright.convert("RGBA")
                    upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
                rgb = upright.convert("RGB")
                rgb.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
                return rgb
    except RecipeError:
        raise
    except Image.DecompressionBombError:
        raise RecipeError(
            f"{file} announces more pixels than any picture has, at most {MOST_PIXELS // 10**6} million are read; "
            "take it out of the folder"
        ) from None
    except UnidentifiedImageError:
        raise RecipeError(f"{file} is not an image; take it out of the folder") from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise RecipeError(f"{file} is damaged ({' '.join(str(error).split())}); take it out of the folder") from None
