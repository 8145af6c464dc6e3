"""Float images and camera matrices as the formats want them; `pictures` has the others."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graspgen.frames import Array


def tiff_bytes(image: NDArray[np.float32]) -> bytes:
    """Return a TIFF of an (H, W) float32 image."""
    out = io.BytesIO()
    Image.fromarray(np.asarray(image, np.float32)).save(out, "TIFF")
    return out.getvalue()


def opencv_matrix(K: Array) -> Array:
    """Return the (3, 3) camera matrix for readers to whom the centre of pixel (0, 0) is (0, 0), as it is to OpenCV."""
    shifted = np.array(K, float)
    shifted[0, 2] -= 0.5
    shifted[1, 2] -= 0.5
    return shifted
