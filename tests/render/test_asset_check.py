"""The render test: pictures agree with rays, and what is inside-out, unseen or wrongly coloured is found."""

from dataclasses import replace

import numpy as np
import pytest
import solids

from graspgen.objects.asset import Mesh
from graspgen.render import asset_check
from graspgen.render.asset_check import SIZE, render_check

BOX = solids.box(0.06, 0.04, 0.02)


def textured(colours):
    """A box whose sides show a picture of (2, 2, 3) colours, 64 texels each, by projection along x + y + z."""
    vertices = BOX.mesh.vertices
    uv = (vertices[:, :2] / np.ptp(vertices[:, :2], axis=0)) + 0.5
    texture = np.repeat(np.repeat(np.array(colours, np.uint8), 64, axis=0), 64, axis=1)
    return replace(BOX, mesh=Mesh(vertices, BOX.mesh.faces, uv, texture))


STRIPES = textured([[[250, 10, 10], [250, 10, 10]], [[10, 10, 250], [10, 10, 250]]])


@pytest.mark.parametrize(
    "asset", [BOX, solids.ball(0.03), solids.tube(), solids.box(0.003, 0.003, 0.003), solids.box(0.5, 0.4, 1.5)]
)
def test_pictures_of_any_size_agree_with_rays(asset):
    result = render_check(asset)
    assert result.reason() == ""
    assert result.silhouette < 0.01 and result.depth < 1e-4 * result.diameter and np.isnan(result.colour)


def test_a_balls_silhouette_is_a_disc():
    # A ball of radius r at the distance 4 r, in a picture that a ball of 1.15 r would fill.
    radius = SIZE / 2 * np.sqrt((4**2 - 1.15**2) / (4**2 - 1)) / 1.15
    assert render_check(solids.ball(0.03)).pixels == pytest.approx(np.pi * radius**2, rel=0.01)


def test_thin_sheets_and_needles_pass():
    for size in ((0.1, 0.1, 0.0005), (0.2, 0.001, 0.001)):
        assert render_check(solids.box(*size)).reason() == ""


def test_an_inside_out_mesh_is_found():
    turned = replace(BOX, mesh=Mesh(BOX.mesh.vertices, BOX.mesh.faces[:, ::-1]))
    assert "off its mesh" in render_check(turned).reason()


def test_a_missing_side_is_found():
    flipped = BOX.mesh.faces.copy()
    flipped[:6] = flipped[:6, ::-1]
    assert render_check(replace(BOX, mesh=Mesh(BOX.mesh.vertices, flipped))).reason() != ""


def test_a_texture_is_seen_as_it_is():
    result = render_check(STRIPES)
    assert result.reason() == "" and result.colour < 0.03


def test_a_texture_that_is_not_shown_is_found(monkeypatch):
    upside_down = textured([[[10, 10, 250], [10, 10, 250]], [[250, 250, 10], [250, 250, 10]]])
    render = asset_check.build_world
    monkeypatch.setattr(asset_check, "build_world", lambda plan, assets: render(plan, {0: upside_down}))
    assert "its texture is not what is seen" in render_check(STRIPES).reason()


def test_what_is_not_drawn_is_found(monkeypatch):
    render = asset_check.render_views

    def nothing(world, **kw):
        return [replace(image, instances=np.zeros_like(image.instances)) for image in render(world, **kw)]

    monkeypatch.setattr(asset_check, "render_views", nothing)
    assert render_check(BOX).reason() == "nothing of it is seen"
