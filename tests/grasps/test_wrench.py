import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.spatial import ConvexHull

from graspgen.frames import axis_angle
from graspgen.grasps.wrench import ferrari_canny, primitive_wrenches, smallest_friction

LENGTH, SLIDING, TORSIONAL = 0.1, 0.6, 0.005


def pairs(n, tilt, seed=0):
    """Contacts, normals tilted by about `tilt` from the closing line, approaches."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n, 3))
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    middle, half = 0.03 * rng.normal(size=(n, 3)), rng.uniform(0.002, 0.04, (n, 1)) * y
    normals = np.stack([y, -y], axis=1) + tilt * rng.normal(size=(n, 2, 3))
    approach = np.cross(y, rng.normal(size=(n, 3)))
    return (
        np.stack([middle + half, middle - half], axis=1),
        normals / np.linalg.norm(normals, axis=-1, keepdims=True),
        approach / np.linalg.norm(approach, axis=1, keepdims=True),
    )


def angle_of(contacts, normals):
    line = contacts[:, 0] - contacts[:, 1]
    line /= np.linalg.norm(line, axis=1, keepdims=True)
    return np.arccos(np.clip(np.einsum("nkj,nj->nk", normals, line) * [1, -1], -1, 1)).max(axis=1)


def has_force_closure(contacts, normals, friction, torsional=TORSIONAL, edges=48):
    """Whether some strictly positive combination of the edges' wrenches is zero and they span all wrenches: an LP."""
    columns = []
    for p, inward in zip(contacts, -normals, strict=True):
        _, _, basis = np.linalg.svd(inward[None])
        for a in 2 * np.pi * np.arange(edges) / edges:
            force = inward + friction * (np.cos(a) * basis[1] + np.sin(a) * basis[2])
            columns.append([*force, *np.cross(p, force) / LENGTH])
        for sense in (1, -1):
            moment = np.cross(p, inward) + sense * torsional * inward
            columns.append([*inward, *moment / LENGTH])
    w = np.array(columns).T
    if np.linalg.matrix_rank(w, tol=1e-9) < 6:
        return False
    n = w.shape[1]
    # λ = s + μ with μ ≥ 0: maximise s.
    equal = np.vstack([np.column_stack([w, w.sum(axis=1)]), [*np.ones(n), n]])
    best = linprog([*np.zeros(n), -1.0], A_eq=equal, b_eq=[*np.zeros(6), 1.0], bounds=(0, None))
    return best.status == 0 and -best.fun > 1e-9


@settings(max_examples=40, deadline=None)
@given(st.floats(0.05, 1.2), st.floats(0, 1), st.floats(0, 6.28), st.integers(0, 2**31))
def test_force_closure_begins_at_the_smallest_friction(angle, share, azimuth, seed):
    contacts, normals, _ = pairs(1, 0.0, seed)
    across = np.cross(normals[0, 0], [0.2, 0.5, 0.8])
    across /= np.linalg.norm(across)
    axes = [across, axis_angle(normals[0, 0], azimuth) @ across]
    for k, tilt in ((0, angle), (1, share * angle)):
        normals[0, k] = axis_angle(axes[k], tilt) @ normals[0, k]
    found = angle_of(contacts, normals)
    assert found[0] == pytest.approx(angle, abs=1e-7)
    needed = smallest_friction(found)[0]
    assert has_force_closure(contacts[0], normals[0], 1.02 * needed)
    assert not has_force_closure(contacts[0], normals[0], 0.98 * needed)


def test_without_torsional_friction_there_is_no_force_closure():
    contacts, normals, approach = pairs(4, 0.0)
    assert has_force_closure(contacts[0], normals[0], 0.5)
    assert not has_force_closure(contacts[0], normals[0], 0.5, torsional=0.0)
    hard = primitive_wrenches(contacts, normals, approach, [0, 0, 0], LENGTH, SLIDING, 0.0)
    np.testing.assert_allclose(ferrari_canny(hard), 0, atol=1e-12)


def test_no_friction_holds_what_pads_would_have_to_push_apart():
    np.testing.assert_allclose(smallest_friction([0.0, np.pi / 4]), [0, 1])
    assert (smallest_friction([np.pi / 2, 3.0]) == np.inf).all()
    assert np.isnan(smallest_friction([np.nan])).all()


@pytest.mark.parametrize("torsional", [1e-4, 0.005, 0.03])
@pytest.mark.parametrize("tilt", [0.0, 1e-9, 1e-6, 1e-3, 0.1, 0.4])
def test_epsilon_is_that_of_the_convex_hull_in_six_dimensions(tilt, torsional):
    wrenches = primitive_wrenches(*pairs(25, tilt), [0.01, 0, 0], LENGTH, SLIDING, torsional)
    offsets = [-ConvexHull(w.reshape(-1, 6)).equations[:, -1] for w in wrenches]
    expected = [max(d.min(), 0) for d in offsets]
    np.testing.assert_allclose(ferrari_canny(wrenches), expected, atol=1e-12)
    if tilt == 0.4:
        assert 0 in expected and max(expected) > 0


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 0.3), st.floats(0.1, 1.2), st.floats(1e-3, 0.03), st.integers(0, 2**31))
def test_the_ball_of_radius_epsilon_lies_in_the_hull_and_friction_never_shrinks_it(tilt, sliding, torsional, seed):
    given_pairs = pairs(8, tilt, seed)
    wrenches = primitive_wrenches(*given_pairs, np.zeros(3), LENGTH, sliding, torsional)
    epsilon = ferrari_canny(wrenches)
    direction = np.random.default_rng(seed).normal(size=(6, 200))
    direction /= np.linalg.norm(direction, axis=0)
    furthest = (wrenches.reshape(8, -1, 6) @ direction).max(axis=1)
    assert (furthest >= np.where(epsilon > 0, epsilon, -np.inf)[:, None] - 1e-12).all()
    for more in ((1.2 * sliding, torsional), (sliding, 1.2 * torsional)):
        larger = ferrari_canny(primitive_wrenches(*given_pairs, np.zeros(3), LENGTH, *more))
        assert (larger >= epsilon - 1e-12).all()


def test_the_moment_about_the_closing_line_bounds_epsilon():
    # Only torsion resists this moment, a functional of wrenches whose norm is √(1 + (d / L)²).
    contacts, normals, approach = pairs(50, 0.0)
    epsilon = ferrari_canny(primitive_wrenches(contacts, normals, approach, np.zeros(3), LENGTH, 10.0, TORSIONAL))
    y = normals[:, 0]
    d = np.linalg.norm(np.cross(contacts[:, 0], y), axis=1)
    bound = TORSIONAL / LENGTH / np.sqrt(1 + (d / LENGTH) ** 2)
    assert (epsilon <= bound + 1e-12).all()
    assert (epsilon > 0.5 * bound).all()
    assert ferrari_canny(np.zeros((0, 2, 10, 6))).shape == (0,)
