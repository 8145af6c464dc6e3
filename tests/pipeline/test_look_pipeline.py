"""Looks from the recipe to the dataset and back: images of the user, presets, check, replay."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import graspgen
from graspgen.dataset.check import check
from graspgen.errors import RecipeError
from graspgen.pipeline.contact import sheet_of
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.recipe_file import load_recipe
from graspgen.render import vulkan

SMALL = ["views.width=160", "views.height=120", "views.per_scene=2", "grasps.per_object=1", "scene.objects.count=2"]


def folder_of_images(path: Path) -> Path:
    path.mkdir()
    rng = np.random.default_rng(0)
    for i in range(3):
        Image.fromarray(rng.integers(0, 255, (60, 80, 3)).astype(np.uint8)).save(path / f"{i}.png")
    return path


def test_a_dataset_with_the_users_images_needs_their_folder_no_more(tmp_path: Path) -> None:
    images = folder_of_images(tmp_path / "images")
    recipe = load_recipe(
        "tabletop",
        [*SMALL, f"render.images={images}", f"render.background.images={images}", "render.objects.texture=image",
         "render.background.kind={choice: [image, cutout]}"],
    )  # fmt: skip
    out = tmp_path / "out"
    generate(recipe, out, 2, seed=3, quiet=True, preview=False)
    shutil.rmtree(images)
    assert check(out) == []
    assert replay(out, 0).identical and replay(out, 1).identical
    kept = sorted((out / "looks").iterdir())
    assert kept and all(file.suffix == ".jpg" for file in kept)
    with graspgen.open(out) as dataset:
        kinds = [json.loads(text)["background"]["kind"] for text in dataset.views["looks"]]
        assert set(kinds) <= {"image", "cutout"} and (dataset.depth(0) == 0).any()
    kept[0].write_bytes(b"not this one")
    told = [str(v) for v in check(out)]
    assert told and any("its name is not its SHA-256" in line for line in told)


def test_the_preset_and_every_draw_are_stored_with_the_view(tmp_path: Path) -> None:
    recipe = load_recipe(
        "tabletop", [*SMALL, "render.mix={dr: 1, photoreal: 1}", "render.engine=opengl", "render.background.kind=room"]
    )
    generate(recipe, tmp_path / "out", 2, seed=5, quiet=True, preview=False)
    assert check(tmp_path / "out") == [] and replay(tmp_path / "out", 1).identical
    with graspgen.open(tmp_path / "out") as dataset:
        assert sorted(dataset.views["preset"].tolist()) == ["dr", "dr", "photoreal", "photoreal"]
        for preset, text in zip(dataset.views["preset"], dataset.views["looks"], strict=True):
            looks = json.loads(text)
            assert looks["preset"] == preset and {"table", "background", "wall", "object_1"} <= set(looks["surfaces"])
            assert 1 <= len(looks["lights"]) <= 4 and {"exposure", "gamma"} <= set(looks["grade"])


def test_what_fell_back_to_opengl_says_so_and_replays_where_there_is_vulkan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe("tabletop", [*SMALL, "render.engine=filament", "render.fallback=true"])
    with monkeypatch.context() as without:
        without.setattr(vulkan, "missing", lambda: "libvulkan.so.1 is not installed")
        generate(recipe, tmp_path / "out", 1, seed=5, quiet=True, preview=False)
    assert check(tmp_path / "out") == [] and replay(tmp_path / "out", 0).identical
    with graspgen.open(tmp_path / "out") as dataset:
        assert set(dataset.views["engine"]) == {"opengl"}


def test_bad_images_are_told_before_anything_is_made(tmp_path: Path) -> None:
    images = folder_of_images(tmp_path / "images")
    (images / "9.jpg").write_bytes(b"no picture")
    recipe = load_recipe("tabletop", [*SMALL, "render.background.kind=image", f"render.background.images={images}"])
    with pytest.raises(RecipeError, match=r"9\.jpg is not an image"):
        generate(recipe, tmp_path / "out", 1, quiet=True)
    assert not (tmp_path / "out").exists()


def test_a_contact_sheet_shows_as_many_views_as_asked() -> None:
    sheet = sheet_of(load_recipe("tabletop", SMALL), scenes=2, per_scene=2, columns=2)
    assert sheet.ndim == 3 and sheet.dtype == np.uint8 and sheet.shape[1] > 600 and sheet.std() > 10
