"""Draw the picture of docs/exports.md: `python scripts/figures_exports.py` writes docs/images/exports_grasps.jpg.

A scene is exported in every format of grasps. Each export is read back with nothing but h5py, json, yaml and numpy, and
its grasps are drawn as the format itself says that its gripper looks, in the format's own frame: were a conversion
wrong, that format's grippers would miss the objects.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import yaml
from PIL import Image, ImageDraw

import graspgen
from graspgen.dataset.reader import Dataset
from graspgen.exports.registry import MODULES, export
from graspgen.frames import Array, inverse, pose, project, quat_to_matrix, transform_points
from graspgen.labels.overlay import Picture, contact_sheet
from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe

IMAGE = Path(__file__).parents[1] / "docs/images/exports_grasps.jpg"
SETTINGS = [
    "objects.families={choice: [mug, box, screwdriver, hammer, can, bolt]}", "scene.objects.count=5",
    "scene.objects.spread=0.16", "grasps.per_object=250", "grasps.clear_share=1", "grasps.min_friction=true",
    "grasps.draws=0",
    "views.cameras=[{kind: shell, name: side, count: 1, radius: 0.5, elevation_deg: 40}, {kind: top_down, name: top, "
    "count: 1, height: 0.5}]",
]  # fmt: skip
SEED = 4
VIEW, DOWN = 0, 1  # the view of the drawings, and the one that looks down, for rectangles
MOST = 2  # grasps an object
ROOT = "scene_0000/realsense"

#: Polylines in a format's frame, m, and poses of that frame in the camera's.
Drawing = tuple[list[Array], list[Array]]


def hand_lines(width: float = 0.082) -> Array:
    """ACRONYM's marker: the base, the palm at 66 mm, the fingertips at 112 mm; along x."""
    w, palm, tip = width / 2, 0.066, 0.112
    return np.array([[0, 0, 0], [0, 0, palm], [w, 0, palm], [w, 0, tip], [w, 0, palm], [-w, 0, palm], [-w, 0, tip]])


def graspnet_lines(width: float, depth: float) -> Array:
    """graspnetAPI's drawing: a tail of 4 cm, a base 2 cm behind the point, fingers up to `depth`; along y."""
    w, back = width / 2, -0.02
    return np.array([[back - 0.04, 0, 0], [back, 0, 0], [back, w, 0], [depth, w, 0], [back, w, 0], [back, -w, 0],
                     [depth, -w, 0]])  # fmt: skip


def tool_lines(width: float) -> Array:
    """A drawing about the tool point, as VGN's: z approach, y closing."""
    w = width / 2
    return np.array(
        [[0, 0, -0.1], [0, 0, -0.045], [0, w, -0.045], [0, w, 0], [0, w, -0.045], [0, -w, -0.045], [0, -w, 0]]
    )


class Scene:
    """The view that is drawn on, and its grasps that hold and are clear."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset, self.scene = dataset, int(dataset.views["scene"][VIEW])
        self.K = dataset.views["K"][VIEW]
        self.T_world_camera = dataset.views["T_world_camera"][VIEW]
        g = dataset.grasps
        down = dataset.grasps_in_camera(DOWN)[:, 2, 2] > 0.9
        good = np.zeros(len(g), bool)
        good[dataset.grasp_rows(VIEW)] = down
        good &= (g["outcome"] == 0) & (g["collision"] == 0) & (g["min_friction"] <= 1.0)
        keys = np.unique(g["object"][good])
        self.rows = {int(k): np.flatnonzero(good & (g["object"] == k))[:MOST] for k in keys}

    def numbers(self, key: int) -> list[int]:
        """Which of an object's grasps are drawn, counted in the object."""
        mine = np.flatnonzero(self.dataset.grasps["object"] == key)
        return np.searchsorted(mine, self.rows[key]).tolist()

    def in_camera(self, key: int) -> Array:
        """T_camera_object of an object."""
        return inverse(self.T_world_camera) @ self.dataset.objects["T_world_object"][self.dataset.objects.index_of(key)]

    def file(self, folder: Path, key: int, ending: str) -> Path:
        """The export's file of an object, found by its asset's name."""
        row = self.dataset.objects.index_of(key)
        asset = self.dataset.assets.index_of(int(self.dataset.objects["asset"][row]))
        name = str(self.dataset.assets["name"][asset]).replace("_", "-")
        (found,) = folder.glob(f"*_{name}_*{ending}")
        return found

    def near(self, T: Array, tool: Array) -> list[int]:
        """Which of (n, 4, 4) poses in the camera's frame have their tool point, at `tool` in them, at a drawn grasp."""
        wanted = np.concatenate(
            [self.in_camera(k) @ self.dataset.grasps["T_object_grasp"][r] for k, r in self.rows.items()]
        )
        points = transform_points(T, tool[:, None])[:, 0]
        gap = np.linalg.norm(points[:, None] - wanted[None, :, :3, 3], axis=-1).min(axis=1)
        return np.flatnonzero(gap < 1e-4).tolist()


def acronym(out: Path, scene: Scene) -> Drawing:
    poses = []
    for key in scene.rows:
        with h5py.File(scene.file(out / "grasps", key, ".h5")) as file:
            poses += list(scene.in_camera(key) @ file["grasps/transforms"][:][scene.numbers(key)])
    return [hand_lines()] * len(poses), poses


def graspgen_json(out: Path, scene: Scene) -> Drawing:
    poses = []
    for key in scene.rows:
        content = json.loads(scene.file(out / "grasps", key, ".json").read_text())
        poses += list(scene.in_camera(key) @ np.array(content["grasps"]["transforms"])[scene.numbers(key)])
    return [hand_lines()] * len(poses), poses


def isaac_grasp(out: Path, scene: Scene) -> Drawing:
    lines, poses = [], []
    for key in scene.rows:
        content = yaml.safe_load(scene.file(out / "grasps", key, ".yaml").read_text())["grasps"]
        for number in scene.numbers(key):
            grasp = content[f"grasp_{number}"]
            quat = [grasp["orientation"]["w"], *grasp["orientation"]["xyz"]]
            poses.append(scene.in_camera(key) @ pose(quat_to_matrix(quat), grasp["position"]))
            width = sum(grasp["pregrasp_cspace_position"].values())
            lines.append(hand_lines(width)[:, [1, 0, 2]])  # this hand closes along y
    return lines, poses


def graspnet(out: Path, scene: Scene) -> Drawing:
    rows = np.load(out / "dump" / ROOT / f"{VIEW:04d}.npy")
    T = pose(rows[:, 4:13].reshape(-1, 3, 3), rows[:, 13:16])
    chosen = scene.near(T, np.stack([rows[:, 3], 0 * rows[:, 3], 0 * rows[:, 3]], axis=1))
    return [graspnet_lines(rows[i, 1], rows[i, 3]) for i in chosen], [T[i] for i in chosen]


def vgn(out: Path, scene: Scene) -> Drawing:
    table = [line.split(",") for line in (out / "raw" / "grasps.csv").read_text().splitlines()[1:]]
    values = np.array([row[1:] for row in table if row[0] == f"scene{scene.scene:05d}"], float)
    extrinsic = np.load(out / "raw" / "scenes" / f"scene{scene.scene:05d}.npz")["extrinsics"][VIEW]
    T = pose(quat_to_matrix(values[:, [3, 0, 1, 2]]), values[:, 4:7])
    T = pose(quat_to_matrix(extrinsic[[3, 0, 1, 2]]), extrinsic[4:]) @ T
    chosen = [i for i in scene.near(T, np.zeros((len(T), 3))) if values[i, 8] == 1]
    return [tool_lines(values[i, 7]) for i in chosen], [T[i] for i in chosen]


def contact_graspnet(out: Path, scene: Scene) -> Drawing:
    file = np.load(out / "scene_contacts" / f"{scene.scene:06d}.npz")
    T = inverse(scene.T_world_camera) @ file["grasp_transforms"]
    chosen = scene.near(T, np.tile([0, 0, 0.1034], (len(T), 1)))
    contacts = transform_points(inverse(scene.T_world_camera), file["scene_contact_points"][chosen])
    return [*[hand_lines()] * len(chosen), *contacts], [*(T[i] for i in chosen), *[np.eye(4)] * len(chosen)]


def cornell(out: Path) -> list[Array]:
    """Corners of the good rectangles of the view that looks down, px."""
    names = dict(line.split() for line in (out / "views.txt").read_text().splitlines())
    (name,) = (name for name, key in names.items() if int(key) == DOWN)
    lines = (out / "01" / f"{name}cpos.txt").read_text().splitlines()
    return list(np.array([line.split() for line in lines], float).reshape(-1, 4, 2))


def jacquard(out: Path) -> list[Array]:
    """The same of a square of 1024 px, as corners in the view."""
    corners = []
    for line in next(out.glob(f"*/{DOWN}_*_grasps.txt")).read_text().splitlines():
        x, y, degrees, opening, jaw = (float(word) for word in line.split(";"))
        along = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
        across = np.array([-along[1], along[0]])
        ends = [a * opening / 2 * along + b * jaw / 2 * across for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        corners.append((np.array([x, y]) + ends + 0.5) * 480 / 1024 - 0.5 + [80, 0])
    return corners


READERS: dict[str, Callable[[Path, Scene], Drawing]] = {
    "acronym": acronym, "graspgen_json": graspgen_json, "isaac_grasp": isaac_grasp, "graspnet": graspnet, "vgn": vgn,
    "contact_graspnet": contact_graspnet,
}  # fmt: skip
FLAT = {"cornell": cornell, "jacquard": jacquard}


def drawn(image: Picture, K: Array, lines: list[Array], poses: list[Array]) -> Picture:
    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas)
    for line, T in zip(lines, poses, strict=True):
        uv = project(K, transform_points(T, line)) - 0.5
        colour = (255, 60, 220) if len(line) == 2 else (60, 230, 90)
        for a, b in itertools.pairwise(uv.tolist()):
            pen.line([tuple(a), tuple(b)], fill=colour, width=3)
    return np.asarray(canvas)


def outlined(image: Picture, corners: list[Array]) -> Picture:
    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas)
    for four in corners:
        for i in range(4):
            colour = (60, 230, 90) if i % 2 else (255, 160, 30)  # the pads green, the opening orange
            pen.line([tuple(four[i]), tuple(four[(i + 1) % 4])], fill=colour, width=3)
    return np.asarray(canvas)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(name) / "data"
        if len(sys.argv) < 2:
            generate(load_recipe("tabletop", SETTINGS), data, 1, SEED, 1, quiet=True)
        with graspgen.open(data) as dataset:
            scene, tiles = Scene(dataset), {}
            for kind in (*READERS, *FLAT):
                if kind not in MODULES:
                    continue
                out = Path(name) / kind
                export(dataset, kind, out, [])
                if kind in READERS:
                    lines, poses = READERS[kind](out, scene)
                    print(kind, sum(len(line) > 2 for line in lines), "grasps")
                    tiles[kind] = drawn(dataset.rgb(VIEW), scene.K, lines, poses)
                else:
                    corners = FLAT[kind](out)
                    print(kind, len(corners), "rectangles")
                    tiles[kind] = outlined(dataset.rgb(DOWN), corners)
        small = [np.asarray(Image.fromarray(t).resize((440, 330), Image.Resampling.LANCZOS)) for t in tiles.values()]
        Image.fromarray(contact_sheet(small, 4, list(tiles))).save(IMAGE, quality=82)


if __name__ == "__main__":
    main()
