"""The clutter-removal protocol, with policies whose result is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from box_scene import BOXES, from_above

import graspgen
from graspgen.errors import SceneError
from graspgen.grasps.outcomes import Outcome
from graspgen.pipeline.stored_scene import stored_scene
from graspgen.recipe_file import load_recipe


def in_the_air(observation):
    T = np.diag([1.0, -1, -1, 1])
    T[:3, 3] = [0, 0, 0.3]
    return T, 0.08


def test_a_policy_that_knows_where_the_boxes_lie_empties_the_scene(boxes):
    with graspgen.open(boxes) as dataset:
        settled = stored_scene(dataset, 0)
    grasps = [from_above(settled, 0), from_above(settled, 1)]
    seen = []

    def policy(observation):
        seen.append(observation)
        return grasps[observation.step]

    report = graspgen.clear(boxes, policy)
    assert [a.outcome for a in report.attempts] == [Outcome.SUCCESS] * 2
    assert [a.target for a in report.attempts] == [1, 2]
    assert (report.success_rate, report.cleared, report.endings) == (1.0, 1.0, {0: "empty"})
    # What was taken away is seen no more; the other is.
    first, second = (set(np.unique(o.images[0].instances)) - {0} for o in seen)
    assert second <= first - {1}
    assert "2 of 2 grasps held (100.0%)" in str(report)


@pytest.mark.parametrize("hand", ["suction_cup", "suction_array"])
def test_a_policy_that_sets_a_cup_on_the_boxes_empties_the_scene(boxes, hand):
    with graspgen.open(boxes) as dataset:
        settled = stored_scene(dataset, 0)
    grasps = [from_above(settled, 0), from_above(settled, 1)]
    for T, o, T_world_object in zip(grasps, settled.world.objects, settled.T_world_object, strict=True):
        T[2, 3] += np.abs(T_world_object[2, :3]) @ o.asset.extents / 2  # the lip lies on top of the box
    report = graspgen.clear(boxes, lambda observation: grasps[observation.step], gripper=hand)
    held = [Outcome.SUCCESS] * 2 if hand == "suction_cup" else [Outcome.NO_SEAL] * 2  # four cups are wider than a box
    assert [a.outcome for a in report.attempts] == held
    assert report.endings == {0: "empty" if hand == "suction_cup" else "failures"}


def test_the_first_images_are_those_of_the_dataset(boxes):
    seen = []
    graspgen.clear(boxes, lambda o: seen.append(o))
    with graspgen.open(boxes) as dataset:
        image = seen[0].images[0]
        np.testing.assert_array_equal(image.rgb, dataset.rgb(0))
        np.testing.assert_allclose(image.depth, dataset.depth(0), atol=6e-5)
        np.testing.assert_array_equal(image.T_world_camera, dataset.views["T_world_camera_nominal"][0])


def test_a_scene_ends_after_two_failures_in_a_row(boxes):
    report = graspgen.clear(boxes, in_the_air)
    assert report.outcomes == {"NO_CONTACT": 2}
    assert (report.success_rate, report.cleared, report.endings) == (0.0, 0.0, {0: "failures"})
    assert graspgen.clear(boxes, in_the_air, max_failures=5, max_steps=3).endings == {0: "steps"}


def test_a_success_between_failures_starts_the_count_anew(boxes):
    with graspgen.open(boxes) as dataset:
        settled = stored_scene(dataset, 0)

    def policy(observation):
        return from_above(settled, 0) if observation.step == 1 else in_the_air(observation)

    report = graspgen.clear(boxes, policy)
    assert [a.outcome for a in report.attempts] == [
        Outcome.NO_CONTACT, Outcome.SUCCESS, Outcome.NO_CONTACT, Outcome.NO_CONTACT,
    ]  # fmt: skip
    assert report.cleared == 0.5


def test_scenes_can_come_from_a_recipe():
    report = graspgen.clear(load_recipe("tabletop", BOXES), lambda o: None, scenes=[4, 2], seed=3)
    assert report.objects == {4: 2, 2: 2}
    assert report.endings == {4: "no grasp", 2: "no grasp"}
    assert np.isnan(report.success_rate)


def test_the_same_policy_gets_the_same_report(boxes):
    with graspgen.open(boxes) as dataset:
        settled = stored_scene(dataset, 0)
    shifted = from_above(settled, 0)
    shifted[:3, 3] += [0.008, 0.004, 0.012]
    a, b = (graspgen.clear(boxes, lambda o: shifted, max_steps=3) for _ in range(2))
    assert a.outcomes == b.outcomes and a.endings == b.endings


@pytest.mark.parametrize("answer", [np.eye(3), "grasp", (np.eye(4), "wide"), np.full((4, 4), np.nan)])
def test_an_answer_that_is_no_grasp_is_told(boxes, answer):
    with pytest.raises(SceneError, match="the policy's answer in scene 0, step 0, is no grasp"):
        graspgen.clear(boxes, lambda o: answer)


def test_the_example_of_the_documentation_clears_boxes(boxes, monkeypatch):
    text = (Path(__file__).parents[2] / "docs" / "clearing.md").read_text()
    code = next(block for block in text.split("```python\n") if "def top_down" in block).split("```")[0]
    names = {}
    monkeypatch.setattr(graspgen, "clear", lambda recipe, policy, **_: policy)
    exec(code.replace("report.outcomes", ""), names)
    monkeypatch.undo()
    report = graspgen.clear(boxes, names["top_down"])
    assert report.attempts and report.success_rate > 0


def test_numbers_without_sense_are_refused(boxes):
    for arguments in ({"scenes": 0}, {"max_failures": 0}, {"max_steps": 0}):
        with pytest.raises(SceneError, match="at least 1"):
            graspgen.clear(boxes, in_the_air, **arguments)
    for scenes in (1.5, [-1], ["first"]):
        with pytest.raises(SceneError, match="scenes must be how many, or the numbers of which"):
            graspgen.clear("single", in_the_air, scenes=scenes)
    with pytest.raises(SceneError, match="must be a function"):
        graspgen.clear(boxes, None)


def test_a_report_without_grasps_tells_no_rate(boxes):
    assert str(graspgen.clear(boxes, lambda _: None)).startswith("1 scenes: 0 of 0 grasps held, 0.0% of ")
