import struct

import numpy as np
import pytest

from graspgen.errors import RenderError
from graspgen.render.environment import KINDS, Environment, environment, environment_ktx


def sphere(n: int = 20_000) -> tuple[np.ndarray, float]:
    rng = np.random.default_rng(1)
    d = rng.normal(size=(n, 3))
    return d / np.linalg.norm(d, axis=1, keepdims=True), 4 * np.pi / n


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pattern", [0, 7])
def test_a_horizontal_white_surface_reflects_one(kind: str, pattern: int) -> None:
    d, share = sphere()
    irradiance = (environment(kind, pattern).radiance(d) * np.maximum(d[:, 2:], 0)).sum(0) * share
    assert irradiance.mean() / np.pi == pytest.approx(1, abs=0.1)


def test_blur_keeps_the_light() -> None:
    d, share = sphere(60_000)
    zero = np.zeros(3)
    one = Environment(zero, zero, zero, np.array([[0.0, 0.6, 0.8]]), np.array([25.0]), np.array([[5.0, 2.0, 1.0]]))
    sharp = one.radiance(d).sum(0) * share
    for alpha in (0.1, 0.4, 1.0):
        assert one.radiance(d, alpha).sum(0) * share == pytest.approx(sharp, rel=0.06)
        assert one.radiance(d, alpha).max() < one.radiance(d).max()


def test_a_turned_environment_is_the_same_seen_from_elsewhere() -> None:
    d, _ = sphere(500)
    x, y, z = d.T
    turned = environment("room", 3, np.pi / 2).radiance(np.stack([-y, x, z], -1))
    assert turned == pytest.approx(environment("room", 3).radiance(d), rel=1e-4)


def test_the_file_holds_a_cube_of_blurred_levels_and_its_irradiance() -> None:
    ktx = environment_ktx("sky", 2, 0.0)
    *_, width, height, _, _, faces, levels, metadata = struct.unpack("<13I", ktx[12:64])
    assert (width, height, faces) == (64, 64, 6)
    at = 64 + metadata
    for level in range(levels):
        (size,) = struct.unpack("<I", ktx[at : at + 4])
        assert size == (width >> level) ** 2 * 8
        at += 4 + 6 * size
    assert at == len(ktx)
    sh = np.array(ktx[68 : 64 + metadata].split(b"\0")[1].split(), float).reshape(9, 3)
    up = sh[0] + sh[1] + sh[6] * -1 - sh[8]  # the polynomial at (0, 1, 0): the world's up in the cube's frame
    assert up.mean() == pytest.approx(1, abs=0.02)


def test_an_unknown_environment_is_a_clear_error() -> None:
    with pytest.raises(RenderError, match="no environment 'cave'; say studio, sky, room"):
        environment("cave")
