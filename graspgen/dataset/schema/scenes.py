"""Tables of scenes: what was settled, and of what."""

from __future__ import annotations

from graspgen.dataset.schema.codes import Role
from graspgen.dataset.schema.column import POSE, SCENE, Column, Table
from graspgen.grasps.outcomes import HAND_INSTANCE

SCENES: dict[str, Table] = {
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
            "scene": SCENE,
            "asset": Column("i8", doc="key of the asset (`assets.id`)", low=0),
            "instance_id": Column(
                "u2", doc="id in the masks of the scene's views, from 1", low=1, high=HAND_INSTANCE - 1
            ),
            "T_world_object": Column("f8", POSE, "m", "pose of the asset's frame at rest"),
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
}
