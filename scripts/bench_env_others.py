"""Step and reset times of grasping environments that others made, beside graspgen's, in one run.

    python scripts/bench_env_others.py --beside fetch=/envs/fetch/bin/python \\
        --beside robosuite=/envs/robosuite/bin/python --beside panda-gym=/envs/panda/bin/python

Each environment runs in the interpreter that is given for it, since they need versions of MuJoCo of their own:

    fetch      pip install gymnasium-robotics==1.4.2 mujoco==3.10.0   (fails on MuJoCo 4)
    robosuite  pip install robosuite==1.5.2 mujoco==3.3.7             (fails on MuJoCo 4)
    panda-gym  pip install panda-gym==3.0.7                           (Bullet)

All get states, no images, and uniform random actions, episodes of 50 steps. A step is timed beside bare stepping of the
same physics as often from the very same state, with the controls that the step began or ended with. Times are of the
processor, which other programs disturb less, and environments take turns.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LENGTH = 50


class Measured:
    """An environment under the stop-watch.

    Args:
        name: what the table calls it.
        reset, step: of the environment; `step` does a random action.
        bare: does a step's physics alone, from the state before the step, and returns how long that took, s.
        period: of a control step, s.
        engine: its physics engine and version.
    """

    def __init__(
        self, name: str, reset: Callable[[], Any], step: Callable[[], Any], bare: Callable[[], float], period: float,
        engine: str,
    ) -> None:  # fmt: skip
        self.name, self.reset, self.step, self.bare, self.period, self.engine = name, reset, step, bare, period, engine

    def run(self, episodes: int) -> dict[str, Any]:
        self.reset()
        resets, steps, bare = [], [], []
        for _ in range(episodes):
            resets.append(timed(self.reset))
            for _ in range(LENGTH):
                bare.append(self.bare())
                steps.append(timed(self.step))
        told = {"name": self.name, "engine": self.engine, "period": self.period}
        return {**told, "resets": resets, "steps": steps, "bare": bare}


def timed(function: Callable[[], Any]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def bare_mujoco(model: Any, data: Any, substeps: int) -> Callable[[], float]:
    """Return what times `mj_step` on a copy of the data as they are."""
    import mujoco

    def bare() -> float:
        scratch = copy.copy(data)
        return timed(lambda: mujoco.mj_step(model, scratch, substeps))

    return bare


def measure_graspgen(recipe: str) -> Measured:
    import gymnasium
    import mujoco

    import graspgen.env  # noqa: F401  its ids

    env = gymnasium.make("graspgen/Pick-v0", recipe=recipe, scenes=8)
    core = env.unwrapped.grasping
    for k in range(8):
        env.reset(seed=0, options={"scene": k})
    env.action_space.seed(0)
    return Measured(
        f"graspgen Pick, {recipe}", env.reset, lambda: env.step(env.action_space.sample()),
        lambda: bare_mujoco(core.sim.model, core.sim.data, core.chunk)(), core.period, f"MuJoCo {mujoco.__version__}",
    )  # fmt: skip


def measure_fetch() -> Measured:
    import gymnasium
    import gymnasium_robotics
    import mujoco

    gymnasium.register_envs(gymnasium_robotics)
    env = gymnasium.make("FetchPickAndPlace-v4")
    env.reset(seed=0)
    own = env.unwrapped
    env.action_space.seed(0)
    return Measured(
        "FetchPickAndPlace-v4 (gymnasium-robotics)", env.reset, lambda: env.step(env.action_space.sample()),
        bare_mujoco(own.model, own.data, own.n_substeps), own.dt, f"MuJoCo {mujoco.__version__}",
    )  # fmt: skip


def measure_robosuite() -> Measured:
    import mujoco
    import numpy as np
    import robosuite

    env = robosuite.make(
        "Lift", robots="Panda", has_renderer=False, has_offscreen_renderer=False, use_camera_obs=False, horizon=10**6
    )
    env.reset()
    rng = np.random.default_rng(0)

    def bare() -> float:  # a reset makes another model
        model, data = env.sim.model._model, env.sim.data._data
        return bare_mujoco(model, data, round(env.control_timestep / env.model_timestep))()

    def step() -> None:
        env.step(rng.uniform(-1, 1, env.action_dim))

    return Measured(
        "Lift, Panda (robosuite)", env.reset, step, bare, env.control_timestep, f"MuJoCo {mujoco.__version__}"
    )


def measure_panda_gym() -> Measured:
    import gymnasium
    import panda_gym  # noqa: F401  its ids

    env = gymnasium.make("PandaPickAndPlace-v3")
    env.reset(seed=0)
    sim = env.unwrapped.sim
    bullet = sim.physics_client
    env.action_space.seed(0)

    def bare() -> float:
        state = bullet.saveState()
        took = timed(sim.step)
        bullet.restoreState(state)
        bullet.removeState(state)
        return took

    return Measured(
        "PandaPickAndPlace-v3 (panda-gym)", env.reset, lambda: env.step(env.action_space.sample()), bare,
        sim.timestep * sim.n_substeps, f"Bullet {bullet.getAPIVersion()}",
    )  # fmt: skip


KNOWN: dict[str, Callable[[], Measured]] = {
    "graspgen-single": lambda: measure_graspgen("single"),
    "graspgen-tabletop": lambda: measure_graspgen("tabletop"),
    "fetch": measure_fetch,
    "robosuite": measure_robosuite,
    "panda-gym": measure_panda_gym,
}


def measured(name: str, python: str, episodes: int) -> dict[str, Any] | str:
    """Measure in another process; return what it found, or the last line of what it said."""
    command = [python, str(Path(__file__).resolve()), "--measure", name, "--episodes", str(episodes)]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return (done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"])[-1]
    return json.loads(lines[-1])


def row(rounds: list[dict[str, Any]]) -> str:
    steps, bare, resets = ([took for r in rounds for took in r[key]] for key in ("steps", "bare", "resets"))
    median, period = statistics.median(steps), rounds[0]["period"]
    return (
        f"| {rounds[0]['name']} | {rounds[0]['engine']} | {period * 1e3:.0f} ms | {1 / median:.0f} "
        f"| {period / median:.0f}× | {sum(steps) / sum(bare):.2f}× | {statistics.median(resets) * 1e3:.1f} ms |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", action="append", default=[], metavar="NAME=PYTHON", help="may be given repeatedly")
    parser.add_argument("--episodes", type=int, default=6, help="of 50 steps, in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", choices=sorted(KNOWN), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(KNOWN[args.measure]().run(args.episodes)))
        return
    asked = {"graspgen-single": sys.executable, "graspgen-tabletop": sys.executable}
    for given in args.beside:
        name, _, python = given.partition("=")
        if name not in KNOWN or not python:
            parser.error(f"--beside {given}: give NAME=PYTHON, NAME one of {', '.join(KNOWN)}")
        asked[name] = python
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in asked}
    for _ in range(args.rounds):
        for name, python in asked.items():
            told = measured(name, python, args.episodes)
            if isinstance(told, str):
                parser.exit(1, f"{name}: {told}\n")
            found[name].append(told)
    print("| environment | physics | control step | steps per CPU second | × real time | over bare stepping | reset |")
    print("|---|---|---|---|---|---|---|")
    for rounds in found.values():
        print(row(rounds), flush=True)


if __name__ == "__main__":
    main()
