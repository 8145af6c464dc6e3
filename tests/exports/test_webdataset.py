"""WebDataset: its own reader gives back what the dataset holds, shard after shard."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from graspgen.exports.registry import export

webdataset = pytest.importorskip("webdataset")


def whole(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def samples(out: Path, shards: int) -> list[dict]:
    url = str(out / f"shard-{{000000..{shards - 1:06d}}}.tar")
    handlers = [webdataset.handle_extension(name, whole) for name in ("depth.png", "instances.png")]
    return list(webdataset.WebDataset(url, shardshuffle=False).decode(*handlers, "rgb8"))


def test_the_official_reader_gives_back_every_view(small, tmp_path: Path) -> None:
    export(small, "webdataset", tmp_path / "out", ["samples_per_shard=4", "images=png"])
    found = samples(tmp_path / "out", 2)
    assert len(found) == len(small.views)
    for view, sample in enumerate(found):
        about = sample["json"]
        scene, number = int(small.views["scene"][view]), int(small.views["id"][view]) & 0xFFFF
        assert sample["__key__"] == f"{scene:06d}_{number:06d}"
        np.testing.assert_array_equal(sample["rgb.png"], small.rgb(view))
        np.testing.assert_allclose(sample["depth.png"] * about["depth_unit"], small.depth(view), atol=1e-6)
        np.testing.assert_array_equal(sample["instances.png"], small.instances(view))
        np.testing.assert_array_equal(about["K"], small.views["K"][view])
        seen = small.view_objects(view)
        np.testing.assert_array_equal([o["T_camera_object"] for o in about["objects"]], seen["T_camera_object"])
        np.testing.assert_array_equal(about["grasps"]["T_camera_grasp"], small.grasps_in_camera(view))
        rows = small.grasp_rows(view)
        owners = small.objects["id"][np.isin(small.objects["scene"], scene)]
        ids = dict(zip(owners.tolist(), seen["instance_id"].tolist(), strict=True))
        assert about["grasps"]["instance_id"] == [ids[o] for o in small.grasps["object"][rows].tolist()]


def test_shards_are_full_but_the_last_and_listed_with_their_checksums(small, tmp_path: Path) -> None:
    export(small, "webdataset", tmp_path / "out", ["samples_per_shard=4"])
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert [shard["nsamples"] for shard in index["shardlist"]] == [4, 2]
    for shard in index["shardlist"]:
        content = (tmp_path / "out" / shard["url"]).read_bytes()
        assert len(content) == shard["filesize"] and hashlib.md5(content).hexdigest() == shard["md5sum"]
    assert "{000000..000001}" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(("choice", "kept"), [("success", {"success"}), ("none", None)])
def test_grasps_can_be_chosen(small, tmp_path: Path, choice: str, kept: set[str] | None) -> None:
    export(small, "webdataset", tmp_path / "out", [f"grasps={choice}"])
    for sample in samples(tmp_path / "out", 1):
        if kept is None:
            assert "grasps" not in sample["json"]
        else:
            assert set(sample["json"]["grasps"]["outcome"]) <= kept
