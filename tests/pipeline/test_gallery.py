"""The gallery of a grasp database shows grasps as they are stored."""

from __future__ import annotations

import numpy as np
import pytest
from grasp_databases import make, procedural
from PIL import Image

from graspgen.dataset.reader import open as open_dataset
from graspgen.errors import DatasetError
from graspgen.frames import inverse
from graspgen.grasps.outcomes import Outcome
from graspgen.grippers.gripper import load_gripper
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.pipeline import gallery
from graspgen.render.grasp_view import grasp_renderer


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    out = tmp_path_factory.mktemp("gallery") / "grasps.h5"
    make(out, cache=False)
    return out


def test_the_picture_has_a_block_of_rows_for_each_outcome(path, tmp_path):
    gallery.write_gallery(path, tmp_path / "gallery.png", each=3)
    with open_dataset(path) as d:
        found = len(np.unique(d.grasps["outcome"]))
    width, height = Image.open(tmp_path / "gallery.png").size
    tile_width, tile_height = 320 + 6, 260 + 18 + 6
    assert (width, height) == (6 + 6 * tile_width, 6 + found * tile_height)


def test_grasps_are_chosen_from_all_objects_in_turn(path):
    with open_dataset(path) as d:
        chosen = gallery.choose(d, Outcome.SUCCESS, 4)
        assert (d.grasps["outcome"][chosen] == Outcome.SUCCESS).all()
        held = d.grasps["object"][d.grasps["outcome"] == Outcome.SUCCESS]
        assert set(d.grasps["object"][chosen]) == set(held)
        assert len(set(chosen)) == min(4, len(held))
        assert "success  " in gallery.caption(d, chosen[0]) and " g" in gallery.caption(d, chosen[0])
        assert gallery.choose(d, Outcome.LIFTED_NEIGHBOUR, 4) == []


def test_what_is_shown_after_the_close_is_what_the_trial_saw(path):
    with open_dataset(path) as d:
        rules = gallery._rules(d)
        for row in gallery.choose(d, Outcome.SUCCESS, 4):
            asset = ProceduralCatalogue(procedural(), 3).asset(int(d.grasps["object"][row]))
            start = rules.gripper.T_base_tcp @ inverse(d.grasps["T_object_grasp"][row])
            trial = int(np.searchsorted(d.trials["grasp"], d.grasps["id"][row]))
            T, opening = gallery.after_close(
                asset, rules, start, d.grasps["width"][row], d.trials["mass"][trial], d.trials["friction"][trial]
            )
            assert opening == pytest.approx(d.trials["width"][trial], abs=2e-4)
            moved = np.linalg.norm((T - start)[:3] @ [*asset.com, 1])
            assert moved == pytest.approx(d.trials["drift_closing"][trial], abs=1e-3)


def test_the_approach_points_down_and_fingers_are_seen_side_by_side():
    """Dark fingers, wide apart, with nothing between them: their pixels lie left and right of the middle."""
    hand = load_gripper("panda_hand")
    far_away = np.eye(4)
    far_away[:3, 3] = [0, 0, 5]
    with grasp_renderer(ProceduralCatalogue(procedural(), 3).asset(0), hand) as renderer:
        wide, shut = renderer.render(far_away, 0.08), renderer.render(far_away, 0.0)
    rows, columns = np.nonzero(wide.max(axis=2) < 70)
    assert columns.min() < 140 and columns.max() > 180
    assert not ((columns > 150) & (columns < 170) & (rows > 130)).any()
    assert np.ptp(np.nonzero(shut.max(axis=2) < 70)[1]) < np.ptp(columns)
    # The palm, which is light, is above the pads.
    assert rows.mean() > 0.4 * wide.shape[0]


def test_what_is_no_database_is_refused(tmp_path):
    with pytest.raises(DatasetError):
        gallery.write_gallery(tmp_path / "nowhere.h5", tmp_path / "a.png")
