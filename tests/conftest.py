from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe

# How long an example takes says how busy the machine is, not whether a claim holds.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

#: A recipe that is whole but quick: small images, few grasps.
TINY = [
    "views.per_scene=2",
    "views.width=96",
    "views.height=72",
    "render.shadow_size=64",
    "grasps.per_object=4",
    "scene.objects.count={uniform: [1, 2]}",
    "objects.families={choice: [box, cylinder, sphere]}",
]


@pytest.fixture(scope="session")
def tiny():
    """Overrides of `tabletop` that make it quick."""
    return list(TINY)


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory):
    """A dataset of three quick scenes; read-only for tests, copy it to change it."""
    out = tmp_path_factory.mktemp("tiny") / "dataset"
    generate(load_recipe("tabletop", TINY), out, scenes=3, seed=7, quiet=True)
    return out
