"""Rounds are pure functions of the counts before them, and end when all is met. No scene is made here."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graspgen.dataset.tally import SceneTally
from graspgen.pipeline.quota_rows import report
from graspgen.pipeline.rounds import History, all_met, next_round
from graspgen.recipe.quotas import Quotas

VIEWS = 2
EXPECTED = {"objects": 1.5, "views": float(VIEWS), "annotations": 3.0, "grasps": 6.0}


def fake_scene(quotas: Quotas, scene: int, levers: dict[str, str]) -> SceneTally:
    """Two views by the engine that the scene was drawn for; an object of its class, in every third scene a mug too."""
    items: Counter[tuple[str, str]] = Counter()
    engine, first = levers.get("engines", "opengl"), levers.get("classes", "box")
    for name in quotas.engines:
        items["engines", name] = VIEWS * (name == engine)
    for name in quotas.classes:
        items["classes", name] = (name == first) + (name == "mug" and scene % 3 == 0)
    items["", "views"], items["", "objects"] = VIEWS, 2
    return SceneTally(scene, levers, items)


def simulate(quotas: Quotas, most: int, seed: int = 0) -> tuple[History, list[dict[str, str]]]:
    levers = {(d, n) for d, names in quotas.targets.items() for n in names}
    history, drawn = History(), []
    while len(drawn) < most:
        planned = next_round(quotas, levers, EXPECTED, history, len(drawn), seed)
        if planned is None:
            break
        now = [dict(x) for x in planned.levers[: most - len(drawn)]]
        history.add([fake_scene(quotas, len(drawn) + i, x) for i, x in enumerate(now)], quotas.targets)
        drawn += now
    return history, drawn


def test_a_count_that_every_scene_drawn_for_it_gives_is_met_exactly():
    quotas = Quotas(engines={"filament": 10, "opengl": 14}, round=4)
    history, drawn = simulate(quotas, 100)
    assert (history.items["engines", "filament"], history.items["engines", "opengl"]) == (10, 14)
    assert len(drawn) == 12


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_a_share_is_dealt_out_by_count(share):
    quotas = Quotas(engines={"filament": share}, round=20, tolerance=0.0)
    whole = 8 + 8 + 16 + 20 + 20 + 20 + 23 + 28 + 35  # a last round that is cut short has what it has
    history, drawn = simulate(quotas, whole)
    assert len(drawn) == whole  # shares alone never end a run
    assert abs(history.items["engines", "filament"] - VIEWS * whole * share) <= VIEWS


def test_what_comes_by_itself_is_not_drawn_for():
    # A third of the scenes has a mug anyway.
    history, drawn = simulate(Quotas(classes={"mug": 0.1}, round=12), 300)
    assert sum("classes" in x for x in drawn[12:]) < 10
    assert history.items["classes", "mug"] >= 0.1 * history.items["", "objects"]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 9), st.integers(0, 5))
def test_the_first_scenes_do_not_depend_on_how_many_there_may_be(most, more, size, seed):
    quotas = Quotas(engines={"filament": 0.3}, classes={"mug": 30, "bowl": 8}, round=size)
    _, short = simulate(quotas, most, seed)
    history, long = simulate(quotas, most + more, seed)
    assert long[: len(short)] == short
    assert len(long) == most + more or all_met(quotas, history)


def test_an_unmet_quota_says_what_its_scenes_gave_and_what_would_do():
    quotas = Quotas(engines={"filament": 10}, classes={"mug": 2}, round=3)
    history, _ = simulate(quotas, 3)
    rows = {row.target: row for row in report(quotas, history, 3, {"engines.filament", "classes.mug"})}
    assert rows["classes.mug"].met and rows["classes.mug"].why == ""
    assert not rows["engines.filament"].met
    assert "gives 2" in rows["engines.filament"].why and "about 2 more would do" in rows["engines.filament"].why
    assert "-n 3 is reached" in rows["engines.filament"].line()


def test_a_lever_that_gives_fewer_but_a_greater_share_is_used():
    target, kind = ("outcomes", "success"), ("", "grasps")
    quotas = Quotas.model_validate({"outcomes": {"success": 0.8}, "round": 10})
    drawn, other = Counter({target: 75, kind: 100}), Counter({target: 208, kind: 360})
    history = History(36, drawn + other, Counter({target: 10, ("outcomes", ""): 16}), {target: drawn})
    planned = next_round(
        quotas, [target], {"grasps": 15.0, "views": 2.0, "objects": 3.0, "annotations": 6.0}, history, 36, 0
    )
    assert planned is not None and all(levers == {"outcomes": "success"} for levers in planned.levers)


def test_a_run_of_a_dozen_scenes_is_steered_as_well():
    # All three counts take 7 scenes that are drawn for them, and scenes are drawn for both dimensions at once.
    quotas = Quotas(engines={"filament": 6}, classes={"mug": 3, "bowl": 2})
    history, drawn = simulate(quotas, 12)
    assert all_met(quotas, history) and len(drawn) <= 12


def test_rounds_double_until_they_are_as_long_as_the_recipe_says():
    quotas, history, sizes = Quotas(engines={"filament": 0.5}, round=32), History(), []
    for _ in range(6):
        planned = next_round(quotas, [("engines", "filament")], EXPECTED, history, history.scenes, 0)
        sizes.append(len(planned.levers))
        history.add([fake_scene(quotas, i, x) for i, x in enumerate(planned.levers)], quotas.targets)
    assert sizes == [8, 8, 16, 32, 32, 32]


def test_shares_that_are_met_do_not_make_rounds_short():
    quotas = Quotas(engines={"opengl": 0.5})  # which every scene gives
    sizes, history = [], History()
    for _ in range(5):
        planned = next_round(quotas, [("engines", "opengl")], EXPECTED, history, history.scenes, 0)
        sizes.append(len(planned.levers))
        history.add([fake_scene(quotas, i, x) for i, x in enumerate(planned.levers)], quotas.targets)
    assert sizes == [8, 8, 16, 32, 32]
