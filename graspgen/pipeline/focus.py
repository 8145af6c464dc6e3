"""Focus a recipe: draw more often from the parts of its ranges where labels are uncertain, or where a model fails.

The density of a range in bin b is E[score in b] / E[score]: of all densities that treat the ranges independently, it
is the nearest, by cross-entropy, to the best one for estimating the mean score by importance sampling (Rubinstein &
Kroese, The Cross-Entropy Method, 2004, §3.3). A mixture with the recipe as it is bounds the weights.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from graspgen.dataset.create import differences
from graspgen.dataset.manifest import load_manifest
from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.errors import DatasetError, RecipeError
from graspgen.frames import Array
from graspgen.grasps.outcomes import Outcome
from graspgen.pipeline.focus_knobs import FocusKnob, bin_shares, knobs_of
from graspgen.pipeline.levers import value_of
from graspgen.recipe import Focus, Recipe

#: What a score can be of.
LEVELS = ("scene", "view", "grasp")
#: Bins of a range; ranges at most; how sure it must be that scores depend on one; what a bin's mean is held back by.
_BINS, _MOST, _SURE, _PRIOR = 8, 4, 0.01, 4.0
_CHANGES = 20


@dataclass(frozen=True, eq=False)
class Scores:
    """How much to look at scenes, views or grasps of a dataset, as `of` says: their (n,) keys, and (n,) values >= 0."""

    of: str
    keys: Array
    values: Array
    digest: str = ""


def focused_on(recipe: Recipe, scores: str | Path, source: str | Path | None = None, *, keep: float = 0.3) -> Recipe:
    """Return the recipe with the focus that scores of a dataset ask for.

    Args:
        recipe: what is to be made.
        scores: a CSV of scores, or a dataset, whose own labels say where they are uncertain.
        source: the dataset that the CSV is about.
        keep: share of the scenes that is drawn as without a focus.

    Raises:
        RecipeError: the file is not such a CSV, names what the dataset does not have, or no range matters for it.
        DatasetError: there is no such dataset, or it is damaged.
    """
    folder = Path(source if source is not None else scores)
    if source is None and Path(scores).is_file():
        raise RecipeError(f"--focus {scores} needs the dataset that it is about: give --source DATASET")
    if source is not None and not Path(scores).is_file():
        raise RecipeError(f"--focus {scores}: there is no such file; give a CSV of scores")
    with open_dataset(folder) as dataset:
        given = uncertainty(dataset) if source is None else read_scores(Path(scores), dataset)
        density = densities(recipe, dataset, given)
        old, new = ({k: v for k, v in r.items() if k != "focus"} for r in (dict(dataset.recipe), plain(recipe)))
        focus = Focus(
            keep=keep,
            density=density,
            scores=given.digest,
            source=load_manifest(dataset.path).content_hash,
            changes=tuple(differences(old, new, "recipe")[:_CHANGES]),
        )
    return recipe.model_copy(update={"focus": focus})


def plain(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as a manifest holds it."""
    return json.loads(recipe.model_dump_json())


def read_scores(path: Path, dataset: Dataset) -> Scores:
    """Read a CSV with a column `score` and one of `scene`, `view`, `grasp`, which holds keys of the dataset.

    Raises:
        RecipeError: columns, numbers or keys are wrong; the message names the line.
    """
    try:
        data = path.read_bytes()
        rows = list(csv.DictReader(data.decode("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecipeError(f"{path} cannot be read as CSV: {error}") from None
    names = [name.strip() for name in rows[0] if name] if rows else []
    levels = [name for name in names if name in LEVELS]
    if len(levels) != 1 or "score" not in names:
        raise RecipeError(
            f"{path}: expected a header with 'score' and one of {', '.join(LEVELS)}; "
            f"got {', '.join(names) or 'nothing'}"
        )
    keys, values = [], []
    for number, row in enumerate(rows, 2):
        told = {name.strip(): text for name, text in row.items() if name}
        try:
            keys.append(int(str(told[levels[0]])))
            values.append(float(str(told["score"])))
        except ValueError:
            raise RecipeError(f"{path}:{number}: expected a whole {levels[0]} and a number, got {told}") from None
        if not (math.isfinite(values[-1]) and values[-1] >= 0):
            raise RecipeError(f"{path}:{number}: a score must be a finite number >= 0, got {told['score']}")
    known = _keys(dataset, levels[0])
    strange = np.flatnonzero(~np.isin(keys, known))
    if len(strange):
        raise RecipeError(
            f"{path}:{strange[0] + 2}: {dataset.path} has no {levels[0]} {keys[strange[0]]}"
            + (f" ({len(strange)} such lines)" if len(strange) > 1 else "")
        )
    if not any(values):
        raise RecipeError(f"{path}: all scores are 0; there is nothing to focus on")
    return Scores(levels[0], np.array(keys), np.array(values, float), hashlib.sha256(data).hexdigest())


def uncertainty(dataset: Dataset) -> Scores:
    """Return 4 p (1 − p) of every grasp that was tried more than once, p being the share of its trials that held.

    A half more success and failure is counted, so a few trials alike are not taken for certainty (Jeffreys' prior).

    Raises:
        RecipeError: no grasp was tried more than once.
    """
    trials, grasps = dataset.trials, dataset.grasps["id"]
    judged = ~np.isin(trials["outcome"], [Outcome.NOT_TRIED, Outcome.UNSTABLE])
    row = np.searchsorted(grasps, trials["grasp"][judged])
    n = np.bincount(row, minlength=len(grasps))
    held = np.bincount(row, weights=trials["outcome"][judged] == Outcome.SUCCESS, minlength=len(grasps))
    several = n > 1
    if not several.any():
        raise RecipeError(
            f"{dataset.path}: no grasp was tried more than once, so its labels say nothing of how sure they are; "
            "make it with grasps.draws or grasps.in_scene, or give a CSV of scores"
        )
    p = (held[several] + 0.5) / (n[several] + 1)
    return Scores("grasp", grasps[several], 4 * p * (1 - p))


def _keys(dataset: Dataset, level: str) -> Array:
    return {"scene": dataset.scenes["index"], "view": dataset.views["id"], "grasp": dataset.grasps["id"]}[level]


def densities(recipe: Recipe, dataset: Dataset, scores: Scores) -> dict[str, tuple[float, ...]]:
    """Return the densities of the ranges that scores depend on most, at most four: key → density of each bin.

    Raises:
        RecipeError: they depend on none of them for sure.
    """
    samples = _samples(knobs_of(recipe), dataset, scores)
    found: list[tuple[float, str, tuple[float, ...]]] = []
    for knob, (values, means, weights) in samples.items():
        range_ = value_of(recipe, knob.key)
        shares = bin_shares(range_, values, _BINS)
        inside = shares.any(axis=1)
        if inside.sum() < 2 * _BINS:
            continue
        shares, y, w = shares[inside], means[inside], weights[inside]
        in_bin = shares.argmax(axis=1)
        groups = [y[in_bin == b] for b in range(_BINS) if (in_bin == b).sum() > 1]
        if len(groups) < 2 or np.ptp(y) == 0:
            continue
        p = float(stats.kruskal(*groups).pvalue)
        mean = float(np.average(y, weights=w))
        each = (shares.T @ (w * y) + _PRIOR * mean) / (shares.T @ w + _PRIOR)
        found.append((p, knob.key, tuple((each / each.mean()).tolist())))
    sure = sorted(entry for entry in found if entry[0] < _SURE / max(len(found), 1))[:_MOST]
    if not sure:
        told = ", ".join(knob.key for knob in samples) or "none of its ranges can be"
        raise RecipeError(
            f"the scores depend for sure on no range of the recipe that can be focused on (tried: {told}); "
            "give more scores, or widen the ranges that matter"
        )
    return {key: density for _, key, density in sorted(sure, key=lambda entry: entry[1])}


def _samples(
    knobs: Sequence[FocusKnob], dataset: Dataset, scores: Scores
) -> Mapping[FocusKnob, tuple[Array, Array, Array]]:
    """Return, of each range, what was drawn from it, the mean score of what came of each draw, and its weight."""
    bits = {"scene": 0, "view": 16, "grasp": 32}[scores.of]
    scenes = scores.keys >> bits
    owner = np.zeros(len(scenes), int)  # number of the view, or instance id of the object, in the scene
    if scores.of == "view":
        owner = scores.keys & 0xFFFF
    elif scores.of == "grasp":
        owner = dataset.grasps["object"][np.searchsorted(dataset.grasps["id"], scores.keys)] & 0xFFFF
    weight = dataset.scenes["weight"] if "weight" in dataset.scenes.columns else np.ones(len(dataset.scenes))
    rows: dict[FocusKnob, list[tuple[float, float, float]]] = {knob: [] for knob in knobs}
    order = np.argsort(scenes, kind="stable")
    starts = np.flatnonzero(np.diff(scenes[order], prepend=-1))
    for group in np.split(order, starts[1:]):
        at = int(np.searchsorted(dataset.scenes["index"], scenes[group[0]]))
        try:
            plan = json.loads(str(dataset.scenes["plan"][at]))
            for knob in knobs:
                for draw, chosen in _draws(knob, plan, scores.of, owner[group]):
                    mean = float(scores.values[group][chosen].mean())
                    rows[knob].append((float(knob.value(draw)), mean, float(weight[at])))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise DatasetError(f"the plan of scene {scenes[group[0]]} is damaged: {error}") from None
    arrays = {knob: np.array(found, float).reshape(-1, 3).T for knob, found in rows.items() if found}
    return {knob: (v[~np.isnan(v)], m[~np.isnan(v)], w[~np.isnan(v)]) for knob, (v, m, w) in arrays.items()}


def _draws(knob: FocusKnob, plan: Mapping[str, Any], of: str, owner: Array) -> list[tuple[Mapping[str, Any], Array]]:
    """Return what was drawn from a range in a scene, and which of the scene's scores are about it."""
    everything = np.ones(len(owner), bool)
    if knob.level == "scene":
        return [(plan, everything)]
    if knob.level == "view":
        if of == "grasp":
            return []  # a trial sees nothing
        views = enumerate(plan["views"])
        found = [(view, owner == number if of == "view" else everything) for number, view in views]
    else:
        targets = [o for o in plan["objects"] if o.get("role", "target") == "target"]
        found = [(o, owner == o["instance_id"] if of == "grasp" else everything) for o in targets]
    return [(draw, chosen) for draw, chosen in found if chosen.any()]
