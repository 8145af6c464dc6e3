"""Samples per second of the loaders, against bare reading and against PNG and JSON files, in one run.

    python scripts/bench_loaders.py [DATASET] [--json numbers.json]

For each kind of sample and for 0, 1 and 2 workers of PyTorch's DataLoader:

    loader   whole batches of tensors, from the dataset
    bare     the same images of the same views read and decompressed by h5py, in as many processes, and dropped
    files    whole batches of tensors from the same data as PNG (colour, 16-bit depth, ids) and JSON (all else)

The three take turns, round after round, in an order that turns too; ratios are medians over rounds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.loaders import ContactGrasps, GraspRectangles, PointClouds, RGBDViews
from graspgen.loaders.clouds import draw_pixels, pixel_points
from graspgen.loaders.source import Sample
from graspgen.loaders.torch_data import Loader, data_loader

POINTS = 20_000
ALL = ("rgb", "depth", "instances")
BATCH = 8


@dataclass(frozen=True)
class Kind:
    """A kind of sample.

    Attributes:
        source: makes it from a dataset and rows of views.
        images: that it reads of each view.
        points: whether the files' reader has to make points.
    """

    source: Callable[[Dataset, np.ndarray], Any]
    images: tuple[str, ...]
    points: bool = False


KINDS = {
    "image": Kind(lambda d, v: RGBDViews(d, views=v), ALL),
    "cloud": Kind(lambda d, v: PointClouds(d, views=v, points=POINTS, colours=True), ALL, True),
    "cloud without colour": Kind(lambda d, v: PointClouds(d, views=v, points=POINTS), ("depth", "instances"), True),
    "rectangles": Kind(lambda d, v: GraspRectangles(d, views=v), ALL),
    "contacts": Kind(lambda d, v: ContactGrasps(d, views=v, points=POINTS, colours=True), ALL, True),
}


class FileSource:
    """The same samples from PNG and JSON files."""

    seed = epoch = 0

    def __init__(self, folder: Path, views: Sequence[int], kind: str) -> None:
        self.folder, self.views, self.kind = folder, list(views), kind
        self.ragged = dict(GraspRectangles.ragged) if kind == "rectangles" else {}

    def __len__(self) -> int:
        return len(self.views)

    def shards(self) -> np.ndarray:
        return np.zeros(len(self), np.int64)

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        return [self[i] for i in indices]

    def __getitem__(self, i: int) -> Sample:
        view, kind = self.views[i], KINDS[self.kind]
        found: Sample = {}
        for name in kind.images:
            with Image.open(self.folder / f"{view}_{name}.png") as image:
                found[name] = np.array(image)
        told = json.loads((self.folder / f"{view}.json").read_text())
        K, D = np.array(told["K"]), np.array(told["distortion"])
        if kind.points:
            counts = found.pop("depth")
            width = counts.shape[1]
            pixels = draw_pixels(counts.reshape(-1), POINTS, np.random.default_rng([0, 0, i]))
            z = counts.reshape(-1)[pixels] * np.float32(1e-4)
            found = {name: value.reshape(-1, *value.shape[2:])[pixels] for name, value in found.items()}
            found["points"] = pixel_points(pixels, z, width, K, D)
        else:
            found["depth"] = found["depth"] * np.float32(1e-4)
            found |= {"K": K, "distortion": D}
        if self.kind == "rectangles":
            shapes = {"rectangles": (-1, 5), "T_camera_grasp": (-1, 4, 4)}
            for name in self.ragged:
                found[name] = np.array(told[name]).reshape(shapes.get(name, (-1,)))
        return found


def write_files(data: Dataset, folder: Path) -> None:
    rectangles = GraspRectangles(data)
    for view in range(len(data.views)):
        for name in ALL:
            Image.fromarray(data.views[name][view]).save(folder / f"{view}_{name}.png", compress_level=1)
        told = {"K": data.views["K"][view].tolist(), "distortion": data.views["distortion"][view].tolist()}
        labels = rectangles.labels(view, None)
        told |= {name: labels[name].tolist() for name in GraspRectangles.ragged}
        (folder / f"{view}.json").write_text(json.dumps(told))


def read_bare(data_path: Path, places: Sequence[tuple[str, int]], images: Sequence[str], barrier: Any) -> None:
    """Read and drop images, as h5py does it."""
    files = {name: h5py.File(data_path / name, "r", locking=False, rdcc_nbytes=0) for name in {p for p, _ in places}}
    datasets = {(f, n): files[f][f"views/{n}"] for f in files for n in images}
    barrier.wait()
    barrier.wait()
    for file, row in places:
        for name in images:
            datasets[file, name][row]
    barrier.wait()


def bare_rate(data: Dataset, views: np.ndarray, images: Sequence[str], workers: int) -> float:
    shards = data.views.shard_of(views)
    first = np.searchsorted(data.views.shard_of(np.arange(len(data.views))), np.arange(shards.max() + 1))
    names = data._files.names
    order = np.random.default_rng(0).permutation(len(views))
    places = [(names[shards[i]], int(views[i] - first[shards[i]])) for i in order]
    count = max(workers, 1)
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(count + 1)
    readers = [
        context.Process(target=read_bare, args=(data.path, places[w::count], images, barrier)) for w in range(count)
    ]
    for reader in readers:
        reader.start()
    barrier.wait()  # all have opened their files
    start = time.perf_counter()
    barrier.wait()
    barrier.wait()
    seconds = time.perf_counter() - start
    for reader in readers:
        reader.join()
    return len(views) / seconds


def epoch_rate(loader: Loader, samples: int) -> float:
    start = time.perf_counter()
    for _ in loader:
        pass
    return samples / (time.perf_counter() - start)


def measure(data: Dataset, folder: Path, kind: str, workers: int, rounds: int, samples: int) -> dict[str, Any]:
    views = np.resize(np.arange(len(data.views)), samples)
    ours = data_loader(KINDS[kind].source(data, views), BATCH, workers=workers)
    theirs = data_loader(FileSource(folder, views.tolist(), kind), BATCH, workers=workers)
    ways = {
        "loader": lambda: epoch_rate(ours, samples),
        "bare": lambda: bare_rate(data, views, KINDS[kind].images, workers),
        "files": lambda: epoch_rate(theirs, samples),
    }
    epoch_rate(ours, samples), epoch_rate(theirs, samples)  # workers start, pages are read
    found: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(rounds):
        names = list(ways)
        for way in names[turn % 3 :] + names[: turn % 3]:
            found[way].append(ways[way]())
    rates = {way: float(np.median(values)) for way, values in found.items()}
    loader, bare, files = (np.array(found[way]) for way in ways)
    return {
        "kind": kind, "workers": workers, **rates,
        "of_bare": float(np.median(loader / bare)), "over_files": float(np.median(loader / files)),
    }  # fmt: skip


def example(folder: Path) -> Path:
    """Generate a dataset to measure with."""
    from graspgen.pipeline.run import generate
    from graspgen.recipe_file import load_recipe

    out = folder / "dataset"
    generate(load_recipe("tabletop", ["grasps.in_scene.per_object=0"]), out, scenes=12, seed=7, quiet=True)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, nargs="?", help="default: twelve scenes of tabletop, made for this")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--samples", type=int, default=192, help="an epoch; views are repeated to make them up")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = open_dataset(given.dataset or example(folder))
        (folder / "files").mkdir()
        write_files(data, folder / "files")
        print("samples per second; medians of rounds\n")
        print(f"{'sample':22}{'workers':>8}{'loader':>9}{'bare':>9}{'files':>9}{'of bare':>9}{'over files':>11}")
        rows = []
        for kind in given.kinds:
            for workers in given.workers:
                row = measure(data, folder / "files", kind, workers, given.rounds, given.samples)
                rows.append(row)
                print(
                    f"{kind:22}{workers:8}{row['loader']:9.0f}{row['bare']:9.0f}{row['files']:9.0f}"
                    f"{row['of_bare']:9.2f}{row['over_files']:11.2f}",
                    flush=True,
                )
    if given.json:
        _, height, width = data.views["depth"].shape
        told = {"views": len(data.views), "width": width, "height": height, "batch": BATCH, "points": POINTS}
        given.json.write_text(json.dumps(told | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
