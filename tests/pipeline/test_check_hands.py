"""Collisions of the open hand, measured again one pair of parts at a time."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest

from graspgen.frames import pose, random_rotation
from graspgen.grasps.clearance import Obstacle, hand_clearance
from graspgen.grasps.outcomes import Collision
from graspgen.grippers.gripper import load_gripper
from graspgen.objects.asset import Part
from graspgen.pipeline.check_hands import TOLERANCE, Hand, check_hands


@pytest.fixture(scope="module")
def gripper():
    return load_gripper("panda_hand")


def test_an_open_hand_from_above_has_the_distances_of_its_drawing(gripper):
    # The numbers of tests/grasps/test_clearance.py: the palm is 7.4 mm above a block of 40 mm.
    block = ([Part("box", [0.02, 0.02, 0.02])], pose(translation=[0, 0, 0.02]))
    at, way = Hand(gripper, [block]).distances(pose(np.diag([1.0, -1, -1]), [0, 0, 0.01]), 0.06, 0.06, 0.05, 0.05)
    assert at[0] == pytest.approx(0.0074, abs=1e-4) and way[0] == pytest.approx(at[0], abs=1e-6)


def test_labels_and_single_pairs_agree_among_boxes(gripper):
    rng = np.random.default_rng(4)
    off = []
    for _ in range(6):
        poses = [pose(random_rotation(rng), rng.normal(0, 0.06, 3)) for _ in range(3)]
        parts = [[Part("box", rng.uniform(0.005, 0.03, 3))] for _ in poses]
        T = np.array([pose(random_rotation(rng), rng.normal(0, 0.05, 3)) for _ in range(10)])
        found = hand_clearance(
            gripper, [Obstacle(p, t) for p, t in zip(parts, poses, strict=True)], T, np.full(10, 0.06),
            approach=0.0, step=0.002, reach=0.02,
        )  # fmt: skip
        hand = Hand(gripper, list(zip(parts, poses, strict=True)))
        again = np.array([hand.distances(t, 0.06, 0.06, 0.0, 0.02)[0] for t in T])
        free = (again > 0) & (found.at_grasp > 0)
        off += np.abs(found.at_grasp - again)[free & (again < 0.0199)].tolist()
        assert ((again < 0) == (found.at_grasp < 0))[np.abs(again) > TOLERANCE].all()
    # Contacts that look ahead come from inflated shapes, whose depth is now and then a local minimum.
    assert len(off) > 30 and np.quantile(off, 0.95) < 1e-4 and max(off) < 5e-4


def test_a_sound_dataset_is_confirmed_and_a_fault_is_named(tiny_dataset, tmp_path):
    assert check_hands(tiny_dataset, 40) == []
    copy = shutil.copytree(tiny_dataset, tmp_path / "copy")
    shard = sorted((copy / "shards").iterdir())[0]
    with h5py.File(shard, "r+") as file:
        bits = file["grasps/collision"][...]
        file["grasps/collision"][0] = bits[0] ^ int(Collision.SUPPORT_AT_GRASP)
        clear = int(np.flatnonzero((file["grasps/clearance"][...] > 0.001) & (np.arange(len(bits)) > 0))[0])
        file["grasps/clearance"][clear] = 0.0004
    found = check_hands(copy, 1000)
    assert {(v.column, v.row) for v in found} == {("collision", 0), ("clearance", clear)}
    assert "support_at_grasp is" in str(found[0])
    assert check_hands(copy, 0) == []


def test_a_capsule_that_pierces_a_slab_is_inside_it():
    # A 2F-140 from below: its cranks, capsules 100 mm long, go through a slab of 40 mm. Between a capsule and a box
    # MuJoCo tells a distance beside the box instead.
    hand, slab = load_gripper("robotiq_2f140"), (Part("box", [0.5, 0.5, 0.02]),)
    T = pose(np.eye(3), [0, 0, 0.09])
    at, _ = Hand(hand, [(slab, np.eye(4))]).distances(T, 0.14, 0.14, 0.0, 0.05)
    other = hand_clearance(
        hand, [Obstacle(list(slab), np.eye(4))], T[None], np.array([0.14]), approach=0.0, step=0.002, reach=0.05
    )
    assert at[0] == pytest.approx(other.at_grasp[0, 0], abs=1e-5) and at[0] < -0.05
