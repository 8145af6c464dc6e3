"""Pictures on disk: a film as MP4, GIF or WebP, or a sheet of some of its frames, by the file's extension."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np

from graspgen.dataset.layout import write_error
from graspgen.errors import DatasetError, RenderError
from graspgen.labels.overlay import Picture, contact_sheet

FILMS, SHEETS = (".mp4", ".gif", ".webp"), (".png", ".jpg", ".jpeg")
#: Tiles of a sheet, and how many a row.
TILES, COLUMNS = 8, 4


@dataclass(frozen=True, eq=False)
class Film:
    """Frames and what is said below them.

    Attributes:
        frames: (H, W, 3) uint8 each.
        captions: one for each frame.
        fps: frames a second.
        rest: how many times a film repeats the last frame at its end.
        notable: numbers of the frames that a sheet must show, as far as it has room.
    """

    frames: Sequence[Picture]
    captions: Sequence[str]
    fps: float
    rest: int = 0
    notable: Sequence[int] = ()


def check_target(path: Path) -> None:
    """Check, before anything is computed, that a film or a sheet can be written under a name.

    Raises:
        DatasetError: the extension is unknown, the folder is not there or cannot be written, or the name is that of
            a folder.
        RenderError: it needs what is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in (*FILMS, *SHEETS):
        known = f"films: {', '.join(FILMS)}; sheets of frames: {', '.join(SHEETS)}"
        raise DatasetError(f"cannot write {path}: the extension '{path.suffix}' is none of {known}")
    if suffix == ".mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise RenderError(
            f"cannot write {path}: MP4 needs imageio-ffmpeg; `pip install 'graspgen[video]'`, or write a .gif"
        )
    if path.is_dir():
        raise DatasetError(f"cannot write {path}: it is a folder; name a file in it")
    if not path.parent.is_dir():
        raise DatasetError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    partial = _partial(path)
    try:
        partial.touch()
        partial.unlink()
    except OSError as error:
        raise write_error(path, error) from error


def _partial(path: Path) -> Path:
    """The name under which a film is written; its extension says how."""
    return path.with_name(f".{path.stem}.partial{path.suffix.lower()}")


def write_film(path: Path, film: Film) -> int:
    """Write a film, or a sheet of its frames; the file appears under its name only when it is whole.

    Returns:
        How many frames are in it.

    Raises:
        DatasetError: the extension is unknown, or the file cannot be written.
        RenderError: it needs what is not installed.
    """
    check_target(path)
    suffix = path.suffix.lower()
    pictures = [_sheet(film)] if suffix in SHEETS else [_captioned(*pair) for pair in _pairs(film)]
    partial = _partial(path)
    try:
        iio.imwrite(partial, np.stack(pictures) if suffix in FILMS else pictures[0], **_options(suffix, film.fps))
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise write_error(path, error) from error
    return min(TILES, len(film.frames)) if suffix in SHEETS else len(pictures)


def _pairs(film: Film) -> list[tuple[Picture, str]]:
    pairs = list(zip(film.frames, film.captions, strict=True))
    return pairs + pairs[-1:] * film.rest


def _options(suffix: str, fps: float) -> dict[str, Any]:
    match suffix:
        case ".mp4":
            return {"plugin": "FFMPEG", "fps": fps, "codec": "libx264", "quality": 8, "macro_block_size": 2}
        case ".gif":
            # Whole hundredths of a second, and players slow down what is shorter than two of them.
            return {"plugin": "pillow", "duration": max(20, 10 * round(100 / fps)), "loop": 0}
        case ".webp":
            return {"plugin": "pillow", "duration": round(1000 / fps), "loop": 0, "quality": 85}
        case ".png":
            return {"plugin": "pillow", "optimize": True}
        case _:
            return {"plugin": "pillow", "quality": 88}


def _captioned(frame: Picture, caption: str) -> Picture:
    """The frame with a strip of text below it, its sides even, as video codecs want them."""
    picture = contact_sheet([frame], 1, [caption], gap=0) if caption else frame
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _sheet(film: Film) -> Picture:
    last = len(film.frames) - 1
    chosen = list(dict.fromkeys([0, last, *film.notable]))[:TILES]
    # What room is left goes to the frames that are furthest from those chosen.
    while len(chosen) < min(TILES, last + 1):
        gaps = np.abs(np.arange(last + 1)[:, None] - np.array(chosen)).min(axis=1)
        chosen.append(int(gaps.argmax()))
    chosen.sort()
    return contact_sheet([film.frames[i] for i in chosen], COLUMNS, [film.captions[i] for i in chosen])
