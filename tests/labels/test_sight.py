"""Points are visible, occluded or out of the frame as a drawing of the scene says."""

from __future__ import annotations

import numpy as np
import trimesh
from render_scenes import at, view_of, world_of

from graspgen.dataset.check_sight import expected
from graspgen.frames import inverse, look_at, transform_points
from graspgen.labels.sight import Sight, sight
from graspgen.lens import project
from graspgen.render.opengl import render_views
from graspgen.scene.build import build_world
from graspgen.scene.plan import FlyingPlan


def boxes(flying=()):
    """A cube of 6 cm at the origin and one of 4 cm before it, seen along −x from a height of 10 cm."""
    view = view_of(T_world_camera=look_at([0.6, 0, 0.1], [0, 0, 0.03])).model_copy(update={"flying": flying})
    shapes = [trimesh.creation.box([0.06] * 3), trimesh.creation.box([0.04] * 3)]
    world = world_of(shapes, [at(0, 0, 0.03), at(0.1, 0.03, 0.02)], [view])
    return build_world(world.plan, world.assets)


POINTS = np.array(
    [
        [0.03, -0.02, 0.03],  # on the face that looks at the camera
        [0.0, 0.0, 0.06],  # on top
        [-0.03, 0.0, 0.03],  # on the back
        [0.03, 0.025, 0.01],  # on the front, behind the smaller cube
        [0.0, 5.0, 0.0],  # far aside
        [2.0, 0.0, 0.1],  # behind the camera
        [np.nan, 0.0, 0.0],
    ]
)
TRUTH = [Sight.VISIBLE, Sight.VISIBLE, Sight.OCCLUDED, Sight.OCCLUDED, Sight.OUT_OF_FRAME, Sight.OUT_OF_FRAME,
         Sight.UNKNOWN]  # fmt: skip


def test_points_of_two_cubes_are_seen_as_drawn():
    assert sight(boxes(), 0, (), POINTS).tolist() == TRUTH


def test_a_flying_distractor_hides_points_only_where_it_is_shown():
    # Half way from the camera to the first point.
    wall = FlyingPlan(shape="box", size=(0.01, 0.02, 0.02), T_world_flying=at(0.315, -0.01, 0.065).tolist())
    world = boxes((wall,))
    assert sight(world, 0, (), POINTS).tolist() == TRUTH
    assert sight(world, 0, (0,), POINTS).tolist() == [Sight.OCCLUDED, *TRUTH[1:]]


def test_the_depth_image_says_the_same_as_rays():
    world = boxes()
    (image,) = render_views(world)
    rng = np.random.default_rng(0)
    points = []
    for side, T in ((0.06, at(0, 0, 0.03)), (0.04, at(0.1, 0.03, 0.02))):
        on = rng.uniform(-side / 2, side / 2, (300, 3))
        on[np.arange(300), rng.integers(0, 3, 300)] = rng.choice([-side / 2, side / 2], 300)
        points.append(transform_points(T, on))
    points = np.concatenate(points)
    found = sight(world, 0, (), points)
    view = world.plan.views[0]
    local = transform_points(inverse(view.T_world_camera), points)
    allowed, sure = expected(local, project(view.K, view.distortion, local), image.depth, 0.02, view.K[0][0])
    agrees = allowed[np.arange(len(points)), found - 1]
    assert sure.sum() > 250 and (~agrees).sum() <= 3
    assert {Sight.VISIBLE, Sight.OCCLUDED} <= set(found[sure].tolist())
