"""Benchmark of grippers: what `graspgen grippers check` measures, trials a second, success on a fixed set of objects.

    python scripts/bench_grippers.py [GRIPPER …] [--grasps 32] [--seeds 3 4] [--json FILE]
    python scripts/bench_grippers.py [GRIPPER …] --picture FILE --no-measure

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
from PIL import Image, ImageDraw, ImageFont

from graspgen.distributions import parse
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import load_profile
from graspgen.grasps.propose import propose_grasps
from graspgen.grasps.trial import try_asset
from graspgen.grippers.gripper import Gripper, list_grippers, load_gripper
from graspgen.objects.asset import Asset
from graspgen.objects.families import FAMILIES
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.pipeline.finger_check import check_fingers
from graspgen.pipeline.gripper_check import check_gripper
from graspgen.pipeline.suction_check import check_suction_gripper
from graspgen.recipe import Objects
from graspgen.render.gripper_view import gripper_picture

CONE, TILT, CLEARANCE, APPROACH = np.radians(20), np.radians(5), 0.005, 0.05


@dataclass(frozen=True)
class Row:
    """One gripper: mm, N, ratios to 2·μ·F, trials a second of one core's time, shares of the candidates."""

    gripper: str
    stroke: float
    force: float
    largest: float
    payload: str
    chatter_um: float
    sound: bool
    objects: int
    candidates: int
    trials_per_second: float
    reached: float
    success: float


def checked(gripper: Gripper) -> tuple[bool, str, float]:
    """What `graspgen grippers check` says: soundness, payload in words, motion of the pads while they hold, µm."""
    if gripper.suction:
        cups = check_suction_gripper(gripper)
        told = f"pull, shear, moment: {cups.payload:.2f}, {cups.shear:.2f}, {cups.moment:.2f}"
        return cups.ok, told, float("nan")
    if gripper.fingered:
        held = check_fingers(gripper)
        told = ", ".join(f"{ratio:.2f}" for ratio in held.payload_ratio)
        return held.ok, f"along a bar, over μ·ΣN: {told}", max(held.chatter) * 1e6
    jaw = check_gripper(gripper)
    out, into = jaw.payload_along[-1]
    return jaw.ok, f"{jaw.payload[-1]:.2f}; {out:.2f}, {into:.2f}", jaw.chatter[-1] * 1e6


def measure(gripper: Gripper, name: str, assets: list[Asset], grasps: int) -> Row:
    (sound, payload, chatter), profile, threads = checked(gripper), load_profile("standard"), os.cpu_count() or 1
    outcomes, seconds, graspable = [], 0.0, 0
    for asset in assets:
        found = propose_grasps(
            asset, gripper, grasps, np.random.default_rng(0), cone=CONE, tilt=TILT, clearance=CLEARANCE,
            clear_share=1.0, approach=APPROACH, step=profile.protocol.approach_step, threads=threads,
        )  # fmt: skip
        if not len(found):
            continue
        graspable += 1
        mass = asset.volume * asset.density
        start = time.process_time()  # of all threads: other programs cost it little
        tried = try_asset(
            asset, gripper, profile, found.T_object_grasp, found.width, grip_width=found.grip_width, mass=mass,
            fingers=found.fingers,
            inertia=asset.unit_inertia * asset.density, friction=(asset.friction, 0.005, 0.002), approach=APPROACH,
            graded=False, threads=threads,
        )  # fmt: skip
        seconds += time.process_time() - start
        outcomes.append(tried.outcome)
    codes = np.concatenate(outcomes)
    return Row(
        name,
        gripper.file.stroke * 1e3,
        gripper.file.force,
        gripper.file.max_force,
        payload,
        chatter,
        sound,
        graspable,
        len(codes),
        len(codes) / seconds,
        float((codes != Outcome.HITS_TARGET).mean()),
        float((codes == Outcome.SUCCESS).mean()),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grippers", nargs="*", help="names, YAMLs, MJCFs; all shipped ones if none")
    parser.add_argument("--grasps", type=int, default=32, help="candidates of each object")
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path, help="write all of them open, half open and closed")
    parser.add_argument("--no-measure", action="store_true", help="only the picture")
    args = parser.parse_args()
    assets = [ProceduralCatalogue(Objects(families=parse(f)), s).asset(0) for s in args.seeds for f in sorted(FAMILIES)]
    names = args.grippers or list_grippers()
    hands = [load_gripper(n) for n in names]
    if args.picture:
        sheet(hands).save(args.picture, quality=88)
    if args.no_measure:
        return
    rows = []
    names_of = ("gripper", "opens to, mm", "force (largest), N",
                "payload over 2·μ·F: across; along, outwards and inwards", "motion while holding, µm",
                "trials/s of a core", "reach", "hold")  # fmt: skip
    print(f"| {' | '.join(names_of)} |\n|{'---|' * len(names_of)}")
    for hand in hands:
        r = measure(hand, hand.name, assets, args.grasps)
        rows.append(r)
        opens, moves = (f"{r.stroke:.1f}", f"{r.chatter_um:.3f}") if not hand.suction else ("", "")
        reached, held = (f"{share * 100:.0f} %" for share in (r.reached, r.success))
        print(
            f"| {r.gripper}{'' if r.sound else ' (unsound)'} | {opens} | {r.force:.3g} ({r.largest:.3g}) "
            f"| {r.payload} | {moves} | {r.trials_per_second:.0f} | {reached} | {held} |",
            flush=True,
        )
    if args.json:
        args.json.write_text(json.dumps([asdict(r) for r in rows], indent=1) + "\n")


def sheet(hands: list[Gripper]) -> Image.Image:
    """All hands, two a row, open, half open and closed; suction grippers, which do not open, once."""
    tiles = [
        (hand.name, gripper_picture(hand, 240, 260))
        for hand in sorted(hands, key=lambda h: h.suction + 0.5 * h.fingered)
    ]
    wide, high = max(tile.shape[1] for _, tile in tiles), tiles[0][1].shape[0]
    rows, x, y = [], 0, 0
    for name, tile in tiles:
        if x and x + tile.shape[1] > 2 * wide:
            x, y = 0, y + high
        rows.append((name, tile, x, y))
        x += tile.shape[1]
    image = Image.fromarray(np.tile(tiles[0][1][:, :1], (y // high + 1, 2 * wide, 1)))
    for name, tile, x, y in rows:
        image.paste(Image.fromarray(tile), (x, y))
        ImageDraw.Draw(image).text((x + 10, y + high - 26), name, fill=(40, 44, 52), font=ImageFont.load_default(15))
    return image


if __name__ == "__main__":
    main()
