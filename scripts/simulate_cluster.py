"""Simulate a run on many nodes, event by event, from what a real run's journal says that scenes take.

    python scripts/simulate_cluster.py RUN [--scenes 250000] [--nodes 4] [--cores 16] [--crash 1e-4] [--mtbf 500]
    python scripts/simulate_cluster.py RUN --against OTHER [OTHER …]     # what it says of real runs, beside their time

RUN is a dataset's folder; its `run.jsonl` gives the time of every scene and shard, and how long a worker takes to
start, its manifest the bytes of a scene. What is simulated is what a run does: units of one shard, handed out in order
to whoever is free; a worker that starts, makes scenes one by one (times drawn with replacement from the journal's),
crashes at some of them, is replaced and goes on after the last scene that was put by, is recycled after a number of
scenes, and writes its shard to storage of a bandwidth that all nodes share; nodes that fail and come back; a parent
that handles one message at a time; and the index, written at the end over all shards.

Times hold for the load under which they were measured: give the journal of a run with a worker on every core.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import statistics
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from graspgen.dataset.manifest import load_manifest
from graspgen.pipeline.journal import Journal
from graspgen.pipeline.units import scenes_per_shard

#: Seconds of the parent for one message of a worker (a scene that is done), and for each shard of the index at the end.
PARENT, INDEX = 0.0002, 0.017
#: Messages that fit into a worker's pipe while the parent is busy.
PIPE = 100


@dataclass(frozen=True)
class Measured:
    """What a journal says: seconds of each scene, of starting a worker (to its first scene), of writing a scene into
    its shard; and bytes and views of a scene."""

    scenes: tuple[float, ...]
    start: float
    write: float
    bytes: float
    views: float


@dataclass(frozen=True)
class Cluster:
    """What the run is made on: nodes of so many cores; bytes/s that all nodes together write; the chance that a worker
    dies of a scene; mean hours between two failures of a node, and seconds until it is back; scenes after which a
    worker is replaced."""

    nodes: int = 1
    cores: int = 1
    bandwidth: float = math.inf
    crash: float = 0.0
    mtbf: float = math.inf
    back: float = 300.0
    recycle: int = 1000

    @property
    def workers(self) -> int:
        """How many workers there are."""
        return self.nodes * self.cores


@dataclass(frozen=True)
class Outcome:
    """What a simulated run took: wall-clock seconds, core hours paid for, the share of them that made scenes, hours
    in which at least one core had nothing left to do, crashes, failures of nodes, and the share of time that storage
    and the parent were busy."""

    wall: float
    core_hours: float
    useful: float
    tail: float
    crashes: int
    failures: int
    storage: float
    parent: float


def measured(folder: Path) -> Measured:
    """Read a run's journal and manifest.

    Raises:
        ValueError: the journal names no scene that was made.
    """
    manifest, journal = load_manifest(folder), Journal(folder)
    lines = journal.events("scene")
    if not lines:
        raise ValueError(f"{folder}/run.jsonl names no scene")
    # What a worker makes first takes longer (shaders, caches): that counts as starting.
    workers = int(journal.events("start")[-1]["workers"])
    first, rest = lines[:workers], lines[workers:] or lines
    times = tuple(sum(line["seconds"].values()) for line in rest)
    shards = journal.events("shard")
    count = max(sum(len(shard.scenes) for shard in manifest.shards), 1)
    begun = [_clock(line) for line in journal.events("started")]
    ready = statistics.fmean(_clock(line) for line in first) - statistics.fmean(times)
    return Measured(
        times,
        max(0.0, ready - min(begun)) if begun else 0.0,
        sum(line["seconds"] for line in shards) / count,
        sum(shard.bytes for shard in manifest.shards) / count,
        sum(shard.rows["views"] for shard in manifest.shards) / count,
    )


def wall_of(folder: Path) -> tuple[float, int, int]:
    """Return the seconds from the first worker to the last shard of a real run, its scenes and its workers."""
    journal = Journal(folder)
    start, shards = journal.events("start")[-1], journal.events("shard")
    since = min((_clock(line) for line in journal.events("started")), default=_clock(start))
    return _clock(shards[-1]) - since, len(journal.events("scene")), int(start["workers"])


def _clock(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["time"]).timestamp()


class _Node:
    """When a node fails: all of its workers see the same times."""

    def __init__(self, rng: np.random.Generator, cluster: Cluster) -> None:
        self._rng, self._mean, self.back = rng, cluster.mtbf * 3600, cluster.back
        self.times: list[float] = []

    def failure(self, number: int) -> float:
        """Return the time of a failure, from 0."""
        while math.isfinite(self._mean) and len(self.times) <= number:
            since = self.times[-1] + self.back if self.times else 0.0
            self.times.append(since + float(self._rng.exponential(self._mean)))
        return self.times[number] if self.times else math.inf


@dataclass
class _Worker:
    node: _Node
    begun: int = 0
    fresh: bool = True
    seen: int = 0  # failures of its node that it has lived through
    left: int = 0  # scenes of its unit that are still to be made
    size: int = 0  # scenes of its unit that it writes in the end
    cost: float = 0.0  # of the scene that it is at; 0 between scenes

    def fails(self, until: float) -> float | None:
        """Return when the worker is back where its node fails before `until`, else None."""
        when = self.node.failure(self.seen)
        if when >= until:
            return None
        self.seen, self.fresh = self.seen + 1, True
        return when + self.node.back


class _Run:
    """The state of a simulated run; `step` handles what happens to a worker at a time, and returns when it is next."""

    def __init__(self, times: Measured, cluster: Cluster, units: Sequence[int], rng: np.random.Generator) -> None:
        self.times, self.cluster, self.rng = times, cluster, rng
        self.units = deque((size, size) for size in units)  # scenes that are left, and all of the unit
        self.drawn = np.asarray(times.scenes)
        self.storage = self.parent = self.storage_busy = self.parent_busy = self.useful = self.end = 0.0
        self.crashes = 0
        self.idle_from = math.inf

    def step(self, worker: _Worker, now: float) -> float | None:
        """Return None when the worker has nothing left to do."""
        if worker.cost:  # the scene that it was at is done
            self.useful += worker.cost
            worker.left, worker.cost = worker.left - 1, 0.0
            self.parent = max(self.parent, now) + PARENT
            self.parent_busy += PARENT
            if not worker.left:
                return self._write(worker, now)
            # A worker does not wait for the parent, unless that is so far behind that its pipe is full.
            return max(now, self.parent - PIPE * PARENT)
        if not worker.left:
            back = worker.fails(now)  # while this core had nothing to do
            if back is not None and back > now:
                return back
            if not self.units:
                self.idle_from = min(self.idle_from, now)
                return None
            worker.left, worker.size = self.units.popleft()
        if worker.fresh:
            worker.begun, worker.fresh = 0, False
            return now + self.times.start
        cost = float(self.drawn[self.rng.integers(len(self.drawn))])
        back = worker.fails(now + cost)
        if back is not None:  # what was put by stays, this scene is lost
            self.units.appendleft((worker.left, worker.size))
            worker.left = 0
            return max(now, back)
        worker.begun += 1
        if self.rng.random() < self.cluster.crash:
            self.crashes, worker.fresh = self.crashes + 1, True
            return now + self.rng.random() * cost
        worker.cost = cost
        return now + cost

    def _write(self, worker: _Worker, now: float) -> float:
        taken = worker.size * self.times.bytes / self.cluster.bandwidth
        self.storage = max(self.storage, now) + taken
        self.storage_busy += taken
        now = max(now + worker.size * self.times.write, self.storage)
        self.end = max(self.end, now)
        worker.fresh = worker.begun >= self.cluster.recycle
        return now


def simulate(times: Measured, cluster: Cluster, scenes: int, *, seed: int = 0, per_shard: int | None = None) -> Outcome:
    """Simulate a run of so many scenes; the same seed gives the same run."""
    size = per_shard or scenes_per_shard(scenes)
    units = [min(size, scenes - first) for first in range(0, scenes, size)]
    run = _Run(times, cluster, units, np.random.default_rng([seed]))
    nodes = [_Node(np.random.default_rng([seed, 1 + n]), cluster) for n in range(cluster.nodes)]
    workers = [_Worker(nodes[n // cluster.cores]) for n in range(cluster.workers)]
    waiting = [(0.0, n) for n in range(cluster.workers)]
    while waiting:
        now, number = heapq.heappop(waiting)
        after = run.step(workers[number], now)
        if after is not None:
            heapq.heappush(waiting, (after, number))
    wall = max(run.end, run.parent) + INDEX * len(units)
    core_hours = wall * cluster.workers / 3600
    return Outcome(
        wall=wall,
        core_hours=core_hours,
        useful=run.useful / 3600 / core_hours,
        tail=(run.end - min(run.idle_from, run.end)) / 3600,
        crashes=run.crashes,
        failures=sum(sum(when < run.end for when in node.times) for node in nodes),
        storage=run.storage_busy / wall,
        parent=run.parent_busy / wall,
    )


def compared(times: Measured, folder: Path, runs: int = 20) -> dict[str, Any]:
    """Say what the simulation expects of a real run, and what that took: mean and spread over several seeds."""
    wall, scenes, workers = wall_of(folder)
    size = load_manifest(folder).scenes_per_shard
    index = INDEX * math.ceil(scenes / size)
    found = [simulate(times, Cluster(cores=workers), scenes, seed=s, per_shard=size).wall - index for s in range(runs)]
    mean = statistics.fmean(found)
    return {
        "run": folder.name, "scenes": scenes, "workers": workers, "real_s": round(wall, 1),
        "simulated_s": round(mean, 1), "spread_s": round(statistics.pstdev(found), 1), "ratio": round(mean / wall, 3),
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, and print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="+", help="datasets whose journals say what scenes take")
    parser.add_argument("--against", type=Path, nargs="+", help="real runs to compare with")
    parser.add_argument("--scenes", type=int, default=250_000)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1])
    parser.add_argument("--cores", type=int, default=16, help="of a node")
    parser.add_argument("--bandwidth", type=float, default=500.0, help="that all nodes together write, MB/s")
    parser.add_argument("--crash", type=float, default=1e-4, help="chance that a worker dies of a scene")
    parser.add_argument("--mtbf", type=float, default=500.0, help="mean hours between two failures of a node")
    parser.add_argument("--recycle", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    parts = [measured(folder) for folder in options.run]
    times = replace(parts[0], scenes=tuple(second for part in parts for second in part.scenes))
    if options.against:
        told: list[dict[str, Any]] = [compared(times, folder) for folder in options.against]
    else:
        told = []
        for nodes in options.nodes:
            cluster = Cluster(
                nodes, options.cores, options.bandwidth * 1e6, options.crash, options.mtbf, recycle=options.recycle
            )
            outcome = simulate(times, cluster, options.scenes, seed=options.seed)
            hours = {"nodes": nodes, "cores": cluster.workers, "hours": outcome.wall / 3600}
            told.append({k: round(v, 4) for k, v in {**hours, **asdict(outcome)}.items()})
    print(json.dumps(told, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
