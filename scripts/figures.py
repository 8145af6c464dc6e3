"""Draw the pictures of the documentation: `python scripts/figures.py` writes docs/images/*.jpg."""

from __future__ import annotations

import argparse
import colorsys
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from graspgen.frames import Array, axis_angle, look_at, pose, transform_points
from graspgen.objects.asset import Asset
from graspgen.objects.families import FAMILIES
from graspgen.objects.library import open_catalogue
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.pipeline.turntable import draw_turntable
from graspgen.recipe_file import load_recipe
from graspgen.render.opengl import render_views
from graspgen.render.views import render_scene
from graspgen.scene.arena_fit import table_arena
from graspgen.scene.build import build_world
from graspgen.scene.make import settled_scene
from graspgen.scene.plan import LightPlan, ObjectPlan, ScenePlan, SurfacePlan, ViewPlan

IMAGES = Path(__file__).parents[1] / "docs/images"
TILE, DRAWS = (196, 152), 3
OVERSAMPLING = 4
FOVY = np.radians(18)
PAPER = (1.0, 1.0, 1.0)
#: Colours go round the circle of hues, but for what has one of its own.
HUES = {"banana": 0.135}
#: Draws that show what a family is; chosen by eye.
SEED = 4
ENGINES_SEED, ENGINES_SCENES = 11, (2, 5)


def families_picture() -> Image.Image:
    """Draw a few objects of every procedural family, side by side; each tile has its own scale."""
    names = list(FAMILIES)
    columns = min(range(6, 9), key=lambda c: -len(names) % c)  # the fewest empty tiles
    sheet = Image.new("RGB", (columns * TILE[0], -(-len(names) // columns) * TILE[1]))
    font = ImageFont.load_default(12)
    corner = (0, 0, 0)
    for number, name in enumerate(names):
        assets = draws_of(name)
        tile = Image.fromarray(render(assets, hue=HUES.get(name, 0.618034 * number % 1))).resize(
            TILE, Image.Resampling.LANCZOS
        )
        largest = 1000 * np.array([a.extents.max() for a in assets])
        label, size = name.replace("_", " "), f"{largest.min():.0f} to {largest.max():.0f} mm"
        draw = ImageDraw.Draw(tile)
        draw.text((8, TILE[1] - 20), label, (45, 48, 54), font)
        draw.text((TILE[0] - 8 - draw.textlength(size, font), TILE[1] - 20), size, (140, 144, 152), font)
        corner = tile.getpixel((TILE[0] - 1, TILE[1] - 1))
        sheet.paste(tile, (number % columns * TILE[0], number // columns * TILE[1]))
    for blank in range(len(names), -(-len(names) // columns) * columns):
        x, y = blank % columns * TILE[0], blank // columns * TILE[1]
        sheet.paste(corner, (x, y, x + TILE[0], y + TILE[1]))
    return sheet


def draws_of(family: str) -> list[Asset]:
    """Return objects of a family, the largest first."""
    recipe = load_recipe("tabletop", [f"objects.families={family}"])
    catalogue = ProceduralCatalogue(recipe.objects, SEED)
    return sorted((catalogue.asset(n) for n in range(DRAWS)), key=lambda a: -float(a.extents.max()))


def render(assets: list[Asset], hue: float) -> np.ndarray:
    """Render objects that stand side by side, each in a shade of one hue."""
    poses = side_by_side(assets)
    corners = np.concatenate([transform_points(T, a.mesh.vertices) for a, T in zip(assets, poses, strict=True)])
    # Everything is drawn at one size: the light and the table's edge then look the same in every tile.
    unit = 0.3 / float(np.ptp(corners, axis=0)[:2].max())
    objects = [
        ObjectPlan(
            instance_id=k + 1,
            asset=k,
            scale=unit,
            density=500,
            friction=(0.5, 0.005, 0.002),
            surface=SurfacePlan(
                colour=colorsys.hsv_to_rgb((hue + 0.035 * (k - 1)) % 1, 0.42 + 0.1 * k, 0.93 - 0.1 * k),
                specular=0.25,
                shininess=0.4,
            ),
            T_world_object_dropped=rows(pose(T[:3, :3], unit * T[:3, 3])),
        )
        for k, T in enumerate(poses)
    ]
    points = unit * corners
    width, height = TILE[0] * OVERSAMPLING, TILE[1] * OVERSAMPLING
    focal = height / 2 / np.tan(FOVY / 2)
    plan = ScenePlan(
        seed=0,
        index=0,
        attempt=0,
        task="figure",
        gravity=9.81,
        arena=table_arena((6, 6, 0.04), 0.5),
        objects=tuple(objects),
        views=(
            ViewPlan(
                width=width,
                height=height,
                K=((focal, 0, width / 2), (0, focal, height / 2), (0, 0, 1)),
                T_world_camera=(T := rows(framing(points, focal, width, height))),
                T_world_camera_nominal=T,
                lights=(
                    LightPlan(position=(0.7, -1.1, 1.9), diffuse=0.46, shadows=True),
                    LightPlan(position=(-1.8, -0.8, 1.2), diffuse=0.22),
                    LightPlan(position=(0.4, 1.5, 1.6), diffuse=0.15),
                ),
                ambient=0.36,
                surfaces={name: SurfacePlan(colour=PAPER) for name in ("table", "background")},
            ),
        ),
        grasp_stream=(),
    )
    return render_views(build_world(plan, dict(enumerate(assets))), shadow_size=4096)[0].rgb


def side_by_side(assets: list[Asset]) -> list[Array]:
    """Stand objects on z = 0 in a row along x; what is long and thin lies along y."""
    placed, edge = [], 0.0
    gap = 0.16 * max(float(np.sort(a.extents)[1]) for a in assets)
    for asset in assets:
        x, y, z = asset.extents
        R = np.eye(3)
        if z > 3.4 * max(x, y):
            R = axis_angle([1, 0, 0], np.pi / 2)
        elif x > 2.2 * y:
            R = axis_angle([0, 0, 1], np.pi / 2)
        low, high = np.array([f((R @ asset.mesh.vertices.T).T, axis=0) for f in (np.min, np.max)])
        placed.append(pose(R, [edge - low[0], -(low[1] + high[1]) / 2, -low[2]]))
        edge += high[0] - low[0] + gap
    return placed


def framing(points: Array, focal: float, width: int, height: int) -> Array:
    """Return the (4, 4) pose of a camera from which the points just fill the image above the caption."""
    azimuth, elevation = np.radians(-66), np.radians(33)
    back = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    target, distance = (points.min(axis=0) + points.max(axis=0)) / 2, 2.0
    for _ in range(8):
        T = look_at(target + distance * back, target)
        seen = transform_points(np.linalg.inv(T), points)
        x, y = seen[:, 0] / seen[:, 2], seen[:, 1] / seen[:, 2]
        middle = np.array([(x.min() + x.max()) / 2, (y.min() + y.max()) / 2])
        # A caption takes the lowest eighth of a tile.
        target = target + T[:3, :2] @ (middle + np.array([0, 0.06 * height / focal])) * distance
        distance *= max(np.ptp(x) * focal / (0.84 * width), np.ptp(y) * focal / (0.72 * height))
    return look_at(target + distance * back, target)


def rows(matrix: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())


def turntable_picture() -> Image.Image:
    """Draw what `graspgen objects show` draws, of a mug."""
    return Image.fromarray(draw_turntable(draws_of("mug")[0]))


def engines_picture() -> Image.Image:
    """Draw views of the photoreal preset with both engines, OpenGL on the left."""
    recipe = load_recipe("tabletop", ["render.preset=photoreal", "views.per_scene=1", "scene.objects.count=9"])
    catalogue = open_catalogue(recipe.objects, ENGINES_SEED)
    strips = []
    for index in ENGINES_SCENES:
        pair = []
        for engine in ("opengl", "filament"):
            world = settled_scene(recipe, catalogue, ENGINES_SEED, index).world
            views = tuple(view.model_copy(update={"engine": engine}) for view in world.plan.views)
            drawn = replace(world, plan=world.plan.model_copy(update={"views": views}))
            pair.append(render_scene(drawn, shadow_size=recipe.render.shadow_size)[0].rgb)
        strips.append(np.hstack(pair))
    sheet = Image.fromarray(np.vstack(strips))
    return sheet.resize((sheet.width * 3 // 4, sheet.height * 3 // 4), Image.Resampling.LANCZOS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=IMAGES, help="folder of the pictures")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, draw in (("families", families_picture), ("turntable", turntable_picture), ("engines", engines_picture)):
        data = io.BytesIO()
        draw().save(data, "JPEG", quality=85, optimize=True)
        (out / f"{name}.jpg").write_bytes(data.getvalue())
        print(f"{out / name}.jpg: {len(data.getvalue()) / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
