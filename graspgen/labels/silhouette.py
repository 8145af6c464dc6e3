"""The whole silhouette of a mesh: the pixels it would cover alone, in and beyond the image.

A pixel is covered when the ray through its centre meets the mesh beyond the near plane. The union of the projected
triangles is just that set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.frames import Array
from graspgen.labels.raster import contour, every_edge, fill
from graspgen.lens import Five, Matrix3, Pinhole, distort, grid_rays, pinhole
from graspgen.objects.asset import Mesh

#: What is nearer to the camera than this is not seen, m: the near plane of the renderer.
NEAR = 0.02
#: Silhouettes are followed this many image sizes beyond each side; the rest is cut off.
MARGIN = 1


@dataclass(frozen=True, eq=False)
class Silhouette:
    """A mask that may reach beyond the image.

    Attributes:
        x, y: column and row of the mask's first pixel in the image; negative to the left of and
            above it.
        mask: (h, w) bool, tight around the silhouette; (0, 0) when nothing is in front of the
            camera.
    """

    x: int
    y: int
    mask: NDArray[np.bool_]

    @property
    def pixels(self) -> int:
        """Number of pixels covered."""
        return int(np.count_nonzero(self.mask))

    @property
    def bbox(self) -> tuple[int, int, int, int]:
        """x, y, width, height in pixels; all −1 when nothing is covered."""
        height, width = self.mask.shape
        return (self.x, self.y, width, height) if height else (-1, -1, -1, -1)

    def inside(self, width: int, height: int) -> tuple[NDArray[np.bool_], int, int]:
        """Return the mask inside a `width` x `height` image, its first column and its first row."""
        x0, y0 = min(max(self.x, 0), width), min(max(self.y, 0), height)
        x1 = max(min(self.x + self.mask.shape[1], width), x0)
        y1 = max(min(self.y + self.mask.shape[0], height), y0)
        return self.mask[y0 - self.y : y1 - self.y, x0 - self.x : x1 - self.x], x0, y0


def silhouettes(
    meshes: Sequence[Mesh],
    T_camera_object: ArrayLike,
    K: ArrayLike,
    width: int,
    height: int,
    *,
    near: float = NEAR,
    margin: float = MARGIN,
) -> list[Silhouette]:
    """Return the whole silhouettes of closed meshes in a view, each as if it were alone.

    Args:
        meshes: closed, outward oriented, m, object frame.
        T_camera_object: (n, 4, 4) poses of the objects in the OpenCV camera's frame.
        K: (3, 3) camera matrix, px.
        width: image width, px.
        height: image height, px.
        near: what is nearer than this plane is cut off, m.
        margin: how far beyond the image a silhouette is followed, in image sizes.
    """
    placed: list[Array] = []
    numbers, faces, opened, seams = [], [], [], []
    n = m = 0
    for number, (mesh, T) in enumerate(zip(meshes, np.asarray(T_camera_object, float), strict=True)):
        points = T[:3, :3] @ mesh.vertices.T + T[:3, 3:]
        if points[2].min() <= near:
            points, corners = _clip(points, mesh.faces, near)
            if not len(corners):
                continue
            opened.append(corners.T + n)
        elif mesh.seams is None:
            opened.append(mesh.faces.T + n)
        else:
            faces.append(mesh.faces.T + n)
            seams.append(mesh.seams + np.array([[n], [n], [m], [m]], np.int32))
            m += len(mesh.faces)
        placed.append(points)
        numbers.append(number)
        n += points.shape[1]
    found = [_EMPTY] * len(meshes)
    if not numbers:
        return found
    K = np.asarray(K, float)
    starts = np.cumsum([0, *(points.shape[1] for points in placed)])
    x, y, z = np.concatenate(placed, axis=1)
    uv = np.stack([x / z * K[0, 0] + K[0, 2], y / z * K[1, 1] + K[1, 2]])
    edges = [every_edge(uv, corners) for corners in opened]
    if faces:
        edges.append(contour(uv, np.concatenate(faces, axis=1), np.concatenate(seams, axis=1)))
    limits = np.array([[width], [height]])
    first, last = (
        np.clip(np.ceil(edge.reduceat(uv, starts[:-1], axis=1) - 0.5), -margin * limits, (1 + margin) * limits)
        for edge in (np.minimum, np.maximum)
    )
    masks = fill(uv, starts, np.concatenate(edges, axis=1), first.astype(int), last.astype(int))
    for number, mask, left, top in zip(numbers, masks, *first.astype(int).tolist(), strict=True):
        found[number] = _tight(mask, left, top)
    return found


_EMPTY = Silhouette(0, 0, np.zeros((0, 0), bool))


def silhouettes_through_lens(
    meshes: Sequence[Mesh],
    T_camera_object: ArrayLike,
    K: Matrix3,
    D: Five,
    width: int,
    height: int,
    *,
    near: float = NEAR,
    margin: float = MARGIN,
) -> list[Silhouette]:
    """Return the whole silhouettes of closed meshes in a view with distortion `D` (k1, k2, p1, p2, k3).

    The rest is as for `silhouettes`. A pixel is covered where the pixel of the pinhole image that its centre lies in
    is: that is how the id image is made as well. Beyond the image, it ends where the lens has no inverse.
    """
    if not any(D):
        return silhouettes(meshes, T_camera_object, K, width, height, near=near, margin=margin)
    wide = pinhole(K, D, width, height)
    whole = silhouettes(meshes, T_camera_object, wide.K, wide.width, wide.height, near=near, margin=margin)
    return [_through_lens(one, wide, K, D, width, height, margin) for one in whole]


def silhouette_through_lens(
    mesh: Mesh, T_camera_object: ArrayLike, K: Matrix3, D: Five, width: int, height: int, *, near: float = NEAR
) -> Silhouette:
    """Return the whole silhouette of one closed mesh, as `silhouettes_through_lens` does."""
    return silhouettes_through_lens([mesh], [T_camera_object], K, D, width, height, near=near)[0]


def _through_lens(
    whole: Silhouette, wide: Pinhole, K: Matrix3, D: Five, width: int, height: int, margin: float
) -> Silhouette:
    if not whole.mask.size:
        return _EMPTY
    K_wide = np.array(wide.K)
    rows, columns = np.nonzero(whole.mask)
    centres = np.stack([columns + whole.x, rows + whole.y], -1) + 0.5
    focal, middle = np.diagonal(K_wide)[:2], K_wide[:2, 2]
    seen = distort((centres - middle) / focal, D) * np.diagonal(np.array(K))[:2] + np.array(K)[:2, 2]
    seen = seen[~np.isnan(seen).any(axis=1)]
    if not len(seen):
        return _EMPTY
    limits = np.array([width, height])
    first = np.clip(np.floor(seen.min(axis=0)) - 1, -margin * limits, (1 + margin) * limits).astype(int)
    last = np.clip(np.floor(seen.max(axis=0)) + 2, -margin * limits, (1 + margin) * limits).astype(int)
    if (last <= first).any():
        return _EMPTY
    (x, y), (w, h) = first.tolist(), (last - first).tolist()
    at = grid_rays(K, D, x, y, w, h) * focal + middle
    inside = np.isfinite(at).all(axis=-1)
    at = np.floor(np.where(inside[..., None], at.astype(np.float32), -1e6)).astype(np.int64) - [whole.x, whole.y]
    inside &= ((at >= 0) & (at < whole.mask.shape[::-1])).all(axis=-1)
    mask = np.zeros((h, w), bool)
    mask[inside] = whole.mask[at[inside][:, 1], at[inside][:, 0]]
    return _tight(mask, x, y)


def _clip(points: Array, faces: NDArray[np.int32], near: float) -> tuple[Array, NDArray[np.int64]]:
    """Cut triangles of (3, n) points at the plane z = near and keep what is beyond it; the cut itself stays open.

    The silhouette of the open mesh is that of the solid that is cut, as long as its back faces
    count as well.
    """
    ahead = points[2] > near
    count = ahead[faces].sum(axis=1)
    pieces = [faces[count == 3]]
    extra: list[Array] = []
    total = points.shape[1]

    def crossing(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
        # From the smaller to the larger index, so that both triangles of an edge get the same
        # point.
        nonlocal total
        a, b = np.minimum(a, b), np.maximum(a, b)
        share = (near - points[2, a]) / (points[2, b] - points[2, a])
        new = points[:, a] + share * (points[:, b] - points[:, a])
        new[2] = near
        extra.append(new)
        total += new.shape[1]
        return np.arange(total - new.shape[1], total)

    for visible in (1, 2):
        cut = faces[count == visible]
        if not len(cut):
            continue
        # Turn each triangle until its odd corner (alone ahead, or alone behind) comes first.
        odd = np.argmax(ahead[cut] == (visible == 1), axis=1)
        a, b, c = np.take_along_axis(cut, (odd[:, None] + np.arange(3)) % 3, axis=1).T
        ab, ac = crossing(a, b), crossing(a, c)
        if visible == 1:
            pieces.append(np.stack([a, ab, ac], axis=1))
        else:
            pieces += [np.stack([ab, b, c], axis=1), np.stack([ab, c, ac], axis=1)]
    points = np.concatenate([points, *extra], axis=1)
    kept = points[2] >= near
    number = np.cumsum(kept) - 1
    return points[:, kept], number[np.concatenate(pieces)]


def _tight(mask: NDArray[np.bool_], x: int, y: int) -> Silhouette:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return _EMPTY
    kept = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Silhouette(x + int(columns[0]), y + int(rows[0]), kept)
