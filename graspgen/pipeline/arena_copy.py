"""The copy of a user's own cell in a dataset: with it, the dataset needs nothing else.

arena/cell.xml            the whole MJCF, included files and all
arena/files/              the meshes and textures that it names
arena/mesh_0/ …           its meshes as they are drawn and collide
arena/arena.json          where it came from, and its SHA-256
"""

from __future__ import annotations

import json
from pathlib import Path

from graspgen.dataset.layout import ARENA, arena_mesh, write_error, write_text
from graspgen.errors import DatasetError
from graspgen.objects.asset_files import content_hash, write_asset
from graspgen.recipe import Recipe
from graspgen.recipe.scene import ARENAS
from graspgen.scene.arena_cell import load_cell

CELL, FILES, ABOUT = "cell.xml", "files", "arena.json"


def save_arena(recipe: Recipe, dataset: Path) -> None:
    """Copy the recipe's own cell into a dataset's folder; a shipped arena stands in every plan already.

    Raises:
        SceneError: the MJCF cannot be an arena.
        DatasetError: the dataset was begun with another cell, or cannot be written.
    """
    if recipe.scene.arena in ARENAS:
        return
    cell = load_cell(recipe.scene.arena, recipe.scene.cell)
    folder = dataset / ARENA
    about = folder / ABOUT
    try:
        if about.is_file():
            if json.loads(about.read_text(encoding="utf-8")).get("sha256") == cell.digest:
                return
            raise DatasetError(
                f"{dataset} was begun with another {recipe.scene.arena} (its content has changed since); start anew "
                "with --overwrite, or restore the file"
            )
        (folder / FILES).mkdir(parents=True, exist_ok=True)
        for name, content in cell.files.items():
            (folder / FILES / name).write_bytes(content)
        for number, asset in cell.assets.items():
            mesh = (dataset / arena_mesh(number)).parent
            mesh.mkdir(exist_ok=True)
            write_asset(asset, mesh, content_hash(asset), [])
    except OSError as error:
        raise write_error(folder, error) from error
    write_text(folder / CELL, cell.mjcf)
    write_text(about, json.dumps({"name": cell.name, "sha256": cell.digest}, indent=1) + "\n")
