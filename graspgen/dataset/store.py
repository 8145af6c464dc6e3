"""Where a run's shards go when they do not stay in its folder: an object store, or whatever else fsspec can write to.

The run's folder keeps the manifest, the journal and the lock; `store.url` in it names the store. At the end of a run
the store holds the whole dataset: `graspgen.open(URL)` reads it, and so does `graspgen.open(FOLDER)`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import h5py

from graspgen.dataset.create import differences, read_info
from graspgen.dataset.hdf5 import reason
from graspgen.dataset.layout import MANIFEST, OWNED, PARTIAL, SHARDS, STORE, shard_file, write_text
from graspgen.dataset.manifest import Manifest, ShardInfo, load_manifest, parse_manifest
from graspgen.dataset.remote import RemoteFolder, filesystem
from graspgen.errors import DatasetError

_T = TypeVar("_T")
#: What appears whole or not at all when it is written there; elsewhere files are renamed when they are whole.
_ATOMIC = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "memory", "oci", "oss"}


class Store:
    """Files behind a URL that can be written to.

    Args:
        url: of a folder, "s3://bucket/data" or "file:///mnt/shared/data", say.

    Raises:
        DatasetError: fsspec, or what it needs for the URL, is not installed; also of every method: the store refuses.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._fs, root = filesystem(self.url)
        self._root = root.rstrip("/")
        protocol = self._fs.protocol
        self._atomic = bool(_ATOMIC & set([protocol] if isinstance(protocol, str) else protocol))

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _do(self, what: str, name: str, act: Callable[[], _T]) -> _T:
        try:
            return act()
        except FileNotFoundError:
            raise
        except Exception as error:  # each protocol raises errors of its own
            raise DatasetError(
                f"{self.url}/{name} cannot be {what} ({type(error).__name__}: {reason(error)}); "
                "everything complete is kept, run the same command again"
            ) from error

    def sizes(self, folder: str) -> dict[str, int]:
        """Return name → bytes of the files right in a folder, with the folder's name before theirs."""
        self._fs.invalidate_cache()
        try:
            found = self._do("listed", folder, lambda: self._fs.ls(self._at(folder), detail=True))
        except FileNotFoundError:
            return {}
        return {f"{folder}/{e['name'].rstrip('/').rpartition('/')[2]}": e["size"] for e in found if e["type"] == "file"}

    def read(self, name: str) -> bytes | None:
        """Return a whole file, None where there is none."""
        try:
            return self._do("read", name, lambda: self._fs.cat_file(self._at(name)))
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file."""
        self._put(name, lambda place: self._fs.pipe_file(place, data))

    def put(self, name: str, path: Path) -> None:
        """Copy a file of this machine there."""
        self._put(name, lambda place: self._fs.put_file(str(path), place))

    def _put(self, name: str, write: Callable[[str], object]) -> None:
        place = self._at(name)

        def act() -> None:
            if not self._atomic:
                self._fs.makedirs(place.rpartition("/")[0], exist_ok=True)
            write(place if self._atomic else place + PARTIAL)
            if not self._atomic:
                self._fs.mv(place + PARTIAL, place)

        try:
            self._do("written", name, act)
        except FileNotFoundError as error:
            raise DatasetError(f"{self.url} is not there; make the bucket or folder, or give another URL") from error

    def fetch(self, name: str, path: Path) -> None:
        """Copy a file to this machine.

        Raises:
            FileNotFoundError: there is none.
        """
        self._do("read", name, lambda: self._fs.get_file(self._at(name), str(path)))

    def delete(self, names: Iterable[str]) -> None:
        """Delete files and folders; those that are not there are no error."""
        for name in names:
            try:
                self._do("deleted", name, lambda name=name: self._fs.rm(self._at(name), recursive=True))
            except FileNotFoundError:
                continue
        self._fs.invalidate_cache()

    def open(self, name: str) -> h5py.File:
        """Open an HDF5 file; only what is read of it is fetched."""
        return RemoteFolder(self.url).open(name)

    def complete_shards(self, manifest: Manifest) -> tuple[ShardInfo, ...]:
        """Return the shards of a run that are there. Those that no manifest knows are fetched and read."""
        known = {shard.file: shard for shard in manifest.shards}
        data = self.read(MANIFEST)
        if data is not None:
            there = parse_manifest(data, f"{self.url}/{MANIFEST}")
            known = {shard.file: shard for shard in there.shards} | known
        found = []
        sizes = self.sizes(SHARDS)
        for number in range(manifest.shard_count):
            name = shard_file(number)
            if name not in sizes:
                continue
            info = known.get(name)
            if info is None or info.bytes != sizes[name]:
                with tempfile.TemporaryDirectory(prefix="graspgen-") as folder:
                    path = Path(folder) / name
                    path.parent.mkdir()
                    self.fetch(name, path)
                    info = read_info(path, manifest.attributes)
            if info is not None and list(info.scenes) == list(manifest.expected(number)):
                found.append(info)
        return tuple(found)


def claim(url: str | None, folder: Path, run: Mapping[str, Any], *, overwrite: bool, resume: bool) -> Store | None:
    """Return the store for the shards of a run in a folder, None where the folder takes them.

    Args:
        url: of the store, or None.
        folder: of the run.
        run: what a run there must agree with: keys of a manifest.
        overwrite: delete the dataset that is there.
        resume: the folder's run goes on.

    Raises:
        DatasetError: the store holds another run, or the folder's run has its shards elsewhere, or the store refuses.
    """
    before = stored_at(folder) if resume else None
    if url is None:
        if before is not None:
            raise DatasetError(f"cannot resume {folder}: its shards are at {before}; give --store {before}")
        return None
    store = Store(url)
    if before not in (None, store.url):
        raise DatasetError(f"cannot resume {folder}: its shards are at {before}, not at {store.url}; give that --store")
    if resume and before is None and load_manifest(folder).shards:
        raise DatasetError(f"cannot resume {folder}: its shards are in it; leave --store out")
    data = store.read(MANIFEST)
    if data is None:
        if store.sizes(SHARDS):
            raise DatasetError(f"{store.url} holds shards without a {MANIFEST}; give another --store")
        return store
    try:
        there = json.loads(data)
    except ValueError:
        there = None
    if not isinstance(there, dict) or not str(there.get("format", "")).startswith("graspgen"):
        raise DatasetError(f"{store.url} holds files that are no dataset of graspgen's; give another --store")
    if overwrite:
        store.delete(OWNED)
        return store
    changed = [d for name, value in run.items() for d in differences(there.get(name), value, name)]
    if changed:
        raise DatasetError(
            f"{store.url} holds another run: {'; '.join(changed[:3])}; give another --store, or --overwrite"
        )
    return store


def begin(store: Store, folder: Path) -> None:
    """Leave word, in the folder and in the store, of a run that has begun."""
    write_text(folder / STORE, store.url + "\n")
    store.put(MANIFEST, folder / MANIFEST)


def stored_at(folder: Path) -> str | None:
    """Return the URL of the store that holds the shards of a run's folder; None where the folder does."""
    try:
        return (folder / STORE).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def need_here(folder: Path) -> None:
    """Refuse a run's folder whose shards are in a store, for what reads every byte of them.

    Raises:
        DatasetError: they are elsewhere.
    """
    url = stored_at(folder)
    if url is not None:
        raise DatasetError(f"the shards of {folder} are at {url}: copy that to a disk, and give the copy")


def publish(store: Store, folder: Path) -> None:
    """Copy what a run's folder holds of the dataset to the store; the manifest last.

    Raises:
        DatasetError: the store refuses.
    """
    mine = {STORE, MANIFEST, ".lock", "run.jsonl"}
    for name in OWNED:
        place = folder / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if name not in mine and path.is_file() and not path.name.endswith(PARTIAL):
                store.put(path.relative_to(folder).as_posix(), path)
    store.put(MANIFEST, folder / MANIFEST)
