"""A mesh as binary glTF 2.0, written and read back without changing one number.

The file holds one triangle mesh with float32 positions, and texture coordinates and a PNG where the mesh has them, in
the asset's own axes (no turn to glTF's y-up is applied), so every glTF viewer shows it and `read_glb` gives back the
very arrays. glTF counts v from the top of the image; `Mesh.uv` lies on a grid on which 1 − v is exact.
"""

from __future__ import annotations

import json
import struct
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graspgen.errors import ObjectError
from graspgen.objects.asset import Mesh

_MAGIC, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
_FLOAT, _UINT = 5126, 5125
_ARRAY_BUFFER, _ELEMENT_BUFFER = 34962, 34963


def glb_bytes(mesh: Mesh) -> bytes:
    """Return the mesh as the bytes of a GLB file; equal meshes give equal bytes."""
    blob = bytearray()
    views: list[dict[str, int]] = []

    def add(data: bytes, target: int | None = None) -> int:
        views.append({"buffer": 0, "byteOffset": len(blob), "byteLength": len(data)})
        if target is not None:
            views[-1]["target"] = target
        blob.extend(data + b"\0" * (-len(data) % 4))
        return len(views) - 1

    positions = mesh.vertices.astype("<f4")
    accessors = [
        {
            "bufferView": add(mesh.faces.astype("<u4").tobytes(), _ELEMENT_BUFFER),
            "componentType": _UINT, "count": int(mesh.faces.size), "type": "SCALAR",
        },
        {
            "bufferView": add(positions.tobytes(), _ARRAY_BUFFER),
            "componentType": _FLOAT, "count": len(positions), "type": "VEC3",
            "min": positions.min(axis=0).tolist(), "max": positions.max(axis=0).tolist(),
        },
    ]  # fmt: skip
    attributes = {"POSITION": 1}
    material: dict[str, object] = {"pbrMetallicRoughness": {"metallicFactor": 0.0}}
    doc: dict[str, object] = {"asset": {"version": "2.0", "generator": "graspgen"}}
    if mesh.uv is not None:
        flipped = np.stack([mesh.uv[:, 0], 1.0 - mesh.uv[:, 1]], axis=-1).astype("<f4")
        accessors.append(
            {
                "bufferView": add(flipped.tobytes(), _ARRAY_BUFFER),
                "componentType": _FLOAT, "count": len(flipped), "type": "VEC2",
            }
        )  # fmt: skip
        attributes["TEXCOORD_0"] = 2
    if mesh.texture is not None:
        png = BytesIO()
        Image.fromarray(mesh.texture).save(png, "PNG", compress_level=4)
        doc["images"] = [{"bufferView": add(png.getvalue()), "mimeType": "image/png"}]
        doc["textures"] = [{"source": 0}]
        material = {"pbrMetallicRoughness": {"metallicFactor": 0.0, "baseColorTexture": {"index": 0}}}
    doc |= {
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": 0, "material": 0}]}],
        "materials": [material],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(blob)}],
    }
    text = json.dumps(doc, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    size = 12 + 8 + len(text) + 8 + len(blob)
    return b"".join(
        [
            struct.pack("<III", _MAGIC, 2, size),
            struct.pack("<II", len(text), _JSON), text,
            struct.pack("<II", len(blob), _BIN), bytes(blob),
        ]
    )  # fmt: skip


def read_glb(data: bytes, where: str) -> Mesh:
    """Read a file that `glb_bytes` made.

    Args:
        data: the file's bytes.
        where: its path, for messages.

    Raises:
        ObjectError: it is cut off, damaged, or made by something else.
    """
    try:
        magic, version, size = struct.unpack_from("<III", data)
        length, kind = struct.unpack_from("<II", data, 12)
        if (magic, version, kind) != (_MAGIC, 2, _JSON) or size != len(data):
            raise ValueError("not a whole GLB file")
        doc = json.loads(data[20 : 20 + length])
        blob = memoryview(data)[20 + length + 8 :]
        primitive = doc["meshes"][0]["primitives"][0]
        attributes = primitive["attributes"]
        faces = _accessor(doc, blob, primitive["indices"], "<u4").reshape(-1, 3)
        vertices = _accessor(doc, blob, attributes["POSITION"], "<f4").reshape(-1, 3)
        uv = texture = None
        if "TEXCOORD_0" in attributes:
            uv = _accessor(doc, blob, attributes["TEXCOORD_0"], "<f4").reshape(-1, 2).astype(float)
            uv[:, 1] = 1.0 - uv[:, 1]
        if "images" in doc:
            png = _view(doc, blob, doc["images"][0]["bufferView"])
            texture = np.asarray(Image.open(BytesIO(png)).convert("RGB"))
    except (ValueError, KeyError, IndexError, TypeError, struct.error, OSError) as error:
        raise ObjectError(f"{where} is damaged ({error}); import the object again") from error
    if faces.size and int(faces.max()) >= len(vertices):
        raise ObjectError(f"{where} is damaged (a face has no vertex); import the object again")
    return Mesh(vertices, faces, uv, texture)


def _view(doc: dict, blob: memoryview, index: int) -> bytes:
    view = doc["bufferViews"][index]
    start = view.get("byteOffset", 0)
    return bytes(blob[start : start + view["byteLength"]])


def _accessor(doc: dict, blob: memoryview, index: int, dtype: str) -> NDArray:
    accessor = doc["accessors"][index]
    if accessor["componentType"] != (_UINT if dtype == "<u4" else _FLOAT):
        raise ValueError("numbers of another type")
    return np.frombuffer(_view(doc, blob, accessor["bufferView"]), dtype)
