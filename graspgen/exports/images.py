"""Images and camera matrices as the formats want them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graspgen.frames import Array


def png_bytes(image: NDArray[Any]) -> bytes:
    """Return a PNG of an (H, W) uint8 or uint16, or an (H, W, 3) uint8 image."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG", compress_level=4)
    return out.getvalue()


def tiff_bytes(image: NDArray[np.float32]) -> bytes:
    """Return a TIFF of an (H, W) float32 image."""
    out = io.BytesIO()
    Image.fromarray(np.asarray(image, np.float32)).save(out, "TIFF")
    return out.getvalue()


def depth_mm(depth: NDArray[np.floating[Any]]) -> NDArray[np.uint16]:
    """Return (H, W) depth in millimetres, rounded; what is further than 65.535 m, 0."""
    mm = np.round(np.asarray(depth, float) * 1000)
    return np.where(mm < 65536, mm, 0).astype(np.uint16)


def opencv_matrix(K: Array) -> Array:
    """Return the (3, 3) camera matrix for readers to whom the centre of pixel (0, 0) is (0, 0), as it is to OpenCV."""
    shifted = np.array(K, float)
    shifted[0, 2] -= 0.5
    shifted[1, 2] -= 0.5
    return shifted
