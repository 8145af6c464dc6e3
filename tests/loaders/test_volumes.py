"""Volumes with grasps, on boxes that are known."""

from __future__ import annotations

import numpy as np
import pytest
from dataset.dataset_builder import OFFSET, SCALES, SIDES

from graspgen.frames import inverse, quat_to_matrix, transform_points
from graspgen.loaders import Batches, LoaderError, QuarterTurns, Rotate, TSDFGrasps


def test_tool_points_lie_in_their_voxels_and_rotations_are_told_twice(boxes):
    source = TSDFGrasps(boxes)
    assert len(source) == 4
    sample = source[1]
    assert sample["grid"].shape == (1, 40, 40, 40) and len(sample["good"]) > 0
    middle = (sample["voxels"] + 0.5) * sample["voxel_size"]
    assert np.abs(sample["T_volume_grasp"][:, :3, 3] - middle).max() <= sample["voxel_size"] / 2 + 1e-9
    x, y, z, w = sample["quaternions"].T
    R = quat_to_matrix(np.stack([w, x, y, z], -1))
    assert sample["T_volume_grasp"][:, :3, :3] == pytest.approx(R, abs=1e-6)


def test_grasps_are_where_the_world_has_them(boxes):
    sample = TSDFGrasps(boxes)[0]
    rows = [boxes.grasps.index_of(int(key)) for key in sample["grasp"]]
    objects = np.searchsorted(boxes.objects["id"], boxes.grasps["object"][rows])
    world = boxes.objects["T_world_object"][objects] @ boxes.grasps["T_object_grasp"][rows]
    assert sample["T_world_volume"] @ sample["T_volume_grasp"] == pytest.approx(world)


def test_the_grid_is_a_half_where_a_box_has_its_top(boxes):
    sample = TSDFGrasps(boxes)[0]
    T = inverse(sample["T_world_volume"]) @ boxes.objects["T_world_object"][0]
    top = transform_points(T, [OFFSET * SCALES[0] + [0, 0, SIDES[0, 2] * SCALES[0] / 2]])[0]
    i, j, k = (top / sample["voxel_size"]).astype(int)
    column = sample["grid"][0, i, j]
    assert column[k - 1] < column[k] < column[k + 1] and abs(column[k] - 0.5) < 0.25
    assert np.isfinite(sample["grid"]).all() and 0 <= sample["grid"].min() and sample["grid"].max() < 1


@pytest.mark.parametrize("seed", range(6))
def test_a_quarter_turn_moves_grid_and_grasps_alike(boxes, seed):
    plain, turned = TSDFGrasps(boxes, seed=seed)[0], TSDFGrasps(boxes, augment=[QuarterTurns()], seed=seed)[0]
    # Voxel by voxel: the value at a voxel's middle is found again where the turn takes that middle.
    turn = inverse(turned["T_world_volume"]) @ plain["T_world_volume"]
    filled = np.argwhere(plain["grid"][0] > 0)
    middles = (filled + 0.5) * plain["voxel_size"]
    to = np.floor(transform_points(turn, middles) / plain["voxel_size"]).astype(int)
    assert (turned["grid"][0][tuple(to.T)] == plain["grid"][0][tuple(filled.T)]).all()
    world = turned["T_world_volume"] @ turned["T_volume_grasp"]
    assert world == pytest.approx(plain["T_world_volume"] @ plain["T_volume_grasp"])


def test_some_views_are_drawn_anew_each_epoch(boxes):
    source = TSDFGrasps(boxes, views_per_sample=1)
    grids = []
    for epoch in range(6):
        source.epoch = epoch
        grids.append(source[0]["grid"])
    assert len({g.tobytes() for g in grids}) == 2, "one of the two views"


def test_batches_join_the_grasps(boxes):
    batch = next(iter(Batches(TSDFGrasps(boxes), 4)))
    assert batch["grid"].shape == (4, 1, 40, 40, 40) and batch["grasps_offsets"][-1] == len(batch["voxels"])


def test_cameras_do_not_turn_volumes(boxes):
    with pytest.raises(LoaderError, match="QuarterTurns"):
        TSDFGrasps(boxes, augment=[Rotate()])
    with pytest.raises(LoaderError, match="at least one view"):
        TSDFGrasps(boxes, views_per_sample=0)
