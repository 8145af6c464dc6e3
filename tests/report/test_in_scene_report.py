"""Free space against scene, on columns whose table is known."""

import numpy as np

from graspgen.grasps.outcomes import Collision, Outcome
from graspgen.report.in_scene import in_scene

FREE = np.array([0, 0, 0, 0, 6, 6, 1, 0], np.uint8)
SCENE = np.array([0, 0, 3, 2, 6, 0, 1, 255], np.uint8)
BITS = np.array([0, 0, Collision.SUPPORT_AT_GRASP, Collision.NEIGHBOUR_ON_APPROACH | Collision.SUPPORT_ON_APPROACH,
                 0, 0, Collision.TARGET_AT_GRASP, 0], np.uint8)  # fmt: skip


def test_every_grasp_tried_in_both_is_counted_once():
    found = in_scene(FREE, SCENE, BITS)
    assert found.grasps == 7
    assert found.free == (Outcome.SUCCESS, Outcome.HITS_TARGET, Outcome.DROPPED)
    codes = (Outcome.SUCCESS, Outcome.HITS_TARGET, Outcome.HITS_OBJECT, Outcome.HITS_SUPPORT, Outcome.DROPPED)
    assert found.scene == codes
    assert found.counts.tolist() == [[2, 0, 1, 1, 0], [0, 1, 0, 0, 0], [1, 0, 0, 0, 1]]
    assert found.agreement == 4 / 7


def test_what_the_bits_foretold_is_set_against_what_happened():
    rows = {f.name: (f.grasps, f.hits, f.held) for f in in_scene(FREE, SCENE, BITS).foretold}
    assert rows == {
        "clear": (4, 0, 3),
        "hits target": (1, 1, 0),
        "hits object": (1, 1, 0),
        "hits support": (2, 2, 0),
        "all": (7, 3, 3),
    }


def test_nothing_is_said_where_nothing_was_tried_in_the_scene():
    assert in_scene(FREE, np.full(8, 255, np.uint8), BITS) is None
