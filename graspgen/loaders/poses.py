"""Objects as samples for pose estimation: a crop about one object, its pose, model and symmetries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from graspgen.dataset.reader import Dataset
from graspgen.dataset.scene_grasps import objects_of
from graspgen.frames import Array
from graspgen.loaders import warp
from graspgen.loaders.augment import Flip, Geometric, augmented, window_warp
from graspgen.loaders.errors import LoaderError
from graspgen.loaders.fields import groups
from graspgen.loaders.images import RGBDViews
from graspgen.loaders.source import Sample, Transform, chosen_rows
from graspgen.loaders.symmetry import read_symmetry


class ObjectPoses(RGBDViews):
    """One sample for each object that a view sees enough of: a square about it, and where it is.

        rgb, depth, instances            images of `size` × `size` px, as `RGBDViews` has them; black beyond the view
        mask (size, size) bool           its visible pixels, with `instances`
        K (3, 3)                         of the crop: projecting `T_camera_object` with it hits the crop's pixels
        distortion (5), T_camera_view (4, 4), view ()
        T_camera_object (4, 4) float64   pose of the object's frame, OpenCV's camera
        model_points (P, 3) float32      of its surface, object's frame, scaled, m
        extents (3,) float32             of the asset's box, scaled, m
        symmetries (s, 3, 3), symmetry_axes (3, 3)    `loaders.symmetry`
        instance_id, class_id, object () int64; visibility () float32

    Args:
        dataset: open, or its path.
        views: rows of views, or a mask; None for all.
        images: which of rgb, depth, instances.
        size: side of the crop, px; None for the whole image.
        margin: side of the square over the longer side of the object's visible box.
        min_visibility: leave out objects of which less is seen (`annotations.visibility`).
        points: P, drawn evenly over the mesh's surface, the same for every sample of an asset.
        augment: as for `RGBDViews`, before the crop, but not `Flip`: a mirrored object is another object.
        seed: of what is random.

    Raises:
        LoaderError: there is no such view or image, or `Flip` is among the augmentations.
    """

    table = "annotations"
    ragged = groups(("symmetries",))

    def __init__(
        self,
        dataset: Dataset | str | Path,
        *,
        views: ArrayLike | None = None,
        images: Sequence[str] = ("rgb", "depth", "instances"),
        size: int | None = 128,
        margin: float = 1.4,
        min_visibility: float = 0.1,
        points: int = 1024,
        augment: Sequence[Geometric | Transform] = (),
        seed: int = 0,
    ) -> None:
        super().__init__(dataset, images=images, augment=augment, seed=seed)
        if any(isinstance(step, Flip) for step in self.augment):
            raise LoaderError("ObjectPoses takes no Flip: a mirrored object is another object; use Rotate")
        table = self.dataset.annotations
        wanted = self.dataset.views["id"][chosen_rows(len(self.dataset.views), views, "views")]
        enough = (table["visibility"] >= min_visibility) & (table["pixels_visible"] > 0)
        self.rows = np.flatnonzero(enough & np.isin(table["view"], wanted))
        self.size, self.margin, self.points = size, margin, points
        self._models: dict[int, np.ndarray] = {}

    def sample(self, row: int, rng: np.random.Generator) -> Sample:
        """Make the sample of a row of annotations."""
        data, table = self.dataset, self.dataset.annotations
        view = data.views.index_of(int(table.take("view", row)))
        key = table.take("object", row)
        of = int(objects_of(data, int(data.views.take("scene", view)), np.array([key]))[0])
        asset = data.assets.index_of(int(data.objects.take("asset", of)))
        instance = int(data.objects.take("instance_id", of))
        sample = self.view_sample(view)
        sample["T_camera_object"] = table.take("T_camera_object", row).copy()
        if "instances" in self.images:
            sample["mask"] = sample["instances"] == instance
        sample = augmented(sample, self.augment, rng)
        if self.size is not None:
            sample = warp.apply(sample, self._window(sample, table.take("bbox_visible", row)))
        symmetries, axes = read_symmetry(data.assets["symmetry"][asset])
        scale = data.objects.take("scale", of)
        return sample | {
            "model_points": (self._model(int(data.assets["id"][asset])) * scale).astype(np.float32),
            "extents": (data.assets["extents"][asset] * scale).astype(np.float32),
            "symmetries": symmetries.copy(),
            "symmetry_axes": axes.copy(),
            "instance_id": np.array(instance),
            "class_id": np.array(int(data.assets["class_id"][asset])),
            "object": np.array(int(key)),
            "visibility": np.array(table["visibility"][row]),
        }

    def _window(self, sample: Sample, box: Array) -> warp.Warp:
        """Return the crop to a square about an object: about its mask where there is one, else its stored box."""
        now = warp.identity(sample)
        T = sample["T_camera_view"]
        centre, side = box[:2] + box[2:] / 2, float(max(box[2:]))
        if "mask" in sample:
            rows, columns = np.flatnonzero(sample["mask"].any(axis=1)), np.flatnonzero(sample["mask"].any(axis=0))
            if len(rows):
                low, high = np.array([columns[0], rows[0]]), np.array([columns[-1], rows[-1]]) + 1
                centre, side = (low + high) / 2, float((high - low).max())
        elif not np.array_equal(T, np.eye(4)) or self.augment:
            raise LoaderError("crops of augmented views follow the mask; add 'instances' to `images`")
        side = max(side * self.margin, 2.0)
        assert self.size is not None
        corner = centre - side / 2
        zoom = self.size / side
        return window_warp(now, (float(corner[0]), float(corner[1])), (zoom, zoom), (self.size, self.size))

    def _model(self, asset: int) -> np.ndarray:
        """Return points on an asset's surface, unscaled, its frame."""
        if asset not in self._models:
            vertices, faces = self.dataset.mesh(asset)
            self._models[asset] = surface_points(
                vertices, faces, self.points, np.random.default_rng([self.seed, asset])
            )
        return self._models[asset]


def surface_points(vertices: Array, faces: np.ndarray, count: int, rng: np.random.Generator) -> Array:
    """Draw (count, 3) points evenly over a mesh's surface (Osada et al., 2002: √u in barycentric coordinates)."""
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    if not area.sum() > 0:
        raise LoaderError("a mesh without area has no surface to draw points of")
    of = rng.choice(len(faces), count, p=area / area.sum())
    root, v = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    return (1 - root) * a[of] + root * (1 - v) * b[of] + root * v * c[of]
