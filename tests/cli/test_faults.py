"""Processes of a run are killed at random; the dataset is that of a run which nobody disturbed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "fault_injection.py"


@pytest.mark.slow
@pytest.mark.parametrize(("kills", "scenes", "workers"), [(4, 12, 2), (50, 90, 4)])
def test_killed_workers_and_parents_change_nothing(tmp_path, kills, scenes, workers):
    words = ["--kills", str(kills), "--scenes", str(scenes), "--workers", str(workers)]
    done = subprocess.run([sys.executable, SCRIPT, tmp_path / "out", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("limit", [3_000, 40_000])
def test_a_full_disk_is_one_line_and_the_same_command_finishes_later(tmp_path, tiny, limit):
    from graspgen.dataset.manifest import load_manifest
    from graspgen.pipeline.run import generate
    from graspgen.recipe_file import load_recipe

    out = tmp_path / "out"
    sets = " ".join(f"--set '{value}'" for value in tiny)
    line = f"{sys.executable} -m graspgen.cli.main generate tabletop -o {out} -n 4 --seed 7 -w 2 -q {sets}"
    # No file may grow past the limit, as on a disk that is full, for the parent and the workers alike.
    limited = f"ulimit -f {limit // 1024}; exec {line}"
    full = subprocess.run(["bash", "-c", limited], capture_output=True, text=True)
    assert full.returncode == 2, full.stderr
    assert full.stderr.startswith("error: cannot write") and full.stderr.count("\n") == 1
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    generate(load_recipe("tabletop", tiny), tmp_path / "whole", scenes=4, seed=7, quiet=True)
    assert load_manifest(out).content_hash == load_manifest(tmp_path / "whole").content_hash
