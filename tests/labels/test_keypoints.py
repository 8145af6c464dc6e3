from __future__ import annotations

import numpy as np
import pytest
import trimesh

from graspgen.labels.keypoints import CORNERS, KeypointState, locate, object_keypoints, view_keypoints
from graspgen.objects.families import FAMILIES
from graspgen.objects.procedural import asset_from_params, draw_params
from graspgen.objects.surface_distance import Surface
from graspgen.streams import Purpose, stream

K = np.array([[100.0, 0, 80.0], [0, 100.0, 60.0], [0, 0, 1]])
OPEN = {"rim_centre", "ring", "jaw"}


def asset_of(name: str, seed: int):
    family = FAMILIES[name]
    return asset_from_params(name, draw_params(family, stream(seed, Purpose.ASSET, 0)), f"{name}-0")


def test_corners_come_first_then_the_centre_then_the_named_in_the_order_of_their_names():
    found = object_keypoints([[0, 0, 0], [2, 4, 6]], {"tip": (1, 1, 1), "base": (0, 0, 3)})
    assert np.array_equal(found[:8], CORNERS * [2, 4, 6])
    assert found[8:].tolist() == [[1, 2, 3], [0, 0, 3], [1, 1, 1]]


def test_a_keypoint_is_seen_hidden_by_its_own_by_another_outside_or_behind():
    points = np.array([[0, 0, 1.0], [0.1, 0, 1.0], [0.2, 0, 1.0], [0.9, 0, 1.0], [0, 0, -1.0], [0.3, 0, 1.0]])
    depth, ids = np.full((120, 160), 1.0, np.float32), np.zeros((120, 160), np.uint8)
    depth[60, 90], ids[60, 90] = 0.9, 1
    depth[60, 100], ids[60, 100] = 0.9, 2
    depth[60, 110] = 0  # nothing was seen there
    found = locate(points, np.ones(6, int), K, np.zeros(5), depth, ids)
    assert [KeypointState(s).name for s in found["state"]] == [
        "VISIBLE", "SELF_OCCLUDED", "OCCLUDED", "OUT_OF_FRAME", "BEHIND", "VISIBLE",
    ]  # fmt: skip
    assert found["pixel"][1].tolist() == [90, 60] and np.isnan(found["pixel"][4]).all()
    assert found["depth"].tolist() == [1, 1, 1, 1, -1, 1]


def test_of_a_box_on_the_axis_the_near_corners_are_seen_and_the_far_ones_are_hidden_by_it():
    box = trimesh.creation.box([0.2, 0.2, 0.2])
    T = np.eye(4)
    T[2, 3] = 1.0
    depth, ids = np.full((120, 160), 2.0, np.float32), np.zeros((120, 160), np.uint8)
    depth[49:71, 69:91], ids[49:71, 69:91] = 0.9, 1  # the near face: 0.1 / 0.9 · 100 = 11 px around the middle
    found = view_keypoints([object_keypoints(box.bounds, {})], T[None], [1], K, np.zeros(5), depth, ids)
    near = found["depth"] < 0.95
    assert (found["state"][:8][near[:8]] == KeypointState.VISIBLE).all() and near[:8].sum() == 4
    assert (found["state"][~near] == KeypointState.SELF_OCCLUDED).all()
    assert np.abs(found["pixel"][:8][near[:8]] - [80, 60]).ravel() == pytest.approx(100 * 0.1 / 0.9, rel=1e-6)


@pytest.mark.parametrize("name", [n for n in FAMILIES if asset_of(n, 0).keypoints])
def test_the_named_points_of_a_family_lie_on_its_surface(name):
    for seed in range(3):
        asset = asset_of(name, seed)
        low, high = asset.mesh.bounds
        points = np.array([p for n, p in asset.keypoints.items() if n not in OPEN])
        distance = Surface(asset.mesh.vertices, asset.mesh.faces).distance(points)
        assert distance.max() < 0.0015, dict(zip(asset.keypoints, distance, strict=False))
        everywhere = np.array(list(asset.keypoints.values()))
        assert (everywhere > low - 1e-3).all() and (everywhere < high + 1e-3).all()


def test_keypoints_scale_with_their_asset_and_survive_being_saved(tmp_path):
    from graspgen.objects.library import load_asset, save_asset

    asset = asset_of("mug", 1)
    assert np.allclose(asset.scaled(1.5).keypoints["handle"], 1.5 * np.array(asset.keypoints["handle"]))
    back = load_asset(save_asset(asset, tmp_path))
    assert back.keypoints == asset.keypoints and {"handle", "rim", "base"} <= set(back.keypoints)
