"""The codes that columns hold, beside those of grasps, keypoints and sensors."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """Why an object is in a scene."""

    TARGET = 0
    CLUTTER = 1
    DISTRACTOR = 2
    FLYING = 3


class Shape(IntEnum):
    """Shapes of flying distractors."""

    BOX = 0
    SPHERE = 1
    CYLINDER = 2
    CONE = 3
    CAPSULE = 4
    PYRAMID = 5
    PRISM = 6
    OCTAHEDRON = 7


class Seen(IntEnum):
    """Bits of `grasp_views.seen`: how a view sees the two points where the pads should touch, first and second."""

    FIRST_VISIBLE = 1
    SECOND_VISIBLE = 2
    FIRST_OCCLUDED = 4
    SECOND_OCCLUDED = 8
    FIRST_OUT_OF_FRAME = 16
    SECOND_OUT_OF_FRAME = 32


class GripperKind(IntEnum):
    """How a gripper holds."""

    PARALLEL_JAW = 0
    SUCTION = 1
    MULTI_FINGER = 2


class Toucher(IntEnum):
    """What is not an object in `frame_contacts`. Further fingers of a hand follow below the second."""

    SUPPORT = -1
    HAND = -2
    FIRST_FINGER = -3
    SECOND_FINGER = -4


class TrialKind(IntEnum):
    """Where a trial was made."""

    FREE = 0
    IN_SCENE = 1
