from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from graspgen.dataset.layout import shard_count, shard_scenes
from graspgen.pipeline.units import scenes_per_shard


@given(st.integers(1, 100_000))
def test_units_hold_every_scene_once(scenes):
    size = scenes_per_shard(scenes)
    units = [shard_scenes(n, scenes, size) for n in range(shard_count(scenes, size))]
    assert [units[0].start, units[-1].stop] == [0, scenes]
    assert all(a.stop == b.start for a, b in pairwise(units))
    assert all(1 <= len(unit) <= 256 for unit in units)


@given(st.integers(1, 100_000))
def test_small_runs_keep_sixteen_workers_busy(scenes):
    assert shard_count(scenes, scenes_per_shard(scenes)) >= min(scenes, 16)
