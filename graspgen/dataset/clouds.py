"""Point clouds of views, with colours, ids and normals. `Dataset` has `cloud`, `scene_cloud` and `grasp_cloud`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.dataset.layout import write_error
from graspgen.frames import inverse, transform_points

if TYPE_CHECKING:
    from graspgen.dataset.reader import Dataset

#: Neighbouring pixels are of one surface if their depths differ by at most this share.
JUMP = 0.02


@dataclass(frozen=True, eq=False)
class PointCloud:
    """n points.

    Attributes:
        points: (n, 3) float32, m.
        colours: (n, 3) uint8, sRGB.
        ids: (n,) uint8, instance ids; 0 is the background.
        normals: (n, 3) float32 unit vectors towards the camera, NaN where unknown; None if not asked for.
        pixels: (n, 2) column and row of each point in its view's image.
        frame: that points and normals are in: "camera", "world", "object" or "grasp".
    """

    points: NDArray[np.float32]
    colours: NDArray[np.uint8]
    ids: NDArray[np.uint8]
    normals: NDArray[np.float32] | None
    pixels: NDArray[np.int32]
    frame: str

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        return f"<{len(self)} points, {self.frame} frame>"

    def chosen(self, which: Any) -> PointCloud:
        """Return some of the points: a mask, numbers or a slice."""
        normals = None if self.normals is None else self.normals[which]
        return PointCloud(
            self.points[which], self.colours[which], self.ids[which], normals, self.pixels[which], self.frame
        )

    def moved(self, T: ArrayLike, frame: str) -> PointCloud:
        """Return the points in another frame.

        Args:
            T: (4, 4) pose of the present frame in the other one.
            frame: name of the other one.
        """
        T = np.asarray(T, float)
        points = transform_points(T, self.points).astype(np.float32)
        normals = None if self.normals is None else (self.normals @ T[:3, :3].T).astype(np.float32)
        return PointCloud(points, self.colours, self.ids, normals, self.pixels, frame)

    def write_ply(self, path: str | Path) -> None:
        """Write a binary PLY file, which every viewer of point clouds reads.

        Raises:
            DatasetError: it cannot be written.
        """
        kinds: list[tuple[str, str]] = [(axis, "<f4") for axis in "xyz"]
        parts = [self.points]
        if self.normals is not None:
            kinds += [(f"n{axis}", "<f4") for axis in "xyz"]
            parts.append(np.nan_to_num(self.normals))
        table = np.zeros(len(self), [*kinds, *((c, "u1") for c in ("red", "green", "blue", "id"))])
        for (name, _), values in zip(kinds, np.concatenate(parts, axis=1).T, strict=True):
            table[name] = values
        for i, name in enumerate(("red", "green", "blue")):
            table[name] = self.colours[:, i]
        table["id"] = self.ids
        properties = "".join(
            f"property {'uchar' if table.dtype[n] == np.uint8 else 'float'} {n}\n" for n in table.dtype.names
        )
        head = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(self)}\n{properties}end_header\n"
        try:
            Path(path).write_bytes(head.encode() + table.tobytes())
        except OSError as error:
            raise write_error(Path(path), error) from error


def cloud(
    dataset: Dataset,
    view: int,
    *,
    frame: str = "camera",
    of: int | Sequence[int] | None = None,
    normals: bool = False,
    stride: int = 1,
) -> PointCloud:
    """Return the point cloud of a view: one point for each pixel with depth, row by row.

    Args:
        dataset: open.
        view: row of the view.
        frame: "camera" (OpenCV's), "world", or, of one object, "object".
        of: key of an object, or several, whose points alone are wanted; None takes all, the background too.
        normals: with normals: those that are stored (`views.modalities`), else estimated from neighbouring pixels.
        stride: takes every so many pixels of each row and column.

    Raises:
        ValueError: the frame is another one, or "object" without one object.
        KeyError: the view's scene does not have an object.
    """
    if frame not in ("camera", "world", "object") or (frame == "object" and np.ndim(of if of is not None else ())):
        raise ValueError(f"frame must be 'camera', 'world' or, of one object, 'object', got '{frame}' of {of}")
    placed, ids = dataset.points(view), dataset.instances(view)
    shown = ~np.isnan(placed[..., 2])
    if of is not None:
        keys = np.atleast_1d(np.asarray(of))
        shown &= np.isin(ids, _instances(dataset, view, keys))
    directions = _normals(dataset, view, placed) if normals else None
    rows, columns = np.nonzero(shown[::stride, ::stride])
    at = (rows * stride, columns * stride)
    found = PointCloud(
        points=placed[at],
        colours=dataset.rgb(view)[at],
        ids=ids[at],
        normals=None if directions is None else directions[at],
        pixels=np.stack([at[1], at[0]], axis=-1).astype(np.int32),
        frame="camera",
    )
    if frame == "camera":
        return found
    T_world_camera = dataset.views.take("T_world_camera", dataset.views.at_row(view))
    if frame == "world":
        return found.moved(T_world_camera, "world")
    T_world_object = dataset.objects.take("T_world_object", dataset.objects.index_of(int(np.asarray(of))))
    return found.moved(inverse(T_world_object) @ T_world_camera, "object")


def scene_cloud(
    dataset: Dataset,
    scene: int,
    *,
    of: int | Sequence[int] | None = None,
    normals: bool = False,
    stride: int = 1,
) -> PointCloud:
    """Return the points of all views of a scene together, in the world frame; the arguments are those of `cloud`.

    Raises:
        KeyError: there is no such scene, or it has no view or not that object.
    """
    parts = [
        cloud(dataset, int(view), frame="world", of=of, normals=normals, stride=stride)
        for view in dataset.scene_views(scene)
    ]
    if not parts:
        raise KeyError(f"there is no view of a scene {scene}")
    names = ("points", "colours", "ids", "normals", "pixels")
    joined = {
        n: None if getattr(parts[0], n) is None else np.concatenate([getattr(p, n) for p in parts]) for n in names
    }
    return PointCloud(**joined, frame="world")


def estimated_normals(points: ArrayLike) -> NDArray[np.float32]:
    """Return (H, W, 3) unit normals towards the camera from (H, W, 3) points of its pixels, camera's frame.

    The cross product of the differences to the neighbours in a row and in a column, on the side where depth changes
    less; NaN where that is a jump (`JUMP`), without depth, and at the border.
    """
    p = np.asarray(points, np.float32)
    along_row, along_column = _difference(p, axis=1), _difference(p, axis=0)
    found = np.cross(along_column, along_row)
    with np.errstate(invalid="ignore", divide="ignore"):
        found /= np.linalg.norm(found, axis=-1, keepdims=True)
        away = (found * p).sum(axis=-1) > 0
    found[away] *= -1
    return found


def _difference(p: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Return the difference to the next or from the last pixel, the smaller; NaN at a jump and at the border."""
    forward = np.full_like(p, np.nan)
    backward = forward.copy()
    here, there = [slice(None)] * 2, [slice(None)] * 2
    here[axis], there[axis] = slice(None, -1), slice(1, None)
    step = p[tuple(there)] - p[tuple(here)]
    forward[tuple(here)], backward[tuple(there)] = step, step
    size = [np.nan_to_num(np.abs(d[..., 2]), nan=np.inf) for d in (forward, backward)]
    found = np.where((size[0] <= size[1])[..., None], forward, backward)
    found[np.minimum(*size) > JUMP * np.nan_to_num(p[..., 2])] = np.nan
    return found


def _normals(dataset: Dataset, view: int, placed: NDArray[np.float32]) -> NDArray[np.float32]:
    return dataset.normals(view) if "normals" in dataset.views else estimated_normals(placed)


def _instances(dataset: Dataset, view: int, keys: NDArray[Any]) -> NDArray[Any]:
    scene = int(dataset.views.take("scene", dataset.views.at_row(view)))
    near = dataset.objects.of_scene(scene)
    known = dataset.objects.take("id", near)
    missing = keys[~np.isin(keys, known)]
    if len(missing):
        raise KeyError(f"scene {scene} of view {view} has no object {missing[0]}; it has {known.tolist()}")
    return dataset.objects.take("instance_id", near)[np.isin(known, keys)]
