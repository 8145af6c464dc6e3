from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import trimesh
from typer.testing import CliRunner

from graspgen.cli.main import app
from graspgen.dataset.check import check
from graspgen.dataset.reader import open as open_dataset
from graspgen.errors import DatasetError
from graspgen.pipeline.journal import Journal
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe

CELL = """<mujoco><asset><mesh name="cone" file="cone.stl"/></asset><worldbody>
<geom name="ground" type="plane" size="0 0 1"/><geom name="bench" type="box" size="0.4 0.3 0.2" pos="1 1 0.2"/>
<geom name="cone" type="mesh" mesh="cone" pos="1.15 1.1 0.4"/>
<geom name="rod" type="capsule" size="0.02 0.05" pos="0.8 1.1 0.47"/>
<geom name="dome" type="ellipsoid" size="0.05 0.03 0.02" pos="0.8 0.85 0.4"/></worldbody></mujoco>"""


@pytest.fixture(scope="module")
def own_cell(tmp_path_factory):
    """A recipe with a cell of its own, and a dataset made by it."""
    folder = tmp_path_factory.mktemp("cell")
    trimesh.creation.cone(0.05, 0.12).export(folder / "cone.stl")
    (folder / "my_cell.xml").write_text(CELL)
    (folder / "mine.yaml").write_text(
        "task: mine\nscene: {arena: my_cell.xml, objects: {count: 2, spread: 0.1}}\n"
        "objects: {families: box}\nrender: {shadow_size: 64}\n"
        "views: {per_scene: 2, width: 160, height: 120, elevation_deg: {uniform: [30, 60]}}\n"
        "grasps: {per_object: 2, draws: 0, min_friction: false}\n"
    )
    generate(load_recipe(str(folder / "mine.yaml")), folder / "out", scenes=2, seed=3, quiet=True, preview=False)
    return folder


def test_a_dataset_of_an_own_cell_is_checked_and_replayed_without_the_cell(own_cell, tmp_path):
    moved = shutil.copytree(own_cell / "out", tmp_path / "moved")
    assert [str(v) for v in check(moved)] == []
    recipe = json.loads((moved / "dataset.json").read_text())["recipe"]["scene"]["arena"]
    assert recipe.endswith("my_cell.xml")
    assert replay(moved, 1).identical
    with open_dataset(moved) as dataset:
        assert set(dataset.scenes["arena"]) == {"my_cell"}
    (moved / "arena" / "mesh_0" / "visual.glb").unlink()
    assert any("mesh_0" in str(v) for v in check(moved))


def test_a_run_goes_on_with_the_same_cell_only(own_cell, tmp_path):
    for name in ("my_cell.xml", "cone.stl", "mine.yaml"):
        shutil.copy(own_cell / name, tmp_path / name)
    recipe = load_recipe(str(tmp_path / "mine.yaml"))
    generate(recipe, tmp_path / "out", scenes=1, seed=3, quiet=True, preview=False)
    (tmp_path / "my_cell.xml").write_text(CELL.replace("0.15 0.1", "0.2 0.1").replace("1.15", "1.2"))
    with pytest.raises(DatasetError, match="begun with another"):
        generate(recipe, tmp_path / "out", scenes=2, seed=3, resume=True, quiet=True, preview=False)


def test_a_cell_that_is_no_cell_ends_the_command_with_one_line(tmp_path):
    (tmp_path / "mine.yaml").write_text("task: mine\nscene: {arena: my_cell.xml}\n")
    result = CliRunner().invoke(app, ["generate", str(tmp_path / "mine.yaml"), "-o", str(tmp_path / "out")])
    assert result.exit_code != 0 and not (tmp_path / "out").exists()


def test_refusals_are_counted_by_kind_in_journal_and_summary(tmp_path, tiny):
    sets = [*tiny, "scene.table.size=[0.25, 0.25, 0.02]", "scene.objects.count=1", "objects.families=sphere"]
    recipe = load_recipe("tabletop", sets)
    made = generate(recipe, tmp_path / "out", scenes=6, seed=4, quiet=True, preview=False)
    with open_dataset(tmp_path / "out") as dataset:
        attempts = int(dataset.scenes["attempt"].sum())
    assert made.refused.total() == attempts > 0 and set(made.refused) <= {"removed", "still moving"}
    events = Journal(tmp_path / "out").events("scene")
    assert sum(len(e["refused"]) for e in events) == attempts
    assert Journal(tmp_path / "out").events("end")[0]["refused"] == dict(made.refused)


@pytest.mark.parametrize("task", ["bin", "tray", "shelf", "pile", "packed", "stack", "conveyor"])
@pytest.mark.slow
def test_a_dataset_of_every_task_is_whole_and_replayed(task, tmp_path, tiny):
    sets = [s for s in tiny if not s.startswith("scene.objects.count")] + ["views.width=160", "views.height=120"]
    generate(load_recipe(task, sets), tmp_path / "out", scenes=3, seed=5, quiet=True, preview=False)
    assert [str(v) for v in check(tmp_path / "out")] == []
    assert replay(tmp_path / "out", 2).identical


def test_velocities_of_a_conveyor_are_stored_and_checked(tmp_path, tiny):
    out = tmp_path / "out"
    generate(load_recipe("conveyor", tiny), out, scenes=1, seed=5, quiet=True, preview=False)
    assert [str(v) for v in check(out)] == []
    with open_dataset(out) as dataset:
        belt = dataset.scenes["belt_velocity"][0]
        assert belt[0] > 0.04
        assert np.abs(dataset.objects["velocity"] - belt).max() < 0.01
    assert replay(out, 0).identical
