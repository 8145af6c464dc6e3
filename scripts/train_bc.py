"""Clone the scripted expert: train a small network on `graspgen demos`, and let it play scenes that it has not seen.

    graspgen demos -r single -n 240 -o demos -a delta5 --seed 1 --set objects.fits_hand=1 --set "$FAMILIES"
    python scripts/train_bc.py demos --out learnt_bc.pt --curve docs/images/learning_bc.jpg

The network sees the state in the hand's frame (`graspgen.env.hand_frame`), of the last moments, and says the next few
actions, of which the first ones are done. Needs torch and gymnasium.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import gymnasium
import numpy as np
import torch

import graspgen
import graspgen.env
from graspgen.env.hand_frame import FEATURES, hand_axes, hand_features

#: Moments that the network sees, actions that it says, and how many of these are done before it looks again.
HISTORY, CHUNK, DONE = 2, 4, 1
#: Number of the first scene of those held out, of the run with seed 0; and how many.
HELD_OUT, TESTS = 10_000_000, 100
STATE, ACTION = 36, 5
#: What the recipe `single` is told: solids that a box describes well, made to fit between the fingers.
SOLIDS = ("box", "can", "carton", "cylinder", "die", "prism", "sphere", "capsule", "superquadric", "tube", "jar")
OVERRIDES = ("objects.fits_hand=1", f"objects.families={{choice: [{', '.join(SOLIDS)}]}}")


class Policy(torch.nn.Module):
    """Three layers; what goes in is normalised, what comes out is in −1…1."""

    def __init__(self, mean: torch.Tensor, spread: torch.Tensor, width: int = 256) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)
        sizes = [HISTORY * (len(FEATURES) + ACTION), width, width, width]
        layers: list[torch.nn.Module] = []
        for size, following in itertools.pairwise(sizes):
            layers += [torch.nn.Linear(size, following), torch.nn.GELU(), torch.nn.Dropout(0.05)]
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(width, CHUNK * ACTION), torch.nn.Tanh())

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """(n, CHUNK, ACTION) of (n, HISTORY · numbers)."""
        return self.layers((seen - self.mean) / self.spread).reshape(-1, CHUNK, ACTION)


def turned(action: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Return an action with its first two numbers in the hand's axes."""
    action = action.copy()
    action[:2] = axes[:2, :2] @ action[:2]
    return action


def examples(path: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """Return what was seen, (n, …), and what the expert did then, (n, CHUNK, ACTION), of the episodes that succeed."""
    seen, done, episodes = [], [], 0
    with graspgen.open(path) as dataset:
        for key in dataset.episodes["id"][dataset.episodes["success"]].tolist():
            episode = dataset.episode(key)
            states = episode.observations(1)
            if episode.action_mode != "delta5" or states.shape[1] != STATE:
                raise SystemExit(f"{path} holds {episode.action_mode} actions of several objects; take delta5 and one")
            axes = [hand_axes(s) for s in states]
            moves = np.array([turned(a, R) for a, R in zip(episode.action, axes, strict=False)])
            told = [hand_features(s) for s in states]
            for i in range(len(episode)):
                past = list(range(i - HISTORY + 1, i + 1))
                seen.append(moment(told, moves, past))
                ahead = np.minimum(np.arange(i, i + CHUNK), len(episode) - 1)
                # All in the axes of the moment of the decision.
                done.append([turned(episode.action[j], axes[i]) for j in ahead])
            episodes += 1
    return np.array(seen, np.float32), np.array(done, np.float32), episodes


def moment(told: list[np.ndarray], moves: np.ndarray | list[np.ndarray], past: list[int]) -> np.ndarray:
    """Return what the network sees: features of some moments, and the action before each."""
    none = np.zeros(ACTION, np.float32)
    parts = [np.append(told[max(j, 0)], moves[j - 1] if j > 0 else none) for j in past]
    return np.concatenate(parts)


def play(policy: Policy, first: int, scenes: int, seed: int) -> list[bool]:
    """Let the policy play scenes, each once; return what became of them."""
    env = gymnasium.make(
        "graspgen/Pick-v0", recipe="single", overrides=OVERRIDES, action_mode="delta5", disable_env_checker=True, keep=1
    )
    outcomes = []
    for number in range(scenes):
        state, info = env.reset(seed=seed + number, options={"scene": first + number})
        told, moves, over, queue = [hand_features(state)], [], False, []
        while not over:
            if not queue:
                past = list(range(len(told) - HISTORY, len(told)))
                with torch.no_grad():
                    said = policy(torch.from_numpy(moment(told, moves, past))[None])[0].numpy()
                axes = hand_axes(state)
                queue = [turned(a, axes.T) for a in said[:DONE]]
            action = queue.pop(0)
            moves.append(turned(action, hand_axes(state)))
            state, _, terminated, truncated, info = env.step(action)
            told.append(hand_features(state))
            over = terminated or truncated
        outcomes.append(bool(info["is_success"]))
    env.close()
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demos", type=Path)
    parser.add_argument("--out", type=Path, default=Path("learnt_bc.pt"))
    parser.add_argument("--curve", type=Path)
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--looks", type=int, default=5, help="how often it plays 20 scenes while it learns")
    parser.add_argument("--tests", type=int, default=TESTS)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    torch.set_num_threads(1)  # a small network, and cores that others use
    start, cpu = time.perf_counter(), time.process_time()
    seen, done, episodes = examples(given.demos)
    print(f"{episodes} episodes, {len(seen)} actions")
    rng = np.random.default_rng(given.seed)
    held = rng.permutation(len(seen))[: len(seen) // 10]
    learns = np.setdiff1d(np.arange(len(seen)), held)
    x, y = torch.from_numpy(seen), torch.from_numpy(done)
    policy = Policy(x[learns].mean(0), x[learns].std(0) + 0.05)
    best = torch.optim.AdamW(policy.parameters(), 1e-3, weight_decay=1e-3)
    steps = given.epochs * (len(learns) // 256 + 1)
    rate = torch.optim.lr_scheduler.OneCycleLR(best, 2e-3, total_steps=steps)
    curve = []
    for epoch in range(given.epochs):
        policy.train()
        order = torch.from_numpy(rng.permutation(learns))
        for rows in order.split(256):
            noisy = x[rows] + 0.03 * policy.spread * torch.randn(len(rows), x.shape[1])
            loss = (policy(noisy) - y[rows]).abs().mean()
            best.zero_grad()
            loss.backward()
            best.step()
            rate.step()
        if (epoch + 1) % max(1, given.epochs // given.looks) == 0:
            policy.eval()
            with torch.no_grad():
                off = float((policy(x[held]) - y[held]).abs().mean())
            # Scenes of their own, so that the held-out ones choose nothing.
            rate_now = float(np.mean(play(policy, HELD_OUT + 1_000_000, 20, 1)))
            curve.append((epoch + 1, off, rate_now, time.process_time() - cpu))
            print(f"epoch {epoch + 1}: error {off:.3f}, {rate_now:.0%} of 20 scenes, {curve[-1][3]:.0f} s of CPU time")
    torch.save(policy.state_dict(), given.out)
    taken = time.process_time() - cpu
    found = play(policy, HELD_OUT, given.tests, 0)
    print(
        f"held out: {sum(found)} of {len(found)}; trained in {taken:.0f} s of CPU time, "
        f"{time.perf_counter() - start:.0f} s by the clock, tests included"
    )
    if given.curve is not None:
        draw(given.curve, curve)


def draw(path: Path, curve: list[tuple[int, float, float, float]]) -> None:
    """Draw success against CPU time."""
    from PIL import Image, ImageDraw

    width, height, left, top = 720, 300, 60, 20
    picture = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(picture)
    longest = max(c[3] for c in curve)
    at = [(left + (width - left - 20) * c[3] / longest, top + (height - top - 50) * (1 - c[2])) for c in curve]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = top + (height - top - 50) * (1 - share)
        pen.line([(left, y), (width - 20, y)], fill="#dddddd")
        pen.text((10, y - 6), f"{share:.0%}", fill="black")
    pen.line(at, fill="#1f77b4", width=3)
    for (x, y), c in zip(at, curve, strict=True):
        pen.ellipse([x - 4, y - 4, x + 4, y + 4], fill="#1f77b4")
        pen.text((x - 25, y + 8), f"{c[0]} epochs", fill="black")
    pen.text((left, height - 25), f"CPU time, 0 … {longest:.0f} s; success in 20 scenes of their own", fill="black")
    picture.save(path, quality=88)


if __name__ == "__main__":
    main()
