"""Convex hulls in a file, and a cache of such files by the content of the mesh that was cut."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graspgen.frames import Array


def cache_folder() -> Path:
    """Return where decompositions are kept: `$XDG_CACHE_HOME/graspgen/parts`, by default below `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "graspgen" / "parts"


def cached_hulls(key: str) -> tuple[list[Array], dict[str, Any]] | None:
    """Return hulls and what was said of them; None where they are not there, or damaged."""
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return read_hulls(cache_folder() / f"{key}.npz")
    return None


def store_hulls(key: str, hulls: Sequence[Array], about: dict[str, Any]) -> None:
    """Keep hulls in the cache, the file appearing whole.

    Without a cache the next import takes longer, nothing else: a full or read-only disk is no error here.
    """
    with contextlib.suppress(OSError):
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=".partial-", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                counts = np.array([len(h) for h in hulls])
                np.savez(file, corners=np.concatenate(hulls), counts=counts, about=json.dumps(about))
            os.replace(partial, folder / f"{key}.npz")
        except OSError:
            os.unlink(partial)
            raise


def read_hulls(path: Path) -> tuple[list[Array], dict[str, Any]]:
    """Return the corners of each hull in a file, and what was said of them.

    Raises:
        OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile: it is missing or damaged.
    """
    with np.load(path) as saved:
        about = json.loads(str(saved["about"])) if "about" in saved else {}
        return np.split(saved["corners"], np.cumsum(saved["counts"])[:-1]), about
