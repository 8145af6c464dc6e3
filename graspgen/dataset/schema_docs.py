"""`docs/schema.md`, made from the schema: `python -m graspgen.dataset.schema_docs > docs/schema.md`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from graspgen.dataset.check_looks import FIELDS
from graspgen.dataset.schema import CONVENTIONS, DEPTH_SCALE, OPTIONAL, SCHEMA_VERSION, TABLES, Column

_HEAD = f"""# The dataset, schema version {SCHEMA_VERSION}

This page is made from `graspgen/dataset/schema/` by `python -m graspgen.dataset.schema_docs`; a
test fails when it is out of date.

## Open it with graspgen

```python
import graspgen                              # needs neither MuJoCo nor OpenGL to read

ds = graspgen.open("demo")                   # the folder, its dataset.h5, or one shard
print(ds, ds.grasps)                         # what is in it
rgb, depth = ds.rgb(0), ds.depth(0)          # view 0: (H, W, 3) uint8; (H, W) float32, m
xyz = ds.points(0, frame="world")            # (H, W, 3) m; also distance, classes, normals, object_coordinates,
uv = ds.flow(0, 1)                           # scene_flow, amodal_mask: docs/cameras.md
seen = ds.view_objects(0)                    # its objects: boxes, visibility, poses, masses, …
ok = ds.grasps.enum("outcome")["SUCCESS"]
T = ds.grasps_in_camera(0, outcome=ok)       # (n, 4, 4) grasps that held, in the camera's frame
rate = (ds.grasps["outcome"] == ok).mean()   # a column is a NumPy array
vertices, faces = ds.mesh(ds.objects["asset"][0])
```

## Open it with h5py alone

```python
import h5py, numpy as np

f = h5py.File("demo/dataset.h5", locking=False)   # virtual: it shows the rows of all shards
depth = f["views/depth"][0] * f["views/depth"].attrs["depth_scale"]   # m; 0 = nothing seen
K, T_wc = f["views/K"][0], f["views/T_world_camera"][0]
scene = f["views/scene"][0]
mine = np.flatnonzero(f["grasps/scene"][:] == scene)
row = np.searchsorted(f["objects/id"][:], f["grasps/object"][:][mine])
T_world_grasp = f["objects/T_world_object"][:][row] @ f["grasps/T_object_grasp"][:][mine]
T_camera_grasp = np.linalg.inv(T_wc) @ T_world_grasp
held = f["grasps/outcome"][:][mine] == 0     # codes: f["grasps/outcome"].attrs["enum"]
```

Read images one by one, `f["views/rgb"][i]`: a list of numbers in the brackets takes HDF5 a hundred
times as long. HDF5 fills the rows of a shard that is missing with zeros and says nothing;
`graspgen.open` and `graspgen check` refuse such a dataset. `locking=False` is what graspgen opens
files with; HDF5 refuses to open a file in two ways in one process.

## The folder

| path | content |
|---|---|
| `dataset.json` | manifest: versions, seed, resolved recipe, and every complete shard with its rows, its SHA-256 and the content hash of each of its scenes |
| `dataset.h5` | all tables: HDF5 virtual datasets over the shards, and one row for each asset, gripper and profile |
| `shards/shard-00000.h5` … | complete scenes, ascending; each can be read alone. Shared tables hold the rows that the shard refers to |
| `objects/<name>/visual.glb` | the meshes that were used, in metres, in the frame of `T_world_object` |
| `preview.png`, `run.jsonl` | a picture, and what the run took; nothing else holds a time of day but `created` in `dataset.json` |

A shard is written as `*.partial` and renamed when it is whole. Every shard and `dataset.h5` have the
attributes `graspgen_schema`, `graspgen_version`, `mujoco_version`, `seed`, `recipe` (JSON, resolved) and
`conventions` (JSON, below); a shard also has the scalar text `content_hashes` (JSON, scene → SHA-256). Every
column has the attributes `unit` and `description`; columns of codes have `enum` (JSON, name → number)
and `flags` (whether the codes are bits); `views/depth` has `depth_scale` = {DEPTH_SCALE:g} m. Text is UTF-8 of variable
length. Images are one gzip chunk each and need no plugin, where the recipe's `storage` does not say
otherwise (docs/storage.md). Colour as JPEG is (n, bytes) in place of (n, H, W, 3): a row is a JPEG and
zeros, with the attributes `encoding` and `image_shape`;
`PIL.Image.open(io.BytesIO(f["views/rgb"][i].tobytes()))` reads it.

## Conventions

"""  # noqa: E501  # rows of Markdown tables cannot be broken


def markdown() -> str:
    """Return the page."""
    parts = [_HEAD, "| what | how |\n|---|---|\n"]
    parts += [f"| {key} | {_cell(text)} |\n" for key, text in CONVENTIONS.items()]
    parts.append(
        "\n## The tables\n\nRow i of every column of a table is the same thing. Key columns ascend. "
        "`H` and `W` are the height and width of the images.\n"
    )
    for name, table in TABLES.items():
        shared = " Shared: the same in all shards." if table.shared else ""
        parts.append(f"\n### {name}\n\nOne row is {_cell(table.row)}.{shared}\n\n")
        parts.append("| column | type | shape of a row | unit | range | meaning |\n|---|---|---|---|---|---|\n")
        parts += [_row(column_name, column) for column_name, column in table.columns.items()]
    parts.append("\n## What is in the JSON of a view\n")
    parts += _drawn()
    parts.append("\n## Codes\n")
    parts += _codes()
    return "".join(parts)


def _row(name: str, column: Column) -> str:
    kinds = {"str": "text", "json": "text (JSON)", "bool": "bool"}
    kind = kinds.get(column.dtype, column.dtype)
    shape = f"({', '.join(map(str, column.shape))})" if column.shape else ""
    doc = column.doc
    if column.modality:
        on = OPTIONAL.get(column.modality, f"`views.modalities` names `{column.modality}`")
        doc += f" — optional: there where {on}"
    if column.enum is not None:
        what = "bits of" if column.flags else "code:"
        doc += f" ({what} [{column.enum.__name__}](#{column.enum.__name__.lower()}))"
    cells = [f"`{name}`", kind, shape, column.unit, _range(column), doc]
    return f"| {' | '.join(_cell(cell) for cell in cells)} |\n"


def _range(column: Column) -> str:
    low, high = (None if bound is None else _number(bound) for bound in (column.low, column.high))
    if low is not None and high is not None:
        text = f"{low} … {high}"
    elif low is not None:
        text = f"≥ {low}"
    elif high is not None:
        text = f"≤ {high}"
    else:
        text = ""
    return f"{text}, NaN allowed".removeprefix(", ") if column.nan else text


def _number(bound: float) -> str:
    return "π" if bound == math.pi else f"{bound:g}"


def _drawn() -> list[str]:
    """Return the keys of `views.looks` and `views.sensor_values`: those of the plans that they are drawn in."""
    from graspgen.scene.plan import SensorPlan, ViewPlan  # only the page needs them

    looks = [row for name in (*FIELDS, "surfaces") for row in _keys(name, ViewPlan.model_fields[name])]
    sensor = [row for name, field in SensorPlan.model_fields.items() for row in _keys(name, field)]
    parts = []
    for column, rows in {"looks": looks, "sensor_values": sensor}.items():
        parts.append(f"\n`views.{column}`:\n\n| key | meaning |\n|---|---|\n")
        parts += [f"| `{key}` | {_cell(doc)} |\n" for key, doc in rows]
    return parts


def _keys(name: str, field: FieldInfo) -> Iterator[tuple[str, str]]:
    """Yield the keys below a field of a plan, dotted, and what they mean; `[]` is every entry of a list, `.*` of a
    mapping.
    """
    doc = " ".join((field.description or "").split())
    inner = next((t for t in _types(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)), None)
    if doc or inner is None:
        yield name, doc
    if inner is not None:
        at = {tuple: f"{name}[]", Mapping: f"{name}.*"}.get(get_origin(field.annotation), name)
        for key, below in inner.model_fields.items():
            yield from _keys(f"{at}.{key}", below)


def _types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _types(part)


def _codes() -> list[str]:
    enums = {c.enum: c.flags for t in TABLES.values() for c in t.columns.values() if c.enum is not None}
    parts = []
    for enum, flags in enums.items():
        parts.append(f"\n### {enum.__name__}\n\n{(enum.__doc__ or '').strip()}\n\n")
        parts.append(f"| {'bit' if flags else 'code'} | name |\n|---|---|\n")
        parts += [f"| {int(member)} | `{member.name}` |\n" for member in enum]
    return parts


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(markdown(), end="")
