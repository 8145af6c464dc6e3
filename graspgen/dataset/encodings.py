"""How layers are stored in whole numbers, and read back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Counts of flow a pixel, and what stands for none.
FLOW_STEPS, NO_FLOW = 16, -32768
_COORDINATES = 65535

Layer = NDArray[np.float32]


def encode_normals(normals: Layer) -> NDArray[np.int8]:
    """Turn (…, 3) unit vectors, 0 for none, into counts of 1/127: at most 0.4° off."""
    return np.rint(normals * 127).astype(np.int8)


def decode_normals(stored: NDArray[np.int8]) -> Layer:
    """Turn counts back into (…, 3) unit vectors, NaN for none."""
    found = stored.astype(np.float32)
    length = np.linalg.norm(found, axis=-1, keepdims=True)
    return np.divide(found, length, out=np.full_like(found, np.nan), where=length > 0)


def encode_coordinates(coordinates: Layer) -> NDArray[np.uint16]:
    """Turn (…, 3) object coordinates in 0…1, NaN for none, into counts of 1/65535."""
    return np.rint(np.nan_to_num(coordinates, nan=0.0) * _COORDINATES).astype(np.uint16)


def decode_coordinates(stored: NDArray[np.uint16], instances: NDArray[np.uint8]) -> Layer:
    """Turn counts back into (H, W, 3) object coordinates, NaN where `instances` is 0."""
    return np.where(instances[..., None] > 0, stored / np.float32(_COORDINATES), np.nan).astype(np.float32)


def encode_flow(flow: Layer) -> NDArray[np.int16]:
    """Turn (…, 2) flow, px, NaN for none, into counts of 1/16 px; what does not fit counts as none."""
    counts = np.rint(np.nan_to_num(flow, nan=1e6) * FLOW_STEPS)
    fits = (np.abs(counts) <= 32767).all(axis=-1, keepdims=True)
    return np.where(fits, counts, NO_FLOW).astype(np.int16)


def decode_flow(stored: NDArray[np.int16]) -> Layer:
    """Turn counts back into (…, 2) flow, px, NaN for none."""
    return np.where(stored == NO_FLOW, np.nan, stored / np.float32(FLOW_STEPS)).astype(np.float32)
