from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import trimesh
from typer.testing import CliRunner

from graspgen import __version__
from graspgen.cli.main import app


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def refused(*words):
    """Run what must fail, and return its one line of error."""
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_help_names_every_command():
    result = run("--help")
    assert result.exit_code == 0
    for command in ("generate", "check", "replay", "recipes", "explain", "doctor", "objects", "info"):
        assert command in result.output


def test_the_version_is_told():
    assert run("--version").output.strip() == f"graspgen {__version__}"


def test_help_comes_without_loading_anything_heavy():
    code = (
        "import sys, graspgen.cli.main\n"
        "print(*{m.split('.')[0] for m in sys.modules} & {'mujoco', 'numpy', 'scipy', 'h5py', 'pydantic'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_recipes_are_listed_with_what_they_are():
    output = run("recipes").output
    assert "tabletop One to eight everyday objects" in " ".join(output.split())
    assert "single" in output


def test_explain_shows_distributions_units_and_overrides():
    output = run("explain", "tabletop", "--set", "scene.objects.count={uniform: [2, 5]}").output
    line = next(line for line in output.splitlines() if "scene.objects.count" in line)
    assert "uniform low 2, high 5" in line
    assert "objects" in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["explain", "tabletp"], "did you mean 'tabletop'?"),
        (["explain", "missing/recipe.yaml"], "there is no recipe file missing/recipe.yaml"),
        (["explain", "tabletop", "--set", "scene.objects.cuont=4"], "did you mean 'count'?"),
        (["explain", "tabletop", "--set", "views.width=[1"], "not valid YAML"),
        (["generate", "tabletop", "-o", "{new}", "--set", "gripper=panda_hnd"], "panda_hand"),
        (["generate", "tabletop", "-o", "{new}", "--set", "grasps.profile=standrd"], "standard"),
        (["generate", "tabletop", "-o", "{new}", "--set", "objects.families=mugg"], "mug"),
        (["generate", "tabletop", "-o", "{new}", "--set", "objects.library=nowhere"], "no folder nowhere"),
        (["check", "{new}"], "is no graspgen dataset"),
        (["info", "{new}"], "does not exist"),
        (["replay", "{new}", "--scene", "0"], "does not exist"),
        (["objects", "list", "{new}"], "there is no folder"),
    ],
)
def test_bad_input_is_one_line_that_says_how_to_mend_it(words, message, tmp_path):
    new = tmp_path / "new"
    assert message in refused(*(word.format(new=new) for word in words))
    assert not new.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["generate", "tabletop"],
        ["generate", "tabletop", "-o", "{new}", "--scenes", "0"],
        ["generate", "tabletop", "-o", "{new}", "--scenes", "many"],
        ["generate", "tabletop", "-o", "{new}", "--seed", "-1"],
        ["generate", "tabletop", "-o", "{new}", "--workers", "0"],
        ["generate", "tabletop", "-o", "{new}", "--overwrite", "--resume"],
        ["generate", "tabletop", "-o", "{new}", "--sets", "a=b"],
        ["generat"],
        ["replay", "{new}"],
        ["replay", "{new}", "--scene", "-1"],
    ],
)
def test_wrong_flags_are_refused(words, tmp_path):
    result = run(*(word.format(new=tmp_path / "new") for word in words))
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert not (tmp_path / "new").exists()


def test_an_output_folder_with_other_things_is_never_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("important")
    for flags in ([], ["--overwrite"], ["--resume"]):
        assert str(tmp_path) in refused("generate", "tabletop", "-o", tmp_path, *flags)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_existing_dataset_is_refused_without_overwrite_or_resume(tiny_dataset):
    before = sorted(p.name for p in tiny_dataset.iterdir())
    message = refused("generate", "tabletop", "-o", tiny_dataset)
    assert "--overwrite" in message
    assert "--resume" in message
    assert sorted(p.name for p in tiny_dataset.iterdir()) == before


def test_resuming_another_run_names_what_differs(tiny_dataset, tiny):
    sets = [word for value in tiny for word in ("--set", value)]
    message = refused("generate", "tabletop", "-o", tiny_dataset, *sets, "-n", 3, "--seed", 8, "--resume")
    assert "seed was 7, now 8" in message


def test_a_mistake_in_the_recipe_leaves_the_dataset_that_should_be_overwritten(tiny_dataset):
    refused("generate", "tabletop", "-o", tiny_dataset, "--overwrite", "--set", "gripper=nothing")
    assert run("check", tiny_dataset).exit_code == 0


def test_check_accepts_what_generate_made(tiny_dataset):
    result = run("check", tiny_dataset)
    assert result.exit_code == 0, result.output
    assert "no violations" in result.output


def test_check_names_a_truncated_shard_and_fails(tiny_dataset, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(tiny_dataset, broken)
    shard = next((broken / "shards").glob("*.h5"))
    shard.write_bytes(shard.read_bytes()[:-1000])
    result = run("check", broken)
    assert result.exit_code == 1
    assert shard.name in result.output


@pytest.mark.parametrize("words", [["info"], ["replay", "--scene", "0"]])
def test_a_truncated_shard_is_one_line_for_the_other_commands(words, tiny_dataset, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(tiny_dataset, broken)
    shard = next((broken / "shards").glob("*.h5"))
    shard.write_bytes(shard.read_bytes()[:-1000])
    assert "truncated" in refused(words[0], broken, *words[1:])


def test_replay_says_identical(tiny_dataset):
    result = run("replay", tiny_dataset, "--scene", 2)
    assert result.exit_code == 0, result.output
    assert "scene 2: identical" in result.output


def test_replay_of_a_scene_that_is_not_there_says_which_are(tiny_dataset):
    assert "scenes in it: 0 … 2" in refused("replay", tiny_dataset, "--scene", 3)


def test_info_tells_what_a_dataset_holds(tiny_dataset):
    output = run("info", tiny_dataset).output
    assert "complete" in output
    assert "6, 96 x 72 px" in output
    assert "panda_hand" in output


def test_a_damaged_manifest_is_one_line(tiny_dataset, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(tiny_dataset, broken)
    manifest = json.loads((broken / "dataset.json").read_text())
    for text in ("{", json.dumps({**manifest, "schema_version": 99}), json.dumps({**manifest, "shards": 3})):
        (broken / "dataset.json").write_text(text)
        for words in (["check", broken], ["info", broken], ["replay", broken, "--scene", 0]):
            refused(*words)


def test_meshes_are_imported_and_listed(tmp_path):
    trimesh.creation.box((0.05, 0.04, 0.03)).export(tmp_path / "brick.stl")
    library = tmp_path / "library"
    result = run("objects", "import", tmp_path / "brick.stl", "--to", library, "--mass", 0.2, "--licence", "CC0")
    assert result.exit_code == 0, result.output
    assert "brick: 50 x 40 x 30 mm, 200 g" in result.output
    listed = run("objects", "list", library).output
    assert "brick" in listed
    assert "CC0" in listed


def test_a_bad_mesh_is_refused_and_the_good_ones_are_kept(tmp_path):
    box = trimesh.creation.box((0.05, 0.04, 0.03))
    box.export(tmp_path / "good.ply")
    (tmp_path / "empty.obj").write_text("")
    nan = box.copy()
    nan.vertices[0] = np.nan
    nan.export(tmp_path / "nan.ply")
    library = tmp_path / "library"
    result = run("objects", "import", tmp_path, "--to", library)
    assert result.exit_code == 0, "what is refused in a folder does not fail the rest"
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2
    assert any("empty.obj" in line for line in errors)
    assert any("nan.ply" in line for line in errors)
    assert [p.name for p in library.iterdir() if p.is_dir()] == ["good"]
