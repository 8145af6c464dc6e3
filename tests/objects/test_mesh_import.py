"""Mesh import: real meshes made by others, and every way in which a mesh can be bad."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from graspgen.errors import ObjectError
from graspgen.objects import decompose as decompose_module
from graspgen.objects.asset import Mesh
from graspgen.objects.decompose import Decomposition, decompose
from graspgen.objects.hull_files import cache_folder
from graspgen.objects.library import LibraryCatalogue, load_asset
from graspgen.objects.mass import mass_properties
from graspgen.objects.mesh_check import check_mesh
from graspgen.objects.mesh_import import asset_name, import_meshes
from graspgen.objects.mesh_repair import fill_small_holes, is_closed


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(cache, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


@pytest.fixture(scope="session")
def pybullet():
    pybullet_data = pytest.importorskip("pybullet_data")
    return Path(pybullet_data.getDataPath())


def write(mesh, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    mesh.export(path)
    return path


def box(extents=(0.04, 0.06, 0.1)):
    return trimesh.creation.box(extents=extents)


def l_shape():
    """An L of 60 x 20 x 60 mm, 20 mm thick: not convex, volume known."""
    a = trimesh.creation.box(extents=[0.06, 0.02, 0.02])
    b = trimesh.creation.box(extents=[0.02, 0.02, 0.04])
    b.apply_translation([-0.02, 0, 0.03])
    return trimesh.boolean.union([a, b])


def only(report):
    assert not report.refused, report.refused
    (done,) = report.accepted
    return done


def refusal(path, library, **options):
    report = import_meshes([path], library, **options)
    assert not report.accepted and len(report.refused) == 1
    reason = report.refused[0].reason
    assert str(path) in reason and "\n" not in reason
    assert not Path(library).exists() or not list(Path(library).iterdir())
    return reason


@pytest.mark.parametrize("suffix", ["obj", "stl", "ply", "glb", "off"])
def test_every_type_gives_the_same_solid(suffix, tmp_path):
    done = only(import_meshes([write(box(), tmp_path / f"block.{suffix}")], tmp_path / "lib", density=500))
    asset = load_asset(done.folder)
    assert done.name == asset.class_name == "block"
    assert done.volume == pytest.approx(0.04 * 0.06 * 0.1, rel=1e-5)
    assert done.mass == pytest.approx(0.12, rel=1e-5)
    assert done.parts == 1 and abs(done.excess) < 1e-5
    assert np.allclose(asset.extents, [0.04, 0.06, 0.1], atol=1e-6)
    assert np.allclose(asset.com, 0, atol=1e-8)


def test_scale_target_size_and_mass(tmp_path):
    path = write(box([40, 60, 100]), tmp_path / "mm.stl")
    scaled = only(import_meshes([path], tmp_path / "a", scale=0.001, mass=0.3))
    assert scaled.extents == pytest.approx((0.04, 0.06, 0.1)) and scaled.mass == pytest.approx(0.3)
    assert load_asset(scaled.folder).density == pytest.approx(0.3 / 0.00024, rel=1e-5)
    sized = only(import_meshes([path], tmp_path / "b", target_size=0.05))
    assert max(sized.extents) == pytest.approx(0.05)
    assert any("600 kg/m³" in note for note in sized.notes)


def test_a_concave_mesh_is_cut_into_parts_that_cover_it_and_little_more(tmp_path):
    done = only(import_meshes([write(l_shape(), tmp_path / "l.stl")], tmp_path / "lib"))
    assert done.volume == pytest.approx(0.06 * 0.02 * 0.02 + 0.02 * 0.02 * 0.04, rel=1e-4)
    assert done.parts == 2 and abs(done.excess) < 0.02


def test_a_decomposition_is_read_from_the_cache(monkeypatch):
    mesh = l_shape()
    mesh.apply_scale(1.37)
    first = decompose(mesh.vertices, mesh.faces)
    monkeypatch.setattr(decompose_module, "run_coacd", None)  # a second run would fail
    second = decompose(mesh.vertices, mesh.faces)
    assert all(np.array_equal(a.vertices, b.vertices) for a, b in zip(first, second, strict=True))
    files = list(cache_folder().iterdir())
    assert files and not [f for f in files if f.name.startswith(".")]


def test_a_damaged_cache_entry_is_made_again():
    mesh = l_shape()
    mesh.apply_scale(0.81)
    first = decompose(mesh.vertices, mesh.faces)
    newest = max(cache_folder().iterdir(), key=lambda p: p.stat().st_mtime_ns)
    newest.write_bytes(b"PK\x03\x04 not a cache entry")
    again = decompose(mesh.vertices, mesh.faces)
    assert all(np.array_equal(a.vertices, b.vertices) for a, b in zip(first, again, strict=True))


def test_a_round_convex_mesh_is_one_hull_with_few_corners():
    ball = trimesh.creation.icosphere(subdivisions=5, radius=0.02)
    (part,) = decompose(ball.vertices, ball.faces)
    assert len(part.vertices) <= decompose_module.MOST_CORNERS
    assert trimesh.convex.convex_hull(part.vertices).volume > 0.97 * ball.volume


# ---- real meshes made by others


def test_random_urdfs_are_their_own_convex_parts(pybullet, tmp_path):
    paths = [pybullet / f"random_urdfs/{k:03d}/{k:03d}.obj" for k in (0, 3, 17)]
    report = import_meshes(paths, tmp_path / "lib", target_size=0.12)
    assert [a.name for a in report.accepted] == ["000", "003", "017"]
    assert all(abs(a.excess) < 0.01 for a in report.accepted)
    assert len(LibraryCatalogue(tmp_path / "lib")) == 3


def test_the_duck_keeps_its_texture(pybullet, tmp_path):
    done = only(import_meshes([pybullet / "duck.obj"], tmp_path / "lib", target_size=0.12))
    mesh = load_asset(done.folder).mesh
    assert mesh.texture is not None and mesh.uv is not None and len(mesh.uv) == len(mesh.vertices)
    assert abs(done.excess) < 0.05
    # The duck is yellow: so is the texture where its vertices look it up.
    h, w = mesh.texture.shape[:2]
    column = np.clip((mesh.uv[:, 0] % 1 * w).astype(int), 0, w - 1)
    row = np.clip(((1 - mesh.uv[:, 1]) % 1 * h).astype(int), 0, h - 1)
    red, green, blue = np.median(mesh.texture[row, column], axis=0)
    assert red > 180 and green > 150 and blue < 120


def test_a_real_mug_is_repaired_and_stays_hollow(pybullet, tmp_path):
    done = only(import_meshes([pybullet / "objects/mug.obj"], tmp_path / "lib", target_size=0.12))
    assert any("closed 2 holes" in note for note in done.notes)
    asset = load_asset(done.folder)
    middle = asset.mesh.bounds.mean(axis=0)
    hulls = [trimesh.convex.convex_hull(p.vertices) for p in asset.parts]
    rim = [asset.mesh.bounds[0][0] + 0.0405, middle[1], middle[2]]
    assert not any(h.contains([rim])[0] for h in hulls), "a finger fits into the mug"


# ---- repairs


def test_inside_out_is_turned_and_said(tmp_path):
    mesh = box()
    mesh.faces = mesh.faces[:, ::-1]
    done = only(import_meshes([write(mesh, tmp_path / "flip.stl")], tmp_path / "lib"))
    assert any("inside-out" in note for note in done.notes)
    asset = load_asset(done.folder)
    assert mass_properties(asset.mesh.vertices, asset.mesh.faces).volume > 0


@pytest.mark.parametrize("turned", [[0], [5], [5, 6, 7, 200], range(0, 1280, 2)], ids=["first", "one", "some", "half"])
def test_triangles_turned_round_are_turned_back(turned):
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=0.03)
    faces = mesh.faces.copy()
    faces[list(turned)] = faces[list(turned)][:, ::-1]
    checked = check_mesh(Mesh(mesh.vertices, faces), "ball")
    assert any("wrong way" in note for note in checked.notes)
    assert mass_properties(checked.mesh.vertices, checked.mesh.faces).volume == pytest.approx(mesh.volume, rel=1e-5)


@pytest.mark.parametrize("missing", [[0], [0, 1], [0, 1, 2], [3, 700, 2000]])
def test_small_holes_are_filled_and_the_texture_kept(missing):
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.03)
    texture = np.full((4, 4, 3), 200, np.uint8)
    faces = np.delete(ball.faces, missing, axis=0)
    holed = Mesh(ball.vertices, faces, uv=ball.vertices[:, :2], texture=texture)
    checked = check_mesh(holed, "ball")
    assert any("closed" in note and "hole" in note for note in checked.notes)
    assert checked.mesh.texture is not None and is_closed(checked.faces)
    volume = mass_properties(checked.mesh.vertices, checked.mesh.faces).volume
    assert volume == pytest.approx(ball.volume, rel=1e-3)


@pytest.mark.parametrize(("finer", "missing"), [(0, 1), (2, 1), (2, 2)])
def test_a_box_that_lacks_a_triangle_is_a_solid_box(finer, missing):
    box = trimesh.creation.box((0.1, 0.08, 0.06))
    for _ in range(finer):
        box = box.subdivide()
    checked = check_mesh(Mesh(box.vertices, box.faces[missing:].astype(np.int32)), "box")
    assert "closed" in checked.notes[0]
    assert mass_properties(checked.vertices, checked.faces).volume == pytest.approx(0.00048)


def test_a_box_without_a_lid_stays_open():
    box = trimesh.creation.box((0.1, 0.08, 0.06))
    lid = box.face_normals[:, 2] > 0.5
    checked = check_mesh(Mesh(box.vertices, box.faces[~lid].astype(np.int32)), "box")
    assert mass_properties(checked.vertices, checked.faces).volume < 0.0001


def test_loose_triangles_are_not_closed_by_their_own_backs():
    loose = np.array([[0, 1, 2]], np.int32)
    added, holes, _ = fill_small_holes(np.eye(3), loose)
    assert len(added) == holes == 0


def test_seams_of_a_texture_are_no_holes():
    mesh = box()
    split = Mesh(mesh.vertices[mesh.faces].reshape(-1, 3), np.arange(36).reshape(-1, 3))
    checked = check_mesh(split, "box")
    assert not checked.notes and len(checked.vertices) == 8


def test_an_open_cup_is_not_filled_but_wrapped(tmp_path):
    cup = trimesh.creation.cylinder(radius=0.04, height=0.09, sections=32)
    lid = cup.triangles_center[:, 2] > 0.0449
    cup.update_faces(~lid)
    coarse = Decomposition(threshold=0.1, mcts_nodes=4, mcts_iterations=6, resolution=500)
    done = only(import_meshes([write(cup, tmp_path / "cup.ply")], tmp_path / "lib", decomposition=coarse))
    assert any("not watertight: replaced by a mesh on voxels" in note and "thick" in note for note in done.notes)
    assert done.volume < 0.5 * np.pi * 0.04**2 * 0.09, "the cup stays hollow"
    asset = load_asset(done.folder)
    assert trimesh.Trimesh(asset.mesh.vertices, asset.mesh.faces, process=False).is_watertight


def test_overlapping_shells_weigh_as_their_union():
    a, b = box([0.06, 0.06, 0.06]), box([0.06, 0.06, 0.06])
    b.apply_translation([0.03, 0, 0])
    both = trimesh.util.concatenate([a, b])
    checked = check_mesh(Mesh(both.vertices, both.faces), "two")
    assert mass_properties(checked.vertices, checked.faces).volume == pytest.approx(0.09 * 0.06 * 0.06, rel=1e-4)
    assert any("2 shells" in note for note in checked.notes)


def test_a_cavity_stays_a_cavity():
    outside, hollow = box([0.1] * 3), box([0.08] * 3)
    hollow.faces = hollow.faces[:, ::-1]
    both = trimesh.util.concatenate([outside, hollow])
    checked = check_mesh(Mesh(both.vertices, both.faces), "safe")
    assert mass_properties(checked.vertices, checked.faces).volume == pytest.approx(0.1**3 - 0.08**3, rel=1e-4)


# ---- refusals: one line with the file, the cause and the mend


def test_a_mug_of_60_metres_is_refused_where_its_unit_is_not_guessed(tmp_path):
    reason = refusal(write(box([60, 80, 90]), tmp_path / "mug.stl"), tmp_path / "lib", unit_guess=False)
    assert "90 m wide" in reason and "millimetres" in reason and "--scale 0.001" in reason


@pytest.mark.parametrize(
    "content, cause",
    [
        ("", "empty"),
        ("this is no mesh\n", "no triangles"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\n", "no triangles"),
        ("v nan 0 0\nv .1 0 0\nv 0 .1 0\nv 0 0 .1\nf 1 2 3\nf 1 2 4\nf 2 3 4\nf 1 3 4\n", "NaN"),
        ("v inf 0 0\nv .1 0 0\nv 0 .1 0\nv 0 0 .1\nf 1 2 3\nf 1 2 4\nf 2 3 4\nf 1 3 4\n", "NaN or infinite"),
        ("v 0 0 0\nv .1 0 0\nv 0 .1 0\nv .1 .1 0\nf 1 2 3\nf 2 4 3\n", "flat"),
        ("v 0 0 0\nv .1 0 .1\nv 0 .1 0\nv .1 .1 .1\nf 1 2 3\nf 2 4 3\n", "flat"),
        ("v 0 0 0\nv .1 0 0\nf 1 2 9\n", "export"),
    ],
)
def test_bad_files_are_refused(content, cause, tmp_path):
    path = tmp_path / "bad.obj"
    path.write_text(content)
    for options in ({}, {"target_size": 0.1}):
        assert cause in refusal(path, tmp_path / "lib", **options)


def test_other_bad_files_are_refused(tmp_path):
    assert "no such file" in refusal(tmp_path / "missing.obj", tmp_path / "lib")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8")
    assert "not a mesh type" in refusal(tmp_path / "photo.jpg", tmp_path / "lib")
    (tmp_path / "cut.glb").write_bytes(b"glTF\x02\x00\x00\x00\xff\x00\x00\x00")
    assert "cannot be read as a GLB" in refusal(tmp_path / "cut.glb", tmp_path / "lib")
    (tmp_path / "noise.stl").write_bytes(bytes(range(256)) * 3)
    assert "export" in refusal(tmp_path / "noise.stl", tmp_path / "lib")
    tiny = write(box([1e-4, 2e-4, 3e-4]), tmp_path / "tiny.stl")
    assert "--scale 1000" in refusal(tiny, tmp_path / "lib")
    (tmp_path / "folder").mkdir()
    assert "holds no mesh" in refusal(tmp_path / "folder", tmp_path / "lib")


def test_one_bad_file_among_many_is_skipped(tmp_path):
    good = [write(box(), tmp_path / "in" / name) for name in ("a.stl", "c.obj")]
    (tmp_path / "in" / "b.obj").write_text("nothing")
    seen = []
    report = import_meshes([tmp_path / "in"], tmp_path / "lib", progress=seen.append)
    assert [a.path for a in report.accepted] == good
    assert [r.path.name for r in report.refused] == ["b.obj"] and len(seen) == 3


def test_a_folder_is_searched_but_for_collision_parts_and_names_stay_apart(tmp_path):
    root = tmp_path / "in"
    for name in ("mug/textured.obj", "bowl/textured.obj", "pan.obj", "old/pan.stl"):
        write(box(), root / name)
    for name in ("mug/textured_coacd_0.stl", "duck_vhacd.obj", "mug_col.obj", "collision/x.obj", "mug/parts/0.obj"):
        write(box(), root / name)
    report = import_meshes([root], tmp_path / "lib")
    assert sorted(a.name for a in report.accepted) == ["bowl", "mug", "pan", "pan-2"]
    again = import_meshes([root], tmp_path / "lib")
    assert not again.refused, "importing once more changes nothing"


def test_names_never_leave_the_library(tmp_path):
    path = write(box(), tmp_path / "..weird name;$(x).stl")
    done = only(import_meshes([path], tmp_path / "lib"))
    assert done.folder.parent == tmp_path / "lib" and done.name == "weird_name_x_"
    assert asset_name(Path("Größe é.obj")) == "Groe_e"
    for name in ("../x", "a/b", ".."):
        with pytest.raises(ObjectError, match="not a valid name"):
            import_meshes([path], tmp_path / "lib", name=name)


def test_arguments_that_contradict_are_refused(tmp_path):
    path = write(box(), tmp_path / "a.stl")
    for options, cause in [
        ({"scale": 0.5, "target_size": 0.1}, "scale and a target size"),
        ({"mass": 1.0, "density": 500}, "mass and a density"),
        ({"scale": 0.0}, "above 0"),
        ({"density": float("nan")}, "above 0"),
    ]:
        with pytest.raises(ObjectError, match=cause):
            import_meshes([path], tmp_path / "lib", **options)
    with pytest.raises(ObjectError, match="one name"):
        import_meshes([path, write(box(), tmp_path / "b.stl")], tmp_path / "lib", name="x")
