"""Volumes with grasps: what VGN learns from (Breyer et al., CoRL 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.dataset.reader import Dataset
from graspgen.dataset.scene_grasps import good_grasps, objects_of
from graspgen.dataset.tsdf import SIZE, tsdf
from graspgen.frames import Array, axis_angle, inverse, matrix_to_quat, pose
from graspgen.loaders.augment import Geometric, augmented
from graspgen.loaders.errors import LoaderError
from graspgen.loaders.fields import groups
from graspgen.loaders.source import DatasetSource, Sample, Transform, chosen_rows


class TSDFGrasps(DatasetSource):
    """One sample for each scene: a cube of distances that its views tell, and the grasps in it.

        grid (1, n, n, n) float32          as VGN takes it: 0 unknown, ½ at the surface, towards 1 before it
        T_world_volume (4, 4) float64      pose of the cube's corner
        voxel_size () float32              m
        T_volume_grasp (g, 4, 4) float64   grasp frame in the cube's: z approach, y closing, as VGN has it
        voxels (g, 3) int64                the voxel that holds the tool point: ⌊position / voxel_size⌋ (VGN rounds)
        quaternions (g, 4) float32         rotation, x y z w, as VGN has it
        grasp_width (g,) float32           opening, m
        good (g,) bool                     `good_grasps`
        grasp (g,) int64                   key of the grasp
        scene () int64

    A turn of half a circle about z is the same grasp: compare with both, as VGN's loss does.

    Args:
        dataset: open, or its path.
        scenes: rows of scenes, or a mask; None for all with a view.
        views_per_sample: how many of a scene's views, drawn for each sample, are fused; None for all.
        size: side of the cube, m; it stands in the middle of the support, its floor 5 cm below.
        resolution: voxels along a side.
        augment: `QuarterTurns`, or functions (sample, generator) → sample.
        seed: of what is random.

    Raises:
        LoaderError: there is no such scene.
    """

    table = "scenes"
    ragged = groups(("T_volume_grasp", "voxels", "quaternions", "grasp_width", "good", "grasp"))

    def __init__(
        self,
        dataset: Dataset | str | Path,
        *,
        scenes: ArrayLike | None = None,
        views_per_sample: int | None = None,
        size: float = SIZE,
        resolution: int = 40,
        augment: Sequence[QuarterTurns | Transform] = (),
        seed: int = 0,
    ) -> None:
        super().__init__(dataset, seed)
        rows = chosen_rows(len(self.dataset.scenes), scenes, "scenes")
        seen = np.isin(self.dataset.scenes["index"][rows], self.dataset.views["scene"])
        self.rows = rows[seen]
        if any(isinstance(step, Geometric) for step in augment):
            raise LoaderError("a volume is not turned by a camera; use QuarterTurns")
        if views_per_sample is not None and views_per_sample < 1:
            raise LoaderError(f"a volume is made from at least one view, got {views_per_sample}")
        self.views_per_sample, self.size, self.resolution = views_per_sample, size, resolution
        self.augment = tuple(augment)

    def sample(self, row: int, rng: np.random.Generator) -> Sample:
        """Make the sample of a scene."""
        data = self.dataset
        scene = int(data.scenes.take("index", row))
        views = data.scene_views(scene)
        if self.views_per_sample is not None and self.views_per_sample < len(views):
            views = np.sort(rng.choice(views, self.views_per_sample, replace=False))
        volume = tsdf(data, views.tolist(), size=self.size, resolution=self.resolution)
        table = data.grasps
        rows = table.of_scene(scene)
        T_world_object = data.objects.take("T_world_object", objects_of(data, scene, table.take("object", rows)))
        T = inverse(volume.T_world_volume) @ T_world_object @ table.take("T_object_grasp", rows)
        inside = ((T[:, :3, 3] >= 0) & (T[:, :3, 3] < self.size)).all(axis=1)
        rows = rows[inside]
        sample: Sample = {
            "grid": volume.vgn_grid,
            "T_world_volume": np.array(volume.T_world_volume),
            "voxel_size": np.array(volume.voxel, np.float32),
            "T_volume_grasp": T[inside],
            "grasp_width": table.take("width", rows).astype(np.float32),
            "good": good_grasps(data, rows),
            "grasp": table.take("id", rows),
            "scene": np.array(scene),
        }
        sample = augmented(sample, self.augment, rng)
        return sample | _derived(sample["T_volume_grasp"], volume.voxel, self.resolution)


@dataclass(frozen=True)
class QuarterTurns:
    """Turn a volume and its grasps about the vertical through its middle by 0, 90, 180 or 270°: exact on the grid."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Return the sample turned."""
        if "grid" not in sample:
            raise LoaderError("QuarterTurns turn volumes; use Rotate for views")
        k = int(rng.integers(4))
        n = sample["grid"].shape[1]
        half = n * float(sample["voxel_size"]) / 2
        middle = pose(translation=[half, half, 0])
        turn = middle @ pose(np.rint(axis_angle([0, 0, 1], k * np.pi / 2))) @ inverse(middle)
        return sample | {
            "grid": np.ascontiguousarray(np.rot90(sample["grid"], k, axes=(1, 2))),
            "T_volume_grasp": turn @ sample["T_volume_grasp"],
            "T_world_volume": sample["T_world_volume"] @ inverse(turn),
        }


def _derived(T: Array, voxel: float, resolution: int) -> dict[str, NDArray]:
    wxyz = matrix_to_quat(T[:, :3, :3])
    return {
        "voxels": np.clip(np.floor(T[:, :3, 3] / voxel), 0, resolution - 1).astype(np.int64),
        "quaternions": np.roll(wxyz, -1, axis=1).astype(np.float32),
    }
