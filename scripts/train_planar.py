"""Train a small network to grasp from above, on a CPU, in a few minutes.

    graspgen generate planar -o planar --scenes 150 --seed 3
    python scripts/train_planar.py planar

A network like GG-CNN (Morrison et al., RSS 2018) sees colour and depth and tells quality, angle and width of a grasp at
every pixel. A fifth of the scenes is held out. There the best grasp that the network tells of is right if it is within
30° of a labelled good rectangle and overlaps it by more than a quarter (intersection over union; Jiang et al., 2011).
Two guesses that need no network, but are shown the true masks of objects, are measured beside it:

    random   a random pixel of an object, a random angle, the mean width
    axis     the middle of a random object's mask, across its longer axis, the mean width
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import graspgen
from graspgen.dataset.reader import Dataset
from graspgen.labels.rectangles import matches
from graspgen.loaders import Crop, Flip, PlanarGraspMaps, Rotate
from graspgen.loaders.maps import best_rectangles
from graspgen.loaders.source import Sample
from graspgen.loaders.torch_data import data_loader

SIDE = 160
#: Width maps are learnt in units of this, px.
WIDTH_UNIT = 50.0


class PlanarNet(nn.Module):
    """Colour and depth (B, 4, H, W) to four maps (B, 4, H, W): quality (logit), cos 2φ, sin 2φ, width."""

    def __init__(self, breadth: int = 16) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, size: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
            padding = dilation * (size - 1) // 2
            convolution = nn.Conv2d(inputs, outputs, size, stride, padding, dilation, bias=False)
            return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

        self.body = nn.Sequential(
            block(4, breadth, 5, stride=2),
            block(breadth, 2 * breadth, 3, stride=2),
            block(2 * breadth, 2 * breadth, 3),
            block(2 * breadth, 2 * breadth, 3, dilation=2),
            block(2 * breadth, 2 * breadth, 3, dilation=4),
            block(2 * breadth, 2 * breadth, 3),
        )
        self.head = nn.Conv2d(2 * breadth, 4, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        maps = self.head(self.body(image))
        return functional.interpolate(maps, size=image.shape[-2:], mode="bilinear", align_corners=False)


def network_input(rgb: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """Turn (B, H, W, 3) uint8 and (B, H, W) metres, 0 for none, into (B, 4, H, W) about 0."""
    seen = depth > 0
    middle = (depth * seen).sum((1, 2)) / seen.sum((1, 2)).clamp(min=1)
    relief = torch.where(seen, depth - middle[:, None, None], 0.0) * 10
    return torch.cat([rgb.permute(0, 3, 1, 2).float() / 127.5 - 1, relief[:, None]], 1)


def loss_of(maps: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Cross entropy of the quality; squared errors of angle and width where there is a grasp."""
    quality = batch["quality"]
    wanted = torch.stack([batch["cos2"], batch["sin2"], batch["width"] / WIDTH_UNIT], 1)
    weight = torch.tensor(5.0)  # few pixels are grasps
    told = functional.binary_cross_entropy_with_logits(maps[:, 0], quality, pos_weight=weight)
    errors = ((maps[:, 1:] - wanted) ** 2).sum(1) * quality
    return told + 0.5 * errors.sum() / quality.sum().clamp(min=1)


def train(source: PlanarGraspMaps, steps: int, batch_size: int, workers: int) -> PlanarNet:
    torch.manual_seed(0)
    # A thread for each core that no worker reads on: more would wait for each other.
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - workers))
    net = PlanarNet()
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, steps)
    loader = data_loader(source, batch_size, workers=workers, drop_last=True)
    start, step, running = time.perf_counter(), 0, 0.0
    while step < steps:
        for batch in loader:
            loss = loss_of(net(network_input(batch["rgb"], batch["depth"])), batch)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            step, running = step + 1, running + loss.item()
            if step % 50 == 0:
                print(
                    f"step {step:4}  loss {running / 50:.4f}  {step / (time.perf_counter() - start):.1f} steps/s",
                    flush=True,
                )
                running = 0.0
            if step == steps:
                break
    return net


def network_guess(net: PlanarNet) -> Callable[[Sample], np.ndarray]:
    """Return what makes the network's best rectangle from a sample."""
    net.eval()

    @torch.no_grad()
    def guess(sample: Sample) -> np.ndarray:
        image = network_input(torch.from_numpy(sample["rgb"])[None], torch.from_numpy(sample["depth"])[None])
        maps = net(image)[0]
        quality = functional.avg_pool2d(torch.sigmoid(maps[:1]), 5, 1, 2)[0]
        found = best_rectangles(quality, maps[1], maps[2], maps[3] * WIDTH_UNIT, jaw=mean_jaw(sample))
        return found[0]

    return guess


def mean_jaw(sample: Sample) -> float:
    """Return the breadth of a jaw of 2 cm at the picture's middle depth, px."""
    return float(0.02 * sample["K"][0, 0] / np.median(sample["depth"][sample["depth"] > 0]))


def random_guess(width: float, rng: np.random.Generator) -> Callable[[Sample], np.ndarray]:
    def guess(sample: Sample) -> np.ndarray:
        rows, columns = np.nonzero(sample["instances"])
        i = rng.integers(len(rows))
        return np.array([columns[i] + 0.5, rows[i] + 0.5, rng.uniform(-np.pi / 2, np.pi / 2), width, mean_jaw(sample)])

    return guess


def axis_guess(width: float, rng: np.random.Generator) -> Callable[[Sample], np.ndarray]:
    def guess(sample: Sample) -> np.ndarray:
        ids = np.unique(sample["instances"])
        rows, columns = np.nonzero(sample["instances"] == rng.choice(ids[ids > 0]))
        points = np.stack([columns + 0.5, rows + 0.5], -1)
        spread = np.cov(points.T) if len(points) > 2 else np.eye(2)
        x, y = np.linalg.eigh(spread)[1][:, 0]  # the shorter axis
        return np.array([*points.mean(axis=0), np.arctan2(y, x), width, mean_jaw(sample)])

    return guess


def mean_width(data: Dataset, views: np.ndarray, options: dict[str, Any]) -> float:
    """Return the mean width of the rectangles that are learnt from, px."""
    source = PlanarGraspMaps(data, views=views, images=("depth",), augment=[Crop(SIDE, SIDE, centred=True)], **options)
    return float(np.mean(np.concatenate([sample["rectangles"][:, 3] for sample in source])))


def accuracy(samples: list[Sample], guess: Callable[[Sample], np.ndarray], times: int = 1) -> float:
    right = [matches(guess(s), s["rectangles"][s["good"]]) for _ in range(times) for s in samples]
    return float(np.mean(right))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--tilt", type=float, default=30.0, help="largest angle of approach and optical axis, degrees")
    given = parser.parse_args()
    data = graspgen.open(given.dataset)
    held_out = data.views["scene"] % 5 == 0
    common = {"only_good": True, "min_grasps": 1, "max_tilt_deg": given.tilt}
    images = ("rgb", "depth")
    learnt = PlanarGraspMaps(
        data, views=~held_out, images=images, augment=[Flip(), Rotate(), Crop(SIDE, SIDE, (0.75, 1.0))], **common
    )
    test = PlanarGraspMaps(
        data, views=held_out, images=(*images, "instances"), augment=[Crop(SIDE, SIDE, centred=True)], **common
    )
    samples = [s for s in (test[i] for i in range(len(test))) if s["good"].any() and s["instances"].any()]
    print(f"{len(learnt)} views to learn from, {len(samples)} held out: those of {len(data.views)} with a good grasp")
    net = train(learnt, given.steps, given.batch, given.workers)
    width = mean_width(data, learnt.rows, common)
    rng = np.random.default_rng(0)
    print("share of held-out views in which the first guess is a labelled grasp:")
    print(f"  network  {accuracy(samples, network_guess(net)):.2f}")
    print(f"  random   {accuracy(samples, random_guess(width, rng), 20):.2f}  (shown the true masks)")
    print(f"  axis     {accuracy(samples, axis_guess(width, rng), 20):.2f}  (shown the true masks)")


if __name__ == "__main__":
    main()
