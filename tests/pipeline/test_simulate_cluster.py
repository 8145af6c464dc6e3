"""The simulated cluster takes the time that arithmetic says, and failures cost what they must and lose no scene."""

from __future__ import annotations

import importlib.util
import math
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def sim() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "simulate_cluster.py"
    spec = importlib.util.spec_from_file_location("simulate_cluster", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look their annotations up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def even(sim: ModuleType):
    """Scenes of 2 s each, workers that start in 5 s, 0.1 s to write a scene, 1 MB a scene."""
    return sim.Measured((2.0,), 5.0, 0.1, 1e6, 4.0)


@pytest.mark.parametrize(("scenes", "workers", "size"), [(64, 1, 8), (64, 4, 8), (60, 4, 8), (64, 3, 8), (1, 4, 1)])
def test_even_scenes_take_what_arithmetic_says(sim, even, scenes, workers, size) -> None:
    found = sim.simulate(even, sim.Cluster(cores=workers), scenes, per_shard=size)
    units = [min(size, scenes - first) for first in range(0, scenes, size)]
    ends = [5.0] * min(workers, len(units))
    for unit in units:  # the next unit goes to whoever is free first
        ends.sort()
        ends[0] += unit * 2.1
    assert found.wall == pytest.approx(max(ends) + sim.INDEX * len(units), abs=0.01)
    assert found.useful == pytest.approx(2 * scenes / (found.wall * workers))
    assert found.crashes == found.failures == 0


def test_shared_storage_is_the_bound_where_it_is_slow(sim, even) -> None:
    slow = sim.simulate(even, sim.Cluster(cores=64, bandwidth=2e6), 6400, per_shard=8)
    assert slow.wall == pytest.approx(6400 / 2, rel=0.02) and slow.storage > 0.97


def test_crashes_and_failing_nodes_cost_what_they_cost_and_lose_no_scene(sim, even) -> None:
    calm = sim.simulate(even, sim.Cluster(nodes=4, cores=4), 8000, per_shard=16)
    made = calm.useful * calm.core_hours
    assert made == pytest.approx(8000 * 2 / 3600)
    rough = sim.simulate(even, sim.Cluster(nodes=4, cores=4, crash=0.05), 8000, per_shard=16)
    assert rough.crashes == pytest.approx(8000 * 0.05 / 0.95, rel=0.2)
    assert rough.useful * rough.core_hours == pytest.approx(made)
    # Each crash costs half a scene and a start, 6 s, of 16 cores' time.
    assert rough.wall - calm.wall == pytest.approx(rough.crashes * 6 / 16, rel=0.2)
    failing = sim.simulate(even, sim.Cluster(nodes=4, cores=4, mtbf=0.2, back=60), 8000, per_shard=16)
    assert failing.failures > 0 and failing.wall > calm.wall
    assert failing.useful * failing.core_hours == pytest.approx(made)


def test_a_seed_gives_one_run_and_drawn_times_their_mean(sim, even) -> None:
    times = replace(even, scenes=(1.0, 2.0, 6.0))
    runs = [sim.simulate(times, sim.Cluster(cores=4, crash=0.01), 4000, seed=s, per_shard=16) for s in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]
    assert runs[0].useful * runs[0].core_hours * 3600 / 4000 == pytest.approx(3.0, abs=4 * math.sqrt(4.7 / 4000))


def test_a_real_journal_is_read(sim, tiny_dataset) -> None:
    times = sim.measured(tiny_dataset)
    assert len(times.scenes) == 2 and min(times.scenes) > 0 and times.bytes > 1000
    told = sim.compared(times, tiny_dataset, runs=2)
    assert told["scenes"] == 3 and told["workers"] == 1 and told["simulated_s"] > 0
