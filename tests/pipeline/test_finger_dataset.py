"""A dataset of a multi-finger hand: its candidates stay off the floor, some hold in the scene, check finds nothing."""

import shutil

import h5py
import numpy as np
import pytest

import graspgen
from graspgen.dataset import schema
from graspgen.dataset.check import check
from graspgen.dataset.schema import Toucher, TrialKind
from graspgen.errors import DatasetError, GripperError
from graspgen.exports.grasped import find_hand
from graspgen.grasps.candidates import unpacked
from graspgen.grasps.finger_around import ABOVE
from graspgen.grasps.finger_outline import finger_segments
from graspgen.grasps.finger_points import HandPoints
from graspgen.grasps.outcomes import Collision, Outcome, Sampler
from graspgen.grippers.fingers import MAX_FINGERS, MAX_JOINTS
from graspgen.grippers.gripper import load_gripper
from graspgen.pipeline.check_hands import check_hands
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe

HAND = [
    "gripper=three_finger", "objects.families=can", "objects.parameters={can: {diameter: 0.06, height: 0.08}}",
    "scene.objects.count=1", "grasps.per_object=16", "grasps.in_scene.per_object=4",
    "views.sequence.per_scene=1", "views.sequence.cameras=[]",
]  # fmt: skip
_KNOWING = (Sampler.SCENE_CLEAR, Sampler.SCENE_CONTACT)


@pytest.fixture(scope="module")
def made(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("hand") / "dataset"
    generate(load_recipe("tabletop", [*tiny, *HAND]), out, scenes=1, seed=3, quiet=True)
    return out


def test_it_is_sound_and_made_again_identical(made):
    assert check(made) == [] and check_hands(made) == []
    assert replay(made, 0).identical


def test_what_knows_the_scene_is_clear_of_it_and_off_the_floor_all_the_way(made):
    hand = HandPoints(load_gripper("three_finger"))
    with graspgen.open(made) as ds:
        g = ds.grasps
        rows = np.flatnonzero(np.isin(g["sampler"], _KNOWING))
        assert len(rows) >= 4
        around = Collision.SUPPORT_AT_GRASP | Collision.SUPPORT_ON_APPROACH | Collision.TARGET_AT_GRASP
        assert not (g["collision"][rows] & int(around)).any()
        T, fingers = ds.T_world_grasp(rows), unpacked(g["fingers"][rows])
        angle = np.arccos(-T[g["sampler"][rows] == Sampler.SCENE_CLEAR][:, 2, 2])
        assert (angle < np.radians(41)).all()
        for share in np.linspace(0, 1, 11):
            x = hand.look(fingers[:, 0] + share * (fingers[:, 1] - fingers[:, 0]))[0]
            heights = (x @ T[:, 2, :3, None])[..., 0] + T[:, 2, 3, None]
            assert heights.min() > ABOVE - 0.003


def test_some_hold_in_the_scene(made):
    with graspgen.open(made) as ds:
        inside = ds.trials["kind"] == TrialKind.IN_SCENE
        assert inside.sum() == 4 and (ds.trials["outcome"][inside] == Outcome.SUCCESS).sum() >= 2


def test_its_grasps_are_drawn_by_its_own_fingers(made):
    hand = HandPoints(load_gripper("three_finger"))
    with graspgen.open(made) as ds:
        rows = ds.grasp_rows(0)
        found, camera, T = ds.project_grasps(rows, 0), ds.camera(0), ds.T_world_grasp(rows)
        fingers = unpacked(ds.grasps["fingers"][rows])
        assert found.closing.shape == (len(rows), 3, 2, 2) and found.outline.shape[1] > 6
        for stage in (0, 1):
            pads = hand.look(fingers[:, stage])[0][:, :3]
            for own, tips, pixels in zip(T, pads, found.closing[:, :, stage], strict=True):
                np.testing.assert_allclose(pixels, camera.project(tips @ own[:3, :3].T + own[:3, 3]), atol=1e-6)
        # Every finger's line ends at its fingertip.
        ends = found.outline[:, :, -1]
        for tip in found.closing[:, :, 1].swapaxes(0, 1):
            assert (np.nanmin(np.linalg.norm(ends - tip[:, None], axis=-1), axis=1) < 1e-6).all()


def test_recorded_trials_go_by_the_joints_of_their_own_grasp(made):
    # `check` tests that they end when the labelled trial did.
    hand = load_gripper("three_finger")
    with graspgen.open(made) as ds:
        (key,) = ds.sequences()
        s, row = ds.sequence(key), int(ds.grasps.index_of(key))
        first = unpacked(ds.grasps["fingers"][[row]])[:, 0]
        assert s.opening[0] == pytest.approx(hand.opening(hand.postures.full(first))[0], abs=1e-9)
        assert ds.grasps["outcome_in_scene"][row] == Outcome.SUCCESS
        assert {Toucher.FIRST_FINGER, Toucher.SECOND_FINGER, Toucher.SECOND_FINGER - 1} & set(s.contact_between.ravel())
        assert s.contact_between.min() >= Toucher.HAND - MAX_FINGERS
    assert (MAX_FINGERS, MAX_JOINTS) == (schema.MAX_FINGERS, schema.MAX_JOINTS)


def test_a_joint_that_is_out_of_its_range_is_found(made, tmp_path):
    copy = shutil.copytree(made, tmp_path / "copy")
    with h5py.File(next((copy / "shards").glob("*.h5")), "r+") as shard:
        shard["grasps/fingers"][3, 1, 2] = 3.1
    (found,) = check_hands(copy)
    assert "a joint is out of its range" in str(found)


def test_stored_joints_tried_again_give_the_stored_outcome(made):
    with graspgen.open(made) as ds:
        rows = np.flatnonzero(ds.grasps["outcome_in_scene"] != Outcome.NOT_TRIED)
        fingers, widths = unpacked(ds.grasps["fingers"][rows]), ds.grasps["width"][rows]
        again = graspgen.try_in_scene(ds, 0, ds.T_world_grasp(rows), width=widths, fingers=fingers)
        np.testing.assert_array_equal(again.outcome, ds.grasps["outcome_in_scene"][rows])
        with pytest.raises(GripperError, match="fingers must have shape"):
            graspgen.try_in_scene(ds, 0, ds.T_world_grasp(rows), width=widths, fingers=fingers[:, :, :3])
        with pytest.raises(GripperError, match="close_1 at 3 is out of its range"):
            graspgen.try_in_scene(ds, 0, ds.T_world_grasp(rows), width=widths, fingers=np.full_like(fingers, 3.0))
        with pytest.raises(GripperError, match="no multi-finger hand"):
            graspgen.try_in_scene(ds, 0, ds.T_world_grasp(rows), fingers=fingers, gripper="panda_hand", width=0.05)


def test_its_lines_end_at_the_fingertips():
    hand = load_gripper("three_finger")
    at = hand.postures.stages[1]
    lines, pads = finger_segments(hand, at), HandPoints(hand).look(at[None])[0][0, :3]
    ends = lines[:, 1]
    assert all(np.linalg.norm(ends - pad, axis=1).min() < 1e-9 for pad in pads)
    assert np.linalg.norm(lines[0, 0] - [0, 0, -0.15]) < 1e-9  # from the base, 150 mm behind the tool point


def test_what_knows_jaws_only_says_so(made):
    with graspgen.open(made) as ds, pytest.raises(DatasetError, match="multi finger gripper; this format holds"):
        find_hand(ds, None)
