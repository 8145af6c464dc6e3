"""Conditions mean what NumPy says, and what cannot be meant is told in one line."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graspgen
from graspgen.dataset.reader import Dataset
from graspgen.dataset.where import LONGEST, Field, Where, WhereError
from graspgen.errors import GraspgenError
from graspgen.grasps.outcomes import Outcome

N = 40
_RNG = np.random.default_rng(5)


class Kind(IntEnum):
    RED = 0
    GREEN = 1
    BLUE = 7


#: Name → values, with the corners of their types in them.
COLUMNS = {
    "a": _RNG.normal(size=N).astype(np.float32),
    "b": np.where(_RNG.random(N) < 0.2, np.nan, _RNG.integers(-3, 4, N).astype(float)),
    "i": _RNG.integers(0, 256, N).astype(np.uint8),
    "k": _RNG.integers(-5, 5, N) + (1 << 40),
    "ok": _RNG.random(N) < 0.5,
    "name": np.array(["mug", "bowl", "", "box"], object)[_RNG.integers(0, 4, N)],
    "kind": np.array([0, 1, 7], np.uint8)[_RNG.integers(0, 3, N)],
    "m": _RNG.normal(size=(N, 2, 3)),
}
KINDS = {"ok": "bool", "name": "text", "kind": "code"}


def resolve(name: str) -> Field:
    if name not in COLUMNS:
        raise KeyError(f"no column '{name}'")
    values = COLUMNS[name]
    enum = Kind if name == "kind" else None
    return Field(lambda: values, KINDS.get(name, "number"), values.shape[1:], enum)


def where(text: str) -> np.ndarray:
    return Where(text, resolve).evaluate(N)


def wide(name: str) -> np.ndarray:
    return COLUMNS[name].astype(np.int64) if COLUMNS[name].dtype.kind in "iu" else COLUMNS[name]


# A number and a condition, each as its text and what NumPy makes of it.
_leaf = st.one_of(
    st.sampled_from(["a", "b", "i", "k"]).map(lambda n: (n, wide(n))),
    st.tuples(st.integers(0, 1), st.integers(-3, 2)).map(lambda at: (f"m[{at[0]}, {at[1]}]", COLUMNS["m"][:, *at])),
    st.integers(-300, 300).map(lambda v: (f"({v})" if v < 0 else str(v), v)),
    st.sampled_from([0.5, 2.25, 1e-3]).map(lambda v: (repr(v), v)),
)


def _joined(numbers: st.SearchStrategy) -> st.SearchStrategy:
    act = {"+": np.add, "-": np.subtract, "*": np.multiply}

    def join(given):
        (left, x), sign, (right, y) = given
        if isinstance(x, int | float) and isinstance(y, int | float):
            return f"({left} {sign} {right})", eval(f"x {sign} y")
        return f"({left} {sign} {right})", act[sign](x, y)

    def divided(given):
        (left, x), by = given
        return f"({left} / {by})", x / by

    return st.one_of(
        st.tuples(numbers, st.sampled_from(list(act)), numbers).map(join),
        st.tuples(numbers, st.sampled_from([2, 0.25, -3])).map(divided),
        numbers.map(lambda g: (f"-{g[0]}", -g[1])),
        numbers.map(lambda g: (f"abs({g[0]})", np.abs(g[1]))),
    )


numbers = st.recursive(_leaf, _joined, max_leaves=4)
_compare = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def _chain(given) -> tuple[str, np.ndarray]:
    (text, x), rest = given
    found = np.ones(N, bool)
    for sign, (right, y) in rest:
        text, found, x = f"{text} {sign} {right}", found & _compare[sign](x, y), y
    return text, found


_link = st.tuples(st.sampled_from(list(_compare)), numbers)
_facts = st.one_of(
    st.tuples(numbers, st.lists(_link, min_size=1, max_size=3)).map(_chain),
    st.just(("ok", COLUMNS["ok"])),
    st.just(("isnan(b)", np.isnan(COLUMNS["b"]))),
    st.sampled_from(["mug", "bowl", "nothing"]).map(lambda t: (f"name == '{t}'", COLUMNS["name"] == t)),
    st.sampled_from(list(Kind)).map(lambda k: (f"kind != '{k.name.title()}'", COLUMNS["kind"] != k)),
    st.lists(st.sampled_from(["mug", "box"]), max_size=2).map(lambda t: (f"name in {t}", np.isin(COLUMNS["name"], t))),
    st.lists(st.sampled_from(list(Kind)), max_size=2).map(
        lambda ks: (f"kind not in {[k.name for k in ks]}", ~np.isin(COLUMNS["kind"], [int(k) for k in ks]))
    ),
)  # fmt: skip


def _logic(facts: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(
        st.lists(facts, min_size=2, max_size=3).map(
            lambda fs: (" and ".join(f"({t})" for t, _ in fs), np.logical_and.reduce([v for _, v in fs]))
        ),
        st.lists(facts, min_size=2, max_size=3).map(
            lambda fs: (" or ".join(f"({t})" for t, _ in fs), np.logical_or.reduce([v for _, v in fs]))
        ),
        facts.map(lambda f: (f"not ({f[0]})", ~f[1])),
    )


@settings(max_examples=200, deadline=None)
@given(st.recursive(_facts, _logic, max_leaves=4))
def test_a_condition_is_what_numpy_makes_of_it(fact: tuple[str, np.ndarray]) -> None:
    text, expected = fact
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(where(text), np.broadcast_to(expected, N), err_msg=text)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=40) | st.text("ab<>=!()[]+-*/'. andorit0123,\n", max_size=60))
def test_any_text_gives_a_condition_or_one_line(text: str) -> None:
    try:
        found = where(text)
    except GraspgenError as error:
        assert "\n" not in str(error) and len(str(error)) < 400
    else:
        assert found.shape == (N,) and found.dtype == np.bool_


def test_bytes_do_not_wrap_around() -> None:
    np.testing.assert_array_equal(where("i - 300 < 0"), np.ones(N, bool))
    np.testing.assert_array_equal(where("-i <= 0"), np.ones(N, bool))
    np.testing.assert_array_equal(where("i < 100000000000000000000000"), np.ones(N, bool))
    np.testing.assert_array_equal(where("k == 1099511627776"), COLUMNS["k"] == 1 << 40)


WRONG = {
    "a <": "invalid syntax",
    "a = 1": "compare with == ",
    "(a < 1": "was never closed at character 1",
    "zz < 1": "no column 'zz'",
    "a": "a is a number, not true or false",
    "a < 'x'": "a number cannot be compared with a text",
    "name < 'b'": "== and != only",
    "kind < 'red'": "== and != only",
    "kind == 'redd'": "did you mean 'red'",
    "m < 1": "m has 2×3 numbers",
    "m[0] < 1": "m has 2×3 numbers",
    "m[0, 3] < 1": "m has 2×3 numbers",
    "m[a, 0] < 1": "whole number",
    "a[0] < 1": "one value a row",
    "a & b": "write and",
    "~ok": "write not",
    "a ** 2 < 1": "only + - * /",
    "1 / 0 < a": "division by zero",
    "a is 1": "write ==",
    "a in b": "takes a [list]",
    "a in [b]": "a list may hold",
    "a in ['x']": "a number cannot be compared with a text",
    "sqrt(a) < 1": "no function sqrt",
    "abs(a, b) < 1": "takes one number",
    "__import__('os').system('true')": "no function",
    "().__class__": "dot may follow a name only",
    "(lambda: 1)() < 2": "no function",
    "[x for x in a]": "ListComp cannot be used",
    "a < 1j": "is no number",
    "a < b\x00": "",
    "-" * 5000 + "a < 1": "",
    "(" * 300 + "a" + ")" * 300 + " < 1": "",
    "a<1 or " * LONGEST + "a<1": "more than",
    "": "",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_cannot_be_meant_is_told_in_one_line(text: str) -> None:
    with pytest.raises(WhereError) as error:
        where(text)
    assert WRONG[text].strip() in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 300


def test_the_place_of_a_mistake_is_counted_in_characters() -> None:
    with pytest.raises(WhereError, match=r"\(character 17\)"):
        where("name == 'ä' and zz < 1")


# --- on a dataset -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ds(sound: Path) -> Dataset:
    return graspgen.open(sound)


def rows(ds: Dataset, table: str, text: str) -> list[int]:
    return ds.tables[table](where=text).rows.tolist()


def expected(mask: np.ndarray) -> list[int]:
    assert 0 < mask.sum() < len(mask), "the test must tell something"
    return np.flatnonzero(mask).tolist()


def test_units_follow_a_suffix(ds: Dataset) -> None:
    width = ds.grasps["width"]
    assert rows(ds, "grasps", "width_mm < 80") == expected(width < 0.08)
    assert rows(ds, "grasps", "width_cm >= 8 and width_um < 1e9") == expected(width >= 0.08)
    assert rows(ds, "objects", "mass_g > 250") == expected(ds.objects["mass"] > 0.25)
    assert rows(ds, "objects", "T_world_object_mm[2, 3] > 38") == expected(
        ds.objects["T_world_object"][:, 2, 3] > 0.038
    )
    with pytest.raises(WhereError, match="'mass' is in kg"):
        ds.objects("mass_mm < 2")


def test_drift_is_that_of_the_nominal_free_trial(ds: Dataset) -> None:
    drift = {int(g): d for g, d, kind, draw in zip(
        ds.trials["grasp"], ds.trials["drift_holding"], ds.trials["kind"], ds.trials["draw"], strict=True
    ) if kind == 0 and draw == 0}  # fmt: skip
    good = np.array([
        o == Outcome.SUCCESS and drift[int(g)] < 0.0025
        for g, o in zip(ds.grasps["id"], ds.grasps["outcome"], strict=True)
    ])  # fmt: skip
    assert rows(ds, "grasps", "outcome=='success' and drift_mm<2.5") == expected(good)


def test_a_dotted_name_leads_to_other_tables(ds: Dataset) -> None:
    objects = np.searchsorted(ds.objects["id"], ds.grasps["object"])
    assert rows(ds, "grasps", "object.mass_g > 250") == expected(ds.objects["mass"][objects] > 0.25)
    names = ds.assets["name"][ds.objects["asset"][objects]]
    for text in ("object.asset.name == 'box_1'", "asset.name == 'box_1'", "object.name == 'box_1'"):
        assert rows(ds, "grasps", text) == expected(names == "box_1")
    assert rows(ds, "views", "scene.index in [1, 2]") == expected(np.isin(ds.views["scene"], [1, 2]))
    assert rows(ds, "grasps", "in_scene.outcome == 'success'") == expected(ds.grasps["outcome_in_scene"] == 0)
    tried = ds.grasps["outcome_in_scene"] == 0
    assert rows(ds, "grasps", "scene_trial.lift_height_cm > 10") == expected(tried), "rows without a trial are left out"
    assert rows(ds, "grasps", "isnan(scene_trial.steps)") == expected(ds.grasps["outcome_in_scene"] == 255)


def test_the_annotation_of_a_grasp_s_object_in_a_view_is_found(ds: Dataset) -> None:
    a, sights = ds.annotations, ds.grasp_views
    seen = {(int(v), int(o)): x for v, o, x in zip(a["view"], a["object"], a["pixels_visible"], strict=True)}
    object_of = dict(zip(ds.grasps["id"].tolist(), ds.grasps["object"].tolist(), strict=True))
    pixels = np.array([
        seen[int(v), object_of[int(g)]] for v, g in zip(sights["view"], sights["grasp"], strict=True)
    ])  # fmt: skip
    limit = int(np.median(pixels))
    assert rows(ds, "grasp_views", f"annotation.pixels_visible > {limit}") == expected(pixels > limit)
    assert rows(ds, "keypoints", "annotation.pixels_visible >= 0") == list(range(len(ds.keypoints)))


def test_bits_are_asked_by_their_names(ds: Dataset) -> None:
    bits = ds.grasp_views["seen"]
    assert rows(ds, "grasp_views", "'first_visible' in seen") == expected((bits & 1) != 0)
    assert rows(ds, "grasp_views", "'first_visible' not in seen") == expected((bits & 1) == 0)


def test_a_selection_is_lazy_and_chosen_from_again(sound: Path) -> None:
    ds = graspgen.open(sound)
    good = ds.grasps(where="outcome == 'success'")
    assert not ds._files._files, "nothing is opened before it is asked for"
    assert len(good) == 16 and good["width"].shape == (16,) and "16 of 32 grasps" in repr(good)
    np.testing.assert_array_equal(good["id"], ds.grasps["id"][ds.grasps["outcome"] == 0])
    wide = good("width_mm > 70")
    assert set(wide.rows) < set(good.rows) and (wide["width"] > 0.07).all()
    assert good.row(3)["id"] == good["id"][3]
    assert (
        ds.grasps(rows=[5, -1]).rows.tolist() == [5, 31] and good(rows=[0, 1]).rows.tolist() == good.rows[:2].tolist()
    )
    assert len(ds.grasps(rows=np.zeros(32, bool))) == 0
    with pytest.raises(IndexError):
        ds.grasps(rows=[32])
    images = ds.views("scene == 2")["rgb"]
    assert images.shape == (2, 48, 64, 3) and len(list(images)) == 2
    np.testing.assert_array_equal(images[1], ds.rgb(5))
    with pytest.raises(WhereError, match="is an image"):
        ds.views("rgb > 1")


def test_tables_of_pandas_and_arrow_hold_the_same(ds: Dataset) -> None:
    pytest.importorskip("pandas")
    pa = pytest.importorskip("pyarrow")
    frame, table = ds.grasps.to_pandas(), ds.grasps.to_arrow()
    assert list(frame) == list(ds.grasps.columns) == table.column_names
    assert (frame["outcome"] == "success").tolist() == (ds.grasps["outcome"] == 0).tolist()
    assert table["outcome"].to_pylist() == frame["outcome"].tolist()
    np.testing.assert_array_equal(np.array(table["T_object_grasp"].to_pylist()), ds.grasps["T_object_grasp"])
    np.testing.assert_array_equal(np.stack(frame["contacts"]), ds.grasps["contacts"])
    assert table.schema.field("width").metadata[b"unit"] == b"m"
    chosen = ds.grasps("outcome == 'success'")
    some = chosen.to_pandas(["id", "object.class_name", "width_mm"])
    np.testing.assert_allclose(some["width_mm"], chosen["width"] * 1000)
    assert some.index.tolist() == chosen.rows.tolist() and set(some["object.class_name"]) == set(
        ds.assets["class_name"]
    )
    assert chosen.to_arrow(["width_mm"]).schema.field("width_mm").metadata[b"unit"] == b"mm"
    for name in ds.tables:
        pa.Table.validate(ds.tables[name].to_arrow())
    with pytest.raises(KeyError, match="did you mean 'width'"):
        chosen.to_pandas(["widht"])
