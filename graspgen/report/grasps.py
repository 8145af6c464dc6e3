"""What a dataset's grasps came to: outcomes, success by sampler, and what the analytic scores knew of it beforehand.

Imports no MuJoCo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.reader import Dataset
from graspgen.grasps.outcomes import Outcome, Sampler
from graspgen.report.auc import roc_auc
from graspgen.report.in_scene import InScene, in_scene

#: The analytic scores, columns of `grasps`, and whether more of each is better.
SCORES: Mapping[str, bool] = {
    "antipodal_angle": False,
    "min_friction_analytic": False,
    "epsilon": True,
    "flatness": False,
    "patch": True,
    "seal": True,
    "resists_any": True,
    "resists_gravity": True,
}

#: Outcomes that say nothing about a grasp.
_SILENT = (Outcome.UNSTABLE, Outcome.NOT_TRIED)

#: Outcomes of grasps whose hand never reached the object.
_APPROACH = (Outcome.HITS_TARGET, Outcome.HITS_OBJECT, Outcome.HITS_SUPPORT)


@dataclass(frozen=True)
class Share:
    """How many of a group of grasps held.

    Attributes:
        name: of the group.
        grasps: how many there are.
        tried: of these, how many trials gave an outcome (all but unstable and not tried).
        reached: of these, how many got past the approach.
        held: of these, how many succeeded.
        outcomes: number of grasps by outcome.
    """

    name: str
    grasps: int
    tried: int
    reached: int
    held: int
    outcomes: Mapping[Outcome, int]


@dataclass(frozen=True)
class ScoreAuc:
    """How well a score foretells the outcome of the nominal free trial; NaN where nothing can be said.

    Attributes:
        name: the score's column.
        higher_is_better: its sense; an AUC above 0.5 means that it points the right way.
        n: grasps that have the score and whose trial got past the approach.
        auc: among these.
        auc_within: among these, of pairs of grasps of the same object: what the score knows beyond which object it is.
        n_all: grasps that have the score and were tried.
        auc_all: among these; grasps that never reached the object count as failures.
    """

    name: str
    higher_is_better: bool
    n: int
    auc: float
    auc_within: float
    n_all: int
    auc_all: float


@dataclass(frozen=True)
class GraspReport:
    """The report on a dataset's grasps.

    Attributes:
        total: all grasps.
        by_class: by the class of the object, sorted by name.
        by_sampler: by how they were proposed.
        scores: one for each of `SCORES`.
        in_scene: free-space against in-scene outcomes; None where no grasp was tried in its scene.
    """

    total: Share
    by_class: tuple[Share, ...]
    by_sampler: tuple[Share, ...]
    scores: tuple[ScoreAuc, ...]
    in_scene: InScene | None


def report_grasps(dataset: Dataset) -> GraspReport:
    """Count the outcomes of the grasps' free trials and compare them with the analytic scores."""
    grasps = dataset.grasps
    outcome = grasps["outcome"]
    asset = grasps["object"]  # in a database of single objects
    if len(dataset.objects):
        asset = dataset.objects["asset"][np.searchsorted(dataset.objects["id"], grasps["object"])]
    assets = np.searchsorted(dataset.assets["id"], asset)
    classes = dataset.assets["class_name"][assets].astype(str)
    samplers = np.array([Sampler(int(code)).name.lower() for code in grasps["sampler"]], str)
    columns = {name: grasps[name] for name in SCORES}
    return GraspReport(
        _share("all", outcome),
        tuple(_share(str(name), outcome[classes == name]) for name in np.unique(classes)),
        tuple(_share(str(name), outcome[samplers == name]) for name in np.unique(samplers)),
        score_aucs(columns, outcome, grasps["object"]),
        in_scene(outcome, grasps["outcome_in_scene"], grasps["collision"]),
    )


def score_aucs(
    columns: Mapping[str, NDArray[np.floating]], outcome: NDArray[np.uint8], owner: NDArray[np.int64]
) -> tuple[ScoreAuc, ...]:
    """Compare each of `SCORES` with the (n,) outcomes.

    Args:
        columns: (n,) scores by name; NaN where a grasp has none. A score that is missing is NaN throughout.
        outcome: (n,) `Outcome`.
        owner: (n,) key of the object that each grasps.
    """
    tried = ~np.isin(outcome, _SILENT)
    reached = tried & ~np.isin(outcome, _APPROACH)
    held = outcome == Outcome.SUCCESS
    found = []
    for name, higher in SCORES.items():
        values = columns.get(name, np.full(len(outcome), np.nan))
        score = values if higher else -values
        known = ~np.isnan(score)
        near, all_ = reached & known, tried & known
        found.append(
            ScoreAuc(
                name=name,
                higher_is_better=higher,
                n=int(near.sum()),
                auc=roc_auc(score[near], held[near]),
                auc_within=roc_auc(score[near], held[near], owner[near]),
                n_all=int(all_.sum()),
                auc_all=roc_auc(score[all_], held[all_]),
            )
        )
    return tuple(found)


def _share(name: str, outcome: NDArray[np.uint8]) -> Share:
    codes, numbers = np.unique(outcome, return_counts=True)
    counts = {Outcome(int(code)): int(number) for code, number in zip(codes, numbers, strict=True)}
    tried = len(outcome) - sum(counts.get(code, 0) for code in _SILENT)
    reached = tried - sum(counts.get(code, 0) for code in _APPROACH)
    return Share(name, len(outcome), tried, reached, counts.get(Outcome.SUCCESS, 0), counts)
