"""A dataset with a depth sensor: sound, replayed, read back; faults are named; recipes say what is wrong with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

import graspgen
from graspgen.dataset.check import check
from graspgen.errors import RecipeError
from graspgen.pipeline.overlay_sheet import overlay_tiles
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.recipe import Recipe
from graspgen.recipe_file import load_recipe
from graspgen.scene.draw_views import draw_views

SHARD = "shards/shard-00000.h5"
VIEWS = {"width": 96, "height": 72, "per_scene": 2}
SENSOR = {"profile": "realsense_d435", "scale_bias": {"uniform": [0.98, 1.02]}, "dropout": {"uniform": [0.005, 0.02]}}


def recipe_of(**views) -> Recipe:
    return Recipe(
        task="sensed",
        objects={"families": {"choice": ["mug", "glass", "wrench"]}, "pool": 20},
        scene={"objects": {"count": 3}},
        views=VIEWS | views,
        grasps={"per_object": 0},
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sensed") / "data"
    generate(recipe_of(sensor=SENSOR), folder, 2, 3, 1, quiet=True)
    return folder


def test_it_is_sound_and_made_again_bit_by_bit(made):
    assert [str(v) for v in check(made)] == []
    assert replay(made, 1).identical


def test_clean_depth_is_kept_beside_the_sensors_and_every_draw_is_stored(made):
    with graspgen.open(made) as ds:
        values = [json.loads(text) for text in ds.views["sensor_values"]]
        assert list(ds.views["sensor"]) == ["realsense_d435"] * 4
        assert len({v["scale_bias"] for v in values}) == 4 and len({v["noise_seed"] for v in values}) == 4
        for view, drawn in enumerate(values):
            clean, found, why = ds.depth(view), ds.depth_sensor(view), ds.depth_reason(view)
            assert (found[why == 0] > 0).all() and not found[why > 0].any() and (clean > 0).any()
            ratio = found[why == 0] / clean[why == 0]
            assert np.median(ratio) == pytest.approx(drawn["scale_bias"], abs=0.002)
        assert ds.views.enum("depth_reason")["SHADOW"] == 2
        both = ds.points(0), ds.points(0, sensor=True)
        assert np.isnan(both[1]).any(axis=-1).sum() == (ds.depth_reason(0) > 0).sum()
        assert any("sensor" in caption for caption in overlay_tiles(ds, 0))


@pytest.mark.parametrize(
    "column, change, said",
    [
        ("depth_sensor", lambda a: a + np.where(a > 0, 1000, 0).astype(a.dtype), "further from the clean depth"),
        ("depth_sensor", lambda a: a + (a > 0).astype(a.dtype), "no multiple of the sensor's 0.001 m"),
        ("depth_sensor", lambda a: np.roll(a, 7, axis=-1), "a reason for having none"),
        ("depth_reason", lambda a: np.where(a > 0, 4, a).astype(a.dtype), "differ from what plan, depth"),
    ],
)
def test_a_change_is_named(made, tmp_path, column, change, said):
    copy = tmp_path / "data"
    shutil.copytree(made, copy)
    with h5py.File(copy / SHARD, "r+") as file:
        file[f"views/{column}"][...] = change(file[f"views/{column}"][()])
    told = [str(v) for v in check(copy)]
    assert any(said in text for text in told), told


def test_without_a_sensor_there_is_no_column_and_a_line_says_how_to_get_one(tmp_path):
    generate(recipe_of(), tmp_path / "data", 1, 3, 1, quiet=True)
    with graspgen.open(tmp_path / "data") as ds:
        assert "depth_sensor" not in ds.views and list(ds.views["sensor"]) == ["ideal", "ideal"]
        with pytest.raises(KeyError, match=r"views\.sensor"):
            ds.depth_sensor(0)


def test_a_sensor_moves_no_other_draw():
    plain, sensed = (draw_views(r, 3, (0, 0)) for r in (recipe_of(), recipe_of(sensor=SENSOR)))
    assert [v.model_copy(update={"sensor": None}) for v in sensed] == list(plain)


def test_both_of_a_stereo_pair_are_one_device():
    pair = [{"kind": "shell", "name": "a", "baseline": 0.05}]
    left, right = draw_views(recipe_of(sensor=SENSOR, cameras=pair), 3, (0, 0))
    assert left.sensor.scale_bias == right.sensor.scale_bias and left.sensor.noise_seed != right.sensor.noise_seed


def test_views_may_have_the_sensors_own_camera():
    views = Recipe(task="own", views={"sensor": {"profile": "realsense_d435", "own_camera": True}}).views
    assert (views.width, views.height, views.K[0][0], views.K[0][2]) == (848, 480, 430.1, 424)
    small = Recipe(task="own", views={"width": 424, "sensor": {"profile": "realsense_d435", "own_camera": True}}).views
    assert (small.width, small.height, small.K[0][0], small.K[1][1]) == (424, 480, 215.05, 430.1)
    assert Recipe.model_validate(small and {"task": "own", "views": small.model_dump(mode="json")}).views == small


def test_a_name_alone_is_short_for_a_profile_and_keeps_a_presets_ranges():
    recipe = load_recipe("tabletop", ["render.preset=dr", "views.sensor=kinect_v1", "views.sensor.dropout=0.1"])
    assert recipe.views.sensor.profile.options == ("kinect_v1",) and recipe.views.sensor.dropout.values == (0.1,)
    assert recipe.views.sensor.grazing_deg.support == (78, 85)


def test_a_profile_of_ones_own_is_read_once_and_kept_in_the_recipe(tmp_path):
    (tmp_path / "mine.yaml").write_text("version: 3\nunit: 0.002\nrange: [0.2, 2]\n", encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text("task: own\nviews: {sensor: mine.yaml}\n", encoding="utf-8")
    recipe = load_recipe(str(tmp_path / "recipe.yaml"))
    (tmp_path / "mine.yaml").unlink()
    again = Recipe.model_validate(recipe.model_dump(mode="json"))
    assert again == recipe
    sensor = draw_views(again, 0, (0, 0))[0].sensor
    assert (sensor.profile, sensor.version, sensor.unit, sensor.range) == ("mine", 3, 0.002, (0.2, 2))


@pytest.mark.parametrize(
    "sensor, said",
    [
        ("realsense_d436", "did you mean 'realsense_d435'"),
        ("{choice: [off, kinect_v1]}", "take 'ideal' in place of 'off'"),
        ("{profile: {choice: ['off', kinect_v1]}}", "take 'ideal' in place of 'off'"),
        ("{own_camera: true}", "needs one profile"),
        ("{profile: ideal, own_camera: true}", "no images of its own"),
        ("{profile: kinect_v1, dropout: 2}", "allowed range"),
        ("bad.yaml", "cannot be read"),
        ("far.yaml", "5 m is not below 2 m"),
        ("step.yaml", "no multiple of 0.0001 m"),
        ("half.yaml", "need both baseline and fx"),
    ],
)
def test_a_sensor_that_cannot_be_is_refused_in_one_line(tmp_path, sensor, said):
    files = {"far": "range: [5, 2]", "step": "unit: 0.00015", "half": "disparity_noise: 0.1"}
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(f"version: 1\n{text}\n", encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(f"task: own\nviews:\n  sensor: {sensor}\n", encoding="utf-8")
    with pytest.raises(RecipeError) as error:
        load_recipe(str(tmp_path / "recipe.yaml"))
    assert said in str(error.value) and "\n" not in str(error.value), str(error.value)
