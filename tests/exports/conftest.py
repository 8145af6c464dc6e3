from __future__ import annotations

import pytest

import graspgen
from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe

BOXES = [
    "objects.families=box",
    "objects.parameters={box: {width: 0.03, depth: 0.05, height: 0.04}}",
    "objects.scale=1",
    "scene.objects.count=2",
    "scene.objects.spread=0.2",
    "views.width=96",
    "views.height=72",
    "render.shadow_size=64",
]


@pytest.fixture(scope="session")
def lens_dataset(tmp_path_factory):
    """One scene of two boxes and a labelled distractor, seen through a strong barrel lens."""
    out = tmp_path_factory.mktemp("lens") / "dataset"
    more = ["views.per_scene=2", "views.distortion={k1: -0.3, k2: 0.1, p1: 0.002}", "grasps.per_object=2"]
    more += ["scene.distractors.contextual.count=1", "views.modalities=[amodal_masks]"]
    generate(load_recipe("tabletop", [*BOXES, *more]), out, scenes=1, seed=5, quiet=True)
    return out


@pytest.fixture(scope="session")
def recorded_dataset(tmp_path_factory):
    """One scene of two boxes with three recorded trials, one of them a success, seen by two cameras."""
    out = tmp_path_factory.mktemp("recorded") / "dataset"
    more = ["grasps.per_object=16", "grasps.clear_share=1", "grasps.draws=0", "grasps.in_scene.share=1"]
    more += ["views.per_scene=2", "views.sequence.per_scene=3", "views.sequence.choose=outcomes"]
    more += ["views.sequence.cameras=[0, 1]"]
    generate(load_recipe("tabletop", [*BOXES, *more]), out, scenes=1, seed=1, quiet=True)
    return out


@pytest.fixture(scope="session")
def small(tiny_dataset):
    """The quick dataset, open; read-only."""
    with graspgen.open(tiny_dataset) as dataset:
        yield dataset
