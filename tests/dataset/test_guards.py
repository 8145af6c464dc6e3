"""Hostile files are refused before anything outside the dataset is read or much memory is asked for."""

from __future__ import annotations

import json
import resource
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from test_check import SHARD, damage

import graspgen.dataset.reader as reader
from graspgen.dataset.check import check
from graspgen.dataset.chunks import UNSEEN, guard_chunks
from graspgen.dataset.guards import inside
from graspgen.dataset.mesh import read_mesh
from graspgen.errors import DatasetError


def replace(name: str, **options) -> Callable[[h5py.File], None]:
    """Make a dataset anew, with its values where no other shape or data are given."""

    def change(file: h5py.File) -> None:
        values, attrs = file[name][...], dict(file[name].attrs)
        del file[name]
        given = {"data": values} if "shape" not in options and "data" not in options else {}
        dataset = file.create_dataset(name, **{**given, **options})
        for key, value in attrs.items():
            dataset.attrs[key] = value

    return change


def link(name: str, to) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = to

    return change


def virtual(source: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        shape = file["objects/mass"].shape
        del file["objects/mass"]
        layout = h5py.VirtualLayout(shape, "f8")
        layout[...] = h5py.VirtualSource(source, "objects/mass", shape)
        file["objects"].create_virtual_dataset("mass", layout)

    return change


def external(file: h5py.File) -> None:
    n = len(file["objects/mass"])
    secret = Path(file.filename).parents[2] / "secret.bin"
    secret.write_bytes(np.full(n, 42.0).tobytes())
    replace("objects/mass", shape=(n,), dtype="f8", external=[(str(secret), 0, 8 * n)])(file)


def unknown_filter(file: h5py.File) -> None:
    values = file["objects/mass"][...]
    del file["objects/mass"]
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((len(values),))
    plist.set_filter(307, h5py.h5z.FLAG_OPTIONAL)  # bzip2, of a plugin
    space = h5py.h5s.create_simple(values.shape)
    made = h5py.h5d.create(file["objects"].id, b"mass", h5py.h5t.IEEE_F64LE, space, plist)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, values)


def references(file: h5py.File) -> None:
    n = len(file["objects/mass"])
    replace("objects/mass", data=np.array([file.ref] * n, h5py.ref_dtype), dtype=h5py.ref_dtype)(file)


def long_texts(file: h5py.File) -> None:
    """Ten million rows that all show the first one's text."""
    shape = file["views/camera"].shape
    replace("views/camera", shape=(10**7, *shape[1:]), dtype=h5py.string_dtype())(file)


HOSTILE = {
    "a link to another file": ("objects/mass", link("objects/mass", h5py.ExternalLink("/etc/passwd", "/x"))),
    "a table in another file": ("objects/mass", link("objects", h5py.ExternalLink("../../other.h5", "/objects"))),
    "a soft link": ("objects/mass", link("objects/mass", h5py.SoftLink("/objects/id"))),
    "a virtual column from outside": ("objects/mass", virtual("../../other.h5")),
    "a virtual column from inside": ("objects/mass", virtual("shard-00001.h5")),
    "values in another file": ("objects/mass", external),
    "a filter of a plugin": ("objects/mass", unknown_filter),
    "references": ("objects/mass", references),
    "a compound": ("objects/mass", replace("objects/mass", data=np.zeros(4, [("a", "f8")]))),
    "lists of numbers": ("objects/mass", replace("objects/mass", shape=(4,), dtype=h5py.vlen_dtype("f8"))),
    "a terabyte of nothing": ("objects/mass", replace("objects/mass", shape=(2**37,), dtype="f8", chunks=(2**20,))),
    "a contiguous terabyte": ("objects/mass", replace("objects/mass", shape=(2**37,), dtype="f8")),
    "ten million texts": ("views/camera", long_texts),
    "huge images": (
        "views/rgb", replace("views/rgb", shape=(4, 10**5, 10**5, 3), dtype="u1", chunks=(1, 10**4, 10**4, 3)),
    ),
    "another rank": ("objects/mass", replace("objects/mass", data=np.zeros((4, 1)))),
    "text for numbers": ("objects/mass", replace("objects/mass", data=np.array(["a"] * 4, object))),
    "a group for a column": ("objects/mass", lambda f: (f.__delitem__("objects/mass"), f.create_group("objects/mass"))),
    "nothing": ("objects/mass", replace("objects/mass", data=h5py.Empty("f8"))),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_column_is_named_and_never_read(copy: Path, name: str) -> None:
    other = copy.parent.parent / "other.h5"
    with h5py.File(copy / SHARD) as file, h5py.File(copy.parent / "other.h5", "w") as out:
        file.copy("objects", out)
        out["objects/mass"][...] = 42.0
    path, change = HOSTILE[name]
    damage(copy, change)
    table, column = path.split("/")
    found = check(copy)
    assert any(v.table == table for v in found), [str(v) for v in found]
    assert all(len(str(v)) < 400 for v in found)
    with reader.open(copy) as dataset, pytest.raises(DatasetError) as error:
        values = dataset.tables[table][column]
        np.asarray(values[0])
    assert "\n" not in str(error.value) and not other.exists()


def bomb(size: int) -> bytes:
    """A deflate stream of about a thousandth of `size` zeros: one block, again and again."""
    stream = zlib.compressobj(9, wbits=-15)
    block = stream.compress(bytes(1 << 22)) + stream.flush(zlib.Z_FULL_FLUSH)
    return b"\x78\xda" + block * (size >> 22)


def test_an_image_that_unpacks_to_more_than_its_size_is_refused_before_it_does(copy: Path) -> None:
    packed = bomb(3 << 30)
    assert len(packed) > UNSEEN
    for name in ("views/rgb", "views/depth"):
        damage(copy, lambda file, name=name: file[name].id.write_direct_chunk((0, 0, 0, 0)[: file[name].ndim], packed))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with reader.open(copy) as dataset:
        for read in (dataset.rgb, dataset.depth):
            with pytest.raises(DatasetError, match="unpacks to more") as error:
                read(0)
            assert "\n" not in str(error.value)
        dataset.rgb(1)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 19, "kiB"


def test_a_column_that_unpacks_to_more_than_its_size_is_refused_before_it_does(copy: Path) -> None:
    def change(file: h5py.File) -> None:
        replace("objects/mass", chunks=(2,), compression="gzip")(file)
        file["objects/mass"].id.write_direct_chunk((2,), bomb(3 << 30))

    damage(copy, change)
    with reader.open(copy) as dataset, pytest.raises(DatasetError, match="unpacks to more"):
        dataset.objects["mass"]


def test_long_chunks_are_read_as_they_are(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 1100, 1000, 3), np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("rgb", data=noise, chunks=(1, 1100, 1000, 3), compression="gzip", shuffle=True)
        assert dataset.id.get_chunk_info(1).size > UNSEEN
        guard_chunks(dataset, 1)
        guard_chunks(dataset)
        dataset.id.write_direct_chunk((1, 0, 0, 0), zlib.compress(bytes(10)) + bytes(UNSEEN))
        with pytest.raises(ValueError, match="unpacks to 10"):
            guard_chunks(dataset, 1)
        dataset.id.write_direct_chunk((1, 0, 0, 0), bytes(UNSEEN + 1))
        with pytest.raises(ValueError, match="damaged deflate stream"):
            guard_chunks(dataset, 1)


def test_filters_are_not_stacked(copy: Path) -> None:
    def change(file: h5py.File) -> None:
        del file["objects/mass"]
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((2,))
        plist.set_deflate(9)
        plist.set_deflate(9)
        space = h5py.h5s.create_simple((4,))
        h5py.h5d.create(file["objects"].id, b"mass", h5py.h5t.IEEE_F64LE, space, plist)

    damage(copy, change)
    with reader.open(copy) as dataset, pytest.raises(DatasetError, match="more than once"):
        dataset.objects["mass"]


def test_a_user_block_is_refused(copy: Path) -> None:
    def shift(path: Path) -> None:
        data = path.read_bytes()
        path.write_bytes(b"MZ" + b"\0" * 510 + data)

    shift(copy / SHARD)
    assert any("user block" in str(v) or "changed" in str(v) for v in check(copy))
    with pytest.raises(DatasetError, match="user block"):
        reader.open(copy / SHARD)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "", "a\0b"])
def test_names_that_climb_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="leaves the dataset"):
        inside(tmp_path, name)


def test_symbolic_links_may_stay_inside_and_not_lead_out(copy: Path, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere.h5"
    (copy / SHARD).rename(outside)
    (copy / SHARD).symlink_to(outside)
    with reader.open(copy) as dataset, pytest.raises(DatasetError, match="link out of the dataset"):
        dataset.objects["mass"]
    assert any("link out of the dataset" in str(v) for v in check(copy))
    mesh = copy / "objects/box_0/visual.glb"
    mesh.rename(copy / "objects/kept.glb")
    mesh.symlink_to(copy / "objects/kept.glb")
    assert len(read_mesh(copy, "objects/box_0/visual.glb")[0])
    mesh.unlink()
    mesh.symlink_to("/etc/passwd")
    with pytest.raises(DatasetError, match="link out of the dataset"):
        read_mesh(copy, "objects/box_0/visual.glb")


def glb(content: dict, blob: bytes = b"\0" * 64) -> bytes:
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + len(blob)
    head = struct.pack("<III", 0x46546C67, 2, total) + struct.pack("<II", len(text), 0x4E4F534A)
    return head + text + struct.pack("<II", len(blob), 0x004E4942) + blob


@pytest.mark.parametrize(
    "content",
    [
        {"buffers": [{"uri": "../../../../etc/passwd", "byteLength": 8}]},
        {"images": [{"uri": "file:///etc/passwd"}]},
        {"accessors": [{"componentType": 5126, "count": 2**40, "type": "VEC3"}]},
        {"accessors": [{"componentType": 5126, "count": 4, "type": "VEC3"}]},
        {"nodes": [{}] * 10_001},
    ],
)
def test_a_mesh_cannot_name_files_or_declare_more_than_it_holds(tmp_path: Path, content: dict) -> None:
    (tmp_path / "a.glb").write_bytes(glb({"asset": {"version": "2.0"}, **content}))
    with pytest.raises(DatasetError, match="no readable mesh"):
        read_mesh(tmp_path, "a.glb")
