"""`graspgen.try_grasps` on what a user has: a file, a mesh, arrays, an asset; answers known from geometry."""

from __future__ import annotations

import doctest
import subprocess
import sys

import numpy as np
import pytest
import trimesh
from solids import box, tube

import graspgen
from graspgen.errors import GraspgenError, GripperError, ObjectError
from graspgen.frames import pose
from graspgen.grasps import api
from graspgen.grasps.outcomes import Outcome
from graspgen.objects.library import save_asset

DOWN = np.diag([1.0, -1.0, -1.0])
GRASP = pose(DOWN, [0, 0, 0.03])[None]


def block():
    return trimesh.creation.box((0.04, 0.04, 0.10))


def test_the_example_of_the_docstring_runs():
    assert doctest.testmod(api).failed == 0


def test_importing_graspgen_loads_no_mujoco_until_a_grasp_is_tried():
    code = (
        "import graspgen, sys; assert 'mujoco' not in sys.modules; graspgen.try_grasps; assert 'mujoco' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_file_a_mesh_arrays_an_asset_and_its_folder_give_the_same_labels(tmp_path, gripper):
    mesh = block()
    mesh.export(tmp_path / "block.stl")
    asset = box(0.04, 0.04, 0.10)
    save_asset(asset, tmp_path / "library")
    T = np.concatenate([GRASP, pose(DOWN, [0, 0, 0.01])[None], pose(DOWN, [0, 0, 0.12])[None]])
    given = [tmp_path / "block.stl", str(tmp_path / "block.stl"), mesh, (mesh.vertices, mesh.faces)]
    given += [asset, tmp_path / "library" / "thing"]
    for thing in given:
        results = graspgen.try_grasps(thing, gripper, T, mass=0.2, width=0.06, graded=False)
        assert results.outcome.tolist() == [Outcome.SUCCESS, Outcome.HITS_TARGET, Outcome.NO_CONTACT], thing


def test_grasps_are_in_the_frame_that_the_mesh_came_in(gripper):
    shift = np.array([0.4, -0.2, 1.0])
    mesh = block()
    mesh.apply_translation(shift)
    moved = graspgen.try_grasps(mesh, gripper, pose(translation=shift) @ GRASP, mass=0.2)
    assert moved.success.all()
    with_other_frame = graspgen.try_grasps(mesh, gripper, GRASP, mass=0.2)
    assert with_other_frame.outcome.tolist() == [Outcome.NO_CONTACT]


def test_chunks_change_no_result(monkeypatch, gripper):
    rng = np.random.default_rng(0)
    T = np.stack([pose(DOWN, [*rng.normal(0, 0.01, 2), 0.03]) for _ in range(9)])
    kw = {"mass": 0.3, "friction": np.linspace(0.3, 0.7, 9), "graded": False}
    whole = graspgen.try_grasps(block(), gripper, T, **kw)
    monkeypatch.setattr(api, "CHUNK", 4)
    parts = graspgen.try_grasps(block(), gripper, T, **kw)
    for name, values in vars(whole).items():
        np.testing.assert_array_equal(values, getattr(parts, name), err_msg=name)
    assert len(graspgen.try_grasps(block(), gripper, T[:0]).outcome) == 0


def test_the_measured_opening_is_that_of_the_material_between_the_pads(gripper):
    stroke = gripper.file.stroke
    across = pose(DOWN)  # closes along y of the tube, 34 mm outer and 30 mm inner radius
    at_wall, in_hollow = pose(DOWN, [0, 0.032, 0.03]), pose(DOWN, [0, 0.005, 0.03])
    beside = pose(DOWN, [0.2, 0, 0])
    T = np.stack([at_wall, in_hollow, across, beside])
    width = api.opening_width(tube(), gripper, T)
    expected = [0.004 + 0.010, 2 * (0.039 + 0.005), 2 * (0.034 + 0.005), stroke]
    np.testing.assert_allclose(width, np.minimum(expected, stroke), atol=3e-4)


def test_mass_and_density_mean_the_same_and_friction_decides(gripper):
    mass = 600 * block().volume
    by_mass, by_density, by_default = (
        graspgen.try_grasps(block(), gripper, GRASP, **kw) for kw in ({"mass": mass}, {"density": 600}, {})
    )
    assert by_density.drift_holding[0] == by_default.drift_holding[0]
    assert by_mass.drift_holding[0] == pytest.approx(by_density.drift_holding[0], rel=1e-3)
    # Two pads of 10 N hold 0.5 kg for μ = 0.6 and not for μ = 0.1.
    held = graspgen.try_grasps(block(), gripper, GRASP.repeat(2, 0), mass=0.5, friction=[0.6, 0.1], force=10.0)
    assert held.success.tolist() == [True, False]


BAD = [
    ({"T_object_grasp": np.eye(4)}, "(n, 4, 4), got (4, 4); for a single grasp pass T[None]"),
    ({"T_object_grasp": np.zeros((2, 3, 4))}, "(n, 4, 4), got (2, 3, 4)"),
    ({"T_object_grasp": np.diag([1.0, 1, -1, 1])[None]}, "determinant -1"),
    ({"T_object_grasp": 2 * np.eye(4)[None]}, "no rigid pose"),
    ({"T_object_grasp": GRASP.swapaxes(1, 2)}, "transposed"),
    ({"T_object_grasp": np.full((1, 4, 4), np.nan)}, "NaN"),
    ({"mass": -1.0}, "mass must be a number above 0 kg, got -1"),
    ({"mass": [1.0, 2.0]}, "shape (1,), one for each grasp, got (2,)"),
    ({"mass": 1.0, "density": 1.0}, "both a mass and a density"),
    ({"friction": np.nan}, "friction"),
    ({"force": 0.0}, "force must be a number above 0 N, got 0"),
    ({"width": 0.5}, "opens from 0 to 0.08 m"),
    ({"gripper": "panda"}, "did you mean 'panda_hand'?"),
    ({"profile": "standart"}, "did you mean 'standard'?"),
    ({"mesh_or_asset": "nowhere.stl"}, "there is no such file"),
    ({"mesh_or_asset": 7}, "got int"),
    ({"mesh_or_asset": (np.zeros((4, 2)), [[0, 1, 2]])}, "(n, 3), got (4, 2)"),
    ({"mesh_or_asset": (np.zeros((4, 3)), [[0, 1, 9]])}, "there are 4"),
    ({"mesh_or_asset": trimesh.creation.box((40, 40, 100))}, "Multiply its vertices by 0.001"),
    ({"mesh_or_asset": trimesh.Trimesh([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0]], [[0, 1, 2]])}, "flat"),
]


@pytest.mark.parametrize(("wrong", "told"), BAD)
def test_bad_input_is_told_in_one_line(wrong, told):
    right = {"mesh_or_asset": block(), "gripper": "panda_hand", "T_object_grasp": GRASP}
    with pytest.raises(GraspgenError) as caught:
        graspgen.try_grasps(**(right | wrong))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ObjectError | GripperError | ValueError)


def test_a_folder_that_is_no_asset_is_refused(tmp_path):
    with pytest.raises(ObjectError, match=r"holds no asset\.yaml"):
        graspgen.try_grasps(tmp_path, "panda_hand", GRASP)
