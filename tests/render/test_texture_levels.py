"""A scan's texture is uploaded only as fine as the views can show it, and the picture is the same."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import trimesh
from render_scenes import at, view_of, world_of

from graspgen.frames import look_at
from graspgen.objects.asset import Mesh
from graspgen.scene import visual


def textured_box() -> Mesh:
    """A 20 cm box whose faces show 1024 px of smooth noise."""
    box = trimesh.creation.box([0.2] * 3)
    corners = box.vertices[box.faces].reshape(-1, 3)
    across = np.repeat(np.argsort(np.abs(box.face_normals), axis=1)[:, :2], 3, axis=0)
    uv = np.take_along_axis(corners, across, axis=1) / 0.2 + 0.5
    coarse = np.random.default_rng(2).integers(0, 256, (16, 16, 3), np.uint8)
    return Mesh(corners, np.arange(len(corners)).reshape(-1, 3), uv, np.kron(coarse, np.ones((64, 64, 1), np.uint8)))


def test_the_levels_of_a_texture_halve_and_keep_its_mean() -> None:
    levels = textured_box().texture_levels
    assert [level.shape[0] for level in levels] == [1024, 512, 256, 128, 64]
    means = np.array([level.mean(axis=(0, 1)) for level in levels])
    assert np.ptp(means, axis=0).max() < 0.5
    assert Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]])).texture_levels == ()


@pytest.mark.parametrize(("texels", "side"), [(np.inf, 1024), (513, 1024), (512, 512), (200, 256), (1, 64)])
def test_the_coarsest_level_that_is_fine_enough_is_taken(texels: float, side: int) -> None:
    spec = mujoco.MjSpec()
    assert visual.add_texture(spec, textured_box(), "box", texels) == "box"
    assert spec.textures[0].width == side


@pytest.mark.parametrize(("distance", "pixels"), [(1.2, 60.0), (2.2, 30.0)])
def test_as_many_texels_as_a_picture_is_wide(distance: float, pixels: float) -> None:
    """f · extent / (distance − extent), of the nearest view."""
    mesh = textured_box()
    K = np.array([[300.0, 0, 80], [0, 300.0, 60], [0, 0, 1]])
    near, far = (view_of(K=K, T_world_camera=look_at([d, 0, 0], [0, 0, 0])) for d in (distance, 5.0))
    world = world_of([trimesh.creation.box([0.2] * 3)], [at(0, 0, 0.1)], [near, far])
    assert visual.seen_texels([far, near], world.plan.objects[0], mesh) == pytest.approx(pixels)
