"""Depth sensors against closed form: noise, steps, shadows, angles, shares; one knob moves no other noise."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings

from graspgen.dataset.check_sensor import within_law
from graspgen.lens import grid_rays
from graspgen.render.sensors.geometry import Seen
from graspgen.render.sensors.holes import shadow
from graspgen.render.sensors.noise import axial_sigma
from graspgen.render.sensors.sense import sense
from graspgen.render.sensors.streams import Kind, blobs, rounded_normal
from graspgen.scene.sensor_plan import SensorPlan
from graspgen.sensor_codes import Reason
from graspgen.sensor_profiles import load_sensor, sensor_names

H, W, F, B = 240, 320, 600.0, 0.05
K = np.array([[F, 0, W / 2], [0, F, H / 2], [0, 0, 1]])
NONE = np.zeros(5)
GREY = np.full((H, W, 3), 128, np.uint8)
IDS = np.zeros((H, W), np.uint8)


def plan_of(**values) -> SensorPlan:
    return SensorPlan(**{"profile": "x", "version": 1, "range": (0.1, 6.5), "unit": 1e-4, **values})


def flat(z: float) -> np.ndarray:
    return np.full((H, W), z, np.float32)


def look(plan: SensorPlan, depth: np.ndarray, D=NONE, rgb=GREY, ids=IDS):
    return sense(plan, depth, K, D, rgb, ids)


def tilted(angle: float, D=NONE) -> tuple[np.ndarray, np.ndarray]:
    """Return the depth of a plane that leans to the side, 1 m away, and the true angle of incidence, rad."""
    x, y = np.moveaxis(grid_rays(K, D, 0, 0, W, H), -1, 0)
    n = np.array([np.sin(angle), 0.0, -np.cos(angle)])
    away = x * n[0] + n[2]
    z = np.where(away < -0.05, -np.cos(angle) / np.minimum(away, -0.05), 0)
    true = np.arccos(-away / np.sqrt(x**2 + y**2 + 1))
    return z.astype(np.float32), np.where(z > 0, true, np.nan)


@pytest.mark.parametrize("z", [0.4, 0.8, 1.6, 3.2])
def test_disparity_noise_grows_with_the_square_of_depth(z):
    found, why = look(plan_of(focal=F, baseline=B, disparity_noise=0.08), flat(z))
    assert not why.any()
    assert found.std() == pytest.approx(z**2 / (F * B) * 0.08, rel=0.02)
    assert found.mean() == pytest.approx(
        z, abs=4 * found.std() / np.sqrt(found.size) + (0.08 * z / F / B) ** 2 * z + 1e-4
    )


def test_steps_of_disparity_and_of_depth_are_those_of_the_sensor():
    ramp = np.broadcast_to(np.linspace(0.9, 1.1, W, dtype=np.float32), (H, W)).copy()
    found, _ = look(plan_of(focal=F, baseline=B, disparity_step=0.125), ramp)
    assert np.abs(np.unique(np.round(F * B / found / 0.125) * 0.125) - np.unique(F * B / found)).max() < 5e-3
    assert np.diff(np.unique(found)).max() == pytest.approx(1.1**2 / (F * B) * 0.125, rel=0.06)
    found, _ = look(plan_of(unit=0.005), ramp)
    assert (
        np.allclose(found / 0.005, np.round(found / 0.005), atol=1e-3) and np.abs(found - ramp).max() <= 0.0025 + 1e-6
    )


@pytest.mark.parametrize("near, far", [(0.5, 0.8), (0.7, 0.9), (0.6, 2.0)])
def test_beside_an_edge_the_disparities_difference_is_hidden(near, far):
    depth = flat(far)
    depth[60:180, 160:] = near
    hidden = shadow(Seen.of(depth, K, NONE), B)
    width = F * B * (1 / near - 1 / far)
    assert not hidden[:58].any() and not hidden[:, 160:].any()
    assert np.abs(hidden[70:170].sum(axis=1) - width).max() <= 1
    assert hidden[120, 160 - int(width) : 160].all()


def test_behind_a_thin_thing_the_second_camera_sees_the_surface_again():
    depth = flat(0.9)
    depth[:, 200:204] = 0.6
    hidden = shadow(Seen.of(depth, K, NONE), B)[100]
    first = 200 - F * B * (1 / 0.6 - 1 / 0.9)
    assert abs(hidden.sum() - 4) <= 2 and np.abs(np.flatnonzero(hidden) - (first + 1.5)).max() <= 4


@pytest.mark.parametrize("angle", [-80, -60, 0, 60, 80])
def test_a_plane_hides_nothing_of_itself(angle):
    depth, _ = tilted(np.radians(angle))
    assert not shadow(Seen.of(depth, K, NONE), B).any()


def test_what_leaves_the_image_of_the_second_camera_is_told_by_its_field():
    depth = flat(0.5)
    assert not shadow(Seen.of(depth, K, NONE), B).any()
    band = shadow(Seen.of(depth, K, NONE), B, field=(-W / 2 / F, W / 2 / F))
    assert abs(int(band[0].sum()) - F * B / 0.5) <= 1 and band[0, :59].all()


@pytest.mark.parametrize("D", [NONE, (-0.1, 0.03, 0.001, 0.0, 0.0)])
@pytest.mark.parametrize("degrees", [0, 30, 70, 82])
def test_incidence_is_that_of_the_plane(degrees, D):
    depth, true = tilted(np.radians(degrees), D)
    cosine = Seen.of(depth, K, D).cos_incidence()
    inner = np.zeros_like(depth, bool)
    inner[2:-2, 2:-2] = np.isfinite(true)[2:-2, 2:-2] & (depth[2:-2, 1:-3] > 0) & (depth[2:-2, 3:-1] > 0)
    error = np.abs(np.arccos(np.clip(cosine, 0, 1)) - true)[inner]
    assert np.quantile(error, 0.99) < np.radians(0.1 if not np.any(D) and degrees else 1.0)


def test_what_is_steeper_than_the_limit_is_lost_and_no_edge_counts_as_steep():
    depth, true = tilted(np.radians(75))
    _, why = look(plan_of(grazing_deg=70), depth)
    clear = np.abs(true - np.radians(70)) > np.radians(0.5)
    clear[:, [0, -1]] = False
    assert ((why == Reason.GRAZING) == (true > np.radians(70)))[clear & (depth > 0)].mean() > 0.999
    step = flat(0.8)
    step[:, 100:] = 0.6
    assert not look(plan_of(grazing_deg=70), step)[1].any()


def test_nguyens_and_khoshelhams_laws():
    z = np.array([0.5, 1.0, 2.0, 3.5], np.float32)
    nguyen = load_sensor("kinect_v1").axial
    law = (nguyen.constant, nguyen.linear, nguyen.quadratic, nguyen.start, nguyen.tilt)
    assert np.allclose(axial_sigma(law, z), 0.0012 + 0.0019 * (z - 0.4) ** 2, rtol=1e-5)
    steep = np.radians(75)
    more = 0.0001 / np.sqrt(z) * steep**2 / (np.pi / 2 - steep) ** 2
    assert np.allclose(axial_sigma(law, z, steep) - axial_sigma(law, z), more, rtol=1e-4)
    for depth in z:
        found, _ = look(plan_of(axial=(0, 0, 1.425e-3, 0, 0)), flat(depth))
        assert found.std() == pytest.approx(1.425e-3 * depth**2, rel=0.02)


def test_blenderprocs_law_of_azure_kinect():
    a = load_sensor("azure_kinect").axial
    law = (a.constant, a.linear, a.quadratic, a.start, a.tilt)
    assert np.allclose(axial_sigma(law, np.array([0.3, 0.5, 2.5])), [0.0005, 0.0005, 0.0025])
    depth = flat(0.5)
    depth[:, 100:] = 1.4
    why = look(plan_of(mixed=0.8), depth)[1]
    assert (why[:, 99:101] == Reason.SHADOW).all() and np.count_nonzero(why[0]) == 2


def test_a_scale_bias_multiplies_and_shares_are_met():
    assert look(plan_of(scale_bias=0.98), flat(1.0))[0].mean() == pytest.approx(0.98, abs=1e-6)
    why = look(plan_of(dropout=0.02), flat(1.0))[1]
    assert (why == Reason.RANDOM).mean() == pytest.approx(0.02, abs=4 * np.sqrt(0.02 / H / W))
    ids = IDS.copy()
    ids[:, 100:] = 3
    why = look(plan_of(lost={3: 0.4}), flat(1.0), ids=ids)[1]
    assert not why[:, :100].any() and (why == Reason.SPECULAR)[:, 100:].mean() == pytest.approx(0.4, abs=0.05)
    rgb = GREY.copy()
    rgb[:50] = 10
    why = look(plan_of(dark=15), flat(1.0), rgb=rgb)[1]
    assert (why[:50] == Reason.DARK).all() and not why[50:].any()


def test_a_pixel_looks_aside_but_never_at_what_is_lost_and_mixes_nothing():
    depth = flat(1.0)
    depth[:, 160:] = 0.5
    depth[:40] = 0
    found, why = look(plan_of(lateral_shift=0.5), depth)
    assert set(np.unique(found).round(4)) == {0.0, 0.5, 1.0}
    assert (why == Reason.OUT_OF_RANGE).sum() == 40 * W and (found[:40] == 0).all()
    # Beside the edge, a pixel looks across it when its shift rounds to 1 or more: P(N(0, 0.5) > 0.5) = 0.1587.
    crossed = np.concatenate([found[40:, 159] == 0.5, found[40:, 160] == 1.0])
    assert crossed.mean() == pytest.approx(0.1587, abs=4 * np.sqrt(0.13 / crossed.size))


@pytest.mark.parametrize("sigma", [0.25, 0.8, 2.0])
def test_rounded_normals_are_those_of_their_deviation(sigma):
    where, value = rounded_normal(7, Kind.SHIFT_X, (400, 500), np.array(sigma, np.float32))
    exact = np.rint(np.random.default_rng(1).normal(0, sigma, 400_000))
    assert not (value == 0).any()
    assert len(where) / 200_000 == pytest.approx((exact != 0).mean(), abs=0.005)
    assert np.sqrt((value.astype(float) ** 2).sum() / 200_000) == pytest.approx(np.sqrt((exact**2).mean()), rel=0.02)


def test_every_pixel_of_blobs_is_standard_normal():
    many = np.stack([blobs(seed, (20, 20)) for seed in range(3000)])
    assert np.abs(many.mean(axis=0)).max() < 0.1 and np.abs(many.std(axis=0) - 1).max() < 0.07


def test_one_knob_moves_no_other_noise():
    both = plan_of(focal=F, baseline=B, disparity_noise=0.08, dropout=0.05, noise_seed=11)
    some, _ = look(both.model_copy(update={"dropout": 0.0}), flat(1.0))
    all_, why = look(both, flat(1.0))
    assert np.array_equal(all_[why == 0], some[why == 0])
    again, _ = look(both, flat(1.0))
    other, _ = look(both.model_copy(update={"noise_seed": 12}), flat(1.0))
    assert np.array_equal(again, all_) and not np.array_equal(other, all_)


@given(
    name=st.sampled_from(sensor_names()), seed=st.integers(0, 2**32 - 1), degrees=st.integers(0, 85), at=st.floats(0, 3)
)
@example(name="kinect_v1", seed=0, degrees=0, at=1.4e-45)  # a disparity beyond all numbers
@example(name="ideal", seed=0, degrees=64, at=3.0)  # beyond the range
@settings(max_examples=25, deadline=None)
def test_values_and_reasons_exclude_each_other_whatever_the_sensor(name, seed, degrees, at):
    p = load_sensor(name)
    plan = plan_of(
        focal=p.fx, baseline=p.baseline, range=p.range or (0, 6.5), unit=p.unit, disparity_noise=p.disparity_noise,
        disparity_step=p.disparity_step, lateral_shift=p.lateral_shift, lateral_tilt=p.lateral_tilt, mixed=p.mixed,
        axial=(p.axial.constant, p.axial.linear, p.axial.quadratic, p.axial.start, p.axial.tilt), noise_seed=seed,
        grazing_deg=p.grazing_deg, dropout=p.dropout, dark=p.dark, shadow=p.baseline is not None,
    )  # fmt: skip
    depth = tilted(np.radians(degrees))[0] * np.float32(at)
    depth[80:120, 100:150] *= 0.7
    found, why = look(plan, depth)
    assert np.array_equal(found > 0, why == 0) and np.isfinite(found).all()
    seen = found[found > 0]
    assert ((seen >= plan.range[0] - 1e-5) & (seen <= plan.range[1] + 1e-5)).all()
    assert np.abs(seen / plan.unit - np.rint(seen / plan.unit)).max(initial=0) < 1e-2
    assert within_law(plan, depth, found).mean() > 0.98
    if name == "ideal":
        there = (depth >= 1e-4) & (depth <= plan.range[1])
        assert np.abs(found - depth)[there].max(initial=0) <= 0.5e-4 + 1e-6
