"""Draws the picture of docs/reading.md from a dataset: `python scripts/figures_reading.py DATASET [--view 10]`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import graspgen
from graspgen.dataset.clouds import PointCloud
from graspgen.dataset.projection import Camera
from graspgen.dataset.reader import Dataset
from graspgen.dataset.tsdf import Volume, volume_about
from graspgen.frames import look_at
from graspgen.labels.overlay import Picture, contact_sheet

WIDTH, HEIGHT = 420, 315


def seen_from(cloud: PointCloud, camera: Camera) -> Picture:
    """Draw points as squares, the nearest last."""
    pixel = camera.project(cloud.points)
    z = np.linalg.norm(cloud.points - np.asarray(camera.T_world_camera)[:3, 3], axis=-1)
    shown = camera.shows(pixel)
    order = np.argsort(-z[shown])
    x, y = np.floor(pixel[shown][order]).astype(int).T
    image = np.full((camera.height, camera.width, 3), 245, np.uint8)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        image[np.minimum(y + dy, camera.height - 1), np.minimum(x + dx, camera.width - 1)] = cloud.colours[shown][order]
    return image


def grasps_drawn(ds: Dataset, view: int, most: int) -> Picture:
    """Draw the outlines of successful grasps, and their contact points, as `project_grasps` gives them."""
    picture = Image.fromarray(ds.rgb(view))
    pen = ImageDraw.Draw(picture)
    rows = ds.grasps(where="outcome == 'success' and collision == 0", rows=ds.grasp_rows(view)).rows
    chosen = rows[:: max(1, len(rows) // most)]
    found = ds.project_grasps(chosen, view)
    for lines, contacts in zip(found.outline, found.contacts, strict=True):
        for line in lines:
            if np.isfinite(line).all():
                pen.line([tuple(p) for p in (line - 0.5).tolist()], fill=(0, 200, 60), width=3)
        for x, y in contacts.tolist():
            pen.ellipse((x - 4, y - 4, x + 3, y + 3), fill=(255, 220, 0))
    return np.asarray(picture)


def slice_drawn(volume: Volume, x: int) -> Picture:
    """Draw a slice across x: red before the surface, blue behind it, white where it is, grey where nothing is known."""
    plane = volume.distance[x].T[::-1]
    value = np.nan_to_num(plane)[..., None]
    red, blue = np.array([214, 60, 50]), np.array([40, 90, 200])
    mixed = 255 + np.where(value > 0, value * (red - 255), -value * (blue - 255))
    image = np.where(np.isnan(plane)[..., None], 120, mixed).astype(np.uint8)
    return np.asarray(Image.fromarray(image).resize((HEIGHT, HEIGHT), Image.Resampling.NEAREST))


def framed(image: NDArray[np.uint8]) -> Picture:
    """Return an image in the middle of a tile."""
    picture = Image.fromarray(image)
    picture.thumbnail((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    tile = Image.new("RGB", (WIDTH, HEIGHT), (245, 245, 245))
    tile.paste(picture, ((WIDTH - picture.width) // 2, (HEIGHT - picture.height) // 2))
    return np.asarray(tile)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--view", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs/images/reading.jpg")
    given = parser.parse_args()
    with graspgen.open(given.dataset) as ds:
        view = ds.view(given.view)
        centre = view.objects["T_world_object"][:, :3, 3].mean(axis=0)
        K = [[560.0, 0, WIDTH / 2], [0, 560.0, HEIGHT / 2], [0, 0, 1]]
        aside = Camera(K, look_at(centre + np.array([0.55, -0.5, 0.45]), centre), WIDTH, HEIGHT)
        tallest = view.objects["T_world_object"][np.argmax(view.objects["T_world_object"][:, 2, 3]), :3, 3]
        corner = volume_about([tallest[0], tallest[1], 0.1])
        volume = ds.tsdf(ds.scene_views(view.scene.key), T_world_volume=corner, resolution=80)
        row = int(ds.grasps(where="outcome == 'success' and collision == 0", rows=ds.grasp_rows(view.row)).rows[0])
        crop = ds.grasp_crop(view.row, row, pixels=240, size=0.2)
        near = ds.grasp_cloud(view.row, row, box=[[-0.1] * 3, [0.1] * 3])
        long = [[900.0, 0, WIDTH / 2], [0, 900.0, HEIGHT / 2], [0, 0, 1]]
        look = Camera(long, look_at([-0.3, -0.25, -0.25], [0, 0, 0]), WIDTH, HEIGHT)
        tiles = {
            "project_grasps: outlines and contact points": framed(grasps_drawn(ds, view.row, 8)),
            "scene_cloud: all views of the scene together": seen_from(view.scene.cloud(), aside),
            "tsdf: a slice, 80 voxels of 3.75 mm": framed(slice_drawn(volume, 40)),
            "cloud(of=…): the objects alone, as one view sees them": seen_from(
                ds.cloud(view.row, frame="world", of=view.objects["id"].tolist()), aside
            ),
            "grasp_crop: 20 cm, closing direction to the right": framed(crop.rgb),
            "grasp_cloud: points in the grasp's own frame": seen_from(near, look),
        }
    sheet = contact_sheet(list(tiles.values()), 3, list(tiles))
    Image.fromarray(sheet).save(given.out, quality=85)
    print(given.out)


if __name__ == "__main__":
    main()
