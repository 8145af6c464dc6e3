"""`run.jsonl`: what happened when. Nothing else of a dataset, but for one date, comes from a clock."""

from __future__ import annotations

import contextlib
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
        self._begun = False

    def write(self, event: str, **values: Any) -> None:
        """Append one event."""
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": stamp, "event": event, **values}, ensure_ascii=False)
        try:
            with self._path.open("a+b") as file:
                if not self._begun:
                    # What a killed run has left of its last line must not swallow the next one.
                    file.seek(max(file.seek(0, os.SEEK_END) - 1, 0))
                    line = line if file.read(1) in (b"", b"\n") else f"\n{line}"
                    self._begun = True
                file.write(f"{line}\n".encode())
        except OSError as error:
            raise write_error(self._path, error) from error

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of one kind, the first first; a line that a crash cut off is left out."""
        found = []
        with contextlib.suppress(OSError):
            for text in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
                with contextlib.suppress(ValueError):
                    line = json.loads(text)
                    if isinstance(line, dict) and line.get("event") == event:
                        found.append(line)
        return found

    def holder(self) -> str:
        """Say which process wrote the last start, "" if nothing says so."""
        last = (self.events("start") or [{}])[-1]
        return f"process {last['pid']} on {last['host']}, since {last['time']}" if "pid" in last else ""


def machine() -> dict[str, Any]:
    """Return what a run's speed depends on."""
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
    }
