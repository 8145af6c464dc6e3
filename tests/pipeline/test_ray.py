"""A run on a real Ray cluster of two nodes, which the tests start."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

import pytest

import graspgen
from graspgen.dataset.check import check
from graspgen.dataset.manifest import load_manifest
from graspgen.errors import DatasetError
from graspgen.pipeline.executors import executor_of
from graspgen.pipeline.journal import Journal
from graspgen.pipeline.run import generate
from graspgen.pipeline.units import Unit
from graspgen.pipeline.work import Policy, WorkerError, WorkerEvent, Working
from graspgen.recipe_file import load_recipe

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'graspgen[ray]'")
pytestmark = pytest.mark.slow
SCENES = 20


@contextlib.contextmanager
def cluster():
    """Two nodes of one core each; the second one may be killed."""
    from ray.cluster_utils import Cluster

    before = {name: os.environ.get(name) for name in ("PYTHONPATH", "RAY_ENABLE_UV_RUN_RUNTIME_ENV")}
    here = Path(__file__).parent
    paths = [str(Path(graspgen.__file__).parents[1]), str(here), *filter(None, [before["PYTHONPATH"]])]
    os.environ |= {"PYTHONPATH": os.pathsep.join(paths), "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    size = {"num_cpus": 1, "object_store_memory": 80 << 20}
    made = Cluster(initialize_head=True, head_node_args={**size, "include_dashboard": False})
    try:
        second = made.add_node(**size)
        made.wait_for_nodes()
        yield made, second
    finally:
        ray.shutdown()
        made.shutdown()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


@pytest.fixture(scope="module")
def nodes():
    with cluster() as made:
        yield made[0].address


def odd(job, unit, report):
    """A unit whose items may kill their worker, hang, or fail."""
    for item in unit.scenes:
        if item in unit.refused:
            continue
        report(Working(unit.number, item))
        if job.get(item) == "dies":
            time.sleep(0.5)
            os._exit(1)
        if job.get(item) == "hangs":
            time.sleep(600)
        if job.get(item) == "fails":
            raise DatasetError("the disk is full")
    return unit.number, dict(unit.refused), ray.get_runtime_context().get_node_id()


def run(address, job, units, policy, told):
    made = executor_of("ray", 0, address)(job, units, told.append, odd, policy=policy, refuse=Unit.without)
    return sorted(made)


def test_an_item_that_kills_or_stops_its_workers_is_refused_and_the_others_are_made(nodes):
    units = [Unit(n, (2 * n, 2 * n + 1)) for n in range(6)]
    told = []
    done = run(nodes, {3: "dies", 6: "hangs"}, units, Policy(retries=1, time_limit=5), told)
    assert [number for number, *_ in done] == list(range(6))
    refused = {item: why for _, missing, _ in done for item, why in missing.items()}
    assert sorted(refused) == [3, 6] and "2 times" in refused[3] and "made no progress for 5 s" in refused[6]
    assert len({node for *_, node in done}) == 2
    died = [event for event in told if isinstance(event, WorkerEvent) and event.kind == "died"]
    assert sorted(event.item for event in died) == [3, 3, 6, 6]


def test_an_error_of_a_unit_is_that_of_the_run(nodes):
    with pytest.raises(DatasetError, match="the disk is full"):
        run(nodes, {1: "fails"}, [Unit(0, (0, 1))], Policy(), [])


def test_without_a_cluster_one_line_says_so():
    with pytest.raises(WorkerError, match=r"no Ray cluster answers at 127\.0\.0\.1:1: start"):
        list(executor_of("ray", 0, "127.0.0.1:1")(None, [Unit(0, (0,))], print, odd))


@pytest.mark.parametrize("store", [None, "file://{}/far"])
def test_a_node_that_is_killed_in_the_middle_of_a_run_costs_nothing(tiny, tmp_path, store):
    store = store and store.format(tmp_path)
    recipe, out = load_recipe("tabletop", tiny), tmp_path / "run"
    with cluster() as (made, second):

        def kill() -> None:
            while len(Journal(out).events("scene")) < 4:
                time.sleep(0.1)
            made.remove_node(second, allow_graceful=False)

        thread = threading.Thread(target=kill)
        thread.start()
        summary = generate(
            recipe, out, SCENES, 7, workers=0, executor="ray", address=made.address, store=store, quiet=True
        )
        thread.join()
    alone = tmp_path / "alone"
    generate(recipe, alone, SCENES, 7, quiet=True)
    assert any("node" in event["reason"] or "died" in event["reason"] for event in Journal(out).events("died"))
    assert summary.scenes == SCENES and not summary.given_up
    assert load_manifest(out).content_hash == load_manifest(alone).content_hash
    assert [s.sha256 for s in load_manifest(out).shards] == [s.sha256 for s in load_manifest(alone).shards]
    if store is None:
        assert check(out) == check(alone)
    else:
        with graspgen.open(store) as far:
            assert len(far.scenes) == SCENES
