"""DOPE and NDDS: an image and a JSON of projected boxes and poses for each view.

Read by the training loader of github.com/NVlabs/Deep_Object_Pose; fields as in its documentation, the order of a box's
corners that of 2024. DOPE's network and its solver know an object as a box about its own origin, so the object frame of
these files has the axes of the asset's mesh and its origin in the middle of its box; `fixed_model_transform` in
`_object_settings.json` takes the mesh there, and `graspgen.T_camera_object` of each object is the pose of the mesh
itself. Camera frame: OpenCV. Lengths: metres, as DOPE documents, or centimetres, as NDDS, FAT and DOPE's samples have.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from graspgen.dataset.reader import Dataset
from graspgen.dataset.schema import Role
from graspgen.exports.folder import ExportFolder
from graspgen.exports.pictures import png
from graspgen.exports.readme import write_readme
from graspgen.exports.registry import Format, Options
from graspgen.exports.shots import Lens, Meshes, Seen, Shot, check_lenses, check_views, labels_lost, objects_of, take
from graspgen.frames import Array, matrix_to_quat, pose, project, transform_points
from graspgen.objects.asset import Mesh

#: Corners 0 … 7 of a box as signs of x, y, z, then its centre: `common/cuboid.py` of DOPE since June 2024.
CUBOID: Array = np.array(
    [
        [1, -1, 1], [-1, -1, 1], [-1, 1, 1], [1, 1, 1],
        [1, -1, -1], [-1, -1, -1], [-1, 1, -1], [1, 1, -1], [0, 0, 0],
    ],
    float,
)  # fmt: skip
_UNITS = {"m": 1.0, "cm": 100.0}
_CENTIMETRES = 100.0


class DopeOptions(Options):
    """What can be chosen."""

    units: Literal["m", "cm"] = "m"
    """Of all lengths in the JSON of a view; `cm` for readers of NDDS and FAT. `_object_settings.json` is always cm."""
    classes: Literal["class", "asset"] = "class"
    """What `class` of an object says: `assets.class_name`, or the asset's name."""
    lens: Lens = "refuse"
    """Views with distortion: refuse them, or straighten them into pinhole pictures."""


def _export(dataset: Dataset, folder: ExportFolder, options: DopeOptions) -> None:
    check_views(dataset, "DOPE")
    check_lenses(dataset, options.lens, "DOPE")
    meshes = Meshes(dataset)
    settings: dict[tuple[int, tuple[float, ...]], dict[str, Any]] = {}
    for view in range(len(dataset.views)):
        folder.progress("views", view, len(dataset.views))
        shot = take(dataset, view)
        objects = []
        for thing in objects_of(dataset, shot, meshes):
            row = thing.row
            mesh = meshes.get(int(row["asset"]), row["scale"])
            key = (int(row["asset"]), tuple(row["scale"].tolist()))
            if key not in settings:
                settings[key] = _object_settings(dataset, thing, mesh, options)
            described = _object(dataset, shot, thing, mesh, options)
            if described is not None:
                objects.append(described)
        name = f"{view:06d}"
        folder.write_bytes(f"{name}.png", png(shot.rgb))
        folder.write_json(
            f"{name}.json", {"camera_data": _camera(dataset, shot, options), "objects": objects}, indent=1
        )
        if view == 0:
            folder.write_json("_camera_settings.json", _camera_settings(shot), indent=1)
    things = [settings[key] for key in sorted(settings)]
    content = {"exported_object_classes": sorted({t["class"] for t in things}), "exported_objects": things}
    folder.write_json("_object_settings.json", content, indent=1)
    _write_readme(dataset, folder, options)


def _class(row: dict[str, Any], options: DopeOptions) -> str:
    return str(row["class_name" if options.classes == "class" else "name"])


def _middle(mesh: Mesh) -> tuple[Array, Array]:
    """Return the pose of the box in the asset's frame and the (3,) sides of the box, m."""
    low, high = mesh.bounds
    return pose(translation=(low + high) / 2), high - low


def _object(dataset: Dataset, shot: Shot, thing: Seen, mesh: Mesh, options: DopeOptions) -> dict[str, Any] | None:
    """Return what the file says about an object; None for one that reaches behind the camera."""
    unit = _UNITS[options.units]
    row = thing.row
    T_object_box, sides = _middle(mesh)
    T_camera_box = row["T_camera_object"] @ T_object_box
    T_world_box = dataset.views["T_world_camera"][shot.view] @ T_camera_box
    corners = CUBOID * sides / 2
    pixels = project(shot.K, transform_points(T_camera_box, corners))
    if not np.isfinite(pixels).all():
        return None
    x, y, w, h = thing.visible.bbox
    return {
        "class": _class(row, options),
        "name": f"{row['name']}_{int(row['instance_id']):03d}",
        "provenance": "graspgen",
        "visibility": thing.visibility,
        "location": (T_camera_box[:3, 3] * unit).tolist(),
        "quaternion_xyzw": _xyzw(T_camera_box),
        "location_worldframe": (T_world_box[:3, 3] * unit).tolist(),
        "quaternion_xyzw_worldframe": _xyzw(T_world_box),
        "local_to_world_matrix": _row_vectors(T_world_box, unit),
        "projected_cuboid": pixels.tolist(),
        "projected_cuboid_centroid": pixels[8].tolist(),
        "local_cuboid": (corners * unit).tolist(),
        "bounding_box_minx_maxx_miny_maxy": [x, x + w - 1, y, y + h - 1] if w > 0 else [-1, -1, -1, -1],
        "px_count_visib": thing.visible.pixels,
        "px_count_all": thing.whole.pixels,
        "segmentation_id": int(row["instance_id"]),
        "graspgen": {
            "asset": row["name"],
            "role": Role(int(row["role"])).name.lower(),
            "T_camera_object": row["T_camera_object"].tolist(),
            "scale": row["scale"].tolist(),
        },
    }


def _xyzw(T: Array) -> list[float]:
    w, x, y, z = matrix_to_quat(T[:3, :3]).tolist()
    return [x, y, z, w]


def _row_vectors(T: Array, unit: float) -> list[list[float]]:
    """Return a pose as NDDS stores it: transposed, the translation in the last row."""
    scaled = pose(T[:3, :3], T[:3, 3] * unit)
    return scaled.T.tolist()


def _intrinsics(shot: Shot) -> dict[str, float]:
    return {"fx": shot.K[0, 0], "fy": shot.K[1, 1], "cx": shot.K[0, 2], "cy": shot.K[1, 2]}


def _camera(dataset: Dataset, shot: Shot, options: DopeOptions) -> dict[str, Any]:
    unit = _UNITS[options.units]
    T = dataset.views["T_world_camera"][shot.view]
    width, height = shot.size
    eye = T[:3, 3]
    return {
        "width": width,
        "height": height,
        "intrinsics": _intrinsics(shot),
        "location_worldframe": (eye * unit).tolist(),
        "quaternion_xyzw_worldframe": _xyzw(T),
        "camera_look_at": {
            "at": ((eye + T[:3, 2]) * unit).tolist(),
            "eye": (eye * unit).tolist(),
            "up": (-T[:3, 1]).tolist(),
        },
        "camera_view_matrix": _row_vectors(np.linalg.inv(T), unit),
        "graspgen": {
            "length_unit": options.units,
            "frame": "opencv",
            "pixels": "the centre of pixel (0, 0) is (0.5, 0.5)",
            "cuboid_order": "dope-2024",
            "object_origin": "middle of the box",
            "visibility": "fraction",
            "matrices": "row vectors: the translation is in the last row",
            "scene": shot.scene,
            "view": shot.number,
        },
    }


def _camera_settings(shot: Shot) -> dict[str, Any]:
    width, height = shot.size
    return {
        "camera_settings": [
            {
                "name": "camera",
                "horizontal_fov": float(np.degrees(2 * np.arctan(width / (2 * shot.K[0, 0])))),
                "intrinsic_settings": {"resX": width, "resY": height, **_intrinsics(shot), "s": 0.0},
                "captured_image_size": {"width": width, "height": height},
            }
        ]
    }


def _object_settings(dataset: Dataset, thing: Seen, mesh: Mesh, options: DopeOptions) -> dict[str, Any]:
    """Return the entry of an asset at one scale, cm."""
    T_object_box, sides = _middle(mesh)
    row = thing.row
    return {
        "class": _class(row, options),
        "asset": row["name"],
        "scale": row["scale"].tolist(),
        "segmentation_class_id": int(dataset.assets["class_id"][dataset.assets.index_of(int(row["asset"]))]),
        "segmentation_instance_id": int(row["instance_id"]),
        "fixed_model_transform": _row_vectors(np.linalg.inv(T_object_box), _CENTIMETRES),
        "cuboid_dimensions": (sides * _CENTIMETRES).tolist(),
    }


def _write_readme(dataset: Dataset, folder: ExportFolder, options: DopeOptions) -> None:
    frames = [
        f"Lengths in {options.units}, but for `_object_settings.json`, which is in centimetres as NDDS's is.",
        "Camera frame: OpenCV (x right, y down, z forward); the centre of pixel (0, 0) is (0.5, 0.5).",
        "Object frame: the axes of the asset's mesh, its origin in the middle of the object's box. "
        "`fixed_model_transform` takes the mesh there; `graspgen.T_camera_object` is the pose of the mesh, in metres.",
        "`projected_cuboid`: the order of DOPE since June 2024, then the centre.",
        "`visibility`: share of the whole silhouette that is seen. Matrices are of row vectors, as NDDS's.",
    ]
    lost = [
        *labels_lost(dataset, distractors=True),
        "Depth images, masks and grasps.",
        "Objects that reach behind the camera.",
    ]
    write_readme(folder, dataset, "Projected boxes and poses in DOPE's and NDDS's format", frames, lost)


FORMAT = Format(
    "dope",
    "projected boxes and poses of objects, DOPE's and NDDS's JSON; read by Deep_Object_Pose",
    DopeOptions,
    _export,
)
