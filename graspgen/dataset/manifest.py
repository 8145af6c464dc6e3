"""The manifest `dataset.json`: what was asked for, and which shards are complete."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from graspgen.dataset.hashes import dataset_hash
from graspgen.dataset.layout import MANIFEST, shard_count, shard_file, shard_scenes, write_text
from graspgen.dataset.schema import SCHEMA_VERSION
from graspgen.errors import DatasetError

FORMAT = "graspgen dataset"
#: No shard has as many scenes.
_LONGEST = 1 << 20


@dataclass(frozen=True)
class ShardInfo:
    """A complete shard.

    Attributes:
        file: path relative to the dataset's folder.
        bytes: size of the file.
        sha256: of the file, in hex.
        rows: rows of every table.
        scenes: content hash of every scene in it (`graspgen.dataset.writer.content_hash`).
    """

    file: str
    bytes: int
    sha256: str
    rows: Mapping[str, int]
    scenes: Mapping[int, str]


@dataclass(frozen=True)
class Manifest:
    """What `dataset.json` holds.

    Attributes:
        recipe: the resolved recipe.
        seed: the run's seed.
        scenes: number of scenes asked for.
        scenes_per_shard: scenes of every shard but the last.
        graspgen_version, mujoco_version: what made it.
        created: when the folder was created, ISO 8601. The only clock in a dataset.
        shards: complete shards, ascending.
        complete: whether every scene asked for is there and `dataset.h5` is written.
        schema_version: of the tables.
        grown: ascending, how many scenes the run had before each time that it grew in the middle of a shard.
        refused: scenes that could not be made at all, and why; they are in no shard.
        part: (k, n) of a run that makes only the k-th of n parts of its shards, 1 ≤ k ≤ n; None for all.
        selected: of a dataset that was split off or merged, the scenes of each of its shards; it cannot grow.
        lineage: what a split or merged dataset was taken from.
        most: of a run with quotas, the most scenes that it may have; `scenes` then grows round by round. None without.
        made_with: versions of what computed it, by name (`libraries`), where the run was begun.
    """

    recipe: Mapping[str, Any]
    seed: int
    scenes: int
    scenes_per_shard: int
    graspgen_version: str
    mujoco_version: str
    created: str
    shards: tuple[ShardInfo, ...] = ()
    complete: bool = False
    schema_version: int = field(default=SCHEMA_VERSION)
    grown: tuple[int, ...] = ()
    refused: Mapping[int, str] = field(default_factory=dict)
    part: tuple[int, int] | None = None
    selected: tuple[tuple[int, ...], ...] | None = None
    lineage: Mapping[str, Any] = field(default_factory=dict)
    most: int | None = None
    made_with: Mapping[str, str] = field(default_factory=dict)

    @property
    def attributes(self) -> dict[str, Any]:
        """File attributes of every shard of this dataset, for `write_shard`."""
        return {
            "graspgen_version": self.graspgen_version,
            "mujoco_version": self.mujoco_version,
            "seed": self.seed,
            "recipe": self.recipe,
        }

    @property
    def shard_count(self) -> int:
        """How many shards the whole run has."""
        if self.selected is not None:
            return len(self.selected)
        return shard_count(self.scenes, self.scenes_per_shard, self.grown)

    @property
    def hashes(self) -> dict[int, str]:
        """Content hash of every scene in a complete shard."""
        return {scene: digest for shard in self.shards for scene, digest in shard.scenes.items()}

    @property
    def content_hash(self) -> str:
        """Content hash of the dataset (`graspgen.dataset.hashes.dataset_hash`)."""
        return dataset_hash(self.hashes)

    def expected(self, number: int) -> list[int]:
        """Return the scenes that shard `number` must hold."""
        if self.selected is not None:
            return list(self.selected[number]) if number < len(self.selected) else []
        scenes = shard_scenes(number, self.scenes, self.scenes_per_shard, self.grown)
        return [scene for scene in scenes if scene not in self.refused]

    def missing(self) -> list[int]:
        """Return the numbers of the shards that are still to be made by this run."""
        done = {shard.file for shard in self.shards}
        number, count = self.part or (1, 1)
        return [n for n in range(number - 1, self.shard_count, count) if shard_file(n) not in done and self.expected(n)]

    def with_shard(self, info: ShardInfo) -> Manifest:
        """Return the manifest with a shard added, or replaced if the file is known."""
        others = [shard for shard in self.shards if shard.file != info.file]
        return replace(self, shards=tuple(sorted([*others, info], key=lambda s: s.file)), complete=False)


def save_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace `dataset.json` in one step.

    Raises:
        DatasetError: it cannot be written.
    """
    shards = [
        {
            "file": s.file,
            "bytes": s.bytes,
            "sha256": s.sha256,
            "rows": dict(s.rows),
            "scenes": {str(k): v for k, v in s.scenes.items()},
        }
        for s in manifest.shards
    ]
    content = {
        "format": FORMAT,
        "schema_version": manifest.schema_version,
        "graspgen_version": manifest.graspgen_version,
        "mujoco_version": manifest.mujoco_version,
        "created": manifest.created,
        "complete": manifest.complete,
        "seed": manifest.seed,
        "scenes": manifest.scenes,
        "scenes_per_shard": manifest.scenes_per_shard,
        "recipe": dict(manifest.recipe),
        "shards": shards,
        **_said(manifest),
    }
    content["sha256"] = content_digest(content)
    write_text(folder / MANIFEST, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _said(manifest: Manifest) -> dict[str, Any]:
    """Return what only some manifests have to say."""
    said = {
        "grown": list(manifest.grown),
        "refused": {str(scene): manifest.refused[scene] for scene in sorted(manifest.refused)},
        "part": None if manifest.part is None else list(manifest.part),
        "selected": None if manifest.selected is None else [list(scenes) for scenes in manifest.selected],
        "lineage": dict(manifest.lineage),
        "most": manifest.most,
        "made_with": dict(manifest.made_with),
    }
    return {key: value for key, value in said.items() if value not in ([], {}, None)}


def content_digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest's content, but for the entry that holds it, in hex.

    It tells an edit by hand from what graspgen wrote; it is no signature.
    """
    rest = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def edited(folder: Path) -> bool:
    """Whether the manifest of a dataset is not as graspgen wrote it; older ones do not tell.

    Raises:
        DatasetError: it cannot be read.
    """
    load_manifest(folder)
    content = json.loads((folder / MANIFEST).read_bytes().decode())
    return "sha256" in content and content["sha256"] != content_digest(content)


def load_manifest(folder: Path) -> Manifest:
    """Read `dataset.json`.

    Raises:
        DatasetError: there is none, it is damaged, or its schema is another version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        what = "the folder does not exist" if not folder.exists() else f"it has no {MANIFEST}"
        raise DatasetError(f"{folder} is no graspgen dataset: {what}; make one with `graspgen generate`")
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}); restore it") from error
    return parse_manifest(text, str(path))


def parse_manifest(text: bytes, path: str) -> Manifest:
    """Return what a manifest says.

    Args:
        text: the file, UTF-8.
        path: where it lies, for messages.

    Raises:
        DatasetError: it is damaged, or its schema is another version.
    """
    try:
        content = json.loads(text.decode())
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise DatasetError(f'{path} is not the manifest of a graspgen dataset (no "format": "{FORMAT}")')
        check_version(path, content["schema_version"])
        shards = tuple(
            ShardInfo(
                file=str(s["file"]),
                bytes=int(s["bytes"]),
                sha256=str(s["sha256"]),
                rows={str(k): int(v) for k, v in s["rows"].items()},
                scenes={int(k): str(v) for k, v in s["scenes"].items()},
            )
            for s in content["shards"]
        )
        for shard in shards:
            if shard.file.startswith("/") or ".." in shard.file.split("/"):
                raise DatasetError(f"{path} names a shard outside the dataset: {shard.file}")
        manifest = Manifest(
            recipe=dict(content["recipe"]),
            seed=int(content["seed"]),
            scenes=int(content["scenes"]),
            scenes_per_shard=int(content["scenes_per_shard"]),
            graspgen_version=str(content["graspgen_version"]),
            mujoco_version=str(content["mujoco_version"]),
            created=str(content["created"]),
            shards=shards,
            complete=bool(content["complete"]),
            grown=tuple(int(n) for n in content.get("grown", ())),
            refused={int(k): str(v) for k, v in content.get("refused", {}).items()},
            part=_part(content.get("part")),
            selected=_selected(content.get("selected")),
            lineage=dict(content.get("lineage", {})),
            most=None if content.get("most") is None else int(content["most"]),
            made_with={str(k): str(v) for k, v in content.get("made_with", {}).items()},
        )
        if list(manifest.grown) != sorted({n for n in manifest.grown if 0 < n <= manifest.scenes}):
            raise ValueError(f"grown {manifest.grown}")
        if manifest.scenes < 0 or not 1 <= manifest.scenes_per_shard <= _LONGEST:
            raise ValueError(f"scenes {manifest.scenes}, scenes_per_shard {manifest.scenes_per_shard}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        what = f"missing {error}" if isinstance(error, KeyError) else str(error)
        raise DatasetError(
            f"{path} is damaged ({what}); restore it, or run again the command that made it, which mends it"
        ) from error
    return manifest


def _part(said: Any) -> tuple[int, int] | None:
    if said is None:
        return None
    number, count = (int(n) for n in said)
    if not 1 <= number <= count:
        raise ValueError(f"part {said}")
    return number, count


def _selected(said: Any) -> tuple[tuple[int, ...], ...] | None:
    return None if said is None else tuple(tuple(int(n) for n in scenes) for scenes in said)


def check_version(path: Path | str, version: object) -> None:
    """Refuse another version of the schema.

    Raises:
        DatasetError: the version is not the one of this graspgen.
    """
    if version != SCHEMA_VERSION:
        side = "a newer" if isinstance(version, int) and version > SCHEMA_VERSION else "an older"
        raise DatasetError(
            f"{path} has schema version {version}, this graspgen reads version {SCHEMA_VERSION}: "
            f"read it with {side} graspgen, or generate it again"
        )


def add_shard(folder: Path, info: ShardInfo) -> Manifest:
    """Record a complete shard in the manifest of `folder`; only one process may do this at a time.

    Raises:
        DatasetError: the manifest cannot be read or written.
    """
    manifest = load_manifest(folder).with_shard(info)
    save_manifest(folder, manifest)
    return manifest
