"""Benchmark of jaws: what `graspgen grippers check` measures, trials a second, and success on a fixed set of objects.

    python scripts/bench_grippers.py [GRIPPER …] [--grasps 32] [--seeds 3 4] [--json FILE] [--picture FILE]

The objects are one of every procedural family for each seed; candidates, all looking for a clear approach, are drawn
anew for each gripper, within its stroke. Each is tried once in free space (`standard`), at the gripper's usual force.
Success is over all candidates; those that a jaw's stroke lets it try differ from jaw to jaw.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from graspgen.distributions import parse
from graspgen.grasps.candidates import propose
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import load_profile
from graspgen.grasps.trial import try_asset
from graspgen.grippers.gripper import Gripper, list_grippers, load_gripper
from graspgen.objects.asset import Asset
from graspgen.objects.families import FAMILIES
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.pipeline.gripper_check import check_gripper
from graspgen.recipe import Objects
from graspgen.render.gripper_view import gripper_picture

CONE, CLEARANCE, APPROACH = np.radians(20), 0.005, 0.05


@dataclass(frozen=True)
class Row:
    """One gripper: mm, N, ratios to 2·μ·F, trials a second, shares of the candidates."""

    gripper: str
    stroke: float
    force: float
    largest: float
    payload: float
    payload_along: tuple[float, float]
    chatter_um: float
    sound: bool
    objects: int
    candidates: int
    trials_per_second: float
    reached: float
    success: float


def measure(gripper: Gripper, name: str, assets: list[Asset], grasps: int) -> Row:
    report, profile, threads = check_gripper(gripper), load_profile("standard"), os.cpu_count() or 1
    outcomes, seconds, graspable = [], 0.0, 0
    for asset in assets:
        found = propose(
            asset, gripper, grasps, np.random.default_rng(0), cone=CONE, clearance=CLEARANCE, clear_share=1.0,
            approach=APPROACH, step=profile.protocol.approach_step, threads=threads,
        )  # fmt: skip
        if not len(found):
            continue
        graspable += 1
        mass = asset.volume * asset.density
        start = time.perf_counter()
        tried = try_asset(
            asset, gripper, profile, found.T_object_grasp, found.width, grip_width=found.grip_width, mass=mass,
            inertia=asset.unit_inertia * asset.density, friction=(asset.friction, 0.005, 0.002), approach=APPROACH,
            graded=False, threads=threads,
        )  # fmt: skip
        seconds += time.perf_counter() - start
        outcomes.append(tried.outcome)
    codes = np.concatenate(outcomes)
    return Row(
        name,
        report.stroke * 1e3,
        gripper.file.force,
        gripper.file.max_force,
        report.payload[-1],
        report.payload_along[-1],
        report.chatter[-1] * 1e6,
        report.ok,
        graspable,
        len(codes),
        len(codes) / seconds,
        float((codes != Outcome.HITS_TARGET).mean()),
        float((codes == Outcome.SUCCESS).mean()),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grippers", nargs="*", help="names, YAMLs, MJCFs; all shipped jaws if none")
    parser.add_argument("--grasps", type=int, default=32, help="candidates of each object")
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path, help="write all of them open, half open and closed")
    args = parser.parse_args()
    assets = [ProceduralCatalogue(Objects(families=parse(f)), s).asset(0) for s in args.seeds for f in sorted(FAMILIES)]
    names = args.grippers or [n for n in list_grippers() if load_gripper(n).jaw]
    hands = [load_gripper(n) for n in names]
    rows = []
    names_of = ("gripper", "opens to, mm", "force (largest), N", "payload across; along, out and in", "chatter, µm",
                "objects", "trials/s", "reach", "hold")  # fmt: skip
    print(f"| {' | '.join(names_of)} |\n|{'---|' * len(names_of)}")
    for hand in hands:
        r = measure(hand, hand.name, assets, args.grasps)
        rows.append(r)
        out, into = r.payload_along
        print(
            f"| {r.gripper}{'' if r.sound else ' (unsound)'} | {r.stroke:.1f} | {r.force:g} ({r.largest:g}) "
            f"| {r.payload:.2f}, {out:.2f} out, {into:.2f} in | {r.chatter_um:.3f} | {r.objects}/{len(assets)} "
            f"| {r.trials_per_second:.0f} | {r.reached:.0%} | {r.success:.0%} |",
            flush=True,
        )
    if args.json:
        args.json.write_text(json.dumps([asdict(r) for r in rows], indent=1) + "\n")
    if args.picture:
        tiles = [gripper_picture(hand, 240, 260) for hand in hands]
        if len(tiles) % 2:
            tiles.append(np.full_like(tiles[0], tiles[0][0, 0]))
        sheet = np.concatenate([np.concatenate(tiles[i : i + 2], axis=1) for i in range(0, len(tiles), 2)])
        Image.fromarray(sheet).save(args.picture, quality=85)


if __name__ == "__main__":
    main()
