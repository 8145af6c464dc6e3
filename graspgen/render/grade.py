"""What a camera does to colours: exposure, white balance, contrast, gamma, saturation, in this order.

For the OpenGL engine, whose image is complete before; Filament does the like itself.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graspgen.looks.colour import encoded, linear
from graspgen.render.tone import white_balance
from graspgen.scene.plan import GradePlan

#: Rec. 709 luma, of encoded values.
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def graded(rgb: NDArray[np.uint8], grade: GradePlan) -> NDArray[np.uint8]:
    """Return the (H, W, 3) uint8 sRGB image as a camera with this grade shows it; `rgb` itself if neutral."""
    if grade == GradePlan():
        return rgb
    # Pillow does both in about 1 ms a step at 640x480, a third of what numpy takes.
    image = Image.fromarray(rgb).point(curves(grade.model_copy(update={"saturation": 1.0})).T.ravel().tolist())
    if grade.saturation != 1.0:
        # grey + s (rgb - grey): the values stay on the line through the pixel's grey.
        matrix = np.zeros((3, 4))
        matrix[:, :3] = grade.saturation * np.eye(3) + (1 - grade.saturation) * _LUMA
        image = image.convert("RGB", tuple(matrix.ravel().tolist()))
    return np.asarray(image)


@lru_cache(maxsize=64)
def curves(grade: GradePlan) -> NDArray[np.uint8]:
    """Return the (256, 3) uint8 table that all but saturation amounts to.

    Exposure and white balance are gains of linear light, as with Filament (`tone.white_balance`). Contrast is about the
    encoded middle, 0.5.
    """
    gain = 2**grade.exposure * white_balance(grade.temperature, grade.tint)
    value = encoded(np.minimum(linear(np.arange(256) / 255)[:, None] * gain, 1.0))
    value = np.clip(0.5 + grade.contrast * (value - 0.5), 0, 1) ** (1 / grade.gamma)
    return np.rint(255 * value).astype(np.uint8)
