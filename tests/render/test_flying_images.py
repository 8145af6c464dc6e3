"""Flying distractors are where their poses say through any lens, in both engines, and never in a label."""

import numpy as np
import pytest
from render_scenes import at, view_of, world_of
from trimesh.creation import box

from graspgen.frames import look_at
from graspgen.lens import project
from graspgen.render import vulkan
from graspgen.render.views import render_scene
from graspgen.scene.plan import FlyingPlan, SurfacePlan

T = look_at([0.0, -0.5, 0.6], [0.0, 0.0, 0.0])
PLACES = np.array([[-0.15, 0.05, 0.2], [0.14, 0.08, 0.15], [0.1, -0.15, 0.25]])
RED = SurfacePlan(colour=(0.95, 0.05, 0.05), specular=0.0, roughness=0.9)
RADIUS = 0.02
LENSES = [(0.0, 0.0, 0.0, 0.0, 0.0), (-0.3, 0.08, 0.01, -0.01, 0.0), (0.2, 0.05, 0.0, 0.0, 0.0)]


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("engine", ["opengl", "filament"])
def test_flying_spheres_are_seen_where_the_lens_projects_them(engine: str, lens: tuple[float, ...]) -> None:
    if engine == "filament" and vulkan.missing():
        pytest.skip(vulkan.missing())
    flying = tuple(
        FlyingPlan(shape="sphere", size=(2 * RADIUS,) * 3, T_world_flying=at(*place).tolist()) for place in PLACES
    )
    base = view_of(T_world_camera=T, table_colour=(0.2, 0.3, 0.8), lights=2, shadows=False)
    surfaces = {**base.surfaces} | {f"flying_0_{i}": RED for i in range(len(flying))}
    view = base.model_copy(update={"flying": flying, "surfaces": surfaces, "distortion": lens, "engine": engine})
    image = render_scene(world_of([box([0.08] * 3)], [at(0, 0, 0.04)], [view]))[0]
    assert image.engine == engine
    red = image.rgb[..., 0] > 1.5 * image.rgb[..., 2].astype(float) + 20
    assert not image.instances[red].any() and (image.instances == 1).any()
    inside = (PLACES - T[:3, 3]) @ T[:3, :3]
    for (u, v), centre in zip(project(view.K, lens, inside), inside, strict=True):
        rows, columns = np.mgrid[: view.height, : view.width] + 0.5
        near = np.hypot(columns - u, rows - v) < 12
        seen = red & near
        assert abs(columns[seen].mean() - u) < 0.6 and abs(rows[seen].mean() - v) < 0.6
        depth = image.depth[int(v), int(u)]
        assert depth == pytest.approx(centre[2] - RADIUS, abs=0.002)  # its near side is that much closer
