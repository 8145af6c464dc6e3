import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_parts import mixed_shelf

from graspgen.looks.materials import looks_materials
from graspgen.recipe import Recipe, Render, Surface
from graspgen.recipe_file import load_recipe
from graspgen.scene.draw import draw_plan
from graspgen.scene.draw_looks import draw_looks, draw_surface
from graspgen.streams import Purpose, stream

SHELF = mixed_shelf()
KEY = (3, 0)


class Counting:
    """Counts the uniform numbers that are taken."""

    def __init__(self) -> None:
        self.taken = 0

    def random(self) -> float:
        self.taken += 1
        return 0.5


def looks(**changes: object) -> dict:
    return draw_looks("", Render(**changes), 7, KEY, 1)


@pytest.mark.parametrize("name", ["none", *sorted(looks_materials())])
def test_every_material_takes_as_many_numbers_as_none(name: str) -> None:
    plain, material = Counting(), Counting()
    draw_surface(Surface(), plain)  # type: ignore[arg-type]
    surface = draw_surface(Surface(material=name, texture="checker"), material)  # type: ignore[arg-type]
    assert material.taken == plain.taken
    assert surface.material == ("" if name == "none" else name)


def test_own_stands_for_the_material_of_the_family() -> None:
    own = Surface(material="own")
    assert draw_surface(own, stream(0, Purpose.LOOKS), "steel").metallic == 1
    assert draw_surface(own, stream(0, Purpose.LOOKS), "").material == "plastic"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.4), st.floats(0.6, 1), st.floats(0, 0.4), st.floats(0.6, 1))
def test_colours_stay_in_their_range_of_hsv(seed, s0, s1, v0, v1) -> None:
    colour = {"hue": {"uniform": [0.2, 0.4]}, "saturation": {"uniform": [s0, s1]}, "value": {"uniform": [v0, v1]}}
    surface = Surface(texture="stripes", colour=colour, second=colour)
    plan = draw_surface(surface, stream(seed, Purpose.LOOKS))
    assert plan.texture is not None
    for rgb in (plan.colour, *plan.texture.colours):
        h, s, v = colorsys.rgb_to_hsv(*rgb)
        assert v0 - 1e-9 <= v <= v1 + 1e-9
        assert v < 1e-9 or (s0 - 1e-6 <= s <= s1 + 1e-6 and (s < 1e-6 or 0.2 - 1e-6 <= h <= 0.4 + 1e-6))


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({"lights": {"temperature": {"uniform": [3000, 9000]}}}, {"lights"}),
        ({"lights": {"ambient": 0.9}}, {"ambient"}),
        ({"shadows": 0}, {"lights"}),
        ({"environment": {"strength": 0.2}}, {"environment"}),
        ({"grade": {"contrast": 1.3}}, {"grade"}),
        ({"background": {"kind": "room"}}, {"background"}),
        ({"table": {"texture": "wood"}}, {"surfaces"}),
        ({"objects": {"per": "view"}}, set()),
    ],
)
def test_a_knob_of_looks_moves_nothing_else(change: dict, moved: set[str]) -> None:
    before, after = looks(), looks(**change)
    assert {k for k in before if before[k] != after[k]} == moved


def test_a_knob_of_one_surface_leaves_the_others() -> None:
    before, after = looks()["surfaces"], looks(floor={"material": "oak"})["surfaces"]
    assert {k for k in before if before[k] != after[k]} == {"background"}
    one = looks(table={"texture": "checker", "specular": 0.9, "material": "none"})["surfaces"]["table"]
    other = looks(table={"texture": "checker", "specular": 0.1, "material": "none"})["surfaces"]["table"]
    assert one.model_copy(update={"specular": 0.1}) == other


def test_what_can_be_switched_off_is_off() -> None:
    plain = looks(shadows=False, lights={"temperature": None}, table={"texture": "flat", "material": "none"})
    assert all(not light.shadows and light.colour == (1, 1, 1) for light in plain["lights"])
    assert plain["surfaces"]["table"].texture is None and plain["background"].kind == "plane"


def test_the_first_light_is_always_lit_and_lit_ones_share_the_intensity() -> None:
    dark = looks(lights={"count": 4, "lit": 0, "intensity": 0.8})["lights"]
    bright = looks(lights={"count": 4, "lit": 1, "intensity": 0.8})["lights"]
    assert len(dark) == 1 and len(bright) == 4
    for lights in (dark, bright):
        assert sum(light.diffuse for light in lights) == pytest.approx(0.8)


def test_objects_look_alike_in_a_scene_or_are_drawn_for_each_view() -> None:
    scene, view = (
        draw_plan(Recipe(task="t", render={"objects": {"per": per}}), SHELF, 1, 2) for per in ("scene", "view")
    )
    assert all("object_1" not in v.surfaces for v in scene.views)
    drawn = [v.surfaces["object_1"] for v in view.views]
    assert len(set(drawn)) == len(drawn) and scene.objects == view.objects


def test_a_mix_gives_each_view_its_preset_and_no_camera_one_preset_alone() -> None:
    recipe = load_recipe("tabletop", ["render.mix={dr: 1, photoreal: 1}", "render.shadows=0"])
    plans = [draw_plan(recipe, SHELF, 1, i) for i in range(6)]
    presets = np.array([[v.preset for v in plan.views] for plan in plans])
    assert (presets == "dr").sum() == presets.size / 2
    assert all(len(set(column)) == 2 for column in presets.T)
    assert all(not light.shadows for plan in plans for v in plan.views for light in v.lights)
    # Objects of photoreal views are made of what their family is, in all of a scene's views alike.
    for plan in plans:
        photoreal = [v.surfaces["object_1"] for v in plan.views if v.preset == "photoreal"]
        assert len(set(photoreal)) == 1 and photoreal[0].material
