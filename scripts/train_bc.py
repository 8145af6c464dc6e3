"""Clone the scripted expert: train a small network on `graspgen demos`, and let it play scenes that it has not seen.

    graspgen demos -r single -n 400 -o demos -a delta5 --seed 1 --set demos.choose=central …   # docs/learning.md
    python scripts/train_bc.py demos --out learnt_bc.pt --curve curve.jpg
    python scripts/train_bc.py demos --rounds 0                                                # the demonstrations only
    python scripts/train_bc.py demos --evaluate learnt_bc.pt

The network sees the state in the hand's frame (`graspgen.env.hand_frame`), how well the hand is placed and turned, and
for how long it has been closing, and says the next action. First it learns the demonstrations by heart; then, in
rounds, it plays in their scenes, the expert says at every step what it would have done, and that is learnt as well
(DAgger: Ross, Gordon, Bagnell, AISTATS 2011). What plays is a running mean of the weights, so no round throws away what
the one before had learnt. Needs torch and gymnasium.

Scenes are of three runs: those of the demonstrations, those that choose which round's policy is kept, and those held
out, which it plays once, at the end. Objects of different runs are different ones.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import sys
import time
from collections import Counter
from pathlib import Path

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

import graspgen
import graspgen.env
from graspgen.dataset.reader import Dataset
from graspgen.demos.expert import Expert
from graspgen.demos.labels import labels_of
from graspgen.demos.play import demo_task
from graspgen.env.hand_frame import FINE, fine_features, hand_axes, hand_features
from graspgen.env.task import GraspTask
from graspgen.pipeline.stored import stored_recipe
from graspgen.pipeline.stored_scene import stored_scene

#: Longest close that the network is told, control steps, and what it is divided by.
LONGEST, SCALE = 25, 10.0
STATE, ACTION = 36, 5
#: Where `fine_features` has the turn.
TURN = list(FINE).index("turn")
#: Number of the first scene of those held out, of the run with seed 0, and how many.
HELD_OUT, TESTS = 10_000_000, 100
#: Seed of the run whose first scenes it is looked at in while it learns, and which choose what is kept: other scenes
#: and other objects than those of the demonstrations and those held out.
WATCHED_SEED = 2
#: Updates to begin with, and in each round; examples in each.
FIRST, MORE, BATCH = 4000, 2000, 128
#: What plays is a running mean of the weights that are learnt, which forgets as fast as this to the power of updates.
STEADY = 0.999

Array = NDArray[np.float32]


class Policy(torch.nn.Module):
    """Three layers; what goes in is normalised, what comes out is in −1…1."""

    def __init__(self, mean: torch.Tensor, spread: torch.Tensor, width: int = 192) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)
        layers: list[torch.nn.Module] = []
        for size, following in itertools.pairwise([len(mean), width, width, width]):
            layers += [torch.nn.Linear(size, following), torch.nn.GELU()]
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(width, ACTION), torch.nn.Tanh())

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """(n, ACTION) of (n, numbers)."""
        return self.layers((seen - self.mean) / self.spread)

    def act(self, state: Array, closing: int) -> Array:
        """Return the action, world axes, in a state."""
        with torch.no_grad():
            said = self(torch.from_numpy(seen_of(state, closing))[None])[0].numpy()
        return turned(said, hand_axes(state).T)


def turned(action: Array, axes: NDArray) -> Array:
    """Return an action with its first two numbers in other axes."""
    action = np.array(action, np.float32)
    action[:2] = axes[:2, :2] @ action[:2]
    return action


def seen_of(state: Array, closing: int) -> Array:
    """Return what the network sees of a state, and for how many control steps the fingers have been told to close."""
    fine = fine_features(state)
    turn = float(fine[TURN])  # to the shorter of the level sides, tanh of rad; the nearer one may be the other
    nearer = (np.arctanh(turn) + np.pi / 4) % (np.pi / 2) - np.pi / 4
    told = [nearer, np.tanh(8 * nearer), min(closing, LONGEST) / SCALE]
    return np.concatenate([hand_features(state), fine, np.array(told, np.float32)])


def counted(closing: int, action: Array) -> int:
    """Return for how many control steps the fingers have been told to close, after another action."""
    return closing + 1 if action[-1] < 0 else 0


def chosen(dataset: Dataset) -> NDArray[np.bool_]:
    """Return which episodes succeed by a grasp that the state tells; where the expert follows a label, none does."""
    return dataset.episodes["success"] & (dataset.episodes["grasp"] < 0)


def examples(dataset: Dataset) -> tuple[list[Array], list[Array]]:
    """Return what was seen and what the expert did then, hand's axes, of every episode to learn from."""
    seen, done = [], []
    for key in dataset.episodes["id"][chosen(dataset)].tolist():
        episode = dataset.episode(key)
        states = episode.observations(1)
        if episode.action_mode != "delta5" or states.shape[1] != STATE:
            raise SystemExit(f"{dataset.path} holds {episode.action_mode} actions or several objects; make delta5, one")
        closing = list(itertools.accumulate(episode.action, counted, initial=0))
        seen.append(np.array([seen_of(s, n) for s, n in zip(states[:-1], closing, strict=False)]))
        done.append(np.array([turned(a, hand_axes(s)) for a, s in zip(episode.action, states, strict=False)]))
    return seen, done


def corrected(
    dataset: Dataset, task: GraspTask, policy: Policy, scene: int, rng: np.random.Generator, longest: int
) -> tuple[Array, Array]:
    """Let the policy play in a scene of the demonstrations; return what it saw, and what the expert would have done."""
    task.scenes.put(stored_scene(dataset, scene))
    task.reset(rng, scene=scene)
    rows = dataset.grasps.rows(np.flatnonzero(dataset.grasps["scene"] == scene))
    expert = Expert(task, labels_of(rows, task.place.ids), central=True)
    closing, seen, advised = 0, [], []
    for _ in range(longest):
        state = np.concatenate([task.agent_pos(), task.environment_state()])
        advice = expert.act()
        if expert.plan is None or expert.plan.key >= 0:
            break
        seen.append(seen_of(state, closing))
        advised.append(turned(advice, hand_axes(state)))
        action = policy.act(state, closing)
        closing = counted(closing, action)
        if task.step(action).terminated:
            break
    return np.array(seen, np.float32), np.array(advised, np.float32)


def learn(
    policy: Policy, steady: Policy, x: Array, y: Array, updates: int, rate: float, generator: torch.Generator
) -> float:
    """Fit the policy to examples, its running mean following; return the mean absolute error of the last updates."""
    policy.train()
    seen, done = torch.from_numpy(x), torch.from_numpy(y)
    descent = torch.optim.AdamW(policy.parameters(), rate, weight_decay=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(descent, rate, total_steps=updates, pct_start=0.1)
    errors = []
    for _ in range(updates):
        rows = torch.randint(len(seen), (BATCH,), generator=generator)
        noise = 0.02 * policy.spread * torch.randn(BATCH, x.shape[1], generator=generator)
        loss = (policy(seen[rows] + noise) - done[rows]).abs().mean()
        descent.zero_grad()
        loss.backward()
        descent.step()
        schedule.step()
        with torch.no_grad():
            for mean, now in zip(steady.parameters(), policy.parameters(), strict=True):
                mean.lerp_(now, 1 - STEADY)
        errors.append(loss.detach())
    policy.eval()
    return float(torch.stack(errors[-500:]).mean())


def play(env: gymnasium.Env, policy: Policy, first: int, scenes: int) -> list[tuple[str, bool]]:
    """Let the policy play scenes, each once; return class and success of each."""
    found = []
    for number in range(scenes):
        state, info = env.reset(seed=number, options={"scene": first + number})
        closing, over = 0, False
        while not over:
            action = policy.act(state, closing)
            closing = counted(closing, action)
            state, _, terminated, truncated, info = env.step(action)
            over = terminated or truncated
        kind = env.unwrapped.grasping.place.settled.world.objects[0].asset.class_name
        found.append((kind, bool(info["is_success"])))
    return found


def interval(good: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, J. Am. Stat. Assoc. 22, 1927)."""
    p, middle = good / n, good / n + z * z / (2 * n)
    reach = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)


def environment(dataset: Dataset, seed: int, keep: int) -> gymnasium.Env:
    """Return what demonstrations were made in, with the scenes of the run with another seed."""
    return gymnasium.make(
        "graspgen/Pick-v0", recipe=stored_recipe(dataset), action_mode="delta5", run_seed=seed, keep=keep,
        disable_env_checker=True,
    )  # fmt: skip


def train(given: argparse.Namespace, dataset: Dataset, watch: gymnasium.Env) -> Policy:
    """Learn the demonstrations, then what the expert advises; print a row of a table for each look.

    Args:
        given: of the command line.
        dataset: the demonstrations.
        watch: with the scenes that choose which round's policy is kept.
    """
    generator, rng = torch.Generator().manual_seed(given.seed), np.random.default_rng(given.seed)
    torch.manual_seed(given.seed)
    cpu, wall, rows, best = time.process_time(), time.perf_counter(), [], -1
    seen, done = examples(dataset)
    x = np.concatenate(seen)
    policy = Policy(torch.from_numpy(x.mean(0)), torch.from_numpy(x.std(0) + 0.05))
    steady = copy.deepcopy(policy).eval()
    scenes = dataset.episodes["scene"][chosen(dataset)].tolist()
    task = demo_task(stored_recipe(dataset).model_dump_json(), int(dataset.attrs["seed"]))
    print("| round | episodes | examples | error | CPU min | success while learning |\n|---|---|---|---|---|---|")
    for number in range(given.rounds + 1):
        if number:
            for scene in rng.choice(scenes, given.episodes, replace=given.episodes > len(scenes)).tolist():
                told, advised = corrected(dataset, task, steady, scene, rng, watch.spec.max_episode_steps)
                if len(told):
                    seen.append(told)
                    done.append(advised)
        x, y = np.concatenate(seen), np.concatenate(done)
        error = learn(policy, steady, x, y, MORE if number else FIRST, 1e-3, generator)
        good = sum(success for _, success in play(watch, steady, 0, given.watched))
        rows.append({"round": number, "episodes": len(seen), "examples": len(x), "error": error, "good": good,
                     "n": given.watched, "cpu_min": (time.process_time() - cpu) / 60,
                     "wall_min": (time.perf_counter() - wall) / 60})  # fmt: skip
        told = [str(number), str(len(seen)), str(len(x)), f"{error:.3f}", f"{rows[-1]['cpu_min']:.1f}"]
        print("| " + " | ".join([*told, f"{good} of {given.watched}"]) + " |", flush=True)
        if good >= best:
            best = good
            torch.save(steady.state_dict(), given.out)
        if rows[-1]["cpu_min"] > given.minutes:
            break
    given.out.with_suffix(".json").write_text(json.dumps(rows))
    if given.curve is not None:
        draw(given.curve, rows)
    print(f"{rows[-1]['cpu_min']:.1f} min of CPU time, {rows[-1]['wall_min']:.1f} min by the clock", file=sys.stderr)
    return loaded(given.out)


def loaded(path: Path) -> Policy:
    stored = torch.load(path, weights_only=True)
    policy = Policy(stored["mean"], stored["spread"])
    policy.load_state_dict(stored)
    return policy.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demos", type=Path)
    parser.add_argument("--out", type=Path, default=Path("learnt_bc.pt"))
    parser.add_argument("--curve", type=Path, help="picture to draw")
    parser.add_argument("--rounds", type=int, default=4, help="in which the expert advises; 0 for none")
    parser.add_argument("--episodes", type=int, default=50, help="in each round")
    parser.add_argument("--watched", type=int, default=30, help="scenes that choose which round's policy is kept")
    parser.add_argument("--minutes", type=float, default=18.0, help="of CPU time, after which no new round begins")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluate", type=Path, help="a policy to evaluate instead of training one")
    given = parser.parse_args()
    torch.set_num_threads(1)  # a small network
    with graspgen.open(given.demos) as dataset:
        if int(dataset.attrs["seed"]) in (0, WATCHED_SEED):
            raise SystemExit(f"{dataset.path} is of a seed whose scenes choose or test; make it with --seed 1")
        env, watch = (environment(dataset, seed, given.watched) for seed in (0, WATCHED_SEED))
        policy = train(given, dataset, watch) if given.evaluate is None else loaded(given.evaluate)
    found = play(env, policy, HELD_OUT, TESTS)
    env.close()
    good = sum(success for _, success in found)
    low, high = interval(good, len(found))
    tried, well = Counter(kind for kind, _ in found), Counter(kind for kind, success in found if success)
    print(f"held out: {good} of {len(found)} ({low:.0%} to {high:.0%}); "
          + ", ".join(f"{kind} {well[kind]}/{tried[kind]}" for kind in sorted(tried)))  # fmt: skip


def draw(path: Path, rows: list[dict]) -> None:
    """Draw success against CPU time."""
    from PIL import Image, ImageDraw, ImageFont

    width, height, left, bottom, fine = 640, 320, 52, 40, 3
    picture = Image.new("RGB", (width * fine, height * fine), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(13 * fine)
    most = max(row["cpu_min"] for row in rows)

    def at(minutes: float, share: float) -> tuple[float, float]:
        x = left + minutes / most * (width - left - 20)
        return x * fine, (12 + (1 - share) * (height - bottom - 12)) * fine

    times, bounds = [row["cpu_min"] for row in rows], [interval(row["good"], row["n"]) for row in rows]
    band = [at(t, b[0]) for t, b in zip(times, bounds, strict=True)]
    band += [at(t, b[1]) for t, b in zip(times, bounds, strict=True)][::-1]
    if len(rows) > 1:
        pen.polygon(band, "#cfe0f3")
    for share in (0, 0.2, 0.4, 0.6, 0.8, 1):
        pen.line([at(0, share), at(most, share)], "#d08020" if share == 0.8 else "#dddddd", fine)
        x, y = at(0, share)
        pen.text((x - 8 * fine, y), f"{share:.0%}", "#333333", font, "rm")
    for minutes in range(int(most) + 1):
        x, y = at(minutes, 0)
        pen.text((x, y + 5 * fine), str(minutes), "#333333", font, "mt")
    pen.text((at(most / 2, 0)[0], (height - 4) * fine), "CPU minutes, looks included", "#333333", font, "mb")
    line = [at(row["cpu_min"], row["good"] / row["n"]) for row in rows]
    pen.line(line, "#1f5fa8", 2 * fine, joint="curve")
    for x, y in line:
        pen.ellipse([x - 3 * fine, y - 3 * fine, x + 3 * fine, y + 3 * fine], "#1f5fa8")
    picture.resize((width, height), Image.Resampling.LANCZOS).save(path, quality=92)


if __name__ == "__main__":
    main()
