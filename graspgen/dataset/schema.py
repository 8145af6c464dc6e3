"""The dataset's tables, version 1: the one place that says what a file holds.

The writer, the reader, `graspgen check` and `docs/schema.md` all read this module. Row i of every column of a table is
the same thing. Keys are numbers that mean the same in every shard, never row numbers:

    view key    = scene · 2¹⁶ + number of the view in its scene
    object key  = scene · 2¹⁶ + instance id
    grasp key   = scene · 2³² + number of the grasp in its scene
    frame key   = scene · 2³² + number of the frame in its scene
    episode key = scene · 2³² + number of the episode in its scene
    step key    = scene · 2³² + number of the step in its scene

so tables of different shards can be concatenated as they are, and every key column is sorted.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np

from graspgen.grasps.outcomes import HAND_INSTANCE, Collision, Outcome, Phase, Sampler
from graspgen.labels.keypoints import KeypointState
from graspgen.sensor_codes import OFF, Reason

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


class Role(IntEnum):
    """Why an object is in a scene."""

    TARGET = 0
    CLUTTER = 1
    DISTRACTOR = 2
    FLYING = 3


class Shape(IntEnum):
    """Shapes of flying distractors."""

    BOX = 0
    SPHERE = 1
    CYLINDER = 2
    CONE = 3
    CAPSULE = 4
    PYRAMID = 5
    PRISM = 6
    OCTAHEDRON = 7


class Seen(IntEnum):
    """Bits of `grasp_views.seen`: how a view sees the two points where the pads should touch, first and second."""

    FIRST_VISIBLE = 1
    SECOND_VISIBLE = 2
    FIRST_OCCLUDED = 4
    SECOND_OCCLUDED = 8
    FIRST_OUT_OF_FRAME = 16
    SECOND_OUT_OF_FRAME = 32


class GripperKind(IntEnum):
    """How a gripper holds."""

    PARALLEL_JAW = 0
    SUCTION = 1
    MULTI_FINGER = 2


class Toucher(IntEnum):
    """What is not an object in `frame_contacts`. Further fingers of a hand follow below the second."""

    SUPPORT = -1
    HAND = -2
    FIRST_FINGER = -3
    SECOND_FINGER = -4


class TrialKind(IntEnum):
    """Where a trial was made."""

    FREE = 0
    IN_SCENE = 1


Dim = int | str


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        dtype: numpy type string, or "str" for UTF-8 text, or "json" for text that holds JSON.
        shape: shape of one row; "H" and "W" are the height and width of the dataset's images.
        unit: "" for none.
        doc: meaning.
        enum: codes that the column holds; stored as an attribute.
        flags: the enum's members are bits, not values.
        low, high: allowed range of finite values.
        nan: whether NaN is allowed (it means "not applicable").
        modality: where it is not "", the column is there only if the recipe's `views.modalities` names this, or if
            what `OPTIONAL` says of it holds.
    """

    dtype: str
    shape: tuple[Dim, ...] = ()
    unit: str = ""
    doc: str = ""
    enum: type[IntEnum] | None = None
    flags: bool = False
    low: float | None = None
    high: float | None = None
    nan: bool = False
    modality: str = ""

    @property
    def is_text(self) -> bool:
        """Whether rows are text."""
        return self.dtype in ("str", "json")

    @property
    def is_image(self) -> bool:
        """Whether rows are images: stored one chunk a row."""
        return "H" in self.shape

    @property
    def is_colour(self) -> bool:
        """Whether rows are colour images, which may be stored as JPEG."""
        return self.dtype == "u1" and self.shape == ("H", "W", 3)


@dataclass(frozen=True)
class Table:
    """A table: its columns and what one row is.

    Attributes:
        row: what one row is.
        columns: by name, in the order in which they are written.
        shared: the table describes the run, not single scenes: every shard holds all of its rows that it refers to.
    """

    row: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    shared: bool = False

    @property
    def required(self) -> dict[str, Column]:
        """The columns that every file has: all but those of modalities."""
        return {name: column for name, column in self.columns.items() if not column.modality}


_SCENE = Column("i8", doc="key of the scene (`scenes.index`)", low=0)
_POSE = (4, 4)
#: Most driven joints of a multi-finger hand (`graspgen.grippers.fingers`).
MAX_JOINTS = 24
#: Most fingers of one (likewise).
MAX_FINGERS = 8

TABLES: dict[str, Table] = {
    "scenes": Table(
        "a settled scene",
        {
            "index": Column("i8", doc="the scene's number in the run; its key", low=0),
            "seed": Column("u8", doc="the run's seed"),
            "attempt": Column("i4", doc="how often the scene was refused and drawn again", low=0),
            "task": Column("str", doc="the recipe's task"),
            "plan": Column(
                "json",
                doc="every random draw of the scene; `graspgen replay` makes the scene again from it",
            ),
            "gravity": Column("f8", (3,), "m/s²", "world frame"),
            "settled": Column("bool", doc="the thresholds of rest were met"),
            "settle_time": Column("f8", (), "s", "simulated time until rest", low=0),
            "max_speed": Column(
                "f8", (), "m/s", "largest speed of a centre of mass at rest, relative to a belt", low=0
            ),
            "max_angular_speed": Column("f8", (), "rad/s", "largest angular speed at the end", low=0),
            "max_penetration": Column("f8", (), "m", "deepest penetration at the end", low=0),
            "arena": Column("str", doc="what the objects lie in: a shipped arena, or the name of the user's cell"),
            "arrangement": Column("str", doc="how they came to lie there: drop, pile, packed or stack"),
            "belt_velocity": Column("f8", (3,), "m/s", "of the belt that objects ride on, world frame; 0 without one"),
            "removed": Column("i4", doc="objects that left the arena and were removed", low=0),
            "tunnelled": Column("i4", doc="of these, those that went through something solid", low=0),
            "left_out": Column("i4", doc="objects that found no room and were never in the scene", low=0),
            "steering": Column(
                "json",
                doc="how the scene was drawn otherwise than the recipe says: `levers`, what it was drawn for; `bins` "
                "of the focused ranges; `values`, the recipe's keys with what they were instead",
                modality="steered",
            ),
            "edge_case": Column(
                "str", doc="the edge case that it was drawn for; empty for none", modality="edge_cases"
            ),
            "weight": Column(
                "f8",
                (),
                "",
                "density of the recipe without its `focus` over that with it: weighted means over scenes are as if "
                "there were none",
                low=0,
                modality="focus",
            ),
        },
    ),
    "assets": Table(
        "what objects are made from",
        {
            "id": Column("i8", doc="number in the run's catalogue; the asset's key", low=0),
            "name": Column("str", doc="unique name; its folder is `objects/<name>`"),
            "class_name": Column("str", doc="what it is"),
            "class_id": Column("i4", doc="number of the class in the dataset, from 1", low=1),
            "source": Column("str", doc="`procedural:<family>` or the imported file"),
            "params": Column("json", doc="parameters of a procedural family"),
            "licence": Column("str", doc="licence of the mesh; empty if unknown"),
            "content_hash": Column("str", doc="SHA-256 of what the asset is, in hex"),
            "mesh": Column("str", doc="path of the visual mesh, inside the dataset"),
            "extents": Column("f8", (3,), "m", "size of the box along the asset's axes", low=0),
            "volume": Column("f8", (), "m³", "volume of material", low=0),
            "symmetry": Column("json", doc="known symmetries"),
            "keypoints": Column("json", doc="named points of the asset, m, its frame, unscaled: name → [x, y, z]"),
        },
        shared=True,
    ),
    "objects": Table(
        "an object in a scene",
        {
            "id": Column("i8", doc="key of the object", low=0),
            "scene": _SCENE,
            "asset": Column("i8", doc="key of the asset (`assets.id`)", low=0),
            "instance_id": Column(
                "u2", doc="id in the masks of the scene's views, from 1", low=1, high=HAND_INSTANCE - 1
            ),
            "T_world_object": Column("f8", _POSE, "m", "pose of the asset's frame at rest"),
            "velocity": Column("f8", (3,), "m/s", "of the centre of mass, world frame: about 0, or that of the belt"),
            "angular_velocity": Column("f8", (3,), "rad/s", "world frame"),
            "scale": Column("f8", (3,), "", "factor on the asset's size", low=0),
            "mass": Column("f8", (), "kg", "", low=0),
            "com": Column("f8", (3,), "m", "centre of mass, object frame"),
            "inertia": Column("f8", (3, 3), "kg m²", "about the centre of mass, object axes"),
            "friction": Column("f8", (3,), "–, m, m", "sliding, torsional, rolling", low=0),
            "role": Column("u1", doc="why it is there; only targets are grasped", enum=Role),
            "labelled": Column("bool", doc="whether masks show its id and `annotations` has rows of it"),
            "edge_cases": Column(
                "u4",
                doc="bit i: the object is the i-th of the recipe's `quotas.cases`, sorted by name, by its definition",
                modality="edge_cases",
            ),
        },
    ),
    "views": Table(
        "an image of a scene",
        {
            "id": Column("i8", doc="key of the view", low=0),
            "scene": _SCENE,
            "camera": Column("str", doc="name of the camera"),
            "engine": Column("str", doc="renderer of the colour image"),
            "sensor": Column("str", doc="profile of its depth sensor; `ideal` for none"),
            "K": Column("f8", (3, 3), "px", "camera matrix; the centre of pixel (0, 0) is (0.5, 0.5)"),
            "distortion": Column("f8", (5,), "", "OpenCV's k1, k2, p1, p2, k3; zero for none"),
            "T_world_camera": Column("f8", _POSE, "m", "true pose of the OpenCV camera"),
            "T_world_camera_nominal": Column("f8", _POSE, "m", "pose that a calibration would report"),
            "rgb": Column("u1", ("H", "W", 3), "", "colour, sRGB"),
            "depth": Column(
                "u2",
                ("H", "W"),
                "0.1 mm",
                "planar z = value × attribute `depth_scale` metres; 0 = none",
            ),
            "instances": Column("u1", ("H", "W"), "", "instance id of what is seen; 0 = background"),
            "preset": Column("str", doc="preset of its looks (`render.preset`, `render.mix`); empty for none"),
            "looks": Column(
                "json",
                doc="every drawn value of its looks: lights, surfaces by material, background, environment, grade",
            ),
            "redraws": Column("i4", doc="how often the camera was drawn again: nothing in view, or too near", low=0),
            "normals": Column(
                "i1",
                ("H", "W", 3),
                "1/127",
                "outward unit normal of the facet seen, camera's frame (x right, y down, z forward) = value / 127; "
                "0 0 0 where nothing was seen",
                modality="normals",
            ),
            "object_coordinates": Column(
                "u2",
                ("H", "W", 3),
                "1/65535",
                "where the point seen lies in its object's box (NOCS): 0 the low, 65535 the high end of each of the "
                "object's axes; 0 0 0 for the background",
                modality="object_coordinates",
            ),
            "flow": Column(
                "i2",
                ("H", "W", 2),
                "1/16 px",
                "motion to the right and down of what is seen, to the scene's next view; −32768 where it is not seen "
                "there, and in the last view",
                modality="flow",
            ),
            "depth_sensor": Column(
                "u2", ("H", "W"), "0.1 mm", "depth as the sensor reports it, like `depth`; 0 = none", modality="sensor"
            ),
            "depth_reason": Column("u1", ("H", "W"), "", "why the sensor reports none", enum=Reason, modality="sensor"),
            "sensor_values": Column("json", doc="every value of the sensor as it was drawn", modality="sensor"),
            "edge_cases": Column(
                "u4",
                doc="bit i: the view is the i-th of the recipe's `quotas.cases`, sorted by name, by its definition",
                modality="edge_cases",
            ),
        },
    ),
    "annotations": Table(
        "an object in a view: one row for each labelled object of the view's scene, seen or not",
        {
            "view": Column("i8", doc="key of the view", low=0),
            "object": Column("i8", doc="key of the object", low=0),
            "bbox_visible": Column("f4", (4,), "px", "x, y, w, h of the visible pixels; −1 when nothing is visible"),
            "bbox_amodal": Column(
                "f4",
                (4,),
                "px",
                "x, y, w, h of the whole silhouette, may leave the image; −1 behind the camera",
            ),
            "pixels_visible": Column("i4", (), "px", "pixels of the object in the mask", low=0),
            "pixels_in_frame": Column("i4", (), "px", "pixels of the whole silhouette inside the image", low=0),
            "pixels_all": Column("i4", (), "px", "pixels of the whole silhouette", low=0),
            "visibility": Column(
                "f4", (), "", "pixels_visible / pixels_all: in_frame · visible_in_frame", low=0, high=1
            ),
            "in_frame": Column("f4", (), "", "pixels_in_frame / pixels_all: 1 − truncation", low=0, high=1),
            "visible_in_frame": Column("f4", (), "", "pixels_visible / pixels_in_frame: 1 − occlusion", low=0, high=1),
            "ignore": Column("bool", doc="visibility is below the recipe's `views.ignore_below`"),
            "T_camera_object": Column("f8", _POSE, "m", "pose of the object in the camera's frame"),
            "cuboid": Column(
                "f4",
                (9, 2),
                "px",
                "the box's corners (x, y, z low/high: 000 001 010 011 100 101 110 111), then its centre; "
                "NaN behind the camera or beyond the lens's field",
                nan=True,
            ),
            "amodal_mask": Column(
                "str",
                doc="the whole silhouette, hidden parts too, within `bbox_amodal`: COCO's run-length code of a mask of "
                "its height and width; empty where that is −1",
                modality="amodal_masks",
            ),
            "centre_depth": Column("f4", (), "m", "planar z of the box's centre; negative behind the camera"),
        },
    ),
    "keypoints": Table(
        "a keypoint of an object in a view",
        {
            "view": Column("i8", doc="key of the view", low=0),
            "object": Column("i8", doc="key of the object", low=0),
            "number": Column(
                "u2",
                doc="0 … 7 the box's corners, 8 its centre (the order of `annotations.cuboid`), from 9 the names in "
                "`assets.keypoints`, sorted",
            ),
            "pixel": Column("f4", (2,), "px", "NaN behind the camera or beyond the lens's field", nan=True),
            "depth": Column("f4", (), "m", "planar z; negative behind the camera"),
            "state": Column("u1", doc="whether it is seen, and why not", enum=KeypointState),
        },
    ),
    "flying": Table(
        "a flying distractor of a view: a convex shape in the air, in no other view, with id 0 in its mask",
        {
            "view": Column("i8", doc="key of the view", low=0),
            "shape": Column("u1", doc="which shape", enum=Shape),
            "size": Column("f8", (3,), "m", "sides of the box about it", low=0),
            "T_world_flying": Column("f8", _POSE, "m", "pose of the box's centre"),
            "shown": Column("bool", doc="whether it is in the view: those that hid too much of a target are not"),
            "pixels": Column("i4", (), "px", "pixels that show it", low=0),
            "hides": Column(
                "f4",
                (),
                "",
                "largest share of a target that it hides, of the target's pixels without flying distractors",
                low=0,
                high=1,
            ),
        },
    ),
    "grippers": Table(
        "a gripper that grasps refer to",
        {
            "id": Column("i8", doc="key of the gripper", low=0),
            "name": Column("str", doc=""),
            "kind": Column("u1", doc="how it holds", enum=GripperKind),
            "definition": Column("json", doc="the gripper's YAML and MJCF, whole, and their hash"),
            "T_base_tcp": Column(
                "f8",
                _POSE,
                "m",
                "open hand's tool frame in the gripper's base; where it moves as the hand closes, `definition` "
                "says how",
            ),
            "stroke": Column("f8", (), "m", "largest opening; 0 for suction", low=0),
            "max_force": Column(
                "f8", (), "N", "largest grip force; of suction the force of the vacuum on all cups", low=0
            ),
        },
        shared=True,
    ),
    "profiles": Table(
        "a physics profile that trials refer to",
        {
            "id": Column("i8", doc="key of the profile", low=0),
            "name": Column("str", doc=""),
            "version": Column("i4", doc="grows with every change of the profile", low=1),
            "engine_version": Column("str", doc="MuJoCo's version"),
            "options": Column("json", doc="contact settings, protocol and MuJoCo's whole option block"),
        },
        shared=True,
    ),
    "grasps": Table(
        "a grasp candidate, successful or not",
        {
            "id": Column("i8", doc="key of the grasp", low=0),
            "scene": Column("i8", doc="key of the scene; −1 in a database of single objects", low=-1),
            "object": Column("i8", doc="key of the object; of the asset (`assets.id`) where there is no scene", low=0),
            "gripper": Column("i8", doc="key of the gripper", low=0),
            "T_object_grasp": Column("f8", _POSE, "m", "grasp frame in the object's frame"),
            "width": Column("f8", (), "m", "opening before closing; 0 for suction", low=0),
            "grip_width": Column(
                "f8",
                (),
                "m",
                "opening where the pads should meet the object; the grasp frame is the tool point there",
                low=0,
            ),
            "contacts": Column(
                "f4",
                (2, 3),
                "m",
                "points where the pads should touch, object frame; of cups the first is where the approach meets",
                nan=True,
            ),
            "normals": Column("f4", (2, 3), "", "outward unit normals there, object frame", nan=True),
            "sampler": Column("u1", doc="how it was proposed", enum=Sampler),
            "parent": Column("i8", doc="key of the grasp that it perturbs; −1 for none", low=-1),
            "antipodal_angle": Column(
                "f4",
                (),
                "rad",
                "largest angle between the closing line and an inward normal",
                low=0,
                high=np.pi,
                nan=True,
            ),
            "min_friction_analytic": Column(
                "f4",
                (),
                "",
                "smallest sliding friction with soft-finger force closure: tan(antipodal_angle)",
                low=0,
                nan=True,
            ),
            "epsilon": Column(
                "f4",
                (),
                "",
                "Ferrari–Canny ε (L1) at the object's friction, moments over its radius; 0 without force closure",
                low=0,
                nan=True,
            ),
            "flatness": Column(
                "f4", (), "m", "how far from flat the surface under a pad is (RMS), the worse pad", low=0, nan=True
            ),
            "patch": Column(
                "f4", (), "", "share of a pad within 1 mm of the surface, the worse pad", low=0, high=1, nan=True
            ),
            "seal": Column(
                "f4",
                (),
                "",
                "suction: mean score of the cups that seal, 1 on a plane across the approach, 0 where none seals; NaN "
                "for other grippers",
                low=0,
                high=1,
                nan=True,
            ),
            "cups": Column("u1", doc="suction: bit i says that cup i seals; 0 for other grippers"),
            "resists_any": Column(
                "f4",
                (),
                "",
                "suction: multiple of the object's weight that its lips resist in the worst direction, by statics, at "
                "most 1000; NaN for other grippers",
                low=0,
                high=1000,
                nan=True,
            ),
            "resists_gravity": Column(
                "f4",
                (),
                "",
                "suction: likewise under gravity, the object as it lies in the scene; NaN without a scene or gravity",
                low=0,
                high=1000,
                nan=True,
            ),
            "fingers": Column(
                "f8",
                (2, MAX_JOINTS),
                "rad or m",
                "multi-finger hands: driven joints before closing, and at the grasp, in the order of the `joints` of "
                "the gripper's YAML; NaN beyond them, and for other grippers",
                nan=True,
            ),
            "hand_shape": Column(
                "u1",
                doc="multi-finger hands: which of the `shapes` of the gripper's YAML, by name, from 1 on; 0 for none",
            ),
            "collision": Column(
                "u1",
                doc="what the open hand touches in the settled scene",
                enum=Collision,
                flags=True,
            ),
            "clearance": Column(
                "f4",
                (),
                "m",
                "smallest distance of the open hand to support and neighbours at the grasp and on its "
                "approach; negative inside; capped at 0.02",
                nan=True,
            ),
            "approach_angle": Column(
                "f4",
                (),
                "rad",
                "between the approach, z of the grasp frame, and the recipe's `grasps.approach_axis`; "
                "NaN without a scene",
                low=0,
                high=np.pi,
                nan=True,
            ),
            "in_cone": Column(
                "bool", doc="the approach lies in the recipe's cone (`grasps.approach_cone_deg`); false without a scene"
            ),
            "outcome": Column("u1", doc="outcome of its free trial", enum=Outcome),
            "success_rate": Column(
                "f4",
                (),
                "",
                "share of its repeated free trials (draw > 0) that succeeded, else of the nominal one (draw 0)",
                low=0,
                high=1,
                nan=True,
            ),
            "min_friction": Column(
                "f4",
                (),
                "",
                "smallest sliding friction that held in simulation; NaN where none did or none was searched",
                nan=True,
            ),
            "outcome_in_scene": Column("u1", doc="outcome of its trial in the scene; 255 = not tried", enum=Outcome),
            "edge_cases": Column(
                "u4",
                doc="bit i: the grasp is the i-th of the recipe's `quotas.cases`, sorted by name, by its definition",
                modality="edge_cases",
            ),
        },
    ),
    "grasp_views": Table(
        "a grasp in a view: one row for each grasp and each view of a scene",
        {
            "grasp": Column("i8", doc="key of the grasp", low=0),
            "view": Column("i8", doc="key of the view", low=0),
            "seen": Column(
                "u1",
                doc="how the view sees the two `contacts`; no bit where they are not known",
                enum=Seen,
                flags=True,
            ),
            "tool_pixel": Column(
                "f4", (2,), "px", "the tool point in the image, which it may leave; NaN behind the camera", nan=True
            ),
            "tool_depth": Column("f4", (), "m", "planar z of the tool point, negative behind the camera"),
        },
    ),
    "trials": Table(
        "a simulated trial of a grasp",
        {
            "grasp": Column("i8", doc="key of the grasp", low=0),
            "kind": Column("u1", doc="where it was made", enum=TrialKind),
            "profile": Column("i8", doc="key of the profile", low=0),
            "draw": Column(
                "i4", doc="0 the nominal trial, else which draw of friction, mass, centre of mass and pose", low=0
            ),
            "outcome": Column("u1", doc="what happened", enum=Outcome),
            "phase": Column("u1", doc="the phase that the trial reached", enum=Phase),
            "time_to_failure": Column(
                "f4",
                (),
                "s",
                "from the start of the disturbances, in the scene of the lift; NaN for a success or an earlier failure",
                low=0,
                nan=True,
            ),
            "failed_direction": Column(
                "i1",
                doc="number of the push that broke it (the profile's directions, then its turns), in the scene of the "
                "shake; −1 for none",
                low=-1,
            ),
            "drift_closing": Column(
                "f4",
                (),
                "m",
                "motion of the centre of mass while closing, gripper frame",
                low=0,
                nan=True,
            ),
            "drift_holding": Column(
                "f4",
                (),
                "m",
                "largest motion of the centre of mass since the close",
                low=0,
                nan=True,
            ),
            "rotation_closing": Column("f4", (), "rad", "rotation while closing", low=0, nan=True),
            "rotation_holding": Column("f4", (), "rad", "largest rotation since the close", low=0, nan=True),
            "grip_force": Column(
                "f4",
                (),
                "N",
                "mean normal force of the two pads after closing; of suction the vacuum's force on the cups that hold, "
                "of multi-finger hands the mean force of the links that press. Without a grip (phase CLOSE) an object "
                "can jam between finger and palm: then it is more than the motor can",
                low=0,
                nan=True,
            ),
            "width": Column("f4", (), "m", "opening after closing", nan=True),
            "peak_acceleration": Column(
                "f4",
                (),
                "m/s²",
                "largest acceleration of the frame that was applied",
                low=0,
                nan=True,
            ),
            "held_acceleration": Column("f4", (), "m/s²", "largest step of the ladder that held", low=0, nan=True),
            "friction": Column("f4", (), "", "sliding friction between pad and object", low=0),
            "mass": Column("f4", (), "kg", "", low=0),
            "com_offset": Column("f4", (3,), "m", "offset of the centre of mass from the object's, object frame"),
            "pose_noise": Column("f4", (6,), "m, rad", "offset of the grasp: x, y, z, rotation vector, grasp frame"),
        },
    ),
    "scene_trials": Table(
        "a trial in the scene; outcome, drift and grip are in its row of `trials`",
        {
            "grasp": Column("i8", doc="key of the grasp", low=0),
            "first_touch": Column(
                "i4", doc="instance id of what the hand touched on its approach; 0 the support, −1 nothing", low=-1
            ),
            "lift_height": Column(
                "f4", (), "m", "largest rise of the target's centre of mass while it was held", nan=True
            ),
            "wrench": Column(
                "f4",
                (6,),
                "N, N m",
                "force and torque of the arm at the end of the hold, without the hand's own weight: grasp frame, about "
                "the tool point",
                nan=True,
            ),
            "tracking_error": Column(
                "f4", (), "m", "largest distance of the hand from its path, from the grasp on", low=0, nan=True
            ),
            "steps": Column("i4", doc="simulated steps", low=0),
        },
    ),
    "displacements": Table(
        "how far a trial in the scene has moved another object, from where it lay to the end of the trial",
        {
            "grasp": Column("i8", doc="key of the grasp that was tried", low=0),
            "object": Column("i8", doc="key of the other object", low=0),
            "displacement": Column("f4", (), "m", "of the centre of mass", low=0, nan=True),
            "rotation": Column("f4", (), "rad", "", low=0, high=np.pi, nan=True),
        },
    ),
    "frames": Table(
        "a moment of a trial in the scene that was recorded (`views.sequence`); those of a trial follow each other",
        {
            "id": Column("i8", doc="key of the frame", low=0),
            "scene": _SCENE,
            "grasp": Column("i8", doc="key of the grasp whose trial it is", low=0),
            "time": Column("f8", (), "s", "since the approach began", low=0),
            "phase": Column("u1", doc="what the hand is doing", enum=Phase),
            "T_world_tool": Column("f8", _POSE, "m", "pose of the grasp frame, which moves with the hand"),
            "opening": Column("f8", (), "m", "of the fingers"),
            "velocity": Column("f8", (3,), "m/s", "of the tool point, world frame"),
            "angular_velocity": Column("f8", (3,), "rad/s", "of the hand, world frame"),
        },
    ),
    "frame_objects": Table(
        "an object in a frame: one row for each object of the scene",
        {
            "frame": Column("i8", doc="key of the frame", low=0),
            "object": Column("i8", doc="key of the object", low=0),
            "T_world_object": Column("f8", _POSE, "m", "pose of the asset's frame"),
            "velocity": Column("f8", (3,), "m/s", "of the centre of mass, world frame"),
            "angular_velocity": Column("f8", (3,), "rad/s", "world frame"),
        },
    ),
    "frame_contacts": Table(
        "a contact point in a frame",
        {
            "frame": Column("i8", doc="key of the frame", low=0),
            "first": Column(
                "i8",
                doc="key of an object; −1 the support, −2 the hand, −3 its first finger, −4 its second, and so on",
                low=-2 - MAX_FINGERS,
            ),
            "second": Column("i8", doc="what it touches, likewise", low=-2 - MAX_FINGERS),
            "position": Column("f8", (3,), "m", "world frame"),
            "normal": Column("f8", (3,), "", "unit normal from the first to the second, world frame"),
            "force": Column("f8", (), "N", "along the normal", low=0),
        },
    ),
    "frame_views": Table(
        "an image of a frame",
        {
            "frame": Column("i8", doc="key of the frame", low=0),
            "view": Column("i8", doc="key of the view whose camera and looks it has", low=0),
            "camera": Column("str", doc="name of the camera"),
            "K": Column("f8", (3, 3), "px", "as `views.K`"),
            "distortion": Column("f8", (5,), "", "as `views.distortion`"),
            "T_world_camera": Column("f8", _POSE, "m", "as `views.T_world_camera`"),
            "rgb": Column("u1", ("H", "W", 3), "", "colour, sRGB"),
            "depth": Column("u2", ("H", "W"), "0.1 mm", "planar z = value × attribute `depth_scale` metres; 0 = none"),
            "instances": Column("u1", ("H", "W"), "", f"as `views.instances`; {HAND_INSTANCE} is the hand"),
        },
    ),
    "episodes": Table(
        "an episode that the scripted expert played in the scene (`demos`)",
        {
            "id": Column("i8", doc="key of the episode", low=0),
            "scene": _SCENE,
            "task": Column("str", doc="id of the environment"),
            "description": Column("str", doc="the task in words"),
            "action_mode": Column("str", doc="what the numbers of an action mean (`docs/environments.md`)"),
            "target": Column("i8", doc="key of the object that it was to lift; −1 for any", low=-1),
            "T_world_tool": Column("f8", _POSE, "m", "pose of the tool point at which the hand starts"),
            "opening": Column("f8", (), "m", "of the fingers, at which it starts", low=0),
            "grasp": Column(
                "i8", doc="key of the grasp that it followed last; −1 for none, or one that is no label", low=-1
            ),
            "attempts": Column("i4", doc="grasps that it followed, one after the other", low=0),
            "length": Column("i4", doc="actions: one less than it has rows of `steps`", low=0),
            "success": Column("bool", doc="whether the task was done"),
            "outcome": Column("u1", doc="outcome of its last attempt that is over; 255 = none is", enum=Outcome),
            "total_reward": Column("f8", (), "", "sum of the rewards"),
        },
    ),
    "steps": Table(
        "a moment of an episode, the action that was done then, and what came of it; the last of an episode is its end",
        {
            "id": Column("i8", doc="key of the step", low=0),
            "episode": Column("i8", doc="key of the episode", low=0),
            "time": Column("f8", (), "s", "simulated, since the episode began", low=0),
            "T_world_tool": Column("f8", _POSE, "m", "pose of the tool point"),
            "agent_pos": Column("f4", (17,), "m, m/s, rad/s", "what is observed of the hand (`docs/environments.md`)"),
            "held": Column("bool", doc="whether the target is held; the first number of `environment_state`"),
            "rise": Column("f4", (), "m", "of the target since the close; the second number of `environment_state`"),
            "action": Column(
                "f4",
                (7,),
                "",
                "the numbers of the action, in −1…1, those that the mode has not and those of an episode's end being "
                "NaN",
                low=-1,
                high=1,
                nan=True,
            ),
            "reward": Column("f8", (), "", "of the action; NaN at an episode's end", nan=True),
            "terminated": Column("bool", doc="whether the episode was over after the action"),
            "truncated": Column("bool", doc="whether it was cut short after it"),
            "success": Column("bool", doc="whether the task was done after it"),
        },
    ),
    "step_objects": Table(
        "an object in a step: one row for each object of the scene",
        {
            "step": Column("i8", doc="key of the step", low=0),
            "object": Column("i8", doc="key of the object", low=0),
            "T_world_object": Column("f8", _POSE, "m", "pose of the asset's frame"),
            "state": Column("f4", (17,), "m, m/s", "its numbers of `environment_state` (`docs/environments.md`)"),
        },
    ),
    "step_views": Table(
        "an image of a step",
        {
            "step": Column("i8", doc="key of the step", low=0),
            "view": Column("i8", doc="key of the view whose camera and looks it has", low=0),
            "camera": Column("str", doc="name of the camera"),
            "K": Column("f8", (3, 3), "px", "as `views.K`"),
            "T_world_camera": Column(
                "f8", _POSE, "m", "as `views.T_world_camera_nominal`; of a camera on the hand, then"
            ),
            "rgb": Column("u1", ("H", "W", 3), "", "colour, sRGB"),
            "depth": Column(
                "u2",
                ("H", "W"),
                "0.1 mm",
                "planar z = value × attribute `depth_scale` metres, as the sensor reports it where there is one; "
                "0 = none",
            ),
            "instances": Column("u1", ("H", "W"), "", f"as `views.instances`; {HAND_INSTANCE} is the hand"),
        },
    ),
}


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


def view_key(scene: int, number: int) -> int:
    """Return the key of view `number` of a scene."""
    return (scene << 16) | number


def object_key(scene: int, instance_id: int) -> int:
    """Return the key of the object with `instance_id` in a scene."""
    return (scene << 16) | instance_id


def grasp_key(scene: int, number: int) -> int:
    """Return the key of grasp `number` of a scene."""
    return (scene << 32) | number


def frame_key(scene: int, number: int) -> int:
    """Return the key of frame `number` of a scene."""
    return (scene << 32) | number


def episode_key(scene: int, number: int) -> int:
    """Return the key of episode `number` of a scene."""
    return (scene << 32) | number


def step_key(scene: int, number: int) -> int:
    """Return the key of step `number` of a scene."""
    return (scene << 32) | number
