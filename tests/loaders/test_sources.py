"""Sources, their order and their batches, without any framework."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graspgen.loaders import (
    Batches,
    ContactGrasps,
    Crop,
    GraspRectangles,
    JaxBatches,
    LoaderError,
    ObjectPoses,
    PlanarGraspMaps,
    PointClouds,
    RGBDViews,
    Rotate,
    Source,
    collate,
)
from graspgen.loaders.order import epoch_order, share

SOURCES = (RGBDViews, GraspRectangles, PlanarGraspMaps, PointClouds, ContactGrasps, ObjectPoses)


def same(a, b):
    assert list(a) == list(b)
    for name in a:
        assert a[name].dtype == b[name].dtype and np.array_equal(a[name], b[name]), name


def joined(parts):
    return [i for part in parts for i in part]


def checksums(source, pipe):
    pipe.send((os.getpid(), [sum(float(np.sum(v, dtype=float)) for v in s.values()) for s in source]))


@pytest.mark.parametrize("kind", SOURCES)
def test_a_source_is_a_list_of_arrays_that_can_be_sent_anywhere(boxes_path, kind):
    source = kind(boxes_path)
    assert isinstance(source, Source) and len(source) == len(source.shards())
    assert all(isinstance(v, np.ndarray) for v in source[0].values())
    same(source[-1], source[len(source) - 1])
    copy = pickle.loads(pickle.dumps(source))
    same(copy[1], source[1])
    with pytest.raises(IndexError):
        source[len(source)]


def test_what_is_random_depends_on_seed_epoch_and_number_alone(boxes_path):
    a = PointClouds(boxes_path, points=50, augment=[Rotate()], seed=4)
    b = PointClouds(boxes_path, points=50, augment=[Rotate()], seed=4)
    b[3], b[0]
    same(a[5], b[5])
    first = a[5]
    a.epoch = 1
    assert not np.array_equal(a[5]["points"], first["points"])
    a.epoch = 0
    same(a[5], first)
    other = PointClouds(boxes_path, points=50, augment=[Rotate()], seed=5)
    assert not np.array_equal(other[5]["points"], first["points"])


def test_several_samples_are_read_in_ascending_order_and_returned_in_the_given_one(boxes_path, monkeypatch):
    source, read = RGBDViews(boxes_path), []
    plain = source.sample
    monkeypatch.setattr(source, "sample", lambda row, rng: read.append(row) or plain(row, rng))
    found = source.__getitems__([5, 1, 6, 1])
    assert read == [1, 1, 5, 6]
    assert [int(s["view"]) for s in found] == [5, 1, 6, 1]


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_processes_open_their_own_files(boxes_path, start):
    source = RGBDViews(boxes_path)
    expected = [sum(float(np.sum(v, dtype=float)) for v in s.values()) for s in source]  # files are open now
    context = multiprocessing.get_context(start)
    pipes = [context.Pipe() for _ in range(2)]
    readers = [context.Process(target=checksums, args=(source, theirs)) for _, theirs in pipes]
    for reader in readers:
        reader.start()
    answers = [mine.recv() for mine, _ in pipes]
    for reader in readers:
        reader.join()
    assert [sums for _, sums in answers] == [expected, expected]
    assert len({pid for pid, _ in answers} | {os.getpid()}) == 3


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.integers(0, 99), st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_an_epoch_visits_every_sample_once_and_shard_after_shard(shards, seed, epoch):
    order = epoch_order(shards, seed, epoch)
    assert sorted(order.tolist()) == list(range(len(shards)))
    visited = np.array(shards)[order]
    assert 1 + int((np.diff(visited) != 0).sum()) == len(set(shards)), "no shard is begun twice"
    assert (order == epoch_order(shards, seed, epoch)).all()


def test_shards_and_samples_within_them_are_both_shuffled_evenly():
    shards = np.repeat([0, 1, 2], 4)
    orders = np.array([epoch_order(shards, 1, e) for e in range(600)])
    first = np.bincount(orders[:, 0], minlength=12)
    assert first == pytest.approx(50, abs=25)
    assert (epoch_order(shards, 1, 0, shuffle=False) == np.arange(12)).all()


@given(st.integers(0, 50), st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_ranks_share_an_epoch_exactly_or_padded_or_less_the_rest(n, world_size):
    order = np.random.default_rng(0).permutation(n)
    keep, pad, drop = (
        [share(order, rank, world_size, way).tolist() for rank in range(world_size)] for way in ("keep", "pad", "drop")
    )
    assert sorted(joined(keep)) == list(range(n)) and max(map(len, keep)) - min(map(len, keep)) <= 1
    assert {len(p) for p in pad} == {-(-n // world_size)} and set(joined(pad)) == set(range(n))
    assert {len(p) for p in drop} == {n // world_size} and len(set(joined(drop))) == n // world_size * world_size


def test_ranks_that_cannot_be_are_refused():
    with pytest.raises(LoaderError, match="ranks of 2 processes are 0 … 1, got 2"):
        share([1, 2], 2, 2)
    with pytest.raises(LoaderError, match="uneven is"):
        share([1, 2], 0, 2, "split")


def test_ragged_arrays_are_joined_with_offsets_or_padded_with_a_mask():
    ragged = {"rectangles": "grasps", "good": "grasps"}
    counts = [2, 0, 3]
    samples = [
        {"rgb": np.full((2, 2, 3), n, np.uint8), "rectangles": np.full((n, 5), n + 0.5), "good": np.ones(n, bool)}
        for n in counts
    ]
    flat = collate(samples, ragged)
    assert flat["rgb"].shape == (3, 2, 2, 3) and flat["grasps_offsets"].tolist() == [0, 2, 2, 5]
    for b, n in enumerate(counts):
        rows = flat["rectangles"][flat["grasps_offsets"][b] : flat["grasps_offsets"][b + 1]]
        assert rows.tolist() == samples[b]["rectangles"].tolist() and len(rows) == n
    padded = collate(samples, ragged, "pad")
    assert padded["rectangles"].shape == (3, 3, 5) and padded["grasps_mask"].sum(axis=1).tolist() == counts
    assert (padded["rectangles"][padded["grasps_mask"]] == flat["rectangles"]).all()
    assert not padded["rectangles"][~padded["grasps_mask"]].any()


def test_images_of_several_sizes_make_no_batch():
    with pytest.raises(LoaderError, match="bring images to one size"):
        collate([{"rgb": np.zeros((2, 2, 3))}, {"rgb": np.zeros((3, 2, 3))}], {})
    with pytest.raises(LoaderError, match="at least one"):
        collate([], {})


def test_every_pass_is_the_next_epoch_and_ranks_share_it(boxes_path):
    source = RGBDViews(boxes_path, images=("instances",))
    batches = Batches(source, 3)
    passes = [[b["view"].tolist() for b in batches] for _ in range(2)]
    assert all(sorted(joined(p)) == list(range(8)) for p in passes) and passes[0] != passes[1]
    assert [len(b) for b in passes[0]] == [3, 3, 2] and len(batches) == 3
    batches.set_epoch(0)
    assert [b["view"].tolist() for b in batches] == passes[0]
    seen = []
    for rank in range(3):
        seen += joined(b["view"].tolist() for b in Batches(source, 2, rank=rank, world_size=3, uneven="keep"))
    assert sorted(seen) == list(range(8))
    assert len(list(Batches(source, 3, drop_last=True))) == 2


JAX = """
import sys
import jax, numpy as np
from graspgen.loaders import Batches, GraspRectangles, JaxBatches
source = GraspRectangles(sys.argv[1], max_tilt_deg=90)
plain, batch = next(iter(Batches(source, 4, ragged="pad"))), next(iter(JaxBatches(source, 4)))
assert sorted(plain) == sorted(batch)
for name, values in batch.items():
    exact = name == "grasp"  # keys have more than 32 bits
    assert isinstance(values, np.ndarray if exact else jax.Array), name
    assert (values == plain[name]).all() if exact else np.allclose(values, plain[name]), name
"""


def test_jax_takes_the_batches(boxes_path):
    if find_spec("jax") is None:
        pytest.skip("JAX is not installed: pip install 'graspgen[jax]'")
    # In a process of its own: JAX starts threads, and other tests fork.
    done = subprocess.run([sys.executable, "-c", JAX, str(boxes_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_shards_are_told_by_row(boxes_path):
    assert RGBDViews(boxes_path).shards().tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"views": [99]}, "numbered 0 … 7"),
        ({"views": [True]}, "a mask of views"),
        ({"images": ["rgbd"]}, "no image 'rgbd'"),
        ({"seed": -1}, "a seed"),
    ],
)
def test_what_is_not_there_is_refused(boxes_path, options, words):
    with pytest.raises(LoaderError, match=words):
        RGBDViews(boxes_path, **options)


def test_importing_loaders_imports_no_framework_and_no_engine():
    heavy = "('torch', 'jax', 'tensorflow', 'datasets', 'mujoco', 'OpenGL')"
    code = f"import sys, graspgen.loaders; sys.exit(' '.join(m for m in {heavy} if m in sys.modules) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["torch", "jax", "datasets", "tensorflow"])
def test_a_missing_framework_is_one_clear_line(boxes_path, monkeypatch, module):
    from graspgen.loaders import hf_data, tf_data

    monkeypatch.setitem(sys.modules, module, None)
    for name in [m for m in sys.modules if m.startswith("graspgen.loaders.torch")]:
        monkeypatch.delitem(sys.modules, name)
    source = RGBDViews(boxes_path)
    with pytest.raises(LoaderError, match=rf"^{module} is needed and missing .*pip install 'graspgen\[") as caught:
        match module:
            case "torch":
                import graspgen.loaders.torch_data  # noqa: F401
            case "jax":
                JaxBatches(source, 2)
            case "datasets":
                hf_data.to_huggingface(source)
            case "tensorflow":
                tf_data.to_tf_data(source)
    assert "\n" not in str(caught.value)


def test_one_augmented_batch_has_one_size(boxes_path):
    source = PlanarGraspMaps(boxes_path, max_tilt_deg=90, augment=[Rotate(), Crop(32, 32, (0.5, 1.0))])
    for batch in Batches(source, 4):
        assert batch["quality"].shape[1:] == (32, 32) and batch["grasps_offsets"][-1] == len(batch["rectangles"])
