"""The shape tests of the check: each finds its own fault, and what no body can have is never accepted."""

from dataclasses import replace

import numpy as np
import pytest
import solids
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from graspgen.objects.asset import Mesh, Part
from graspgen.objects.check import shape_tests
from graspgen.objects.families import FAMILIES
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.recipe import Objects


def faults(asset):
    return {test.name: test.reason for test in shape_tests(asset) if test.reason}


def evidence(asset):
    return {test.name: test.evidence for test in shape_tests(asset)}


def with_faces(asset, faces):
    return replace(asset, mesh=Mesh(asset.mesh.vertices, faces))


BOX = solids.box(0.06, 0.04, 0.02)


def test_a_box_passes_and_the_evidence_is_its_closed_form():
    assert faults(BOX) == {}
    found = evidence(BOX)
    assert found["volume"]["volume"] == pytest.approx(4.8e-5, rel=1e-3)
    assert found["watertight"] == {"open_edges": 0, "faces": 12}
    a, b, c = 0.06**2 / 12, 0.04**2 / 12, 0.02**2 / 12
    assert found["inertia"]["principal_moments"] == pytest.approx(np.array([b + c, a + c, a + b]) * 4.8e-5, rel=1e-3)
    # A uniform stick has a third of the variance of two points at its ends.
    assert found["inertia"]["spread"] == pytest.approx(1 / 3, rel=1e-3)
    assert found["centre_of_mass"]["inside_by"] == pytest.approx(0.01, rel=1e-3)
    assert found["parts"]["extra_share_of_hull"] == 0


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_passes(family):
    assert faults(ProceduralCatalogue(Objects(families=family), 3).asset(0)) == {}


def test_an_open_mesh_is_found():
    found = faults(with_faces(BOX, BOX.mesh.faces[:-1]))
    assert found["watertight"] == "3 edges of the mesh are open"


def test_an_inside_out_mesh_is_found():
    assert "inside-out" in faults(with_faces(BOX, BOX.mesh.faces[:, ::-1]))["volume"]


def test_a_flat_mesh_is_found():
    flat = replace(BOX, mesh=Mesh(BOX.mesh.vertices * [1, 1, 0], BOX.mesh.faces))
    assert "flat" in faults(flat)["watertight"]


@pytest.mark.parametrize("volume", [0.0, -1e-5, np.nan])
def test_no_volume_is_found(volume):
    assert "not above 0" in faults(replace(BOX, volume=volume))["volume"]


def test_more_material_than_the_mesh_holds_is_found_and_less_is_a_hollow():
    assert "more than the mesh encloses" in faults(replace(BOX, volume=BOX.volume * 1.1))["volume"]
    # A box with walls of a fifth of its half-size: the outer box less the inner one.
    share = 1 - 0.8**3
    moments = np.diag(BOX.unit_inertia) * (1 - 0.8**5)
    assert faults(replace(BOX, volume=BOX.volume * share, unit_inertia=np.diag(moments))) == {}


def test_parts_that_fill_a_hollow_are_found():
    tube = solids.tube()
    assert faults(tube) == {}
    filled = replace(tube, parts=(Part("cylinder", [0.034, 0.04]),))
    assert "fill hollows" in faults(filled)["parts"]


def test_walls_that_are_twice_too_thick_are_found_though_they_fill_little_of_the_hull():
    """A thin tray: walls of 3 mm instead of 1 mm fill 8 % of its hull."""

    def tray(wall):
        outer = trimesh.creation.box([0.2, 0.2, 0.05])
        inner = trimesh.creation.box([0.2 - 2 * wall, 0.2 - 2 * wall, 0.05])
        inner.apply_translation([0, 0, wall])
        bottom = Part("box", [0.1, 0.1, wall / 2], trimesh.transformations.translation_matrix([0, 0, wall / 2 - 0.025]))
        sides = [
            Part("box", size, trimesh.transformations.translation_matrix(place))
            for size, place in (
                ([wall / 2, 0.1, 0.025], [0.1 - wall / 2, 0, 0]), ([wall / 2, 0.1, 0.025], [wall / 2 - 0.1, 0, 0]),
                ([0.1, wall / 2, 0.025], [0, 0.1 - wall / 2, 0]), ([0.1, wall / 2, 0.025], [0, wall / 2 - 0.1, 0]),
            )
        ]  # fmt: skip
        return solids.asset_of(trimesh.boolean.difference([outer, inner]), bottom, *sides)

    thin = tray(0.001)
    assert faults(thin) == {}
    assert "larger than the mesh" in faults(replace(thin, parts=tray(0.003).parts))["parts"]


def test_parts_that_miss_or_stick_out_are_found():
    assert "miss" in faults(replace(BOX, parts=(Part("box", [0.03, 0.02, 0.005]),)))["parts"]
    spike = Part("box", [0.05, 0.001, 0.001])
    assert "end 20.0 mm from the mesh" in faults(replace(BOX, parts=(*BOX.parts, spike)))["parts"]
    assert faults(replace(BOX, parts=()))["parts"] == "it has no collision part"


@pytest.mark.parametrize(
    ("inertia", "told"),
    [
        (-BOX.unit_inertia, "not positive definite"),
        (np.zeros((3, 3)), "not positive definite"),
        (BOX.unit_inertia + 1e-9 * np.eye(3, k=1), "not symmetric"),
        (BOX.unit_inertia * np.nan, "not finite"),
        (np.diag([1.0, 1.0, 2.5]) * 1e-9, "no body has the principal moments"),
        (BOX.unit_inertia * 100, "cannot be spread so far"),
        (BOX.unit_inertia / 1000, "is the unit another"),
    ],
)
def test_an_inertia_that_no_such_body_has_is_found(inertia, told):
    assert told in faults(replace(BOX, unit_inertia=inertia))["inertia"]


def test_a_centre_of_mass_outside_the_hull_is_found():
    outside = faults(replace(BOX, com=np.array([0.0, 0.0, 0.013])))
    assert "3 mm outside the convex hull" in outside["centre_of_mass"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-1, 1)] * 3, st.floats(0.01, 1)), min_size=4, max_size=12))
def test_matter_anywhere_in_the_hull_is_never_called_spread_too_far(points):
    # Point masses in the box, whatever they weigh, are a distribution that the bound must admit.
    where = np.array([p[:3] for p in points]) * [0.03, 0.02, 0.01]
    weight = np.array([p[3] for p in points])
    weight /= weight.sum()
    com = weight @ where
    second = np.einsum("n,ni,nj->ij", weight, where - com, where - com) + 1e-12 * np.eye(3)
    inertia = (np.trace(second) * np.eye(3) - second) * BOX.volume
    assert "spread" not in faults(replace(BOX, com=com, unit_inertia=inertia)).get("inertia", "")


def test_two_shells_that_are_not_connected_are_closed():
    balls = [trimesh.creation.icosphere(2, 0.02), trimesh.creation.icosphere(2, 0.02)]
    balls[1].apply_translation([0.06, 0, 0])
    both = trimesh.util.concatenate(balls)
    spheres = Part("sphere", [0.02]), Part("sphere", [0.02], trimesh.transformations.translation_matrix([0.06, 0, 0]))
    assert faults(solids.asset_of(both, *spheres)) == {}
