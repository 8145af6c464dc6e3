"""Datasets with damage that only `graspgen check` looks for, and an OpenGL that MuJoCo cannot be imported with."""

from __future__ import annotations

import ctypes.util
import json
import os
import shutil
import subprocess
import sys

import h5py
import pytest
from typer.testing import CliRunner

from graspgen.cli.damage import reading
from graspgen.cli.main import app
from graspgen.errors import DatasetError


def edited(dataset, folder, table, column, change):
    """Copy a dataset, and write into a column of its first shard what its manifest's size still allows."""
    shutil.copytree(dataset, folder)
    shard = sorted((folder / "shards").glob("*.h5"))[0]
    with h5py.File(shard, "r+") as file:
        file[table][column][...] = change(file[table][column][()])
    manifest = json.loads((folder / "dataset.json").read_text())
    manifest["shards"][0]["bytes"] = shard.stat().st_size
    (folder / "dataset.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize(
    ("table", "column", "change", "commands"),
    [
        ("grasps", "outcome", lambda a: a * 0 + 77, ("info", "report", "relabel")),
        ("grasps", "object", lambda a: a * 0 + 999_999, ("report", "relabel")),
        ("objects", "asset", lambda a: a * 0 + 999_999, ("report", "relabel")),
        ("objects", "mass", lambda a: a * 0, ("relabel",)),
        ("objects", "scale", lambda a: a * float("nan"), ("relabel",)),
        ("grasps", "T_object_grasp", lambda a: a * float("nan"), ("relabel",)),
    ],
)
def test_damage_that_commands_stumble_over_is_one_line(tiny_dataset, tmp_path, table, column, change, commands):
    broken = edited(tiny_dataset, tmp_path / "broken", table, column, change)
    for command in commands:
        result = CliRunner().invoke(app, [command, str(broken)])
        assert result.exit_code == 2, (command, result.output)
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1


def test_a_truncated_shard_is_called_so(tiny_dataset, tmp_path):
    copy = tmp_path / "data"
    shutil.copytree(tiny_dataset, copy)
    shard = copy / "shards/shard-00001.h5"
    size = shard.stat().st_size
    os.truncate(shard, size // 2)
    with (
        pytest.raises(DatasetError, match=rf"shard-00001.h5 is truncated \({size // 2} of {size} bytes\)"),
        reading(copy),
    ):
        pass


def test_a_defect_of_graspgen_is_not_blamed_on_a_sound_dataset(tiny_dataset, tmp_path):
    with pytest.raises(KeyError), reading(tiny_dataset):
        raise KeyError("ours")
    broken = edited(tiny_dataset, tmp_path / "broken", "grasps", "width", lambda a: a * 0 - 1)
    with pytest.raises(DatasetError, match="graspgen check"), reading(broken):
        raise KeyError("theirs")


def test_check_names_an_asset_whose_files_were_changed(tiny_dataset, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_dataset, copy)
    meta = sorted((copy / "objects").glob("*/asset.yaml"))[0]
    meta.write_text(meta.read_text().replace("density: ", "density: 1"))
    result = CliRunner().invoke(app, ["check", str(copy)])
    assert result.exit_code == 1
    assert "content_hash" in result.stdout
    assert meta.parent.name in result.stdout


@pytest.mark.parametrize(
    ("backend", "mend"),
    [
        ("bogus", "unset it, or set it to egl or osmesa"),
        pytest.param(
            "osmesa",
            "apt-get install libosmesa6",
            marks=pytest.mark.skipif(bool(ctypes.util.find_library("OSMesa")), reason="OSMesa is installed"),
        ),
    ],
)
def test_an_opengl_that_mujoco_cannot_be_imported_with_is_one_line(backend, mend, tmp_path):
    words = ["generate", "tabletop", "-o", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "graspgen.cli.main", *words],
        # Rendering in this process has set PyOpenGL's choice.
        env={**{k: v for k, v in os.environ.items() if k != "PYOPENGL_PLATFORM"}, "MUJOCO_GL": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: MUJOCO_GL={backend}")
    assert mend in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_made_asks_for_another(tmp_path):
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(app, ["generate", "single", "-o", str(tmp_path / "file" / "out")])
    assert result.exit_code == 2
    assert "choose another output folder" in result.stderr


def test_an_infinite_number_is_refused(tmp_path):
    result = CliRunner().invoke(app, ["generate", "single", "-o", str(tmp_path / "x"), "--set", "grasps.force=.inf"])
    assert result.exit_code == 2
    assert "should be a finite number" in result.stderr
