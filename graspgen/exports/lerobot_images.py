"""The images of episodes as LeRobot takes them: names of features, files, statistics."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from graspgen.dataset.reader import Dataset
from graspgen.dataset.schema import DEPTH_SCALE
from graspgen.exports.folder import safe_name
from graspgen.exports.lerobot_episode import Taken
from graspgen.exports.lerobot_stats import ImageStats, Stats
from graspgen.exports.pictures import png, tiff

#: What LeRobot says of a feature that is depth, and what README.md does.
DEPTH = {"is_depth_map": True, "depth_unit": "m"}
DEPTH_TOLD = "`observation.images.<camera>_depth`: float32, m, planar z, 0 for none, in TIFF."


def camera_features(cameras: Iterable[str]) -> dict[str, str]:
    """Return the feature of each camera; names that become equal are told apart by a number."""
    found: dict[str, str] = {}
    for camera in sorted(cameras):
        name = base = f"observation.images.{safe_name(camera).replace('.', '_')}"
        number = 2
        while name in found.values():
            name, number = f"{base}_{number}", number + 1
        found[camera] = name
    return found


def depth_features(cameras: dict[str, str]) -> dict[str, str]:
    """Return the feature of the depth of each feature of colour; names stay apart."""
    found: dict[str, str] = {}
    for name in cameras.values():
        depth = f"{name}_depth"
        while depth in (*cameras.values(), *found.values()):
            depth += "_2"
        found[name] = depth
    return found


def pictures_of(
    dataset: Dataset, episode: Taken, depths: dict[str, str]
) -> tuple[dict[str, list[bytes]], dict[str, Stats]]:
    """Encode the images of an episode, by feature, and gather their statistics."""
    files, stats, table = {}, {}, dataset.tables[episode.table]
    for name, rows in episode.images.items():
        gathered, encoded = ImageStats(), []
        for row in rows.tolist():
            image = table["rgb"][row]
            gathered.add(image)
            encoded.append(png(image))
        files[name], stats[name] = encoded, gathered.result()
    for colour, name in depths.items():
        gathered, encoded = ImageStats(1, 2**16, 1 / DEPTH_SCALE), []
        for row in episode.images[colour].tolist():
            counts = table["depth"][row]
            gathered.add(counts)
            encoded.append(tiff(counts.astype(np.float32) * np.float32(DEPTH_SCALE)))
        files[name], stats[name] = encoded, gathered.result()
    return files, stats
