"""Generate for a long time, and see whether the worker grows: its memory after warm-up against that at the end.

    python scripts/soak.py OUT --scenes 2500 [--warm 500] [--recipe tabletop] [--full] [--set KEY=VALUE …] [--workers 1]

One worker, never replaced by a fresh one, makes all scenes; its resident memory is read from the run's own journal.
Growth is that of the line through all readings after warm-up (Theil-Sen, so that single peaks do not count), from
there to the end. Warm-up is as many scenes as fill a worker's caches. Small images, few grasps and a pool of 200
objects, which all fit into the cache, by default; `--full` takes the recipe as it is.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import numpy as np
from fault_injection import CHEAP
from scipy.stats import theilslopes

from graspgen.pipeline.journal import Journal
from graspgen.pipeline.run import generate
from graspgen.pipeline.work import Policy
from graspgen.recipe_file import load_recipe

SMALL = [*CHEAP, "objects.pool=200"]
#: Most that a worker may grow, as a share of its memory after warm-up.
LIMIT = 0.05
_NEVER = 1 << 30


def growth(done: np.ndarray, memory: np.ndarray, warm_up: int) -> dict[str, float]:
    """Return the memory after so many scenes and at the end, MB, by a line through what lies between."""
    kept = done >= warm_up
    if kept.sum() < 10:
        raise SystemExit(f"only {kept.sum()} readings after scene {warm_up}: make more --scenes, or --warm less")
    slope, start, *_ = theilslopes(memory[kept], done[kept])
    warm, end = (start + slope * at for at in (warm_up, done.max()))
    return {
        "scenes": int(done.max()),
        "warm_mb": round(float(warm), 1),
        "end_mb": round(float(end), 1),
        "peak_mb": float(memory.max()),
        "bytes_per_scene": round(float(slope) * 1e6),
        "growth": round(float(end / warm - 1), 4),
    }


def readings(out: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return (scenes done, MB) of the parent and of each worker at each tick of the last run of a folder."""
    found: dict[str, list[tuple[int, float]]] = {}
    for tick in Journal(out).events("tick"):
        found.setdefault("parent", []).append((tick["done"], tick["memory_mb"]))
        for worker in tick["workers"]:
            if worker["memory_mb"] is not None:
                found.setdefault(f"worker {worker['worker']}", []).append((tick["done"], worker["memory_mb"]))
    return {name: tuple(np.array(pairs, float).T) for name, pairs in found.items()}


def main() -> int:
    """Run it; 0 where nothing grows by more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the dataset that is made; one that is there is deleted")
    parser.add_argument("--scenes", type=int, default=2500)
    parser.add_argument("--warm", type=int, default=500, help="scenes before memory counts")
    parser.add_argument("--recipe", default="tabletop")
    parser.add_argument("--full", action="store_true", help="the recipe as it is")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="override a value of the recipe"
    )
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path, default=Path("soak.json"))
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    recipe = load_recipe(options.recipe, [*(() if options.full else SMALL), *options.set])
    made = generate(
        recipe,
        options.out,
        options.scenes,
        options.seed,
        options.workers,
        executor="local",
        policy=Policy(recycle=_NEVER),
    )
    grown = {name: growth(*pairs, options.warm) for name, pairs in readings(options.out).items()}
    told = {"seconds": round(made.wall, 1), "interrupted": made.interrupted, "memory": grown}
    options.json.write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told, indent=1))
    return int(any(entry["growth"] > LIMIT for entry in grown.values()))


if __name__ == "__main__":
    sys.exit(main())
