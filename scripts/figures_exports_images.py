"""Draw the picture of image exports in `docs/exports.md`, read back by the official readers.

`python scripts/figures_exports_images.py DATASET RECORDED BOP_TOOLKIT DEEP_OBJECT_POSE`: a dataset, one with recorded
trials, and checkouts of both repositories; pycocotools, webdataset, lerobot and what the checkouts need are imported.
Without a screen set EGL_PLATFORM=surfaceless and PYOPENGL_PLATFORM=egl for the toolkit's renderer.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

import graspgen
from graspgen.exports.registry import export
from graspgen.labels.overlay import Picture, colour_of, contact_sheet, draw_boxes, draw_gripper, draw_points

IMAGES = Path(__file__).parents[1] / "docs/images"
WIDTH, HEIGHT = 480, 360
AXES = ((220, 60, 60), (40, 190, 80), (70, 110, 255))
#: Edges of DOPE's cuboid.
EDGES = [(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7)]


def lines(image: Picture, segments: list, colours: list, width: int = 2) -> Picture:
    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas)
    for (a, b), colour in zip(segments, colours, strict=True):
        pen.line([tuple(np.subtract(a, 0.5)), tuple(np.subtract(b, 0.5))], fill=colour, width=width)
    return np.asarray(canvas)


def tile(image: Picture) -> Picture:
    return np.asarray(Image.fromarray(image).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))


def bop(out: Path, scene: int, im: int) -> Picture:
    """Outline the models that the toolkit renders at the poses that it reads, and draw their axes."""
    from bop_toolkit_lib import inout
    from bop_toolkit_lib.rendering import renderer as renderers

    folder = out / "test" / f"{scene:06d}"
    camera = inout.load_scene_camera(folder / "scene_camera.json")[im]
    image = inout.load_im(folder / "rgb" / f"{im:06d}.png")[..., :3].copy()
    K = camera["cam_K"]
    height, width = image.shape[:2]
    renderer = renderers.create_renderer(width, height, "vispy", mode="depth")
    for k, pose in enumerate(inout.load_scene_gt(folder / "scene_gt.json")[im]):
        model, R, t = pose["obj_id"], pose["cam_R_m2c"], pose["cam_t_m2c"]
        renderer.add_object(model, str(out / "models" / f"obj_{model:06d}.ply"))
        drawn = renderer.render_object(model, R, t, K[0, 0], K[1, 1], K[0, 2], K[1, 2])["depth"] > 0
        edge = drawn & ~ndimage.binary_erosion(drawn, iterations=2)
        image = np.where(edge[..., None], np.array(colour_of(k + 1), np.uint8), image)
        ends = R @ np.column_stack([np.zeros(3), 40 * np.eye(3)]) + t  # mm
        pixels = (K @ ends)[:2] / (K @ ends)[2]
        image = lines(image, [(pixels[:, 0], pixels[:, a]) for a in (1, 2, 3)], list(AXES))
    return image


def coco(out: Path, image_id: int) -> Picture:
    """Draw the masks that pycocotools decodes, with boxes and named keypoints."""
    from pycocotools.coco import COCO

    truth = COCO(str(out / "annotations" / "instances.json"))
    entry = truth.loadImgs([image_id])[0]
    image = np.asarray(Image.open(out / "images" / entry["file_name"])).astype(float)
    found = truth.loadAnns(truth.getAnnIds([image_id]))
    for annotation in found:
        mask = truth.annToMask(annotation) > 0
        image[mask] = 0.45 * image[mask] + 0.55 * np.array(colour_of(annotation["instance_id"]))
    picture = draw_boxes(
        image.astype(np.uint8), [a["bbox"] for a in found], [colour_of(a["instance_id"]) for a in found]
    )
    for annotation in found:
        points = np.reshape(annotation.get("keypoints", []), (-1, 3))
        picture = draw_points(picture, points[points[:, 2] > 0, :2], (255, 255, 255), radius=2)
    return picture


def dope(out: Path, number: int) -> Picture:
    """Draw the boxes that DOPE's solver finds from the corners in a file."""
    from cuboid import Cuboid3d
    from cuboid_pnp_solver import CuboidPNPSolver

    content = json.loads((out / f"{number:06d}.json").read_text())
    settings = json.loads((out / "_object_settings.json").read_text())["exported_objects"]
    sides = {(s["asset"], tuple(s["scale"])): s["cuboid_dimensions"] for s in settings}
    k = content["camera_data"]["intrinsics"]
    K = np.array([[k["fx"], 0, k["cx"]], [0, k["fy"], k["cy"]], [0, 0, 1]])
    image = np.asarray(Image.open(out / f"{number:06d}.png"))
    for thing in content["objects"]:
        about = thing["graspgen"]
        solver = CuboidPNPSolver(thing["class"], K, Cuboid3d(sides[about["asset"], tuple(about["scale"])]))
        _, _, p = solver.solve_pnp(thing["projected_cuboid"])
        colour = colour_of(thing["segmentation_id"])
        image = lines(image, [(p[a], p[b]) for a, b in EDGES], [colour] * len(EDGES))
    return image


def webdataset(out: Path, number: int) -> tuple[Picture, Picture]:
    """Draw some grasps that held onto a sample, and its depth."""
    import webdataset as wds

    def whole(data: bytes) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(data)))

    shards = wds.WebDataset(str(out / "shard-000000.tar"), shardshuffle=False)
    samples = shards.decode(
        wds.handle_extension("depth.png", whole), wds.handle_extension("instances.png", whole), "rgb8"
    )
    sample = next(itertools.islice(samples, number, None))
    about, image = sample["json"], sample["rgb.jpg"]
    grasps = about["grasps"]
    good = [i for i, outcome in enumerate(grasps["outcome_in_scene"]) if outcome == "success"]
    if not good:
        good = [i for i, outcome in enumerate(grasps["outcome"]) if outcome == "success"][::8]
    for i in good[:: max(1, len(good) // 10)]:
        colour = colour_of(grasps["instance_id"][i])
        image = draw_gripper(image, about["K"], grasps["T_camera_grasp"][i], grasps["width"][i], colour)
    depth = sample["depth.png"] * about["depth_unit"]
    seen = depth > 0
    low, high = np.percentile(depth[sample["instances.png"] > 0], [1, 99]) * [0.95, 1.05]
    grey = np.where(seen, 40 + 215 * np.clip((high - depth) / (high - low), 0, 1), 0).astype(np.uint8)
    return image, np.repeat(grey[..., None], 3, axis=-1)


def lerobot(out: Path, episode: int, count: int = 4) -> Picture:
    """Show frames of an episode, as LeRobot gives them to a policy."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    data = LeRobotDataset("graspgen/recorded", root=out)
    row = data.meta.episodes[episode]
    camera = data.meta.camera_keys[-1]
    chosen = np.linspace(row["dataset_from_index"], row["dataset_to_index"] - 1, count).round().astype(int)
    images = [(data[int(i)][camera].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8) for i in chosen]
    halves = [np.asarray(Image.fromarray(image).resize((WIDTH // 2, HEIGHT // 2))) for image in images]
    return np.vstack([np.hstack(halves[:2]), np.hstack(halves[2:])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("dataset", "recorded", "bop_toolkit", "deep_object_pose"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--view", type=int, default=0, help="row of the view to draw")
    parser.add_argument("--episode", type=int, default=0)
    given = parser.parse_args()
    sys.path[:0] = [str(given.bop_toolkit), str(given.deep_object_pose / "common")]
    with tempfile.TemporaryDirectory() as folder, graspgen.open(given.dataset) as ds:
        out = Path(folder)
        export(ds, "bop", out / "bop", ["split=test", "type=none"])
        export(ds, "coco", out / "coco", [])
        export(ds, "dope", out / "dope", [])
        export(ds, "webdataset", out / "webdataset", [])
        with graspgen.open(given.recorded) as recorded:
            export(recorded, "lerobot", out / "lerobot", ["outcomes=success"])
        scene, number = int(ds.views["scene"][given.view]), int(ds.views["id"][given.view]) & 0xFFFF
        grasps, depth = webdataset(out / "webdataset", given.view)
        tiles = [
            bop(out / "bop", scene, number),
            coco(out / "coco", given.view + 1),
            dope(out / "dope", given.view),
            grasps,
            depth,
            lerobot(out / "lerobot", given.episode),
        ]
        captions = [
            "bop: models rendered by bop_toolkit at scene_gt",
            "coco: masks, boxes, keypoints by pycocotools",
            "dope: boxes found by CuboidPNPSolver",
            "webdataset: grasps that held",
            "webdataset: depth.png",
            "lerobot: frames of an episode",
        ]
        sheet = contact_sheet([tile(t) for t in tiles], 3, captions)
    Image.fromarray(sheet).save(IMAGES / "exports_images.jpg", quality=85)


if __name__ == "__main__":
    main()
