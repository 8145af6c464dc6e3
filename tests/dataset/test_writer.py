"""Shards hold exactly what was given, and are complete or absent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from dataset_builder import ATTRS, make_record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graspgen
from graspgen.dataset.hashes import content_hash
from graspgen.dataset.record import SceneRecord
from graspgen.dataset.schema import TABLES
from graspgen.dataset.writer import write_shard
from graspgen.errors import DatasetError, SceneError


def shard_path(folder: Path) -> Path:
    (folder / "shards").mkdir(exist_ok=True)
    return folder / "shards/shard-00000.h5"


def assert_same(a: SceneRecord, b: SceneRecord) -> None:
    for table, spec in TABLES.items():
        for name in spec.required:
            old, new = a.tables[table][name], b.tables[table][name]
            assert old.dtype == new.dtype, f"{table}.{name}"
            np.testing.assert_array_equal(old, new, err_msg=f"{table}.{name}", strict=True)


@pytest.mark.parametrize("views", [0, 1, 3])
def test_every_column_comes_back_exactly(tmp_path: Path, views: int) -> None:
    records = [make_record(scene, views=views) for scene in (3, 5)]
    info = write_shard(shard_path(tmp_path), iter(records), ATTRS)
    with graspgen.open(shard_path(tmp_path)) as ds:
        for record in records:
            back = ds.record(record.index)
            if views:
                assert_same(record, back)
            assert content_hash(back) == content_hash(record) == info.scenes[record.index]
    assert info.file == "shards/shard-00000.h5" and info.bytes == shard_path(tmp_path).stat().st_size
    assert info.rows["views"] == 2 * views and info.rows["assets"] == 2 and info.rows["grasps"] == 16


def test_scenes_without_views_may_come_first(tmp_path: Path) -> None:
    empty = make_record(0, views=0)
    for name in ("rgb", "depth", "instances"):
        column = empty.tables["views"][name]
        empty.tables["views"][name] = column.reshape(0, 0, 0, *column.shape[3:])
    records = [empty, make_record(1)]
    write_shard(shard_path(tmp_path), records, ATTRS)
    with graspgen.open(shard_path(tmp_path)) as ds:
        assert_same(records[1], ds.record(1))


_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)


@given(seed=st.integers(0, 2**32 - 1), name=_TEXTS, data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bits_survive(tmp_path: Path, seed: int, name: str, data: st.DataObject) -> None:
    """Random bytes in every number (NaN and infinities too) and any text come back unchanged."""
    record = make_record(1, views=1)
    rng = np.random.default_rng(seed)
    keys = {
        "id",
        "index",
        "scene",
        "view",
        "object",
        "grasp",
        "asset",
        "gripper",
        "profile",
        "frame",
        "step",
        "episode",
    }
    for table, spec in TABLES.items():
        for column_name, column in spec.required.items():
            values = record.tables[table][column_name]
            if column_name in keys:
                continue
            if column.is_text:
                values[:] = [name] * len(values)
            elif column.dtype == "bool":
                values[...] = rng.random(values.shape) < 0.5
            else:
                values[...] = np.frombuffer(rng.bytes(values.nbytes), values.dtype).reshape(values.shape)
    write_shard(shard_path(tmp_path), [record], ATTRS)
    with graspgen.open(shard_path(tmp_path)) as ds:
        back = ds.record(1)
    assert content_hash(back) == content_hash(record)
    for table, spec in TABLES.items():
        for column_name, column in spec.required.items():
            old, new = record.tables[table][column_name], back.tables[table][column_name]
            assert (list(old) == list(new)) if column.is_text else (old.tobytes() == new.tobytes())


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        write_shard(shard_path(tmp_path / run), (make_record(s) for s in range(2)), ATTRS)
        contents.append(shard_path(tmp_path / run).read_bytes())
    assert contents[0] == contents[1]


def test_the_hash_sees_every_column_and_no_order() -> None:
    record = make_record(0, views=1)
    original = content_hash(record)
    backwards = {t: dict(reversed(c.items())) for t, c in reversed(record.tables.items())}
    assert content_hash(SceneRecord(0, backwards)) == original
    for table, spec in TABLES.items():
        for name, column in spec.required.items():
            if spec.shared and name == "id":
                continue  # the id decides whether the row belongs to the scene
            changed = {t: dict(c) for t, c in record.tables.items()}
            values = changed[table][name].copy()
            first = values.reshape(-1)
            if column.is_text:
                first[0] = "other"
            else:
                first[0] = 1 if first[0] == 0 else 0
            changed[table][name] = values
            assert content_hash(SceneRecord(0, changed)) != original, f"{table}.{name}"


def test_the_hash_sees_types_and_shapes() -> None:
    record = make_record(0, views=1)
    changed = {t: dict(c) for t, c in record.tables.items()}
    depth = changed["views"]["depth"]
    changed["views"]["depth"] = depth.reshape(1, depth.shape[2], depth.shape[1])
    assert content_hash(SceneRecord(0, changed)) != content_hash(record)


def test_the_file_is_laid_out_as_promised(sound: Path) -> None:
    with h5py.File(sound / "shards/shard-00000.h5", locking=False) as f:
        assert list(f)[: len(TABLES)] == list(TABLES)
        for table, spec in TABLES.items():
            assert set(f[table]) == set(spec.required)
        assert f["views/rgb"].chunks == (1, 48, 64, 3) and f["views/rgb"].compression_opts == 1
        assert f["views/depth"].shuffle and not f["views/rgb"].shuffle and not f["views/instances"].shuffle
        assert f["views/depth"].attrs["depth_scale"] == 1e-4
        assert f["objects/mass"].chunks is None and f["objects/mass"].attrs["unit"] == "kg"
        assert json.loads(f["grasps/outcome"].attrs["enum"])["NOT_TRIED"] == 255
        assert bool(f["grasps/collision"].attrs["flags"]) is True
        assert f.attrs["graspgen_schema"] == 1 and json.loads(f.attrs["recipe"])["task"] == "boxes"
        assert "OpenCV" in json.loads(f.attrs["conventions"])["camera_frame"]
        assert f["scenes/plan"].asstr()[0].startswith("{")


def test_scenes_must_ascend(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ascend"):
        write_shard(shard_path(tmp_path), [make_record(1), make_record(0)], ATTRS)
    assert not list((tmp_path / "shards").iterdir())


def test_shared_rows_that_change_within_a_run_are_refused(tmp_path: Path) -> None:
    second = make_record(1)
    second.tables["assets"]["volume"][1] *= 2
    with pytest.raises(DatasetError, match=r"assets\.volume differs between two scenes for id 1"):
        write_shard(shard_path(tmp_path), [make_record(0), second], ATTRS)
    assert not list((tmp_path / "shards").iterdir())


@pytest.mark.parametrize("error", [SceneError("no rest"), OSError(5, "a mesh"), KeyboardInterrupt()])
def test_an_error_of_the_scenes_stays_itself_and_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    def records() -> Iterator[SceneRecord]:
        yield make_record(0)
        raise error

    with pytest.raises(type(error)) as raised:
        write_shard(shard_path(tmp_path), records(), ATTRS)
    assert raised.value is error
    assert not list((tmp_path / "shards").iterdir())


def run_script(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    code = "from dataset_builder import *\nfrom pathlib import Path\nimport sys\n" + textwrap.dedent(script)
    paths = [str(Path(__file__).parent), str(Path(graspgen.__file__).parents[1])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=60)


@pytest.mark.parametrize("limit", [100, 20_000, 60_000, 90_000])
def test_a_disk_that_takes_no_more_costs_only_the_shard_in_flight(tmp_path: Path, limit: int) -> None:
    """The system refuses every byte past `limit` of a file, as a full disk does, wherever HDF5 is just then."""
    script = """
        import resource, signal
        folder = Path(sys.argv[1])
        manifest = begin(folder)
        save_meshes(folder)
        add(folder, manifest, 0)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
        try:
            add(folder, manifest, 1)
        except Exception as error:
            print(type(error).__name__, error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        from graspgen.dataset.check import check
        print([p.name for p in (folder / "shards").iterdir()], check(folder))
        add(folder, manifest, 1)
        finalize(folder)
        print(check(folder))
    """
    done = run_script(script, tmp_path / "run", limit)
    assert done.returncode == 0 and done.stderr == "", done.stderr[-500:]
    first, then, end = done.stdout.splitlines()
    assert first.startswith("DatasetError cannot write") and "File too large" in first and "--resume" in first
    assert then == "['shard-00000.h5'] []"
    assert end == "[]"


def test_a_full_disk_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = 0
    real = os.pwrite

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        nonlocal written
        if written > 20_000:
            raise OSError(28, "No space left on device")
        written += len(data)
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(DatasetError) as error:
        write_shard(shard_path(tmp_path), [make_record(0)], ATTRS)
    assert str(error.value).startswith("the disk is full") and "\n" not in str(error.value)
    assert not list((tmp_path / "shards").iterdir())


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"cannot write .*: No such file or directory"):
        write_shard(tmp_path / "shards/shard-00000.h5", [make_record(0)], ATTRS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_hdf5_writes_waits_for_it(tmp_path: Path, monkeypatch, number: int) -> None:
    """Ctrl-C inside a write callback ends the shard after the write, with nothing on stderr and no file left."""
    real, calls = os.pwrite, 0

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 3:
            os.kill(os.getpid(), number)
        return real(descriptor, data, offset)

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "pwrite", pwrite)
    before = signal.signal(number, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            write_shard(shard_path(tmp_path), [make_record(0)], ATTRS)
    finally:
        signal.signal(number, before)
    assert calls > 3 and not list((tmp_path / "shards").iterdir())
