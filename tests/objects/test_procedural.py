"""The procedural catalogue: an asset depends on the seed and its number alone."""

import numpy as np
import pytest

from graspgen.errors import ObjectError, RecipeError
from graspgen.objects.families import FAMILIES
from graspgen.objects.materials import materials
from graspgen.objects.procedural import ProceduralCatalogue, asset_from_params
from graspgen.recipe import Objects


def same(a, b):
    return (
        a.name == b.name
        and np.array_equal(a.mesh.vertices, b.mesh.vertices)
        and np.array_equal(a.mesh.faces, b.mesh.faces)
        and all(np.array_equal(p.vertices, q.vertices) for p, q in zip(a.parts, b.parts, strict=True))
        and (a.density, a.friction, a.volume) == (b.density, b.friction, b.volume)
    )


def test_an_asset_is_the_same_in_any_order_and_in_any_catalogue():
    one, other = ProceduralCatalogue(Objects(), 7), ProceduralCatalogue(Objects(pool=20), 7)
    forwards = [one.asset(k) for k in range(12)]
    backwards = [other.asset(k) for k in reversed(range(12))][::-1]
    assert all(same(a, b) for a, b in zip(forwards, backwards, strict=True))
    assert not same(forwards[0], ProceduralCatalogue(Objects(), 8).asset(0))


def test_stored_parameters_build_the_asset_again():
    catalogue = ProceduralCatalogue(Objects(families={"choice": list(FAMILIES)}), 3)
    for k in range(15):
        a = catalogue.asset(k)
        family = a.source.removeprefix("procedural:")
        assert a.name == f"{family}-{k:06d}"
        assert same(a, asset_from_params(family, a.params, a.name))


def test_the_recipe_chooses_the_families():
    catalogue = ProceduralCatalogue(Objects(families={"choice": ["mug", "box"], "weights": [1, 0]}), 0)
    assert {catalogue.asset(k).class_name for k in range(6)} == {"mug"}
    assert ProceduralCatalogue(Objects(families="box", pool=3), 0).asset(2).class_name == "box"


def test_class_names_do_not_depend_on_the_recipe():
    names = ProceduralCatalogue(Objects(families="box"), 0).class_names
    assert list(names) == sorted(names) == list(ProceduralCatalogue(Objects(), 1).class_names)
    assert "mug" in names


def test_mass_properties_are_those_of_the_mesh():
    a = ProceduralCatalogue(Objects(families="box", parameters={"box": {"material": "wood"}}), 0).asset(0)
    size = np.array([a.params[k] for k in ("width", "depth", "height")])
    assert a.volume == pytest.approx(size.prod(), rel=1e-5)
    expected = size.prod() / 12 * (size @ size - size**2)
    assert np.allclose(np.diag(a.unit_inertia), expected, rtol=1e-5)


def test_an_unknown_family_is_refused_with_the_nearest_name():
    with pytest.raises(RecipeError, match="unknown family 'mugg'; did you mean 'mug'"):
        ProceduralCatalogue(Objects(families={"choice": ["box", "mugg"]}), 0)


def test_a_recipe_overrides_a_familys_parameters():
    asked = {"mug": {"height": {"uniform": [0.08, 0.1]}, "material": "steel"}, "box": {"width": 0.05}}
    objects = Objects(families={"choice": ["mug", "box"]}, parameters=asked)
    for asset in map(ProceduralCatalogue(objects, 1).asset, range(12)):
        if asset.class_name == "mug":
            assert 0.08 <= asset.params["height"] <= 0.1
            assert asset.mesh.bounds[1, 2] == pytest.approx(asset.params["height"], abs=1e-6)
            assert asset.params["material"] == "steel" and 7000 < asset.density < 8100
        else:
            assert asset.extents[0] == pytest.approx(0.05, abs=1e-6)


def test_an_override_moves_no_other_draw():
    plain = ProceduralCatalogue(Objects(families="mug"), 1).asset(0).params
    asked = Objects(families="mug", parameters={"mug": {"height": 0.09}})
    changed = ProceduralCatalogue(asked, 1).asset(0).params
    assert {k: v for k, v in changed.items() if k != "height"} == {k: v for k, v in plain.items() if k != "height"}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"mugg": {"height": 0.1}}, "objects.parameters: unknown family 'mugg'; did you mean 'mug'?"),
        ({"mug": {"heigth": 0.1}}, "objects.parameters.mug.heigth: the family 'mug' has no such parameter; did you"),
        ({"mug": {"height": -0.1}}, "foot to rim: -0.1 can leave the allowed range"),
        ({"mug": {"height": {"normal": [0.1, 0.01]}}}, "use truncated_normal"),
        ({"mug": {"height": "tall"}}, "expected a number, got 'tall'"),
        ({"mug": {"material": "stell"}}, "'stell' is none of its names; did you mean 'steel'?"),
        ({"mug": {"material": 3}}, "is none of its names"),
        ({"prism": {"sides": 2}}, "allowed range \\[3, 32\\]"),
    ],
)
def test_wrong_overrides_are_refused_before_anything_is_made(asked, told):
    with pytest.raises(RecipeError, match=told):
        ProceduralCatalogue(Objects(families="box", parameters=asked), 0)


@pytest.mark.parametrize(
    ("family", "asked"),
    [
        ("jar", {"height": 0.012, "diameter": 0.2}),
        ("mug", {"wall": 0.05}),
        ("glass", {"bottom": 0.3}),
        ("bottle", {"neck_diameter": 0.2}),
        ("ring", {"thickness": 0.1, "diameter": 0.1}),
        ("can", {"rim": 0.2}),
        ("wrench", {"length": 0.08, "size": 0.06}),
        ("u_shape", {"thickness": 0.3}),
        ("hammer", {"handle_diameter": 0.5}),
    ],
)
def test_parameters_that_contradict_each_other_are_told_with_their_values(family, asked):
    objects = Objects(families=family, parameters={family: asked})
    with pytest.raises(ObjectError, match=rf"{family}-000000 cannot be built: .*change objects\.parameters\.{family}"):
        ProceduralCatalogue(objects, 0).asset(0)


def test_the_asset_names_its_material():
    for asset in map(ProceduralCatalogue(Objects(families={"choice": list(FAMILIES)}), 2).asset, range(20)):
        material = materials()[asset.params["material"]]
        low, high = material.density.support
        assert low <= asset.params["material_density"] <= high
        low, high = material.friction.support
        assert low <= asset.friction <= high


def test_numbers_outside_the_pool_and_wrong_parameters_are_refused():
    catalogue = ProceduralCatalogue(Objects(pool=5), 0)
    assert len(catalogue) == 5
    for number in (-1, 5):
        with pytest.raises(ObjectError, match="pool of 5"):
            catalogue.asset(number)
    with pytest.raises(ObjectError, match="needs the parameter 'height'"):
        asset_from_params("cylinder", {"diameter": 0.05, "material": "wood"}, "x")
    with pytest.raises(ObjectError, match="no parameter 'heigth'; did you mean 'height'"):
        asset_from_params("cylinder", {"diameter": 0.05, "heigth": 0.1}, "x")
