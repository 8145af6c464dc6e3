"""Images through a lens: every pixel shows what the ray of its centre meets."""

from __future__ import annotations

import numpy as np
import pytest
from render_scenes import K_of, table_of_ten, view_of, world_of

from graspgen.dataset.arena_solids import Solid
from graspgen.dataset.check_geometry import cast
from graspgen.frames import inverse, look_at, project, transform_points
from graspgen.labels.annotate import annotate
from graspgen.labels.silhouette import silhouette_through_lens, silhouettes
from graspgen.lens import grid_rays
from graspgen.render.opengl import render_views
from graspgen.scene.plan import ViewPlan

LENSES = {"barrel": (-0.25, 0.06, 0.001, -0.0005, 0.0), "pincushion": (0.2, 0.0, 0.0, 0.0, 0.0)}


def view_through(name: str) -> ViewPlan:
    plain = view_of(320, 240, K=K_of(320, 240, 58), T_world_camera=look_at([0.42, -0.3, 0.4], [0, 0, 0.02]))
    return plain.model_copy(update={"distortion": LENSES[name]})


@pytest.fixture(scope="module", params=LENSES)
def seen(request):
    shapes, poses = table_of_ten()
    view = view_through(request.param)
    world = world_of(shapes, poses, [view])
    return world, poses, view, render_views(world)[0]


def solids_of(world, poses):
    return [
        Solid(transform_points(T, o.asset.mesh.vertices), o.asset.mesh.faces, o.plan.instance_id)
        for o, T in zip(world.objects, poses, strict=True)
    ]


def test_ids_and_depth_are_those_of_the_rays_through_the_pixels(seen):
    world, poses, view, image = seen
    pixels = np.argwhere(np.ones((240, 320), bool))
    shows, z = cast(solids_of(world, poses), np.array(view.T_world_camera), np.array(view.K), pixels, view.distortion)
    ids = image.instances.ravel()
    one, other = shows > 0, ids > 0
    # A pixel shows a point up to a quarter of a pixel away: at edges of things of 25 px that is a hundredth of them.
    assert (one & other).sum() / (one | other).sum() > 0.98
    same = (shows == ids) & (ids > 0)
    assert np.median(np.abs(image.depth.ravel() - z)[same]) < 1e-4
    assert (np.abs(image.depth.ravel() - z)[same] < 2e-3).mean() > 0.99


def test_silhouettes_from_poses_match_the_ids(seen):
    world, poses, view, image = seen
    covered = np.zeros((240, 320), bool)
    for thing, T in zip(world.objects, poses, strict=True):
        lens = (view.K, view.distortion, 320, 240)
        part, x, y = silhouette_through_lens(thing.asset.mesh, inverse(view.T_world_camera) @ T, *lens).inside(320, 240)
        covered[y : y + part.shape[0], x : x + part.shape[1]] |= part
    ids = image.instances > 0
    assert (covered & ids).sum() / (covered | ids).sum() >= 0.995


def test_visible_counts_never_exceed_the_whole(seen):
    world, poses, view, image = seen
    rows = annotate(world.objects, poses, view, image.instances)
    assert (rows["pixels_visible"] <= rows["pixels_in_frame"]).all()
    assert (rows["pixels_in_frame"] <= rows["pixels_all"]).all() and (rows["pixels_visible"] > 0).any()


def test_colour_is_the_pinholes_at_the_undistorted_place(seen):
    _, poses, view, image = seen
    plain = view.model_copy(update={"distortion": (0.0,) * 5})
    flat = render_views(world_of(table_of_ten()[0], poses, [plain]))[0]
    # Where the lens shows what the pinhole shows at some pixel, away from edges, both have its colour.
    at = grid_rays(view.K, view.distortion, 0, 0, 320, 240) * np.diagonal(np.array(view.K))[:2]
    at = np.floor(at + np.array(view.K)[:2, 2]).astype(int)
    inside = ((at >= 1) & (at < [319, 239])).all(axis=-1)
    x, y = np.clip(at, 0, [319, 239]).transpose(2, 0, 1)
    same = inside & (flat.instances[y, x] == image.instances) & (image.instances > 0)
    error = np.abs(flat.rgb[y, x].astype(int) - image.rgb.astype(int)).max(axis=-1)[same]
    assert np.median(error) <= 2 and (error <= 12).mean() > 0.9


def test_a_silhouette_without_distortion_is_the_plain_one():
    shapes, poses = table_of_ten()
    world = world_of(shapes, poses, [view_of(320, 240)])
    view = world.plan.views[0]
    for thing, T in zip(world.objects, poses, strict=True):
        T_camera_object = inverse(view.T_world_camera) @ T
        a = silhouette_through_lens(thing.asset.mesh, T_camera_object, view.K, (0.0,) * 5, 320, 240)
        b = silhouettes([thing.asset.mesh], [T_camera_object], view.K, 320, 240)[0]
        assert (a.x, a.y) == (b.x, b.y) and np.array_equal(a.mask, b.mask)


def test_the_edges_of_a_table_bend_outwards_in_a_barrel():
    view = view_through("barrel")
    from graspgen.lens import project as through

    edge = np.linspace([-0.4, -0.35, 0.0], [0.4, -0.35, 0.0], 21)
    camera = transform_points(inverse(view.T_world_camera), edge)
    bent, straight = through(view.K, view.distortion, camera), project(view.K, camera)
    middle = np.array(view.K)[:2, 2]
    assert (np.linalg.norm(bent - middle, axis=1) < np.linalg.norm(straight - middle, axis=1)).all()
