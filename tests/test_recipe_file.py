from __future__ import annotations

import pytest

from graspgen.distributions import Distribution, parse
from graspgen.errors import GraspgenError, RecipeError
from graspgen.recipe import Recipe
from graspgen.recipe_file import explain, list_recipes, load_recipe


def error_of(tmp_path, text, *overrides):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(path), overrides)
    return str(caught.value).replace(str(tmp_path) + "/", "")


def test_the_shipped_recipes_load_and_describe_themselves():
    recipes = list_recipes()
    assert {"single", "tabletop"} <= set(recipes)
    assert all(len(description) > 20 for description in recipes.values())
    assert load_recipe("tabletop").scene.objects.count.support == (1, 8)
    assert load_recipe("single").scene.objects.count.support == (1, 1)


def test_a_recipe_survives_being_written_and_read():
    recipe = load_recipe("tabletop", ["objects.density={log_uniform: [200, 2000]}"])
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_an_override_takes_any_yaml_value():
    recipe = load_recipe(
        "tabletop",
        ["scene.objects.count={uniform: [1, 4]}", "grasps.clearance=1e-3", "render.shadows=false"],
    )
    assert recipe.scene.objects.count == Distribution("uniform", (1, 4), integer=True)
    assert recipe.grasps.clearance == 0.001
    assert recipe.render.shadows == 0


def test_a_later_override_wins_and_the_rest_of_the_section_stays():
    recipe = load_recipe("tabletop", ["scene.objects.count=4", "scene.objects.count=2"])
    assert recipe.scene.objects.count.values == (2,)
    assert recipe.scene.objects.spread == load_recipe("tabletop").scene.objects.spread


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "task: a\nscene:\n  objcts: {}\n",
            "mine.yaml:3: scene.objcts: unknown key; did you mean 'objects'?",
        ),
        ("task: a\ncount: 3\n", "mine.yaml:2: count: unknown key; did you mean 'scene.objects."),
        (
            "task: a\nviews:\n  radius: {uniform: [2, 1]}\n",
            "mine.yaml:3: views.radius: uniform has an empty range: low 2 is not below high 1",
        ),
        (
            "task: a\nviews:\n  width: wide\n",
            "mine.yaml:3: views.width: input should be a valid integer",
        ),
        (
            "task: a\nobjects: {density: {unifrm: [1, 2]}}\n",
            "mine.yaml:2: objects.density: expected one distribution, got unifrm; did you mean 'uniform'?",
        ),
        ("views: {per_scene: 2}\n", "mine.yaml: task: this key is missing"),
        ("task: a\ntask: b\n", "mine.yaml:2: not valid YAML: the key 'task' is given twice"),
        ("", "mine.yaml is empty; a recipe needs at least 'task: name'"),
        ("- task\n", "mine.yaml holds a list, not the sections of a recipe"),
        ("task: [\n", "mine.yaml:2: not valid YAML: "),
        ("task: a\nviews: 3\n", "mine.yaml:2: views: expected a section with keys such as"),
        ("x: !!python/object:os.system {}\n", "mine.yaml:1: not valid YAML: could not determine"),
    ],
)
def test_a_mistake_names_the_file_the_line_the_key_and_the_mend(tmp_path, text, message):
    assert error_of(tmp_path, text).startswith(message)


def test_all_mistakes_are_reported_one_a_line(tmp_path):
    text = "task: a\nviews: {width: 1, hight: 2}\ngrasps: {cone_deg: 99}\n"
    lines = error_of(tmp_path, text).splitlines()
    assert len(lines) == 3
    assert any("did you mean 'height'" in line for line in lines)


def test_a_mistake_in_an_override_names_the_override_not_the_file(tmp_path):
    message = error_of(tmp_path, "task: a\n", "views.width=3")
    assert message.startswith("--set views.width=3: views.width: input should be greater")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("scene.objets.count=4", "scene.objets: unknown key; did you mean 'objects'?"),
        ("scene.objects.count", "expected key=value"),
        ("=4", "expected key=value"),
        ("scene..count=4", "expected key=value"),
        ("scene.objects.count.low=4", "write scene.objects.count={low: …}"),
        ("scene.objects.count=[1", "not valid YAML"),
        ("scene.objects.count=", "expected a constant or a distribution"),
        ("scene.objects=4", "expected a section"),
    ],
)
def test_a_wrong_override_says_how_to_mend_it(override, message):
    with pytest.raises(RecipeError, match=r"^--set ") as caught:
        load_recipe("tabletop", [override])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tabletp", "did you mean 'tabletop'?"),
        ("no/such.yaml", "there is no recipe file no/such.yaml"),
        (".", "is a folder"),
    ],
)
def test_a_missing_recipe_is_one_clear_line(name, message):
    with pytest.raises(GraspgenError) as caught:
        load_recipe(name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_binary_file_is_refused(tmp_path):
    path = tmp_path / "picture.yaml"
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(RecipeError, match="not a text file"):
        load_recipe(str(path))


def test_paths_in_a_file_are_relative_to_its_folder(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("task: a\ngripper: grippers/mine.yaml\nobjects: {library: lib}\n")
    recipe = load_recipe(str(path))
    assert recipe.objects.library == str(tmp_path / "lib")
    assert recipe.gripper == str(tmp_path / "grippers/mine.yaml")
    assert load_recipe(str(path), ["objects.library=lib"]).objects.library == "lib"


def test_anchors_and_merge_keys_of_yaml_work(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "task: a\nrender:\n  table: {colour: &grey {hue: 0, saturation: 0}}\n"
        "  floor: {colour: {<<: *grey, value: 0.5}}\n"
    )
    colour = load_recipe(str(path)).render.floor.colour
    assert (colour.saturation.values, colour.value.values) == ((0,), (0.5,))


def test_explain_tells_every_value_with_unit_and_meaning():
    rows = {row.key: row for row in explain(load_recipe("tabletop"))}
    assert rows["scene.objects.count"].value == "uniform low 1, high 8"
    assert rows["scene.objects.count"].unit == "objects"
    assert rows["objects.density"].unit == "kg/m³"
    assert rows["grasps.force"].unit == "N"
    assert rows["scene.table.size"].unit == "m"
    assert rows["scene.settle.max_speed"].unit == "m/s"
    assert rows["objects.library"].value == "none"
    assert all(row.meaning for row in rows.values())


def test_every_length_angle_and_time_of_a_recipe_has_a_unit():
    bare = {row.key for row in explain(load_recipe("tabletop")) if not row.unit}
    suspects = (
        "size",
        "radius",
        "deg",
        "speed",
        "time",
        "height",
        "spread",
        "distance",
        "clearance",
    )
    assert [key for key in bare if any(s in key.rsplit(".", 1)[-1] for s in suspects)] == []


def test_every_explained_key_can_be_set_to_what_it_is():
    recipe = load_recipe("single")
    for key in ("views.radius", "scene.objects.count", "objects.families"):
        value = recipe
        for part in key.split("."):
            value = getattr(value, part)
        assert load_recipe("single", [f"{key}={value.written()}"]) == recipe
    assert parse({"uniform": [1, 4]}).written() == {"uniform": [1, 4]}
