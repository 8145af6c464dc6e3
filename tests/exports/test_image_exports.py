"""Exports of images: nothing leaves the folder, equal datasets give equal bytes, and no engine is needed."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import graspgen
from graspgen.exports.registry import export

FORMATS = {
    "bop": r"(models|models_eval)/(obj_\d{6}\.(ply|png)|models_info\.json|names\.json)|camera\.json|README\.md"
    r"|train_pbr/\d{6}/(scene_\w+\.json|(rgb|depth|mask|mask_visib)/[\d_]+\.(png|jpg))",
    "coco": r"README\.md|annotations/instances\.json|images/\d{6}_\d{6}\.jpg",
    "dope": r"README\.md|\d{6}\.(png|json)|_(camera|object)_settings\.json",
    "webdataset": r"shard-\d{6}\.tar|index\.json|README\.md",
    "lerobot": r"README\.md|meta/(info|stats)\.json|meta/tasks\.parquet"
    r"|(meta/episodes|data)/chunk-\d{3}/file-\d{3}\.parquet",
}
HOSTILE = ["../../escaped", "/tmp/escaped", "a/b", "a\\b", "a b", "..", "", "con\0", "a\nb", "ü\u202e", "x" * 5000]


def tree(folder: Path) -> dict[str, str]:
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def rename(dataset, table: str, column: str, offset: int = 0) -> None:
    names = dataset.tables[table][column]
    names.flags.writeable = True
    names[:] = [HOSTILE[(i + offset) % len(HOSTILE)] for i in range(len(names))]


@pytest.mark.parametrize("name", FORMATS)
def test_hostile_names_stay_in_the_folder(name: str, recorded_dataset: Path, tmp_path: Path) -> None:
    if name == "lerobot":
        pytest.importorskip("pyarrow")
    (tmp_path / "inner").mkdir()
    with graspgen.open(recorded_dataset) as ds:
        for offset, column in enumerate(("name", "class_name", "licence")):
            rename(ds, "assets", column, offset)
        cameras = ds.frame_views["camera"]
        cameras.flags.writeable = True
        cameras[:] = ["../a.b" if c == cameras[0] else "..\\a b" for c in cameras.copy()]  # equal once cleaned
        rename(ds, "views", "camera")
        export(ds, name, tmp_path / "inner" / "out", [])
    assert [p.name for p in tmp_path.iterdir()] == ["inner"]
    assert [p.name for p in (tmp_path / "inner").iterdir()] == ["out"]
    for path in tree(tmp_path / "inner" / "out"):
        assert re.fullmatch(FORMATS[name], path), path
    if name == "lerobot":
        import pyarrow.parquet as parquet

        path = tmp_path / "inner" / "out" / "data" / "chunk-000" / "file-000.parquet"
        images = [c for c in parquet.read_schema(path).names if "images" in c]
        assert len(images) == 2 and not any("/" in c for c in images)


@pytest.mark.parametrize("name", FORMATS)
def test_equal_datasets_give_equal_bytes(name: str, recorded_dataset: Path, tmp_path: Path) -> None:
    if name == "lerobot":
        pytest.importorskip("pyarrow")
    for out in ("first", "second"):
        with graspgen.open(recorded_dataset) as ds:
            export(ds, name, tmp_path / out, [])
    assert tree(tmp_path / "first") == tree(tmp_path / "second")


def test_no_format_of_images_needs_the_engine(recorded_dataset: Path, tmp_path: Path) -> None:
    code = (
        "import sys, graspgen\n"
        "from pathlib import Path\n"
        "from graspgen.exports.registry import export\n"
        "ds = graspgen.open(sys.argv[1])\n"
        "for name in ('bop', 'coco', 'dope', 'webdataset'):\n"
        "    export(ds, name, Path(sys.argv[2]) / name, [])\n"
        "heavy = ('mujoco', 'OpenGL', 'torch', 'pycocotools', 'webdataset', 'pyarrow')\n"
        "print([m for m in heavy if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(recorded_dataset), str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_images_are_read_one_by_one(tiny_dataset: Path, tmp_path: Path, monkeypatch) -> None:
    from graspgen.dataset.tables import Images

    held: list[int] = []
    plain = Images.__getitem__

    def counted(self, i):
        assert isinstance(i, int | np.integer)
        held.append(int(i))
        return plain(self, i)

    monkeypatch.setattr(Images, "__getitem__", counted)
    with graspgen.open(tiny_dataset) as ds:
        for name in ("bop", "coco", "dope", "webdataset"):
            held.clear()
            export(ds, name, tmp_path / name, [])
            assert len(held) <= 3 * len(ds.views) + 3


def test_objects_behind_the_camera_are_left_out(recorded_dataset: Path, tmp_path: Path, monkeypatch) -> None:
    from graspgen.dataset.tables import Images

    plain = Images.__getitem__

    def without_the_first(self, i):
        image = plain(self, i)
        return image * (image != 1) if self._name == "views/instances" and i == 0 else image

    monkeypatch.setattr(Images, "__getitem__", without_the_first)
    with graspgen.open(recorded_dataset) as ds:
        for column, value in (("bbox_visible", -1), ("bbox_amodal", -1), ("cuboid", np.nan)):
            ds.annotations[column].flags.writeable = True
            ds.annotations[column][0] = value
        poses = ds.annotations["T_camera_object"]
        poses.flags.writeable = True
        poses[0, 2, 3] = -0.5
        for name in ("bop", "coco", "dope"):
            export(ds, name, tmp_path / name, [])
    poses_left = json.loads((tmp_path / "bop/train_pbr/000000/scene_gt.json").read_text())
    assert [len(poses_left[im]) for im in ("0", "1")] == [1, 2]
    assert [len(json.loads((tmp_path / f"dope/00000{i}.json").read_text())["objects"]) for i in (0, 1)] == [1, 2]
    found = json.loads((tmp_path / "coco/annotations/instances.json").read_text())["annotations"]
    assert [a["instance_id"] for a in found if a["image_id"] == 1] == [2]


@pytest.mark.parametrize("name", FORMATS)
def test_progress_grows_within_its_total(name: str, recorded_dataset: Path, tmp_path: Path) -> None:
    if name == "lerobot":
        pytest.importorskip("pyarrow")
    told: dict[str, list[int]] = {}
    with graspgen.open(recorded_dataset) as ds:
        export(ds, name, tmp_path / "out", [], lambda what, done, total: told.setdefault(what, [total]).append(done))
    for total, *done in told.values():
        assert done == sorted(done) and 0 <= done[0] and done[-1] <= total
    assert told
