"""What a camera does to a picture: blur, exposure, white balance, contrast, gamma, saturation, noise, JPEG, so ordered.

For the OpenGL engine, whose image is complete before; Filament's exposure and white balance are in its light already.
All of it changes colour alone: depth and ids are those of the scene.
"""

from __future__ import annotations

import io
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from graspgen.looks.colour import encoded, linear
from graspgen.render.tone import white_balance
from graspgen.scene.plan import GradePlan

_TONES = ("exposure", "temperature", "tint", "contrast", "saturation", "gamma")
_BILINEAR = Image.Resampling.BILINEAR
#: Rec. 709 luma, of encoded values.
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def graded(rgb: NDArray[np.uint8], grade: GradePlan) -> NDArray[np.uint8]:
    """Return the (H, W, 3) uint8 sRGB image as a camera with this grade shows it; `rgb` itself if neutral."""
    return _compressed(_noisy(_toned(_blurred(rgb, grade), grade), grade), grade.jpeg_quality)


def _toned(rgb: NDArray[np.uint8], grade: GradePlan) -> NDArray[np.uint8]:
    # The tables are those of the tones alone, whatever the rest is.
    grade = GradePlan(**{name: getattr(grade, name) for name in _TONES})
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


def _blurred(rgb: NDArray[np.uint8], grade: GradePlan) -> NDArray[np.uint8]:
    """Blur by the lens, then along a straight motion about each pixel's own place."""
    if grade.blur > 0:
        rgb = np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(grade.blur)))
    dx, dy = grade.motion
    if length := math.hypot(dx, dy):
        shares = (np.arange(steps := 2 * math.ceil(length) + 1) + 0.5) / steps - 0.5
        # Beyond the picture its border goes on: Pillow would put black there.
        pad = math.ceil(length / 2) + 1
        image = Image.fromarray(np.pad(rgb, ((pad, pad), (pad, pad), (0, 0)), "edge"))
        total = np.zeros(rgb.shape, np.float32)
        for share in shares:
            moved = (1, 0, pad - share * dx, 0, 1, pad - share * dy)
            total += np.asarray(image.transform(rgb.shape[1::-1], Image.Transform.AFFINE, moved, _BILINEAR))
        rgb = np.rint(total / steps).astype(np.uint8)
    return rgb


def _noisy(rgb: NDArray[np.uint8], grade: GradePlan) -> NDArray[np.uint8]:
    """Add noise whose variance is half constant (reading) and half proportional to the value (shot) at the middle."""
    if grade.noise <= 0:
        return rgb
    rng = np.random.Generator(np.random.Philox(grade.noise_seed))
    noise = rng.standard_normal(rgb.shape, np.float32)
    noise *= (grade.noise * np.sqrt((1 + np.arange(256) / 127.5) / 2)).astype(np.float32)[rgb]
    noise += rgb
    return np.clip(np.rint(noise, out=noise), 0, 255, out=noise).astype(np.uint8)


def _compressed(rgb: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    if not quality:
        return rgb
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
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
