import gc
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import render_scenes
import trimesh
from render_scenes import K_of, at, table_of_ten, view_of, world_of

from graspgen.errors import RenderError
from graspgen.frames import look_at
from graspgen.objects.asset import Mesh
from graspgen.render import environment, filament, vulkan
from graspgen.render.filament import render_colour, render_ids
from graspgen.render.filament_light import LAMP
from graspgen.render.opengl import Looks, render_views
from graspgen.render.tone import tone_curve
from graspgen.scene.plan import EnvironmentPlan, FlyingPlan, LightPlan, SurfacePlan, TexturePlan, ViewPlan

pytestmark = pytest.mark.skipif(bool(vulkan.missing()), reason=vulkan.missing())

TOP = look_at([0, 0, 0.9], [0, 0, 0])


def under(view: ViewPlan, strength: float) -> ViewPlan:
    """The view under an environment of this strength."""
    return view.model_copy(update={"environment": EnvironmentPlan(strength=strength)})


def white(metallic: float = 0.0, roughness: float = 0.6) -> SurfacePlan:
    return SurfacePlan(colour=(1.0, 1.0, 1.0), metallic=metallic, roughness=roughness)


@pytest.mark.parametrize(
    ("width", "height", "K"),
    [
        (320, 240, [[260.0, 0, 125.3], [0, 320.0, 150.7], [0, 0, 1]]),
        (161, 97, K_of(161, 97)),
    ],
)
def test_silhouettes_are_those_of_the_id_buffer(width: int, height: int, K: np.ndarray) -> None:
    shapes, poses = table_of_ten()
    world = world_of(shapes, poses, [view_of(width, height, K=np.array(K))])
    ours, ids = render_ids(world, 0), render_views(world)[0].instances
    for i in range(11):
        if (ids == i).sum() > 100:
            assert ((ours == i) & (ids == i)).sum() / ((ours == i) | (ids == i)).sum() >= 0.99


def test_edges_of_the_colour_image_lie_where_those_of_the_ids_lie() -> None:
    K = np.array([[260.0, 0, 125.3], [0, 320.0, 150.7], [0, 0, 1]])
    view = view_of(320, 240, K=K, table_colour=(0, 1.0, 0), background_colour=(0, 1.0, 0))
    shapes, poses = table_of_ten()
    world = world_of(shapes, poses, [view], colours=[(1.0, 0.0, 0.0)] * 10)
    rgb, mask = render_colour(world, [0])[0].astype(int), render_views(world)[0].instances > 0
    seen = rgb[..., 0] > rgb[..., 1]
    assert (seen & mask).sum() / (seen | mask).sum() >= 0.99


def test_frames_depend_on_nothing_but_the_view() -> None:
    shapes, poses = table_of_ten()
    views = [view_of(lights=3), view_of(T_world_camera=TOP, lights=1, shadows=False), under(view_of(lights=0), 2.0)]
    world = world_of(shapes, poses, views)
    first = render_colour(world, [0, 1, 2])
    render_colour(world_of(shapes[:3], poses[:3], [view_of(80, 60, lights=8)]), [0])
    again = render_colour(world_of(shapes, poses, views), [2, 0, 1])
    for a, b in zip(first, [again[1], again[2], again[0]], strict=True):
        assert np.array_equal(a, b)


def test_more_geoms_than_filaments_table_of_handles_holds_change_no_pixel(capfd: pytest.CaptureFixture[str]) -> None:
    shapes, poses = table_of_ten()
    view = view_of(lights=2)
    speck = FlyingPlan(shape="box", size=(0.02,) * 3, T_world_flying=at(0.0, 0.0, -3.0).tolist())  # below the floor
    few = world_of(shapes, poses, [view])
    many = world_of(shapes, poses, [view.model_copy(update={"flying": (speck,) * 400})])
    assert many.model.ngeom > few.model.ngeom + 399
    hidden, shown = Looks.of(many), replace(Looks.of(many), flying={0: tuple(range(400))})
    for looks in (hidden, shown):
        assert np.array_equal(render_colour(many, [0], looks)[0], render_colour(few, [0])[0])
    assert "Handle" not in capfd.readouterr().err


def test_light_is_photometric() -> None:
    # A lamp overhead, whose light falls straight onto a white table: what is stored is the curve of its intensity.
    for diffuse in (0.2, 0.6):
        view = under(view_of(T_world_camera=TOP, table_colour=(1.0, 1.0, 1.0)), 0.0)
        view = view.model_copy(update={"lights": (LightPlan(position=(0.0, 0.0, 1.5), diffuse=diffuse),)})
        rgb = render_colour(world_of([], [], [view]), [0])[0]
        assert rgb[60, 80] / 255 == pytest.approx(tone_curve(np.full(3, LAMP * diffuse)), abs=0.04)


def test_the_lamp_casts_a_soft_shadow_where_shadows_are_on() -> None:
    base = under(view_of(T_world_camera=TOP), 0.3)
    lamps = [LightPlan(position=(0.8, 0.0, 1.0), diffuse=0.8, shadows=on) for on in (True, False)]
    views = [base.model_copy(update={"lights": (lamp,)}) for lamp in lamps]
    world = world_of([trimesh.creation.box([0.1, 0.1, 0.1])], [at(0, 0, 0.05)], views)
    dark, bright = (image.astype(int) for image in render_colour(world, [0, 1]))
    drop = (bright - dark).max(-1)
    columns = np.nonzero(drop > 30)[1]
    assert (drop > 30).sum() > 100 and columns.mean() < 75  # the lamp is at +x, the camera's right
    assert ((drop > 8) & (drop < 0.7 * drop.max())).sum() > 20


def test_light_comes_from_where_the_environment_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Red light along +x, green along +y, blue from above, on a white ball seen from each of these directions.
    zero = np.zeros(3)
    lobes = environment.Environment(zero, zero, zero, np.eye(3), np.full(3, 20.0), 8 * np.eye(3))
    monkeypatch.setattr(environment, "environment", lambda *_: lobes)
    environment.environment_ktx.cache_clear()
    try:
        eyes = ([1.0, 0, 0.3], [0, 1.0, 0.3], [0.01, 0, 1.3])
        ball = trimesh.creation.icosphere(4, 0.15)
        for metallic in (0.0, 1.0):
            surfaces = {"object_1": white(metallic, 0.15)}
            views = [
                view_of(T_world_camera=look_at(np.array(e), [0, 0, 0.3]), lights=0).model_copy(
                    update={"surfaces": surfaces, "environment": EnvironmentPlan(strength=2.0)}
                )
                for e in eyes
            ]
            world = world_of([ball], [at(0, 0, 0.3)], views)
            for number, rgb in enumerate(render_colour(world, [0, 1, 2])):
                middle = rgb[56:64, 76:84].reshape(-1, 3).mean(0)
                others = np.delete(middle, number)
                assert middle.argmax() == number and middle[number] > 1.5 * others.max()
    finally:
        environment.environment_ktx.cache_clear()


def test_relief_changes_the_light_on_an_objects_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_uv(shape: trimesh.Trimesh) -> Mesh:
        return Mesh(shape.vertices, shape.faces, uv=shape.vertices[:, :2] / 0.1, texture=None)

    monkeypatch.setattr(render_scenes, "mesh_of", with_uv)
    pattern = TexturePlan(kind="noise", pattern=3, colours=((0.6, 0.6, 0.6), (0.6, 0.6, 0.6)), scale=0.1)
    surfaces = [SurfacePlan(texture=pattern, normal=slope) for slope in (0.0, 1.0)]
    views = [
        view_of(T_world_camera=TOP, lights=1).model_copy(update={"surfaces": {"object_1": surface}})
        for surface in surfaces
    ]
    world = world_of([trimesh.creation.icosphere(4, 0.15)], [at(0, 0, 0.15)], views)
    ball = render_views(world)[0].instances == 1
    flat, rough = (image.astype(int) for image in render_colour(world, [0, 1]))
    assert np.abs(rough - flat)[ball].max() > 20
    assert np.abs(rough - flat)[~ball].max() <= 2


def test_a_missing_vulkan_is_said_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from graspgen.render import filament; filament.require()"
    env = {**os.environ, "VK_ICD_FILENAMES": "/nonexistent", "VK_DRIVER_FILES": "/nonexistent"}
    env["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert "no Vulkan driver is installed" in done.stderr and "mesa-vulkan-drivers" in done.stderr
    monkeypatch.setattr(vulkan, "missing", lambda: "libvulkan.so.1 is not installed")
    with pytest.raises(RenderError, match=r"libvulkan1 mesa-vulkan-drivers.*render\.fallback"):
        filament.require()


@pytest.mark.slow
def test_memory_stays_flat_over_many_scenes() -> None:
    shapes, poses = table_of_ten()

    def scenes(count: int) -> float:
        for i in range(count):
            render_colour(world_of(shapes, poses, [view_of(64, 48, lights=1 + i % 3)]), [0], shadow_size=256)
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    before = scenes(30)
    assert (scenes(100) - before) / 100 < 0.5
