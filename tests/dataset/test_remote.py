"""A dataset behind a URL reads as one in a folder, and only what is asked for travels."""

from __future__ import annotations

import builtins
import multiprocessing
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import graspgen
from graspgen.dataset.reader import Dataset
from graspgen.errors import DatasetError

fsspec = pytest.importorskip("fsspec")


class RangeHandler(SimpleHTTPRequestHandler):
    """Files with byte ranges, as every object store has them."""

    sent = 0

    def send_head(self):
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return None
        data = path.read_bytes()
        low, high = 0, len(data) - 1
        if given := self.headers.get("Range"):
            first, _, last = given.removeprefix("bytes=").partition("-")
            low, high = int(first), min(int(last or high), high)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {low}-{high}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(high - low + 1))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if self.command == "GET":
            RangeHandler.sent += high - low + 1
            self.wfile.write(data[low : high + 1])
        return None

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def url(sound: Path) -> Iterator[str]:
    pytest.importorskip("aiohttp")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(RangeHandler, directory=str(sound)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def memory(sound: Path) -> str:
    """The sound dataset in fsspec's memory."""
    fs = fsspec.filesystem("memory")
    fs.put(str(sound), "/data", recursive=True)
    return "memory://data"


def equal(a: Dataset, b: Dataset) -> None:
    for name, table in a.tables.items():
        for column in table.columns:
            np.testing.assert_array_equal(table[column][:], b.tables[name][column][:])
    for x, y in zip(a.mesh(1), b.mesh(1), strict=True):
        np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(a.points(3), b.points(3))


@pytest.mark.parametrize("name", ["", "/dataset.json", "/dataset.h5", "/"])
def test_a_dataset_in_memory_is_read_like_a_folder(sound: Path, memory: str, name: str) -> None:
    with graspgen.open(sound) as here, graspgen.open(memory + name) as there:
        equal(here, there)
        assert str(there.place) == memory and memory in repr(there)
        with pytest.raises(DatasetError, match="copy the dataset here first"):
            _ = there.path


def test_a_file_url_is_a_folder(sound: Path) -> None:
    with graspgen.open(sound.as_uri()) as ds:
        assert ds.path == sound and ds.depth(0).any()


def test_a_single_shard_opens_by_its_url(sound: Path, memory: str) -> None:
    with graspgen.open(f"{memory}/shards/shard-00001.h5") as ds, graspgen.open(sound) as whole:
        assert ds.scenes["index"].tolist() == [2, 3]
        np.testing.assert_array_equal(ds.rgb(0), whole.rgb(4))
        assert ds.mesh(1)[0].shape == (8, 3)


def test_a_dataset_is_read_over_http(sound: Path, url: str) -> None:
    with graspgen.open(sound) as here, graspgen.open(url) as there:
        equal(here, there)


def test_opening_a_url_fetches_the_manifest_only(url: str, sound: Path) -> None:
    RangeHandler.sent = 0
    graspgen.open(url)
    assert RangeHandler.sent == (sound / "dataset.json").stat().st_size


def _depth_sum(ds: Dataset, view: int) -> float:
    return float(ds.depth(view).sum())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_fetch_for_themselves(url: str, method: str) -> None:
    ds = graspgen.open(url)
    expected = _depth_sum(ds, 5)  # and so a connection is open when the others begin
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(_depth_sum, [(ds, 5)] * 3) == [expected] * 3


def told(action) -> str:
    with pytest.raises(DatasetError) as error:
        action()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_not_there_is_told_in_a_line(url: str, memory: str) -> None:
    assert "is not there" in told(lambda: graspgen.open(f"{url}/nothing"))
    assert "is not there" in told(lambda: graspgen.open("memory://nothing"))
    assert "cannot be opened" in told(lambda: graspgen.open("nosuch://bucket/data"))
    assert "cannot be read" in told(lambda: graspgen.open("http://127.0.0.1:9/data"))


def test_a_missing_or_truncated_shard_is_told_when_it_is_touched(memory: str) -> None:
    fs = fsspec.filesystem("memory")
    fs.copy("/data", "/broken", recursive=True)
    whole = fs.cat_file("/broken/shards/shard-00001.h5")
    fs.pipe_file("/broken/shards/shard-00001.h5", whole[:-1000])
    ds = graspgen.open("memory://broken")
    assert ds.depth(0).any()
    assert f"truncated ({len(whole) - 1000} of {len(whole)} bytes)" in told(lambda: ds.depth(7))
    fs.rm("/broken/shards/shard-00001.h5")
    assert "shard-00001.h5 is not there" in told(lambda: graspgen.open("memory://broken").depth(7))


def test_without_fsspec_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def no_fsspec(name: str, *args, **kwargs):
        if name.startswith("fsspec"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_fsspec)
    assert "pip install 'graspgen[remote]'" in told(lambda: graspgen.open("https://example.org/data"))


def test_no_name_in_a_remote_dataset_leaves_it(memory: str) -> None:
    ds = graspgen.open(memory)
    for name in ("../data/dataset.json", "/data/dataset.json", "", "zip::x"):
        assert "leaves the dataset" in told(lambda name=name: ds.place.read(name))
