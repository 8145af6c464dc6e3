"""What the renderer shows of planned surfaces and backgrounds, in pixels that are known beforehand."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from render_scenes import asset_of, at, view_of, world_of

from graspgen.frames import look_at
from graspgen.looks.images import ImageStore, image_folder
from graspgen.looks.textures import painted
from graspgen.objects.asset import Mesh
from graspgen.objects.unwrap import unwrap
from graspgen.render.opengl import render_views
from graspgen.render.paint import texture_density
from graspgen.scene.build import build_world
from graspgen.scene.plan import BackgroundPlan, SurfacePlan, TexturePlan, ViewPlan

BLACK, WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
TOP = look_at([0, 0, 1.0], [0, 0, 0])


def view_with(surfaces: Mapping[str, SurfacePlan], T: np.ndarray = TOP, **changes: object) -> ViewPlan:
    """A view lit by ambient light alone: a surface is seen in its own colours."""
    view = view_of(200, 200, lights=0, ambient=1.0, T_world_camera=T)
    return view.model_copy(update={"surfaces": {**view.surfaces, **surfaces}, **changes})


def textured(kind: str, scale: float, pattern: int = 0, **changes: object) -> SurfacePlan:
    return SurfacePlan(texture=TexturePlan(kind=kind, pattern=pattern, colours=(BLACK, WHITE), scale=scale), **changes)


def cells(kind_pattern: int) -> int:
    """Squares along a side of the tile of a checker pattern."""
    row = painted("checker", kind_pattern, (BLACK, WHITE), 512)[1, :, 0].astype(int)
    return int((np.diff(np.concatenate([row, row[:1]])) != 0).sum())


@pytest.mark.parametrize("scale", [0.1, 0.3])
def test_a_tile_is_as_large_as_its_scale_says(scale: float) -> None:
    view = view_with({"table": textured("checker", scale), "background": SurfacePlan(colour=(1.0, 0.0, 0.0))})
    rgb = render_views(world_of([], [], [view], table_size=(0.6, 0.6, 0.04)))[0].rgb
    row = rgb[rgb.shape[0] // 2 + 3].astype(int)
    table = row[(row[:, 1] == row[:, 0])][:, 0]  # grey, not the red floor
    crossings = int((np.diff((table > 127).astype(int)) != 0).sum())
    assert crossings == pytest.approx(0.6 / scale * cells(0), abs=2)


def test_views_of_one_scene_have_their_own_textures() -> None:
    looks = [textured("checker", 0.2), SurfacePlan(colour=(0.2, 0.4, 0.6)), textured("stripes", 0.2)]
    views = [view_with({"table": s, "object_1": s}) for s in looks]
    box = trimesh.creation.box([0.2, 0.2, 0.1])
    together = [v.rgb for v in render_views(world_of([box], [at(0, 0, 0.05)], views))]
    for view, rgb in zip(views, together, strict=True):
        assert np.array_equal(render_views(world_of([box], [at(0, 0, 0.05)], [view]))[0].rgb, rgb)
    assert np.unique(together[1].reshape(-1, 3), axis=0).shape[0] <= 3
    assert len({rgb.tobytes() for rgb in together}) == 3


def test_texture_leaves_depth_and_ids_alone() -> None:
    plain, wild = view_with({}), view_with({n: textured("marble", 0.1) for n in ("table", "background", "object_1")})
    ball = trimesh.creation.icosphere(3, 0.1)
    a, b = render_views(world_of([ball], [at(0, 0, 0.1)], [plain, wild]))
    assert np.array_equal(a.instances, b.instances) and np.array_equal(a.depth, b.depth)
    assert not np.array_equal(a.rgb, b.rgb)


@pytest.mark.parametrize("keeps", [True, False])
def test_an_object_keeps_its_own_texture_unless_told_otherwise(keeps: bool) -> None:
    shape = trimesh.creation.box([0.2, 0.2, 0.1])
    mesh = unwrap(Mesh(shape.vertices, shape.faces), "box")
    green = np.zeros((8, 8, 3), np.uint8)
    green[..., 1] = 255
    asset = replace(asset_of(shape), mesh=Mesh(mesh.vertices, mesh.faces, mesh.uv, green))
    look = textured("checker", 0.05, own_texture=keeps)
    plan = world_of([shape], [at(0, 0, 0.05)], [view_with({"object_1": look})]).plan
    image = render_views(build_world(plan, {0: asset}))[0]
    seen = image.rgb[image.instances == 1]
    assert ((seen == [0, 255, 0]).all(axis=1).mean() == 1) == keeps
    assert keeps or (seen.min() < 20 and seen.max() > 235 and np.ptp(seen, axis=1).max() == 0)


def test_the_density_of_texture_coordinates_is_known_for_a_box() -> None:
    shape = trimesh.creation.box([0.4, 0.2, 0.1])
    mesh = unwrap(Mesh(shape.vertices, shape.faces), "box")
    # The texture spans the longest side, 0.4 m.
    assert texture_density(mesh) == pytest.approx((2.5, 2.5), rel=1e-5)


def test_an_image_stands_where_nothing_is_seen(tmp_path: Path) -> None:
    photo = np.zeros((200, 300, 3), np.uint8)
    photo[:, :150], photo[:, 150:] = (250, 10, 10), (10, 10, 250)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    name = image_folder(str(tmp_path)).pick(0.5)
    ball = trimesh.creation.icosphere(3, 0.1)

    def images(kind: str, **changes: object):
        background = BackgroundPlan(kind=kind, image=name, crop=(0.5, 0.5, 1.0), **changes)
        return view_with({"object_1": SurfacePlan(colour=(0.0, 1.0, 0.0))}, background=background)

    views = [view_with({}), images("image"), images("cutout"), images("cutout", mirrored=True)]
    world = world_of([ball], [at(0, 0, 0.1)], views, table_size=(0.5, 0.5, 0.04))
    plain, behind, alone, mirrored = (
        replace(image, rgb=image.rgb.astype(int))
        for image in render_views(world, images=ImageStore(None, (str(tmp_path),)))
    )
    assert (plain.depth > 0).all()
    for image in (behind, alone, mirrored):
        assert np.array_equal(image.instances, plain.instances)
    assert 0.1 < (behind.depth > 0).mean() < 0.9
    assert np.array_equal(alone.depth > 0, plain.instances == 1)
    # A flat table reaches as far in depth as before; nothing else has a depth.
    kept = behind.depth > 0
    assert np.array_equal(behind.depth[kept], plain.depth[kept])
    assert alone.rgb[5, 5] == pytest.approx((250, 10, 10), abs=6) and alone.rgb[5, -5] == pytest.approx(
        (10, 10, 250), abs=6
    )
    assert mirrored.rgb[5, 5] == pytest.approx((10, 10, 250), abs=6)


def test_a_temperature_tints_a_white_table() -> None:
    base = view_of(100, 100, lights=1, shadows=False, ambient=0.0, table_colour=WHITE, T_world_camera=TOP)
    (light,) = base.lights
    warm = base.model_copy(update={"lights": (light.model_copy(update={"colour": (1.0, 0.5, 0.25)}),)})
    a, b = (image.rgb[50, 50].astype(float) for image in render_views(world_of([], [], [base, warm])))
    assert b / a == pytest.approx((1.0, 0.5, 0.25), abs=0.02)


@pytest.mark.parametrize("kind", ["spot", "directional", "point"])
def test_every_kind_of_light_lights_and_the_first_two_cast_shadows(kind: str) -> None:
    box = trimesh.creation.box([0.1, 0.1, 0.1])
    base = view_of(160, 160, ambient=0.2, T_world_camera=look_at([0, 0, 0.9], [0, 0, 0]))
    light = base.lights[0].model_copy(update={"kind": kind, "position": (0.8, 0.0, 1.0), "diffuse": 0.8})
    lights = [(light.model_copy(update={"shadows": on}),) for on in (True, False)]
    views = [base.model_copy(update={"lights": some}) for some in ((), *lights)]
    dark, shaded, lit = (i.rgb.astype(int) for i in render_views(world_of([box], [at(0, 0, 0.05)], views)))
    assert lit.mean() > dark.mean() + 20
    assert ((lit - shaded).max(-1) > 30).sum() > 100 or kind == "point"
