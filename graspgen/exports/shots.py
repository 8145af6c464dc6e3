"""What image formats take from a view: its picture, and the pixels of every object in it.

Most formats know no lens. A view with one can be turned into the pinhole picture of the same camera matrix: colours are
blended, depth and ids are those of the pixel that a pinhole pixel's centre falls in. What the lens did not show stays
black, without depth and id. Whole silhouettes are then computed from the meshes, and all counts and boxes from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from graspgen.dataset.reader import Dataset
from graspgen.dataset.schema import Role
from graspgen.errors import DatasetError, ObjectError
from graspgen.frames import Array
from graspgen.labels import rle
from graspgen.labels.annotate import union
from graspgen.labels.silhouette import Silhouette, silhouette_through_lens
from graspgen.lens import distort
from graspgen.objects.asset import Mesh
from graspgen.objects.glb import read_glb

#: What to do with views that have a lens.
Lens = Literal["refuse", "straighten"]
_KEPT = 64  # meshes at a scale that are kept
_NOTHING = Silhouette(0, 0, np.zeros((0, 0), bool))


@dataclass(frozen=True, eq=False)
class Shot:
    """A view, as it is or as a pinhole camera would see it.

    Attributes:
        view: row in `views`.
        scene: key of the scene.
        number: of the view in its scene, from 0.
        K: (3, 3) camera matrix, px; the centre of pixel (0, 0) is (0.5, 0.5).
        distortion: (5,) OpenCV's k1, k2, p1, p2, k3; zero for none.
        rgb: (H, W, 3) colour, sRGB.
        depth: (H, W) planar z, m; 0 = none.
        instances: (H, W) instance ids; 0 = background.
        straightened: whether a lens was taken out, so that stored boxes and counts are those of another picture.
    """

    view: int
    scene: int
    number: int
    K: Array
    distortion: Array
    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    instances: NDArray[np.uint8]
    straightened: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        height, width = self.instances.shape
        return width, height

    @property
    def name(self) -> str:
        """`<scene>_<number of the view>`, both of six digits or more."""
        return f"{self.scene:06d}_{self.number:06d}"


def view_name(dataset: Dataset, view: int) -> str:
    """Return the name of a view in exports: `<scene>_<number of the view>`, both of six digits or more."""
    return f"{int(dataset.views['scene'][view]):06d}_{number_of(dataset, view):06d}"


def number_of(dataset: Dataset, view: int) -> int:
    """Return the number of a view in its scene, from 0."""
    return int(dataset.views["id"][view]) & 0xFFFF


def check_lenses(dataset: Dataset, lens: Lens, what: str) -> None:
    """Refuse a dataset with lenses in a format that has none.

    Raises:
        DatasetError: a view has distortion and `lens` is "refuse".
    """
    bent = np.flatnonzero(np.any(dataset.views["distortion"], axis=1))
    if lens == "refuse" and len(bent):
        raise DatasetError(
            f"{what} cannot say how a lens distorts, and {len(bent)} of {len(dataset.views)} views have one (view "
            f"{bent[0]} is the first); --set lens=straighten exports pinhole pictures"
        )


def check_views(dataset: Dataset, what: str) -> None:
    """Refuse a dataset without images.

    Raises:
        DatasetError: it has none.
    """
    if not len(dataset.views):
        raise DatasetError(f"{dataset.path} has no views, and {what} consists of images")


def labels_lost(dataset: Dataset, *, distractors: bool) -> list[str]:
    """Return what a README says about objects that images show and annotations do not have."""
    roles = dataset.objects["role"] == int(Role.DISTRACTOR)
    labelled = np.asarray(dataset.objects["labelled"], bool)
    without = int(np.count_nonzero(~labelled if distractors else roles | ~labelled))
    flying = int(np.count_nonzero(dataset.flying["shown"])) if len(dataset.flying) else 0
    return [
        f"Annotations of distractors: {without} of {len(roles)} objects are seen without, and {flying} flying shapes."
    ]


def take(dataset: Dataset, view: int, *, straighten: bool = True) -> Shot:
    """Read a view, without its lens unless `straighten` is False."""
    K, D = dataset.views["K"][view], dataset.views["distortion"][view]
    rgb, depth, instances = dataset.rgb(view), dataset.depth(view), dataset.instances(view)
    straighten = straighten and bool(np.any(D))
    if straighten:
        rgb, depth, instances = _straighten(rgb, depth, instances, K, D)
        D = np.zeros(5)
    scene = int(dataset.views["scene"][view])
    return Shot(view, scene, number_of(dataset, view), K, D, rgb, depth, instances, straighten)


def _straighten(
    rgb: NDArray[np.uint8], depth: NDArray[np.float32], instances: NDArray[np.uint8], K: Array, D: Array
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]:
    height, width = instances.shape
    focal, middle = np.diagonal(K)[:2], K[:2, 2]
    centres = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
    at = distort((centres - middle) / focal, D) * focal + middle
    inside = np.isfinite(at).all(axis=-1)
    at[~inside] = 0
    inside &= ((at >= 0) & (at < [width, height])).all(axis=-1)
    nearest = np.floor(np.where(inside[..., None], at, 0)).astype(int)
    rows, columns = nearest[..., 1], nearest[..., 0]
    where = [at[..., 1] - 0.5, at[..., 0] - 0.5]
    blended = [
        ndimage.map_coordinates(rgb[..., c].astype(np.float32), where, order=1, mode="nearest") for c in range(3)
    ]
    colours = np.where(inside[..., None], np.rint(np.stack(blended, axis=-1)), 0).astype(np.uint8)
    return colours, np.where(inside, depth[rows, columns], 0), np.where(inside, instances[rows, columns], 0)


class Meshes:
    """The meshes of a dataset's objects at their scale; the last few are kept, without texture."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._read = lru_cache(maxsize=_KEPT)(self._scaled)

    def get(self, asset: int, scale: Array) -> Mesh:
        """Return the mesh of an asset at a (3,) scale, m, in the object's frame, without texture.

        Raises:
            DatasetError: the mesh is missing or damaged.
        """
        return self._read(int(asset), tuple(np.asarray(scale, float).tolist()))

    def _scaled(self, asset: int, scale: tuple[float, ...]) -> Mesh:
        vertices, faces = self._dataset.mesh(asset)
        return Mesh(vertices * scale, faces)

    def textured(self, asset: int, scale: Array) -> Mesh:
        """Return the mesh as `get` does, with its texture if it has one; it is read anew.

        Raises:
            DatasetError: the mesh is missing or damaged.
        """
        vertices, faces = self._dataset.mesh(asset)  # refuses paths that leave the dataset
        path = self._dataset.path / self._dataset.assets["mesh"][self._dataset.assets.index_of(asset)]
        try:
            whole = read_glb(path.read_bytes(), str(path))
        except ObjectError:  # of another writer: its shape is enough
            whole = Mesh(vertices, faces)
        return Mesh(whole.vertices * scale, whole.faces, whole.uv, whole.texture)


@dataclass(frozen=True, eq=False)
class Seen:
    """An object in a shot.

    Attributes:
        row: its columns of `annotations` and `objects`, and the asset's `name` and `class_name`.
        annotation: its row in `annotations`.
        whole: its whole silhouette, which may leave the image.
        visible: its visible pixels.
    """

    row: dict[str, Any]
    annotation: int
    whole: Silhouette
    visible: Silhouette

    @property
    def is_distractor(self) -> bool:
        """Whether it is in the scene to distract only."""
        return int(self.row["role"]) == int(Role.DISTRACTOR)

    @property
    def visibility(self) -> float:
        """Share of the whole silhouette that is visible."""
        return self.visible.pixels / max(self.whole.pixels, 1)


def objects_of(dataset: Dataset, shot: Shot, meshes: Meshes | None) -> Iterator[Seen]:
    """Yield the labelled objects of a view, in the order of `annotations`.

    Args:
        dataset: open.
        shot: the view.
        meshes: of the dataset; None leaves whole silhouettes empty, which saves most of the time.
    """
    joined = dataset.view_objects(shot.view)
    first = int(np.searchsorted(dataset.annotations["view"], dataset.views["id"][shot.view]))
    windows = ndimage.find_objects(shot.instances)
    for i in range(len(joined["object"])):
        row = {name: column[i] for name, column in joined.items()}
        visible = _visible(shot.instances, windows, int(row["instance_id"]))
        whole = _NOTHING
        if meshes is not None:
            whole = union(_whole(dataset, shot, row, first + i, meshes), visible)
        yield Seen(row, first + i, whole, visible)


def _visible(instances: NDArray[np.uint8], windows: list[Any], instance: int) -> Silhouette:
    window = windows[instance - 1] if instance <= len(windows) else None
    if window is None:
        return _NOTHING
    rows, columns = window
    return Silhouette(columns.start, rows.start, instances[window] == instance)


def _whole(dataset: Dataset, shot: Shot, row: dict[str, Any], annotation: int, meshes: Meshes) -> Silhouette:
    if "amodal_mask" in row and not shot.straightened:
        x, y, w, h = row["bbox_amodal"].astype(int).tolist()
        return Silhouette(x, y, rle.decode(row["amodal_mask"], h, w)) if w > 0 else _NOTHING
    mesh = meshes.get(int(row["asset"]), row["scale"])
    K = tuple(tuple(line) for line in shot.K.tolist())
    D = tuple(shot.distortion.tolist())
    return silhouette_through_lens(mesh, row["T_camera_object"], K, D, *shot.size)


def in_image(shot: Shot, found: Silhouette) -> NDArray[np.bool_]:
    """Return the (H, W) mask of a silhouette's part inside the image."""
    width, height = shot.size
    part, x, y = found.inside(width, height)
    mask = np.zeros((height, width), bool)
    mask[y : y + part.shape[0], x : x + part.shape[1]] = part
    return mask
