"""What is wrong with quotas is said in one line, before anything is made."""

from __future__ import annotations

import pytest

from graspgen.edge_case_file import shipped_cases
from graspgen.errors import RecipeError
from graspgen.objects.library import run_catalogue
from graspgen.pipeline.levers import all_levers, check_quotas
from graspgen.recipe.overlay import overlaid
from graspgen.recipe_file import load_recipe


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("quotas.classes={mug: 0.7, bowl: 0.5}", "quotas: classes: the shares are 1.2 together"),
        ("quotas.classes={mug: 1.5}", "a whole number above 0, or a share up to 1.0, got 1.5"),
        ("quotas.outcomes={sucess: 3}", "there is no outcome 'sucess'; did you mean 'success'?"),
        ("quotas.visibility={half: 3}", "is no bin low-high"),
        ("quotas.visibility={0-0.5: 3, 0.4-0.6: 2}", "bins overlap between 0.4 and 0.5"),
        ("quotas.edge_cases={darc: 3}", "there is no edge case 'darc'; did you mean 'dark'?"),
        ("quotas.cases={a: {of: view, where: {luminence: [0, 1]}}}", "no measure 'luminence' of a view; did you mean"),
        (
            "quotas.cases={a: {of: view, where: {nearest: [0, 1]}, overlay: {views.width: 9}}}",
            "holds for the whole run",
        ),
    ],
)
def test_a_mistake_is_told_in_one_line(override, told):
    with pytest.raises(RecipeError) as error:
        load_recipe("tabletop", [override])
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["quotas.classes={mugg: 3}"], "there is no class 'mugg'; did you mean 'mug'?"),
        (["quotas.classes={mug: 3}", "objects.families=box"], "none of the 1000 objects that are drawn from"),
        (["quotas.engines={opengl: 41}"], "41 views cannot be in 10 scenes, which hold at most 4 each"),
        (["quotas.classes={mug: 90}"], "at least 12 scenes"),
        (["quotas.outcomes={success: 3}", "grasps.per_object=0"], "counts grasps; there are none"),
    ],
)
def test_what_cannot_be_met_is_refused(overrides, told):
    recipe = load_recipe("tabletop", overrides)
    with pytest.raises(RecipeError, match=told):
        check_quotas(recipe, run_catalogue(recipe, 0), 10)


def test_every_shipped_edge_case_can_be_drawn_for_and_keeps_what_a_run_shares():
    names = ", ".join(f"{name}: 1" for name in shipped_cases())
    recipe = load_recipe("tabletop", [f"quotas.edge_cases={{{names}}}"])
    assert {name for _, name in all_levers(recipe, run_catalogue(recipe, 0))} == set(shipped_cases())


def test_an_overlay_holds_for_presets_of_a_mix_and_for_cameras_too(tmp_path):
    text = "task: t\nrender: {mix: {dr: 1}}\nviews: {cameras: [{kind: shell, name: a, radius: 0.5}]}\n"
    (tmp_path / "t.yaml").write_text(text)
    changed = overlaid(load_recipe(str(tmp_path / "t.yaml")), {"render.lights.count": 2, "views.radius": 1.5})
    assert changed.render.mixed["dr"].lights.count.values == (2,)
    assert changed.views.cameras[0].radius is None and changed.views.radius.values == (1.5,)
    with pytest.raises(RecipeError, match=r"views\.radiu"):
        overlaid(changed, {"views.radiu": 1})
