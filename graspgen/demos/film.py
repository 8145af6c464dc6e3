"""Stored episodes side by side: a film, or a sheet of how they end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.errors import DatasetError
from graspgen.labels.overlay import Picture
from graspgen.pipeline.film import SHEETS, Film, check_target, write_film

#: Most episodes of a grid, and how many a row.
MOST, COLUMNS = 24, 6
#: Width of the frame around an episode that is over, px, and its colours: done, and failed.
FRAME, DONE, FAILED = 3, (60, 170, 80), (210, 70, 60)
#: Images are enlarged by a whole factor to at least this height, px.
HEIGHT = 160
_GOING = (255, 255, 255)


def film_demos(path: str | Path, out: str | Path, *, camera: str | None = None, most: int = MOST) -> int:
    """Show the first episodes of a dataset in a grid; those that are over keep their last picture, framed.

    Args:
        path: a dataset of `graspgen demos` with images.
        out: file to write: .mp4 (needs imageio-ffmpeg), .gif or .webp, or .png or .jpg for how they end.
        camera: that sees them; None for the first.
        most: how many at most.

    Returns:
        How many episodes it shows.

    Raises:
        DatasetError: the dataset has no images of episodes, or none of that camera, or the file cannot be written.
        RenderError: it needs what is not installed.
    """
    target = Path(out)
    check_target(target)
    with open_dataset(path) as dataset:
        keys = dataset.episodes["id"][:most].tolist()
        if not keys or not len(dataset.step_views):
            raise DatasetError(f"{path} has no images of episodes; make some with `graspgen demos --camera front`")
        known = list(dict.fromkeys(dataset.step_views["camera"].tolist()))
        name = camera or known[0]
        if name not in known:
            raise DatasetError(f"{path} has no images of a camera '{name}'; it has {', '.join(known)}")
        shown = [_frames(dataset, key, name) for key in keys]
        fps = 1 / float(dataset.steps["time"][1] - dataset.steps["time"][0])
    longest = max(map(len, shown))
    moments = [longest - 1] if target.suffix.lower() in SHEETS else range(longest)
    grids = [_grid([frames[min(i, len(frames) - 1)] for frames in shown]) for i in moments]
    write_film(target, Film(grids, [""] * len(grids), fps, rest=round(fps)))
    return len(shown)


def _frames(dataset: Dataset, key: int, camera: str) -> list[Picture]:
    episode = dataset.episode(key)
    images = [dataset.step_views["rgb"][row] for row in episode.images[camera].tolist()]
    factor = -(-HEIGHT // images[0].shape[0])
    large = [image.repeat(factor, axis=0).repeat(factor, axis=1) for image in images]
    framed = [_framed(image, _GOING) for image in large[:-1]]
    return [*framed, _framed(large[-1], DONE if episode.success else FAILED)]


def _framed(image: Picture, colour: tuple[int, int, int]) -> Picture:
    height, width = image.shape[:2]
    framed: NDArray[np.uint8] = np.empty((height + 2 * FRAME, width + 2 * FRAME, 3), np.uint8)
    framed[:] = colour
    framed[FRAME:-FRAME, FRAME:-FRAME] = image
    return framed


def _grid(pictures: list[Picture]) -> Picture:
    columns = min(COLUMNS, len(pictures))
    blank = np.full_like(pictures[0], 255)
    rows = -(-len(pictures) // columns)
    filled = [*pictures, *[blank] * (rows * columns - len(pictures))]
    return np.concatenate(
        [np.concatenate(filled[row * columns : (row + 1) * columns], axis=1) for row in range(rows)], axis=0
    )
