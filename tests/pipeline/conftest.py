from __future__ import annotations

import pytest
from box_scene import BOXES

from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe


@pytest.fixture(scope="session")
def boxes(tmp_path_factory):
    """A dataset of one scene of two boxes; read-only for tests."""
    out = tmp_path_factory.mktemp("boxes") / "dataset"
    generate(load_recipe("tabletop", BOXES), out, scenes=1, seed=1, quiet=True)
    return out
