"""`graspgen.open` gives back what was written, from any process, and imports no simulator."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from dataset_builder import SCALES, SIDES, box, make_dataset, make_record

import graspgen
from graspgen.dataset import probe
from graspgen.dataset.manifest import load_manifest
from graspgen.dataset.reader import Dataset
from graspgen.dataset.schema import TABLES, grasp_key, object_key, view_key
from graspgen.errors import DatasetError
from graspgen.frames import inverse
from graspgen.grasps.outcomes import Outcome


@pytest.fixture(scope="module")
def ds(sound: Path) -> Dataset:
    return graspgen.open(sound)


def test_importing_and_reading_imports_no_simulator_and_no_opengl(sound: Path) -> None:
    code = """
import sys, graspgen
assert "h5py" not in sys.modules and "numpy" not in sys.modules, "import graspgen is light"
ds = graspgen.open(sys.argv[1])
ds.rgb(0), ds.depth(0), ds.view_objects(0), ds.grasps_in_camera(0), ds.mesh(0), ds.record(0)
from graspgen.dataset.check import check
assert check(sys.argv[1]) == []
heavy = {m.split(".")[0] for m in sys.modules} & {"mujoco", "OpenGL", "glfw", "torch", "matplotlib", "dm_control"}
assert not heavy, heavy
"""
    env = {**os.environ, "PYTHONPATH": str(Path(graspgen.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code, str(sound)], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_public_surface_is_small() -> None:
    assert graspgen.__all__ == ["GraspgenError", "__version__", "clear", "open", "try_grasps", "try_in_scene"]
    assert set(graspgen.__all__) <= set(dir(graspgen))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = graspgen.nonsense


def test_a_careful_dataset_reads_a_shard_in_another_process_before_it_opens_it(
    sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, probed = os.getpid(), []
    run = probe.probe
    monkeypatch.setattr(probe, "probe", lambda paths, **options: probed.extend(paths) or run(paths, **options))
    with graspgen.open(sound, careful=True) as ds:
        assert not probed, "opening reads no shard"
        for _ in range(2):
            ds.depth(0)
            ds.close()
        assert [path.name for path in probed] == ["shard-00000.h5"], "and each is read before its first use only"
        assert pickle.loads(pickle.dumps(ds)).depth(0).any() and len(probed) == 1

    def crash(path: Path, images: bool) -> str:
        assert os.getpid() != here
        os.abort()

    monkeypatch.setattr(probe, "read_all", crash)  # what HDF5 does with some damaged files
    with graspgen.open(sound, careful=True) as ds, pytest.raises(DatasetError, match="crash"):
        ds.depth(0)
    with pytest.raises(DatasetError, match="not on this machine"):
        graspgen.open("https://127.0.0.1/data", careful=True)


ROWS = {
    "scenes": 4,
    "assets": 2,
    "objects": 8,
    "views": 8,
    "annotations": 16,
    "keypoints": 160,
    "flying": 8,
    "grippers": 1,
    "profiles": 1,
    "grasps": 32,
    "grasp_views": 64,
    "trials": 48,
    "scene_trials": 16,
    "displacements": 16,
    "frames": 12,
    "frame_objects": 24,
    "frame_contacts": 8,
    "frame_views": 4,
    "episodes": 4,
    "steps": 12,
    "step_objects": 24,
    "step_views": 24,
}


@pytest.mark.parametrize("name", ["", "dataset.h5", "dataset.json"])
def test_a_dataset_opens_by_any_of_its_names(sound: Path, name: str) -> None:
    with graspgen.open(sound / name) as ds:
        assert {name: len(table) for name, table in ds.tables.items()} == ROWS
        assert ds.recipe["task"] == "boxes" and ds.attrs["seed"] == 7 and "created" in ds.attrs
        assert ds.conventions["camera_frame"].startswith("OpenCV")


def test_a_single_shard_opens(sound: Path) -> None:
    with graspgen.open(sound / "shards/shard-00001.h5") as ds:
        assert ds.scenes["index"].tolist() == [2, 3] and len(ds.assets) == 2
        assert ds.mesh(1)[0].shape == (8, 3)


def test_columns_equal_the_records_concatenated(ds: Dataset) -> None:
    records = [make_record(scene) for scene in range(4)]
    for name, spec in TABLES.items():
        if spec.shared:
            continue
        for column in spec.required:
            expected = np.concatenate([r.tables[name][column] for r in records])
            np.testing.assert_array_equal(ds.tables[name][column][:], expected)


def test_columns_are_kept_and_cannot_be_changed(ds: Dataset) -> None:
    assert ds.objects["mass"] is ds.objects["mass"]
    with pytest.raises(ValueError, match="read-only"):
        ds.objects["mass"][0] = 1


def test_an_unknown_column_is_named_with_the_nearest(ds: Dataset) -> None:
    with pytest.raises(KeyError, match="no outcome 'sucess'; did you mean 'success'"):
        ds.grasp_rows(0, "sucess")
    with pytest.raises(KeyError, match="did you mean 'outcome'"):
        ds.grasps["outcom"]


def test_images_are_read_one_by_one(ds: Dataset) -> None:
    images = ds.views["rgb"]
    assert len(images) == 8 and images.shape == (8, 48, 64, 3) and images.dtype == np.uint8
    np.testing.assert_array_equal(images[-1], images[7])
    np.testing.assert_array_equal(images[1:4], np.stack([images[1], images[2], images[3]]))
    np.testing.assert_array_equal(images[[5, 0]], np.stack([images[5], images[0]]))
    np.testing.assert_array_equal(images[np.arange(8) == 3], images[3][None])
    assert images[[]].shape == (0, 48, 64, 3)
    assert sum(1 for _ in images) == 8
    for wrong in (8, -9):
        with pytest.raises(IndexError):
            images[wrong]


def test_depth_is_in_metres(ds: Dataset) -> None:
    depth = ds.depth(3)
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, ds.views["depth"][3] * 1e-4, rtol=1e-6)
    assert 0.2 < np.median(depth) < 2


def test_rows_units_and_codes(ds: Dataset) -> None:
    row = ds.objects.row(-1)
    assert row["id"] == object_key(3, 2) and row["T_world_object"].shape == (4, 4)
    assert ds.views.row(0)["rgb"].shape == (48, 64, 3)
    assert ds.objects.units["mass"] == "kg" and ds.objects.columns[0] == "id"
    assert ds.grasps.enum("outcome")["NOT_TRIED"] == 255
    with pytest.raises(KeyError, match="holds no codes"):
        ds.grasps.enum("width")
    with pytest.raises(IndexError):
        ds.objects.row(8)


def test_a_view_joins_its_objects_and_assets(ds: Dataset) -> None:
    for view in range(len(ds.views)):
        seen = ds.view_objects(view)
        assert seen["object"].tolist() == seen["id"].tolist()
        assert set(seen["view"]) == {ds.views["id"][view]}
        assert seen["name"].tolist() == ["box_0", "box_1"]
        expected = inverse(ds.views["T_world_camera"][view]) @ seen["T_world_object"]
        np.testing.assert_allclose(seen["T_camera_object"], expected, atol=1e-12)


def test_views_of_a_scene_and_grasps_of_an_object(ds: Dataset) -> None:
    assert ds.views["id"][ds.scene_views(2)].tolist() == [view_key(2, 0), view_key(2, 1)]
    grasps = ds.grasps_of(object_key(2, 2))
    assert grasps["id"].tolist() == [grasp_key(2, n) for n in range(4, 8)]


def test_grasps_in_the_camera_hold_the_object_seen_there(ds: Dataset) -> None:
    """The grasp's origin, between the contacts, projects into the object's mask."""
    T = ds.grasps_in_camera(5)
    rows = ds.grasp_rows(5)
    assert len(T) == 8
    mask, K = ds.instances(5), ds.views["K"][5]
    for pose, row in zip(T, rows, strict=True):
        u, v, w = K @ pose[:3, 3]
        instance = ds.grasps["object"][row] & 0xFFFF
        y, x = np.nonzero(mask == instance)
        assert x.min() - 1 < u / w < x.max() + 2 and y.min() - 1 < v / w < y.max() + 2
    assert len(ds.grasps_in_camera(5, outcome=Outcome.SUCCESS)) == 4


def test_meshes_are_in_the_frame_of_the_poses(ds: Dataset) -> None:
    vertices, faces = ds.mesh(0)
    np.testing.assert_allclose(vertices.min(axis=0), box(0).bounds[0], atol=1e-7)
    np.testing.assert_allclose(np.ptp(vertices, axis=0), ds.assets["extents"][0], atol=1e-7)
    assert faces.shape == (12, 3)
    scaled = vertices * ds.objects["scale"][0]
    np.testing.assert_allclose(np.ptp(scaled, axis=0), SIDES[0] * SCALES[0], atol=1e-7)
    with pytest.raises(KeyError):
        ds.mesh(9)


def test_a_pickle_holds_no_file_and_no_column(ds: Dataset) -> None:
    ds.depth(0), ds.objects["T_world_object"]
    data = pickle.dumps(ds)
    assert len(data) < 5000
    again = pickle.loads(data)
    np.testing.assert_array_equal(again.depth(7), ds.depth(7))
    np.testing.assert_array_equal(again.objects["mass"], ds.objects["mass"])


def _sums(ds: Dataset, views: list[int]) -> list[int]:
    return [int(ds.views["depth"][v].sum()) + int(ds.rgb(v).sum()) for v in views]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_read_the_same(ds: Dataset, method: str) -> None:
    views = list(range(len(ds.views)))
    expected = _sums(ds, views)  # and so the files are open when the others begin
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(_sums, [(ds, views)] * 4) == [expected] * 4
    assert _sums(ds, views) == expected


def test_a_forked_process_opens_files_of_its_own(sound: Path) -> None:
    ds = graspgen.open(sound)
    before = ds._files.file(0)
    child = os.fork()
    if child == 0:
        os._exit(0 if ds._files.file(0) is not before and ds.depth(0).any() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ds._files.file(0) is before


def test_files_are_closed_and_open_again(sound: Path) -> None:
    with graspgen.open(sound) as ds:
        first = ds.depth(0)
        file = ds._files.file(0)
    assert not file
    np.testing.assert_array_equal(ds.depth(0), first)


def test_more_shards_than_files_are_kept_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graspgen.dataset.place.Folder.most_open", 2)
    with graspgen.open(make_dataset(tmp_path / "many", scenes=4, per_shard=1)) as ds:
        for view in (0, 3, 5, 7, 1):
            assert ds.depth(view).any()
        assert len(ds._files._files) == 2


def refused(path: Path) -> str:
    with pytest.raises(DatasetError) as error:
        graspgen.open(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "nothing")
    assert "no graspgen dataset" in refused(tmp_path)
    (tmp_path / "note.txt").write_text("hello")
    assert "not an HDF5 file" in refused(tmp_path / "note.txt")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    assert "no shard of a graspgen dataset" in refused(tmp_path / "other.h5")


def test_a_missing_shard_is_refused_though_hdf5_would_show_zeros(copy: Path) -> None:
    (copy / "shards/shard-00001.h5").unlink()
    with h5py.File(copy / "dataset.h5") as file:
        assert not file["objects/mass"][-1], "this is why the manifest is asked"
    told = refused(copy)
    assert "shard-00001.h5 is missing" in told and "--resume" in told


def test_a_truncated_shard_is_refused(copy: Path) -> None:
    path = copy / "shards/shard-00001.h5"
    path.write_bytes(path.read_bytes()[:-1000])
    told = refused(copy)
    assert "shard-00001.h5 is truncated" in told and "--resume" in told
    assert "truncated" in refused(path)


def test_damage_inside_a_shard_is_named_when_it_is_read(copy: Path) -> None:
    path = copy / "shards/shard-00000.h5"
    with h5py.File(path) as file:
        chunk = file["views/rgb"].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset : chunk.byte_offset + 40] = bytes(40)
    path.write_bytes(data)
    with graspgen.open(copy) as ds, pytest.raises(DatasetError, match=r"shard-00000.h5 is damaged .*views/rgb"):
        ds.rgb(0)


@pytest.mark.parametrize(("version", "side"), [(2, "newer"), (0, "older")])
def test_another_schema_version_says_so(copy: Path, version: int, side: str) -> None:
    path = copy / "dataset.json"
    path.write_text(path.read_text().replace('"schema_version": 1', f'"schema_version": {version}'))
    told = refused(copy)
    assert f"schema version {version}" in told and side in told
    shard = copy / "shards/shard-00000.h5"
    with h5py.File(shard, "r+") as file:
        file.attrs["graspgen_schema"] = version
    assert side in refused(shard)


@pytest.mark.parametrize("name", ["../../secret.glb", "/etc/hostname", ""])
def test_a_mesh_path_cannot_leave_the_dataset(copy: Path, name: str) -> None:
    for number in range(2):
        with h5py.File(copy / f"shards/shard-0000{number}.h5", "r+") as file:
            file["assets/mesh"][0] = name
    path = copy / "dataset.json"
    text = path.read_text()
    for number in range(2):
        size = (copy / f"shards/shard-0000{number}.h5").stat().st_size
        old = load_manifest(copy).shards[number].bytes
        text = text.replace(f'"bytes": {old}', f'"bytes": {size}')
    path.write_text(text)
    with graspgen.open(copy) as ds, pytest.raises(DatasetError, match="leaves the dataset"):
        ds.mesh(0)
