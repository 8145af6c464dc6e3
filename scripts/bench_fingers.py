"""Compare the two ways in which candidates of a multi-finger hand are found: approach, and contact optimisation.

    python scripts/bench_fingers.py [GRIPPER] [--grasps 32] [--seeds 11 12] [--json FILE]

Objects are procedural families that no constant of either was chosen on. Both get the same number of candidates, all
looking for a clear way in, and the same trial in free space (`standard`). Intervals are 95 % of a bootstrap over
objects, pairs of rates together: candidates of one object are not independent.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from graspgen.distributions import parse
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import load_profile
from graspgen.grasps.propose import propose_grasps
from graspgen.grasps.trial import try_asset
from graspgen.grippers.gripper import load_gripper
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.recipe import Objects

FAMILIES = (
    "banana", "brush", "cup", "fork", "glass", "hammer",
    "jar", "plate", "screwdriver", "t_shape", "u_shape", "wine_glass",
)  # fmt: skip
APPROACH, RESAMPLED = 0.05, 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gripper", nargs="?", default="three_finger")
    parser.add_argument("--grasps", type=int, default=32, help="candidates of each object and way")
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12])
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    hand, profile = load_gripper(args.gripper), load_profile("standard")
    rates, seconds, names = [], np.zeros(2), []
    for family in FAMILIES:
        for seed in args.seeds:
            asset, row = ProceduralCatalogue(Objects(families=parse(family)), seed).asset(0), []
            for way in (0, 1):
                start = time.process_time()
                found = propose_grasps(
                    asset, hand, args.grasps, np.random.default_rng(seed), cone=0.35, tilt=0.1, clearance=0.005,
                    clear_share=1.0, contact_share=float(way), approach=APPROACH, step=profile.protocol.approach_step,
                )  # fmt: skip
                seconds[way] += time.process_time() - start
                tried = try_asset(
                    asset, hand, profile, found.T_object_grasp, found.width, fingers=found.fingers,
                    mass=asset.volume * asset.density, inertia=asset.unit_inertia * asset.density,
                    friction=(asset.friction, 0.005, 0.002), approach=APPROACH, graded=False,
                )  # fmt: skip
                row.append(float((tried.outcome == Outcome.SUCCESS).mean()))
            rates.append(row)
            names.append(f"{family} {seed}")
            print(f"{names[-1]:<16} approach {row[0]:4.0%}   contact {row[1]:4.0%}", flush=True)
    x, rng = np.array(rates), np.random.default_rng(0)
    means = x[rng.integers(0, len(x), (RESAMPLED, len(x)))].mean(axis=1)
    means = np.concatenate([means, means[:, 1:] - means[:, :1]], axis=1)
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    for i, name in enumerate(("approach", "contact", "contact − approach")):
        value = x[:, i].mean() if i < 2 else (x[:, 1] - x[:, 0]).mean()
        print(f"{name:<20} {value:6.1%} [{low[i]:.1%}, {high[i]:.1%}]")
    each = seconds / len(x)
    print(f"CPU time of {args.grasps} candidates, s: approach {each[0]:.2f}, contact {each[1]:.2f}")
    if args.json:
        args.json.write_text(json.dumps({"objects": names, "rates": rates, "low": low.tolist(), "high": high.tolist()}))


if __name__ == "__main__":
    main()
