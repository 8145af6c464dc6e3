import mujoco
import numpy as np
import pytest

from graspgen.grippers.gripper import list_grippers, load_gripper

CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])


def bounds(model, data, chosen):
    """(2, 3) least and greatest coordinates of geoms, m."""
    points = []
    for g in chosen:
        local = model.geom_aabb[g, :3] + CORNERS * model.geom_aabb[g, 3:]
        if (mesh := int(model.geom_dataid[g])) >= 0:
            first = model.mesh_vertadr[mesh]
            local = model.mesh_vert[first : first + model.mesh_vertnum[mesh]]
        points.append(local @ data.geom_xmat[g].reshape(3, 3).T + data.geom_xpos[g])
    points = np.concatenate(points)
    return np.stack([points.min(axis=0), points.max(axis=0)])


@pytest.mark.parametrize("name", list_grippers())
def test_what_is_only_seen_weighs_nothing_and_changes_no_trial(name):
    gripper = load_gripper(name)
    spec = gripper.spec()
    lips = set(gripper.file.joints) if gripper.suction else set()
    looks = [g for g in spec.geoms if not (g.contype or g.conaffinity) and g.name not in lips]
    assert all(g.group == 2 and g.mass == 0 for g in looks)
    seen, tried = spec.compile(), gripper.trial_spec().compile()
    for field in ("body_mass", "body_inertia", "body_ipos", "body_iquat"):
        np.testing.assert_array_equal(getattr(seen, field), getattr(tried, field))
    assert seen.ngeom - tried.ngeom == len(looks) and tried.nmesh <= seen.nmesh


@pytest.mark.parametrize("name", list_grippers())
def test_what_is_seen_of_a_shipped_gripper_is_as_large_as_what_collides(name):
    gripper = load_gripper(name)
    model = gripper.spec().compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    solid = (model.geom_contype | model.geom_conaffinity) > 0
    for body in range(1, model.nbody):
        mine = model.geom_bodyid == body
        collides, drawn = np.flatnonzero(mine & solid), np.flatnonzero(mine & (model.geom_group < 3))
        if len(collides):
            # The soft skirt of a cup, which is seen and does not collide, is all that may be larger.
            slack = 0.009 if gripper.suction else 0.0045
            np.testing.assert_allclose(bounds(model, data, drawn), bounds(model, data, collides), atol=slack)
