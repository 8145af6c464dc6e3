from __future__ import annotations

import hashlib
import json
import re
import shutil

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import graspgen
from graspgen.cli.main import app
from graspgen.errors import DatasetError, ObjectError, RecipeError
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import list_profiles, load_profile
from graspgen.paths import data_dir
from graspgen.pipeline.relabel import Agreement, RelabelError, relabel, stratified
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe

SMALL = ["views.per_scene=1", "views.width=64", "views.height=48", "render.shadow_size=64"]
FREE_ONLY = ["grasps.draws=0", "grasps.min_friction=false"]


@pytest.fixture(scope="module")
def slippery(tmp_path_factory):
    """Two scenes of objects so slippery that grasps fail in several ways, labelled with a gripper of the user's own."""
    out = tmp_path_factory.mktemp("slippery")
    for file in (data_dir("models") / "grippers").glob("panda_hand.*"):
        text = file.read_text()
        if file.suffix == ".yaml":
            text = re.sub(r"(?m)^max_force:.*$", "max_force: 12", re.sub(r"(?m)^force:.*$", "force: 11", text))
        (out / file.name).write_text(text)
    sets = [
        f"gripper={out / 'panda_hand.yaml'}",
        "grasps.per_object=24",
        "grasps.force=9",
        "scene.objects.count=2",
        "objects.scale={uniform: [0.8, 1.2]}",
        "objects.density=2000",
        "objects.com_offset={uniform: [-0.2, 0.2]}",
        "objects.inertia_scale={uniform: [0.7, 1.3]}",
        "objects.friction={uniform: [0.1, 0.4]}",
        "objects.families={choice: [box, mug, hammer]}",
    ]
    generate(load_recipe("tabletop", [*SMALL, *FREE_ONLY, *sets]), out / "dataset", scenes=2, seed=3, quiet=True)
    # The dataset holds what it needs.
    for file in out.glob("panda_hand.*"):
        file.unlink()
    return out / "dataset"


def contents(folder):
    return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_datasets_own_profile_agrees_about_every_grasp(slippery):
    found = relabel(slippery, "standard", sample=10_000)
    with graspgen.open(slippery) as dataset:
        outcomes = dataset.grasps["outcome"]
    assert found.tried == len(outcomes) == 96
    assert {row.outcome: row.stored for row in found.rows} == {
        Outcome(int(c)): int(n) for c, n in zip(*np.unique(outcomes, return_counts=True), strict=True)
    }
    assert len(found.rows) >= 4
    assert found.agree == found.tried
    assert found.weighted == found.weighted_simulated == 1
    assert not found.changed
    assert not found.notes


def test_replay_needs_nothing_but_the_dataset_either(slippery):
    assert replay(slippery, 1).identical


def test_the_same_seed_takes_the_same_grasps_at_any_number_of_threads_and_changes_no_file(slippery):
    before = contents(slippery)
    first = relabel(slippery, "strict", sample=24, seed=5, threads=1)
    assert first == relabel(slippery, "strict", sample=24, seed=5, threads=2)
    assert first.tried == 24
    assert all(row.tried for row in first.rows)
    assert contents(slippery) == before


def test_what_changed_is_named_and_counted(slippery):
    softer = load_profile("standard")
    judged = softer.protocol.model_copy(update={"max_drift": 1e-7, "max_rotation_deg": 1e-7})
    found = relabel(slippery, softer.model_copy(update={"protocol": judged}), sample=96)
    row = next(r for r in found.rows if r.outcome == Outcome.SUCCESS)
    assert row.agree == 0
    assert row.became and set(row.became) <= {Outcome.SLIPPED, Outcome.ROTATED}
    hits = next(r for r in found.rows if r.outcome == Outcome.HITS_TARGET)
    assert hits.agree == hits.tried == hits.stored
    assert len(found.changed) == found.tried - found.agree
    assert found.weighted == pytest.approx(found.agree / found.tried)  # all were taken
    assert found.weighted_simulated < found.weighted
    assert found.weighted_success == pytest.approx(1 - row.tried / found.tried)
    assert "differs from the one that the dataset was made with: protocol" in found.notes[0]
    written = json.loads(found.to_json())
    assert written["outcomes"]["SUCCESS"]["agree"] == 0
    assert len(written["changed"]) == len(found.changed)
    with graspgen.open(slippery) as dataset:
        for key, code in found.changed.items():
            assert dataset.grasps["outcome"][dataset.grasps.index_of(key)] != code


@given(st.lists(st.integers(0, 5), min_size=1, max_size=80), st.integers(1, 100), st.integers(0, 2**32))
def test_a_sample_holds_every_code_alike_while_they_last(codes, sample, seed):
    codes = np.array(codes, np.uint8)
    rows = stratified(codes, sample, np.random.default_rng(seed))
    assert len(rows) == min(sample, len(codes))
    assert (np.diff(rows) > 0).all()
    present, stored = np.unique(codes, return_counts=True)
    taken = np.array([(codes[rows] == code).sum() for code in present])
    # Whoever got fewer than another had no more to give; a remainder is at most one each.
    assert all(a >= taken.max() - 1 or a == n for a, n in zip(taken, stored, strict=True))
    if sample >= len(present):
        assert taken.min() >= 1
    assert (rows == stratified(codes, sample, np.random.default_rng(seed))).all()


def test_profiles_judge_alike_and_differ_in_the_simulation_only():
    standard, *others = (load_profile(name) for name in ["standard", *(set(list_profiles()) - {"standard"})])
    assert "strict" in list_profiles()
    for other in others:
        assert other.protocol == standard.protocol
        assert other.draws == standard.draws
        assert other.option.timestep < standard.option.timestep


def test_the_strict_profile_is_as_stiff_as_its_step_allows():
    strict = load_profile("strict")
    assert strict.contact.solref[0] == pytest.approx(2 * strict.option.timestep)


def refused(*words):
    result = CliRunner().invoke(app, ["relabel", *map(str, words)])
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def test_the_command_prints_a_row_for_each_outcome_and_writes_json(slippery, tmp_path):
    result = CliRunner().invoke(
        app, ["relabel", str(slippery), "--profile", "standard", "--sample", "12", "--json", str(tmp_path / "a.json")]
    )
    assert result.exit_code == 0, result.output
    for word in ("success", "hits target", "100.0 %", "steps"):
        assert word in result.stdout
    assert json.loads((tmp_path / "a.json").read_text())["share"] == 1


def test_bad_input_is_one_line(slippery, tmp_path):
    assert "did you mean 'strict'?" in refused(slippery, "--profile", "strickt")
    assert "does not exist" in refused(tmp_path / "nothing")
    assert "is no graspgen dataset" in refused(tmp_path)
    with pytest.raises(RecipeError, match="no physics profile"):
        relabel(slippery, "nothing")
    with pytest.raises(RelabelError, match="at least 1"):
        relabel(slippery, sample=0)


def test_a_dataset_without_grasps_is_one_line(tmp_path):
    recipe = load_recipe("single", [*SMALL, "grasps.per_object=0", "objects.families=box"])
    generate(recipe, tmp_path / "bare", scenes=1, quiet=True)
    assert "holds no grasps that were tried" in refused(tmp_path / "bare")


def test_an_object_that_is_gone_or_changed_is_one_line(slippery, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(slippery, copy)
    shutil.rmtree(copy / "objects")
    with pytest.raises(ObjectError, match=r"asset\.yaml"):
        relabel(copy, "standard", sample=5)


def test_a_damaged_gripper_is_one_line(slippery, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(slippery, copy)
    for shard in (copy / "shards").glob("*.h5"):
        with h5py.File(shard, "r+") as file:
            text = file["grippers/definition"].asstr()[0]
            file["grippers/definition"][0] = text.replace("0.08", "0.09")
        manifest = json.loads((copy / "dataset.json").read_text())
        for entry in manifest["shards"]:
            entry["bytes"] = (copy / entry["file"]).stat().st_size
        (copy / "dataset.json").write_text(json.dumps(manifest))
    with pytest.raises(DatasetError, match="definition of the gripper 'panda_hand' is damaged"):
        relabel(copy, "standard", sample=5)


def test_agreement_is_what_python_gets(slippery):
    with graspgen.open(slippery) as dataset:
        assert isinstance(relabel(dataset, "standard", 6), Agreement)
