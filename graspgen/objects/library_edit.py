"""Put assets into libraries, take them out, and merge libraries; each folder moves whole, verdicts go with content."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from graspgen.errors import ObjectError, nearest
from graspgen.objects.asset_files import META, content_hash, read_meta
from graspgen.objects.library import is_valid_name, load_asset, load_named_asset
from graspgen.objects.library_index import Index, Verdict, asset_folders, read_index, update_index
from graspgen.objects.splits import Split, told

_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def add_assets(sources: Sequence[str | Path], library: str | Path, *, overwrite: bool = False) -> list[str]:
    """Copy assets' folders into a library, which is made where it is missing; return their names.

    Everything is read and compared before anything is copied. The same asset that is there already is left alone.

    Args:
        sources: folders of assets.
        library: the library's folder.
        overwrite: replace assets of the same name.

    Raises:
        ObjectError: a source is no asset or damaged, another asset of its name is there, or nothing can be written.
    """
    folders = [_asset_folder(Path(source).expanduser()) for source in sources]
    assets = [load_asset(folder) for folder in folders]
    names = [asset.name for asset in assets]
    for asset in assets:
        if not is_valid_name(asset.name):
            raise ObjectError(f"'{asset.name}' cannot name an asset; use letters, digits, '_', '-' and '.'")
    hashes = [content_hash(asset) for asset in assets]
    first: dict[str, str] = {}
    for name, digest, folder in zip(names, hashes, folders, strict=True):
        if first.setdefault(name, digest) != digest:
            raise ObjectError(f"{folder} and another source are both called '{name}' but differ; add one of them")
    verdicts = {d: v for folder in folders for d, v in _verdicts(folder.parent).items()}

    def change(index: Index) -> Index:
        _refuse_clashes(index, first, overwrite)
        for name, digest, folder in zip(names, hashes, folders, strict=True):
            known = index.entries.get(name)
            if known is None or known.digest != digest:
                _copy(folder, index.path / name, name, overwrite)
        return replace(index, carried=verdicts)

    update_index(library, change)
    return names


def remove_assets(library: str | Path, names: Sequence[str]) -> None:
    """Delete assets from a library; nothing is deleted where one of the names is unknown.

    Raises:
        ObjectError: there is no such library or asset, or it cannot be deleted.
    """
    read_index(library)

    def change(index: Index) -> Index:
        for name in names:
            if name not in index.entries:
                raise ObjectError(f"{index.path} has no asset '{name}'{nearest(name, index.entries)}")
        for name in dict.fromkeys(names):
            _delete(index.path / name)
        return index

    update_index(library, change)


def merge_libraries(
    sources: Sequence[str | Path], library: str | Path, *, rename: bool = False
) -> tuple[list[str], dict[str, str]]:
    """Copy all assets of some libraries into another one.

    The same asset in several libraries becomes one. Merging the same libraries again changes nothing.

    Args:
        sources: the libraries.
        library: where they go, made where it is missing; it keeps what it has, and its split. A new one takes the
            split of its sources where that is the same in all of them.
        rename: give assets of the same name and another content a free name (`mug` becomes `mug-2`).

    Returns:
        The names that were asked for, and of those that were renamed the new one, by "library/name".

    Raises:
        ObjectError: a source is no library or has a damaged asset, names clash, or nothing can be written.
    """
    indices = [read_index(source) for source in sources]
    for index in indices:
        if not index.entries:
            raise ObjectError(f"{index.path} holds no assets")
        damaged = next((e.damage for e in index.entries.values() if e.damage), None)
        if damaged:
            raise ObjectError(damaged)
    renamed: dict[str, str] = {}
    names: list[str] = []

    def change(target: Index) -> Index:
        have = {name: entry.digest for name, entry in target.entries.items()}
        copies: list[tuple[Path, str]] = []
        verdicts: dict[str, Verdict] = {}
        clashes: list[str] = []
        for index in indices:
            for entry in index.entries.values():
                name, digest = entry.name, entry.digest
                if have.get(name, digest) != digest:
                    if not rename:
                        clashes.append(f"{index.path}/{name}")
                        continue
                    name, digest = _free_name(index.path / entry.name, have)
                    renamed[f"{index.path}/{entry.name}"] = name
                elif entry.check is not None:
                    verdicts[digest] = entry.check
                names.append(name)
                if name not in have:
                    have[name] = digest
                    copies.append((index.path / entry.name, name))
        if clashes:
            raise ObjectError(
                f"{len(clashes)} assets have the name of another one with another content: {', '.join(clashes[:8])}"
                f"{', …' if len(clashes) > 8 else ''}; give --rename to keep both, or remove one of each"
            )
        for folder, _ in copies:
            load_named_asset(folder)
        for folder, name in copies:
            _copy(folder, target.path / name, name, overwrite=False)
        return replace(target, carried=verdicts, split=_common_split(target, indices))

    update_index(library, change)
    return names, renamed


def split_library(library: str | Path, split: Split, *, overwrite: bool = False) -> Index:
    """Store a split in a library's index.

    Raises:
        ObjectError: there is no such library, it has another split already, or it cannot be written.
    """
    read_index(library)

    def change(index: Index) -> Index:
        if index.split is not None and index.split != split and not overwrite:
            raise ObjectError(
                f"{index.path} is already split by {index.split.by}, {told(dict(index.split.shares))}, salt "
                f"'{index.split.salt}'; another split moves objects between its parts: give --overwrite if you mean it"
            )
        return replace(index, split=split)

    return update_index(library, change)


def _asset_folder(folder: Path) -> Path:
    if (folder / META).is_file():
        return folder.resolve()
    if folder.is_dir() and asset_folders(folder):
        raise ObjectError(f"{folder} is a library, not an asset; use `graspgen objects merge {folder} --to …`")
    read_meta(folder)  # says what is wrong
    return folder


def _verdicts(library: Path) -> dict[str, Verdict]:
    """Return the verdicts of the library that an asset comes from, by content hash; a damaged index has none."""
    try:
        return {e.digest: e.check for e in read_index(library).entries.values() if e.check is not None}
    except ObjectError:
        return {}


def _refuse_clashes(index: Index, wanted: dict[str, str], overwrite: bool) -> None:
    clashes = [n for n, digest in wanted.items() if n in index.entries and index.entries[n].digest != digest]
    if clashes and not overwrite:
        raise ObjectError(
            f"{index.path} already holds another {', '.join(clashes)}; give --overwrite to replace it, or remove it "
            "first"
        )


def _free_name(folder: Path, have: dict[str, str]) -> tuple[str, str]:
    """Return the first of name-2, name-3, … that is free or holds this very asset, and the content hash under it."""
    asset = load_named_asset(folder)
    number = 2
    while True:
        name = f"{asset.name[:90]}-{number}"
        digest = content_hash(replace(asset, name=name))
        if have.get(name, digest) == digest:
            return name, digest
        number += 1


def _common_split(target: Index, sources: Sequence[Index]) -> Split | None:
    if target.split is not None or target.entries:
        return target.split
    splits = {index.split for index in sources}
    return splits.pop() if len(splits) == 1 else None


def _copy(source: Path, target: Path, name: str, overwrite: bool) -> None:
    """Copy an asset's files beside its place, under another name where wanted, and move the folder there."""
    temporary = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=target.parent))
    try:
        temporary.chmod(0o755)
        for file in sorted(source.rglob("*")):
            if file.is_symlink():
                raise ObjectError(f"{file} is a link; an asset's folder holds files only")
            if file.is_file():
                place = temporary / file.relative_to(source)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
        if read_meta(temporary)["name"] != name:
            _rename(temporary, name)
        if overwrite and target.exists():
            _delete(target)
        os.rename(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _rename(folder: Path, name: str) -> None:
    """Give an asset another name, and the content hash that goes with it; the other keys stay."""
    meta = read_meta(folder)
    meta["content_hash"] = content_hash(replace(load_asset(folder), name=name))
    meta["name"] = name
    text = yaml.dump(meta, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    (folder / META).write_text(text, encoding="utf-8")


def _delete(folder: Path) -> None:
    """Take a folder out of the library in one step, then delete it."""
    grave = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
    os.rename(folder, grave / "asset")
    shutil.rmtree(grave)
