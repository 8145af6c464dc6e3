"""A run under another recipe of storage: checked, replayed and resumed as any other."""

from __future__ import annotations

import numpy as np
import pytest
from box_scene import BOXES

import graspgen
from graspgen.dataset import codecs
from graspgen.dataset.check import check
from graspgen.dataset.coded import CodedImages
from graspgen.dataset.manifest import load_manifest
from graspgen.errors import DatasetError
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe

MORE = [
    "views.per_scene=2",
    "views.sensor.profile=realsense_d435",
    "grasps.per_object=2",
    "views.sequence.per_scene=1",
    "grasps.in_scene.per_object=1",
]


@pytest.fixture(scope="module")
def jpeg(tmp_path_factory):
    out = tmp_path_factory.mktemp("stored") / "jpeg"
    generate(load_recipe("tabletop", [*BOXES, *MORE, "storage.colour=jpeg"]), out, scenes=1, seed=1, quiet=True)
    return out


def test_a_jpeg_run_is_sound_and_comes_out_identical(jpeg):
    """Its sensors are told by the colour that is stored, so that they follow from the file."""
    assert check(jpeg) == []
    report = replay(jpeg, 0)
    assert report.identical, report.lines()


def test_only_colour_and_what_sensors_make_of_it_differ_from_a_lossless_run(jpeg, tmp_path):
    recipe = load_recipe("tabletop", [*BOXES, *MORE])
    generate(recipe, tmp_path / "lossless", scenes=1, seed=1, quiet=True)
    with graspgen.open(jpeg) as one, graspgen.open(tmp_path / "lossless") as other:
        a, b = one.record(0), other.record(0)
        assert isinstance(a.tables["views"]["rgb"], CodedImages) and isinstance(
            a.tables["frame_views"]["rgb"], CodedImages
        )
        differ = {
            f"{table}.{name}"
            for table in a.tables
            for name in a.tables[table]
            if not isinstance(a.tables[table][name], CodedImages)
            and a.tables[table][name].tobytes() != b.tables[table][name].tobytes()
            and a.tables[table][name].dtype != object
        }
        assert differ <= {"views.depth_sensor", "views.depth_reason"}
        error = (one.rgb(0).astype(float) - other.rgb(0)) ** 2
        assert 0 < error.mean() < 255**2 / 10**3.6
        assert np.mean(one.depth_sensor(0) != other.depth_sensor(0)) < 0.02


@pytest.mark.skipif(codecs.plugins() is None, reason="hdf5plugin is not installed")
def test_a_run_with_two_workers_and_a_plugin_has_the_content_of_any_other(tmp_path):
    few = [*BOXES, "grasps.per_object=0"]
    generate(load_recipe("tabletop", few), tmp_path / "gzip", scenes=2, seed=3, quiet=True)
    zstd = load_recipe("tabletop", [*few, "storage.codec=zstd"])
    generate(zstd, tmp_path / "zstd", scenes=2, seed=3, workers=2, quiet=True)
    assert load_manifest(tmp_path / "zstd").content_hash == load_manifest(tmp_path / "gzip").content_hash
    assert check(tmp_path / "zstd") == []
    with pytest.raises(DatasetError, match=r'storage\.codec was "zstd", now "gzip"'):
        generate(load_recipe("tabletop", few), tmp_path / "zstd", scenes=2, seed=3, resume=True, quiet=True)
