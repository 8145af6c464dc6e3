"""Assets on disk: what is read equals what was written, and nothing is ever half written or outside its folder."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import trimesh
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from graspgen.errors import ObjectError
from graspgen.objects.asset import Mesh
from graspgen.objects.families import FAMILIES
from graspgen.objects.glb import glb_bytes, read_glb
from graspgen.objects.library import (
    LibraryCatalogue,
    content_hash,
    load_asset,
    open_catalogue,
    save_asset,
    to_json,
)
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.recipe import Objects


@pytest.fixture(scope="module")
def assets():
    return [ProceduralCatalogue(Objects(families=name), 4).asset(0) for name in FAMILIES]


def assert_equal(a, b):
    for key in ("name", "class_name", "volume", "density", "friction", "source", "licence"):
        assert getattr(a, key) == getattr(b, key)
    assert to_json(a.params) == to_json(b.params) and to_json(a.symmetry) == to_json(b.symmetry)
    assert np.array_equal(a.com, b.com) and np.array_equal(a.unit_inertia, b.unit_inertia)
    for key in ("vertices", "faces", "uv", "texture"):
        x, y = getattr(a.mesh, key), getattr(b.mesh, key)
        assert (x is None) == (y is None) and (x is None or np.array_equal(x, y)), key
    for p, q in zip(a.parts, b.parts, strict=True):
        assert p.kind == q.kind and np.array_equal(p.vertices, q.vertices)
        assert np.array_equal(p.size, q.size) and np.array_equal(p.T_asset_part, q.T_asset_part)


def textured(asset):
    rng = np.random.default_rng(0)
    uv = rng.uniform(-3, 3, (len(asset.mesh.vertices), 2))
    texture = rng.integers(0, 256, (7, 12, 3), dtype=np.uint8)
    return replace(asset, mesh=replace(asset.mesh, uv=uv, texture=texture), name="textured")


def test_every_family_is_read_back_number_for_number(assets, tmp_path):
    for asset in assets:
        assert_equal(asset, load_asset(save_asset(asset, tmp_path)))


def test_a_texture_is_read_back_number_for_number(assets, tmp_path):
    asset = textured(assets[0])
    assert_equal(asset, load_asset(save_asset(asset, tmp_path)))


def test_another_reader_sees_the_same_mesh_and_parts(assets, tmp_path):
    asset = textured(next(a for a in assets if a.class_name == "mug"))
    folder = save_asset(asset, tmp_path)
    mesh = trimesh.load_scene(folder / "visual.glb", process=False).to_mesh()
    assert np.array_equal(mesh.vertices, asset.mesh.vertices) and np.array_equal(mesh.faces, asset.mesh.faces)
    assert np.array_equal(np.asarray(mesh.visual.uv), asset.mesh.uv)
    assert np.array_equal(np.asarray(mesh.visual.material.baseColorTexture.convert("RGB")), asset.mesh.texture)
    hull = trimesh.load(folder / "parts" / "000.obj")
    assert hull.is_watertight and hull.volume > 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-2, 2, width=32)] * 3), min_size=3, max_size=9))
def test_any_coordinates_survive_the_glb(points):
    mesh = Mesh(np.array(points), np.array([[0, 1, 2]]), uv=np.array(points)[:, :2])
    back = read_glb(glb_bytes(mesh), "x.glb")
    assert np.array_equal(mesh.vertices, back.vertices) and np.array_equal(mesh.uv, back.uv)


def test_the_hash_tells_every_change(assets):
    a = textured(assets[0])
    texture = a.mesh.texture.copy()
    texture[0, 0, 0] ^= 1
    changed = [
        replace(a, density=a.density + 1),
        replace(a, class_name="other"),
        replace(a, params={**a.params, "x": 1}),
        replace(a, mesh=replace(a.mesh, vertices=a.mesh.vertices * (1 + 1e-6))),
        replace(a, mesh=replace(a.mesh, texture=texture)),
        a.scaled(1.5),
    ]
    hashes = {content_hash(x) for x in [a, *changed]}
    assert len(hashes) == len(changed) + 1
    assert content_hash(replace(a)) == content_hash(a)


def test_the_same_asset_is_left_alone_and_another_is_refused(assets, tmp_path):
    folder = save_asset(assets[0], tmp_path)
    before = os.stat(folder / "asset.yaml").st_mtime_ns
    assert save_asset(assets[0], tmp_path) == folder
    assert os.stat(folder / "asset.yaml").st_mtime_ns == before
    other = replace(assets[0], density=1.0)
    with pytest.raises(ObjectError, match="already holds another asset"):
        save_asset(other, tmp_path)
    assert load_asset(folder).density == assets[0].density
    save_asset(other, tmp_path, overwrite=True)
    assert load_asset(folder).density == 1.0
    assert [p.name for p in tmp_path.iterdir()] == [folder.name], "no temporary folder stays behind"


@pytest.mark.parametrize("name", ["../up", "a/b", "..", ".hidden", "", "-x", "a b", "x" * 200])
def test_names_that_leave_the_library_are_refused(assets, tmp_path, name):
    with pytest.raises(ObjectError, match="cannot name an asset"):
        save_asset(replace(assets[0], name=name), tmp_path / "library")
    assert not (tmp_path / "library").exists()


@pytest.mark.parametrize("bad", ["../secret.glb", "/etc/hostname", "link.glb"])
def test_paths_that_leave_the_folder_are_refused(assets, tmp_path, bad):
    folder = save_asset(assets[0], tmp_path / "library")
    shutil.copy(folder / "visual.glb", tmp_path / "library" / "secret.glb")
    (folder / "link.glb").symlink_to(tmp_path / "library" / "secret.glb")
    meta = yaml.safe_load((folder / "asset.yaml").read_text())
    (folder / "asset.yaml").write_text(yaml.safe_dump({**meta, "visual": bad}))
    with pytest.raises(ObjectError, match="outside its folder"):
        load_asset(folder)


@pytest.mark.parametrize("name", ["visual.glb", "asset.yaml", "parts/003.obj"])
@pytest.mark.parametrize("damage", ["cut", "gone", "noise"])
def test_damaged_assets_are_refused_in_one_line(assets, tmp_path, name, damage):
    folder = save_asset(next(a for a in assets if a.class_name == "mug"), tmp_path)
    path = folder / name
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        path.write_bytes(b"\x00\xff: [" * 50)
    with pytest.raises(ObjectError) as error:
        load_asset(folder)
    assert str(folder) in str(error.value) and "\n" not in str(error.value)


def test_an_edited_asset_is_found_out(assets, tmp_path):
    folder = save_asset(assets[0], tmp_path)
    path = folder / "asset.yaml"
    path.write_text(path.read_text().replace("friction: ", "friction: 1"))
    with pytest.raises(ObjectError, match="changed after it was written"):
        load_asset(folder)


def test_a_library_is_a_catalogue_in_the_order_of_names(assets, tmp_path):
    for asset in reversed(assets):
        save_asset(asset, tmp_path)
    (tmp_path / "notes.txt").write_text("not an asset")
    catalogue = open_catalogue(Objects(library=str(tmp_path)), seed=1)
    assert isinstance(catalogue, LibraryCatalogue) and len(catalogue) == len(assets)
    names = [catalogue.asset(k).name for k in range(len(catalogue))]
    assert names == sorted(a.name for a in assets)
    assert list(catalogue.class_names) == sorted({a.class_name for a in assets})
    with pytest.raises(ObjectError, match="not among"):
        catalogue.asset(len(assets))


def test_a_missing_or_empty_library_says_how_to_make_one(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ObjectError, match=r"graspgen objects import .*--to"):
            open_catalogue(Objects(library=str(path)), seed=0)


def test_without_a_library_objects_are_procedural():
    assert isinstance(open_catalogue(Objects(), 1), ProceduralCatalogue)


def test_a_level_of_detail_makes_fine_meshes_coarser_and_leaves_the_others(assets, tmp_path):
    ball, cube = trimesh.creation.icosphere(4, 0.05), trimesh.creation.box([0.1, 0.1, 0.1])
    for name, shape in {"ball": ball, "cube": cube}.items():
        save_asset(replace(assets[0], name=name, mesh=Mesh(shape.vertices, shape.faces)), tmp_path)
    coarse = LibraryCatalogue(tmp_path, Objects(library=str(tmp_path), faces=1000))
    fine, kept = coarse.asset(0).mesh, coarse.asset(1).mesh
    assert 300 < len(fine.faces) <= 1000 < len(ball.faces)
    assert np.abs(np.linalg.norm(fine.vertices, axis=1) - 0.05).max() < 0.001
    assert len(kept.faces) == 12
