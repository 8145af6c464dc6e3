"""What a folder holds before a dataset is put there, and deleting one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from graspgen.dataset.layout import MANIFEST, OBJECTS, OWNED, PARTIAL, SHARDS
from graspgen.dataset.lock import LOCK
from graspgen.dataset.manifest import load_manifest
from graspgen.dataset.mend import distrusted
from graspgen.errors import DatasetError


def only_begun(folder: Path) -> bool:
    """Whether a folder holds nothing yet, or what a run that was killed in its first moment leaves."""
    for path in folder.iterdir():
        empty = path.name in (SHARDS, OBJECTS) and path.is_dir() and not any(path.iterdir())
        if not empty and path.name not in (LOCK, MANIFEST + PARTIAL):
            return False
    return True


def what_it_holds(folder: Path) -> str:
    """Say what a folder holds, and what can be done about it."""
    if not (folder / MANIFEST).is_file():
        return "; choose another output folder"
    found = load_manifest(folder)
    count = found.scenes if found.most is None else found.most
    return f": it holds a dataset of {count} scenes; --resume makes it grow, --overwrite deletes it"


def delete_dataset(folder: Path) -> None:
    """Delete what graspgen made in a folder that is a dataset; files of others stay."""
    manifest = folder / MANIFEST
    if not (_is_manifest(manifest) or distrusted(folder)):
        raise DatasetError(
            f"{folder} is no graspgen dataset (it has no {MANIFEST} of one), so --overwrite will not delete it; "
            "choose another output folder"
        )
    for name in OWNED:
        target = folder / name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)


def _is_manifest(path: Path) -> bool:
    """Whether a file is a manifest of graspgen's, of any version and however incomplete its content."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and str(content.get("format", "")).startswith("graspgen")
