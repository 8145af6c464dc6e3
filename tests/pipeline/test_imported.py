"""Real meshes that this project did not make, through the whole pipeline."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import graspgen
from graspgen.dataset.check import check
from graspgen.dataset.manifest import load_manifest
from graspgen.grasps.outcomes import Outcome
from graspgen.objects.library import LibraryCatalogue
from graspgen.objects.mesh_import import import_meshes
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe

#: Meshes of `pybullet_data`, with what they are imported at: (files, scale, largest extent, m).
QUICK = [
    (["random_urdfs/000/000.obj", "random_urdfs/003/003.obj", "random_urdfs/009/009.obj"], 0.01, None),
    (["duck_vhacd.obj", "cube.obj", "domino/domino.obj"], 1.0, 0.06),
]
#: These need a convex decomposition; they are the meshes that people draw, with open edges and inner shells.
DECOMPOSED = [(["duck.obj", "bunny.obj", "torus/torus_textured.obj", "objects/mug.obj"], 1.0, 0.08)]

OVERRIDES = [
    "views.per_scene=2",
    "views.width=160",
    "views.height=120",
    "render.shadow_size=64",
    "scene.objects.count=3",
    "grasps.per_object=10",
    "grasps.draws=0",
    "grasps.min_friction=false",
]


@pytest.fixture(scope="module")
def meshes():
    found = importlib.util.find_spec("pybullet_data")
    if found is None or found.origin is None:
        pytest.skip("pybullet, whose meshes this test imports, has no wheel for this Python; it has them below 3.12")
    return Path(found.origin).parent


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def imported(meshes, groups, library):
    for files, scale, size in groups:
        report = import_meshes([meshes / f for f in files], library, scale=scale, target_size=size, licence="test")
        assert not report.refused
        assert len(report.accepted) == len(files)
    return library


def made(library, out):
    recipe = load_recipe("tabletop", [*OVERRIDES, f"objects.library={library}"])
    generate(recipe, out, scenes=2, seed=11, quiet=True)
    return out


@pytest.fixture(scope="module")
def library(meshes, tmp_path_factory):
    return imported(meshes, QUICK, tmp_path_factory.mktemp("imported") / "library")


@pytest.fixture(scope="module")
def dataset(library, tmp_path_factory):
    return made(library, tmp_path_factory.mktemp("imported") / "dataset")


def test_meshes_of_others_make_a_dataset_that_check_accepts(dataset):
    assert check(dataset) == []


def test_grasps_of_meshes_of_others_hold_and_fail(dataset):
    with graspgen.open(dataset) as opened:
        outcomes = opened.grasps["outcome"]
        assert len(opened.objects) == 6
        assert len(np.unique(opened.objects["asset"])) >= 3
    assert 0.15 < (outcomes == Outcome.SUCCESS).mean() < 0.95
    assert not (outcomes == Outcome.UNSTABLE).any()


def test_a_scene_of_meshes_of_others_replays_identically(dataset):
    report = replay(dataset, 1)
    assert report.identical, report.lines()


def test_an_asset_weighs_what_its_mesh_says(library):
    assets = {a.name: a for a in (LibraryCatalogue(library).asset(n) for n in range(6))}
    cube = assets["cube"]
    np.testing.assert_allclose(cube.extents, 0.06, rtol=1e-6)
    assert cube.volume == pytest.approx(0.06**3, rel=1e-5)
    np.testing.assert_allclose(cube.unit_inertia, np.eye(3) * 0.06**5 / 6, atol=1e-12)
    assert len(cube.parts) == 1
    # Made of five convex shells, kept as they are.
    assert len(assets["duck_vhacd"].parts) == 5
    # 000.obj is of five bars of about 20 mm, 60 x 80 x 21 mm together.
    np.testing.assert_allclose(assets["000"].extents, [0.060, 0.080, 0.021], atol=0.0005)


def test_the_objects_of_a_dataset_are_a_library_for_the_next(dataset, tmp_path):
    again = made(dataset / "objects", tmp_path / "again")
    assert check(again) == []
    assert replay(again, 0).identical
    with graspgen.open(dataset) as first, graspgen.open(again) as second:
        hashes = dict(zip(first.assets["name"], first.assets["content_hash"], strict=True))
        names = second.assets["name"]
        assert [hashes[n] for n in names] == list(second.assets["content_hash"])


def test_the_library_may_be_gone_once_the_dataset_is_made(meshes, tmp_path):
    library = imported(meshes, [(["cube.obj"], 1.0, 0.05)], tmp_path / "library")
    out = made(library, tmp_path / "dataset")
    library.rename(tmp_path / "elsewhere")
    assert check(out) == []
    assert replay(out, 0).identical


@pytest.mark.slow
def test_decomposed_meshes_of_others_go_through_the_whole_pipeline(meshes, tmp_path):
    library = imported(meshes, DECOMPOSED, tmp_path / "library")
    out = made(library, tmp_path / "dataset")
    assert check(out) == []
    assert replay(out, 0).identical
    assert load_manifest(out).complete
