"""Draw the picture of `docs/training.md`: `python scripts/figures_training.py DATASET`."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.labels.overlay import Picture, contact_sheet, draw_gripper, draw_points
from graspgen.labels.rectangles import corners
from graspgen.lens import project
from graspgen.loaders import ContactGrasps, Crop, Flip, GraspRectangles, ObjectPoses, PlanarGraspMaps, Rotate
from graspgen.loaders.source import Sample

IMAGES = Path(__file__).parents[1] / "docs/images"
GOOD, BAD, JAW = (0, 158, 115), (213, 94, 0), (240, 228, 66)
SIZE = 360


def with_rectangles(sample: Sample) -> Picture:
    """Draw rectangles on a sample's image, the two ends where the jaws are in another colour."""
    canvas = Image.fromarray(sample["rgb"])
    pen = ImageDraw.Draw(canvas)
    for shape, good in zip(corners(sample["rectangles"]) - 0.5, sample["good"], strict=True):
        points = [tuple(p) for p in shape.tolist()]
        pen.line([points[1], points[2]], fill=GOOD if good else BAD, width=1)
        pen.line([points[3], points[0]], fill=GOOD if good else BAD, width=1)
        for a, b in ((0, 1), (2, 3)):
            pen.line([points[a], points[b]], fill=JAW if good else BAD, width=2)
    return np.asarray(canvas)


def heat(values: np.ndarray, low: float, high: float) -> Picture:
    """Show a map as grey; what is exactly 0 is dark blue."""
    share = np.clip((values - low) / (high - low), 0, 1)
    picture = np.repeat((60 + 195 * share)[..., None], 3, axis=-1)
    picture[values == 0] = (16, 20, 44)
    return picture.astype(np.uint8)


def with_contacts(data: Dataset, view: int) -> Picture:
    """Show the points of a view that good grasps touch, those that only bad ones do, and some of the good ones."""
    sample = ContactGrasps(data, views=[view], points=data.views["depth"][view].size)[0]
    K, D = data.views["K"][view], data.views["distortion"][view]
    picture = data.rgb(view)
    columns, rows = np.floor(project(K, D, sample["points"])).astype(int).T
    for chosen, colour in ((sample["tried"] & ~sample["success"], BAD), (sample["success"], GOOD)):
        picture[rows[chosen], columns[chosen]] = colour
    height, width = picture.shape[:2]
    side, zoom = min(height, width), SIZE / min(height, width)
    x, y = (width - side) // 2, (height - side) // 2
    picture = picture[y : y + side, x : x + side]
    picture = np.asarray(Image.fromarray(picture).resize((SIZE, SIZE), Image.Resampling.NEAREST))
    K = np.diag([zoom, zoom, 1]) @ (K - [[0, 0, x], [0, 0, y], [0, 0, 0]])
    down = sample["approach"][:, 2] > 0.8
    chosen = np.flatnonzero(sample["success"] & down)
    for i in np.random.default_rng(0).choice(chosen, min(7, len(chosen)), replace=False).tolist():
        z, y_axis = sample["approach"][i].astype(float), sample["closing"][i].astype(float)
        T = np.eye(4)
        T[:3, :3] = np.stack([np.cross(y_axis, z), y_axis, z], -1)
        T[:3, 3] = sample["points"][i] + sample["width"][i] / 2 * y_axis
        picture = draw_gripper(picture, K, T, float(sample["width"][i]), JAW, thickness=1, distortion=D)
    return picture


def with_models(data: Dataset, view: int) -> list[Picture]:
    """Show crops about objects, their model points where their poses say."""
    source = ObjectPoses(data, views=[view], size=SIZE, points=300)
    order = np.argsort(-data.annotations["pixels_visible"][source.rows])
    found = []
    for i in order[:2].tolist():
        s = source[i]
        points = s["model_points"] @ s["T_camera_object"][:3, :3].T + s["T_camera_object"][:3, 3]
        found.append(draw_points(s["rgb"], project(s["K"], s["distortion"], points), (86, 180, 233), radius=1))
    return found


def best_view(data: Dataset) -> int:
    """Return the view with the most good rectangles."""
    source = GraspRectangles(data)
    counts = [int(source.labels(row, None)["good"].sum()) for row in source.rows.tolist()]
    return int(source.rows[int(np.argmax(counts))])


def sheet(data: Dataset, view: int) -> Picture:
    """Arrange all views of one image."""
    square = Crop(SIZE, SIZE, centred=True)
    plain = PlanarGraspMaps(data, views=[view], augment=[square])[0]
    both = GraspRectangles(data, views=[view], augment=[square])[0]
    turned = GraspRectangles(data, views=[view], augment=[Flip(1.0), Rotate(40), Crop(SIZE, SIZE, (0.7, 0.7))], seed=3)[
        0
    ]
    angle = 0.5 * np.arctan2(plain["sin2"], plain["cos2"])
    tiles = [
        with_rectangles(both), with_rectangles(turned), heat(plain["quality"], 0, 1),
        heat(np.where(plain["quality"] > 0, angle + np.pi, 0), np.pi / 2, 3 * np.pi / 2),
        heat(plain["width"], 0, float(plain["width"].max())), with_contacts(data, view), *with_models(data, view),
    ]  # fmt: skip
    captions = [
        "rectangles: good, bad", "flipped, turned, cropped", "quality", "angle", "width", "contacts",
        "object pose, model points", "object pose, model points",
    ]  # fmt: skip
    return contact_sheet(tiles, 4, captions[: len(tiles)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--view", type=int, help="row of the view; default: the one with the most good rectangles")
    parser.add_argument("--out", type=Path, default=IMAGES / "training.jpg")
    given = parser.parse_args()
    data = open_dataset(given.dataset)
    picture = sheet(data, best_view(data) if given.view is None else given.view)
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "JPEG", quality=88, optimize=True)
    given.out.write_bytes(content.getvalue())
    print(f"{given.out}: {len(content.getvalue()) / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
