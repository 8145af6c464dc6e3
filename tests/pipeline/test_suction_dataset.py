"""A dataset of suction grasps is sound, the same when made again, and its scores are derived again by check."""

import shutil

import h5py
import numpy as np
import pytest

import graspgen
from graspgen.dataset.check import check
from graspgen.dataset.schema import TrialKind
from graspgen.grasps.outcomes import Outcome, Sampler
from graspgen.pipeline.check_hands import check_hands
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe

SUCTION = ["objects.families=carton", "scene.objects.count=1", "grasps.per_object=16", "grasps.in_scene.per_object=4"]


@pytest.fixture(scope="module", params=["suction_cup", "suction_array"])
def made(request, tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("suction") / request.param
    generate(load_recipe("tabletop", [*tiny, *SUCTION, f"gripper={request.param}"]), out, scenes=1, seed=3, quiet=True)
    return out


def test_it_is_sound_and_made_again_identical(made):
    assert check(made) == [] and check_hands(made) == []
    assert replay(made, 0).identical


def test_seal_wrench_and_outcome_fit_each_other(made):
    with graspgen.open(made) as ds:
        g, t = ds.grasps, ds.trials
        tried = ~np.isin(g["outcome"], (Outcome.HITS_TARGET, Outcome.NO_CONTACT))
        np.testing.assert_array_equal(g["cups"] > 0, g["seal"] > 0)
        assert (g["outcome"][tried & (g["seal"] == 0)] == Outcome.NO_SEAL).all()
        assert (g["seal"][g["sampler"] == Sampler.SURFACE_SEALED] > 0).all() and (g["width"] == 0).all()
        assert (g["resists_gravity"] >= g["resists_any"] * 0.97).all()  # the worst is looked for among 256 directions
        held = g["outcome"] == Outcome.SUCCESS
        assert held.any() and g["resists_any"][held].min() > 0.9
        assert (t["kind"] == TrialKind.IN_SCENE).sum() == 4


@pytest.mark.parametrize("column", ["seal", "cups", "resists_any", "resists_gravity", "contacts"])
def test_a_wrong_score_is_noticed(made, tmp_path, column):
    folder = tmp_path / "wrong"
    shutil.copytree(made, folder)
    (shard,) = folder.glob("shards/*.h5")
    with h5py.File(shard, "r+") as file:
        row = int(np.flatnonzero(file["grasps/seal"][()] > 0)[0])
        value = file[f"grasps/{column}"][row]
        file[f"grasps/{column}"][row] = 0.6 * value + 0.3 if column != "cups" else value ^ 1
    assert any(v.column == column or (column == "cups" and v.column == "seal") for v in check(folder))
