"""The table casts a shadow on the floor, and none onto itself."""

import numpy as np
import pytest
import trimesh
from render_scenes import at, view_of, world_of

from graspgen.frames import look_at
from graspgen.render.opengl import render_views
from graspgen.scene.plan import LightPlan

BESIDE = look_at([-0.95, 0.001, 1.6], [-0.95, 0.0, -0.4])
ABOVE = look_at([0.0, 0.001, 0.9], [0.0, 0.0, 0.0])


def seen(T: np.ndarray, height: float, kind: str, box: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the image with shadows, that without, and the depth."""
    lamps = [(LightPlan(kind=kind, position=(1.0, 0.0, height), diffuse=0.8, shadows=on),) for on in (True, False)]
    views = [view_of(T_world_camera=T, ambient=0.2).model_copy(update={"lights": lamp}) for lamp in lamps]
    shapes, poses = ([trimesh.creation.box([0.1] * 3)], [at(0, 0, 0.05)]) if box else ([], [])
    dark, bright = render_views(world_of(shapes, poses, views))
    return dark.rgb.astype(int), bright.rgb.astype(int), bright.depth


@pytest.mark.parametrize("kind", ["spot", "directional"])
def test_what_lies_on_a_table_casts_no_shadow_through_it(kind: str) -> None:
    with_box, bright, depth = seen(BESIDE, 0.6, kind)
    without, _, _ = seen(BESIDE, 0.6, kind, box=False)
    floor = depth > 1.7
    assert floor.mean() > 0.3
    shaded = (bright - with_box).max(-1) > 15
    assert shaded[floor].mean() > 0.1  # the table's own shadow
    assert (np.abs(with_box - without).max(-1)[floor] > 3).mean() < 0.01


@pytest.mark.parametrize("height", [0.15, 0.4, 1.0])
@pytest.mark.parametrize("kind", ["spot", "directional"])
def test_an_empty_table_has_no_specks_however_low_the_light(kind: str, height: float) -> None:
    dark, bright, depth = seen(ABOVE, height, kind, box=False)
    table = depth < 0.95
    assert table.mean() > 0.8 and np.abs(dark - bright).max(-1)[table].max() <= 2
