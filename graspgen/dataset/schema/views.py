"""Tables of views: images, and what is where in them."""

from __future__ import annotations

from graspgen.dataset.schema.codes import Shape
from graspgen.dataset.schema.column import POSE, SCENE, Column, Table
from graspgen.labels.keypoints import KeypointState
from graspgen.sensor_codes import Reason

VIEWS: dict[str, Table] = {
    "views": Table(
        "an image of a scene",
        {
            "id": Column("i8", doc="key of the view", low=0),
            "scene": SCENE,
            "camera": Column("str", doc="name of the camera"),
            "engine": Column("str", doc="renderer of the colour image"),
            "sensor": Column("str", doc="profile of its depth sensor; `ideal` for none"),
            "K": Column("f8", (3, 3), "px", "camera matrix; the centre of pixel (0, 0) is (0.5, 0.5)"),
            "distortion": Column("f8", (5,), "", "OpenCV's k1, k2, p1, p2, k3; zero for none"),
            "T_world_camera": Column("f8", POSE, "m", "true pose of the OpenCV camera"),
            "T_world_camera_nominal": Column("f8", POSE, "m", "pose that a calibration would report"),
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
            "T_camera_object": Column("f8", POSE, "m", "pose of the object in the camera's frame"),
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
            "T_world_flying": Column("f8", POSE, "m", "pose of the box's centre"),
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
}
