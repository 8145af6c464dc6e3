"""Draw the pictures of docs/looks.md: `python scripts/figures_looks.py` writes docs/images/*.jpg."""

from __future__ import annotations

import argparse
import colorsys
import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from graspgen.looks import KINDS
from graspgen.looks.textures import painted
from graspgen.pipeline.contact import sheet_of
from graspgen.recipe_file import load_recipe

IMAGES = Path(__file__).parents[1] / "docs/images"
TILE, USES = 128, 6
#: Colours in which a pattern is at home, HSV; the others go around the circle.
HOME = {
    "wood": ((0.09, 0.4, 0.85), (0.06, 0.6, 0.4)), "marble": ((0.1, 0.04, 0.95), (0.6, 0.15, 0.4)),
    "brushed": ((0.58, 0.04, 0.85), (0.58, 0.05, 0.55)), "cardboard": ((0.08, 0.4, 0.8), (0.07, 0.5, 0.5)),
    "cloth": ((0.6, 0.3, 0.8), (0.58, 0.45, 0.45)), "speckle": ((0.1, 0.05, 0.9), (0.6, 0.1, 0.45)),
}  # fmt: skip


def textures_picture() -> Image.Image:
    """Draw some uses of every pattern: seeds, shifts, turns and colours."""
    sheet = Image.new("RGB", (2 * (USES * TILE + 90), -(-len(KINDS) // 2) * (TILE + 4)), "white")
    font, draw = ImageFont.load_default(13), ImageDraw.Draw(sheet)
    for row, kind in enumerate(KINDS):
        x, y = row % 2 * (USES * TILE + 90), row // 2 * (TILE + 4)
        draw.text((x + 6, y + TILE // 2 - 8), kind, (45, 48, 54), font)
        for use in range(USES):
            pattern = 16 * 8 * (37 * use) + 16 * (use % 8) + 3 * use
            hue = (0.13 * use + 0.3 * row) % 1
            pair = HOME.get(kind, ((hue, 0.55, 0.9), ((hue + 0.4) % 1, 0.6, 0.45)))
            shifted = [((h + (0.17 * use if use > 2 else 0)) % 1, s, v) for h, s, v in pair]
            colours = tuple(colorsys.hsv_to_rgb(*c) for c in shifted)
            tile = Image.fromarray(painted(kind, pattern, colours, 256))  # type: ignore[arg-type]
            sheet.paste(tile.resize((TILE, TILE), Image.Resampling.LANCZOS), (x + 80 + use * TILE, y))
    return sheet


def preset_picture(name: str, scenes: int, seed: int) -> Image.Image:
    """Draw the contact sheet that `graspgen preview` draws of a preset."""
    overrides = [f"render.preset={name}"] if name != "default" else []
    # The shipped recipe's own cameras and counts would win over the preset's.
    recipe = load_recipe("tabletop", overrides)
    plain = recipe if name == "default" else recipe.model_copy(update=_sections(name))
    return Image.fromarray(sheet_of(plain, scenes, 1, seed))


def both_picture() -> Image.Image:
    """Draw a row of views of each preset, dr above."""
    rows = [preset_picture(name, 4, 0) for name in ("dr", "photoreal")]
    sheet = Image.new("RGB", (max(r.width for r in rows), sum(r.height for r in rows)))
    for i, row in enumerate(rows):
        sheet.paste(row, (0, sum(r.height for r in rows[:i])))
    return sheet


def _sections(name: str) -> dict[str, object]:
    """Return the sections of a recipe that says nothing but its preset."""
    empty = IMAGES.parent / f".{name}.yaml"
    empty.write_text(f"task: {name}\nrender: {{preset: {name}}}\n", encoding="utf-8")
    try:
        recipe = load_recipe(str(empty))
    finally:
        empty.unlink()
    return {key: getattr(recipe, key) for key in ("objects", "scene", "views", "render")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=IMAGES, help="folder of the pictures")
    parser.add_argument("--only", default="", help="one picture's name, to draw that alone")
    arguments = parser.parse_args()
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    pictures = {
        "textures": textures_picture,
        "looks_default": lambda: preset_picture("default", 8, 3),
        "looks_dr": lambda: preset_picture("dr", 16, 0),
        "looks_photoreal": lambda: preset_picture("photoreal", 16, 0),
        "presets": both_picture,
    }
    for name, draw in pictures.items():
        if arguments.only not in ("", name):
            continue
        picture = draw()
        for quality in (85, 75, 65):
            data = io.BytesIO()
            picture.save(data, "JPEG", quality=quality, optimize=True)
            if data.tell() < 295_000:
                break
        (out / f"{name}.jpg").write_bytes(data.getvalue())
        print(f"{out / name}.jpg: {len(data.getvalue()) / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
