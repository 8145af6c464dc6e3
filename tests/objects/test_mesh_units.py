"""Units: guessed where only one makes an object of a usual size, said where not."""

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from graspgen.errors import ObjectError
from graspgen.objects.library import load_asset
from graspgen.objects.mesh_import import import_meshes
from graspgen.objects.mesh_units import LARGEST, SMALLEST, UNITS, guess_unit, unit_factor


@pytest.mark.parametrize("extent, unit", [(0.1, "m"), (1.9, "m"), (90.0, "mm"), (250.0, "mm"), (1500.0, "mm")])
def test_a_unit_is_guessed_where_one_fits(extent, unit):
    assert guess_unit(extent) == unit


@pytest.mark.parametrize("extent", [8.0, 12.0, 30.0, 1e-4, 1e6])
def test_no_unit_is_guessed_where_several_fit_or_none(extent):
    assert guess_unit(extent) is None
    with pytest.raises(ObjectError, match="pass --"):
        unit_factor(extent, None, True, "x.stl")


@given(st.floats(1e-6, 1e7))
def test_a_guess_always_makes_an_object_and_metres_are_never_doubted(extent):
    unit = guess_unit(extent)
    assert unit is None or SMALLEST <= extent * UNITS[unit] <= LARGEST
    assert (unit == "m") == (SMALLEST <= extent <= LARGEST)


def test_millimetres_are_guessed_with_a_warning_and_overridden(tmp_path):
    path = tmp_path / "mug.stl"
    trimesh.creation.box([60, 80, 90]).export(path)
    (done,) = import_meshes([path], tmp_path / "a").accepted
    assert max(done.extents) == pytest.approx(0.09, rel=1e-5)
    assert done.notes[0].startswith("warning: 90 m") and "millimetres" in done.notes[0]
    (inches,) = import_meshes([path], tmp_path / "b", units="in", target_size=None).refused
    assert "2.29 m wide" in inches.reason
    (centi,) = import_meshes([path], tmp_path / "c", units="cm").accepted
    assert max(centi.extents) == pytest.approx(0.9, rel=1e-5)
    assert not any(note.startswith("warning") for note in centi.notes)


def test_y_up_is_turned_onto_z(tmp_path):
    path = tmp_path / "bottle.stl"
    trimesh.creation.box([0.04, 0.1, 0.06]).apply_translation([0, 0.05, 0]).export(path)
    (done,) = import_meshes([path], tmp_path / "lib", up="y").accepted
    mesh = load_asset(done.folder).mesh
    assert np.allclose(mesh.bounds, [[-0.02, -0.03, 0], [0.02, 0.03, 0.1]], atol=1e-7)


@pytest.mark.parametrize(
    "options, cause",
    [
        ({"units": "km"}, "not a unit"),
        ({"units": "mm", "scale": 0.1}, "a unit is given beside"),
        ({"up": "x"}, "cannot be up"),
        ({"faces": 3}, "too few"),
        ({"limit": 0}, "leaves nothing"),
        ({"time_limit": 0.0}, "above 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, cause, tmp_path):
    with pytest.raises(ObjectError, match=cause):
        import_meshes([tmp_path], tmp_path / "lib", **options)
