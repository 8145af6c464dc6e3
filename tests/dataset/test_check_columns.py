"""A mutation of any column of the schema is noticed; those that only the content hash notices are listed, with why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from dataset_builder import make_dataset
from test_check import SHARD, damage

from graspgen.dataset.check import check
from graspgen.dataset.check_coverage import HASH_ONLY, OPTIONAL
from graspgen.dataset.hashes import content_hash
from graspgen.dataset.hdf5 import HASHES
from graspgen.dataset.manifest import load_manifest
from graspgen.dataset.reader import open as open_dataset
from graspgen.dataset.schema import TABLES
from graspgen.frames import axis_angle

COLUMNS = [(table, name) for table, spec in TABLES.items() for name in spec.columns]
DERIVED = [pair for pair in COLUMNS if f"{pair[0]}.{pair[1]}" not in {**HASH_ONLY, **OPTIONAL}]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("small") / "data", scenes=2)


def mutate(dataset: h5py.Dataset, table: str, name: str) -> None:
    """Put a plainly wrong value, of the right type, into one row."""
    column, row = TABLES[table].columns[name], 0 if table.startswith("frame") else len(dataset) - 1
    if column.is_text:
        given = dataset.asstr()[row]
        dataset[row] = json.dumps({"changed": [1, 2, 3]}) if column.dtype == "json" else f"{given}x"
        return
    value = np.asarray(dataset[row])
    if column.is_image:
        value = value.copy()
        value[8:40, 8:56] = 255 - value[8:40, 8:56] if value.dtype == np.uint8 else value[8:40, 8:56] // 2 + 77
        if name == "instances":
            value = np.where(value > 100, 1, value)
    elif dataset.dtype.kind == "b":
        value = ~value
    elif column.enum is not None and not column.flags:
        codes = [int(code) for code in column.enum]
        value = codes[(codes.index(int(value)) + 1) % len(codes)]
    elif dataset.dtype.kind in "iu":
        value = 2 * value + 50 if column.unit == "px" else value + 2
    elif column.shape == (4, 4):
        value = value.copy()
        value[:3, :3] = value[:3, :3] @ axis_angle([0.6, 0, 0.8], 0.4)
        value[:3, 3] += 0.03
    else:
        value = np.where(np.isnan(value.astype(float)), 0.5, value * 0.6 + 0.31)
    dataset[row] = value


def reseal(folder: Path) -> None:
    """Let the content hashes say what the rows say: whoever writes wrong numbers can write right hashes."""
    with open_dataset(folder / SHARD) as dataset:
        hashes = {int(scene): content_hash(dataset.record(int(scene))) for scene in dataset.scenes["index"]}
    old = load_manifest(folder).shards[0].scenes
    text = (folder / "dataset.json").read_text()
    for scene, digest in hashes.items():
        text = text.replace(old[scene], digest)
    (folder / "dataset.json").write_text(text)

    def change(file: h5py.File) -> None:
        file[HASHES][()] = json.dumps({str(scene): digest for scene, digest in hashes.items()})

    damage(folder, change)


def mutated(small: Path, tmp_path: Path, table: str, name: str) -> Path:
    folder = Path(shutil.copytree(small, tmp_path / "mutant"))
    damage(folder, lambda file: mutate(file[table][name], table, name))
    return folder


@pytest.mark.parametrize(("table", "name"), DERIVED)
def test_a_mutation_is_noticed_without_the_hash(small: Path, tmp_path: Path, table: str, name: str) -> None:
    folder = mutated(small, tmp_path, table, name)
    found = [v for v in check(folder) if (v.table, v.column) != ("scenes", "")]
    assert found, f"{table}.{name} is neither derived again nor listed as one that only the hash notices"
    assert not any("checked to the end" in v.message for v in found), [str(v) for v in found]


@pytest.mark.parametrize("column", HASH_ONLY)
def test_what_only_the_hash_notices_is_noticed(small: Path, tmp_path: Path, column: str) -> None:
    folder = mutated(small, tmp_path, *column.split("."))
    assert any("content hash" in str(v) for v in check(folder))


@pytest.mark.parametrize("column", HASH_ONLY)
def test_the_list_of_what_only_the_hash_notices_holds_no_more(small: Path, tmp_path: Path, column: str) -> None:
    folder = mutated(small, tmp_path, *column.split("."))
    try:
        reseal(folder)
    except (IndexError, ValueError):
        return
    assert [str(v) for v in check(folder)] == []


def test_the_lists_name_columns_of_the_schema_with_a_reason() -> None:
    known = {f"{table}.{name}" for table, name in COLUMNS}
    assert set(HASH_ONLY) | set(OPTIONAL) <= known
    assert all(HASH_ONLY.values()) and len(HASH_ONLY) < 0.15 * len(known)
