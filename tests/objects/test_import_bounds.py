"""Hostile, huge and broken mesh files: refused or mended in one line, in bounded time and memory."""

import base64
import json
import os
import resource
import struct
import subprocess
import sys
import time
import zlib
from io import BytesIO

import numpy as np
import pytest
import trimesh
from PIL import Image

from graspgen.errors import ObjectError
from graspgen.objects import import_pool
from graspgen.objects.coacd_run import Decomposition
from graspgen.objects.library import load_asset
from graspgen.objects.mesh_find import find_objects
from graspgen.objects.mesh_import import import_meshes


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def refusal(path, library, **options):
    start = time.perf_counter()
    report = import_meshes([path], library, **options)
    assert time.perf_counter() - start < 5
    assert not report.accepted
    (bad,) = report.refused
    assert str(path) in bad.reason and "\n" not in bad.reason
    return bad.reason


def accepted(path, library, **options):
    report = import_meshes([path], library, **options)
    assert not report.refused, report.refused
    (done,) = report.accepted
    return done, load_asset(done.folder).mesh


def glb(doc, blob=b""):
    text = json.dumps(doc).encode()
    text += b" " * (-len(text) % 4)
    blob += b"\0" * (-len(blob) % 4)
    size = 12 + 8 + len(text) + 8 + len(blob)
    head = struct.pack("<4sII", b"glTF", 2, size) + struct.pack("<I4s", len(text), b"JSON")
    return head + text + struct.pack("<I4s", len(blob), b"BIN\0") + blob


def cube(image=None, uri=None):
    """A cube of 50 mm as a glTF document and its buffer."""
    mesh = trimesh.creation.box([0.05, 0.05, 0.05])
    faces = np.asarray(mesh.faces, "<u4").tobytes()
    points = np.asarray(mesh.vertices, "<f4").tobytes()
    uv = np.asarray(mesh.vertices[:, :2] * 10 + 0.5, "<f4").tobytes()
    blob = faces + points + uv + (image or b"")
    spans = [(0, len(faces)), (len(faces), len(points)), (len(faces) + len(points), len(uv))]
    if image:
        spans.append((len(blob) - len(image), len(image)))
    doc = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 1, "TEXCOORD_0": 2}, "indices": 0, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "accessors": [
            {"bufferView": 0, "componentType": 5125, "count": 36, "type": "SCALAR"},
            {"bufferView": 1, "componentType": 5126, "count": 8, "type": "VEC3"},
            {"bufferView": 2, "componentType": 5126, "count": 8, "type": "VEC2"},
        ],
        "bufferViews": [{"buffer": 0, "byteOffset": a, "byteLength": n} for a, n in spans],
        "buffers": [{"byteLength": len(blob)}],
    }
    if image or uri:
        doc["images"] = [{"bufferView": 3, "mimeType": "image/png"} if image else {"uri": uri}]
        doc["textures"] = [{"source": 0}]
    return doc, blob


def png(colour=(10, 200, 30), size=(8, 8)):
    file = BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def bomb(side=60_000):
    """A PNG of a few kilobytes that announces 3.6 thousand million pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 4096)) + chunk(b"IEND", b"")
    )


# ---- GLB and glTF


def test_a_good_glb_keeps_its_texture_and_place(tmp_path):
    path = tmp_path / "cube.glb"
    path.write_bytes(glb(*cube(png())))
    _, mesh = accepted(path, tmp_path / "lib")
    assert tuple(mesh.texture[2, 2]) == (10, 200, 30) and np.allclose(mesh.bounds, [[-0.025] * 3, [0.025] * 3])


def damaged(change):
    doc, blob = cube()
    change(doc)
    return glb(doc, blob)


@pytest.mark.parametrize(
    "data, cause",
    [
        (lambda: glb(*cube())[:200], "announces"),
        (lambda: b"glTF" + b"\0" * 40, "does not begin"),
        (lambda: b"PK\x03\x04" * 100, "does not begin"),
        (lambda: glb(*cube())[:20] + b"\xff" * 900, "cannot be read as a GLB"),
        (lambda: damaged(lambda d: d["accessors"][1].update(count=10**9)), "more than its"),
        (lambda: damaged(lambda d: d["accessors"][1].pop("bufferView")), "no bytes of its own"),
        (lambda: damaged(lambda d: d["buffers"][0].update(byteLength=10**12)), "announces 1000000000000 bytes"),
        (lambda: damaged(lambda d: d["bufferViews"][0].update(byteLength=10**6)), "beyond its buffer"),
        (lambda: damaged(lambda d: d["accessors"][0].update(bufferView=99)), "cannot be read"),
        (lambda: damaged(lambda d: d["accessors"][0].update(count=-3)), "is no count"),
        (lambda: damaged(lambda d: d["nodes"][0].update(children=[0])), "circle"),
        (lambda: damaged(lambda d: d["nodes"].extend([{"children": [2, 2]}, {"mesh": 0}])), "two parents"),
        (lambda: damaged(lambda d: d.update(extensionsRequired=["KHR_draco_mesh_compression"])), "without compression"),
        (lambda: damaged(lambda d: d["buffers"][0].update(uri="../secret.bin")), "leads out of the folder"),
        (lambda: damaged(lambda d: d["buffers"][0].update(uri="/etc/hostname")), "absolute path"),
        (lambda: damaged(lambda d: d["buffers"][0].update(uri="https://example.com/a.bin")), "nothing is fetched"),
        (lambda: glb(*cube(bomb())), "million pixels"),
    ],
)
def test_bad_glbs_are_refused(data, cause, tmp_path):
    (tmp_path / "secret.bin").write_bytes(b"\0" * 1000)
    path = tmp_path / "in" / "x.glb"
    path.parent.mkdir()
    path.write_bytes(data())
    assert cause in refusal(path, tmp_path / "lib")


def test_a_gltf_reads_its_buffer_and_texture_beside_it_only(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    doc, blob = cube(uri="tex%20ture.png")
    doc["buffers"][0]["uri"] = "cube.bin"
    (folder / "cube.bin").write_bytes(blob)
    (folder / "tex ture.png").write_bytes(png())
    (folder / "cube.gltf").write_text(json.dumps(doc))
    _, mesh = accepted(folder / "cube.gltf", tmp_path / "lib")
    assert tuple(mesh.texture[0, 0]) == (10, 200, 30)
    (tmp_path / "outside.png").write_bytes(png((255, 0, 0)))
    doc["images"][0]["uri"] = "../outside.png"
    (folder / "cube.gltf").write_text(json.dumps(doc))
    done, mesh = accepted(folder / "cube.gltf", tmp_path / "lib2")
    assert mesh.texture is None and any("leads out of the folder" in note for note in done.notes)
    doc["buffers"][0]["uri"] = "data:application/octet-stream;base64," + base64.b64encode(blob).decode()
    del doc["images"], doc["textures"], doc["materials"], doc["meshes"][0]["primitives"][0]["material"]
    (folder / "cube.gltf").write_text(json.dumps(doc))
    assert accepted(folder / "cube.gltf", tmp_path / "lib3")[1].texture is None


# ---- textures of OBJ


def obj(folder, texture):
    mesh = trimesh.creation.box([0.05, 0.05, 0.05])
    lines = ["mtllib box.mtl", *(f"v {x} {y} {z}" for x, y, z in mesh.vertices)]
    lines += [f"vt {x * 10 + 0.5} {y * 10 + 0.5}" for x, y, _ in mesh.vertices]
    lines += ["usemtl m", *("f " + " ".join(f"{i + 1}/{i + 1}" for i in face) for face in mesh.faces)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "box.obj").write_text("\n".join(lines))
    (folder / "box.mtl").write_text(f"newmtl m\nKd 1 1 1\nmap_Kd {texture}\n")
    return folder / "box.obj"


@pytest.mark.parametrize(
    "name, why",
    [
        ("/home/somebody/work/tex.png", "absolute path"),
        ("C:\\Users\\me\\tex.png", "absolute path"),
        ("../../elsewhere/tex.png", "leads out"),
        ("gone/tex.png", "is not there"),
    ],
)
def test_a_texture_elsewhere_is_taken_from_beside_the_mesh_and_said(name, why, tmp_path):
    path = obj(tmp_path / "in", name)
    (tmp_path / "in" / "tex.png").write_bytes(png())
    done, mesh = accepted(path, tmp_path / "lib")
    assert tuple(mesh.texture[1, 1]) == (10, 200, 30)
    assert any(why in note and "took tex.png" in note for note in done.notes)


@pytest.mark.parametrize("name", ["../outside.png", "{outside}", "link.png", "no.png"])
def test_a_texture_outside_of_the_folder_is_left_out_and_said(name, tmp_path):
    outside = tmp_path / "outside.png"
    outside.write_bytes(png((255, 0, 0)))
    path = obj(tmp_path / "in", name.format(outside=outside))
    (tmp_path / "in" / "link.png").symlink_to(outside)
    done, mesh = accepted(path, tmp_path / "lib")
    assert mesh.texture is None and any(note.startswith("left out: '") for note in done.notes)


def test_an_image_bomb_beside_an_obj_is_left_out(tmp_path):
    path = obj(tmp_path / "in", "tex.png")
    (tmp_path / "in" / "tex.png").write_bytes(bomb())
    done, mesh = accepted(path, tmp_path / "lib")
    assert mesh.texture is None and any("million pixels" in note for note in done.notes)


def test_texture_coordinates_without_a_texture_make_none(tmp_path):
    path = obj(tmp_path / "in", "tex.png")
    (tmp_path / "in" / "box.mtl").unlink()
    assert accepted(path, tmp_path / "lib")[1].texture is None


# ---- ten million faces


def huge(kind, path, count=10_000_000):
    if kind == "stl":
        with path.open("wb") as file:
            file.write(b"\0" * 80 + struct.pack("<I", count))
            file.truncate(84 + 50 * count)
    elif kind == "ply":
        lines = ["ply", "format binary_little_endian 1.0", f"element vertex {count // 2}"]
        lines += ["property float x", "property float y", "property float z", f"element face {count}"]
        lines += ["property list uchar int vertex_indices", "end_header", ""]
        with path.open("wb") as file:
            file.write("\n".join(lines).encode())
            file.truncate(19 * count)
    elif kind == "off":
        with path.open("wb") as file:
            file.write(f"OFF\n{count // 2} {count} 0\n".encode())
            file.truncate(40 * count)
    else:
        with path.open("wb") as file:
            file.write(b"v 0 0 0\nv 1 0 0\nv 0 1 0\n")
            for _ in range(count // 100_000):
                file.write(b"f 1 2 3\n" * 100_000)
    return path


@pytest.mark.parametrize("kind", ["stl", "ply", "off", "obj"])
def test_a_scan_of_ten_million_faces_is_refused_before_it_is_read(kind, tmp_path):
    path = huge(kind, tmp_path / f"scan.{kind}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reason = refusal(path, tmp_path / "lib")
    assert "10000000 faces are more than 2000000; simplify" in reason
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "KiB"


def test_headers_that_announce_more_than_the_file_holds_are_refused(tmp_path):
    lines = ["ply", "format ascii 1.0", "element vertex 3", "property float x", "property float y", "property float z"]
    (tmp_path / "a.ply").write_text("\n".join([*lines, "element face 900000000000", "end_header", ""]))
    assert "announces" in refusal(tmp_path / "a.ply", tmp_path / "lib")
    (tmp_path / "a.off").write_text("OFF\n900000000 900000000 0\n0 0 0\n")
    assert "announces" in refusal(tmp_path / "a.off", tmp_path / "lib")
    (tmp_path / "a.stl").write_bytes(b"\0" * 80 + struct.pack("<I", 2**31) + b"\0" * 100)
    assert "announces" in refusal(tmp_path / "a.stl", tmp_path / "lib")


# ---- geometry


def test_two_shells_that_are_not_connected_are_one_object_and_said(tmp_path):
    both = trimesh.util.concatenate([trimesh.creation.box([0.02] * 3), trimesh.creation.icosphere(radius=0.01)])
    both.vertices[8:] += [0.05, 0, 0]
    both.export(tmp_path / "two.stl")
    done, _ = accepted(tmp_path / "two.stl", tmp_path / "lib")
    assert "2 shells that are not connected" in done.notes and done.parts == 2
    assert done.volume == pytest.approx(0.02**3 + both.split()[1].volume, rel=1e-4)


def test_faces_without_area_are_dropped_and_slivers_do_no_harm(tmp_path):
    mesh = trimesh.creation.box([0.05] * 3)
    v = np.concatenate([mesh.vertices, [(mesh.vertices[0] + mesh.vertices[mesh.faces[0][1]]) / 2]])
    a, b, c = mesh.faces[0]
    for n, extra in enumerate([[[a, a, b], [c, c, c]], [[a, b, a]] * 5]):
        path = tmp_path / f"x{n}.off"
        faces = [*mesh.faces.tolist(), *extra]
        rows = [f"{x} {y} {z}" for x, y, z in v] + [f"3 {i} {j} {k}" for i, j, k in faces]
        path.write_text(f"OFF\n{len(v)} {len(faces)} 0\n" + "\n".join(rows))
        done, _ = accepted(path, tmp_path / f"lib{n}")
        assert f"dropped {len(extra)} triangles without area" in done.notes
        assert done.volume == pytest.approx(0.05**3, rel=1e-5)


# ---- folders


def test_objects_of_one_name_are_told_apart_and_it_is_said(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        trimesh.creation.box([0.05] * 3).export(tmp_path / folder / "cup.stl")
    report = import_meshes([tmp_path / "a", tmp_path / "b"], tmp_path / "lib")
    assert [(a.name, a.class_name) for a in report.accepted] == [("cup", "cup"), ("cup-2", "cup")]
    assert any("called 'cup' already" in note for note in report.accepted[1].notes)


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")


def found(root):
    objects, empty = find_objects([root])
    assert not empty
    return {(str(o.path.relative_to(root)), o.name, o.class_name) for o in objects}


def test_layouts_of_known_collections_give_each_object_once(tmp_path):
    ycb = ("google_16k/textured.obj", "google_16k/nontextured.stl", "google_16k/nontextured.ply", "tsdf/textured.obj",
           "google_512k/textured.obj", "clouds/merged_cloud.ply", "google_16k/kinbody.xml")  # fmt: skip
    touch(tmp_path / "ycb", *(f"025_mug/{name}" for name in ycb), "065-a_cups/tsdf/nontextured.ply")
    assert {o for o in found(tmp_path / "ycb") if "cloud" not in o[0]} == {
        ("025_mug/google_16k/textured.obj", "025_mug", "mug"),
        ("065-a_cups/tsdf/nontextured.ply", "065-a_cups", "cups"),
    }
    touch(tmp_path / "gso", "Red_Mug/meshes/model.obj", "Red_Mug/meshes/model.mtl", "Red_Mug/model.sdf")
    assert found(tmp_path / "gso") == {("Red_Mug/meshes/model.obj", "Red_Mug", "Red_Mug")}
    shape = "10f6e09036350e92b3f21f1137c3c347"
    touch(tmp_path / "net", f"03797390/{shape}/models/model_normalized.obj", f"03797390/{shape}/images/t.png")
    assert found(tmp_path / "net") == {(f"03797390/{shape}/models/model_normalized.obj", shape, "mug")}
    (tmp_path / "bullet/random_urdfs/000").mkdir(parents=True)
    touch(tmp_path / "bullet/random_urdfs", "000/000.obj", "000/000.mtl")
    text = (
        '<robot name="b"><link name="l"><visual><geometry><mesh filename="000.obj"/></geometry></visual></link></robot>'
    )
    (tmp_path / "bullet/random_urdfs/000/000.urdf").write_text(text)
    assert found(tmp_path / "bullet/random_urdfs") == {("000/000.urdf", "000", "random_urdfs")}


def test_google_scanned_objects_find_their_texture_in_its_folder(tmp_path):
    path = obj(tmp_path / "gso" / "Mug" / "meshes", "texture.png")
    (tmp_path / "gso/Mug/materials/textures").mkdir(parents=True)
    (tmp_path / "gso/Mug/materials/textures/texture.png").write_bytes(png())
    for n, given in enumerate((tmp_path / "gso", path)):
        _, mesh = accepted(given, tmp_path / f"lib{n}")
        assert tuple(mesh.texture[1, 1]) == (10, 200, 30)


def test_a_limit_takes_the_first_and_two_workers_make_the_same(tmp_path):
    for n in range(4):
        trimesh.creation.box([0.03, 0.03, 0.02 + 0.01 * n]).export(tmp_path / f"b{n}.stl")
    one = import_meshes([tmp_path], tmp_path / "lib1", limit=3)
    two = import_meshes([tmp_path], tmp_path / "lib2", limit=3, workers=2)
    assert [a.name for a in one.accepted] == [a.name for a in two.accepted] == ["b0", "b1", "b2"]
    for a, b in zip(one.accepted, two.accepted, strict=True):
        assert (a.folder / "asset.yaml").read_text() == (b.folder / "asset.yaml").read_text()
        assert (a.folder / "visual.glb").read_bytes() == (b.folder / "visual.glb").read_bytes()


def test_a_mesh_that_ends_its_process_is_refused_and_the_others_go_on():
    assert list(import_pool.run_each(die_on_two, [1, 2, 3, 4], 2, str)) == [1, "2", 3, 4]


def test_an_interrupted_import_ends_at_once_and_keeps_what_was_done():
    start = time.perf_counter()
    done = import_pool.run_each(sleep_long_on_two, [1, 2, 2, 2, 2], 2, str)
    assert next(done) == 1
    with pytest.raises(KeyboardInterrupt):
        done.throw(KeyboardInterrupt)
    assert time.perf_counter() - start < 20, "four times a minute of work was under way or waiting"


def sleep_long_on_two(number):
    if number == 2:
        time.sleep(60)
    return number


def test_a_library_that_cannot_be_written_is_told_before_the_work(tmp_path, monkeypatch):
    trimesh.creation.box([0.03, 0.03, 0.02]).export(tmp_path / "b.stl")
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("graspgen.objects.mesh_import.import_one", None)
    with pytest.raises(ObjectError, match=r"cannot write to .*file: File exists"):
        import_meshes([tmp_path / "b.stl"], tmp_path / "file")


def die_on_two(number):
    if number == 2:
        os._exit(9)
    return number


def test_a_mesh_that_coacd_takes_too_long_for_is_refused_and_never_cut_worse(tmp_path):
    cross = trimesh.boolean.union([trimesh.creation.box([0.1, 0.01, 0.01]), trimesh.creation.box([0.01, 0.01, 0.1])])
    cross.export(tmp_path / "cross.stl")
    reason = refusal(tmp_path / "cross.stl", tmp_path / "lib", time_limit=0.01)
    assert "longer than 0.01 s" in reason and "--time-limit" in reason and "--method walls" in reason
    walls = Decomposition(method="walls")
    done, _ = accepted(tmp_path / "cross.stl", tmp_path / "lib", time_limit=0.01, decomposition=walls)
    assert abs(done.excess) < 0.02


def test_a_bomb_does_not_fill_the_memory(tmp_path):
    """In a process of its own that may use 4 GiB of addresses."""
    path = tmp_path / "x.glb"
    path.write_bytes(glb(*cube(bomb())))
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30));"
        "from graspgen.objects.mesh_import import import_meshes;"
        "r = import_meshes([sys.argv[1]], sys.argv[2]).refused; print(r[0].reason)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(tmp_path / "lib")], capture_output=True, text=True, timeout=60,
        check=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert "million pixels" in done.stdout
