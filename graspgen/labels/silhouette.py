"""The whole silhouette of a mesh: the pixels it would cover alone, in and beyond the image.

A pixel is covered when the ray through its centre meets the mesh beyond the near plane. The union
of the projected triangles is just that set, and it is filled row by row here: every triangle gives
one span of pixels for each row whose centres it crosses, and the spans of all triangles are summed.
An edge that two triangles share is computed from the same two points in the same order, so no pixel
falls between them. This is exact like casting a ray through every pixel, and many times faster.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graspgen.frames import Array, transform_points
from graspgen.lens import Five, Matrix3, distort, grid_rays, pinhole
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


def silhouette(
    mesh: Mesh,
    T_camera_object: ArrayLike,
    K: ArrayLike,
    width: int,
    height: int,
    *,
    near: float = NEAR,
    margin: float = MARGIN,
) -> Silhouette:
    """Return the whole silhouette of a closed mesh in a view.

    Args:
        mesh: closed, outward oriented, m, object frame.
        T_camera_object: (4, 4) pose of the object in the OpenCV camera's frame.
        K: (3, 3) camera matrix, px.
        width: image width, px.
        height: image height, px.
        near: what is nearer than this plane is cut off, m.
        margin: how far beyond the image the silhouette is followed, in image sizes.
    """
    points = transform_points(T_camera_object, mesh.vertices)
    faces = mesh.faces
    cut = points[:, 2].min() <= near
    if cut:
        points, faces = _clip(points, faces, near)
        if not len(faces):
            return _EMPTY
    uv = points[:, :2] / points[:, 2:] * np.diagonal(np.asarray(K, float))[:2] + np.asarray(K)[:2, 2]
    low = np.array([-margin * width, -margin * height])
    high = np.array([(1 + margin) * width, (1 + margin) * height])
    first = np.clip(np.ceil(uv.min(axis=0) - 0.5), low, high).astype(int)
    last = np.clip(np.ceil(uv.max(axis=0) - 0.5), low, high).astype(int)
    if (last <= first).any():
        return _EMPTY
    if not cut:
        # The front of a closed mesh covers what all of it covers. Counter-clockwise from outside is
        # a negative turn in an image, whose y points down.
        a, b, c = (uv[faces[:, corner]] for corner in range(3))
        turn = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
        faces = faces[turn < 0]
    mask = _fill(uv - first, faces, int(last[0] - first[0]), int(last[1] - first[1]))
    return _tight(mask, int(first[0]), int(first[1]))


_EMPTY = Silhouette(0, 0, np.zeros((0, 0), bool))


def silhouette_through_lens(
    mesh: Mesh,
    T_camera_object: ArrayLike,
    K: Matrix3,
    D: Five,
    width: int,
    height: int,
    *,
    near: float = NEAR,
    margin: float = MARGIN,
) -> Silhouette:
    """Return the whole silhouette of a closed mesh in a view with distortion `D` (k1, k2, p1, p2, k3).

    The rest is as for `silhouette`. A pixel is covered where the pixel of the pinhole image that its centre lies in is:
    that is how the id image is made as well. Beyond the image, it ends where the lens has no inverse.
    """
    if not any(D):
        return silhouette(mesh, T_camera_object, K, width, height, near=near, margin=margin)
    wide = pinhole(K, D, width, height)
    K_wide = np.array(wide.K)
    whole = silhouette(mesh, T_camera_object, K_wide, wide.width, wide.height, near=near, margin=margin)
    if not whole.mask.size:
        return _EMPTY
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
    """Cut triangles at the plane z = near and keep what is beyond it; the cut itself stays open.

    The silhouette of the open mesh is that of the solid that is cut, as long as its back faces
    count as well.
    """
    ahead = points[:, 2] > near
    count = ahead[faces].sum(axis=1)
    pieces = [faces[count == 3]]
    extra: list[Array] = []
    total = len(points)

    def crossing(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
        # From the smaller to the larger index, so that both triangles of an edge get the same
        # point.
        nonlocal total
        a, b = np.minimum(a, b), np.maximum(a, b)
        share = (near - points[a, 2]) / (points[b, 2] - points[a, 2])
        new = points[a] + share[:, None] * (points[b] - points[a])
        new[:, 2] = near
        extra.append(new)
        total += len(new)
        return np.arange(total - len(new), total)

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
    points = np.concatenate([points, *extra])
    kept = points[:, 2] >= near
    number = np.cumsum(kept) - 1
    return points[kept], number[np.concatenate(pieces)]


def _fill(uv: Array, faces: NDArray[np.integer], width: int, height: int) -> NDArray[np.bool_]:
    """Return the (height, width) mask of the pixel centres in triangles of corners `uv[faces]`."""
    u, v = uv.T
    limits = np.array([width, height])
    first_after = np.clip(np.ceil(uv - 0.5), 0, limits).astype(np.int64)  # pixel at or after
    column, line = (first_after[:, axis][faces] for axis in (0, 1))
    faces = faces[(np.ptp(column, axis=1) > 0) & (np.ptp(line, axis=1) > 0)]
    # Corners from top to bottom; then one entry for each row of pixels of each triangle.
    faces = np.take_along_axis(faces, np.argsort(v[faces], axis=1, kind="stable"), axis=1)
    top, middle, bottom = faces.T
    begin = first_after[top, 1]
    rows = first_after[bottom, 1] - begin
    of = np.repeat(np.arange(len(faces)), rows)
    row = np.arange(len(of)) - (np.cumsum(rows) - rows - begin)[of]
    slope = _slopes(u, v, top, bottom), _slopes(u, v, top, middle), _slopes(u, v, middle, bottom)
    y = row + 0.5
    lower = row >= first_after[middle, 1][of]
    corner = np.where(lower, middle[of], top[of])
    x_long = u[top][of] + (y - v[top][of]) * slope[0][of]
    x_short = u[corner] + (y - v[corner]) * np.where(lower, slope[2][of], slope[1][of])
    left = np.clip(np.ceil(np.minimum(x_long, x_short) - 0.5), 0, width).astype(np.int64)
    right = np.clip(np.ceil(np.maximum(x_long, x_short) - 0.5), 0, width).astype(np.int64)
    wide = right > left
    start = row[wide] * (width + 1)
    # Triangles that begin less those that end at a pixel; summed along a row, those that cover it.
    # (A plain 1 would be an int64, which makes `at` several times slower.)
    cover = np.zeros(height * (width + 1), np.int32)
    np.add.at(cover, start + left[wide], np.int32(1))
    np.subtract.at(cover, start + right[wide], np.int32(1))
    cover = cover.reshape(height, width + 1)
    return np.cumsum(cover, axis=1, out=cover)[:, :-1] > 0


def _slopes(u: Array, v: Array, a: NDArray[np.integer], b: NDArray[np.integer]) -> Array:
    """Return du/dv of the edges from a to b; 0 for level edges, which no row of centres crosses."""
    rise = v[b] - v[a]
    return np.divide(u[b] - u[a], rise, out=np.zeros(len(a)), where=rise > 0)


def _tight(mask: NDArray[np.bool_], x: int, y: int) -> Silhouette:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return _EMPTY
    kept = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Silhouette(x + int(columns[0]), y + int(rows[0]), kept)
