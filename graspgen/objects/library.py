"""Object libraries: a folder with one folder for each asset, the user's own or a dataset's `objects/`.

What the library knows of its assets as a whole stands beside them, in `library.yaml` (see `library_index`). An asset's
folder is written beside its place and moved there whole, so a library never holds half an asset.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from graspgen.errors import ObjectError
from graspgen.objects.asset import Asset
from graspgen.objects.asset_files import content_hash, load_asset, read_meta, to_json, write_asset
from graspgen.objects.catalogue import Catalogue, JoinedCatalogue, grouped
from graspgen.objects.decimate import decimate
from graspgen.objects.library_index import read_index
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.objects.selection import procedural_subset, select
from graspgen.recipe import Objects, Recipe

__all__ = [
    "LibraryCatalogue",
    "check_writable",
    "content_hash",
    "is_valid_name",
    "load_asset",
    "load_named_asset",
    "open_catalogue",
    "read_meta",
    "run_catalogue",
    "save_asset",
    "to_json",
]

#: What is added to a run's seed for the objects that only distractors are made from.
DISTRACTOR_SEED = 2**64
#: Assets of a library kept in memory: scans have textures of some MB each.
_CACHE = 256

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")


def is_valid_name(name: str) -> bool:
    """Tell whether `name` can be an asset's name: up to 100 letters, digits, '_', '-', '.', not first '.' or '-'."""
    return _NAME.fullmatch(name) is not None


def save_asset(asset: Asset, folder: str | Path, *, notes: Sequence[str] = (), overwrite: bool = False) -> Path:
    """Write an asset to `folder/<asset.name>`.

    The same asset that is there already is left alone, so several processes may save it at once.

    Args:
        asset: what to write.
        folder: the library, made where it is missing.
        notes: repairs and warnings to keep with it.
        overwrite: replace another asset of this name.

    Returns:
        The asset's own folder.

    Raises:
        ObjectError: the name is not one, another asset of this name is there, or nothing can be written.
    """
    if not is_valid_name(asset.name):
        raise ObjectError(f"'{asset.name}' cannot name an asset; use letters, digits, '_', '-' and '.'")
    library, digest = Path(folder), content_hash(asset)
    target = library / asset.name
    try:
        if _is_same(target, digest, overwrite):
            return target
        library.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{asset.name}.", dir=library))
        try:
            temporary.chmod(0o755)
            write_asset(asset, temporary, digest, notes)
            _move(temporary, target, digest, overwrite)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise ObjectError(
            f"cannot write the asset '{asset.name}' to {library}: {error.strerror or error}; "
            "free some space or choose another folder"
        ) from error
    return target


def check_writable(folder: str | Path) -> None:
    """Make a library's folder, and try whether it can be written to.

    Raises:
        ObjectError: it cannot.
    """
    library = Path(folder)
    try:
        library.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".try.", dir=library):
            return
    except OSError as error:
        raise ObjectError(
            f"cannot write to {library}: {error.strerror or error}; choose another folder, or make it writable"
        ) from error


class LibraryCatalogue:
    """The assets of a library that a recipe asks for, in the order of their names."""

    def __init__(self, path: str | Path, objects: Objects | None = None) -> None:
        """List the library; meshes are read when they are asked for.

        Args:
            path: the library's folder.
            objects: what to leave out (`refused`, `split`, `classes`); None takes all but what the check refused.

        Raises:
            ObjectError: the folder is missing, holds no asset, an asset.yaml is not valid, or nothing is left of it.
        """
        self.path = Path(path).expanduser()
        if not self.path.is_dir():
            raise ObjectError(
                f"objects.library: there is no folder {self.path}; "
                "make one with `graspgen objects import PATH… --to LIBRARY`"
            )
        index = read_index(self.path)
        if not index.entries:
            raise ObjectError(
                f"objects.library: {self.path} holds no assets; "
                f"fill it with `graspgen objects import PATH… --to {self.path}`"
            )
        used, self.selection = select(index, objects or Objects())
        self._names = [entry.name for entry in used]
        self.by_class: Mapping[str, Sequence[int]] = grouped([entry.class_name for entry in used])
        # Of the whole library, so that a class id is the same in every part of it.
        self._classes = sorted({entry.class_name for entry in index.entries.values() if not entry.damage})
        self._cache: OrderedDict[int, Asset] = OrderedDict()
        self._faces = None if objects is None else objects.faces

    def __len__(self) -> int:
        return len(self._names)

    @property
    def class_names(self) -> Sequence[str]:
        """All class names in the library, sorted."""
        return self._classes

    def asset(self, number: int) -> Asset:
        """Read asset `number`, or return it from memory.

        Raises:
            ObjectError: the library has no such number, or the asset's files are damaged.
        """
        if not 0 <= number < len(self):
            raise ObjectError(f"asset {number} is not among the {len(self)} assets of {self.path}")
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        asset = load_named_asset(self.path / self._names[number])
        if self._faces is not None:
            asset = replace(asset, mesh=decimate(asset.mesh, self._faces).mesh)
        self._cache[number] = asset
        if len(self._cache) > _CACHE:
            self._cache.popitem(last=False)
        return asset


def load_named_asset(folder: Path) -> Asset:
    """Read an asset of a library.

    Raises:
        ObjectError: its files are damaged, or the folder has another name than the asset.
    """
    asset = load_asset(folder)
    if asset.name != folder.name:
        raise ObjectError(f"{folder} holds the asset '{asset.name}'; the folder must have its name")
    return asset


def open_catalogue(objects: Objects, seed: int) -> Catalogue:
    """Return what a recipe draws its objects from: its library, or the procedural families.

    Args:
        objects: the recipe's section.
        seed: the run's seed; a library does not depend on it.

    Raises:
        ObjectError: the library is missing, empty or damaged, or nothing of it is left after `refused`, `split` and
            `classes`.
        RecipeError: the recipe names an unknown family.
    """
    if objects.library is not None:
        return LibraryCatalogue(objects.library, objects)
    return procedural_subset(ProceduralCatalogue(objects, seed), objects)


def run_catalogue(recipe: Recipe, seed: int) -> Catalogue:
    """Return what a run draws from: its objects and, where it has a source of their own, its contextual distractors.

    Raises:
        ObjectError, RecipeError: as `open_catalogue`.
    """
    main = open_catalogue(recipe.objects, seed)
    contextual = recipe.scene.distractors.contextual
    if contextual.objects is None or contextual.count.support[1] == 0:
        return main
    # Another seed: the same families must not give the very objects that are targets.
    return JoinedCatalogue(main, open_catalogue(contextual.objects, seed + DISTRACTOR_SEED))


def _is_same(target: Path, digest: str, overwrite: bool) -> bool:
    if not target.exists():
        return False
    try:
        same = read_meta(target).get("content_hash") == digest
    except ObjectError:
        same = False
    if not same and not overwrite:
        raise ObjectError(f"{target} already holds another asset; give it another name, or overwrite it on purpose")
    return same


def _move(temporary: Path, target: Path, digest: str, overwrite: bool) -> None:
    if overwrite and target.exists():
        # A folder cannot be replaced in one step: move the old one aside first.
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
        os.rename(target, old / "asset")
        os.rename(temporary, target)
        shutil.rmtree(old)
        return
    try:
        os.rename(temporary, target)
    except OSError:
        # Another process was first: fine where it wrote the same.
        if not _is_same(target, digest, overwrite=False):
            raise
