"""Commands on damaged shards, each in a process of its own: one line and a status, never a traceback, crash or hang."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dataset_builder import make_dataset
from test_hostile_fuzz import SHARD, mutants

COMMANDS = (("info",), ("report",), ("check",), ("overlay", "-o", "picture.png"), ("export", "coco", "out"))


def run(command: tuple[str, ...], data: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    name, *rest = command
    arguments = [name, "coco", str(data), "out"] if name == "export" else [name, str(data), *rest]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-m", "graspgen.cli.main", *arguments],
        cwd=folder, env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_commands_tell_a_line_about_damaged_shards_and_leave_nothing(tmp_path: Path) -> None:
    data = make_dataset(tmp_path / "data", scenes=1, per_shard=1)
    sound = (data / SHARD).read_bytes()
    for number, mutant in enumerate(mutants(sound, seed=9, count=12)):
        (data / SHARD).write_bytes(mutant)
        folder = tmp_path / str(number)
        folder.mkdir()
        for command in COMMANDS:
            done = run(command, data, folder)
            told = done.stdout + done.stderr
            assert done.returncode in (0, 1, 2), (number, command, done.returncode, told[-500:])
            assert "Traceback" not in told, (number, command, told[-2000:])
            if command[0] != "check" and done.returncode:
                assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, (number, command, told)
                assert not list(folder.glob("*out*" if command[0] == "export" else "picture*")), (number, command)
