"""Trials that are recorded frame by frame, and the tables of frames."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest
from box_scene import BOXES

import graspgen
from graspgen.dataset.check import check
from graspgen.dataset.hashes import file_sha256
from graspgen.dataset.manifest import load_manifest
from graspgen.dataset.schema import TABLES, Toucher, TrialKind
from graspgen.errors import RecipeError
from graspgen.frames import inverse, project, transform_points
from graspgen.grasps.outcomes import HAND_INSTANCE, Outcome, Phase
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.pipeline.sequences import choose_trials
from graspgen.recipe_file import load_recipe

FRAMES = ("frames", "frame_objects", "frame_contacts", "frame_views")
TRIED = [*BOXES, "grasps.per_object=16", "grasps.clear_share=1", "grasps.draws=0", "grasps.in_scene.share=1"]
TRIED += ["views.per_scene=2"]
RECORDED = ["views.sequence.per_scene=3", "views.sequence.choose=outcomes", "views.sequence.cameras=[1]"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A dataset of one scene of two boxes with three recorded trials, one of them a success."""
    out = tmp_path_factory.mktemp("recorded") / "dataset"
    generate(load_recipe("tabletop", [*TRIED, *RECORDED]), out, scenes=1, seed=1, quiet=True)
    return out


@pytest.fixture(scope="module")
def held(recorded):
    """The recorded trial that held, its row of `trials`, and its target's key."""
    with graspgen.open(recorded) as ds:
        for key in ds.sequences().tolist():
            row = ds.grasps.index_of(key)
            if ds.grasps["outcome_in_scene"][row] == Outcome.SUCCESS:
                trial = np.flatnonzero((ds.trials["grasp"] == key) & (ds.trials["kind"] == TrialKind.IN_SCENE))
                return ds.sequence(key), ds.trials.row(int(trial[0])), int(ds.grasps["object"][row])
    raise AssertionError("no recorded trial held")


def test_a_dataset_with_sequences_passes_every_check_and_replays(recorded):
    assert check(recorded) == []
    report = replay(recorded, 0)
    assert report.identical, report.lines()


def test_recording_changes_nothing_else(recorded, tmp_path):
    out = tmp_path / "plain"
    generate(load_recipe("tabletop", TRIED), out, scenes=1, seed=1, quiet=True)
    with graspgen.open(recorded) as a, graspgen.open(out) as b:
        for table in TABLES:
            if table in FRAMES:
                assert len(a.tables[table]) and not len(b.tables[table])
                continue
            for name in a.tables[table]:
                np.testing.assert_array_equal(a.tables[table][name][:], b.tables[table][name][:], f"{table}.{name}")


def test_frames_come_at_the_asked_rate_and_end_with_the_trial(recorded, held):
    sequence, trial, _ = held
    assert sequence.time[0] == 0
    np.testing.assert_allclose(np.diff(sequence.time)[:-1], 0.05, atol=1e-12)
    assert 0 < np.diff(sequence.time)[-1] <= 0.05 + 1e-12
    with graspgen.open(recorded) as ds:
        steps = ds.scene_trials["steps"][ds.scene_trials["grasp"] == sequence.grasp]
        assert len(ds.sequences()) == 3
    np.testing.assert_allclose(sequence.time[-1], 0.002 * steps, atol=1e-9)
    assert sequence.phase[-1] == trial["phase"] and set(sequence.phase) == {0, 1, Phase.LIFT, Phase.HOLD}


def test_a_lifted_box_moves_as_its_velocity_says_and_with_the_hand(held):
    sequence, _, target = held
    thing = sequence.objects.tolist().index(target)
    lift = np.flatnonzero(sequence.phase == Phase.LIFT)
    z, v = sequence.T_world_object[lift, thing, 2, 3], sequence.object_velocity[lift, thing, 2]
    # Simpson's rule over pairs of frames; the boxes are uniform and do not turn, so their frames move as their centres.
    for i in range(0, len(lift) - 2, 2):
        assert z[i + 2] - z[i] == pytest.approx((v[i] + 4 * v[i + 1] + v[i + 2]) * 0.05 / 3, abs=2e-4)
    assert v.max() > 0.2
    np.testing.assert_allclose(sequence.velocity[lift, 2], v, atol=0.01)
    rest = sequence.phase == Phase.APPROACH
    assert (sequence.object_velocity[rest] == 0).all()


def test_both_pads_touch_from_the_close_to_the_end_and_the_others_stay_on_the_table(held, recorded):
    sequence, trial, target = held
    phase, (first, second) = sequence.phase[sequence.contact_frame], sequence.contact_between.T
    own = (first == target) | (second == target)
    fingers = [own & ((first == f) | (second == f)) for f in (Toucher.FIRST_FINGER, Toucher.SECOND_FINGER)]
    for finger in fingers:
        assert not finger[phase == Phase.APPROACH].any()
        late = np.flatnonzero(np.isin(sequence.phase, (Phase.LIFT, Phase.HOLD)))[1:]
        assert set(late) <= set(sequence.contact_frame[finger])
        last = finger & (sequence.contact_frame == len(sequence) - 1)
        assert sequence.contact_force[last].sum() == pytest.approx(trial["grip_force"], rel=0.05)
    with graspgen.open(recorded) as ds:
        mass = dict(zip(ds.objects["id"].tolist(), ds.objects["mass"].tolist(), strict=True))
    table = (first == Toucher.SUPPORT) | (second == Toucher.SUPPORT)
    for frame in (0, len(sequence) - 1):
        now = sequence.contact_frame == frame
        for key in sequence.objects.tolist():
            borne = sequence.contact_force[now & table & ((first == key) | (second == key))].sum()
            weight = 0 if frame and key == target else 9.81 * mass[key]
            assert borne == pytest.approx(weight, rel=0.03, abs=1e-9)


def test_what_is_lifted_flows_with_its_pose_and_all_else_but_the_hand_stands_still(recorded, held):
    sequence, _, target = held
    thing = sequence.objects.tolist().index(target)
    rows = sequence.images["shell_1"].tolist()
    at = int(np.flatnonzero(sequence.phase == Phase.LIFT)[4])
    with graspgen.open(recorded) as ds:
        shot = ds.frame_views.row(rows[at])
        box = shot["instances"] == ds.objects["instance_id"][ds.objects.index_of(target)]
        flow, motion = ds.frame_flow(rows[at], visible=False), ds.frame_scene_flow(rows[at])
        now, then = sequence.T_world_object[[at, at + 1], thing]
        # A box that is lifted does not turn, so all its points move as its origin does.
        np.testing.assert_allclose(
            motion[box], np.tile(shot["T_world_camera"][:3, :3].T @ (then - now)[:3, 3], (box.sum(), 1)), atol=5e-4
        )
        hand, seen = shot["instances"] == HAND_INSTANCE, shot["depth"] > 0
        assert box.sum() > 20 and np.isnan(flow[hand]).all() and np.nanmax(flow[box][:, 1]) < 0
        np.testing.assert_allclose(flow[seen & ~box & ~hand], 0, atol=1e-3)
        with pytest.raises(IndexError, match="last one of the trial"):
            ds.frame_flow(rows[-1])


def test_cameras_see_the_hand_where_it_is(recorded, held):
    sequence, _, _ = held
    with graspgen.open(recorded) as ds:
        assert list(sequence.images) == ["shell_1"] and len(sequence.images["shell_1"]) == len(sequence)
        for frame, row in enumerate(sequence.images["shell_1"].tolist()):
            shot = ds.frame_views.row(row)
            hand = shot["instances"] == HAND_INSTANCE
            assert shot["frame"] == sequence.frames[frame] and hand.any()
            # The middle of the palm, 6 cm behind the tool point, is inside the hand's box of pixels.
            palm = transform_points(inverse(shot["T_world_camera"]) @ sequence.T_world_tool[frame], [[0, 0, -0.06]])
            x, y = project(shot["K"], palm)[0]
            rows, columns = np.nonzero(hand)
            assert columns.min() - 1 <= x <= columns.max() + 2 or not 0 <= x < 96
            assert rows.min() - 1 <= y <= rows.max() + 2 or not 0 <= y < 72


def test_sequences_are_in_the_virtual_file_and_others_are_told(recorded):
    with h5py.File(recorded / "dataset.h5", locking=False) as file, graspgen.open(recorded) as ds:
        assert len(file["frames/id"]) == len(ds.frames) and file["frame_views/depth"].attrs["depth_scale"] == 1e-4
        np.testing.assert_array_equal(file["frame_views/rgb"][3], ds.frame_views["rgb"][3])
        other = int(np.setdiff1d(ds.grasps["id"], ds.sequences())[0])
        with pytest.raises(KeyError, match="was not recorded"):
            ds.sequence(other)


def test_trials_are_chosen_in_turn():
    outcome = np.array([3, 0, 0, 3, 0, 9, 3], np.uint8)
    target = np.array([0, 0, 0, 1, 1, 1, 2])
    assert choose_trials(outcome, target, 2, "success").tolist() == [1, 4]
    assert choose_trials(outcome, target, 4, "success").tolist() == [0, 1, 2, 4]
    assert choose_trials(outcome, target, 3, "any").tolist() == [0, 3, 6]
    assert choose_trials(outcome, target, 3, "outcomes").tolist() == [0, 1, 5]
    assert choose_trials(outcome, target, 99, "any").tolist() == list(range(7))
    assert choose_trials(outcome[:0], target[:0], 3, "any").tolist() == []


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["views.sequence.per_scene=1", "grasps.in_scene.per_object=0"], "set grasps.in_scene.share"),
        (["views.sequence.per_scene=1", "grasps.in_scene.share=1", "views.sequence.cameras=[4]"], "views 0 … 3, not 4"),
        (["views.sequence.cameras=[0, 0]"], "names one twice"),
        (["views.sequence.choose=best"], "sequence.choose"),
    ],
)
def test_mistakes_in_the_recipe_are_told(overrides, told):
    with pytest.raises(RecipeError, match=told):
        load_recipe("tabletop", overrides)


def _scale(column, factor):
    def change(file):
        file[column][...] = file[column][...] * factor

    return change


def _put(column, row, value):
    def change(file):
        file[column][row] = value

    return change


def _swap(file):
    file["frame_objects/velocity"][...] = file["frame_objects/velocity"][...][:, [2, 0, 1]]


def _shift(file):
    poses = file["frame_objects/T_world_object"][...]
    poses[6:, 0, 3] += 0.02
    file["frame_objects/T_world_object"][...] = poses


def _nearer(file):
    depth, mask = file["frame_views/depth"][2], file["frame_views/instances"][2]
    file["frame_views/depth"][2] = np.where(mask == HAND_INSTANCE, depth + 3000, depth)


@pytest.mark.parametrize(
    ("change", "column"),
    [
        (_put("frames/time", 3, 0.0), "frames.time"),
        (_put("frames/id", 1, 5), "frames.id"),
        (_put("frames/phase", 2, Phase.HOLD), "frames.phase"),
        (_put("frames/opening", 2, 0.2), "frames.opening"),
        (_scale("frames/velocity", 2), "frames.velocity"),
        (_scale("frame_objects/velocity", -1), "frame_objects.velocity"),
        (_scale("frame_objects/velocity", 1000), "frame_objects.velocity"),
        (_swap, "frame_objects.velocity"),
        (_shift, "frame_views.instances"),
        (_put("frame_objects/object", 0, 7), "frame_objects.object"),
        (_put("frame_contacts/first", 0, 7), "frame_contacts.first"),
        (_scale("frame_contacts/normal", 2), "frame_contacts.normal"),
        (_scale("frame_contacts/position", 1000), "frame_contacts.position"),
        (_scale("frame_views/K", 1.5), "frame_views.K"),
        (_nearer, "frame_views.depth"),
        (_put("frame_views/instances", 1, 0), "frame_views.instances"),
    ],
)
def test_check_names_what_is_wrong_in_frames(recorded, tmp_path, change, column):
    folder = shutil.copytree(recorded, tmp_path / "damaged")
    path = folder / "shards/shard-00000.h5"
    with h5py.File(path, "r+") as file:
        change(file)
    old = load_manifest(folder).shards[0]
    text = (folder / "dataset.json").read_text().replace(old.sha256, file_sha256(path))
    text = text.replace(f'"bytes": {old.bytes}', f'"bytes": {path.stat().st_size}')
    (folder / "dataset.json").write_text(text)
    named = {f"{v.table}.{v.column}" for v in check(folder)}
    assert column in named, named
