"""What a hand's MJCF says of its own elements by default says nothing of the objects that it takes."""

from pathlib import Path

import numpy as np
import pytest
from solids import tube

from graspgen.frames import pose
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import load_profile
from graspgen.grasps.trial import trial_model, try_asset
from graspgen.grippers.gripper import Gripper, load_gripper
from graspgen.paths import data_dir

CUP = tube()
#: What would make the object float, turn, be pushed softly, and be clay-coloured.
CONTACTS = '<geom margin="0.004" gap="0.001" solmix="0.2" group="4" rgba="1 0 0 1" euler="0.3 0 0" density="9"/>'
#: What would make it twice as large. The hand has no meshes, so nothing of it changes.
MESHES = '<mesh scale="2 2 2"/>'


def hand_with(folder: Path, defaults: str) -> Gripper:
    source = data_dir("models") / "grippers"
    text = (source / "three_finger.xml").read_text().replace('<geom rgba="0.80 0.81 0.83 1"/>', defaults, 1)
    (folder / "three_finger.xml").write_text(text)
    (folder / "three_finger.yaml").write_text((source / "three_finger.yaml").read_text())
    return load_gripper(str(folder / "three_finger.yaml"))


@pytest.mark.parametrize("defaults", [CONTACTS, MESHES])
def test_the_object_of_a_trial_is_what_it_is_whatever_the_hand_says(defaults, tmp_path):
    assert any(part.kind == "hull" for part in CUP.parts)
    profile, models = load_profile("standard"), []
    for hand in (load_gripper("three_finger"), hand_with(tmp_path, defaults)):
        models.append(trial_model(CUP, hand, profile, 0.2, np.eye(3) * 1e-4, (0.6, 0.005, 0.002)))
    at = [slice(b.geomadr[0], b.geomadr[0] + b.geomnum[0]) for b in (m.body("object") for m in models)]
    for field in ("margin", "gap", "solmix", "group", "rgba", "quat", "pos", "rbound", "friction", "solref"):
        own, other = (getattr(m, f"geom_{field}")[s] for m, s in zip(models, at, strict=True))
        np.testing.assert_array_equal(own, other, field)
    dofs = [m.joint("object").dofadr[0] for m in models]
    for field in ("damping", "armature", "frictionloss"):
        own, other = (getattr(m, f"dof_{field}")[d] for m, d in zip(models, dofs, strict=True))
        assert own == other == 0


def test_labels_are_the_same(tmp_path):
    profile = load_profile("standard")
    T = np.array([pose(np.diag([1.0, -1.0, -1.0]), [0.0, 0.0, z]) for z in (0.02, 0.05, 0.08)])
    results = [
        try_asset(
            CUP, hand, profile, T, np.full(3, 0.15), mass=0.2, inertia=np.eye(3) * 1e-4, friction=(0.6, 0.005, 0.002),
            graded=False,
        )
        for hand in (load_gripper("three_finger"), hand_with(tmp_path, MESHES))
    ]  # fmt: skip
    np.testing.assert_array_equal(results[0].outcome, results[1].outcome)
    np.testing.assert_array_equal(results[0].grip_force, results[1].grip_force)
    assert (results[0].outcome == Outcome.SUCCESS).any()
