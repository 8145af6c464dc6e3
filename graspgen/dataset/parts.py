"""What `merge` and `split` are made of: which shard holds which scene, and the folder that scenes go to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from graspgen.dataset.codecs import need_stored
from graspgen.dataset.layout import ARENA, LOOKS, OBJECTS, SHARDS, write_error
from graspgen.dataset.lock import is_held, only_run
from graspgen.dataset.manifest import Manifest, ShardInfo, load_manifest, save_manifest
from graspgen.dataset.pack import PackedScene
from graspgen.dataset.shard_scenes import read_scenes
from graspgen.dataset.store import need_here
from graspgen.errors import DatasetError

#: Scene → the shard that holds it: its dataset's folder and what that says of it.
Places = dict[int, tuple[Path, ShardInfo]]


def source_manifest(folder: Path) -> Manifest:
    """Return the manifest of a dataset that nobody writes to and whose shards are all there.

    Raises:
        DatasetError: it is otherwise.
    """
    manifest = load_manifest(folder)
    need_here(folder)
    need_stored(manifest.recipe, str(folder))
    if is_held(folder):
        raise DatasetError(f"a run is writing to {folder} at this moment; wait for its end")
    for shard in manifest.shards:
        path = folder / shard.file
        if not path.is_file() or path.stat().st_size != shard.bytes:
            raise DatasetError(f"{path} is missing or damaged; the command that made it makes it again")
    return manifest


def places_of(manifests: Mapping[Path, Manifest]) -> Places:
    """Return where each scene is.

    Raises:
        DatasetError: a scene differs between two datasets.
    """
    places: Places = {}
    for folder, manifest in manifests.items():
        for shard in manifest.shards:
            for scene, digest in shard.scenes.items():
                before, known = places.setdefault(scene, (folder, shard))
                if known.scenes[scene] != digest:
                    raise DatasetError(f"scene {scene} of {folder} is another one than that of {before}")
    return places


def lineage_of(manifest: Manifest, total: int) -> dict[str, object]:
    """Return what a part says of the dataset that it was taken from, which had numbers up to `total`."""
    runs = {"runs": manifest.lineage["runs"]} if "runs" in manifest.lineage else {}
    return {"scenes": total, "content": manifest.lineage.get("content", manifest.content_hash), **runs}


def groups_of(scenes: Sequence[int], size: int) -> tuple[tuple[int, ...], ...]:
    """Deal scenes out to shards of `size` scenes."""
    return tuple(tuple(scenes[start : start + size]) for start in range(0, len(scenes), size))


def begin_parts(target: Path, manifest: Manifest, sources: Sequence[Path], held: ExitStack) -> None:
    """Make the folder, hold it, and copy what all scenes share."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        held.enter_context(only_run(target))
        if any(target.iterdir()):
            raise DatasetError(f"{target} exists and is not empty; choose another output folder")
        save_manifest(target, manifest)
        for name in (SHARDS, OBJECTS):
            (target / name).mkdir()
        for source in sources:
            for name in (OBJECTS, ARENA, LOOKS):
                if (source / name).is_dir():
                    shutil.copytree(source / name, target / name, dirs_exist_ok=True)
    except OSError as error:
        raise write_error(target, error) from error


def packed_scenes(scenes: Sequence[int], places: Places) -> Iterator[PackedScene]:
    """Read scenes, ascending, from whatever shards hold them."""
    kept: dict[Path, Iterator[PackedScene]] = {}
    for scene in scenes:
        folder, shard = places[scene]
        path = folder / shard.file
        if path not in kept:
            mine = {s for s in scenes if places[s][0] / places[s][1].file == path}
            kept[path] = read_scenes(path, mine)
        packed = next(kept[path])
        assert packed.index == scene
        yield packed
