"""Tables of trials that were recorded frame by frame."""

from __future__ import annotations

from graspgen.dataset.schema.column import POSE, SCENE, Column, Table
from graspgen.grasps.outcomes import HAND_INSTANCE, Phase

#: Most fingers of a multi-finger hand (`graspgen.grippers.fingers`).
MAX_FINGERS = 8

SEQUENCES: dict[str, Table] = {
    "frames": Table(
        "a moment of a trial in the scene that was recorded (`views.sequence`); those of a trial follow each other",
        {
            "id": Column("i8", doc="key of the frame", low=0),
            "scene": SCENE,
            "grasp": Column("i8", doc="key of the grasp whose trial it is", low=0),
            "time": Column("f8", (), "s", "since the approach began", low=0),
            "phase": Column("u1", doc="what the hand is doing", enum=Phase),
            "T_world_tool": Column("f8", POSE, "m", "pose of the grasp frame, which moves with the hand"),
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
            "T_world_object": Column("f8", POSE, "m", "pose of the asset's frame"),
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
            "T_world_camera": Column("f8", POSE, "m", "as `views.T_world_camera`"),
            "rgb": Column("u1", ("H", "W", 3), "", "colour, sRGB"),
            "depth": Column("u2", ("H", "W"), "0.1 mm", "planar z = value × attribute `depth_scale` metres; 0 = none"),
            "instances": Column("u1", ("H", "W"), "", f"as `views.instances`; {HAND_INSTANCE} is the hand"),
        },
    ),
}
