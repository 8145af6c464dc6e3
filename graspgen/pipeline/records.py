"""The manifest while a run goes on: in memory, and on the disk no more often than is worth it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from graspgen.dataset.create import Find, complete_shards, grow
from graspgen.dataset.manifest import Manifest, ShardInfo, save_manifest

#: A manifest is written when the time since the last time is this many times what that took.
_PATIENCE = 20.0


class Records:
    """Keeps the manifest of a run.

    A manifest that lags behind loses nothing: shards say themselves what they hold, and a run that goes on finds them.

    Attributes:
        folder: the dataset's.
        manifest: what is known of it.
    """

    def __init__(self, folder: Path, manifest: Manifest, find: Find | None = None) -> None:
        self.folder, self.manifest, self._find = folder, manifest, find
        self._written, self._took = time.monotonic(), 0.0

    def add(self, shard: ShardInfo | None, refused: Mapping[int, str]) -> None:
        """Record a complete shard, and the scenes of its unit that could not be made.

        Raises:
            DatasetError: the manifest cannot be written.
        """
        if refused:
            known = {**self.manifest.refused, **refused}
            self.manifest = replace(self.manifest, refused=dict(sorted(known.items())))
        if shard is not None:
            self.manifest = self.manifest.with_shard(shard)
        if refused or time.monotonic() - self._written >= _PATIENCE * self._took:
            self.save()

    def grow(self, scenes: int) -> None:
        """Go on to `scenes` scenes.

        Raises:
            DatasetError: the manifest cannot be written.
        """
        self.manifest = grow(self.folder, self.manifest, scenes)

    def find(self) -> None:
        """Record also the shards that were completed when nobody was left to say so.

        Raises:
            DatasetError: the manifest cannot be written.
        """
        find = self._find or (lambda manifest: complete_shards(self.folder, manifest, trust=True))
        self.manifest = replace(self.manifest, shards=find(self.manifest))
        self.save()

    def save(self) -> None:
        """Write the manifest.

        Raises:
            DatasetError: it cannot be written.
        """
        start = time.monotonic()
        save_manifest(self.folder, self.manifest)
        self._written = time.monotonic()
        self._took = self._written - start
