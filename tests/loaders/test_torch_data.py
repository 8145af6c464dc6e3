"""PyTorch's DataLoader over sources: the same batches with any number and kind of workers."""

from __future__ import annotations

import gc
import multiprocessing
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'graspgen[torch]'")

from graspgen.errors import DatasetError  # noqa: E402
from graspgen.loaders import (  # noqa: E402
    Crop,
    Flip,
    GraspRectangles,
    LoaderError,
    RGBDViews,
    Rotate,
    torch_data,
)
from graspgen.loaders import torch_slots as slots  # noqa: E402
from graspgen.loaders.collate import collate  # noqa: E402
from graspgen.loaders.torch_data import data_loader  # noqa: E402


def source_of(path):
    return GraspRectangles(path, max_tilt_deg=90, augment=[Flip(), Rotate(20), Crop(48, 40)], seed=3)


def same(a, b):
    assert sorted(a) == sorted(b)
    for name in a:
        assert torch.equal(torch.as_tensor(a[name]), torch.as_tensor(b[name])), name


@pytest.fixture(autouse=True)
def _slots_for_small_batches(monkeypatch):
    """Test images are small: let their batches go through slots as well."""
    monkeypatch.setattr(slots, "_SMALL", 1 << 10)


@pytest.mark.parametrize(
    ("workers", "start", "iterable"),
    [
        (1, "fork", False),
        (2, "fork", False),
        (2, "fork", True),
        (1, "spawn", False),
        pytest.param(2, "spawn", True, marks=pytest.mark.slow),
        pytest.param(2, "forkserver", False, marks=pytest.mark.slow),
    ],
)
def test_batches_do_not_depend_on_workers(boxes_path, workers, start, iterable):
    loader = data_loader(source_of(boxes_path), 3, workers=workers, start=start, iterable=iterable)
    plain = source_of(boxes_path)
    for epoch in range(2):
        views = []
        plain.epoch = epoch
        for batch in loader:
            numbers = batch["view"].tolist()
            views += numbers
            same(batch, collate([plain[n] for n in numbers], plain.ragged))
        assert sorted(views) == list(range(8)), "each sample once an epoch"


def test_the_order_is_the_same_with_any_number_of_workers(boxes_path):
    def orders(workers):
        loader = data_loader(RGBDViews(boxes_path, images=("instances",)), 3, workers=workers)
        return [[b["view"].tolist() for b in loader] for _ in range(2)]

    alone = orders(0)
    assert alone == orders(2) and alone[0] != alone[1]


def test_an_epoch_can_be_chosen_again_though_workers_live_on(boxes_path):
    loader = data_loader(source_of(boxes_path), 4, workers=2)
    first = list(loader)
    second = list(loader)
    loader.set_epoch(0)
    for a, b in zip(first, loader, strict=True):
        same(a, b)
    assert not all(torch.equal(a["rgb"], b["rgb"]) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("iterable", [False, True])
@pytest.mark.parametrize("uneven", ["keep", "pad"])
def test_ranks_see_every_sample(boxes_path, iterable, uneven):
    source = RGBDViews(boxes_path, images=("instances",))
    seen = []
    for rank in range(3):
        loader = data_loader(
            source, 2, rank=rank, world_size=3, uneven=uneven, iterable=iterable, workers=2 * (rank == 1)
        )
        mine = [v for b in loader for v in b["view"].tolist()]
        assert len(mine) == (3 if uneven == "pad" else (3, 3, 2)[rank])
        seen += mine
    assert set(seen) == set(range(8)) and len(seen) == (9 if uneven == "pad" else 8)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_that_are_kept_are_not_written_over(boxes_path, workers):
    loader = data_loader(source_of(boxes_path), 1, workers=workers)
    plain = source_of(boxes_path)
    kept = [(epoch, batch) for epoch in range(3) for batch in loader]
    for epoch, batch in kept:
        plain.epoch = epoch
        same(batch, collate([plain[int(batch["view"][0])]], plain.ragged))


@pytest.mark.parametrize("workers", [0, 1])
def test_slots_are_free_again_once_nobody_looks_at_them(boxes_path, workers):
    loader = data_loader(source_of(boxes_path), 1, workers=workers)
    pool = loader.collate_fn._pool
    for batch in loader:  # left in the middle: what waits in the queue has to come back too
        part = batch["rgb"][0, 3:5]
        break
    del batch
    assert pool.busy.sum() >= 1, "a view of a view still holds the slot"
    value = part.clone()
    for _ in loader:
        assert torch.equal(part, value)
    del part, _
    gc.collect()
    assert not pool.busy.any()


def test_a_batch_larger_than_its_slot_is_sent_as_usual(boxes_path):
    source = RGBDViews(boxes_path)
    small = slots.Pool(0, 4096)
    batch = slots.Collate({}, "flat", small)([source[0], source[1]])
    same(batch, collate([source[0], source[1]], {}))


def test_slots_are_given_up_where_shared_memory_is_scarce(boxes_path, monkeypatch):
    class Full:
        f_bavail, f_frsize = 1, 4096

    monkeypatch.setattr(slots.os, "statvfs", lambda path: Full)
    assert slots.make_pool(RGBDViews(boxes_path)[0], 64, 2) is None
    assert slots.make_pool(RGBDViews(boxes_path)[0], 64, 0) is not None


def test_grasps_are_padded_where_that_is_asked_for(boxes_path):
    batch = next(iter(data_loader(source_of(boxes_path), 8, ragged="pad", shuffle=False)))
    assert batch["rectangles"].shape[:2] == batch["grasps_mask"].shape
    assert batch["rgb"].dtype == torch.uint8 and batch["rectangles"].dtype == torch.float32


def test_pinning_copies_a_batch_out_of_its_slot(boxes_path, monkeypatch):
    # Without a GPU nothing can be pinned: what is asked for stands in.
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self.clone())
    source = RGBDViews(boxes_path)
    pool = slots.make_pool(source[0], 2, 0)
    slot = pool.take(0)
    pool.memory[slot][:8] = 7
    waiting = slots.SlotBatch(pool.number, slot, {"a": (0, (8,), "|u1")}, {"b": torch.zeros(2)})
    pinned = waiting.pin_memory()
    assert pinned["a"].tolist() == [7] * 8 and not pool.busy.any()


def test_a_slice_of_a_shuffled_source_trains_a_layer(boxes_path):
    layer = torch.nn.Linear(5, 1)
    for batch in data_loader(source_of(boxes_path), 4):
        logits = layer(batch["rectangles"]).squeeze(-1)
        torch.nn.functional.binary_cross_entropy_with_logits(logits, batch["good"].float()).backward()
    assert layer.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"batch_size": 2, "workers": -1}])
def test_sizes_that_cannot_be_are_refused(boxes_path, wrong):
    with pytest.raises(LoaderError, match="batch_size is at least 1"):
        data_loader(RGBDViews(boxes_path), **wrong)


def test_an_empty_source_has_no_batches(boxes_path):
    assert list(data_loader(RGBDViews(boxes_path, views=np.zeros(8, bool)), 2)) == []


_KILL = """
import os, signal, sys
import numpy as np
from graspgen.loaders import RGBDViews
from graspgen.loaders.torch_data import data_loader
loader = data_loader(RGBDViews(sys.argv[1], views=np.resize(np.arange(8), 64)), 2, workers=1, start="fork")
try:
    for number, batch in enumerate(loader):
        if number == 1:
            os.kill(loader._iterator._workers[0].pid, signal.SIGKILL)
except RuntimeError as error:
    print(error)
print(sum(len(batch["view"]) for batch in loader))
"""


def test_a_killed_worker_is_an_error_and_the_next_pass_has_new_ones(boxes_path):
    # In a process of its own: torch raises in a signal's handler, wherever the program is.
    done = subprocess.run(
        [sys.executable, "-c", _KILL, str(boxes_path)], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "DataLoader worker" in done.stdout and done.stdout.split()[-1] == "64"


def test_what_is_wrong_with_a_shard_is_told_through_a_worker(boxes_path, tmp_path):
    damaged = tmp_path / "data"
    shutil.copytree(boxes_path, damaged)
    loader = data_loader(RGBDViews(damaged), 2, workers=1, start="fork", shuffle=False)
    shard = sorted((damaged / "shards").iterdir())[-1]
    os.truncate(shard, shard.stat().st_size // 2)
    with pytest.raises(DatasetError, match="truncated"):
        list(loader)


class _Reset:
    """Batches of a worker that hands over no more: what torch's iterator is when a socket is reset before it looks."""

    def __init__(self, worker):
        self._workers = [worker]

    def __iter__(self):
        raise ConnectionResetError(104, "Connection reset by peer")


@pytest.mark.parametrize(("killed", "expected"), [(True, RuntimeError), (False, ConnectionResetError)])
def test_a_reset_socket_is_a_dead_worker_only_where_one_died(killed, expected):
    worker = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    worker.start()
    try:
        if killed:
            worker.kill()
        with pytest.raises(expected, match="reset by peer"):
            next(torch_data._opened(_Reset(worker)))
    finally:
        worker.kill()
        worker.join()
