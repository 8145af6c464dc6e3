from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graspgen.errors import RecipeError
from graspgen.preset_file import preset_names
from graspgen.recipe.presets import share_of
from graspgen.recipe_file import load_recipe


def test_half_and_half_takes_turns() -> None:
    assert [share_of({"dr": 0.5, "photoreal": 0.5}, n) for n in range(4)] == ["dr", "photoreal"] * 2


@pytest.mark.parametrize(("shares", "views"), [((0.5, 0.5), 1000), ((0.1, 0.9), 1000), ((1, 2), 999), ((3, 4, 1), 800)])
def test_the_shares_of_a_whole_run_are_exact(shares: tuple[float, ...], views: int) -> None:
    mix = {f"p{i}": share for i, share in enumerate(shares)}
    counted = Counter(share_of(mix, n) for n in range(views))
    assert [counted[f"p{i}"] for i in range(len(shares))] == [round(s / sum(shares) * views) for s in shares]


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=4), st.integers(1, 3000))
def test_every_beginning_of_a_run_is_near_the_shares(shares: list[float], views: int) -> None:
    mix = {f"p{i}": share for i, share in enumerate(shares)}
    counted = Counter(share_of(mix, n) for n in range(views))
    for i, share in enumerate(shares):
        assert abs(counted[f"p{i}"] - share / sum(shares) * views) < len(shares) / 2 + 1e-6


def test_a_view_far_along_a_run_costs_no_more() -> None:
    assert share_of({"a": 0.3, "b": 0.7}, 10**12) in ("a", "b")


def test_a_preset_of_share_zero_gets_nothing() -> None:
    assert {share_of({"a": 0, "b": 1}, n) for n in range(50)} == {"b"}


def test_a_preset_gives_values_and_the_recipe_wins(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("render: {shadows: 0.25, lights: {count: 2, ambient: 0.1}}\n")
    path = tmp_path / "r.yaml"
    path.write_text("task: a\nrender: {preset: mine.yaml, lights: {count: 5}}\n")
    render = load_recipe(str(path)).render
    assert render.shadows == 0.25 and render.lights.count.values == (5,) and render.lights.ambient.values == (0.1,)
    assert load_recipe(str(path), ["render.lights.ambient=0.7"]).render.lights.ambient.values == (0.7,)


@pytest.mark.parametrize("name", preset_names())
def test_shipped_presets_are_valid_recipes(name: str) -> None:
    recipe = load_recipe("tabletop", [f"render.preset={name}"])
    assert recipe.render.preset == name and recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_a_mix_holds_the_render_section_of_each_preset_with_the_recipes_own_keys() -> None:
    recipe = load_recipe("tabletop", ["render.mix={dr: 1, photoreal: 3}", "render.shadow_size=512"])
    assert set(recipe.render.mixed) == {"dr", "photoreal"}
    assert {r.shadow_size for r in recipe.render.mixed.values()} == {512}
    assert recipe.render.mixed["dr"].objects.per == "view" and recipe.render.mixed["photoreal"].objects.per == "scene"


@pytest.mark.parametrize(
    ("render", "told"),
    [
        ("{preset: rd}", "no preset 'rd'"),
        ("{preset: dr, mix: {dr: 1}}", "exclude each other"),
        ("{mix: 3}", "expected shares"),
        ("{mix: {dr: -1}}", "shares must be"),
        ("{preset: none.yaml}", "no preset"),
        ("{preset: bad.yaml}", "bad.yaml:1: render.lights.count: 0 can leave"),
        ("{lights: {count: 0}}", r"0 can leave the allowed range \[1, 8\]"),
        ("{table: {texture: plaid}}", "unknown name 'plaid'"),
        ("{table: {material: oka}}", "did you mean 'oak'"),
        ("{table: {texture: image}}", "set render.images"),
        ("{background: {kind: image}}", "set render.background.images"),
        ("{lights: {temperature: 500}}", "1667"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path: Path, render: str, told: str) -> None:
    (tmp_path / "bad.yaml").write_text("render: {lights: {count: 0}}\n")
    path = tmp_path / "r.yaml"
    path.write_text(f"task: a\nrender: {render}\n")
    with pytest.raises(RecipeError, match=told) as error:
        load_recipe(str(path))
    assert "\n" not in str(error.value)
