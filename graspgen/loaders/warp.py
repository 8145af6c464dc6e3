"""Moving the camera about its own centre, or its pixels: one map for images, camera matrix, poses, points, rectangles.

A turn S about the optical axis moves normalised image coordinates by S's upper left block, and pixels by K S K⁻¹: an
affine map, exact for any camera matrix, fx ≠ fy included. A lens's tangential distortion is δ = p r² + 2 x (p·x) with
p = (p2, p1), its radial one depends on r alone (`graspgen.lens`): so the same map holds through the lens, if p turns
as well. A reflection is the same with another S. Crops and changes of size act on pixels and K alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graspgen.frames import Array
from graspgen.labels.rectangles import half_turn
from graspgen.loaders.errors import LoaderError
from graspgen.loaders.fields import FIELDS, Kind
from graspgen.loaders.source import Sample


@dataclass(frozen=True, eq=False)
class Warp:
    """A change of the camera and its pixels.

    Attributes:
        pixels: (3, 3) affine map of pixels, old to new; the centre of pixel (0, 0) is (0.5, 0.5).
        camera: (3, 3) turn or reflection: coordinates in the old camera's frame to the new one's.
        size: width and height of the new image, px.
        K: (3, 3) new camera matrix.
    """

    pixels: Array = field(default_factory=lambda: np.eye(3))
    camera: Array = field(default_factory=lambda: np.eye(3))
    size: tuple[int, int] = (0, 0)
    K: Array = field(default_factory=lambda: np.eye(3))

    def then(self, later: Warp) -> Warp:
        """Return this warp followed by another."""
        return Warp(later.pixels @ self.pixels, later.camera @ self.camera, later.size, later.K)

    @property
    def mirrored(self) -> bool:
        """Whether left and right are swapped."""
        return bool(np.linalg.det(self.camera) < 0)


def identity(sample: Sample) -> Warp:
    """Return the warp that changes nothing of a sample."""
    image = next((sample[name] for name in sample if _kind(name) in (Kind.COLOUR, Kind.CODES)), None)
    size = (0, 0) if image is None else (image.shape[1], image.shape[0])
    return Warp(size=size, K=np.asarray(sample.get("K", np.eye(3)), float))


def apply(sample: Sample, warp: Warp) -> Sample:
    """Return a sample as the changed camera sees it; all that leaves its image is dropped.

    Raises:
        LoaderError: the sample holds something that the warp has no right image of.
    """
    moved = {name: _moved(name, value, warp) for name, value in sample.items()}
    if "rectangles" in moved and warp.size != (0, 0):
        centres = moved["rectangles"][:, :2]
        inside = ((centres >= 0) & (centres < warp.size)).all(axis=1)
        if not inside.all():
            for name in moved:
                if FIELDS[name].group == "grasps":
                    moved[name] = moved[name][inside]
    return moved


def _kind(name: str) -> Kind:
    if name not in FIELDS:
        raise LoaderError(
            f"'{name}' cannot be augmented once it is made; give `augment` to the source that makes it, which draws "
            "its labels afterwards"
        )
    return FIELDS[name].kind


def _moved(name: str, value: NDArray, warp: Warp) -> NDArray:
    kind, S = _kind(name), warp.camera
    match kind:
        case Kind.FIXED:
            return value
        case Kind.COLOUR | Kind.CODES:
            return resample(value, warp.pixels, warp.size, smooth=kind is Kind.COLOUR)
        case Kind.CAMERA_MATRIX:
            return warp.K.copy()
        case Kind.DISTORTION:
            k1, k2, p1, p2, k3 = value
            p2, p1 = S[:2, :2] @ [p2, p1]
            return np.array([k1, k2, p1, p2, k3])
        case Kind.POINTS | Kind.VECTORS:
            return (value @ S.T).astype(value.dtype)
        case Kind.RECTANGLES:
            return move_rectangles(value, warp.pixels)
        case Kind.CAMERA:
            return _wide(S) @ value
        case Kind.POSES:
            if warp.mirrored:
                raise LoaderError(
                    f"Flip makes a mirrored object, which has no {name}; leave Flip out, or the poses out of the sample"
                )
            return _wide(S) @ value
        case Kind.GRASP_POSES:
            # The mirror image of a jaw about its plane of y and z is the jaw: so x is turned round once more.
            own = np.diag([-1.0, 1, 1, 1]) if warp.mirrored else np.eye(4)
            return _wide(S) @ value @ own
    raise LoaderError(f"'{name}' has no rule for warps")


def _wide(S: Array) -> Array:
    T = np.eye(4)
    T[:3, :3] = S
    return T


def move_rectangles(rectangles: NDArray, pixels: Array) -> NDArray:
    """Map (n, 5) rectangles x, y, angle, width, jaw by an affine map of pixels (`grasp_rectangles`).

    The closing line is mapped exactly; the jaw so that the area is, which is exact for all that keeps angles.
    """
    if not len(rectangles):
        return rectangles
    r = np.asarray(rectangles, float)
    A, t = pixels[:2, :2], pixels[:2, 2]
    line = np.stack([np.cos(r[:, 2]), np.sin(r[:, 2])], -1) * r[:, 3:4]
    line = line @ A.T
    width = np.linalg.norm(line, axis=1)
    jaw = r[:, 4] * abs(np.linalg.det(A)) * r[:, 3] / np.maximum(width, 1e-9)
    found = np.column_stack([r[:, :2] @ A.T + t, half_turn(np.arctan2(line[:, 1], line[:, 0])), width, jaw])
    return found.astype(rectangles.dtype)


def resample(image: NDArray, pixels: Array, size: tuple[int, int], *, smooth: bool) -> NDArray:
    """Map an (H, W[, 3]) image by an affine map of pixels, 0 where it has none.

    Args:
        image: uint8, bool or float32; three channels only uint8.
        pixels: (3, 3) map of pixels, old to new.
        size: width and height of the result.
        smooth: bilinear, averaging where the image shrinks, in place of the nearest pixel.
    """
    if image.shape[1::-1] == size and np.allclose(pixels, np.eye(3), atol=1e-12):
        return image
    if _is_flip(pixels, size) and image.shape[1::-1] == size:
        return np.ascontiguousarray(image[:, ::-1])
    back = np.linalg.inv(pixels)
    whole = image.view(np.uint8) if image.dtype == np.bool_ else image
    picture = Image.fromarray(whole)
    method = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    box = (back[0, 2], back[1, 2], back[0, 0] * size[0] + back[0, 2], back[1, 1] * size[1] + back[1, 2])
    upright = abs(back[0, 1]) < 1e-12 and abs(back[1, 0]) < 1e-12 and back[0, 0] > 0 and back[1, 1] > 0
    inside = min(box) >= 0 and box[2] <= picture.width + 1e-9 and box[3] <= picture.height + 1e-9
    if smooth and upright and inside:
        found = picture.resize(
            size, method, box=(box[0], box[1], min(box[2], picture.width), min(box[3], picture.height))
        )
    else:
        found = picture.transform(size, Image.Transform.AFFINE, back[:2].ravel().tolist(), method)
    return np.asarray(found).view(image.dtype) if image.dtype == np.bool_ else np.array(found)


def _is_flip(pixels: Array, size: tuple[int, int]) -> bool:
    return np.allclose(pixels, [[-1, 0, size[0]], [0, 1, 0], [0, 0, 1]], atol=1e-12)
