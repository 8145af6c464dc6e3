"""The files of one asset, and the hash of what it is.

    asset.yaml       everything but the big arrays
    visual.glb       the mesh, with its texture where it has one
    parts/000.obj    the convex parts that are hulls; primitives stand in asset.yaml

What is read back equals what was written, number for number. Paths in asset.yaml cannot leave its folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.spatial import ConvexHull, QhullError

from graspgen.errors import ObjectError
from graspgen.frames import Array
from graspgen.objects.asset import Asset, Part
from graspgen.objects.glb import glb_bytes, read_glb

META = "asset.yaml"
VISUAL = "visual.glb"
#: Version of the layout.
LAYOUT = 1

_KINDS = ("hull", "box", "sphere", "ellipsoid", "capsule", "cylinder")
# libyaml's loader and dumper are ten times as fast; PyYAML can be built without them.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def to_json(value: Any) -> str:
    """Return plain data (numpy's too) as JSON that is the same for equal values."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def content_hash(asset: Asset) -> str:
    """Return the SHA-256, in hex, of everything that the asset is: arrays, numbers and names."""
    digest = hashlib.sha256(f"graspgen asset {LAYOUT}\n".encode())

    def add(label: str, array: Any, dtype: str) -> None:
        a = np.ascontiguousarray(array, dtype)
        digest.update(f"{label} {a.shape} {dtype}\n".encode() + a.tobytes())

    mesh = asset.mesh
    add("vertices", mesh.vertices, "<f4")
    add("faces", mesh.faces, "<i4")
    if mesh.uv is not None:
        add("uv", mesh.uv, "<f4")
    if mesh.texture is not None:
        add("texture", mesh.texture, "|u1")
    for part in asset.parts:
        digest.update(f"part {part.kind}\n".encode())
        add("size", part.size, "<f8")
        add("pose", part.T_asset_part, "<f8")
        add("corners", part.vertices, "<f4")
    digest.update(to_json(_numbers(asset)).encode())
    return digest.hexdigest()


def load_asset(folder: str | Path) -> Asset:
    """Read an asset: the very arrays that were written.

    Raises:
        ObjectError: a file is missing, damaged or leads out of the folder.
    """
    folder = Path(folder)
    meta = read_meta(folder)
    try:
        mesh = read_glb(_inside(folder, meta["visual"]).read_bytes(), str(folder / meta["visual"]))
        parts = tuple(_read_part(folder, part) for part in meta["parts"])
        asset = Asset(
            name=str(meta["name"]),
            class_name=str(meta["class_name"]),
            mesh=mesh,
            parts=parts,
            volume=float(meta["volume"]),
            com=_array(meta["com"], (3,)),
            unit_inertia=_array(meta["unit_inertia"], (3, 3)),
            density=float(meta["density"]),
            friction=float(meta["friction"]),
            source=str(meta["source"]),
            licence=str(meta["licence"]),
            params=dict(meta["params"]),
            symmetry=dict(meta["symmetry"]),
            keypoints={str(k): tuple(_array(v, (3,)).tolist()) for k, v in sorted(meta.get("keypoints", {}).items())},
        )
    except OSError as error:
        raise ObjectError(
            f"cannot read {error.filename or folder}: {error.strerror}; import the object again"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ObjectError):
            raise
        raise ObjectError(f"{folder / META} is not valid ({_cause(error)}); import the object again") from error
    if meta.get("content_hash") != content_hash(asset):
        raise ObjectError(
            f"{folder} was changed after it was written (its content_hash differs); import the object again"
        )
    return asset


def read_meta(folder: str | Path) -> dict[str, Any]:
    """Read what `asset.yaml` in `folder` says.

    Raises:
        ObjectError: it is missing, is no asset.yaml or is of another version.
    """
    path = Path(folder) / META
    try:
        meta = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise ObjectError(f"cannot read {path}: {error.strerror}; is it an asset's folder?") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ObjectError(f"{path} is not valid YAML ({_cause(error)})") from error
    if not isinstance(meta, dict) or meta.get("graspgen_asset") != LAYOUT:
        raise ObjectError(f"{path} is not an asset of layout {LAYOUT}; import the object again")
    for key in ("name", "class_name"):
        if not isinstance(meta.get(key), str):
            raise ObjectError(f"{path} has no {key}; import the object again")
    return meta


def write_asset(asset: Asset, folder: Path, digest: str, notes: Sequence[str]) -> None:
    """Write the files of an asset into the empty `folder`; `digest` is its content hash."""
    (folder / VISUAL).write_bytes(glb_bytes(asset.mesh))
    parts: list[dict[str, Any]] = []
    for i, part in enumerate(asset.parts):
        if part.kind == "hull":
            (folder / "parts").mkdir(exist_ok=True)
            (folder / "parts" / f"{i:03d}.obj").write_text(_hull_obj(part.vertices))
            parts.append({"kind": "hull", "file": f"parts/{i:03d}.obj"})
        else:
            parts.append(
                {
                    "kind": part.kind,
                    "size": part.size.tolist(),
                    "T_asset_part": part.T_asset_part.tolist(),
                }
            )
    meta = {
        "graspgen_asset": LAYOUT,
        "content_hash": digest,
        **_numbers(asset),
        "visual": VISUAL,
        "parts": parts,
        "notes": [str(n) for n in notes],
    }
    text = yaml.dump(meta, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    (folder / META).write_text(text, encoding="utf-8")


def _numbers(asset: Asset) -> dict[str, Any]:
    return {
        "name": asset.name,
        "class_name": asset.class_name,
        "source": asset.source,
        "licence": asset.licence,
        "volume": float(asset.volume),
        "com": asset.com.tolist(),
        "unit_inertia": asset.unit_inertia.tolist(),
        "density": float(asset.density),
        "friction": float(asset.friction),
        "params": _plain(asset.params),
        "symmetry": _plain(asset.symmetry),
        **({"keypoints": _plain(asset.keypoints)} if asset.keypoints else {}),
    }


def _hull_obj(points: Array) -> str:
    """Write corners in their order (nine digits hold a float32 exactly) and the faces of their hull."""
    lines = ["v {:.9g} {:.9g} {:.9g}".format(*p) for p in points.tolist()]
    try:
        hull = ConvexHull(points, qhull_options="QJ Pp")
    except QhullError as error:
        raise ObjectError(f"a hull part of {len(points)} points is flat; it needs a volume") from error
    a, b, c = np.moveaxis(points[hull.simplices], 1, 0)
    inwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), hull.equations[:, :3]) < 0
    faces = np.where(inwards[:, None], hull.simplices[:, ::-1], hull.simplices) + 1
    lines += [f"f {i} {j} {k}" for i, j, k in faces.tolist()]
    return "\n".join(lines) + "\n"


def _read_part(folder: Path, written: Mapping[str, Any]) -> Part:
    kind = written["kind"]
    if kind not in _KINDS:
        raise ValueError(f"unknown kind of part {kind!r}")
    if kind != "hull":
        return Part(kind, _array(written["size"], (3,)), _array(written["T_asset_part"], (4, 4)))
    text = _inside(folder, written["file"]).read_text(encoding="ascii")
    corners = [line.split()[1:4] for line in text.splitlines() if line.startswith("v ")]
    return Part("hull", vertices=_array(np.array(corners, float), (len(corners), 3)))


def _inside(folder: Path, name: Any) -> Path:
    """Return `folder / name` where that lies in `folder`, links followed."""
    path = folder / str(name)
    if os.path.isabs(str(name)) or not path.resolve().is_relative_to(folder.resolve()):
        raise ObjectError(f"{folder / META} names '{name}', which is outside its folder; remove it")
    return path


def _array(value: Any, shape: tuple[int, ...]) -> Array:
    array = np.array(value, float)
    if array.shape != shape or not array.size or not np.isfinite(array).all():
        raise ValueError(f"expected {shape} finite numbers, got shape {array.shape}")
    return array


def _plain(value: Any) -> Any:
    """Turn mappings, sequences and numpy's values into plain data."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value


def _cause(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"no key {text}" if isinstance(error, KeyError) else text
