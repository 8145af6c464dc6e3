"""Shards that go to a store: the same content as in a folder, and a run that is taken up where it was."""

from __future__ import annotations

import json
import shutil

import pytest

import graspgen
from graspgen.dataset.check import check
from graspgen.dataset.manifest import load_manifest
from graspgen.dataset.parts import source_manifest
from graspgen.dataset.verify import verify
from graspgen.errors import DatasetError
from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe

pytest.importorskip("fsspec", reason="stores need fsspec")


def make(tiny, out, store, scenes=3, **more):
    more = {"seed": 7, "quiet": True, **more}
    return generate(load_recipe("tabletop", tiny), out, scenes, store=store, **more)


@pytest.fixture(params=["memory://graspgen-test/data", "file://{}/far"])
def url(request, tmp_path):
    yield request.param.format(tmp_path)
    import fsspec

    fsspec.filesystem("memory").store.clear()


def test_a_store_holds_the_dataset_that_a_folder_would(tiny_dataset, tiny, tmp_path, url):
    import fsspec

    make(tiny, tmp_path / "run", url)
    fs, root = fsspec.core.url_to_fs(url)
    names = {p.removeprefix(root).lstrip("/") for p in fs.find(root)}
    wanted = {p.relative_to(tiny_dataset).as_posix() for p in tiny_dataset.rglob("*") if p.is_file()} - {"run.jsonl"}
    assert names == wanted
    there = json.loads(fs.cat_file(f"{root}/dataset.json"))
    assert (
        there["complete"] and load_manifest(tmp_path / "run").content_hash == load_manifest(tiny_dataset).content_hash
    )
    for place in (url, tmp_path / "run"):
        with graspgen.open(place) as far, graspgen.open(tiny_dataset) as near:
            assert (far.rgb(1) == near.rgb(1)).all() and len(far.grasps) == len(near.grasps)


def test_a_run_with_a_store_grows_and_makes_again_what_was_deleted(tiny_dataset, tiny, tmp_path):
    url = f"file://{tmp_path}/far"
    make(tiny, tmp_path / "run", url)
    (tmp_path / "far/shards/shard-00001.h5").unlink()
    made = make(tiny, tmp_path / "run", url)
    assert (made.scenes, made.kept) == (1, 2)
    # The run's folder is lost as well: the store says what it holds.
    shutil.rmtree(tmp_path / "run")
    made = make(tiny, tmp_path / "other", url)
    assert (made.scenes, made.kept) == (0, 3)
    assert load_manifest(tmp_path / "other").content_hash == load_manifest(tiny_dataset).content_hash
    made = make(tiny, tmp_path / "other", url, scenes=4, resume=True)
    assert (made.scenes, made.kept) == (1, 3)
    assert load_manifest(tmp_path / "far").complete


def test_a_store_of_another_run_is_refused_in_a_line(tiny, tmp_path):
    url = f"file://{tmp_path}/far"
    make(tiny, tmp_path / "run", url, scenes=1)
    with pytest.raises(DatasetError, match="holds another run: seed was 7, now 8"):
        make(tiny, tmp_path / "new", url, scenes=1, seed=8)
    with pytest.raises(DatasetError, match=r"its shards are at file://.*give --store"):
        make(tiny, tmp_path / "run", None, scenes=1)
    assert make(tiny, tmp_path / "new", url, scenes=1, seed=8, overwrite=True).scenes == 1
    with pytest.raises(DatasetError, match=r"needs another package|cannot be opened"):
        make(tiny, tmp_path / "odd", "nowhere://there", scenes=1)


@pytest.fixture
def bucket(monkeypatch):
    """An S3 server of this machine."""
    server = pytest.importorskip("moto.server", reason="moto[server] is not installed")
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
    running = server.ThreadedMotoServer(port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host.replace('0.0.0.0', '127.0.0.1')}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir("bucket")
    yield "s3://bucket/data"
    running.stop()
    s3fs.S3FileSystem.clear_instance_cache()


def test_workers_put_a_run_into_s3(tiny_dataset, tiny, tmp_path, bucket):
    make(tiny, tmp_path / "run", bucket, workers=2, executor="local")
    with graspgen.open(bucket) as far, graspgen.open(tiny_dataset) as near:
        assert (far.rgb(1) == near.rgb(1)).all() and len(far.grasps) == len(near.grasps)
    made = make(tiny, tmp_path / "other", bucket)
    assert (made.scenes, made.kept) == (0, 3)
    assert load_manifest(tmp_path / "other").content_hash == load_manifest(tiny_dataset).content_hash


def test_what_reads_every_byte_says_where_the_shards_are(tiny, tmp_path):
    url = f"file://{tmp_path}/far"
    make(tiny, tmp_path / "run", url, scenes=1)
    for read in (verify, check, source_manifest):
        with pytest.raises(DatasetError, match=f"the shards of .*run are at {url}: copy that to a disk"):
            read(tmp_path / "run")
        read(tmp_path / "far")
