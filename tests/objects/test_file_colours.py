"""Colours of files without textures reach the asset: of materials, of vertices, of URDFs and MJCFs."""

import numpy as np
import pytest
import trimesh

from graspgen.objects.file_colours import baked
from graspgen.objects.library import load_asset
from graspgen.objects.mesh_import import import_meshes


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def imported(path, tmp_path, **options):
    report = import_meshes([path], tmp_path / "lib", overwrite=True, **options)
    assert not report.refused, report.refused
    return load_asset(report.accepted[0].folder).mesh


def shown(mesh):
    """Return the colour in the middle of every face, as the texture gives it."""
    u, v = mesh.uv[mesh.faces].mean(axis=1).T
    height, width = mesh.texture.shape[:2]
    return mesh.texture[((1 - v) % 1 * height).astype(int) % height, (u % 1 * width).astype(int) % width]


def boxes():
    left, right = trimesh.creation.box([0.04, 0.04, 0.04]), trimesh.creation.box([0.04, 0.04, 0.04])
    right.apply_translation([0.04, 0, 0])
    return left, right


def test_two_materials_of_an_obj_show_on_their_own_faces(tmp_path):
    (tmp_path / "m.mtl").write_text("newmtl red\nKd 0.8 0.1 0.1\nnewmtl blue\nKd 0.1 0.2 0.9\n")
    lines, start = ["mtllib m.mtl"], 1
    for name, mesh in zip(("red", "blue"), boxes(), strict=True):
        lines += [f"o {name}", f"usemtl {name}", *("v {} {} {}".format(*v) for v in mesh.vertices)]
        lines += ["f {} {} {}".format(*(f + start)) for f in mesh.faces]
        start += len(mesh.vertices)
    (tmp_path / "two.obj").write_text("\n".join(lines) + "\n")
    mesh = imported(tmp_path / "two.obj", tmp_path)
    colours = shown(mesh)
    right = mesh.vertices[mesh.faces].mean(axis=1)[:, 0] > 0.0201
    left = mesh.vertices[mesh.faces].mean(axis=1)[:, 0] < 0.0199
    assert np.allclose(colours[left], (204, 26, 26), atol=1) and np.allclose(colours[right], (26, 51, 230), atol=1)


def test_one_colour_becomes_a_plain_texture_that_can_be_replaced(tmp_path):
    (tmp_path / "m.mtl").write_text("newmtl red\nKd 0.8 0.1 0.1\n")
    box = boxes()[0]
    lines = ["mtllib m.mtl", "usemtl red", *("v {} {} {}".format(*v) for v in box.vertices)]
    (tmp_path / "a.obj").write_text("\n".join([*lines, *("f {} {} {}".format(*(f + 1)) for f in box.faces)]))
    mesh = imported(tmp_path / "a.obj", tmp_path)
    assert (mesh.texture == (204, 26, 26)).all()
    assert np.ptp(mesh.uv, axis=0).min() > 0.9, "its coordinates are those of an unwrapped mesh"


def test_grey_says_nothing(tmp_path):
    (tmp_path / "m.mtl").write_text("newmtl none\nKd 0.8 0.8 0.8\n")
    box = boxes()[0]
    lines = ["mtllib m.mtl", "usemtl none", *("v {} {} {}".format(*v) for v in box.vertices)]
    (tmp_path / "a.obj").write_text("\n".join([*lines, *("f {} {} {}".format(*(f + 1)) for f in box.faces)]))
    assert imported(tmp_path / "a.obj", tmp_path).texture is None
    box.export(tmp_path / "b.stl")
    assert imported(tmp_path / "b.stl", tmp_path).texture is None


def test_a_base_colour_of_a_gltf_is_linear(tmp_path):
    box = boxes()[0]
    material = trimesh.visual.material.PBRMaterial(baseColorFactor=[0, 128, 0, 255])
    box.visual = trimesh.visual.TextureVisuals(material=material)
    box.export(tmp_path / "a.glb")
    mesh = imported(tmp_path / "a.glb", tmp_path)
    # A linear half is 188 of 255 in sRGB.
    assert np.allclose(mesh.texture[0, 0], (0, 188, 0), atol=1)


def test_colours_of_vertices_are_kept_through_decimation(tmp_path):
    ball = trimesh.creation.icosphere(subdivisions=5, radius=0.03)
    ball.visual.vertex_colors = np.where(ball.vertices[:, 2:] > 0, [[250, 30, 20, 255]], [[20, 30, 250, 255]])
    ball.export(tmp_path / "ball.ply")
    mesh = imported(tmp_path / "ball.ply", tmp_path, faces=1000)
    assert len(mesh.faces) <= 1000
    colours, z = shown(mesh), mesh.vertices[mesh.faces].mean(axis=1)[:, 2]
    assert (colours[z > 0.006] == (250, 30, 20)).all() and (colours[z < -0.006] == (20, 30, 250)).all()


def test_urdf_and_mjcf_say_their_colours(tmp_path):
    boxes()[0].export(tmp_path / "b.stl")
    (tmp_path / "a.urdf").write_text(
        '<robot name="a"><material name="m"><color rgba="0.2 0.4 0.6 1"/></material><link name="l"><visual><geometry>'
        '<mesh filename="b.stl"/></geometry><material name="m"/></visual></link></robot>'
    )
    (tmp_path / "b.xml").write_text(
        '<mujoco><worldbody><body><freejoint/><geom type="box" size=".02 .02 .02" rgba=".2 .4 .6 1"/></body>'
        "</worldbody></mujoco>"
    )
    for name in ("a.urdf", "b.xml"):
        assert (imported(tmp_path / name, tmp_path).texture == (51, 102, 153)).all()


def test_thousands_of_colours_become_few_and_close_ones():
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 255, (3000, 3)).astype(np.uint8)
    faces = np.arange(9000).reshape(-1, 3)
    vertices, new, uv, texture = baked(rng.normal(size=(9000, 3)), faces, colours)
    assert len(vertices) == 9000 and texture.size // 3 <= 256 * 16
    height, width = texture.shape[:2]
    at = uv[new[:, 0]] * [width, height]
    near = texture[(height - at[:, 1]).astype(int), at[:, 0].astype(int)].astype(int)
    assert np.abs(near - colours).mean() < 16
