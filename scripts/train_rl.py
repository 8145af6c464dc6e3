"""Learn to pick single objects from their state by reinforcement, on a CPU, in 20 minutes at most.

    pip install 'graspgen[learn]'
    python scripts/train_rl.py                          # writes learnt_rl.zip, learnt_rl.json and a curve
    python scripts/train_rl.py --demos 0                # no demonstrations
    python scripts/train_rl.py --evaluate learnt_rl.zip --objects all

Soft Actor-Critic (stable-baselines3; `sac_demos.py`) learns in `graspgen/Pick-v0`, recipe `single`, seen from the hand
(`graspgen.env.hand_frame`). Objects are solids that a box describes well, since the state says no more of a shape, and
that fit between the fingers. At regular intervals the policy, without its noise, plays 50 scenes that choose which
policy is kept, and in the end that one plays 100 others. No two of training, choice and test share scenes or objects.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from PIL import Image, ImageDraw, ImageFont

import graspgen.env
from graspgen.env.hand_frame import HandFrame
from graspgen.grasps.scene_path import Stage

try:
    from sac_demos import DemoSAC, LayerNormPolicy
    from stable_baselines3 import SAC
except ImportError:
    sys.exit("learning needs stable-baselines3: pip install 'graspgen[learn]'")

del graspgen.env  # imported for its ids

SOLIDS = ("box", "can", "carton", "cylinder", "die", "prism", "sphere", "capsule", "superquadric", "tube", "jar")
#: What the recipe `single` is told, by what there is to pick.
OBJECTS = {
    "solids": ("objects.fits_hand=1", f"objects.families={{choice: [{', '.join(SOLIDS)}]}}"),
    "fitting": ("objects.fits_hand=1",),
    "all": (),
}
#: Number of the first scene, and how many: of those that choose when the policy is best, and of those of the test.
CHOOSE, CHOOSING = 20_000_000, 50
HELD_OUT, TESTS = 10_000_000, 100
DISCOUNT = 0.97
#: Of demonstrations: one in three has none, one this, one twice this, of what an action can be.
NOISE = 0.05


def make(objects: str, split: str, first: int, scenes: int, repeat: int) -> HandFrame:
    """Make an environment that plays in so many scenes, from the first, with objects of a split of their own."""
    env = gymnasium.make(
        "graspgen/Pick-v0", recipe="single", overrides=(*OBJECTS[objects], f"objects.split={split}"),
        reward_mode="dense", first_scene=first, scenes=scenes, keep=scenes, disable_env_checker=True,
    )  # fmt: skip
    return HandFrame(env, repeat, DISCOUNT)


class Demonstrator:
    """Comes down on the middle of an object, across the shorter horizontal side of its box, closes and lifts.

    It is a plan of a few lines, without labels; it tries again where it fails, and it still fails at times.

    Args:
        env: whose actions it chooses; it looks at what the state says.
        noise: standard deviation of what is added to its actions.
    """

    #: How far below the top the tool point goes, and at least how high it stays, m.
    DEPTH, LEAST = 0.035, 0.012
    #: Close enough, m and rad; how far above it waits until it is there, m; how far it lifts, m.
    NEAR, ALIGNED, ABOVE, LIFT = 0.008, 0.1, 0.06, 0.125
    #: As open as it wants the hand before a close, m.
    OPEN = 0.07

    def __init__(self, env: HandFrame, noise: float, rng: np.random.Generator) -> None:
        self.env, self.noise, self.rng = env, noise, rng

    def action(self) -> np.ndarray:
        """Return what it does next."""
        task, axes = self.env.unwrapped.grasping, self.env.axes
        step, turn = task.limits.step * self.env.repeat, task.limits.turn_step * self.env.repeat
        now, half, stage = task.moment, task.place.half[0], task.judge.stage[0]
        R, way = axes @ now.R_object[0, 0], axes @ (now.centre[0, 0] - now.x[0])
        flat = np.argsort(np.abs(R[2]))[:2]
        across = R[:, flat[np.argmin(half[flat])]]
        yaw = (np.arctan2(across[1], across[0]) + np.pi) % np.pi - np.pi / 2  # from the hand's y axis
        drop = max(way[2] + np.abs(R[2]) @ half - self.DEPTH, self.LEAST - now.x[0, 2])
        action = np.zeros(5)
        # Once it is down, it is not so easily sent up again.
        there = np.hypot(*way[:2]) < self.NEAR * (1.6 if abs(drop) < 0.03 else 1) and abs(yaw) < 1.5 * self.ALIGNED
        if task.judge.held[0]:
            action[2], action[4] = min((self.LIFT - task.judge.rise[0]) / step, 0.6), -1
        elif stage == Stage.CLOSE or (there and abs(drop) < self.NEAR and now.opening[0] > self.OPEN):
            action[4] = -1
        elif now.opening[0] < self.OPEN:  # an attempt has failed
            action[2], action[4] = (drop + self.ABOVE) / step, 1
        else:
            action[:2], action[3], action[4] = way[:2] / step, yaw / turn, 1
            action[2] = (drop if there or drop < -0.08 else drop + self.ABOVE) / step
        noise = self.noise * np.array([1, 1, 1, 1, 0.3]) * self.rng.normal(size=5)
        return np.clip(action + noise, -1, 1).astype(np.float32)


def demonstrate(model: DemoSAC, episodes: int, seed: int) -> tuple[int, int]:
    """Give a learner demonstrations; return how many steps, and how many successes they are."""
    envs, rng = model.get_env(), np.random.default_rng(seed)
    demos = [Demonstrator(env, NOISE * (i % 3), rng) for i, env in enumerate(envs.envs)]
    seen, ended, good, steps = envs.reset(), 0, 0, []
    while ended < episodes:
        actions = np.stack([one.action() for one in demos])
        after, rewards, over, infos = envs.step(actions)
        last = after.copy()
        for i in np.flatnonzero(over):
            last[i] = infos[i]["terminal_observation"]
            ended, good = ended + 1, good + infos[i]["is_success"]
        steps.append((seen, last, actions, rewards, over, infos))
        seen = after
    model.remember(steps)
    return len(steps) * len(demos), good


def evaluate(model: Any, env: HandFrame, first: int, scenes: int) -> list[tuple[str, int, bool]]:
    """Play one episode, without noise, in each of so many scenes; return class, outcome and success of each."""
    found = []
    for k in range(scenes):
        seen, info = env.reset(seed=k, options={"scene": first + k})
        done = False
        while not done:
            seen, _, over, late, info = env.step(model.predict(seen, deterministic=True)[0])
            done = over or late
        kind = env.unwrapped.grasping.place.settled.world.objects[0].asset.class_name
        found.append((kind, info["outcome"], bool(info["is_success"])))
    return found


def interval(good: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, J. Am. Stat. Assoc. 22, 1927)."""
    p, middle = good / n, good / n + z * z / (2 * n)
    reach = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)


def told(good: int, n: int) -> str:
    low, high = interval(good, n)
    return f"{good / n:.0%} ({low:.0%} to {high:.0%})"


def train(given: argparse.Namespace) -> None:
    """Learn until the time is up; print a row of a table for each evaluation, draw the curve, keep the best policy."""
    import torch
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env import DummyVecEnv

    torch.set_num_threads(given.threads)
    choose = make(given.objects, "val", CHOOSE, CHOOSING, given.repeat)
    n, rows = given.envs, []

    class Watch(BaseCallback):
        """Evaluates, keeps the best, and ends the training when its time is up."""

        def __init__(self) -> None:
            super().__init__()
            self.wall, self.cpu, self.next, self.best = time.perf_counter(), time.process_time(), given.every, -1

        def minutes(self, clock: str) -> float:
            return (time.process_time() - self.cpu if clock == "cpu" else time.perf_counter() - self.wall) / 60

        def _on_step(self) -> bool:
            minutes = self.minutes(given.clock)
            if minutes >= min(self.next, given.minutes):
                self.look()
                self.next = self.minutes(given.clock) + given.every
            return minutes < given.minutes

        def look(self) -> None:
            found = evaluate(self.model, choose, CHOOSE, CHOOSING)
            good = sum(success for *_, success in found)
            row = {
                "wall_min": round(self.minutes("wall"), 1), "cpu_min": round(self.minutes("cpu"), 1),
                "actions": self.model.num_timesteps, "updates": self.model._n_updates, "good": good,
            }  # fmt: skip
            rows.append(row)
            print(
                "| " + " | ".join(str(v) for v in [*list(row.values())[:-1], told(good, CHOOSING)]) + " |", flush=True
            )
            if good >= self.best:
                self.best = good
                self.model.save(given.out)
            given.out.with_suffix(".json").write_text(json.dumps({"rows": rows, "found": found}))
            curve(rows, given.curve or given.out.with_suffix(".png"), given.clock)

    watch = Watch()
    envs = DummyVecEnv(
        [lambda i=i: make(given.objects, "train", i * given.scenes, given.scenes, given.repeat) for i in range(n)]
    )
    model = DemoSAC(
        LayerNormPolicy, envs, learning_rate=7e-4, batch_size=256, gamma=DISCOUNT, tau=0.01, train_freq=1,
        gradient_steps=n, learning_starts=0 if given.demos else 1000, buffer_size=300_000,
        ent_coef="auto_0.1", seed=given.seed, replay_buffer_kwargs={"handle_timeout_termination": False},
        policy_kwargs={"net_arch": [128, 128], "optimizer_kwargs": {"fused": True}},
    )  # fmt: skip
    print("| wall min | CPU min | actions | updates | success |\n|---|---|---|---|---|", flush=True)
    if given.demos:
        steps, good = demonstrate(model, given.demos, given.seed)
        print(f"{given.demos} demonstrations, {steps} actions, {good} successes", file=sys.stderr)
        model.train(steps // 2)
    model.learn(10**9, callback=watch)


def curve(rows: list[dict[str, Any]], to: Path, clock: str) -> None:
    """Draw success over minutes, with the band of its interval."""
    width, height, left, bottom, fine = 640, 320, 52, 40, 3
    picture = Image.new("RGB", (width * fine, height * fine), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(13 * fine)
    times = [r[f"{clock}_min"] for r in rows]
    most = max(*times, 0.1)

    def at(minutes: float, share: float) -> tuple[float, float]:
        x = left + minutes / most * (width - left - 20)
        return x * fine, (12 + (1 - share) * (height - bottom - 12)) * fine

    for share in (0, 0.2, 0.4, 0.6, 0.8, 1):
        draw.line([at(0, share), at(most, share)], "#d08020" if share == 0.8 else "#dddddd", fine)
        x, y = at(0, share)
        draw.text((x - 8 * fine, y), f"{share:.0%}", "#333333", font, "rm")
    for minutes in range(0, int(most) + 1, 2 if most > 8 else 1):
        x, y = at(minutes, 0)
        draw.text((x, y + 5 * fine), str(minutes), "#333333", font, "mt")
    draw.text(
        (at(most / 2, 0)[0], (height - 4) * fine),
        ("minutes of CPU time" if clock == "cpu" else "minutes") + ", success over 50 scenes that choose",
        "#333333",
        font,
        "mb",
    )
    bounds = [interval(r["good"], CHOOSING) for r in rows]
    band = [at(t, b[0]) for t, b in zip(times, bounds, strict=True)]
    band += [at(t, b[1]) for t, b in zip(times, bounds, strict=True)][::-1]
    draw.polygon(band, "#cfe0f3")
    line = [at(t, r["good"] / CHOOSING) for t, r in zip(times, rows, strict=True)]
    draw.line(line, "#1f5fa8", 2 * fine, joint="curve")
    for x, y in line:
        draw.ellipse([x - 3 * fine, y - 3 * fine, x + 3 * fine, y + 3 * fine], "#1f5fa8")
    picture.resize((width, height), Image.Resampling.LANCZOS).save(to, quality=92)


def by_class(found: list[tuple[str, int, bool]]) -> str:
    tried, good = Counter(kind for kind, *_ in found), Counter(kind for kind, _, success in found if success)
    return ", ".join(f"{kind} {good[kind]}/{tried[kind]}" for kind in sorted(tried))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", choices=sorted(OBJECTS), default="solids")
    parser.add_argument("--minutes", type=float, default=20.0, help="of training, all included but the test")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="that measures the minutes")
    parser.add_argument("--every", type=float, default=2.0, help="minutes between evaluations")
    parser.add_argument("--demos", type=int, default=240, help="scripted episodes to begin with; 0 for none")
    parser.add_argument("--envs", type=int, default=8)
    parser.add_argument("--scenes", type=int, default=60, help="to train in, of each environment")
    parser.add_argument("--repeat", type=int, default=3, help="control steps of an action")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="of PyTorch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("learnt_rl.zip"))
    parser.add_argument("--curve", type=Path, help="picture to draw; the default is beside --out")
    parser.add_argument("--evaluate", type=Path, help="a policy to evaluate instead of training one")
    given = parser.parse_args()
    if given.evaluate is None:
        train(given)
    model = SAC.load(given.evaluate or given.out)
    found = evaluate(model, make(given.objects, "test", HELD_OUT, TESTS, given.repeat), HELD_OUT, TESTS)
    print(f"{given.objects}: {told(sum(s for *_, s in found), TESTS)} of {TESTS} held-out scenes; {by_class(found)}")


if __name__ == "__main__":
    main()
