"""The folder that an export fills: it appears whole or not at all, and nothing is ever written outside it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from graspgen.dataset.layout import partial_of, write_error
from graspgen.errors import DatasetError

#: What a name from a dataset may keep of itself in a file name.
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


#: Is told what is written, how many of it are done, and how many there will be.
Progress = Callable[[str, int, int], None]


def untold(what: str, done: int, total: int) -> None:
    """Show no progress."""


class ExportFolder:
    """A folder under construction.

    Attributes:
        path: where files are written for now.
        progress: is told how far a long export is.
    """

    def __init__(self, path: Path, progress: Progress = untold) -> None:
        self.path = path
        self.progress = progress

    def file(self, name: str) -> Path:
        """Return where to write a file, with its folders made.

        Args:
            name: relative to the folder, with "/" between folders. Parts that come from a dataset go through
                `safe_name` first.

        Raises:
            DatasetError: the name leads out of the folder.
        """
        parts = PurePosixPath(name).parts
        if not parts or PurePosixPath(name).is_absolute() or ".." in parts:
            raise DatasetError(f"an export cannot write {name!r}: it leads out of the folder")
        path = self.path.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file."""
        self.file(name).write_bytes(content)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file as UTF-8."""
        self.file(name).write_text(text, encoding="utf-8")

    def write_json(self, name: str, content: Any, *, indent: int | None = None) -> None:
        """Write a JSON file; NaN and infinity, which JSON has not, raise ValueError."""
        self.write_text(name, json.dumps(content, indent=indent, allow_nan=False) + "\n")


def safe_name(text: str) -> str:
    """Return a text as a part of a file name: letters, digits, ".", "_" and "-" stay, no part is hidden or empty."""
    cleaned = _UNSAFE.sub("_", text)[:100].lstrip(".")
    return cleaned or "_"


@contextmanager
def export_folder(out: Path, progress: Progress = untold) -> Iterator[ExportFolder]:
    """Make a folder that gets its name when the block ends well, and is deleted when it does not.

    Raises:
        DatasetError: `out` exists already, or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out} exists and is not an empty folder; choose another, or delete it")
    partial = partial_of(out)
    try:
        if partial.exists():  # of an export that was killed
            shutil.rmtree(partial)
        partial.mkdir(parents=True)
    except OSError as error:
        raise write_error(out, error) from error
    try:
        yield ExportFolder(partial, progress)
        if out.exists():
            out.rmdir()
        partial.replace(out)
    except OSError as error:
        raise write_error(out, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
