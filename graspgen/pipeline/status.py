"""What a run is doing, read from its folder by anybody, at any time: from the journal's last lines and the manifest."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graspgen.dataset.lock import is_held
from graspgen.dataset.manifest import Manifest, ShardInfo, load_manifest
from graspgen.dataset.store import stored_at
from graspgen.pipeline.journal import JOURNAL
from graspgen.pipeline.progress import counted, duration, stage_shares
from graspgen.pipeline.quota_rows import QuotaRow, plain
from graspgen.pipeline.quota_run import quotas_of
from graspgen.pipeline.watch import worker_line

#: The journal is read from its end, this many bytes at a time, and no further than that many: it grows by scenes.
_BLOCK, _FURTHEST = 1 << 16, 1 << 22
#: Latest troubles that are told.
_TROUBLES = 5


@dataclass(frozen=True)
class Status:
    """What is known of a run.

    Attributes:
        path: the dataset's folder.
        running: whether a run holds the folder now.
        complete: whether all that was asked for is there.
        scenes, asked: in complete shards, and asked for.
        start, tick, end: the journal's last lines of the last run: its start (or, if that is long ago, what else says
            which process it is), its last look at itself, how it ended.
        troubles: its latest deaths of workers and refused scenes, the last first.
        refused: scene → reason of those that are given up.
        content: content hash of what is complete.
        quotas: what became of each target of the recipe's quotas, in the scenes that are in shards.
        age: seconds since the journal's last line, by this machine's clock, which may be another one; never negative.
        damaged: shards that are not in the folder, or not of the size that the manifest says; 0 while a run goes on.
    """

    path: Path
    running: bool
    complete: bool
    scenes: int
    asked: int
    start: dict[str, Any] = field(default_factory=dict)
    tick: dict[str, Any] = field(default_factory=dict)
    end: dict[str, Any] = field(default_factory=dict)
    troubles: tuple[dict[str, Any], ...] = ()
    refused: dict[int, str] = field(default_factory=dict)
    content: str = ""
    quotas: tuple[QuotaRow, ...] = ()
    age: float | None = None
    damaged: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data that JSON can hold."""
        state = "running" if self.running else "complete" if self.complete else "stopped"
        return {
            "path": str(self.path), "state": state, "scenes": self.scenes, "asked": self.asked, "start": self.start,
            "tick": self.tick, "end": self.end, "troubles": list(self.troubles),
            "refused": {str(k): v for k, v in self.refused.items()}, "content": self.content,
            "quotas": plain(self.quotas), "age": self.age, "damaged": self.damaged,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """Say it in lines."""
        lines = [f"{self.path}: {self._state()}", f"in shards: {self.scenes} of {self.asked} scenes"]
        if self.damaged:
            lines.append(
                f"{counted(self.damaged, 'shard')} missing or of another size (`graspgen verify` names them); "
                "the command that made it makes them again"
            )
        tick = self.tick
        if "wall" in self.end:
            lines += self._ended()
        elif tick:
            rate = tick["scenes"] / max(tick["elapsed"], 1e-6)
            left = "" if tick["left"] is None or not self.running else f", {duration(tick['left'])} left"
            lines.append(
                f"{'this' if self.running else 'last'} run: {tick['done']} of {tick['total']} scenes, "
                f"{tick['views']} views, {tick['grasps']} grasps in {duration(tick['elapsed'])}, "
                f"{rate:.2f} scenes/s{left}"
            )
            if tick["seconds"]:
                lines.append(f"time: {stage_shares(tick['seconds'])}")
            kinds = "  ".join(f"{kind} {count}" for kind, count in tick["refused"].items())
            lines.append(f"refused attempts: {kinds or 'none'}; workers died: {tick['deaths']}")
            if self.running:
                lines += [f"memory: parent {tick['memory_mb']} MB", *(worker_line(w) for w in tick["workers"])]
        lines += [f"scene {scene} was refused: {why}" for scene, why in self.refused.items()]
        for line in self.troubles:
            what = f"at scene {line['scene']}" if line.get("scene") is not None else "between scenes"
            lines.append(f"{line['time']} worker {line['worker']} {line['kind']} {what}: {line['reason']}")
        lines += [row.line() for row in self.quotas]
        if self.content:
            lines.append(f"content hash: {self.content}")
        return lines

    def _ended(self) -> list[str]:
        """Say what a run made that ended by itself or by Ctrl-C."""
        end = self.end
        lines = [
            f"last run: {', '.join(counted(end[what], what[:-1]) for what in ('scenes', 'views', 'grasps'))} in "
            f"{duration(end['wall'])}, {end['scenes'] / max(end['wall'], 1e-6):.2f} scenes/s"
        ]
        if end["seconds"]:
            lines.append(f"time: {stage_shares(end['seconds'])}")
        kinds = "  ".join(f"{kind} {count}" for kind, count in end["refused"].items())
        return [*lines, f"refused attempts: {kinds or 'none'}; workers died: {self.tick.get('deaths', 0)}"]

    def _state(self) -> str:
        who = f"process {self.start['pid']} on {self.start['host']}" if "pid" in self.start else "a run"
        if self.running:
            return f"running ({who}, last heard of {duration(self.age or 0)} ago)"
        if self.complete:
            return "complete, but damaged since" if self.damaged else "complete"
        if self.end.get("event") == "error":
            return f"stopped by an error ({self.end['error']}); the same command again goes on"
        if self.end:
            return "stopped by Ctrl-C; the same command again goes on"
        return f"not finished, and {who} runs no more: it was killed; the same command again goes on"


def status(path: str | Path) -> Status:
    """Return what is known of the run of a dataset.

    Args:
        path: the dataset's folder.

    Raises:
        DatasetError: it holds none.
    """
    folder = Path(path)
    manifest = load_manifest(folder)
    running = is_held(folder)
    start: dict[str, Any] = {}
    found: dict[str, dict[str, Any]] = {}
    troubles: list[dict[str, Any]] = []
    last = None
    for line in _backwards(folder / JOURNAL):
        event = line.get("event")
        last = last or line
        if event in ("end", "interrupted", "error"):
            if "tick" in found:
                break  # of an earlier run
            found.setdefault("end", line)
        elif event == "tick":
            found.setdefault("tick", line)
        elif event in ("died", "refused") and len(troubles) < _TROUBLES:
            troubles.append({**line, "kind": event})
        elif event == "start":
            start = line
            break
    damaged = 0 if running or stored_at(folder) else sum(not _is_there(folder, shard) for shard in manifest.shards)
    quotas = [] if damaged else quotas_of(folder, manifest)
    return Status(
        folder, running, manifest.complete and not running, len(manifest.hashes), _asked(manifest),
        start or found.get("tick", {}),
        found.get("tick", {}), found.get("end", {}), tuple(troubles), dict(manifest.refused), manifest.content_hash,
        tuple(quotas), _age(last), damaged,
    )  # fmt: skip


def _is_there(folder: Path, shard: ShardInfo) -> bool:
    try:
        return (folder / shard.file).stat().st_size == shard.bytes
    except OSError:
        return False


def _asked(manifest: Manifest) -> int:
    if manifest.most is not None and not manifest.complete:
        return manifest.most
    return len(manifest.hashes) + sum(len(manifest.expected(number)) for number in manifest.missing())


def _age(line: dict[str, Any] | None) -> float | None:
    try:
        when = datetime.fromisoformat(str((line or {})["time"]))
        return max(0.0, (datetime.now(UTC) - when).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None


def _backwards(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a journal, the last first; lines that a crash cut off are left out."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        size = place = file.seek(0, os.SEEK_END)
        rest = b""
        while place > 0 and size - place < _FURTHEST:
            count = min(_BLOCK, place)
            place -= count
            file.seek(place)
            pieces = (file.read(count) + rest).split(b"\n")
            rest = pieces.pop(0) if place else b""
            for piece in reversed(pieces):
                with contextlib.suppress(ValueError):
                    line = json.loads(piece)
                    if isinstance(line, dict):
                        yield line
