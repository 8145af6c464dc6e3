"""Presets: files of `models/presets`, or the user's, whose values a recipe starts from."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from graspgen.errors import RecipeError, nearest
from graspgen.paths import data_dir
from graspgen.recipe import Flying, Recipe, Render, Section

#: Reads a YAML file of sections, checks it as a recipe, and returns its content.
Reader = Callable[[Path], dict[str, Any]]
_OWN = ("preset", "mix", "mixed")


def with_presets(content: Mapping[str, Any], folder: Path, read: Reader) -> dict[str, Any]:
    """Return a recipe's content with the values of its preset below its own, and of its mix written out.

    `render.preset` gives all sections of the preset, whatever the recipe says itself comes on top. `render.mix` gives
    what is a view's own: each preset's `render` section, the recipe's own `render` on top, as `render.mixed`, and
    `scene.distractors.flying` likewise as `scene.distractors.mixed`.

    Args:
        content: of the recipe, as YAML has it.
        folder: of the recipe's file; a preset's path is relative to it.
        read: reads and checks the preset's file.

    Raises:
        RecipeError: there is no such preset, it is not valid, or both `preset` and `mix` are given.
    """
    render = content.get("render")
    if not isinstance(render, Mapping) or not (render.get("preset") or render.get("mix")):
        return dict(content)
    if render.get("preset") and render.get("mix"):
        raise RecipeError("render.preset and render.mix exclude each other; name the preset in the mix")
    if render.get("preset"):
        return merged(Recipe, _preset(str(render["preset"]), folder, read), content)
    if not isinstance(render["mix"], Mapping):
        raise RecipeError(f"render.mix: expected shares such as {{dr: 0.5, photoreal: 0.5}}, got {render['mix']!r}")
    own = {key: value for key, value in render.items() if key not in _OWN}
    presets = {str(name): _preset(str(name), folder, read) for name in render["mix"]}
    mixed = {name: merged(Render, preset.get("render", {}), own) for name, preset in presets.items()}
    if not all(isinstance(_at(content, *where), Mapping) for where in (("scene",), ("scene", "distractors"))):
        return {**content, "render": {**render, "mixed": mixed}}  # the recipe's check says so
    own = _at(content, "scene", "distractors", "flying")
    flying = {
        name: merged(Flying, _at(preset, "scene", "distractors", "flying"), own) if isinstance(own, Mapping) else own
        for name, preset in presets.items()
    }
    scene = _at(content, "scene")
    distractors = {**_at(scene, "distractors"), "mixed": flying}
    return {**content, "render": {**render, "mixed": mixed}, "scene": {**scene, "distractors": distractors}}


def _at(content: Mapping[str, Any], *keys: str) -> Any:
    """Return what is below some keys, an empty table where nothing is."""
    found: Any = content
    for key in keys:
        found = found.get(key, {}) if isinstance(found, Mapping) else found
    return {} if found is None else found


def preset_names() -> tuple[str, ...]:
    """Return the names of the shipped presets."""
    return tuple(sorted(p.stem for p in data_dir("models").joinpath("presets").glob("*.yaml")))


def merged(model: Any, below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return `below` with the values of `above` on top: sections are merged key by key, values replaced whole."""
    result = dict(below)
    for key, value in above.items():
        kind = _kind(model.model_fields[key].annotation) if key in model.model_fields else None
        is_section = isinstance(kind, type) and issubclass(kind, Section)
        if is_section and not isinstance(value, Mapping) and kind.SHORT:
            value = kind.short(value)
        if is_section and isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(kind, result[key], value)
        else:
            result[key] = value
    return result


def _kind(annotation: Any) -> Any:
    """Return the type of a key, without None where it may be none."""
    kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 and type(None) in typing.get_args(annotation) else annotation


def _preset(name: str, folder: Path, read: Reader) -> dict[str, Any]:
    if name in preset_names():
        path = data_dir("models") / "presets" / f"{name}.yaml"
    elif Path(name).suffix in (".yaml", ".yml"):
        path = folder / name
        if not path.is_file():
            raise RecipeError(f"there is no preset {path}")
    else:
        raise RecipeError(f"there is no preset '{name}'{nearest(name, preset_names())}")
    content = read(path)
    render = content.get("render")
    if isinstance(render, Mapping) and any(render.get(key) for key in _OWN):
        raise RecipeError(f"{path.name}: a preset cannot itself have a preset or a mix")
    return {key: value for key, value in content.items() if key not in ("task", "description")}
