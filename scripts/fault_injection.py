"""Kill workers and the parent of a generation at random, and see that the dataset is the undisturbed one.

    python scripts/fault_injection.py OUT --kills 50 --scenes 150 --workers 2

A run of cheap scenes is started again with the same command whenever its parent was killed. Meanwhile a random process
of it, a worker or the parent, gets a random signal at random times: SIGKILL, SIGSEGV (as a crash of the OpenGL driver),
or SIGSTOP, which is a hang. In the end the content hash, the check and the folder's files are compared with those of a
run that nobody disturbed, in one process.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from graspgen.dataset.check import check
from graspgen.dataset.manifest import load_manifest

#: A recipe that is whole but quick: small images, few grasps.
CHEAP = [
    "views.per_scene=2",
    "views.width=96",
    "views.height=72",
    "render.shadow_size=64",
    "grasps.per_object=4",
    "scene.objects.count={uniform: [1, 2]}",
    "objects.families={choice: [box, cylinder, sphere]}",
]
#: Seconds for one scene, after which a worker is taken to hang.
TIME_LIMIT = 20


def command(out: Path, scenes: int, seed: int, *more: str) -> list[str]:
    """Return the command line of a run of cheap scenes."""
    sets = [word for value in CHEAP for word in ("--set", value)]
    words = ["generate", "tabletop", "--out", str(out), "--scenes", str(scenes), "--seed", str(seed), "--quiet"]
    return [sys.executable, "-m", "graspgen.cli.main", *words, *more, *sets]


def workers_of(parent: int) -> list[int]:
    """Return the worker processes of a run."""
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [int(c) for c in children if "spawn_main" in Path(f"/proc/{c}/cmdline").read_text()]
    except OSError:
        return []


def disturbed(out: Path, run: Sequence[str], kills: int, rng: random.Random) -> Counter[str]:
    """Run a command until it ends by itself, killing its processes `kills` times; return what was killed how often.

    The next one is killed after up to two more scenes and up to a second, wherever the run is then, or after 20 s: so a
    run gets on, on a machine of any speed.

    Raises:
        RuntimeError: a run ended with an error.
    """
    done: Counter[str] = Counter()
    while True:
        parent = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # Mostly the parent is given the time to begin.
        early = rng.random() < 0.1
        moment = _Moment(out, rng)
        stopped: list[int] = []
        while parent.poll() is None:
            time.sleep(0.02)
            if done.total() >= kills or not moment.has_come():
                continue
            found = workers_of(parent.pid)
            if not (found or early):
                continue
            number, pid = signal.SIGKILL, parent.pid
            if found and rng.random() < 0.8:
                number = rng.choices([signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP], [9, 9, 2])[0]
                pid = rng.choice(found)
            try:
                process = os_pidfd(pid)
                signal.pidfd_send_signal(process, number)
            except ProcessLookupError:
                continue
            if number == signal.SIGSTOP:
                stopped.append(process)
            done[f"{'parent' if pid == parent.pid else 'worker'} {number.name}"] += 1
            moment = _Moment(out, rng)
        # One that was stopped before it could ask to end with its parent would keep the pipe open for ever.
        for process in stopped:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, signal.SIGCONT)
        errors = parent.communicate()[1]
        if parent.returncode == 0:
            return done
        if parent.returncode != -signal.SIGKILL:
            raise RuntimeError(f"the run ended with status {parent.returncode}: {errors}")


class _Moment:
    """A moment that comes after some more scenes and some time, or at the latest after 20 s."""

    def __init__(self, out: Path, rng: random.Random) -> None:
        self._log = out / "run.jsonl"
        self._scenes = self._made() + rng.randrange(3)
        self._more, self._latest = rng.random(), time.monotonic() + 20
        self._reached: float | None = None

    def has_come(self) -> bool:
        now = time.monotonic()
        if self._reached is None and self._made() >= self._scenes:
            self._reached = now
        return now > self._latest or (self._reached is not None and now > self._reached + self._more)

    def _made(self) -> int:
        return self._log.read_bytes().count(b'"event": "scene"') if self._log.is_file() else 0


def os_pidfd(pid: int) -> int:
    """Return a descriptor of a process: it never means another one that got the same number meanwhile."""
    return os.pidfd_open(pid)


def leftovers(out: Path) -> list[str]:
    """Return what no finished dataset holds."""
    names = [p.relative_to(out).as_posix() for p in out.rglob("*")]
    return [n for n in names if n.endswith(".partial") or n.startswith("unfinished") or "/." in n]


def main() -> int:
    """Run the comparison; 0 where nothing differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for both datasets; the undisturbed one is kept")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--scenes", type=int, default=150)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7, help="of the dataset")
    parser.add_argument("--chance", type=int, default=0, help="seed of the killings")
    options = parser.parse_args()
    whole, hurt = options.out / "undisturbed", options.out / "disturbed"
    shutil.rmtree(hurt, ignore_errors=True)
    start = time.perf_counter()
    subprocess.run(command(whole, options.scenes, options.seed, "--executor", "inline", "--workers", "1"), check=True)
    alone = time.perf_counter() - start
    # No scene is to be refused here, however often chance hits it: that would be another content.
    more = ["--workers", str(options.workers), "--retries", "1000", "--time-limit", str(TIME_LIMIT)]
    run = command(hurt, options.scenes, options.seed, *more)
    done = disturbed(hurt, run, options.kills, random.Random(options.chance))
    found, wanted = load_manifest(hurt), load_manifest(whole)
    told = {
        "kills": dict(sorted(done.items())),
        "seconds": [round(alone, 1), round(time.perf_counter() - start - alone, 1)],
        "same_content": found.content_hash == wanted.content_hash,
        "same_shards": [s.sha256 for s in found.shards] == [s.sha256 for s in wanted.shards],
        "complete": found.complete,
        "same_violations": list(map(str, check(hurt))) == list(map(str, check(whole))),
        "leftovers": leftovers(hurt),
        "content": found.content_hash,
    }
    print(json.dumps(told, indent=1))
    if done.total() < options.kills:
        print(f"the run ended after {done.total()} of {options.kills} kills; give it more --scenes", file=sys.stderr)
        return 1
    sound = told["same_content"] and told["complete"] and told["same_violations"] and not told["leftovers"]
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
