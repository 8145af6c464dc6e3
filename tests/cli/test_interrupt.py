"""Real processes: what Ctrl-C, a closed pipe and a dying worker leave behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graspgen.dataset.check import check
from graspgen.dataset.manifest import load_manifest
from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe

GRASPGEN = [sys.executable, "-m", "graspgen.cli.main"]
SCENES = 24


def start(out, tiny, workers):
    sets = [word for value in tiny for word in ("--set", value)]
    words = ["generate", "tabletop", "-o", str(out), "-n", str(SCENES), "--seed", "7", "--workers", str(workers)]
    return subprocess.Popen(
        [*GRASPGEN, *words, *sets],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own, as a terminal gives it
        # Where the tests run in the background of a script, Ctrl-C would be ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait_for_shards(out, count, process):
    deadline = time.monotonic() + 60
    while len(list((out / "shards").glob("*.h5"))) < count:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children(pid):
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_worker(pid):
    return "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_leaves_a_sound_dataset_that_resume_finishes(tmp_path, tiny, workers):
    out = tmp_path / "out"
    process = start(out, tiny, workers)
    wait_for_shards(out, 2, process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "--resume" in errors
    assert check(out) == []
    kept = load_manifest(out)
    assert 2 <= len(kept.shards) < kept.shard_count
    assert not list(out.rglob("*.partial"))

    recipe = load_recipe("tabletop", tiny)
    generate(recipe, tmp_path / "whole", scenes=SCENES, seed=7, workers=2, quiet=True)
    generate(recipe, out, scenes=SCENES, seed=7, workers=2, resume=True, quiet=True)
    assert load_manifest(out).hashes == load_manifest(tmp_path / "whole").hashes
    assert check(out) == []


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced_and_on_record(tmp_path, tiny):
    out = tmp_path / "out"
    process = start(out, tiny, 2)
    wait_for_shards(out, 1, process)
    victim = next(pid for pid in children(process.pid) if is_worker(pid))
    os.kill(victim, signal.SIGSEGV)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert load_manifest(out).complete
    assert check(out) == []
    lines = [json.loads(line) for line in (out / "run.jsonl").read_text().splitlines()]
    died = [line for line in lines if line["event"] == "died"]
    assert [line["pid"] for line in died] == [victim]
    assert died[0]["reason"] == "was killed by SIGSEGV"


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path, tiny):
    process = start(tmp_path / "out", tiny, 2)
    wait_for_shards(tmp_path / "out", 1, process)
    workers = [pid for pid in children(process.pid) if is_worker(pid)]
    assert len(workers) == 2
    process.kill()
    process.communicate(timeout=30)
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() and not is_zombie(pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_a_closed_pipe_is_quiet():
    process = subprocess.Popen(
        [*GRASPGEN, "explain", "tabletop"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()
    errors = process.stderr.read()
    process.wait(timeout=30)
    assert errors == ""
