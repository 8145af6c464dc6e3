"""Measures of edge cases against answers known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from graspgen.dataset.edge_measures import SYMMETRIC, asymmetry, edge_case_bits, measured
from graspgen.recipe.quotas import EdgeCase


def box(*sides: float):
    mesh = trimesh.creation.box(sides)
    return np.array(mesh.vertices), np.array(mesh.faces)


def test_a_cube_has_no_turn_that_nearly_maps_it_to_itself():
    assert np.isnan(asymmetry(*box(0.1, 0.1, 0.1)))


def test_a_box_that_is_nearly_a_cube_is_nearly_symmetric():
    # Quarter turns take sides of 0.1 to sides of 0.104: the surface moves by 2 mm on four of six faces.
    value = asymmetry(*box(0.1, 0.1, 0.104))
    assert SYMMETRIC < value < 0.015
    assert asymmetry(*box(0.1, 0.1, 0.2)) > 0.05


def test_views_are_measured_in_their_pixels_and_rows():
    colour = np.zeros((2, 4, 4, 3), np.uint8)
    colour[0] = 51  # a fifth of white
    colour[1, :1] = 255
    tables = {
        "views": {"id": np.array([0, 1])},
        "objects": {"id": np.zeros(0)},
        "grasps": {"id": np.zeros(0)},
        "annotations": {
            "view": np.array([0, 0, 1]), "pixels_visible": np.array([10, 0, 5]),
            "visible_in_frame": np.array([0.5, 0.0, 0.2]), "in_frame": np.ones(3),
            "centre_depth": np.array([2, 1, 3.0]),
        },
    }  # fmt: skip

    def of(name):
        return measured(name, "view", tables, lambda row: colour[row], lambda key: box(1, 1, 1))

    assert of("luminance") == pytest.approx([0.2, 0.0])
    assert of("saturated") == pytest.approx([0.0, 0.25])
    assert of("nearest") == pytest.approx([2.0, 3.0])  # what is not seen does not count
    assert of("least_visible") == pytest.approx([0.5, 0.2])
    cases = {"hidden": EdgeCase(of="view", where={"least_visible": (None, 0.3)})}
    bits = edge_case_bits(cases, {"hidden": 3}, tables, lambda row: colour[row], lambda key: box(1, 1, 1))
    assert bits["views"].tolist() == [0, 8]
