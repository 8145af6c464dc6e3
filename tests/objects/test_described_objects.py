"""URDF and MJCF objects: elements where their files put them, weights that can be, collision parts that are good."""

import math

import numpy as np
import pytest
import trimesh

from graspgen.objects.given_mass import is_physical
from graspgen.objects.library import load_asset
from graspgen.objects.mesh_import import import_meshes


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def only(path, library, **options):
    report = import_meshes([path], library, **options)
    assert not report.refused, report.refused
    (done,) = report.accepted
    return done, load_asset(done.folder)


def refusal(path, library, **options):
    report = import_meshes([path], library, **options)
    assert not report.accepted
    (bad,) = report.refused
    assert str(path) in bad.reason and "\n" not in bad.reason
    return bad.reason


def box_file(folder, name="box.obj", size=(1.0, 1.0, 1.0)):
    folder.mkdir(parents=True, exist_ok=True)
    trimesh.creation.box(size).export(folder / name)
    return folder / name


def urdf(folder, body, name="thing.urdf"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f'<robot name="x">{body}</robot>')
    return path


def mjcf(folder, body, asset="", head="", name="thing.xml"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"<mujoco>{head}<asset>{asset}</asset><worldbody>{body}</worldbody></mujoco>")
    return path


L_URDF = """
<link name="a">
  <inertial><origin xyz="0 0 0.01"/><mass value="0.3"/>
    <inertia ixx="2e-4" ixy="0" ixz="0" iyy="2e-4" iyz="0" izz="1e-4"/></inertial>
  <visual><geometry><mesh filename="box.obj" scale="0.08 0.04 0.02"/></geometry></visual>
  <visual><origin xyz="0.05 0 0.03" rpy="0 1.5707963267948966 0"/>
    <geometry><mesh filename="box.obj" scale="0.08 0.04 0.02"/></geometry></visual>
  <collision><geometry><box size="0.08 0.04 0.02"/></geometry></collision>
  <collision><origin xyz="0.05 0 0.03"/><geometry><box size="0.02 0.04 0.08"/></geometry></collision>
  <contact><lateral_friction value="0.8"/></contact>
</link>"""


def test_a_urdf_puts_scaled_meshes_at_their_origins_and_keeps_its_parts_mass_and_friction(tmp_path):
    box_file(tmp_path)
    done, asset = only(urdf(tmp_path, L_URDF), tmp_path / "lib")
    # Boxes of 80 x 40 x 20 mm about 0, and turned to 20 x 40 x 80 mm about (50, 0, 30) mm: they touch at x = 40 mm.
    assert np.allclose(asset.mesh.bounds, [[-0.04, -0.02, -0.01], [0.06, 0.02, 0.07]], atol=1e-6)
    assert done.volume == pytest.approx(2 * 0.08 * 0.04 * 0.02, rel=1e-4)
    assert [p.kind for p in asset.parts] == ["box", "box"] and asset.params["collision"]["source"] == "given"
    assert asset.params["collision"]["hausdorff"] < 1e-5
    assert done.mass == pytest.approx(0.3) and asset.friction == 0.8
    assert np.allclose(asset.com, [0, 0, 0.01]) and np.allclose(
        asset.unit_inertia * asset.density, np.diag([2e-4, 2e-4, 1e-4]), rtol=1e-6
    )


def test_what_the_user_says_comes_before_what_the_file_says(tmp_path):
    box_file(tmp_path)
    done, asset = only(urdf(tmp_path, L_URDF), tmp_path / "lib", mass=0.1, friction=0.4, given_parts=False)
    assert done.mass == pytest.approx(0.1) and asset.friction == 0.4
    assert {p.kind for p in asset.parts} == {"hull"}
    assert abs(asset.com[1]) < 1e-7 and asset.com[0] > 0.02, "the centre of mass is the mesh's"


def test_an_inertia_of_one_is_not_believed_but_the_mass_is(tmp_path):
    body = L_URDF.replace('ixx="2e-4"', 'ixx="1"').replace('iyy="2e-4"', 'iyy="1"')
    box_file(tmp_path)
    done, asset = only(urdf(tmp_path, body), tmp_path / "lib")
    assert any("inertia is not that of a body" in note for note in done.notes)
    assert done.mass == pytest.approx(0.3)
    inertia = np.linalg.eigvalsh(asset.unit_inertia * asset.density)
    assert inertia[-1] < 0.3 * 0.1**2


def test_inertia_is_physical_exactly_where_a_body_in_the_hull_can_have_it():
    cube = trimesh.creation.box([0.1, 0.1, 0.1]).vertices
    solid = np.eye(3) * 0.1**2 / 6
    assert is_physical(1.0, np.zeros(3), solid, cube)
    assert is_physical(1.0, np.zeros(3), 2.9 * solid, cube), "all of it near the corners"
    assert not is_physical(1.0, np.zeros(3), 3.1 * solid, cube), "more than all of it in the corners"
    assert not is_physical(1.0, np.array([0.06, 0, 0]), solid, cube), "the centre of mass is outside"
    assert not is_physical(1.0, np.zeros(3), np.diag([1, 1, 2.1]) * 1e-3, cube), "triangle inequality"
    assert not is_physical(1.0, np.zeros(3), np.diag([1e-3, 1e-3, -1e-3]), cube)
    rod = trimesh.creation.box([0.4, 0.02, 0.02]).vertices
    assert not is_physical(1.0, np.zeros(3), np.eye(3) * 1e-3, rod), "a rod has little about its length"


def test_collision_parts_that_fill_a_cup_are_not_used(tmp_path):
    cup = trimesh.creation.annulus(0.03, 0.04, 0.08, sections=24)
    cup.export(tmp_path / "cup.stl")
    box_file(tmp_path, "col.stl", (0.08, 0.08, 0.08))
    body = """<link name="a"><visual><geometry><mesh filename="cup.stl"/></geometry></visual>
      <collision><geometry><mesh filename="col.stl"/></geometry></collision></link>"""
    done, asset = only(urdf(tmp_path, body), tmp_path / "lib")
    assert any("given collision parts are not used: volume +" in note for note in done.notes)
    assert asset.params["collision"]["source"] in ("coacd", "walls") and len(asset.parts) > 4
    assert asset.params["collision"]["settings"]["threshold"] == 0.05


def test_links_on_fixed_joints_are_one_object(tmp_path):
    body = """
      <link name="a"><visual><geometry><box size="0.04 0.04 0.04"/></geometry></visual></link>
      <link name="b"><visual><geometry><cylinder radius="0.01" length="0.06"/></geometry></visual></link>
      <joint name="j" type="fixed"><origin xyz="0 0 0.05"/><parent link="a"/><child link="b"/></joint>"""
    done, _ = only(urdf(tmp_path, body), tmp_path / "lib")
    assert done.volume == pytest.approx(0.04**3 + math.pi * 0.01**2 * 0.06, rel=0.01)
    assert done.extents == pytest.approx((0.04, 0.04, 0.1), abs=1e-6)


MESH = '<mesh name="m" file="box.obj" scale="0.06 0.04 0.02"/>'


def test_an_mjcf_means_what_mujoco_means_by_it(tmp_path):
    """Angles, defaults and nested bodies, against the vertices of MuJoCo's own compiled model."""
    import mujoco

    box_file(tmp_path / "meshes")
    body = """<body name="o" pos="1 2 3" euler="0 0 30"><freejoint/>
      <geom class="v" mesh="m" pos="0.01 0.02 0.03" euler="10 20 30"/>
      <body pos="0 0 0.05" quat="0.9238795 0.3826834 0 0"><geom class="v" mesh="m"/></body>
      <geom type="box" size="0.03 0.02 0.01" pos="0.01 0.02 0.03" euler="10 20 30" mass="0.2"/>
      <geom type="capsule" size="0.005" fromto="0 0 0.04 0 0 0.06" mass="0.1"/></body>"""
    head = """<compiler angle="degree" meshdir="meshes"/>
      <default><default class="v"><geom type="mesh" contype="0" conaffinity="0" mass="0"/></default></default>"""
    path = mjcf(tmp_path, body, MESH, head)
    done, asset = only(path, tmp_path / "lib")
    model = mujoco.MjModel.from_xml_path(str(path))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    R, p = data.xmat[1].reshape(3, 3), data.xpos[1]
    corners = [
        ((model.mesh_vert @ data.geom_xmat[g].reshape(3, 3).T + data.geom_xpos[g]) - p) @ R
        for g in range(model.ngeom)
        if int(model.geom_type[g]) == int(mujoco.mjtGeom.mjGEOM_MESH)
    ]
    expected = np.concatenate(corners)
    assert np.allclose(np.sort(asset.mesh.bounds, axis=0)[0], expected.min(axis=0), atol=1e-6)
    assert np.allclose(asset.mesh.bounds[1], expected.max(axis=0), atol=1e-6)
    assert done.mass == pytest.approx(0.3, rel=1e-6)


def test_an_mjcf_takes_the_texture_of_its_material_and_good_parts(tmp_path):
    from PIL import Image

    mesh = trimesh.creation.box([0.06, 0.04, 0.02])
    uv = mesh.vertices[:, :2] / 0.08 + 0.5
    obj = [f"v {x} {y} {z}" for x, y, z in mesh.vertices] + [f"vt {u} {v}" for u, v in uv]
    obj += ["f " + " ".join(f"{i + 1}/{i + 1}" for i in face) for face in mesh.faces]
    (tmp_path / "box.obj").write_text("\n".join(obj))
    Image.new("RGB", (8, 8), (200, 30, 40)).save(tmp_path / "red.png")
    asset = """<mesh name="m" file="box.obj"/><texture name="t" type="2d" file="red.png"/>
      <material name="red" texture="t"/>"""
    body = """<body><freejoint/><inertial pos="0 0 0" mass="0.1" diaginertia="2e-5 3e-5 4e-5"/>
      <geom type="mesh" mesh="m" material="red" contype="0" conaffinity="0"/>
      <geom type="box" size="0.03 0.02 0.01" friction="0.7 0.005 0.0001"/></body>"""
    done, made = only(mjcf(tmp_path, body, asset), tmp_path / "lib")
    assert made.mesh.texture is not None and tuple(made.mesh.texture[3, 3]) == (200, 30, 40)
    assert [p.kind for p in made.parts] == ["box"] and done.mass == pytest.approx(0.1) and made.friction == 0.7
    assert np.allclose(np.diag(made.unit_inertia) * made.density, [2e-5, 3e-5, 4e-5], rtol=1e-5)


@pytest.mark.parametrize(
    "body, cause",
    [
        ("", "no link"),
        ('<link name="a"/>', "nothing to import"),
        ('<link name="a"/><link name="a"/>', "same name"),
        ('<link name="a"/><link name="b"/>', "without a parent"),
        (
            '<link name="a"/><link name="b"/>'
            '<joint name="j" type="revolute"><parent link="a"/><child link="b"/></joint>',
            "only rigid objects",
        ),
        ('<link name="a"><visual><geometry><mesh filename="no.obj"/></geometry></visual></link>', "is not there"),
        ('<link name="a"><visual><geometry><mesh filename="/etc/x.obj"/></geometry></visual></link>', "absolute path"),
        ('<link name="a"><visual><geometry><mesh filename="../x.obj"/></geometry></visual></link>', "leads out"),
        ('<link name="a"><visual><geometry><box size="1 nan 1"/></geometry></visual></link>', "finite"),
        ('<link name="a"><visual><geometry><box size="0.1 0.1"/></geometry></visual></link>', "3 finite numbers"),
        ('<link name="a"><visual/></link>', "no <geometry>"),
    ],
)
def test_bad_urdfs_are_refused(body, cause, tmp_path):
    box_file(tmp_path, "x.obj")
    assert cause in refusal(urdf(tmp_path / "in", body), tmp_path / "lib")


@pytest.mark.parametrize(
    "body, asset, cause",
    [
        ('<geom size="1"/>', "", "no body with a geom"),
        ('<body><joint/><geom size=".1"/></body>', "", "only rigid objects"),
        ('<body><geom size=".1"/></body><body><geom size=".1"/></body>', "", "several objects"),
        ('<body><geom type="mesh" mesh="m"/></body>', '<mesh name="m" file="../x.obj"/>', "leads out"),
        ('<body><geom type="mesh" mesh="m"/></body>', '<mesh name="m" file="/etc/passwd.obj"/>', "absolute path"),
        ('<body><geom type="mesh" mesh="m"/></body>', '<mesh name="m" file="no.obj"/>', "is not there"),
        ('<body><geom type="mesh" mesh="n"/></body>', "", "MuJoCo cannot compile"),
        ('<include file="../secret.xml"/>', "", "<include>"),
        ("<body><geom/></body>", "", "MuJoCo cannot compile"),
    ],
)
def test_bad_mjcfs_are_refused(body, asset, cause, tmp_path):
    box_file(tmp_path, "x.obj")
    assert cause in refusal(mjcf(tmp_path / "in", body, asset), tmp_path / "lib")


@pytest.mark.parametrize("suffix, tag", [("urdf", "robot"), ("xml", "mujoco")])
def test_xml_that_is_no_description_or_a_bomb_is_refused(suffix, tag, tmp_path):
    path = tmp_path / f"x.{suffix}"
    path.write_text(f'<!DOCTYPE a [<!ENTITY b "{"c" * 99}">]><{tag}>&b;</{tag}>')
    assert "entities" in refusal(path, tmp_path / "lib")
    path.write_text(f"<{tag}><link")
    assert "no valid XML" in refusal(path, tmp_path / "lib")
    path.write_text("<other/>")
    assert "not <" in refusal(path, tmp_path / "lib")
