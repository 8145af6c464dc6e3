import hashlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from graspgen.errors import DatasetError, RecipeError
from graspgen.looks.images import LARGEST, ImageFolder, ImageStore, image_folder


def picture(path: Path, size: tuple[int, int] = (40, 30), seed: int = 0) -> Path:
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)).save(path)
    return path


def bomb(path: Path, side: int = 50_000) -> Path:
    """A PNG of a few bytes that claims billions of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")))
    return path


def test_images_are_picked_evenly_and_by_content(tmp_path: Path) -> None:
    for i in range(4):
        picture(tmp_path / f"{i}.png", seed=i)
    folder = ImageFolder(tmp_path)
    names = [folder.pick(u) for u in (0.0, 0.26, 0.51, 0.99)]
    assert len(set(names)) == 4
    for name in names:
        copy = folder.data(name)
        assert copy is not None and hashlib.sha256(copy).hexdigest()[:32] == name


def test_large_images_are_kept_smaller(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", (1600, 800))
    folder = ImageFolder(tmp_path)
    copy = folder.data(folder.pick(0.5))
    assert copy is not None and Image.open(io.BytesIO(copy)).size == (LARGEST, LARGEST // 2)


def test_a_kept_image_needs_no_folder(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    picture(source / "a.png")
    store = ImageStore(tmp_path / "looks", (str(source),))
    name = image_folder(str(source)).pick(0.1)
    seen = store.array(name)
    store.save(name)
    assert np.array_equal(ImageStore(tmp_path / "looks").array(name), seen)


def test_a_kept_image_that_was_changed_is_told(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    store = ImageStore(tmp_path / "looks", (str(tmp_path),))
    name = image_folder(str(tmp_path)).pick(0.1)
    store.save(name)
    picture(tmp_path / "looks" / f"{name}.jpg", seed=9)
    with pytest.raises(DatasetError, match="is damaged"):
        ImageStore(tmp_path / "looks").array(name)


def test_modes_and_depths_of_colour_become_rgb(tmp_path: Path) -> None:
    grey = np.linspace(0, 60000, 1200).reshape(30, 40).astype(np.uint16)
    Image.fromarray(grey).save(tmp_path / "deep.png")
    Image.new("RGBA", (40, 30), (10, 200, 30, 128)).save(tmp_path / "clear.png")
    Image.new("P", (40, 30)).save(tmp_path / "palette.png")
    Image.new("L", (40, 30), 90).save(tmp_path / "grey.png")
    folder = ImageFolder(tmp_path)
    for u in (0.1, 0.4, 0.6, 0.9):
        copy = folder.data(folder.pick(u))
        assert copy is not None and Image.open(io.BytesIO(copy)).mode == "RGB"


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 30), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    folder = ImageFolder(tmp_path)
    assert np.asarray(Image.open(io.BytesIO(folder.data(folder.pick(0.5))))).min() > 250


def test_bad_folders_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="does not exist"):
        ImageFolder(tmp_path / "none")
    with pytest.raises(RecipeError, match="it is empty"):
        ImageFolder(tmp_path)
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(RecipeError, match="it has 1 other files"):
        ImageFolder(tmp_path)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda p: p.write_bytes(b"not a picture at all"), "is not an image"),
        (lambda p: p.write_bytes(b""), "is not an image"),
        (lambda p: p.write_bytes(picture(p, (400, 300)).read_bytes()[:20_000]), "is damaged"),
        (bomb, "at most 40 million are read"),
        (lambda p: picture(p, (4, 4)), "needs 8 a side"),
    ],
)
def test_bad_images_are_told_in_one_line(tmp_path: Path, make, told: str) -> None:
    make(tmp_path / "bad.png")
    folder = ImageFolder(tmp_path)
    for act in (folder.check, lambda: folder.pick(0.5)):
        with pytest.raises(RecipeError, match=told) as error:
            act()
        assert "bad.png" in str(error.value) and "\n" not in str(error.value)
