"""Scenes that helpers make ahead are the scenes that a reset would make, and a reset does without helpers that die."""

import os
import time

import numpy as np
from env.env_parts import QUICK, quick_task

from graspgen.env.ahead import Ahead
from graspgen.env.spec import TaskSpec


def drawn(task, resets: int) -> list[tuple]:
    rng, found = np.random.default_rng(3), []
    for _ in range(resets):
        task.reset(rng)
        for _ in range(2):
            step = task.step(np.full(task.action_size, 0.3))
        found.append((task.info(), step.reward, task.environment_state().tobytes(), task.sim.data.qpos.tobytes()))
    return found


def test_episodes_in_scenes_that_were_made_ahead_are_the_same():
    ahead = quick_task(scenes=None, ahead=1)
    taken, take = [], Ahead.take
    ahead.scenes.ahead.take = lambda number: taken.append(take(ahead.scenes.ahead, number)) or taken[-1]
    assert drawn(ahead, 3) == drawn(quick_task(scenes=None), 3)
    assert [made is not None for made in taken] == [False, True, True], "all but the first are made ahead"
    ahead.scenes.close()


def test_a_helper_that_dies_is_done_without():
    task = quick_task(scenes=None, ahead=1)
    rng = np.random.default_rng(0)
    task.reset(rng)
    for helper in task.scenes.ahead.helpers:
        helper._process.kill()
    for _ in range(3):
        task.reset(rng)
    assert np.isfinite(task.environment_state()).all()
    task.scenes.close()


def test_helpers_end_with_the_environment_and_forget_what_is_not_wanted():
    ahead = Ahead(TaskSpec(overrides=QUICK, ahead=1), False)
    ahead.want([1, 2])
    helper = ahead.helpers[0]
    ahead.forget([2])
    assert 1 not in helper and 2 in helper
    assert ahead.take(1) is None and ahead.take(2) is not None
    pid = helper._process.pid
    pipes = helper._process.stdin, helper._process.stdout
    ahead.close()
    until = time.monotonic() + 5
    while not all(pipe.closed for pipe in pipes) and time.monotonic() < until:
        time.sleep(0.01)
    assert all(pipe.closed for pipe in pipes) and not os.path.exists(f"/proc/{pid}")
