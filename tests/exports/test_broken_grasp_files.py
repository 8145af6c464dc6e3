"""A broken file of grasps is one clear line, never a crash, a hang or a read elsewhere."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graspgen.exports.graspnet_labels import SLOTS
from graspgen.frames import pose
from graspgen.imports.foreign import GraspFileError, Reading
from graspgen.imports.registry import read_grasps

HOW = Reading(T_base_tcp=pose(translation=[0, 0, 0.1]), stroke=0.08)
GOOD = np.tile(np.eye(4), (3, 1, 1))
T_NAME, HELD = "grasps/transforms", "grasps/qualities/flex/object_in_gripper"


def acronym(path: Path, T: object = GOOD, held: object = (1, 0, 1), **more: object) -> Path:
    with h5py.File(path, "w") as file:
        if T is not None:
            file[T_NAME] = T
        if held is not None:
            file[HELD] = held
        for name, value in more.items():
            file[name.replace("__", "/")] = value
    return path


def changed(index: tuple[int, ...], value: float) -> np.ndarray:
    T = GOOD.copy()
    T[index] = value
    return T


def fails(name: str, path: Path, match: str, how: Reading = HOW) -> None:
    with pytest.raises(GraspFileError, match=match) as caught:
        read_grasps(name, path, how)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400 + len(str(path))


def test_the_good_file_is_read(tmp_path: Path) -> None:
    assert len(read_grasps("acronym", acronym(tmp_path / "a.h5"), HOW)) == 3


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"T": None}, "no dataset grasps/transforms"),
        ({"held": None}, "no dataset grasps/qualities"),
        ({"T": GOOD[:, :3]}, r"expected shape \(n, 4, 4\)"),
        ({"T": np.eye(4)}, "expected 3 axes"),
        ({"held": [1, 0]}, r"expected shape \(3,\)"),
        ({"T": changed((1, 0, 3), np.nan)}, "NaN or infinite"),
        ({"T": changed((1, 0, 0), 2.0)}, "no rotation matrix"),
        ({"T": changed((1, 0, 0), -1.0)}, "no rotation matrix"),
        ({"T": np.swapaxes(changed((0, 0, 3), 0.1), 1, 2)}, "transposed"),
        ({"T": changed((2, 0, 3), 120.0)}, "millimetres"),
        ({"T": GOOD[:0], "held": np.zeros(0)}, "holds no grasps"),
        ({"T": np.array(["x", "y"], "S1")}, "expected"),
        ({"object__scale": -1.0}, "above 0"),
        ({"object__scale": np.nan}, "NaN"),
        ({"object__scale": "big"}, "expected numbers"),
    ],
)
def test_broken_acronym(tmp_path: Path, change: dict[str, object], match: str) -> None:
    fails("acronym", acronym(tmp_path / "a.h5", **change), match)


def test_acronym_of_a_declared_size_that_no_memory_holds(tmp_path: Path) -> None:
    path = acronym(tmp_path / "a.h5", T=None)
    with h5py.File(path, "a") as file:
        file.create_dataset(T_NAME, (2**40, 4, 4), "f8", chunks=(1, 4, 4))
    fails("acronym", path, "at most 1000000")


@pytest.mark.parametrize("kind", ["external", "soft", "virtual", "storage"])
def test_acronym_that_points_elsewhere_is_not_followed(tmp_path: Path, kind: str) -> None:
    elsewhere = acronym(tmp_path / "other.h5")
    path = acronym(tmp_path / "a.h5", T=None)
    with h5py.File(path, "a") as file:
        if kind == "external":
            file[T_NAME] = h5py.ExternalLink(str(elsewhere), T_NAME)
        elif kind == "soft":
            file["mine"] = GOOD
            file[T_NAME] = h5py.SoftLink("/mine")
        elif kind == "virtual":
            layout = h5py.VirtualLayout((3, 4, 4), "f8")
            layout[:] = h5py.VirtualSource(str(elsewhere), T_NAME, (3, 4, 4))
            file.create_virtual_dataset(T_NAME, layout)
        else:
            file.create_dataset(T_NAME, (3, 4, 4), "f8", external=[(str(tmp_path / "raw"), 0, 384)])
    fails("acronym", path, "only what lies in the file itself")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[1]", "no object `grasps`"),
        ('{"grasps": {}, "object": {}}', "no `grasps.transforms`"),
        ('{"grasps": {"transforms": [], "object_in_gripper": []}, "object": {}}', "empty"),
        ('{"grasps": {"transforms": [[1]], "object_in_gripper": [1]}, "object": {}}', "expected shape"),
        ('{"grasps": {"transforms": [[[1], [1, 2]]], "object_in_gripper": [1]}, "object": {}}', "expected numbers"),
        ('{"grasps": {"transforms": {"a": 1}, "object_in_gripper": [1]}, "object": {}}', "expected numbers"),
        (json.dumps({"grasps": {"transforms": changed((0, 0, 3), np.inf).tolist(), "object_in_gripper": [1] * 3},
                     "object": {}}), "NaN or infinite"),
        (json.dumps({"grasps": {"transforms": GOOD.tolist(), "object_in_gripper": [1] * 3},
                     "object": {"scale": 0}}), "above 0"),
        (json.dumps({"grasps": {"transforms": GOOD.tolist(), "object_in_gripper": [1] * 3},
                     "object": {"scale": 10**400}}), "expected numbers"),
    ],
)  # fmt: skip
def test_broken_graspgen_json(tmp_path: Path, content: str, match: str) -> None:
    path = tmp_path / "g.json"
    path.write_text(content)
    fails("graspgen_json", path, match)


GRASP = "confidence: 1.0, position: [0, 0, 0], orientation: {w: 1.0, xyz: [0, 0, 0]}"
BOMB = "a: &a [x, x]\n" + "".join(
    f"{c}: &{c} [*{p}, *{p}, *{p}]\n" for p, c in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", "expected `format"),
        ("format: isaac_grasp\ngrasps: {}", "no `grasps`"),
        ("format: other\ngrasps: {}", "expected `format"),
        (f"format: isaac_grasp\n{BOMB}grasps: *j", "aliases are not read"),
        ("[" * 5000, "nested"),
        ("format: isaac_grasp\ngrasps: {a: !!python/object/apply:os.system [ls]}", "YAML|mapping"),
        ("format: isaac_grasp\ngrasps: {a: 3}", "no mapping"),
        ("format: isaac_grasp\ngrasps: {a: {confidence: 1.0}}", "no `position`"),
        ("format: isaac_grasp\ngrasps: {a: {" + GRASP.replace("w: 1.0", "w: 0.5") + "}}", "length is 0.5"),
        ("format: isaac_grasp\ngrasps: {a: {" + GRASP.replace("1.0", ".nan", 1) + "}}", "NaN"),
        ("format: isaac_grasp\ngrasps: {a: {" + GRASP.replace("[0, 0, 0]", "[0, 0]", 1) + "}}", "expected shape"),
        ("format: isaac_grasp\napproach_axis: x\ngrasps: {a: {" + GRASP + "}}", "only z"),
        ("\x00\x01", "not valid YAML"),
    ],
)
def test_broken_isaac_grasp(tmp_path: Path, content: str, match: str) -> None:
    path = tmp_path / "g.yaml"
    path.write_text(content)
    fails("isaac_grasp", path, match)


def test_what_the_header_of_isaac_grasp_leaves_open_is_told(tmp_path: Path) -> None:
    path = tmp_path / "g.yaml"
    path.write_text("format: isaac_grasp\ngrasps: {a: {" + GRASP + "}}")
    found = read_grasps("isaac_grasp", path, HOW)
    assert "y is assumed" in found.notes[0]
    x = read_grasps("isaac_grasp", path, HOW.model_copy(update={"closing": "x"}))
    np.testing.assert_allclose(x.T_object_grasp[0, :3, 1], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(found.T_object_grasp[0, :3, 1], [0, 1, 0], atol=1e-12)


def npy(shape: str, descr: str = "<f8", data: bytes = b"") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "no NumPy header"),
        (b"\x93NUMPY\x01\x00\xff\xff", "no NumPy header"),
        (npy("(99999999999, 17)"), "damaged"),
        (npy("(3, 16)", data=bytes(3 * 16 * 8)), "expected shape"),
        (npy("(3,)", "|O", bytes(24)), "expected rows of numbers"),
        (npy("(0, 17)"), "holds no grasps"),
        (npy("(1, 17)", data=bytes(17 * 8)), "no rotation"),
        (npy("(1, 17)", data=np.full(17, np.nan).tobytes()), "NaN"),
    ],
)
def test_broken_graspnet_rows(tmp_path: Path, data: bytes, match: str) -> None:
    path = tmp_path / "g.npy"
    path.write_bytes(data)
    fails("graspnet", path, match)


def labels(path: Path, **arrays: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in arrays.items():
            archive.writestr(f"{name}.npy", data)
    return path


def saved(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def test_broken_graspnet_labels(tmp_path: Path) -> None:
    path = tmp_path / "g.npz"
    path.write_bytes(b"no archive")
    fails("graspnet", path, "no .npz")
    scores = np.full((1, *SLOTS), -1, np.float32)
    fails("graspnet", labels(path, points=saved(np.zeros((1, 3)))), "no array `scores`")
    fails("graspnet", labels(path, scores=saved(np.zeros((1, 300, 12)))), "expected shape")
    fails("graspnet", labels(path, scores=npy(f"(9999999999, {str(SLOTS)[1:]}")), "points; 1 to")
    fails("graspnet", labels(path, scores=npy(f"(5, {str(SLOTS)[1:]}", "<f4")), "truncated")
    fails("graspnet", labels(path, scores=saved(scores)), "no grasp with a score")
    scores[0, 3, 2, 1] = 0.4
    offsets = np.zeros((1, *SLOTS, 3), np.float32)
    fails("graspnet", labels(path, scores=saved(scores), offsets=saved(offsets)), "no array `points`")
    offsets[0, 3, 2, 1] = np.nan
    arrays = {"scores": saved(scores), "offsets": saved(offsets), "points": saved(np.zeros((1, 3)))}
    fails("graspnet", labels(path, **arrays), "NaN")


def test_broken_annotations(tmp_path: Path) -> None:
    rows, xml = tmp_path / "g.npy", tmp_path / "a.xml"
    row = np.zeros((1, 17))
    row[0, [4, 8, 12]] = 1
    np.save(rows, row)
    how = HOW.model_copy(update={"annotation": xml, "object_id": 0})
    for content, match in (
        ("<scene>", "no XML"),
        ('<!DOCTYPE x [<!ENTITY a "aaaa">]><scene>&a;</scene>', "declarations"),
        ("<scene></scene>", "no object 0; it has none"),
        ("<scene><obj><obj_id>0</obj_id></obj></scene>", "expected shape"),
        ("<scene><obj><obj_id>0</obj_id><pos_in_world>0 0 0</pos_in_world><ori_in_world>2 0 0 0</ori_in_world></obj>"
         "</scene>", "unit quaternion"),
    ):  # fmt: skip
        xml.write_text(content)
        fails("graspnet", rows, match, how)
    fails("graspnet", rows, "needs --object-id", HOW.model_copy(update={"annotation": xml}))


def test_files_that_are_missing_or_of_an_unknown_format(tmp_path: Path) -> None:
    for name in ("acronym", "graspgen_json", "isaac_grasp", "graspnet"):
        fails(name, tmp_path / "nothing", "No such file")
        fails(name, tmp_path, "is no file|no HDF5")
    fails("acronim", tmp_path / "nothing", "did you mean 'acronym'")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_flipped_bytes_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever is damaged, nothing else than `GraspFileError` comes out."""
    made: list[tuple[str, str, Callable[[Path], object]]] = [
        ("acronym", "a.h5", acronym),
        ("graspnet", "a.npy", lambda path: np.save(path, np.tile(np.eye(4).ravel()[:17], (3, 1)))),
        ("isaac_grasp", "a.yaml", lambda path: path.write_text("format: isaac_grasp\ngrasps: {a: {" + GRASP + "}}")),
        ("graspgen_json", "a.json", lambda path: path.write_text(json.dumps(
            {"grasps": {"transforms": GOOD.tolist(), "object_in_gripper": [True] * 3}, "object": {"scale": 1.0}}))),
    ]  # fmt: skip
    name, file, write = data.draw(st.sampled_from(made))
    path = tmp_path / file
    write(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    try:
        read_grasps(name, path, HOW)
    except GraspFileError as error:
        assert "\n" not in str(error)
