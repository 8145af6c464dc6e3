"""`graspgen preview`: what a recipe's pictures will look like, or what a dataset's do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def preview(
    source: Annotated[str, typer.Argument(metavar="RECIPE|PATH", help="A recipe, or a dataset's folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Picture to write (PNG or JPEG), for a recipe.")] = Path(
        "preview.png"
    ),
    scenes: Annotated[int, typer.Option("--scenes", "-n", min=1, max=64, help="How many scenes.")] = 6,
    views: Annotated[int, typer.Option("--views", min=1, max=16, help="How many views of each.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="The run's seed.")] = 0,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the recipe.")
    ] = None,
) -> None:
    """Draw a contact sheet of a recipe's views, or a dataset's preview.png anew."""
    from graspgen.dataset.layout import MANIFEST

    if (Path(source) / MANIFEST).is_file():
        from graspgen.pipeline.preview import write_preview

        typer.echo(f"picture: {write_preview(source)}")
        return
    from PIL import Image

    from graspgen.errors import DatasetError
    from graspgen.pipeline.contact import sheet_of
    from graspgen.recipe_file import load_recipe

    if out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise DatasetError(f"{out} is no PNG or JPEG; name the picture so")
    sheet = Image.fromarray(sheet_of(load_recipe(source, overrides or ()), scenes, views, seed))
    try:
        sheet.save(out, **({} if out.suffix.lower() == ".png" else {"quality": 88}))
    except OSError as error:
        raise DatasetError(f"cannot write {out}: {error.strerror or error}") from None
    typer.echo(f"picture: {out}")
