"""Runs with quotas: counted from rows, replayable, and the same however they came about."""

from __future__ import annotations

import json

import pytest

import graspgen
from graspgen.dataset.check import check
from graspgen.dataset.manifest import load_manifest
from graspgen.errors import RecipeError
from graspgen.pipeline import units
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.pipeline.status import status
from graspgen.recipe_file import load_recipe

QUOTAS = ["quotas.round=2", "quotas.classes={sphere: 3}", "quotas.edge_cases={dark: 2}", "grasps.per_object=0",
          "grasps.in_scene.per_object=0"]  # fmt: skip


@pytest.fixture(scope="module")
def recipe(tiny):
    return load_recipe("tabletop", [*tiny, *QUOTAS])


@pytest.fixture(scope="module")
def whole(recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("quotas") / "whole"
    return generate(recipe, out, scenes=12, seed=7, quiet=True, preview=False), out


def test_a_run_ends_when_its_quotas_are_met_and_says_so(whole):
    made, out = whole
    manifest = load_manifest(out)
    assert manifest.complete and manifest.most == 12 and manifest.scenes < 12
    assert all(row.met for row in made.quotas)
    with graspgen.open(out) as dataset:
        names = dict(zip(dataset.assets["id"], dataset.assets["class_name"], strict=True))
        spheres = sum(names[key] == "sphere" for key in dataset.objects["asset"])
        dark = int((dataset.views["edge_cases"] & 1 > 0).sum())
        drawn = [json.loads(text)["levers"].get("edge_cases", "") for text in dataset.scenes["steering"]]
        assert drawn == list(dataset.scenes["edge_case"])
    assert {row.target: row.have for row in made.quotas} == {"classes.sphere": spheres, "edge_cases.dark": dark}
    assert status(out).quotas == tuple(made.quotas)


def test_a_steered_dataset_is_sound_and_its_scenes_can_be_made_again(whole):
    _, out = whole
    assert check(out) == []
    assert replay(out, 0).identical


def test_a_run_that_was_stopped_and_extended_is_the_same(whole, recipe, tmp_path, monkeypatch):
    real, made = units.make_scene, []

    def interrupted(*given):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(given)
        return real(*given)

    out = tmp_path / "out"
    monkeypatch.setattr(units, "make_scene", interrupted)
    assert generate(recipe, out, scenes=3, seed=7, quiet=True, preview=False).interrupted
    monkeypatch.setattr(units, "make_scene", real)
    short = generate(recipe, out, scenes=3, seed=7, quiet=True, preview=False)
    assert load_manifest(out).scenes == 3 and short.scenes <= 2
    generate(recipe, out, scenes=12, seed=7, quiet=True, preview=False, resume=True)
    assert load_manifest(out).hashes == load_manifest(whole[1]).hashes


@pytest.mark.slow
def test_two_workers_give_the_same_content_as_one(whole, recipe, tmp_path):
    generate(recipe, tmp_path / "two", scenes=12, seed=7, workers=2, quiet=True, preview=False)
    assert load_manifest(tmp_path / "two").hashes == load_manifest(whole[1]).hashes


def test_parts_and_quotas_exclude_each_other(recipe, tmp_path):
    with pytest.raises(RecipeError, match="exclude each other"):
        generate(recipe, tmp_path / "out", scenes=12, seed=7, quiet=True, part=(1, 2))
