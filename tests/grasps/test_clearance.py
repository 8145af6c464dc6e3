import numpy as np
import pytest

from graspgen.frames import pose, random_rotation
from graspgen.grasps.clearance import Obstacle, hand_clearance
from graspgen.objects.asset import Part

DOWN = np.diag([1.0, -1.0, -1.0])
TABLE = Obstacle([Part("box", [0.5, 0.5, 0.02])], pose(translation=[0, 0, -0.02]))
BLOCK = Obstacle([Part("box", [0.02, 0.02, 0.02])], pose(translation=[0, 0, 0.02]))
CAP = 0.05
TIP = (
    0.1129 - 0.1034
)  # the pads end 9.5 mm beyond the tool centre point (frame of the hand: 0.0584 + 0.04525 + 0.00925)


def measure(gripper, obstacles, T, width, approach=0.05, **kw):
    return hand_clearance(
        gripper, obstacles, np.array(T), np.array(width), approach=approach, step=0.002, reach=CAP, **kw
    )


def test_an_open_hand_from_above_has_the_distances_of_its_drawing(gripper):
    T = [pose(DOWN, [0, 0, z]) for z in (0.03, 0.01, 0.2)]
    c = measure(gripper, [BLOCK, TABLE], T, [0.06, 0.06, 0.08])
    # z 30 mm: pads stand 10 mm beside the block. z 10 mm: the palm, 66 mm from the flange, is 7.4 mm above it.
    np.testing.assert_allclose(c.at_grasp[:, 0], [0.010, 0.0474 - 0.04, CAP], atol=1e-5)
    np.testing.assert_allclose(c.at_grasp[:, 1], [0.03 - TIP, 0.01 - TIP, CAP], atol=1e-5)
    assert (c.on_approach <= c.at_grasp + 1e-12).all()


def test_fingers_narrower_than_the_block_are_inside_it(gripper):
    c = measure(gripper, [BLOCK], [pose(DOWN, [0, 0, 0.02])], [0.03])
    assert c.at_grasp[0, 0] == pytest.approx(-0.005, abs=1e-5)


def test_a_thing_on_the_way_is_found_that_is_clear_of_the_grasp(gripper):
    # Comes in along +x; a 10 mm post stands 40 mm behind the palm, where the hand was before.
    T = pose(np.array([[0, 0, 1.0], [1, 0, 0], [0, 1, 0]]), [0, 0, 0.3])
    post = Obstacle([Part("box", [0.005, 0.005, 0.3])], pose(translation=[-0.1034 - 0.04, 0, 0.3]))
    short, long = (measure(gripper, [post], [T], [0.04], approach=a) for a in (0.02, 0.06))
    assert short.at_grasp[0, 0] > 0 and short.on_approach[0, 0] > 0
    assert long.at_grasp[0, 0] == short.at_grasp[0, 0] and long.on_approach[0, 0] < 0


def test_the_ignored_obstacle_never_counts(gripper):
    c = measure(gripper, [BLOCK, TABLE], [pose(DOWN, [0, 0, 0.02])], [0.03], ignore=np.array([0]))
    assert c.at_grasp[0].tolist() == [CAP, pytest.approx(0.02 - TIP, abs=1e-5)]


def test_skipping_free_space_finds_what_looking_everywhere_finds(gripper):
    rng = np.random.default_rng(0)
    T = np.array([pose(random_rotation(rng), rng.normal([0, 0, 0.06], 0.04)) for _ in range(100)])
    width = rng.uniform(0.01, 0.08, 100)
    skipping = measure(gripper, [BLOCK, TABLE], T, width)
    smallest = np.full((100, 2), CAP)
    for back in np.arange(0, 0.0501, 0.002):
        there = measure(gripper, [BLOCK, TABLE], T @ pose(translation=[0, 0, -back]), width, approach=0.0)
        smallest = np.minimum(smallest, there.at_grasp)
    hit = smallest < 0
    # A hit is found unless it is a graze thinner than the 2 mm resolution.
    missed = hit & (skipping.on_approach >= 0)
    assert hit.sum() > 40
    assert (smallest[missed] > -0.002).all()
    assert not ((skipping.on_approach < -0.002) & ~hit).any()


def test_results_do_not_depend_on_threads_or_company(gripper):
    rng = np.random.default_rng(1)
    T = np.array([pose(random_rotation(rng), rng.normal(0, 0.03, 3)) for _ in range(20)])
    one, two = (measure(gripper, [BLOCK], T, np.full(20, 0.05), threads=t) for t in (1, 2))
    alone = measure(gripper, [BLOCK], T[7:8], [0.05])
    assert (one.on_approach == two.on_approach).all()
    assert (one.on_approach[7] == alone.on_approach[0]).all()
