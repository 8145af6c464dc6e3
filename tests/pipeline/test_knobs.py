"""No knob is dead, none is forgotten."""

import math

import pytest

from graspgen.errors import RecipeError
from graspgen.pipeline import knob_table
from graspgen.pipeline.knobs import Knob, knobs, try_knob, try_knobs
from graspgen.recipe_file import explain, load_recipe

RECIPE = load_recipe("tabletop")
QUICK = (
    "render.lights.temperature", "render.lights.kind", "render.shadows", "render.grade.contrast",
    "render.table.texture",
    "render.table.second.value", "render.objects.material", "render.background.kind", "views.roll_deg",
    "objects.density", "scene.gravity",
)  # fmt: skip


def test_every_key_of_a_recipe_is_tried_or_left_out_with_a_reason() -> None:
    listed = [k.key for k in knobs(RECIPE)]
    assert len(listed) == len(set(listed))
    covered = (*listed, *(f"{key}." for key in knob_table.LEFT_OUT))
    told = {row.key for row in explain(RECIPE)}
    assert [key for key in told if key not in listed and not key.startswith(covered)] == []
    assert [f"{k.key}: {k.unknown}" for k in knobs(RECIPE) if k.unknown] == []
    assert all(k.left_out or k.low != k.high for k in knobs(RECIPE))


def test_no_entry_of_the_tables_is_out_of_date() -> None:
    listed = {k.key for k in knobs(RECIPE)}
    sections = {".".join(key.split(".")[:n]) for key in listed for n in range(1, key.count(".") + 1)}
    for name in ("LEFT_OUT", "PAIRS", "CONDITIONS"):
        assert [key for key in getattr(knob_table, name) if key not in listed | sections] == []
    assert [key for key in knob_table.BASE if key not in listed] == []


@pytest.mark.parametrize("key", QUICK)
def test_a_knob_changes_pixels_or_labels(key: str) -> None:
    effect = try_knob(RECIPE, next(k for k in knobs(RECIPE) if k.key == key))
    assert not effect.dead
    if key.startswith("render."):
        assert effect.rgb > 0.05 and 0 < effect.share <= 1
        assert set(effect.columns) <= {"views.rgb", "views.depth"}
    if key == "objects.density":
        assert {"objects.mass", "objects.inertia"} <= set(effect.columns)


def test_a_knob_without_effect_is_called_dead() -> None:
    # Both ends are the same, as if the renderer looked elsewhere.
    effect = try_knob(RECIPE, Knob("render.grade.gamma", 1.2, 1.2))
    assert effect.dead and effect.rgb == 0 and effect.columns == ()


def test_ends_of_images_of_another_size_are_compared_by_their_columns() -> None:
    effect = try_knob(RECIPE, Knob("views.width", 96, 128))
    assert math.isnan(effect.rgb) and "views.rgb" in effect.columns


def test_a_key_that_is_not_there_is_told() -> None:
    with pytest.raises(RecipeError, match=r"no key begins with 'render\.light'"):
        list(try_knobs(RECIPE, "render.light"))


@pytest.mark.slow
def test_no_knob_of_any_section_is_dead() -> None:
    assert [effect.knob.key for effect in try_knobs(RECIPE) if effect.dead] == []
