"""`run.jsonl`: what happened when. Nothing else of a dataset, but for one date, comes from a clock."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graspgen.dataset.layout import write_error

JOURNAL = "run.jsonl"


class Journal:
    """Appends events to `run.jsonl`; every line is JSON with `time` (ISO 8601, UTC) and `event`.

    Raises:
        DatasetError: the file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL

    def write(self, event: str, **values: Any) -> None:
        """Append one event."""
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": stamp, "event": event, **values}, ensure_ascii=False)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise write_error(self._path, error) from error


def machine() -> dict[str, Any]:
    """Return what a run's speed depends on."""
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
    }
