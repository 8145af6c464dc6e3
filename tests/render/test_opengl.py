import gc
import os
from pathlib import Path

import numpy as np
import pytest
import trimesh
from render_scenes import K_of, at, table_of_ten, view_of, world_of
from trimesh.ray.ray_pyembree import RayMeshIntersector

from graspgen.errors import RenderError
from graspgen.frames import axis_angle, inverse, look_at, transform_points
from graspgen.render import gl
from graspgen.render.opengl import ViewImages, render_views
from graspgen.scene.plan import LightPlan, ViewPlan
from graspgen.scene.world import World

TILTED = axis_angle([0.6, 0.0, 0.8], 0.7)
OFF_CENTRE = np.array([[520.0, 0, 250.3], [0, 640.0, 300.7], [0, 0, 1]])


def pixel_rays(view: ViewPlan) -> np.ndarray:
    """(H, W, 3) directions through the centres of pixels, camera frame, z = 1."""
    K = np.array(view.K)
    v, u = np.mgrid[0 : view.height, 0 : view.width] + 0.5
    return np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(u.shape)], -1)


def cast(world: World, view: ViewPlan) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ray-cast a view with Embree: ids, planar z (0 for the floor and the void), unambiguous
    pixels."""
    size = 2 * np.array(world.plan.arena.geoms[0].size)
    meshes = [trimesh.creation.box(size, transform=at(0, 0, -size[2] / 2))]
    for thing in world.objects:
        vertices = transform_points(thing.plan.T_world_object_dropped, thing.asset.mesh.vertices)
        meshes.append(trimesh.Trimesh(vertices, thing.asset.mesh.faces, process=False))
    owner = np.repeat(np.arange(len(meshes)), [len(m.faces) for m in meshes])
    scene = RayMeshIntersector(trimesh.util.concatenate(meshes))
    T = np.array(view.T_world_camera)
    rays = pixel_rays(view)
    directions = rays.reshape(-1, 3) @ T[:3, :3].T
    origins = np.broadcast_to(T[:3, 3], directions.shape)
    triangle = scene.intersects_first(origins, directions)
    hit = triangle >= 0
    depth = np.zeros(len(rays.reshape(-1, 3)))
    corners = scene.mesh.triangles[triangle[hit]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    # Rays have z = 1 in the camera's frame, so the distance in units of the direction is planar z.
    depth[hit] = np.einsum("ij,ij->i", normal, corners[:, 0] - origins[hit]) / np.einsum(
        "ij,ij->i", normal, directions[hit]
    )
    shape = rays.shape[:2]
    ids, depth = np.where(hit, owner[triangle], -1).reshape(shape), depth.reshape(shape)
    inner = np.zeros(shape, bool)
    inner[1:-1, 1:-1] = True
    for axis in (0, 1):
        for step in (-1, 1):
            inner &= np.roll(ids, step, axis) == ids
            inner &= np.abs(np.roll(depth, step, axis) - depth) < 0.01
    return np.maximum(ids, 0), depth, inner


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize(
    ("width", "height", "K"),
    [
        (640, 480, K_of(640, 480)),
        (640, 480, OFF_CENTRE),
        (161, 97, K_of(161, 97)),
        (120, 333, [[400.0, 0, 62], [0, 390.0, 170], [0, 0, 1]]),
    ],
)
def test_ids_and_depth_agree_with_ray_casting(width: int, height: int, K: np.ndarray) -> None:
    shapes, poses = table_of_ten()
    poses[0] = at(-0.2, -0.08, 0.09, TILTED)
    view = view_of(width, height, K=np.array(K))
    world = world_of(shapes, poses, [view])
    image = render_views(world)[0]
    ids, depth, inner = cast(world, view)

    assert (image.instances == ids).mean() > 0.998
    for i in range(1, 11):
        if (ids == i).sum() > 2000:
            assert iou(image.instances == i, ids == i) >= 0.995
    seen = inner & (depth > 0)
    error = np.abs(image.depth - depth)[seen]
    assert np.median(error) < 1e-5
    assert np.quantile(error, 0.99) < 1e-4


def test_the_size_and_types_of_images_are_those_of_the_plan() -> None:
    views = [view_of(64, 48), view_of(37, 51), view_of(64, 48)]
    world = world_of([trimesh.creation.box([0.1, 0.1, 0.1])], [at(0, 0, 0.05)], views)
    images = render_views(world)
    for view, image in zip(views, images, strict=True):
        size = (view.height, view.width)
        assert image.rgb.shape == (*size, 3) and image.rgb.dtype == np.uint8
        assert image.depth.shape == size and image.depth.dtype == np.float32
        assert image.instances.shape == size and image.instances.dtype == np.uint8
    assert same(images[0], images[2])


def test_depth_of_the_tables_plane_is_exact() -> None:
    view = view_of(320, 240, K=np.array([[300.0, 0, 130], [0, 330.0, 140], [0, 0, 1]]))
    world = world_of([], [], [view], table_size=(3.0, 3.0, 0.04))
    depth = render_views(world)[0].depth
    T = np.array(view.T_world_camera)
    rays = pixel_rays(view) @ T[:3, :3].T
    exact = -T[2, 3] / rays[..., 2]
    on_table = np.abs(T[:3, 3] + exact[..., None] * rays)[..., :2].max(-1) < 1.49
    assert on_table.mean() > 0.9
    assert np.abs(depth - exact)[on_table].max() < 2e-5


def test_a_point_projects_onto_the_pixel_that_shows_it() -> None:
    K = np.array([[200.0, 0, 40.0], [0, 260.0, 90.0], [0, 0, 1]])  # far off centre in 160 x 120
    view = view_of(160, 120, K=K)
    T = at(0.0, 0.0, 0.1)
    image = render_views(world_of([trimesh.creation.icosphere(4, 0.004)], [T], [view]))[0]
    rows, columns = np.nonzero(image.instances)
    centre = inverse(view.T_world_camera) @ T[:, 3]
    expected = (K @ centre[:3])[:2] / centre[2]
    assert np.abs([columns.mean() + 0.5, rows.mean() + 0.5] - expected).max() < 0.35


def test_only_meshes_are_seen_and_not_the_parts_that_collide() -> None:
    ring = trimesh.creation.torus(0.05, 0.01)  # its collision part is its hull, without a hole
    view = view_of(T_world_camera=look_at([0, 0, 0.5], [0, 0, 0]))
    image = render_views(world_of([ring], [at(0, 0, 0.01)], [view]))[0]
    assert image.instances[60, 80] == 0 and image.instances.any()


def test_every_one_of_255_objects_has_its_own_id() -> None:
    spots = [(x, y) for x in np.linspace(-0.4, 0.4, 17) for y in np.linspace(-0.3, 0.3, 15)]
    cube = trimesh.creation.box([0.03, 0.03, 0.03])
    view = view_of(320, 240, T_world_camera=look_at([0, 0, 0.9], [0, 0, 0]))
    world = world_of([cube] * 255, [at(x, y, 0.015) for x, y in spots], [view])
    ids = render_views(world)[0].instances
    assert sorted(np.unique(ids)) == list(range(256))
    T = inverse(view.T_world_camera)
    for i in (1, 100, 255):
        p = np.array(view.K) @ (T @ [*spots[i - 1], 0.03, 1.0])[:3]
        assert ids[int(p[1] / p[2]), int(p[0] / p[2])] == i


def lit(view: ViewPlan, *diffuse: float) -> ViewPlan:
    lamps = tuple(LightPlan(position=(0.0, 0.0, 1.5), diffuse=d) for d in diffuse)
    return view.model_copy(update={"lights": lamps})


@pytest.mark.parametrize("lamps", [(), (0.0,)])
def test_ambient_light_alone_gives_the_colour_times_the_ambient(lamps: tuple[float, ...]) -> None:
    view = lit(view_of(table_colour=(0.6, 0.4, 0.2), ambient=0.5), *lamps)
    world = world_of([], [], [view], table_size=(3.0, 3.0, 0.04))
    rgb = render_views(world)[0].rgb
    assert np.abs(rgb[60, 80] - 255 * 0.5 * np.array([0.6, 0.4, 0.2])).max() <= 1


def test_all_eight_lamps_shine() -> None:
    views = [lit(view_of(ambient=0.0, shadows=False), *[0.05] * n) for n in (1, 4, 8)]
    means = [image.rgb.mean() for image in render_views(world_of([], [], views))]
    assert np.allclose(np.array(means) / means[0], [1, 4, 8], rtol=0.02)


def test_the_first_lamp_casts_a_shadow_where_shadows_are_on() -> None:
    lamps = [(LightPlan(position=(0.8, 0.0, 1.0), diffuse=0.8, shadows=on),) for on in (True, False)]
    base = view_of(T_world_camera=look_at([0, 0, 0.9], [0, 0, 0]), ambient=0.2)
    views = [base.model_copy(update={"lights": lamp}) for lamp in lamps]
    world = world_of([trimesh.creation.box([0.1, 0.1, 0.1])], [at(0, 0, 0.05)], views)
    dark, bright = (image.rgb.astype(int) for image in render_views(world))
    shaded = (bright - dark).max(-1) > 30
    columns = np.nonzero(shaded)[1]
    # The lamp is at +x and the camera's right is +x, so the shadow lies to the left of the box.
    assert shaded.sum() > 100 and columns.mean() < 70


def test_the_void_and_the_far_floor_take_the_colour_of_the_background() -> None:
    T = look_at([0.8, 0, 0.2], [0, 0, 0.2])
    world = world_of([], [], [view_of(T_world_camera=T, background_colour=(0.9, 0.1, 0.1))])
    image = render_views(world)[0]
    void = image.depth == 0
    assert 0.3 < void.mean() < 0.7 and not image.instances[void].any()
    assert (image.rgb[void] == image.rgb[void][0]).all()
    assert image.rgb[void][0].argmax() == 0
    far = (image.depth > 6) & ~void
    assert far.any() and np.abs(image.rgb[far].astype(int) - image.rgb[void][0]).max() < 12
    assert image.depth.max() < 6.5536  # what 16 bits of 0.1 mm can hold


def same(a: ViewImages, b: ViewImages) -> bool:
    pairs = ((a.rgb, b.rgb), (a.depth, b.depth), (a.instances, b.instances))
    return all(np.array_equal(x, y) for x, y in pairs)


def test_two_renders_are_bit_identical_and_views_do_not_touch_each_other() -> None:
    shapes, poses = table_of_ten()
    views = [
        view_of(background_colour=(0.9, 0.1, 0.1), lights=3, ambient=0.1),
        view_of(table_colour=(0.1, 0.9, 0.1), lights=1, shadows=False),
        view_of(T_world_camera=look_at([0.8, 0, 0.2], [0, 0, 0.1]), lights=2),
    ]
    world = world_of(shapes, poses, views)
    first, second = render_views(world), render_views(world)
    turned = render_views(world_of(shapes, poses, views[::-1]))[::-1]
    for a, b, c in zip(first, second, turned, strict=True):
        assert same(a, b) and same(a, c)


def test_a_scene_without_views_needs_no_opengl(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise RenderError("asked for a context")

    world = world_of([], [], [])
    monkeypatch.setattr(gl, "make_current", refuse)
    assert render_views(world) == []


def test_what_is_too_large_for_opengl_is_a_clear_error_and_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # MuJoCo writes a log file where it stands
    world = world_of([], [], [view_of(64, 48)])
    before = render_views(world)[0]
    with pytest.raises(RenderError, match="64x48 px with a shadow map of 100000 texels"):
        render_views(world, shadow_size=100_000)
    written = sorted(p.name for p in tmp_path.iterdir())
    assert same(render_views(world)[0], before)
    assert sorted(p.name for p in tmp_path.iterdir()) == written


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_memory_stays_flat_over_many_scenes() -> None:
    shapes, poses = table_of_ten()
    views = [view_of(64, 48)]

    def scenes(count: int) -> float:
        for _ in range(count):
            render_views(world_of(shapes, poses, views), shadow_size=256)
        gc.collect()
        return resident_mib()

    before = scenes(15)
    assert scenes(40) - before < 6
