"""What the test of all knobs has to know of single keys: what makes them felt, and which of them it leaves out.

A key that is not named here is tried between the ends of its own default, or of what it allows. So a new key is tested
by itself; it needs an entry only where it is felt under some condition alone.
"""

from __future__ import annotations

from typing import Any

Values = dict[str, Any]

#: Every scene is made with these: small, quick, and the same but for the knob.
BASE: Values = {
    "views.per_scene": 1, "views.width": 160, "views.height": 120, "views.radius": 0.55, "views.elevation_deg": 40,
    "scene.objects.count": 3, "grasps.per_object": 0, "grasps.draws": 0, "grasps.min_friction": False,
    "objects.families": {"choice": ["mug", "box", "bottle"]}, "render.lights.count": 2, "render.table.material": "none",
}  # fmt: skip

_FILAMENT = {"render.engine": "filament"}
_ROOM = {"render.background.kind": "room", "views.elevation_deg": 10, "views.radius": 0.8}
_GRASPS = {"grasps.per_object": 3, "scene.objects.count": 1}
_FLYING = {"scene.distractors.flying.count": 5}
_CONTEXT_OBJECTS = {"scene.distractors.contextual.count": 2}

#: What a key, or all keys below one, need to be felt; the longest match of a key's beginning counts, and those of its
#: parts before are added.
CONDITIONS: dict[str, Values] = {
    "render.grade.moving": {"render.grade.motion": 6},
    "render.grade.motion": {"render.grade.moving": 1},
    "render.grade.compressed": {"render.grade.jpeg_quality": 60},
    "render.grade.jpeg_quality": {"render.grade.compressed": 1},
    "render.lights.lit": {"render.lights.count": 3},
    "render.lights.tint": {"render.lights.tinted": 1},
    "render.environment": _FILAMENT,
    "render.walls": _ROOM,
    "render.floor": {"views.elevation_deg": 10, "views.radius": 0.8},
    "render.background": {"views.elevation_deg": 10, "views.radius": 0.8},
    "render.background.wall_distance": _ROOM,
    "render.objects.per": {"views.per_scene": 2},
    "views.same_looks": {"views.per_scene": 2},
    "views.sequence": {
        "objects.families": "box", "grasps.per_object": 8, "grasps.in_scene.per_object": 4,
        "views.sequence.per_scene": 1,
    },
    "views.sequence.choose": {
        "grasps.per_object": 16, "grasps.in_scene.per_object": 16, "views.sequence.per_scene": 4,
    },
    "views.in_view": {"views.target_jitter": {"uniform": [-0.5, 0.5]}},
    "views.in_sight": {
        "views.in_view": "all", "views.elevation_deg": 10, "scene.objects.count": 6, "scene.objects.spread": 0.05,
    },
    "views.redraws": {"views.target_jitter": {"uniform": [-0.5, 0.5]}, "views.in_view": "all"},
    "views.min_distance": {"views.radius": {"uniform": [0.15, 0.6]}},
    "scene.bin": {"scene.arena": "bin"},
    "scene.tray": {"scene.arena": "tray"},
    "scene.shelf": {"scene.arena": "shelf", "scene.objects.count": 2},
    "scene.conveyor": {"scene.arena": "conveyor"},
    "scene.fixture_colour": {"scene.arena": "bin"}, "render.fixtures": {"scene.arena": "bin"},
    "objects.fits_hand": {"objects.scale": 3},
    "objects.featured_count": {"objects.featured": ["mug"]},
    "scene.pile": {"scene.arrangement": "pile"},
    "scene.packed": {"scene.arrangement": "packed", "scene.objects.count": 6},
    "scene.packed.tries": {"scene.arena": "bin", "scene.bin.size": [0.25, 0.2], "scene.objects.count": 8},
    "scene.packed.leave_out": {"scene.arena": "bin", "scene.bin.size": [0.2, 0.2], "scene.objects.count": 12},
    "scene.stack": {"scene.arrangement": "stack", "objects.families": "box"},
    "scene.stack.standing": {
        "scene.stack.offset": 0.5, "scene.stack.height": 2, "scene.objects.count": 4, "scene.settle.attempts": 1,
        "objects.families": "hammer",
    },
    "scene.settle.fallen": {"scene.objects.spread": 0.6, "scene.objects.count": 6},
    "scene.settle.max_removed": {"scene.objects.spread": 0.7, "scene.objects.count": 6, "scene.settle.attempts": 2},
    "scene.settle.attempts": {"scene.settle.time_limit": 0.5, "scene.objects.count": 4},
    "scene.settle.max_speed": {"scene.settle.attempts": 1},
    "scene.settle.max_penetration": {"scene.settle.attempts": 1},
    "scene.settle.time_limit": {"scene.settle.attempts": 1},
    "scene.distractors.contextual": _CONTEXT_OBJECTS,
    "scene.distractors.flying": _FLYING,
    "scene.distractors.flying.max_hidden": {
        "scene.distractors.flying.count": 20, "scene.distractors.flying.size": 0.2,
        "scene.distractors.flying.depth": 0.5,
    },
    "objects.friction": _GRASPS,
    "grasps": _GRASPS,
    "grasps.clear_share": {"grasps.per_object": 6},
    "grasps.in_scene": {
        "grasps.per_object": 12, "objects.families": "box", "grasps.in_scene.per_object": 3, "scene.objects.count": 2,
    },
    "grasps.draws": {"grasps.per_object": 16, "objects.families": "box"},
    "grasps.hard_negatives": {"grasps.per_object": 16, "objects.families": "box"},
    "grasps.approach": {"grasps.per_object": 8, "scene.objects.count": 4, "scene.objects.spread": 0.06},
    "views.sensor": {"views.sensor.profile": "realsense_d435"},
    "views.sensor.specular": {"objects.families": "wrench"}, "views.sensor.transparent": {"objects.families": "glass"},
    "views.sensor.axial_noise": {"views.sensor.profile": "azure_kinect"},
    "views.ignore_below": {"scene.objects.count": 6, "scene.objects.spread": 0.05, "views.elevation_deg": 15},
}  # fmt: skip

#: Keys of a surface that need more: whatever surface it is.
SURFACE_CONDITIONS: dict[str, Values] = {
    "scale": {"texture": "checker"}, "second.hue": {"texture": "checker"}, "second.saturation": {"texture": "checker"},
    "second.value": {"texture": "checker"}, "metallic": _FILAMENT, "roughness": _FILAMENT,
    "normal": {**_FILAMENT, "texture": "checker"}, "shininess": {"specular": 1.0},
}  # fmt: skip

#: What a key is tried between, where the ends of its default or its bounds do not do.
PAIRS: dict[str, tuple[Any, Any]] = {
    "views.per_scene": (1, 2), "views.width": (96, 160), "views.height": (96, 120), "views.fovy_deg": (30, 60),
    "views.K": (None, [[200, 0, 70], [0, 200, 50], [0, 0, 1]]), "views.cx_offset": (-10, 10),
    "views.sequence.per_scene": (0, 1), "views.sequence.fps": (5, 20), "views.sequence.cameras": ([], [0]),
    "views.cy_offset": (-10, 10), "views.cx_share": (-0.06, 0.06), "views.cy_share": (-0.06, 0.06),
    "views.target_jitter_z": (-0.05, 0.05), "scene.tilt_deg": (0, 2),
    "render.fixtures": (None, {"texture": "checker"}), "views.radius": (0.4, 0.8), "views.elevation_deg": (20, 80),
    "views.near": (0.02, 0.5), "objects.featured": (["mug"], ["bottle"]), "objects.featured_count": (1, 3),
    "views.far": (0.4, 6.5), "views.min_distance": (0, 0.4), "views.in_view": ("off", "all"), "views.redraws": (0, 200),
    "views.ignore_below": (0, 1), "views.modalities": ([], ["normals"]), "views.distortion.k1": (-0.2, 0.2),
    "views.distortion.k2": (-0.2, 0.2), "views.distortion.k3": (-0.2, 0.2), "views.distortion.p1": (-0.02, 0.02),
    "views.distortion.p2": (-0.02, 0.02), "views.cameras": ([], [{"kind": "top_down", "name": "top"}]),
    "views.sensor.profile": ("ideal", "realsense_d435"), "views.sensor.disparity_noise": (0, 0.5),
    "views.sensor.lateral_shift": (0, 1), "views.sensor.axial_noise": (0, 3), "views.sensor.scale_bias": (0.99, 1.01),
    "views.sensor.dropout": (0, 0.1), "views.sensor.grazing_deg": (40, 90), "views.sensor.dark": (0, 100),
    "views.sensor.shadow": (False, True),
    "scene.arena": ("table", "bin"), "scene.gravity": (5, 15), "scene.objects.count": (1, 4),
    "scene.objects.spread": (0.05, 0.25), "scene.objects.drop_height": (0.0, 0.2),
    "scene.table.size": ([0.6, 0.6, 0.04], [1.2, 0.9, 0.08]), "scene.table.friction": (0.1, 1.5),
    "scene.bin.size": ([0.3, 0.25], [0.5, 0.4]), "scene.bin.wall": (0.002, 0.02), "scene.bin.friction": (0.1, 1.5),
    "scene.tray.size": ([0.35, 0.3], [0.6, 0.5]), "scene.tray.wall": (0.004, 0.02),
    "scene.tray.pulled_out": (None, 0.3),
    "scene.tray.friction": (0.1, 1.5), "scene.shelf.size": ([0.25, 0.6], [0.4, 1.0]), "scene.shelf.board": (0.01, 0.04),
    "scene.shelf.friction": (0.1, 1.5), "scene.conveyor.size": ([1.0, 0.4], [2.0, 0.6]),
    "scene.conveyor.rail": (0, 0.1),
    "scene.conveyor.friction": (0.3, 1.5), "scene.pile.box": ([0.22, 0.22, 0.2], [0.3, 0.3, 0.3]),
    "scene.pile.wait": (0.2, 2.0), "scene.packed.tries": (1, 20), "scene.packed.gap": (0.001, 0.03),
    "scene.stack.gap": (0.0006, 0.01), "scene.stack.standing": (0, 1), "scene.stack.height": (2, 3),
    "scene.settle.max_speed": (1e-6, 0.01), "scene.settle.max_angular_speed": (0.005, 1.0),
    "scene.settle.rest_time": (0.1, 0.6), "scene.settle.time_limit": (0.3, 8),
    "scene.settle.max_penetration": (1e-7, 1e-3),
    "scene.settle.fallen": (0.05, 2.0), "scene.settle.max_removed": (0, 1), "scene.settle.attempts": (1, 10),
    "scene.distractors.contextual.count": (0, 3), "scene.distractors.flying.count": (0, 6),
    "scene.distractors.flying.size": (0.02, 0.15), "scene.distractors.flying.depth": (0.3, 0.9),
    "scene.distractors.flying.max_hidden": (0, None), "objects.families": ("mug", "box"), "objects.pool": (1, 1000),
    "objects.split": (None, "test"), "objects.classes": (["mug"], ["box"]), "objects.scale": (0.7, 1.4),
    "objects.density": (200, 3000), "objects.friction": (0.1, 1.2), "objects.com_offset": (-0.1, 0.1),
    "objects.inertia_scale": (0.5, 1.0), "render.shadow_size": (64, 1024), "render.lights.temperature": (2500, 10000),
    "render.lights.kind": ("directional", "point"), "render.lights.count": (1, 4), "render.lights.aim": (-0.2, 0.2),
    "render.lights.tint": (1.0, {"uniform": [0.2, 1.0]}), "render.background.kind": ("plane", "room"),
    "render.background.wall_distance": (1.6, 4.0), "render.environment.kind": ("sky", "room"),
    "render.environment.strength": (0, 2), "render.grade.exposure": (-1, 1), "render.grade.contrast": (0.7, 1.3),
    "render.grade.gamma": (0.7, 1.4), "render.grade.saturation": (0, 1.5),
    "render.grade.blur": (0, 2), "render.grade.noise": (0, 8), "render.grade.moving": (0, 1),
    "grasps.per_object": (1, 3),
    "grasps.in_scene.per_object": (0, 3), "grasps.in_scene.share": (0, 1),
    "grasps.profile": ("standard", "strict"), "grasps.draws": (0, 2), "grasps.hard_negatives": (0, 2),
    "grasps.force": (2, 40), "grasps.cone_deg": (1, 60), "grasps.clearance": (0.0, 0.02), "grasps.approach": (0.0, 0.3),
    "grasps.approach_axis": ([0, 0, -1], [0, 0, 1]), "grasps.approach_cone_deg": (5, 180), "grasps.clear_share": (0, 1),
}  # fmt: skip

#: What keys of a surface are tried between.
SURFACE_PAIRS: dict[str, tuple[Any, Any]] = {
    "material": ("none", "walnut"), "texture": ("flat", "checker"), "scale": (0.03, 0.2), "specular": (0, 1),
    "normal": (0, 1), "roughness": (0.05, 1),
}  # fmt: skip

#: Keys that are not tried, and why.
LEFT_OUT: dict[str, str] = {
    "task": "a name, stored with every scene",
    "description": "for people",
    "gripper": "changes grasps alone",
    "objects.library": "needs a library of objects; changes the objects themselves",
    "objects.faces": "makes fine meshes of a library coarser; needs a library",
    "objects.parameters": "a table of distributions: every parameter of every family is tested with the families",
    "objects.refused": "needs a library of objects",
    "render.preset": "stands for other keys",
    "render.mix": "stands for other keys, view by view; `views.preset` says which",
    "render.mixed": "filled in from `render.mix`",
    "scene.distractors.mixed": "filled in from `render.mix`",
    "storage": "how images lie in files, not what they show (tests/dataset/test_codecs.py)",
    "render.fallback": "is felt where Vulkan is missing alone",
    "render.images": "needs a folder of images",
    "render.background.images": "needs a folder of images",
    "render.objects.replace": "is felt by objects of a library that bring a texture alone",
    "scene.cell": "needs a user's MJCF",
    "views.sensor.custom": "the content of a user's file",
    "scene.distractors.contextual.objects": "a section like `objects`",
    "grasps.database": "needs a grasp database",
    "quotas": "steer a run, not a scene",
    "focus": "filled in by `graspgen generate --focus`; steers a run, not a scene",
}
