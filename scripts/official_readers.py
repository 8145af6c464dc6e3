"""Read exports of grasps with their official readers: `python scripts/official_readers.py DATASET REPOSITORIES`.

REPOSITORIES holds checkouts of NVlabs/acronym, NVlabs/contact_graspnet, NVlabs/GraspGen, ethz-asl/vgn and
dougsm/ggcnn, each in a folder of its name; what is missing is skipped. Needs pandas, open3d, torch, scikit-image and
opencv. Functions of files that import what cannot be installed today are taken out of them by name, unchanged.
"""

from __future__ import annotations

import ast
import glob
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import trimesh.transformations as tra
import yaml

import graspgen
from graspgen.dataset.reader import Dataset
from graspgen.exports.grasp_frames import to_base, to_hand
from graspgen.exports.registry import export


def lifted(path: Path, names: set[str], **known: Any) -> SimpleNamespace:
    """Run only the named functions of a file."""
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in names]
    space = {"np": np, "os": os, "glob": glob, "yaml": yaml, "tra": tra, "Tuple": tuple, **known}
    exec(compile(tree, str(path), "exec"), space)
    return SimpleNamespace(**{name: space[name] for name in names})


def acronym(out: Path, repository: Path, dataset: Dataset) -> None:
    sys.path.insert(0, str(repository))
    from acronym_tools import load_grasps, load_mesh

    error, grasps, extents = 0.0, 0, 0.0
    keys = np.unique(dataset.grasps["object"])
    by_count = {}
    for file in sorted((out / "grasps").iterdir()):
        T, held = load_grasps(str(file))
        mesh = load_mesh(str(file), mesh_root_dir=str(out))
        name = file.stem.split("_")[1]
        by_count[name] = T, held, mesh
    for key in keys:
        row = dataset.objects.index_of(int(key))
        asset = dataset.assets.index_of(int(dataset.objects["asset"][row]))
        name = str(dataset.assets["name"][asset]).replace("_", "-")
        T, held, mesh = by_count.get(name) or by_count[f"{name}-{key}"]
        mine = dataset.grasps_of(int(key))
        error = max(error, np.abs(T - to_hand(mine["T_object_grasp"], dataset.grippers["T_base_tcp"][0])).max())
        assert (held == (mine["outcome"] == 0)).all()
        size = dataset.assets["extents"][asset] * dataset.objects["scale"][row]
        extents = max(extents, np.abs(mesh.extents - size).max())
        grasps += len(T)
    print(
        f"acronym_tools: {grasps} grasps of {len(keys)} objects, poses within {error:.1e}, sizes of meshes within "
        f"{extents:.1e} m"
    )


def isaac_grasp(out: Path, repository: Path, dataset: Dataset) -> None:
    path = repository / "grasp_gen" / "dataset" / "eval_utils.py"
    read = lifted(path, {"load_from_isaac_grasp_format"}).load_from_isaac_grasp_format
    keys, error, grasps = np.unique(dataset.grasps["object"]), 0.0, 0
    mine = [to_base(dataset.grasps_of(int(k))["T_object_grasp"], dataset.grippers["T_base_tcp"][0]) for k in keys]
    for file in sorted((out / "grasps").iterdir()):
        T, confidence = read(str(file))
        assert ((confidence >= 0) & (confidence <= 1)).all()
        error = max(error, min(np.abs(T - m).max() for m in mine if len(m) == len(T)))
        grasps += len(T)
    print(f"GraspGen's load_from_isaac_grasp_format: {grasps} grasps, poses within {error:.1e}")


def contact_graspnet(out: Path, repository: Path, dataset: Dataset) -> None:
    read = lifted(repository / "contact_graspnet" / "data.py", {"load_scene_contacts"}).load_scene_contacts
    scenes = read(str(out), scene_contacts_path="scene_contacts")
    across, along, grasps = 0.0, 0.0, 0
    for scene in scenes:
        first, second = scene["scene_contact_points"][:, 0], scene["scene_contact_points"][:, 1]
        T = scene["grasp_transforms"]
        # The pose that the network's head makes of a contact, a closing direction, an approach and a width.
        base = first + (second - first) / 2 - 0.1034 * T[:, :3, 2]
        gap = np.einsum("nij,ni->nj", T[:, :3, :3], base - T[:, :3, 3])
        along = max(along, np.abs(gap[:, 0]).max(initial=0))
        across = max(across, np.abs(gap[:, 1:]).max(initial=0))
        grasps += len(T)
    print(
        f"Contact-GraspNet's load_scene_contacts: {len(scenes)} scenes, {grasps} grasps; the hand that the network "
        f"would put there lies within {1000 * across:.2g} mm of ours, and {1000 * along:.1f} mm along the closing "
        "direction, where the object is not in the middle of the open hand"
    )


def vgn(out: Path, repository: Path, dataset: Dataset) -> None:
    sys.path.insert(0, str(repository / "src"))
    from vgn import io
    from vgn.perception import create_tsdf

    size, intrinsic, opening, _ = io.read_setup(out / "raw")
    frame, voxels = io.read_df(out / "raw"), io.read_df(out / "dataset")
    assert np.allclose(frame.loc[:, "x":"z"], voxels.loc[:, "i":"k"] * size / 40)
    worst, mean, only, cells = [], [], 0, 0
    for name in frame["scene_id"].unique():
        depth, extrinsics = io.read_sensor_data(out / "raw", name)
        volume = create_tsdf(size, 40, depth, intrinsic, extrinsics)
        theirs, ours = open3d_grid(volume), io.read_voxel_grid(out / "dataset", name)
        both = (theirs > 0) & (ours > 0)
        only, cells = only + int(((theirs > 0) != (ours > 0)).sum()), cells + int(both.sum())
        difference = np.abs(theirs - ours)[both]
        worst.append((difference > 0.01).sum())
        mean.append(difference.mean())
    scene, _, label = io.read_grasp(frame, 0)
    print(f"VGN's io: {len(frame)} grasps in {len(mean)} scenes, opening {opening}; the first: {scene}, label {label}")
    print(
        f"  Open3D's TSDF of the same images: {cells} cells, mean difference {np.mean(mean):.1e}, {sum(worst)} cells "
        f"differ by more than 0.01, {only} are in one only"
    )


def open3d_grid(volume: Any) -> np.ndarray:
    """VGN's `TSDFVolume.get_grid`, whose assignment of a row of one number NumPy 2 refuses."""
    cloud = volume._volume.extract_voxel_point_cloud()
    grid = np.zeros((1, 40, 40, 40), np.float32)
    at = np.floor(np.asarray(cloud.points) / volume.voxel_size).astype(int)
    grid[0, at[:, 0], at[:, 1], at[:, 2]] = np.asarray(cloud.colors)[:, 0]
    return grid


def ggcnn(cornell: Path, jacquard: Path, repository: Path, dataset: Dataset) -> None:
    sys.path.insert(0, str(repository))
    for name, kind in (("int", int), ("float", float)):  # the loaders use the old names
        setattr(np, name, kind)
    from utils.data.cornell_data import CornellDataset
    from utils.data.jacquard_data import JacquardDataset

    flat, square = CornellDataset(str(cornell), output_size=300), JacquardDataset(str(jacquard), output_size=1024)
    print(f"GG-CNN's loaders: Cornell {len(flat)} images, Jacquard {len(square)}")
    for data in (flat, square):
        x, (quality, *_), *_ = data[0]
        print(f"  {type(data).__name__}: input {tuple(x.shape)}, quality map with {int((quality > 0).sum())} pixels")
    keys = dict(line.split() for line in (cornell / "views.txt").read_text().splitlines())
    gaps = []
    read = sys.modules["utils.dataset_processing.grasp"].GraspRectangles
    for name, key in keys.items():
        four = read.load_from_cornell_file(glob.glob(str(cornell / "*" / f"{name}cpos.txt"))[0])
        scene, number = int(key) >> 16, int(key) & 0xFFFF
        line = jacquard / f"scene{scene:05d}" / f"{number}_scene{scene:05d}_grasps.txt"
        if not line.exists():
            continue
        height, width = dataset.rgb(0).shape[:2]
        side = min(height, width)
        five = read.load_from_jacquard_file(str(line), scale=side / 1024)
        for rectangle in five:
            centre = np.add(rectangle.center, ((height - side) // 2, (width - side) // 2))
            near = min(four, key=lambda r, c=centre: np.abs(np.array(r.center) - c).sum())
            turn = abs((near.angle - rectangle.angle + np.pi / 2) % np.pi - np.pi / 2)
            gaps.append(
                [np.abs(np.array(near.center) - centre).max(), np.degrees(turn), abs(near.length - rectangle.length)]
            )
    most = np.median(gaps, axis=0)
    print(
        f"  {len(gaps)} rectangles in both: median difference {most[0]:.1f} px, {most[1]:.1f}°, opening {most[2]:.1f} "
        "px (its loaders round to whole pixels)"
    )


def main() -> None:
    data, repositories = Path(sys.argv[1]), Path(sys.argv[2])
    readers: dict[str, tuple[str, Callable[[Path, Path, Dataset], None]]] = {
        "acronym": ("acronym", acronym), "isaac_grasp": ("GraspGen", isaac_grasp),
        "contact_graspnet": ("contact_graspnet", contact_graspnet), "vgn": ("vgn", vgn),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name, graspgen.open(data) as dataset:
        out = Path(name)
        for kind, (repository, read) in readers.items():
            if (repositories / repository).is_dir():
                export(dataset, kind, out / kind, [])
                read(out / kind, repositories / repository, dataset)
        if (repositories / "ggcnn").is_dir():
            for kind in ("cornell", "jacquard"):
                export(dataset, kind, out / kind, [])
            ggcnn(out / "cornell", out / "jacquard", repositories / "ggcnn", dataset)


if __name__ == "__main__":
    main()
