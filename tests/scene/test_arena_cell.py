from __future__ import annotations

import mujoco
import numpy as np
import pytest
import trimesh
from scene_parts import Shelf, box, cylinder

from graspgen.errors import SceneError
from graspgen.frames import transform_points
from graspgen.recipe import Recipe
from graspgen.recipe.arenas import Cell
from graspgen.scene.arena_cell import cell_arena, load_cell
from graspgen.scene.build import build_world
from graspgen.scene.draw import draw_plan
from graspgen.scene.make import assets_of, fixtures, settled_scene

SHELF = Shelf(box(0.05, 0.05, 0.05), cylinder(0.02, 0.06))

BENCH = """
<geom name="ground" type="plane" size="0 0 1"/>
<body name="bench" pos="0.6 0.1 0.4" euler="0 0 90">
  <geom name="top" type="box" size="0.4 0.3 0.4"/>
  <geom name="post" type="cylinder" size="0.02 0.15" pos="0.3 0.2 0.55" group="2" rgba="1 0 0 1"/>
  <body name="door" pos="-0.3 0 0.5"><joint type="hinge"/><geom name="panel" type="box" size="0.01 0.1 0.1"/></body>
</body>
"""


def cell_file(folder, world, assets="", name="cell"):
    path = folder / f"{name}.xml"
    path.write_text(f"<mujoco><asset>{assets}</asset><worldbody>{world}</worldbody></mujoco>")
    return path


def recipe(path, **scene):
    return Recipe(task="t", scene={"arena": str(path), "objects": {"count": 2, "spread": 0.1}, **scene})


def test_the_origin_is_on_the_largest_level_box_with_its_axes(tmp_path):
    cell = load_cell(cell_file(tmp_path, BENCH), Cell())
    T = cell.T_world_cell
    assert transform_points(T, np.array([[0.6, 0.1, 0.8]]))[0] == pytest.approx([0, 0, 0], abs=1e-9)
    assert sorted(cell.area) == pytest.approx([0.3, 0.4])
    # The bench is turned by 90°: one of its sides is the world's x.
    assert abs(T[:2, :2]).max() == pytest.approx(1) and T[2, 2] == pytest.approx(1)
    plan = cell_arena(cell, 0.7)
    top = next(g for g in plan.geoms if g.name == "cell/top")
    assert np.array(top.T_world_geom)[:3, 3] == pytest.approx([0, 0, -0.4], abs=1e-9)


def test_a_site_says_where_objects_are_dropped_and_a_ray_finds_what_is_below(tmp_path):
    high = '<site name="drop" type="box" size="0.1 0.05 0.01" pos="0.5 0.2 1.4"/>'
    cell = load_cell(cell_file(tmp_path, BENCH + high), Cell())
    assert transform_points(cell.T_world_cell, np.array([[0.5, 0.2, 0.8]]))[0] == pytest.approx([0, 0, 0], abs=1e-9)
    assert cell.area == pytest.approx((0.1, 0.05))
    named = load_cell(cell_file(tmp_path, BENCH + high, name="other"), Cell(drop="ground", area=(0.4, 0.2)))
    assert named.T_world_cell[:3, 3] == pytest.approx([0, 0, 0]) and named.area == (0.2, 0.1)


def test_everything_that_collides_supports_and_stands_still(tmp_path):
    path = cell_file(tmp_path, BENCH)
    scene = settled_scene(recipe(path), SHELF, 1, 0)
    names = {scene.world.model.geom(i).name for i in scene.world.support_geoms}
    assert names == {"cell/ground", "cell/top", "cell/post", "cell/panel"}
    assert scene.world.model.nbody == 1 + len(scene.world.objects)  # the door has no joint any more
    assert len(scene.world.support) == 4
    assert scene.T_world_object[:, 2, 3].min() > 0.015


def test_meshes_of_a_cell_collide_as_their_hull_and_are_where_they_were(tmp_path):
    cone = trimesh.creation.cone(0.05, 0.12)
    cone.apply_translation([0.3, 0.2, 0.1])
    cone.export(tmp_path / "cone.stl")
    path = cell_file(
        tmp_path, BENCH + '<geom name="cone" type="mesh" mesh="cone" pos="0.4 0 0.8" euler="0 0 30"/>',
        '<mesh name="cone" file="cone.stl"/>',
    )  # fmt: skip
    own = mujoco.MjModel.from_xml_path(str(path))
    data = mujoco.MjData(own)
    mujoco.mj_kinematics(own, data)
    g = own.geom("cone").id
    start, count = own.mesh_vertadr[0], own.mesh_vertnum[0]
    expected = own.mesh_vert[start : start + count] @ data.geom_xmat[g].reshape(3, 3).T + data.geom_xpos[g]
    spec = recipe(path)
    plan = draw_plan(spec, SHELF, 1, 0)
    world = build_world(plan, assets_of(SHELF, plan, fixtures(spec)), views=False)
    hull = next(p for p in world.support if p.kind == "hull")
    T = load_cell(path, Cell()).T_world_cell
    assert np.allclose(hull.vertices, transform_points(T, expected), atol=1e-6)
    model = world.model
    again = model.geom("cell/cone").id
    mesh = model.geom_dataid[again]
    vertices = model.mesh_vert[model.mesh_vertadr[mesh] :][: model.mesh_vertnum[mesh]]
    placed = vertices @ world.data.geom_xmat[again].reshape(3, 3).T + world.data.geom_xpos[again]
    assert placed.min(axis=0) == pytest.approx(hull.vertices.min(axis=0), abs=1e-6)
    with pytest.raises(SceneError, match="mesh of the arena's geom 'cell/cone' is not among the assets"):
        build_world(plan, {o.asset: SHELF.asset(o.asset) for o in plan.objects})


def test_what_is_copied_stands_alone(tmp_path):
    (tmp_path / "parts").mkdir()
    trimesh.creation.box((0.1, 0.1, 0.1)).export(tmp_path / "parts" / "block.stl")
    (tmp_path / "more.xml").write_text('<mujoco><worldbody><geom name="more" size="0.01"/></worldbody></mujoco>')
    path = tmp_path / "cell.xml"
    path.write_text(
        '<mujoco><compiler meshdir="parts"/><include file="more.xml"/><asset><mesh name="b" file="block.stl"/></asset>'
        f'<worldbody>{BENCH}<geom name="b" type="mesh" mesh="b"/></worldbody></mujoco>'
    )
    cell = load_cell(path, Cell())
    assert set(cell.files) == {"block.stl"} and "more" in cell.mjcf
    other = tmp_path / "other" / "files"
    other.mkdir(parents=True)
    (other / "block.stl").write_bytes(cell.files["block.stl"])
    (other.parent / "cell.xml").write_text(cell.mjcf)
    again = load_cell(other.parent / "cell.xml", Cell())
    for one, other in zip(cell_arena(again, 0.5).geoms, cell_arena(cell, 0.5).geoms, strict=True):
        assert (one.name, one.kind, one.size, one.mesh) == (other.name, other.kind, other.size, other.mesh)
        assert np.allclose(one.T_world_geom, other.T_world_geom, atol=1e-9)


def test_the_digest_is_of_what_the_cell_holds(tmp_path):
    worlds = {"a": BENCH, "b": BENCH, "c": BENCH.replace("0.15", "0.16")}
    one, same, other = (cell_file(tmp_path, world, name=name) for name, world in worlds.items())
    first, second, third = (load_cell(p, Cell()).digest for p in (one, same, other))
    assert first == second != third


@pytest.mark.parametrize(
    ("world", "message"),
    [
        ("<geom size='-1'/>", "does not compile|no MJCF"),
        ("<geom type='box'", "is no MJCF that MuJoCo reads"),
        ("", "no geom that collides"),
        ('<geom type="plane" size="1 1 1" contype="0" conaffinity="0"/>', "no geom that collides"),
        ('<geom size="0.1"/>', "does not say where objects are dropped"),
        ('<geom size="0.1" pos="1 0 0"/><site name="drop"/>', "objects can lie on is below the site 'drop'"),
        ('<geom type="mesh" mesh="none"/>', "does not compile|no MJCF"),
        ('<geom name="tilted" type="box" size="1 1 1" euler="30 0 0"/>', "no level box"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_one_is_refused_in_a_line(tmp_path, world, message):
    with pytest.raises(SceneError, match=message) as error:
        load_cell(cell_file(tmp_path, world), Cell())
    assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)


def test_names_that_a_cell_has_not_are_told_with_the_nearest(tmp_path):
    with pytest.raises(SceneError, match="no site or geom 'tpo'; did you mean 'top'"):
        load_cell(cell_file(tmp_path, BENCH), Cell(drop="tpo"))
    with pytest.raises(SceneError, match="there is no arena"):
        load_cell(tmp_path / "nowhere.xml", Cell())
    with pytest.raises(SceneError, match="geom 'post' has no level top"):
        load_cell(cell_file(tmp_path, BENCH), Cell(drop="post"))


def test_height_fields_are_no_arena(tmp_path):
    path = cell_file(
        tmp_path, '<geom type="hfield" hfield="h"/>', '<hfield name="h" nrow="3" ncol="3" size="1 1 1 1"/>'
    )
    with pytest.raises(SceneError, match="of the kind hfield"):
        load_cell(path, Cell())


def test_a_cell_whose_fixtures_are_in_the_way_or_that_has_holes_gives_counted_refusals(tmp_path):
    full = BENCH.replace("</body>", "", 0) + '<geom type="box" size="0.2 0.2 0.2" pos="0.6 0.1 1.0"/>'
    spec = recipe(cell_file(tmp_path, full), settle={"attempts": 2, "time_limit": 2}, cell={"drop": "top"})
    with pytest.raises(SceneError, match=r"2 attempts \(overlap 2\)"):
        settled_scene(spec, SHELF, 1, 0)
    peg = '<geom name="peg" type="box" size="0.005 0.005 0.1" pos="0 0 0.3"/><site name="drop" pos="0 0 0.5"/>'
    spec = recipe(cell_file(tmp_path, peg, name="peg"), settle={"attempts": 2})
    with pytest.raises(SceneError, match=r"2 attempts \(removed 2\).*every object fell off the peg"):
        settled_scene(spec, SHELF, 1, 0)
