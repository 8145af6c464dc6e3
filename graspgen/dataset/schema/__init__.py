"""The dataset's tables, version 1: the one place that says what a file holds.

The writer, the reader, `graspgen check` and `docs/schema.md` all read this package. Row i of every column of a table is
the same thing. Keys (`graspgen.dataset.schema.keys`) are numbers that mean the same in every shard, never row numbers,
so tables of different shards can be concatenated as they are, and every key column is sorted.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from graspgen.dataset.schema.codes import GripperKind, Role, Seen, Shape, Toucher, TrialKind
from graspgen.dataset.schema.column import Column, Table
from graspgen.dataset.schema.episodes import EPISODES
from graspgen.dataset.schema.grasps import GRASPS, MAX_JOINTS
from graspgen.dataset.schema.keys import episode_key, frame_key, grasp_key, object_key, step_key, view_key
from graspgen.dataset.schema.scenes import SCENES
from graspgen.dataset.schema.sequences import MAX_FINGERS, SEQUENCES
from graspgen.dataset.schema.views import VIEWS
from graspgen.grasps.outcomes import HAND_INSTANCE
from graspgen.sensor_codes import OFF

__all__ = [
    "CONVENTIONS", "DEPTH_SCALE", "MAX_FINGERS", "MAX_JOINTS", "OPTIONAL", "QUOTAS", "SCHEMA_VERSION",
    "TABLES",
    "Column", "GripperKind", "Role", "Seen", "Shape", "Table", "Toucher", "TrialKind",
    "episode_key", "frame_key", "grasp_key", "object_key", "present_columns", "step_key", "stored_modalities",
    "view_key",
]  # fmt: skip

SCHEMA_VERSION = 1

#: What a recipe may have quotas of.
QUOTAS = ("classes", "outcomes", "visibility", "distance", "engines", "edge_cases")
#: When columns are there that no `views.modalities` names, as a clause about the recipe.
OPTIONAL = {
    "sensor": "`views.sensor` is on",
    "steered": "`quotas` or `focus` says something",
    "edge_cases": "`quotas.cases` is not empty",
    "focus": "`focus.density` is not empty",
}

#: Metres per count of the stored depth.
DEPTH_SCALE = 1e-4

CONVENTIONS: dict[str, str] = {
    "units": "SI: metres, kilograms, seconds, newtons, radians; pixels where said",
    "poses": "T_a_b is the (4, 4) row-major pose of frame b in frame a: it takes coordinates in b to coordinates in a",
    "quaternion_order": "wxyz (no column holds one; plans do not either)",
    "world_frame": "z up, origin in the middle of the surface that objects are put on",
    "camera_frame": "OpenCV: x right, y down, z forward",
    "object_frame": "the frame that the asset's mesh came in, scaled; motion is measured at the centre of mass",
    "grasp_frame": "origin at the tool centre point, z approach, y closing direction, x = y × z",
    "pixel_centre": "the centre of pixel (0, 0) is (0.5, 0.5): a centred camera has cx = width / 2",
    "depth": "planar z in metres = stored value × depth_scale; 0 where nothing was seen",
    "instances": "0 background, flying distractor or an object without labels, else instance_id of the object in the "
    "view's scene",
    "bbox": "x, y, width, height in pixels; x + width is the right edge",
    "keys": "view = scene·2^16 + number, object = scene·2^16 + instance_id, grasp = scene·2^32 + number, "
    "frame, episode, step = scene·2^32 + number",
    "hand": f"in frame_views.instances {HAND_INSTANCE}; in frame_contacts -1 is the support, -2 the hand, -3 its first "
    "finger, -4 its second and so on, else it is the key of an object",
}

TABLES: dict[str, Table] = {**SCENES, **VIEWS, **GRASPS, **SEQUENCES, **EPISODES}


def stored_modalities(recipe: Mapping[str, Any]) -> set[str]:
    """Return the modalities that a dataset of a resolved recipe has."""
    views = recipe.get("views", {})
    quotas, focus = recipe.get("quotas", {}), recipe.get("focus", {})
    steered = any(quotas.get(name) for name in QUOTAS)
    optional = {
        "sensor": views.get("sensor", {}).get("profile", OFF) != OFF,
        "steered": steered or focus.get("density"),
        "edge_cases": quotas.get("cases"),
        "focus": focus.get("density"),
    }
    return {*views.get("modalities", ()), *(name for name, there in optional.items() if there)}


def present_columns(table: str, found: Container[str]) -> list[str]:
    """Return the columns of a table that a file or a record has: all but the modalities that are not `found`."""
    return [name for name, column in TABLES[table].columns.items() if not column.modality or name in found]
