"""Films of in-scene trials."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from box_scene import from_above
from PIL import Image
from typer.testing import CliRunner

import graspgen
from graspgen.cli.main import app
from graspgen.dataset.create import create_dataset
from graspgen.dataset.index import finalize
from graspgen.errors import DatasetError, GraspgenError, RenderError
from graspgen.frames import inverse, transform_points
from graspgen.grasps.outcomes import HAND_INSTANCE, Outcome
from graspgen.grasps.scene_record import record_trial
from graspgen.pipeline import video
from graspgen.pipeline.film import TILES, Film, check_target, write_film
from graspgen.pipeline.stored import stored_gripper, stored_profile
from graspgen.pipeline.stored_scene import stored_scene
from graspgen.pipeline.trial_images import render_trial, trial_world, with_views
from graspgen.pipeline.video import film_trial
from graspgen.render.closeup import closeup


def _film(number, fps=10.0, rest=0):
    shades = [np.full((30, 41, 3), 8 * i, np.uint8) for i in range(number)]
    return Film(shades, [f"frame {i}" for i in range(number)], fps, rest)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_a_film_has_its_frames_and_rests_on_the_last(tmp_path, suffix):
    path = tmp_path / f"film{suffix}"
    assert write_film(path, _film(5, rest=3)) == 8
    frames = iio.imread(path, plugin="pillow", index=...)
    # The file may hold equal frames as one that is shown longer.
    with Image.open(path) as image:
        lengths = []
        for i in range(image.n_frames):
            image.seek(i)
            image.load()
            lengths.append(image.info["duration"])
    assert sum(lengths) == 800
    assert len(frames) == image.n_frames >= 5
    assert frames.shape[1] % 2 == 0 and frames.shape[2] % 2 == 0
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(importlib.util.find_spec("imageio_ffmpeg") is None, reason="needs graspgen[video]")
def test_an_mp4_has_every_frame(tmp_path):
    assert write_film(tmp_path / "film.mp4", _film(7, rest=2)) == 9
    assert len(iio.imread(tmp_path / "film.mp4", plugin="FFMPEG")) == 9
    assert iio.immeta(tmp_path / "film.mp4", plugin="FFMPEG")["fps"] == 10


def test_a_sheet_shows_first_last_and_notable_frames(tmp_path):
    film = Film(**{**_film(30).__dict__, "notable": [17]})
    assert write_film(tmp_path / "sheet.png", film) == TILES
    shades = set(np.unique(iio.imread(tmp_path / "sheet.png")).tolist())
    assert {0, 8 * 17, 8 * 29} <= shades
    assert write_film(tmp_path / "sheet.jpg", _film(3)) == 3


def test_mistakes_are_told_before_anything_is_simulated(tmp_path, boxes, monkeypatch):
    with pytest.raises(DatasetError, match=r"extension '.avi' is none of films: .mp4"):
        check_target(tmp_path / "film.avi")
    with pytest.raises(DatasetError, match="there is no folder"):
        check_target(tmp_path / "nowhere" / "film.gif")
    with pytest.raises(DatasetError, match=r"cannot write /proc/film\.gif"):
        check_target(Path("/proc/film.gif"))
    (tmp_path / "folder.gif").mkdir()
    with pytest.raises(DatasetError, match="it is a folder"):
        check_target(tmp_path / "folder.gif")
    monkeypatch.setattr(video, "record_trial", None)
    out = tmp_path / "film.gif"
    for arguments, told in (
        ({"grasp": 99}, "no grasp 99; it has the grasps 0 … 3"),
        ({"grasp": (1 << 32) + 1}, "no grasp with the key 4294967297"),
        ({"grasp": 0, "view": 1}, "no view 1; it has 0 … 0"),
        ({"outcome": "sucess"}, "did you mean 'SUCCESS'"),
        ({"outcome": "lifted_neighbour"}, "no grasp with the outcome 'lifted_neighbour'"),
        ({"grasp": 0, "fps": 60, "slow": 10}, "lower --fps or --slow"),
    ):
        with pytest.raises(GraspgenError, match=told) as caught:
            film_trial(boxes, out, **arguments)
        assert "\n" not in str(caught.value)


def test_mp4_without_its_extra_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RenderError, match=r"pip install 'graspgen\[video\]'"):
        check_target(tmp_path / "film.mp4")


def test_a_dataset_without_scenes_is_told(tmp_path):
    folder = tmp_path / "empty"
    create_dataset(folder, recipe={}, seed=1, scenes=1, scenes_per_shard=1, mujoco_version="4.0.0")
    finalize(folder)
    with pytest.raises(DatasetError, match="holds no scenes"):
        film_trial(folder, tmp_path / "film.gif", grasp=0)


def test_the_command_films_a_grasp_by_row_or_key(boxes, tmp_path):
    out = tmp_path / "grasp.gif"
    arguments = ["video", str(boxes), "--grasp", "1", "-o", str(out), "--fps", "10", "--size", "128x96"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "of grasp 1 (key 1) in scene 0" in done.stdout
    assert iio.imread(out, plugin="pillow").shape[1:] == (96 + 18, 128, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--grasp", "0", "--outcome", "success"],
        [],
        ["--grasp", "0", "--size", "10x10"],
        ["--grasp", "0", "--size", "a"],
    ],
)
def test_arguments_that_contradict_are_refused(boxes, tmp_path, arguments):
    done = CliRunner().invoke(app, ["video", str(boxes), "-o", str(tmp_path / "a.gif"), *arguments])
    assert done.exit_code == 2 and not list(tmp_path.iterdir())


def test_the_placed_camera_sees_hand_and_target(boxes, tmp_path, monkeypatch):
    seen = []

    def keep(*arguments, **options):
        for image in render_trial(*arguments, **options):
            seen.append(image)
            yield image

    monkeypatch.setattr(video, "render_trial", keep)
    with graspgen.open(boxes) as dataset:
        settled = stored_scene(dataset, 0)
    thing = settled.world.objects[0].plan
    instance, asset = thing.instance_id, thing.asset
    monkeypatch.setattr(video, "_grasp", lambda *_: (from_above(settled, 0), 0.06, 0.06, instance, asset))
    made = film_trial(boxes, tmp_path / "a.gif", grasp=0, fps=5, size=(160, 120))
    assert made.outcome is Outcome.SUCCESS and made.stored is Outcome.NOT_TRIED and made.frames == len(seen) > 8
    for image in (seen[0], seen[-1]):
        assert (image.instances == HAND_INSTANCE).mean() > 0.01
        assert (image.instances == instance).mean() > 0.003


def test_the_placed_camera_sees_what_a_belt_carries_away(boxes):
    with graspgen.open(boxes) as dataset:
        settled, gripper = stored_scene(dataset, 0), stored_gripper(dataset)
    thing, T = settled.world.objects[0], settled.T_world_object[0]
    travel = np.array([0.6, 0, 0])
    K, T_world_camera = closeup(
        settled,
        gripper,
        thing.plan.instance_id,
        from_above(settled, 0),
        0.06,
        lift=0.12,
        travel=travel,
        size=(320, 240),
    )
    there = transform_points(T, thing.asset.mesh.vertices)
    seen = transform_points(inverse(T_world_camera), np.concatenate([there, there + travel])) @ np.array(K).T
    assert (seen[:, 2] > 0).all()
    pixels = seen[:, :2] / seen[:, 2:]
    assert (pixels > 0).all() and (pixels < [320, 240]).all()


def test_the_scenes_own_camera_sees_what_it_saw_with_the_hand_in_it(boxes):
    """Before the hand has touched anything, its pixels apart, ids and depth are those of the stored view."""
    with graspgen.open(boxes) as dataset:
        settled = stored_scene(dataset, 0)
        gripper, profile = stored_gripper(dataset), stored_profile(dataset)
        T = settled.T_world_object[0] @ dataset.grasps["T_object_grasp"][0]
        settled = with_views(settled, settled.world.plan.views)
        trajectory = record_trial(settled, gripper, profile, 1, T, 0.08, views=True)
        image = next(render_trial(trial_world(settled, trajectory), trajectory.states[:1], 0))
        hand = image.instances == HAND_INSTANCE
        np.testing.assert_array_equal(image.instances[~hand], dataset.instances(0)[~hand])
        np.testing.assert_allclose(image.depth[~hand], dataset.depth(0)[~hand], atol=1e-4)
        T_camera_tool = inverse(dataset.views["T_world_camera"][0]) @ trajectory.T_world_tool[0]
        assert hand.any() and (image.depth[hand] < T_camera_tool[2, 3] + 0.2).all()
