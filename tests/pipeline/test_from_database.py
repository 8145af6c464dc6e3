"""Grasps of a scene from a database: what was stored, or one clear error."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from grasp_databases import SPEC, make, procedural

import graspgen
from graspgen.dataset.check import check
from graspgen.errors import DatasetError
from graspgen.grasps.label import LabelledGrasps
from graspgen.grasps.outcomes import Outcome, Sampler
from graspgen.grasps.profile import load_profile
from graspgen.grippers.gripper import load_gripper
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.pipeline.from_database import from_database, open_database
from graspgen.pipeline.grasp_tables import trial_rows
from graspgen.pipeline.object_labels import ROLLING, TORSIONAL
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe

GRIPPER, PROFILE = load_gripper("panda_hand"), load_profile("standard")
ASSET = ProceduralCatalogue(procedural(), 3).asset(1)
AS_STORED = {"scale": 1.0, "mass": ASSET.density * ASSET.volume, "friction": (ASSET.friction, TORSIONAL, ROLLING)}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    out = tmp_path_factory.mktemp("database") / "grasps.h5"
    make(out, cache=False)
    return out


@pytest.fixture(scope="module")
def database(path):
    return open_database(path, GRIPPER, PROFILE, SPEC)


def take(database, count=6, seed=0, asset=ASSET, **kw) -> LabelledGrasps:
    return from_database(database, asset, count, rng=np.random.default_rng(seed), **(AS_STORED | kw))


def test_stored_grasps_come_with_their_labels_and_draws(path, database):
    labelled = take(database, count=SPEC.per_object)
    with graspgen.open(path) as d:
        stored = d.grasps_of(1)
        mine = stored["sampler"] != Sampler.PERTURBED
        assert len(labelled.candidates) == mine.sum() == SPEC.per_object
        np.testing.assert_array_equal(labelled.candidates.T_object_grasp, stored["T_object_grasp"][mine])
        np.testing.assert_array_equal(labelled.results.outcome, stored["outcome"][mine])
        np.testing.assert_array_equal(labelled.success_rate, stored["success_rate"][mine])
        hit = labelled.results.outcome == Outcome.HITS_TARGET
        np.testing.assert_array_equal(labelled.results.target_on_approach < 0, hit)
        # Written again, the rows are those that were read.
        keys = stored["id"][mine]
        rows = trial_rows(labelled, keys, friction=ASSET.friction, mass=AS_STORED["mass"])
        trials = d.trials.rows(np.isin(d.trials["grasp"], keys))
        for name, values in rows.items():
            np.testing.assert_array_equal(values, trials[name], err_msg=name)


def test_a_draw_is_a_function_of_its_stream_and_repeats_no_grasp(database):
    a, b, c = take(database, seed=1), take(database, seed=1), take(database, seed=2)
    assert len(a.candidates) == 6
    np.testing.assert_array_equal(a.candidates.T_object_grasp, b.candidates.T_object_grasp)
    assert (a.candidates.T_object_grasp != c.candidates.T_object_grasp).any()
    assert len(np.unique(a.candidates.T_object_grasp.reshape(6, -1), axis=0)) == 6
    held = np.flatnonzero(a.results.success)
    np.testing.assert_array_equal(a.draws.grasp, np.repeat(held, SPEC.draws))
    for index in held:
        rate = a.draws.results.success[a.draws.grasp == index].mean()
        assert a.success_rate[index] == pytest.approx(rate, abs=1e-6)


def test_an_object_that_offers_fewer_gives_what_it_has(database):
    assert len(take(database, count=10_000).candidates) == SPEC.per_object
    assert len(take(database, count=0).candidates) == 0


MISFITS = [
    ({"asset": dataclasses.replace(ASSET, friction=0.9)}, "does not hold the object"),
    ({"scale": 0.5}, "at their own size"),
    ({"mass": 2 * AS_STORED["mass"]}, "another mass, kg"),
    ({"friction": (0.1, TORSIONAL, ROLLING)}, "another sliding friction"),
    ({"friction": (ASSET.friction, 0.05, ROLLING)}, "another torsional friction, m"),
]


@pytest.mark.parametrize(("wrong", "told"), MISFITS)
def test_an_object_that_is_not_the_stored_one_is_refused(database, wrong, told):
    with pytest.raises(DatasetError, match=told) as caught:
        take(database, **wrong)
    assert "\n" not in str(caught.value)


def test_a_database_of_other_trials_is_refused(path, tmp_path):
    file = GRIPPER.file.model_copy(update={"max_force": 40.0})
    protocol = PROFILE.protocol.model_copy(update={"hold": 0.2})
    misfits = [
        (dataclasses.replace(GRIPPER, file=file), PROFILE, SPEC, "another version of this gripper"),
        (GRIPPER, PROFILE.model_copy(update={"protocol": protocol}), SPEC, "was made with the profile standard"),
        (GRIPPER, PROFILE, SPEC.model_copy(update={"force": 5.0}), "grasps.force none, the recipe's is 5"),
        (GRIPPER, PROFILE, SPEC.model_copy(update={"approach": 0.1}), "grasps.approach 0.05, the recipe's is 0.1"),
        (GRIPPER, PROFILE, SPEC.model_copy(update={"per_object": 99}), "holds 10 grasps an object"),
    ]
    for gripper, profile, spec, told in misfits:
        with pytest.raises(DatasetError, match=told):
            open_database(path, gripper, profile, spec)
    with pytest.raises(DatasetError, match="does not exist"):
        open_database(tmp_path / "nowhere.h5", GRIPPER, PROFILE, SPEC)


def test_a_dataset_whose_grasps_come_from_a_database_is_checked_and_replayed(path, tiny, tmp_path):
    out = tmp_path / "out"
    own = [
        f"objects.library={path.with_suffix('.objects')}",
        "objects.scale=1",
        f"grasps.database={path}",
        "grasps.per_object=5",
    ]
    generate(load_recipe("tabletop", [*tiny, *own]), out, scenes=2, seed=1, quiet=True)
    assert check(out) == []
    assert replay(out, 1).identical
    with graspgen.open(out) as d, graspgen.open(path) as database:
        assert len(d.grasps) == 5 * len(d.objects)
        stored = {T.tobytes() for T in database.grasps["T_object_grasp"]}
        assert all(T.tobytes() in stored for T in d.grasps["T_object_grasp"])
