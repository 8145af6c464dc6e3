"""Splits: where an object belongs depends on itself alone, and shares hold for many."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graspgen.errors import ObjectError
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.objects.selection import PROCEDURAL_SPLIT, procedural_subset
from graspgen.objects.splits import SHARES, Split, fraction, parse_shares, split_from
from graspgen.recipe import Objects

PINNED = ["test", "test", "test", "train"]

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)
shares = st.lists(st.integers(1, 20), min_size=1, max_size=5).map(
    lambda parts: tuple((f"part{i}", n / sum(parts)) for i, n in enumerate(parts))
)


def catalogue(**knobs):
    objects = Objects(**{"pool": 300, **knobs})
    return procedural_subset(ProceduralCatalogue(objects, 5), objects)


@given(st.sets(names, min_size=1, max_size=30), st.sets(names, max_size=30), shares, names)
def test_adding_objects_moves_no_old_one(old, new, parts, salt):
    split = Split("object", parts, salt)
    before = {name: split.of(name, "thing") for name in sorted(old)}
    after = {name: split.of(name, "thing") for name in sorted(old | new, reverse=True)}
    assert all(after[name] == part for name, part in before.items())


@given(st.lists(st.tuples(names, st.sampled_from("abcdefg")), max_size=60), shares, names)
def test_a_category_never_straddles_parts(objects, parts, salt):
    split = Split("category", parts, salt)
    found = {}
    for name, class_name in objects:
        assert found.setdefault(class_name, split.of(name, class_name)) in split.names


@pytest.mark.parametrize("salt", ["graspgen", "another"])
def test_shares_are_approximated(salt):
    split, n = Split("object", (("train", 0.7), ("val", 0.05), ("test", 0.25)), salt), 20_000
    got = np.unique([split.of(f"object-{k}", "") for k in range(n)], return_counts=True)
    for part, share in split.shares:
        count = dict(zip(*got, strict=True))[part]
        assert abs(count - n * share) < 4.5 * np.sqrt(n * share * (1 - share))


def test_another_salt_divides_anew():
    one, two = (Split("object", tuple(SHARES.items()), salt) for salt in ("a", "b"))
    keys = [f"object-{k}" for k in range(500)]
    same = np.mean([one.of(k, "") == two.of(k, "") for k in keys])
    assert 0.55 < same < 0.75, "chance alone makes 0.66 agree"


def test_assignments_are_those_of_every_earlier_version():
    # Part of what stored splits mean: never change these.
    for name in ("mug", "bowl", "box-000001", "0"):
        by_hand = int(hashlib.sha256(b"graspgen\n" + name.encode()).hexdigest()[:16], 16) / 2**64
        assert fraction("graspgen", name) == pytest.approx(by_hand, abs=1e-15)
    split = Split("object", tuple(SHARES.items()))
    assert [split.of(name, "") for name in ("mug", "bowl", "box-000001", "0")] == PINNED


def test_a_split_survives_storing():
    split = Split("category", (("train", 0.75), ("test", 0.25)), "salty")
    assert split_from(split.plain()) == split


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("train=0.8,test=0.1", "add up to 1"),
        ("train", "expected NAME=SHARE"),
        ("train=most", "expected NAME=SHARE"),
        ("train=0.5,train=0.5", "named twice"),
        ("train=1.5,test=-0.5", "above 0"),
        ("train=nan", "above 0"),
        ("a b=1", "cannot name a part"),
    ],
)
def test_shares_that_are_none_are_refused(text, told):
    with pytest.raises(ObjectError, match=told):
        Split("object", parse_shares(text))


def test_a_split_by_something_else_is_refused():
    with pytest.raises(ObjectError, match="by object or by category"):
        Split("size", (("all", 1.0),))


def test_procedural_objects_are_split_by_their_numbers():
    parts = {part: catalogue(split=part) for part in PROCEDURAL_SPLIT.names}
    assert sum(map(len, parts.values())) == 300
    assert 210 < len(parts["train"]) < 270
    found = {part: {c.asset(k).name for k in range(len(c))} for part, c in parts.items() if part != "train"}
    assert not found["val"] & found["test"]
    larger = catalogue(split="test", pool=400)
    assert found["test"] <= {larger.asset(k).name for k in range(len(larger))}, "a larger pool moves nothing"


def test_a_part_of_the_procedural_objects_are_the_very_same_objects():
    whole, part = catalogue(), catalogue(split="val")
    asset = part.asset(3)
    same = whole.asset(int(asset.name.rsplit("-", 1)[1]))
    assert asset.name == same.name and np.array_equal(asset.mesh.vertices, same.mesh.vertices)
    assert part.class_names == whole.class_names, "class ids are the same in every part"


def test_procedural_objects_are_restricted_to_classes():
    mugs = catalogue(classes=["mug", "bowl"])
    assert 0 < len(mugs) < 300
    assert {mugs.asset(k).class_name for k in range(10)} <= {"mug", "bowl"}


@pytest.mark.parametrize(
    ("knobs", "told"),
    [
        ({"split": "trian"}, "did you mean 'train'"),
        ({"classes": ["mgu"]}, "did you mean 'mug'"),
        ({"split": "val", "pool": 1}, "raise objects.pool"),
    ],
)
def test_what_no_procedural_object_is_in_is_told(knobs, told):
    with pytest.raises(ObjectError, match=told):
        catalogue(**knobs)
