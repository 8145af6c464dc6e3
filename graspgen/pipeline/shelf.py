"""Where a worker puts its scenes by, and where its shards go: a folder that all see, or a store behind a URL."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from graspgen.dataset.layout import SHARDS, UNFINISHED, scene_file, shard_file
from graspgen.dataset.manifest import ShardInfo
from graspgen.dataset.pack import PackedScene, from_bytes, load_packed, save_packed, to_bytes
from graspgen.dataset.store import Store
from graspgen.dataset.writer import write_shard
from graspgen.errors import DatasetError


class Shelf(Protocol):
    """What a unit is made with; errors are `DatasetError`s."""

    @property
    def folder(self) -> Path:
        """The folder in which a scene leaves its meshes."""

    def kept(self, scene: int) -> PackedScene | None:
        """Return a scene that was put by before, None where it is missing or damaged."""

    def put_by(self, scene: PackedScene) -> None:
        """Keep a scene, whole or not at all."""

    def write(self, number: int, scenes: Iterable[int], attributes: Mapping[str, Any]) -> ShardInfo:
        """Make a shard of scenes that were put by."""

    def clear(self, scenes: Iterable[int]) -> None:
        """Forget scenes that were put by."""


class FolderShelf:
    """The dataset's folder, which all workers see."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def kept(self, scene: int) -> PackedScene | None:
        """Return a scene that was put by before, None where it is missing or damaged."""
        return load_packed(self.folder / scene_file(scene))

    def put_by(self, scene: PackedScene) -> None:
        """Keep a scene, whole or not at all."""
        save_packed(self.folder / scene_file(scene.index), scene)

    def write(self, number: int, scenes: Iterable[int], attributes: Mapping[str, Any]) -> ShardInfo:
        """Make a shard of scenes that were put by."""
        return write_shard(self.folder / shard_file(number), _all(self, scenes), attributes)

    def clear(self, scenes: Iterable[int]) -> None:
        """Forget scenes that were put by."""
        for scene in scenes:
            with contextlib.suppress(OSError):
                (self.folder / scene_file(scene)).unlink(missing_ok=True)


class StoreShelf:
    """A store behind a URL; a folder of this process takes what is not yet there.

    A scene's meshes go to the store before the scene is put by, and that before its shard is made, so whoever takes
    over finds all that a scene needs.
    """

    def __init__(self, url: str) -> None:
        self._store = Store(url)
        self.folder = Path(tempfile.mkdtemp(prefix="graspgen-worker-"))
        (self.folder / SHARDS).mkdir()
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)

    def kept(self, scene: int) -> PackedScene | None:
        """Return a scene that was put by before, None where it is missing or damaged."""
        data = self._store.read(scene_file(scene))
        try:
            return None if data is None else from_bytes(data)
        except (ValueError, KeyError, TypeError):
            return None

    def put_by(self, scene: PackedScene) -> None:
        """Keep a scene, whole or not at all."""
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_file() and not name.startswith((SHARDS, UNFINISHED)):
                self._store.put(name, path)
                path.unlink()
        self._store.write(scene_file(scene.index), to_bytes(scene))

    def write(self, number: int, scenes: Iterable[int], attributes: Mapping[str, Any]) -> ShardInfo:
        """Make a shard of scenes that were put by."""
        name = shard_file(number)
        path = self.folder / name
        try:
            info = write_shard(path, _all(self, scenes), attributes)
            self._store.put(name, path)
        finally:
            path.unlink(missing_ok=True)
        return info

    def clear(self, scenes: Iterable[int]) -> None:
        """Forget scenes that were put by."""
        self._store.delete(scene_file(scene) for scene in scenes)


def _all(shelf: Shelf, scenes: Iterable[int]) -> Iterator[PackedScene]:
    for scene in scenes:
        packed = shelf.kept(scene)
        if packed is None:
            raise DatasetError(f"{scene_file(scene)} was removed or damaged meanwhile; run again with --resume")
        yield packed


def shelf_of(folder: str, store: str) -> Shelf:
    """Return the shelf for a run's folder, or for the store that takes its shards, if that is not ""."""
    return _stored(store) if store else FolderShelf(Path(folder))


@lru_cache(maxsize=1)
def _stored(url: str) -> StoreShelf:
    """Keep the connection, and the folder, of the run that this process works on."""
    return StoreShelf(url)
