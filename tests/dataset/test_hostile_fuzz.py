"""Bit flips, cuts and nonsense in a real shard: an error or violations, never a crash, a hang or gigabytes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dataset_builder import make_dataset

SHARD = "shards/shard-00000.h5"
_RUN = """
import sys, resource
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
from pathlib import Path
from graspgen.cli.damage import reading
from graspgen.dataset import probe
from graspgen.dataset.check import check
from graspgen.dataset.reader import open as open_dataset
from graspgen.errors import GraspgenError
probe.SECONDS, probe.AGAIN = 0.7, 2.0  # many mutants take for ever
folder, mutants = Path(sys.argv[1]), Path(sys.argv[2])
shard = folder / "shards/shard-00000.h5"
for mutant in sorted(mutants.glob("*")):
    shard.write_bytes(mutant.read_bytes())
    assert check(folder), mutant
    try:
        with reading(shard), open_dataset(shard) as dataset:
            for table in dataset.tables.values():
                for name in table.columns:
                    table[name][:1]
    except GraspgenError as error:
        assert "\\n" not in str(error), error
    print(mutant.name, flush=True)
"""


def mutants(data: bytes, seed: int, count: int):
    """Yield damaged copies: bits, whole numbers in headers, blocks turned round, blocks moved, and cuts."""
    rng = np.random.default_rng(seed)
    numbers = [b"\xff" * 8, b"\0" * 8, b"\x7f" + b"\xff" * 7, b"\0\0\0\x40" + b"\0" * 4, b"\0" * 7 + b"\x10"]
    for number in range(count):
        out = bytearray(data)
        kind = number % 5
        for _ in range(int(rng.integers(1, 30)) if kind != 1 else 0):
            at = int(rng.integers(len(out) - 64))
            if kind == 0:
                out[at] ^= 1 << int(rng.integers(8))
            elif kind == 2:
                out[at : at + 8] = numbers[int(rng.integers(len(numbers)))]
            elif kind == 3:
                out[at : at + 16] = out[at : at + 16][::-1]
            else:
                to = int(rng.integers(len(out) - 64))
                out[to : to + 32] = out[at : at + 32]
        yield bytes(out[: int(rng.integers(len(out)))] if kind == 1 else out)


def fuzz(tmp_path: Path, seed: int, count: int, limit: float) -> None:
    folder = make_dataset(tmp_path / "data", scenes=1, per_shard=1)
    (tmp_path / "mutants").mkdir()
    for number, mutant in enumerate(mutants((folder / SHARD).read_bytes(), seed, count)):
        (tmp_path / f"mutants/{number:05d}").write_bytes(mutant)
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(folder), str(tmp_path / "mutants")],
        capture_output=True, text=True, timeout=limit, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    reached = done.stdout.split()
    assert done.returncode == 0, f"after {len(reached)} mutants: {done.returncode}: {done.stderr[-800:]}"
    assert len(reached) == count
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    assert used < 6, f"{used:.1f} GiB"


def test_damaged_shards_give_errors_and_never_crash_hang_or_fill_memory(tmp_path: Path) -> None:
    fuzz(tmp_path, seed=1, count=10, limit=300)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_thousands_of_damaged_shards(tmp_path: Path, seed: int) -> None:
    fuzz(tmp_path, seed, count=600, limit=3000)
