"""Try stored grasps again under another physics profile, and count how many outcomes agree.

A label that flips when the simulation is made more exact says more about the simulator than about the grasp. The
nominal trial is repeated as it was: same object, scale, mass, friction, force and approach, all from the dataset.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.errors import DatasetError, GraspgenError
from graspgen.grasps.candidates import unpacked
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile, as_profile
from graspgen.grasps.trial import try_asset
from graspgen.pipeline.stored import StoredObjects, stored_gripper, stored_recipe, version_notes


class RelabelError(GraspgenError, ValueError):
    """A sample cannot be drawn."""


@dataclass(frozen=True)
class OutcomeAgreement:
    """What became of the grasps of one stored outcome.

    Attributes:
        outcome: the stored outcome.
        stored: grasps of the dataset that have it.
        became: of those that were tried again, how many by their new outcome.
    """

    outcome: Outcome
    stored: int
    became: Mapping[Outcome, int]

    @property
    def tried(self) -> int:
        """Grasps tried again."""
        return sum(self.became.values())

    @property
    def agree(self) -> int:
        """Those with the same outcome as before."""
        return self.became.get(self.outcome, 0)

    @property
    def same_success(self) -> int:
        """Those that hold as before, or fail as before for whatever reason."""
        held = self.outcome == Outcome.SUCCESS
        return sum(number for code, number in self.became.items() if (code == Outcome.SUCCESS) == held)


@dataclass(frozen=True)
class Agreement:
    """How well two profiles agree about the grasps of a dataset.

    The sample holds equal numbers of every stored outcome, while they last, so that rare outcomes are judged as well;
    `weighted` counts each outcome as often as the dataset holds it.

    Attributes:
        stored_profile, profile: name and version that the dataset was labelled with, and that was tried now.
        seed: of the sample.
        rows: one for each stored outcome, ascending.
        changed: keys of the grasps whose outcome is another one now, ascending, with the new outcome.
        notes: what beside the profile differs between then and now.
        steps: simulated steps.
        seconds: wall-clock time of the trials.
    """

    stored_profile: str
    profile: str
    seed: int
    rows: tuple[OutcomeAgreement, ...]
    changed: Mapping[int, Outcome]
    notes: tuple[str, ...]
    steps: int
    seconds: float = field(compare=False)

    @property
    def tried(self) -> int:
        """Grasps tried again."""
        return sum(row.tried for row in self.rows)

    @property
    def agree(self) -> int:
        """Those with the same outcome as before."""
        return sum(row.agree for row in self.rows)

    @property
    def weighted(self) -> float:
        """Estimated share of all grasps of the dataset that agree."""
        return _weighted(self.rows)

    @property
    def weighted_success(self) -> float:
        """Estimated share of all grasps of the dataset that still hold, or still do not, for whatever reason."""
        return _weighted(self.rows, success=True)

    @property
    def weighted_simulated(self) -> float:
        """`weighted` without what hits its target on the approach: that is geometry, which always agrees."""
        return _weighted(_simulated(self.rows))

    @property
    def weighted_simulated_success(self) -> float:
        """`weighted_success` without what hits its target on the approach."""
        return _weighted(_simulated(self.rows), success=True)

    def to_json(self) -> str:
        """Return everything as JSON."""
        content: dict[str, Any] = {
            "stored_profile": self.stored_profile,
            "profile": self.profile,
            "seed": self.seed,
            "tried": self.tried,
            "agree": self.agree,
            "share": self.agree / self.tried,
            "share_weighted": self.weighted,
            "share_weighted_success": self.weighted_success,
            "share_weighted_simulated": _number(self.weighted_simulated),
            "share_weighted_simulated_success": _number(self.weighted_simulated_success),
            "outcomes": {
                row.outcome.name: {
                    "stored": row.stored,
                    "tried": row.tried,
                    "agree": row.agree,
                    "became": {code.name: number for code, number in sorted(row.became.items())},
                }
                for row in self.rows
            },
            "changed": {str(key): code.name for key, code in self.changed.items()},
            "notes": list(self.notes),
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def relabel(
    dataset: str | Path | Dataset, profile: str | Profile = "strict", sample: int = 500, seed: int = 0, threads: int = 0
) -> Agreement:
    """Try a sample of the stored grasps again under another profile. The dataset is only read.

    Args:
        dataset: a dataset of scenes, or its folder.
        profile: name of a physics profile, or a profile.
        sample: how many grasps; all are taken where there are fewer.
        seed: of the sample; the same seed takes the same grasps.
        threads: native threads, 0 for all cores; outcomes do not depend on it.

    Raises:
        DatasetError: the path is no dataset, or it holds no scenes or no tried grasps.
        RecipeError: the profile is unknown.
        GraspgenError: the gripper or an object that the dataset stores cannot be used.
    """
    if sample < 1:
        raise RelabelError(f"a sample must hold at least 1 grasp, got {sample}")
    rules = as_profile(profile)
    if isinstance(dataset, Dataset):
        return _relabel(dataset, rules, sample, seed, threads)
    with open_dataset(dataset) as opened:
        return _relabel(opened, rules, sample, seed, threads)


def stratified(codes: NDArray[np.integer], sample: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw `sample` rows, equal numbers of every code while they last; ascending.

    Args:
        codes: (n,) code of every row.
        sample: how many; all rows where there are fewer. Codes get none only where the sample is smaller than their
            number.
        rng: stream of the draw.
    """
    groups = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    take = [0] * len(groups)
    left = min(sample, len(codes))
    # The smallest groups first: what they cannot give is shared by the others.
    order = sorted(range(len(groups)), key=lambda g: len(groups[g]))
    for position, g in enumerate(order):
        take[g] = min(len(groups[g]), -(-left // (len(order) - position)))
        left -= take[g]
    chosen = [rng.permutation(group)[:number] for group, number in zip(groups, take, strict=True)]
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)


def _relabel(dataset: Dataset, profile: Profile, sample: int, seed: int, threads: int) -> Agreement:
    outcomes = dataset.grasps["outcome"]
    tried = np.flatnonzero(outcomes != Outcome.NOT_TRIED)
    if not len(tried):
        raise DatasetError(
            f"{dataset.path} holds no grasps that were tried; generate it with grasps.per_object above 0"
        )
    if not len(dataset.objects):
        raise DatasetError(f"{dataset.path} holds no scenes; relabel takes a dataset made with `graspgen generate`")
    gripper, spec = stored_gripper(dataset), stored_recipe(dataset).grasps
    assets = StoredObjects(dataset)
    rows = tried[stratified(outcomes[tried], sample, np.random.default_rng(seed))]
    poses, widths, grips = (dataset.grasps[name][rows] for name in ("T_object_grasp", "width", "grip_width"))
    if not (np.isfinite(poses).all() and np.isfinite(widths).all() and np.isfinite(grips).all()):
        raise DatasetError(
            f"{dataset.path} holds grasps that are not finite; `graspgen check {dataset.path}` names them"
        )
    owner = np.searchsorted(dataset.objects["id"], dataset.grasps["object"][rows])
    new = np.zeros(len(rows), np.uint8)
    steps, start = 0, time.perf_counter()
    for number in np.unique(owner):
        thing = {name: column[0] for name, column in dataset.objects.rows(np.array([number])).items()}
        mine = np.flatnonzero(owner == number)
        results = try_asset(
            replace(assets.asset(int(thing["asset"])).scaled(float(thing["scale"][0])), com=thing["com"]),
            gripper,
            profile,
            poses[mine],
            widths[mine],
            grip_width=grips[mine],
            fingers=unpacked(dataset.grasps["fingers"][rows[mine]]) if gripper.fingered else None,
            mass=float(thing["mass"]),
            inertia=thing["inertia"],
            friction=thing["friction"],
            force=spec.force,
            approach=spec.approach,
            graded=False,
            threads=threads if threads > 0 else len(os.sched_getaffinity(0)),
        )
        new[mine] = results.outcome
        steps += int(results.steps.sum())
    seconds = time.perf_counter() - start
    old = outcomes[rows]
    keys = dataset.grasps["id"][rows]
    return Agreement(
        f"{dataset.profiles['name'][0]} {dataset.profiles['version'][0]}",
        f"{profile.name} {profile.version}",
        seed,
        tuple(
            OutcomeAgreement(
                Outcome(int(code)),
                int((outcomes == code).sum()),
                {Outcome(o): n for o, n in sorted(Counter(new[old == code].tolist()).items())},
            )
            for code in np.unique(outcomes[tried])
        ),
        {int(key): Outcome(int(code)) for key, code in zip(keys[new != old], new[new != old], strict=True)},
        tuple(version_notes(dataset)) + tuple(_profile_notes(dataset, profile)),
        steps,
        seconds,
    )


def _profile_notes(dataset: Dataset, profile: Profile) -> list[str]:
    name, options = str(dataset.profiles["name"][0]), str(dataset.profiles["options"][0])
    if profile.name != name:
        return []
    written, now = json.loads(options), json.loads(profile.options_json())
    differ = sorted(key for key in {*written, *now} if written.get(key) != now.get(key))
    return [f"the profile '{name}' differs from the one that the dataset was made with: {', '.join(differ)}"] * bool(
        differ
    )


def _simulated(rows: Sequence[OutcomeAgreement]) -> list[OutcomeAgreement]:
    return [row for row in rows if row.outcome != Outcome.HITS_TARGET]


def _weighted(rows: Sequence[OutcomeAgreement], success: bool = False) -> float:
    """Share that agrees, about success or about the whole outcome, with each row as heavy as the dataset has it."""
    rows = [row for row in rows if row.tried]
    same = [(row.same_success if success else row.agree) / row.tried * row.stored for row in rows]
    return sum(same) / (sum(row.stored for row in rows) or np.nan)


def _number(share: float) -> float | None:
    return None if np.isnan(share) else share
