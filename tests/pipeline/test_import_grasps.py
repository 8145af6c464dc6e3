"""Other people's grasps get our labels: a box whose good and bad grasps are known beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
import yaml
from typer.testing import CliRunner

from graspgen.cli.main import app
from graspgen.dataset.check import check
from graspgen.dataset.reader import open as open_dataset
from graspgen.errors import GraspgenError
from graspgen.exports.grasp_frames import to_hand
from graspgen.exports.registry import export
from graspgen.frames import axis_angle, inverse, matrix_to_quat, pose
from graspgen.grasps.outcomes import Outcome, Sampler
from graspgen.grippers.gripper import load_gripper, opening_to_joints
from graspgen.pipeline.import_grasps import import_grasps

SIDES = (0.04, 0.06, 0.10)
DOWN = np.diag([1.0, -1.0, -1.0])


def grasps() -> np.ndarray:
    """Across 4 cm: holds. Across 6 cm: holds. Above the box: closes on nothing. Into the side: hits it."""
    across_y = pose(DOWN, [0, 0, 0.03])
    across_x = pose(DOWN @ axis_angle([0, 0, 1], np.pi / 2), [0, 0, 0.03])
    return np.array([across_x, across_y, pose(DOWN, [0, 0, 0.09]), pose(DOWN, [0, 0.03, 0.0])])


@pytest.fixture
def mesh(tmp_path: Path) -> Path:
    path = tmp_path / "brick.obj"
    trimesh.creation.box(np.array(SIDES) * 1000).export(path)  # in millimetres: the file's scale is 0.001
    return path


@pytest.fixture
def written(tmp_path: Path) -> Path:
    T = to_hand(grasps(), load_gripper("panda_hand").T_base_tcp)
    path = tmp_path / "brick.json"
    content = {"object": {"file": "../../etc/passwd", "scale": 0.001},
               "grasps": {"transforms": T.tolist(), "object_in_gripper": [True, True, True, False]}}  # fmt: skip
    path.write_text(json.dumps(content))
    return path


def test_labels_are_ours_and_agreement_is_counted(tmp_path: Path, mesh: Path, written: Path) -> None:
    out = tmp_path / "brick.h5"
    made = import_grasps("graspgen_json", written, mesh, out, mass=0.2, draws=1)
    assert [Outcome(int(o)) for o in made.outcome] == [
        Outcome.SUCCESS, Outcome.SUCCESS, Outcome.NO_CONTACT, Outcome.HITS_TARGET,
    ]  # fmt: skip
    assert made.agree == 0.75
    assert not check(out)
    with open_dataset(out) as dataset:
        np.testing.assert_allclose(dataset.grasps["T_object_grasp"], grasps(), atol=1e-9)
        assert (dataset.grasps["sampler"] == Sampler.GIVEN).all() and (dataset.grasps["width"] == 0.08).all()
        np.testing.assert_allclose(dataset.grasps["contacts"][0, :, 0], [-0.02, 0.02], atol=1e-6)
        assert len(dataset.trials) == 6 and dataset.recipe["source"]["format"] == "graspgen_json"
        np.testing.assert_allclose(np.ptp(dataset.mesh(0)[0], axis=0), SIDES, atol=1e-6)


def test_the_command_prints_the_agreement(tmp_path: Path, mesh: Path, written: Path) -> None:
    out = tmp_path / "brick.h5"
    arguments = ["import-grasps", "graspgen_json", str(written), "--mesh", str(mesh), "-o", str(out)]
    told = CliRunner().invoke(app, [*arguments, "--json", str(tmp_path / "both.json"), "--limit", "3"])
    assert told.exit_code == 0, told.output
    assert "agree whether they hold" in told.output and "the mesh is scaled by 0.001" in told.output
    both = json.loads((tmp_path / "both.json").read_text())
    assert [entry["number"] for entry in both["grasps"]] == [0, 2, 3]
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 2 and "exists" in again.output


def test_the_same_file_gives_the_same_labels_with_any_threads(tmp_path: Path, mesh: Path, written: Path) -> None:
    one = import_grasps("graspgen_json", written, mesh, tmp_path / "a.h5", draws=2, threads=1)
    two = import_grasps("graspgen_json", written, mesh, tmp_path / "b.h5", draws=2, threads=2)
    np.testing.assert_array_equal(one.outcome, two.outcome)
    with open_dataset(tmp_path / "a.h5") as a, open_dataset(tmp_path / "b.h5") as b:
        for name in ("outcome", "drift_holding", "friction", "pose_noise"):
            np.testing.assert_array_equal(a.trials[name], b.trials[name])


def test_a_grasp_database_is_exported_and_labelled_alike(tmp_path: Path, mesh: Path, written: Path) -> None:
    first = import_grasps("graspgen_json", written, mesh, tmp_path / "a.h5", mass=0.2, min_friction=True)
    with open_dataset(tmp_path / "a.h5") as dataset:
        for name in ("acronym", "graspnet", "contact_graspnet", "isaac_grasp"):
            export(dataset, name, tmp_path / name, [])
        with pytest.raises(GraspgenError, match="has no views"):
            export(dataset, "cornell", tmp_path / "cornell", [])
    (file,) = (tmp_path / "acronym" / "grasps").iterdir()
    (model,) = (tmp_path / "acronym").rglob("*.obj")
    again = import_grasps("acronym", file, model, tmp_path / "b.h5")
    assert again.outcome.tolist() == first.outcome.tolist() and again.agree == 1.0
    labels = tmp_path / "graspnet" / "grasp_label" / "000_labels.npz"
    held = import_grasps(
        "graspnet", labels, tmp_path / "graspnet" / "models" / "000" / "nontextured.ply", tmp_path / "c.h5"
    )
    assert len(held.outcome) == 2 and held.said is not None and held.said.all()


def test_a_wrong_unit_is_told(tmp_path: Path, mesh: Path, written: Path) -> None:
    with pytest.raises(GraspgenError, match="wide, objects are"):
        import_grasps("graspgen_json", written, mesh, tmp_path / "x.h5", scale=1.0)
    with pytest.raises(GraspgenError, match="above 0"):
        import_grasps("graspgen_json", written, mesh, tmp_path / "x.h5", friction=-1.0)
    assert not (tmp_path / "x.h5").exists()


def test_joints_of_a_linkage_in_a_file_are_openings(tmp_path: Path, mesh: Path) -> None:
    hand = load_gripper("robotiq_2f85")
    made = pose(DOWN, [0, 0, 0.03]) @ inverse(hand.T_base_tcp)
    quat = matrix_to_quat(made[None, :3, :3])[0]

    def file(**joints: float) -> Path:
        path = tmp_path / "brick.yaml"
        grasp = {"confidence": 1.0, "position": made[:3, 3].tolist(),
                 "orientation": {"w": float(quat[0]), "xyz": quat[1:].tolist()},
                 "pregrasp_cspace_position": joints}  # fmt: skip
        path.write_text(yaml.safe_dump({"format": "isaac_grasp", "object_scale": 0.001, "closing_axis": "y",
                                        "grasps": {"grasp_0": grasp}}))  # fmt: skip
        return path

    joints = dict(zip(hand.joints, map(float, opening_to_joints(hand, [0.07])[0]), strict=True))
    joints = {name: joints[name] for name in hand.file.joints}
    import_grasps("isaac_grasp", file(**joints), mesh, tmp_path / "a.h5", gripper="robotiq_2f85", mass=0.2, draws=0)
    with open_dataset(tmp_path / "a.h5") as dataset:
        assert dataset.grasps["width"][0] == pytest.approx(0.07, abs=1e-6)
    with pytest.raises(GraspgenError, match=r"45 is not within .* is the file of another gripper"):
        degrees = dict.fromkeys(joints, 45.0)
        import_grasps("isaac_grasp", file(**degrees), mesh, tmp_path / "b.h5", gripper="robotiq_2f85")


def test_grasps_of_jaws_are_pressed_on_by_cups(tmp_path: Path, mesh: Path, written: Path) -> None:
    made = import_grasps("graspgen_json", written, mesh, tmp_path / "s.h5", gripper="suction_cup", mass=0.2, draws=0)
    assert made.outcome[0] != Outcome.SUCCESS  # the tool point is 20 mm below the top
    assert not check(tmp_path / "s.h5")
