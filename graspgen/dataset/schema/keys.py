"""Keys: numbers that mean the same in every shard, never row numbers.

view key    = scene · 2¹⁶ + number of the view in its scene
object key  = scene · 2¹⁶ + instance id
grasp key   = scene · 2³² + number of the grasp in its scene
frame key   = scene · 2³² + number of the frame in its scene
episode key = scene · 2³² + number of the episode in its scene
step key    = scene · 2³² + number of the step in its scene
"""

from __future__ import annotations


def view_key(scene: int, number: int) -> int:
    """Return the key of view `number` of a scene."""
    return (scene << 16) | number


def object_key(scene: int, instance_id: int) -> int:
    """Return the key of the object with `instance_id` in a scene."""
    return (scene << 16) | instance_id


def grasp_key(scene: int, number: int) -> int:
    """Return the key of grasp `number` of a scene."""
    return (scene << 32) | number


def frame_key(scene: int, number: int) -> int:
    """Return the key of frame `number` of a scene."""
    return (scene << 32) | number


def episode_key(scene: int, number: int) -> int:
    """Return the key of episode `number` of a scene."""
    return (scene << 32) | number


def step_key(scene: int, number: int) -> int:
    """Return the key of step `number` of a scene."""
    return (scene << 32) | number
