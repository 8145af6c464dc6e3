from __future__ import annotations

import mujoco
import numpy as np
import pytest
import trimesh
from scene_parts import asset_of, ball, box, cylinder, plan_of, view_of, wedge

from graspgen.errors import ObjectError, SceneError
from graspgen.frames import inverse, pose, project, quat_to_matrix, random_rotation, transform_points
from graspgen.objects.asset import Mesh, Part
from graspgen.render.opengl import render_views
from graspgen.scene.build import build_world

RNG = np.random.default_rng(0)


def somewhere() -> np.ndarray:
    return pose(random_rotation(RNG), RNG.uniform([-0.3, -0.3, 0.3], [0.3, 0.3, 0.9]))


def geom_vertices(world, geom: int) -> np.ndarray:
    """Vertices of a mesh geom in the world, from MuJoCo's own (recentred) mesh and geom pose."""
    model, data = world.model, world.data
    mesh = int(model.geom_dataid[geom])
    start, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
    T = pose(data.geom_xmat[geom].reshape(3, 3), data.geom_xpos[geom])
    return transform_points(T, model.mesh_vert[start : start + count])


def test_drawn_and_colliding_vertices_are_where_the_pose_says():
    assets = {0: wedge(1, 0.08, (0.3, -0.2, 0.1)), 1: box(0.05, 0.1, 0.02, (0.1, 0, 0))}
    plan = plan_of(somewhere(), somewhere())
    world = build_world(plan, assets)
    for o, body in zip(plan.objects, world.body_ids, strict=True):
        T = np.array(o.T_world_object_dropped)
        asset = assets[o.asset]
        assert np.allclose(world.data.xpos[body], T[:3, 3], atol=1e-12)
        assert np.allclose(world.data.xmat[body].reshape(3, 3), T[:3, :3], atol=1e-12)
        for geom in np.flatnonzero(world.geom_instance == o.instance_id):
            if int(world.model.geom_type[geom]) != int(mujoco.mjtGeom.mjGEOM_MESH):
                centre = transform_points(T, asset.parts[0].T_asset_part[None, :3, 3])[0]
                assert np.allclose(world.data.geom_xpos[geom], centre, atol=1e-12)
                continue
            drawn = world.model.geom_group[geom] == 2
            # What is drawn repeats the vertices on edges, one for each normal.
            expected = asset.mesh.vertices[asset.mesh.shaded.source] if drawn else asset.parts[0].vertices
            assert np.abs(geom_vertices(world, geom) - transform_points(T, expected)).max() < 1e-6


def test_mass_centre_and_inertia_are_the_plans_and_geoms_add_none():
    asset = wedge(2, 0.08, (0.2, 0.1, -0.3))
    T = somewhere()
    world = build_world(plan_of(T), {0: asset})
    model, data, body = world.model, world.data, int(world.body_ids[0])
    assert model.body_mass[body] == pytest.approx(700 * asset.volume, rel=1e-12)
    assert np.allclose(model.body_ipos[body], asset.com, atol=1e-12)
    R = quat_to_matrix(model.body_iquat[body])
    inertia = R @ np.diag(model.body_inertia[body]) @ R.T
    assert np.allclose(inertia, 700 * asset.unit_inertia, rtol=1e-9, atol=1e-15)
    assert np.allclose(world.objects[0].inertia, 700 * asset.unit_inertia)
    assert world.objects[0].mass == pytest.approx(700 * asset.volume)
    assert np.allclose(data.xipos[body], transform_points(T, asset.com[None])[0])
    assert model.body_mass.sum() == pytest.approx(world.objects[0].mass)


def test_only_parts_collide_and_only_meshes_are_drawn():
    world = build_world(plan_of(somewhere(), somewhere()), {0: wedge(), 1: cylinder(0.03, 0.1)})
    model = world.model
    assert world.geom_instance.tolist() == [0, 0, 1, 1, 2, 2]
    drawn = model.geom_group == 2
    assert (model.geom_contype[drawn] == 0).all() and (model.geom_conaffinity[drawn] == 0).all()
    assert (model.geom_contype[model.geom_group == 3] == 1).all()
    assert model.geom("table").contype == 1 and model.geom("background").contype == 0
    assert model.geom("table").pos[2] + model.geom("table").size[2] == 0
    names = [model.material(i).name for i in range(model.nmat)]
    assert names == ["table", "background", "object_1", "object_2"]


def test_friction_with_the_table_is_the_geometric_mean_and_between_objects_the_larger():
    plan = plan_of(
        pose(None, [0, 0, 0.0199]),
        pose(None, [0, 0, 0.0597]),
        friction=(0.4, 0.004, 0.0003),
        table_friction=0.9,
    )
    rough = plan.objects[1].model_copy(update={"friction": (0.8, 0.002, 0.0001)})
    plan = plan.model_copy(update={"objects": (plan.objects[0], rough)})
    cube = box(0.04, 0.04, 0.04)
    world = build_world(plan, {0: cube, 1: cube})
    found = {}
    for contact in world.data.contact:
        pair = frozenset(int(world.geom_instance[g]) for g in (contact.geom1, contact.geom2))
        found.setdefault(pair, []).append(contact.friction.tolist())
        assert contact.dim == 6
    assert set(found) == {frozenset({0, 1}), frozenset({1, 2})}
    # Four corners each: the explicit pair takes the place of the table's ordinary contact.
    assert np.allclose(found[frozenset({0, 1})], [[0.6, 0.6, 0.004, 0.0003, 0.0003]] * 4)
    assert np.allclose(found[frozenset({1, 2})], [[0.8, 0.8, 0.004, 0.0003, 0.0003]] * 4)


def test_objects_of_the_same_asset_and_scale_share_their_meshes():
    plan = plan_of(somewhere(), somewhere(), somewhere(), assets=[0, 0, 0])
    larger = plan.objects[2].model_copy(update={"scale": 1.5})
    plan = plan.model_copy(update={"objects": (*plan.objects[:2], larger)})
    world = build_world(plan, {0: wedge()})
    assert world.model.nmesh == 4  # drawn and colliding, at two scales
    assert world.objects[2].mass == pytest.approx(1.5**3 * world.objects[0].mass)
    assert np.allclose(world.objects[2].inertia, 1.5**5 * world.objects[0].inertia)


def test_instances_and_poses_can_be_chosen():
    plan = plan_of(*(pose(None, [0.2 * i, 0, 0.5]) for i in range(3)), assets=[0, 0, 0])
    T = somewhere()
    world = build_world(plan, {0: wedge()}, instances=[1, 3], T_world_object={3: T}, views=False)
    assert [o.plan.instance_id for o in world.objects] == [1, 3]
    assert np.allclose(world.data.xpos[world.body_ids], [[0, 0, 0.5], T[:3, 3]])
    assert sorted(set(world.geom_instance.tolist())) == [0, 1, 3]
    assert len(world.camera_ids) == 0


@pytest.mark.parametrize("K", [[[220, 0, 100], [0, 220, 75], [0, 0, 1]], [[260, 0, 71.5], [0, 190, 93.25], [0, 0, 1]]])
def test_a_camera_images_with_exactly_its_K(K):
    # MuJoCo projects a mesh's silhouette; its bounding box must be that of the projected vertices.
    view = view_of(K, 200, 150, roll=0.3)
    T = pose(random_rotation(np.random.default_rng(4)), [0.03, 0.02, 0.1])
    asset = wedge(5, 0.12)
    world = build_world(plan_of(T, views=[view]), {0: asset})
    mask = render_views(world)[0].instances == 1
    rows, columns = np.nonzero(mask)
    in_camera = inverse(view.T_world_camera) @ T
    points = project(K, transform_points(in_camera, asset.mesh.vertices))
    assert columns.min() == pytest.approx(points[:, 0].min(), abs=1.01)
    assert columns.max() + 1 == pytest.approx(points[:, 0].max(), abs=1.01)
    assert rows.min() == pytest.approx(points[:, 1].min(), abs=1.01)
    assert rows.max() + 1 == pytest.approx(points[:, 1].max(), abs=1.01)


def test_a_texture_is_the_right_way_up():
    # A square seen from above, whose uv follow x and y; the image is red above, blue below.
    shape = box(0.2, 0.2, 0.02)
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, :, 0] = image[32:, :, 2] = 255
    v = shape.mesh.vertices
    mesh = Mesh(v, shape.mesh.faces, (v[:, :2] + 0.1) / 0.2, image)
    textured = type(shape)(**{**vars(shape), "mesh": mesh})
    view = view_of([[300, 0, 100], [0, 300, 75], [0, 0, 1]], 200, 150)
    world = build_world(plan_of(pose(None, [0, 0, 0.02]), views=[view]), {0: textured})
    rgb = render_views(world)[0].rgb.astype(int)
    above, below = project(
        view.K,
        transform_points(inverse(view.T_world_camera), [[0, 0.06, 0.03], [0, -0.06, 0.03]]),
    ).astype(int)
    assert rgb[above[1], above[0], 0] > 4 * rgb[above[1], above[0], 2]
    assert rgb[below[1], below[0], 2] > 4 * rgb[below[1], below[0], 0]


def test_a_missing_asset_and_a_flat_part_are_named():
    plan = plan_of(somewhere())
    with pytest.raises(SceneError, match="asset 0 of its plan"):
        build_world(plan, {})
    good = ball(0.02)
    line = asset_of(_shape(good), Part("hull", vertices=[[0, 0, 0], [0, 0, 1]]), name="flat")
    with pytest.raises(ObjectError, match="'flat': collision part 0 has 2 points"):
        build_world(plan, {0: line})
    corners = [[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0.1, 0.1, 0]]
    plane = asset_of(_shape(good), Part("hull", vertices=corners), name="flat")
    with pytest.raises(SceneError, match=r"does not compile: .*flat"):
        build_world(plan, {0: plane})


def _shape(asset):
    return trimesh.Trimesh(asset.mesh.vertices, asset.mesh.faces)


def test_the_planned_distribution_of_mass_is_the_bodys():
    asset = box(0.05, 0.1, 0.02)
    plan = plan_of(somewhere())
    offset, scale = (0.01, -0.02, 0.004), (1.0, 0.5, 1.5)
    own = plan.objects[0].model_copy(update={"com_offset": offset, "inertia_scale": scale})
    world = build_world(plan.model_copy(update={"objects": (own,)}), {0: asset})
    thing, body = world.objects[0], int(world.body_ids[0])
    assert np.allclose(world.model.body_ipos[body], asset.com + offset)
    x, y, z = 0.05, 0.1 * 0.5, 0.02 * 1.5
    expected = thing.mass / 12 * np.diag([y * y + z * z, x * x + z * z, x * x + y * y])
    assert np.allclose(thing.inertia, expected, rtol=1e-6)
    assert thing.mass == pytest.approx(world.model.body_mass[body])
    # Trials take their values from here, so they use the same ones.
    assert np.allclose(thing.asset.com, asset.com + offset) and np.allclose(
        own.density * thing.asset.unit_inertia, expected
    )
