"""What each way to store images costs: bytes, packing and reading a view, and what JPEG does to colour.

    graspgen generate tabletop -n 6 -o out --set grasps.per_object=0
    python scripts/bench_storage.py out [--rounds 9]

Views of a lossless dataset are packed as a worker packs them, written to a file, and read as loaders read them, by one
thread. All ways take turns in each round, so that other load on the machine hits them alike; the fastest round counts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import h5py
import numpy as np

import graspgen
from graspgen.dataset import codecs, unpack
from graspgen.dataset.codecs import CODECS
from graspgen.dataset.coded import CodedImages
from graspgen.dataset.hdf5 import create_images
from graspgen.dataset.pack import pack_images
from graspgen.dataset.schema import TABLES
from graspgen.dataset.unpack import read_image

COLUMNS = ("rgb", "depth", "instances")


def ways() -> list[tuple[str, str, int | None]]:
    """Return name, codec and JPEG quality of everything that works here."""
    there = [name for name, codec in CODECS.items() if not codec.plugin or codecs.plugins()]
    plain = [("gzip by zlib", "gzip", None)] if codecs.libdeflate() else []
    return [*plain, *((name, name, None) for name in there), *((f"JPEG {q}", "gzip", q) for q in (90, 95, 98))]


def measure(values: dict[str, np.ndarray], codec: str, quality: int | None, path: Path) -> dict[str, float]:
    """Pack, write and read views once; return ms and bytes a view, of all images and of colour alone."""
    n, told = len(values["rgb"]), defaultdict(float)
    with h5py.File(path, "w") as file:
        group = file.create_group("views")
        for name in COLUMNS:
            start = time.perf_counter()
            images: Any = values[name]
            if name == "rgb" and quality is not None:
                images = CodedImages.of(list(images), images.shape[1:], quality)
            packed = pack_images(images, codec)
            told[f"{name} write"] = 1e3 * (time.perf_counter() - start) / n
            sides = (packed.row,) if packed.row else packed.shape
            column = create_images(group, name, TABLES["views"].columns[name], packed.shape, packed.codec, packed.row)
            column.resize(n, axis=0)
            for row, chunk in enumerate(packed.chunks):
                column.id.write_direct_chunk((row, *(0 for _ in sides)), chunk)
            told[f"{name} kB"] = sum(map(len, packed.chunks)) / n / 1e3
    with h5py.File(path, "r", rdcc_nbytes=0) as file:
        for name in COLUMNS:
            coded = values["rgb"].shape[1:] if name == "rgb" and quality is not None else None
            column = file["views"][name]
            start = time.perf_counter()
            for row in range(n):
                read_image(column, row, coded)
            told[f"{name} read"] = 1e3 * (time.perf_counter() - start) / n
    return told


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--views", type=int, default=12)
    args = parser.parse_args()
    with graspgen.open(args.dataset) as dataset:
        values = {name: dataset.views[name][: args.views] for name in COLUMNS}
    best: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(args.rounds):
            for name, codec, quality in ways():
                with ExitStack() as held:
                    for module in (codecs, unpack) if name == "gzip by zlib" else ():
                        held.enter_context(mock.patch.object(module, "libdeflate", lambda: None))
                    found = measure(values, codec, quality, Path(folder) / "x.h5")
                best[name] = {k: min(v, best.get(name, found)[k]) for k, v in found.items()}
    print(f"{len(values['rgb'])} views of {'x'.join(map(str, values['rgb'].shape[2:0:-1]))}")
    print("| | colour kB, write ms, read ms | depth | ids | PSNR of colour |\n|---|---|---|---|---|")
    for name, _, quality in ways():
        cells = [f"{best[name][f'{c} kB']:.0f}, {best[name][f'{c} write']:.1f}, {best[name][f'{c} read']:.2f}"
                 for c in COLUMNS]  # fmt: skip
        if quality is None:
            loss = "lossless"
        else:
            again = np.asarray(CodedImages.of(list(values["rgb"]), values["rgb"].shape[1:], quality))
            error = ((again.astype(float) - values["rgb"]) ** 2).mean(axis=(1, 2, 3))
            loss = (
                f"{np.mean(10 * np.log10(255**2 / error)):.1f} dB, worst view {10 * np.log10(255**2 / error.max()):.1f}"
            )
        print(f"| {name} | {' | '.join(cells)} | {loss} |")


if __name__ == "__main__":
    main()
