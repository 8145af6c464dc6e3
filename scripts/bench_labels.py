"""Benchmark of grasp labels: are they right, do they depend on what they should not, and how fast are they?

    python scripts/bench_labels.py [--grasps 48] [--json bench_labels.json]

Every row is measured in this run. Labels are compared over grasps that at least one of two profiles lets reach the
object; grasps that the open hand cannot reach agree trivially and are left out. `bare` repeats the native calls of the
trials (`Batch.step`, `Batch.forward`) from the same states on the same models, without judging or compiling.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import coacd
import numpy as np
import trimesh
from tape import Tape, recorded_batches

from graspgen.distributions import parse
from graspgen.frames import pose
from graspgen.grasps.candidates import propose, sample_antipodal
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile, load_profile
from graspgen.grasps.trial import TrialResults, try_asset
from graspgen.grippers.gripper import Gripper, load_gripper
from graspgen.objects.asset import Asset, Mesh, Part
from graspgen.objects.families import FAMILIES
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.raycast import RayCaster
from graspgen.recipe import Objects

GRAVITY = 9.81
FROM_ABOVE = pose(np.diag([1.0, -1.0, -1.0]))
CONE = np.radians(20)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: str
    aim: str
    met: bool


def changed(profile: Profile, *, option: dict | None = None, contact: dict | None = None, protocol: dict | None = None):
    """Return the profile with some values changed."""
    return profile.model_copy(
        update={
            "option": profile.option.model_copy(update=option or {}),
            "contact": profile.contact.model_copy(update=contact or {}),
            "protocol": profile.protocol.model_copy(update=protocol or {}),
        }
    )


def reference_of(profile: Profile) -> Profile:
    """Return the profile at an eighth of its step, with the stiffest contacts that the step resolves."""
    dt = profile.option.timestep / 8
    return changed(
        profile,
        option={"timestep": dt, "tolerance": 1e-10, "iterations": 100},
        contact={"solref": (2 * dt, 1.0)},
    )


def objects(seeds: Sequence[int]) -> list[Asset]:
    """One object of every procedural family for each seed."""
    return [ProceduralCatalogue(Objects(families=parse(f)), s).asset(0) for s in seeds for f in sorted(FAMILIES)]


def label(asset: Asset, gripper: Gripper, profile: Profile, T: np.ndarray, width: np.ndarray, **kw) -> TrialResults:
    mass = kw.pop("mass", asset.volume * asset.density)
    return try_asset(
        asset,
        gripper,
        profile,
        T,
        width,
        mass=mass,
        inertia=asset.unit_inertia * mass / asset.volume,
        friction=[kw.pop("friction", asset.friction), kw.pop("torsional", 0.005), 0.002],
        threads=os.cpu_count() or 1,
        **kw,
    )


def candidates(asset: Asset, gripper: Gripper, profile: Profile, count: int, clear_share: float = 1.0):
    return propose(
        asset,
        gripper,
        count,
        np.random.default_rng(0),
        cone=CONE,
        clearance=0.005,
        clear_share=clear_share,
        approach=0.05,
        step=profile.protocol.approach_step,
        threads=os.cpu_count() or 1,
    )


def agreement(a: Sequence[TrialResults], b: Sequence[TrialResults]) -> tuple[float, int]:
    """Share of grasps whose success agrees, of those that either reaches, and their number."""
    one, two = (np.concatenate([r.outcome for r in x]) for x in (a, b))
    reached = (one != Outcome.HITS_TARGET) | (two != Outcome.HITS_TARGET)
    same = (one == Outcome.SUCCESS) == (two == Outcome.SUCCESS)
    return float(same[reached].mean()), int(reached.sum())


def agreements(gripper: Gripper, grasps: int) -> list[Row]:
    standard, strict = load_profile("standard"), load_profile("strict")
    assets = objects((3,))
    found = [candidates(a, gripper, standard, grasps) for a in assets]

    def labels(profile: Profile) -> list[TrialResults]:
        return [
            label(a, gripper, profile, c.T_object_grasp, c.width, graded=False)
            for a, c in zip(assets, found, strict=True)
        ]

    mine = labels(standard)
    with_reference, n = agreement(mine, labels(reference_of(standard)))
    with_strict, _ = agreement(mine, labels(strict))
    with_itself, _ = agreement(mine, labels(standard))
    longer = {"duration": 10 * standard.protocol.duration, "hold": 10 * standard.protocol.hold}
    with_longer, _ = agreement(mine, labels(changed(standard, protocol=longer)))
    shapes = f"{n} grasps, {len(assets)} objects of {len(FAMILIES)} families"
    return [
        Row(
            f"agreement of standard with a reference at dt/8 ({shapes})",
            f"{with_reference:.1%}",
            "≥ 98 %",
            with_reference >= 0.98,
        ),
        Row("agreement of standard with strict", f"{with_strict:.1%}", "≥ 97 %", with_strict >= 0.97),
        Row("agreement of a replay with itself", f"{with_itself:.1%}", "100 %", with_itself == 1.0),
        Row("agreement with pushes ten times as long", f"{with_longer:.1%}", "≥ 98 %", with_longer >= 0.98),
    ]


def solid(mesh: trimesh.Trimesh, parts: Sequence[Part]) -> Asset:
    return Asset(
        "solid",
        "solid",
        Mesh(mesh.vertices, mesh.faces),
        tuple(parts),
        float(mesh.volume),
        np.asarray(mesh.center_mass),
        np.asarray(mesh.moment_inertia),
        500.0,
        0.6,
        "bench",
    )


def cube(side: float = 0.04) -> Asset:
    return solid(trimesh.creation.box([side] * 3), [Part("box", np.full(3, side / 2))])


def slip_ratios(gripper: Gripper) -> list[float]:
    """Largest mass held at each friction and force, over 2·μ·F/g, by bisection."""
    profile, asset, ratios = load_profile("standard"), cube(), []
    for friction in (0.3, 0.6, 1.0):
        for force in (5.0, 20.0, 70.0):
            exact = 2 * friction * force / GRAVITY
            low, high = 0.8, 1.25
            for _ in range(10):
                middle = np.sqrt(low * high)
                r = label(
                    asset,
                    gripper,
                    profile,
                    FROM_ABOVE[None],
                    np.array([0.05]),
                    mass=middle * exact,
                    friction=friction,
                    force=force,
                    graded=False,
                )
                low, high = (middle, high) if r.success[0] else (low, middle)
            ratios.append(float(np.sqrt(low * high)))
    return ratios


def creep(gripper: Gripper) -> float:
    """Largest drift of a cube under 90 % of its slip load, m/s, over three masses."""
    hold = {"directions": ((0.0, 0.0, 1.0),), "turns": (), "duration": 2.0, "ladder": (1.0,)}
    profile, rates = changed(load_profile("standard"), protocol=hold), []
    for mass in (0.1, 0.5, 2.0):
        force = mass * GRAVITY / (0.9 * 2 * 0.6)
        r = label(cube(), gripper, profile, FROM_ABOVE[None], np.array([0.05]), mass=mass, force=force, graded=False)
        rates.append(float(r.drift_holding[0]) / 2.0 if r.success[0] else np.inf)
    return max(rates)


def encodings(gripper: Gripper, grasps: int) -> tuple[float, int]:
    """Share of grasps of one cylinder that succeed or fail alike in every encoding, and their number.

    As a primitive, as one hull, as what CoACD makes of its mesh (one part: it is convex), and cut into eight wedges.
    """
    profile = load_profile("standard")
    radius, half = 0.028, 0.05
    mesh = trimesh.creation.cylinder(radius, 2 * half, sections=64)
    coacd.set_log_level("error")
    split = coacd.run_coacd(coacd.Mesh(mesh.vertices, mesh.faces), threshold=0.05, preprocess_mode="off", seed=0)
    as_parts = [
        [Part("cylinder", [radius, half])],
        [Part("hull", vertices=mesh.vertices)],
        [Part("hull", vertices=v) for v, _ in split],
        [Part("hull", vertices=wedge(radius, half, i)) for i in range(8)],
    ]
    assets = [solid(mesh, p) for p in as_parts]
    c = candidates(assets[0], gripper, profile, grasps, clear_share=0.7)
    found = [label(a, gripper, profile, c.T_object_grasp, c.width, mass=0.3, graded=False) for a in assets]
    same = np.ones(len(c), bool)
    for other in found[1:]:
        same &= other.success == found[0].success
    return float(same.mean()), len(c)


def wedge(radius: float, half: float, number: int) -> np.ndarray:
    """Corners of an eighth of a cylinder of 64 facets."""
    angle = 2 * np.pi * np.arange(8 * number, 8 * number + 9) / 64
    arc = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    outline = np.concatenate([arc, [[0.0, 0.0]]])
    return np.concatenate([np.column_stack([outline, np.full(len(outline), z)]) for z in (-half, half)])


def speed(gripper: Gripper, grasps: int) -> tuple[dict[str, float], list[Row]]:
    """Trials of the whole protocol over the procedural set, beside the bare engine."""
    profile = load_profile("standard")
    assets = objects((3,))
    found = [candidates(a, gripper, profile, grasps, clear_share=0.5) for a in assets]
    ours = bare = 0.0
    steps = {True: [], False: []}
    for asset, c in zip(assets, found, strict=True):
        start = time.perf_counter()
        r = label(asset, gripper, profile, c.T_object_grasp, c.width)
        ours += time.perf_counter() - start
        tape = Tape()
        with recorded_batches(tape):
            label(asset, gripper, profile, c.T_object_grasp, c.width)
        bare += tape.replay()
        for success in (True, False):
            steps[success] += r.steps[r.success == success].tolist()
    count = sum(len(c) for c in found)
    passing, failing = (float(np.mean(steps[s])) for s in (True, False))
    parts = np.mean([len(a.parts) for a in assets])
    rate, ratio = count / ours, bare / ours
    rows = [
        Row(
            f"free trials a second, {os.cpu_count()} cores ({parts:.0f} convex parts on average)",
            f"{rate:.0f}",
            "≥ 250",
            rate >= 250,
        ),
        Row("the same over bare Batch calls", f"{ratio:.2f}", "≥ 0.85", ratio >= 0.85),
        Row(
            "simulated steps of a passing / failing trial",
            f"{passing:.0f} / {failing:.0f}",
            "≤ 1000 / ≤ 350",
            passing <= 1000 and failing <= 350,
        ),
    ]
    return {"trials": count, "per_second": rate, "ratio": ratio, "passing": passing, "failing": failing}, rows


def sampling(gripper: Gripper) -> float:
    """Antipodal candidates a second on a mesh of about 5000 faces, one core."""
    mesh = trimesh.creation.icosphere(4)  # 5120 faces
    mesh.apply_scale([0.03, 0.025, 0.05])
    rates = []
    for seed in range(5):
        start = time.perf_counter()
        caster = RayCaster(mesh.vertices, mesh.faces)
        found = sample_antipodal(caster, gripper, 20_000, np.random.default_rng(seed), cone=CONE, clearance=0.005)
        rates.append(len(found) / (time.perf_counter() - start))
    return float(np.median(rates))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grasps", type=int, default=24, help="candidates of each object")
    parser.add_argument("--json", type=Path, default=Path("bench_labels.json"))
    args = parser.parse_args()
    gripper = load_gripper("panda_hand")
    figures, rows = speed(gripper, 5 * args.grasps)
    rate = sampling(gripper)
    rows.append(Row("antipodal candidates a second, 5120 faces, one core", f"{rate:.0f}", "≥ 50000", rate >= 50_000))
    rows += agreements(gripper, args.grasps)
    ratios = slip_ratios(gripper)
    within = 0.97 <= min(ratios) and max(ratios) <= 1.03
    rows.append(
        Row(
            "slip threshold over the closed form, 9 cases",
            f"{min(ratios):.3f} … {max(ratios):.3f}",
            "0.97 … 1.03",
            within,
        )
    )
    drift = creep(gripper)
    rows.append(Row("creep at 90 % of the slip load", f"{drift * 1e3:.4f} mm/s", "≤ 0.05 mm/s", drift <= 5e-5))
    same, n = encodings(gripper, 12 * args.grasps)
    rows.append(Row(f"labels of one cylinder in four encodings ({n} grasps)", f"{same:.1%}", "≥ 97 %", same >= 0.97))
    print("| what | measured | aim | |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row.what} | {row.measured} | {row.aim} | {'met' if row.met else 'missed'} |")
    figures |= {"candidates_per_second": rate, "slip_ratios": ratios, "creep": drift, "encodings": same}
    args.json.write_text(json.dumps({"figures": figures, "rows": [vars(r) for r in rows]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
