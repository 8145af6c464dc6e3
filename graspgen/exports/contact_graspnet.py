"""Contact-GraspNet's training data: contacts of single objects and of scenes (Sundermeyer et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from graspgen.dataset.reader import Dataset
from graspgen.dataset.scene_grasps import good_grasps, held
from graspgen.errors import DatasetError
from graspgen.exports.folder import ExportFolder
from graspgen.exports.grasp_frames import to_hand
from graspgen.exports.grasped import GraspedObject, Hand, find_hand, grasped_objects
from graspgen.exports.mesh_text import export_mesh, obj_text
from graspgen.exports.npz import write_npz
from graspgen.exports.readme import write_readme
from graspgen.exports.registry import Format, Options
from graspgen.frames import Array, pose, transform_points

FRAMES = (
    "Grasps are the gripper's base, z approach, x closing direction; metres. `mesh_contacts` are in the frame of the "
    "object, scaled and centred at the mean of its vertices; `scene_contacts` in the world, z up, the table at 0.",
    "`meshes/*.obj` are unscaled and already centred at the mean of their vertices, where Contact-GraspNet puts the "
    "origin when it loads a mesh; `obj_transforms` are of that frame.",
    "Contacts are where the closing line through the tool point meets the object first, from both sides. The network "
    "puts the hand over their middle: a shift along the closing direction where the object is off the middle.",
    "`successful` is whether the grasp held in its free trial. `scene_contacts` holds those that work in the scene: "
    "by their trial there, or, where they had none, if the open hand touches neither table nor neighbours on its way.",
    "`contact_offsets` are from the pads of the fully open hand.",
)


class ContactOptions(Options):
    """Options of `contact_graspnet`."""

    gripper: str | None = Field(None)
    """Whose grasps, where the dataset has several grippers."""
    test_every: int = Field(10, ge=2)
    """Every so manieth object is in the split `test`."""


@dataclass(frozen=True, eq=False)
class _Item:
    """An object in its centred frame: path of its mesh, the centre (m, unscaled), its grasps with two contacts."""

    item: GraspedObject
    mesh: str
    centre: Array
    rows: NDArray[np.int64]
    contacts: Array
    normals: Array


def export(dataset: Dataset, folder: ExportFolder, options: ContactOptions) -> None:
    """Write `meshes/`, `mesh_contacts/`, `scene_contacts/` and `splits/`.

    Raises:
        DatasetError: there are no grasps of two jaws, or a mesh is missing.
    """
    hand = find_hand(dataset, options.gripper)
    meshes: dict[int, tuple[str, Array]] = {}
    items: list[_Item] = []
    dropped = 0
    for item in grasped_objects(dataset, hand):
        if item.asset not in meshes:
            vertices, faces = export_mesh(dataset, item.asset)
            centre = vertices.mean(axis=0)
            path = f"meshes/{item.class_name}/{item.name}.obj"
            folder.write_text(path, obj_text(vertices - centre, faces))
            meshes[item.asset] = path, centre
        made = _with_contacts(dataset, item, *meshes[item.asset])
        dropped += len(item.rows) - len(made.rows)
        write_npz(folder.file(f"mesh_contacts/{item.file_name}.npz"), _mesh_contacts(dataset, made, hand))
        items.append(made)
    for number, scene in enumerate(dataset.scenes["index"].tolist()):
        mine = [made for made in items if made.item.scene == scene]
        write_npz(folder.file(f"scene_contacts/{number:06d}.npz"), _scene_contacts(dataset, mine, hand))
    splits: dict[str, dict[str, list[str]]] = {}
    for number, made in enumerate(items):
        split = splits.setdefault(made.item.class_name, {"train": [], "test": []})
        split["test" if number % options.test_every == 0 else "train"].append(f"{made.item.file_name}.h5")
    for name, split in splits.items():
        folder.write_json(f"splits/{name}.json", split)
    lost = [
        f"{dropped} grasps whose closing line through the tool point does not meet the object from both sides.",
        "Failures in `scene_contacts`, as in the original; `mesh_contacts` has them with `successful` 0.",
        "Openings, images (Contact-GraspNet renders its own), why a grasp failed.",
        "`grasps/*.h5`, which the splits name: `graspgen export acronym` writes those, with meshes not centred.",
    ]
    write_readme(folder, dataset, "Contacts in the format of Contact-GraspNet", FRAMES, lost, hand)


def _with_contacts(dataset: Dataset, item: GraspedObject, mesh: str, centre: Array) -> _Item:
    try:
        from graspgen.grasps.candidates import closing_contacts
        from graspgen.raycast import RayCaster
    except ImportError as error:
        raise DatasetError(f"contact_graspnet casts rays: {error}; install the whole package") from error
    vertices, faces = dataset.mesh(int(dataset.assets["id"][item.asset]))
    T = dataset.grasps["T_object_grasp"][item.rows]
    caster = RayCaster(vertices * item.scale, faces)
    points, normals, _ = closing_contacts(caster, T, dataset.grasps["width"][item.rows])
    met = np.isfinite(points).all(axis=(1, 2))
    return _Item(item, mesh, centre, item.rows[met], points[met], normals[met])


def _mesh_contacts(dataset: Dataset, made: _Item, hand: Hand) -> dict[str, NDArray[Any]]:
    T = dataset.grasps["T_object_grasp"][made.rows]
    centred = pose(translation=-made.centre * made.item.scale)
    inward = np.stack([-T[:, :3, 1], T[:, :3, 1]], axis=1)
    along = np.einsum("nkj,nkj->nk", made.contacts - T[:, None, :3, 3], -inward)
    return {
        "collisions": np.zeros(len(T), np.int64),
        "valid_locations": np.ones(len(T), np.int64),
        "successful": held(dataset, made.rows).astype(np.int64),
        "grasp_transform": centred @ to_hand(T, hand.T_base_tool(dataset.grasps["grip_width"][made.rows])),
        "contact_points": transform_points(centred, made.contacts),
        "contact_directions": inward,
        "contact_face_normals": made.normals,
        "contact_offsets": hand.stroke / 2 - along,
    }


def _scene_contacts(dataset: Dataset, items: list[_Item], hand: Hand) -> dict[str, NDArray[Any]]:
    grasps, contacts, ends, transforms = [np.zeros((0, 4, 4))], [np.zeros((0, 2, 3))], [], [np.zeros((0, 4, 4))]
    total = 0
    for made in items:
        T_world_object = dataset.objects["T_world_object"][dataset.objects.index_of(made.item.key)]
        works = good_grasps(dataset, made.rows) & held(dataset, made.rows)
        T, grip = (dataset.grasps[name][made.rows[works]] for name in ("T_object_grasp", "grip_width"))
        grasps.append(T_world_object @ to_hand(T, hand.T_base_tool(grip)))
        contacts.append(transform_points(T_world_object, made.contacts[works]))
        transforms.append((T_world_object @ pose(translation=made.centre * made.item.scale))[None])
        total += int(works.sum())
        ends.append(total)
    return {
        "obj_paths": np.array([made.mesh for made in items], np.str_),
        "obj_transforms": np.concatenate(transforms),
        "obj_scales": np.array([made.item.scale for made in items], float),
        "grasp_transforms": np.concatenate(grasps),
        "scene_contact_points": np.concatenate(contacts),
        "obj_grasp_idcs": np.array(ends, np.int64),
    }


FORMAT = Format(
    "contact_graspnet",
    "contacts of objects and scenes as npz, meshes as OBJ; for Contact-GraspNet",
    ContactOptions,
    export,
)
