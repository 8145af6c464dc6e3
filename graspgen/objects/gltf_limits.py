"""What a glTF or GLB file announces, checked against what it holds (glTF 2.0 specification, sections 3.6 and 4.4).

A hostile file can announce accessors without bytes, buffers that are not there, nodes that stand in each other a
thousandfold, or images of a hundred thousand pixels a side, and make a reader fill the memory.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from pathlib import Path
from typing import Any

from graspgen.errors import ObjectError
from graspgen.objects.foreign_files import MOST_BYTES, Folder, check_image

_BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
_NUMBERS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
#: Required extensions that change how geometry is stored.
_PACKED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_mesh_quantization")
#: Most nodes; a single object has a few.
_MOST_NODES = 100_000
#: Most bytes of the JSON text of a GLB, and of a glTF, whose JSON may hold the buffers.
_MOST_JSON, _MOST_GLTF = 2**26, 2**28
#: Faces beyond this are counted no further.
_ENOUGH = 2**40


def gltf_json(path: Path) -> tuple[dict[str, Any], bytes | None]:
    """Read the JSON text of a GLB or glTF file, and a GLB's binary chunk.

    Raises:
        ObjectError: it is cut off, damaged, or no glTF 2.0.
    """
    data = path.read_bytes()
    blob: bytes | None = None
    try:
        if path.suffix.lower() == ".glb":
            magic, version, size = struct.unpack_from("<4sII", data)
            if magic != b"glTF" or version != 2:
                raise ValueError("it does not begin as a GLB of version 2 does")
            if size > len(data):
                raise ValueError(f"it announces {size} bytes, and holds {len(data)}")
            length, kind = struct.unpack_from("<I4s", data, 12)
            if kind != b"JSON" or 20 + length > len(data):
                raise ValueError("its first chunk is no whole JSON text")
            text, blob, rest = data[20 : 20 + length], b"", data[20 + length :]
            if len(rest) >= 8:
                length, kind = struct.unpack_from("<I4s", rest)
                if length > len(rest) - 8:
                    raise ValueError(f"its binary chunk announces {length} bytes, and holds {len(rest) - 8}")
                blob = rest[8 : 8 + length]
        else:
            text = data
        most = _MOST_GLTF if blob is None else _MOST_JSON
        if len(text) > most:
            raise ValueError(f"its JSON text is longer than {most // 2**20} MiB")
        doc = json.loads(text)
        if not isinstance(doc, dict):
            raise ValueError("its JSON text is no object")
    except (ValueError, struct.error, RecursionError) as error:
        raise ObjectError(f"{path}: cannot be read as a {_kind(path)} mesh ({error}); export it again") from error
    return doc, blob


def check_gltf(doc: dict[str, Any], blob: bytes | None, path: Path, folder: Folder) -> int:
    """Check what a glTF announces.

    Args:
        doc: its JSON.
        blob: a GLB's binary chunk, or None.
        path: the file, for messages.
        folder: reads buffers and images that lie in files of their own.

    Returns:
        The faces of the scene, every use of a mesh counted.

    Raises:
        ObjectError: it announces more than it holds, uses a packing that cannot be read, or names files outside.
    """
    packed = [name for name in doc.get("extensionsRequired") or [] if name in _PACKED]
    if packed:
        raise ObjectError(f"{path}: needs the extension {packed[0]}; export it without compression")
    try:
        sizes = [_buffer_size(buffer, i, blob, folder) for i, buffer in enumerate(doc.get("buffers") or [])]
        views = [_view(view, sizes) for view in doc.get("bufferViews") or []]
        counts = [_accessor(accessor, views) for accessor in doc.get("accessors") or []]
        for image in doc.get("images") or []:
            _image(image, doc, blob, folder)
        return _faces(doc, counts)
    except ObjectError as error:
        raise ObjectError(f"{path}: {error}") from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        cause = f"no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise ObjectError(f"{path}: cannot be read as a {_kind(path)} mesh ({cause}); export it again") from error


def _kind(path: Path) -> str:
    return "GLB" if path.suffix.lower() == ".glb" else "glTF"


def _buffer_size(buffer: dict[str, Any], index: int, blob: bytes | None, folder: Folder) -> int:
    announced = _count(buffer["byteLength"])
    uri = buffer.get("uri")
    if uri is None:
        held = len(blob) if blob is not None and index == 0 else 0
    elif str(uri).startswith("data:"):
        held = len(uri) * 3 // 4
    else:
        held = folder.path(uri).stat().st_size
    if announced > min(held, MOST_BYTES):
        raise ValueError(f"buffer {index} announces {announced} bytes, and holds {held}")
    return announced


def _view(view: dict[str, Any], sizes: list[int]) -> tuple[int, int]:
    start, length = _count(view.get("byteOffset", 0)), _count(view["byteLength"])
    if start + length > sizes[_count(view["buffer"])]:
        raise ValueError("a bufferView reaches beyond its buffer")
    return length, _count(view.get("byteStride", 0))


def _accessor(accessor: dict[str, Any], views: list[tuple[int, int]]) -> int:
    count, start = _count(accessor["count"]), _count(accessor.get("byteOffset", 0))
    size = _BYTES[accessor["componentType"]] * _NUMBERS[accessor["type"]]
    if "sparse" in accessor or "bufferView" not in accessor:
        # Nothing but an announcement: a few bytes could ask for any amount of memory.
        raise ValueError(f"an accessor of {count} items has no bytes of its own")
    length, stride = views[_count(accessor["bufferView"])]
    if count and start + (count - 1) * (stride or size) + size > length:
        raise ValueError(f"an accessor announces {count} items, more than its {length} bytes hold")
    return count


def _image(image: dict[str, Any], doc: dict[str, Any], blob: bytes | None, folder: Folder) -> None:
    uri = str(image.get("uri", ""))
    if "bufferView" in image:
        view = doc["bufferViews"][_count(image["bufferView"])]
        start = _count(view.get("byteOffset", 0))
        if blob is not None and _count(view["buffer"]) == 0:
            check_image(blob[start : start + _count(view["byteLength"])], "in the file")
    elif uri.startswith("data:"):
        try:
            check_image(base64.b64decode(uri.partition("base64,")[2]), "in the file")
        except binascii.Error as error:
            raise ValueError("an image is no base64") from error


def _faces(doc: dict[str, Any], counts: list[int]) -> int:
    nodes, meshes = doc.get("nodes") or [], doc.get("meshes") or []
    if len(nodes) > _MOST_NODES:
        raise ValueError(f"it has {len(nodes)} nodes")
    children = [_count(child) for node in nodes for child in node.get("children") or []]
    if len(children) != len(set(children)):
        raise ValueError("a node has two parents")
    # With one parent each, nodes that no root reaches stand in a circle.
    reached, front = 0, sorted(set(range(len(nodes))) - set(children))
    while front:
        reached += len(front)
        front = [_count(child) for i in front for child in nodes[i].get("children") or []]
    if reached != len(nodes):
        raise ValueError("its nodes stand in a circle")
    faces = [sum(_primitive(p, counts) for p in mesh["primitives"]) for mesh in meshes]
    return min(sum(faces[_count(node["mesh"])] for node in nodes if "mesh" in node), _ENOUGH)


def _primitive(primitive: dict[str, Any], counts: list[int]) -> int:
    mode = primitive.get("mode", 4)
    if mode not in (4, 5, 6):  # points and lines have no faces
        return 0
    index = primitive["indices"] if "indices" in primitive else primitive["attributes"]["POSITION"]
    corners = counts[_count(index)]
    return corners // 3 if mode == 4 else max(corners - 2, 0)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value
