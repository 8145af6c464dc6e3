"""Recipes on disk: reading them, overriding values, and telling what a recipe really says.

Every mistake in a recipe is a `RecipeError` that names the file, the line, the dotted key and the
nearest valid key; all mistakes of a file are reported together, one a line.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from graspgen.distributions import Bounds
from graspgen.edge_case_file import with_edge_cases
from graspgen.errors import RecipeError, nearest
from graspgen.paths import data_dir
from graspgen.preset_file import with_presets
from graspgen.recipe import Recipe, Section
from graspgen.yaml_text import Key, key_lines, parse_yaml

# A unit in a docstring: "Image width, px." or "…, m; its top is z = 0" or "(unit: objects)".
_DOC_UNIT = re.compile(r",\s(m/s²|rad/s|m/s|kg/m³|deg|texels|px|m|s|N)(?=[.;,])|\(unit: ([^)]+)\)")


@dataclass(frozen=True)
class Row:
    """One value of a recipe, told to people.

    Attributes:
        key: dotted key, as `--set` takes it.
        value: the constant, or the distribution with its parameters.
        unit: "" for none.
        meaning: one sentence.
    """

    key: str
    value: str
    unit: str
    meaning: str


def list_recipes() -> dict[str, str]:
    """Return the shipped recipes: name to description, sorted by name."""
    return {name: load_recipe(name).description for name in sorted(_shipped())}


def load_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe.

    Args:
        name_or_path: name of a shipped recipe ("tabletop"), or path of a YAML file. Paths that a
            file names are relative to its folder.
        overrides: "dotted.key=value" each, the value being YAML; applied in order.

    Raises:
        RecipeError: the file is missing or not YAML, or a key or value is not valid.
    """
    path = _find(name_or_path)
    content, lines = _read(path)
    _anchor_paths(content, path.parent)
    origins = {_override(content, override): f"--set {override}" for override in overrides}
    try:
        content = with_edge_cases(with_presets(content, path.parent, _read_preset))
    except RecipeError as error:
        raise RecipeError(f"{_shown(path)}: {error}") from None
    return _validated(content, _shown(path), lines, origins)


def _validated(content: Mapping[str, Any], shown: str, lines: Mapping[Key, int], origins: Mapping[Key, str]) -> Recipe:
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        problems = [_problem(shown, lines, origins, e) for e in error.errors()]
        raise RecipeError("\n".join(problems)) from None


def _read_preset(path: Path) -> dict[str, Any]:
    """Read a preset and check it by itself, so that its mistakes are told with its own lines."""
    content, lines = _read(path)
    _anchor_paths(content, path.parent)
    _validated({"task": "preset", **content}, path.name, lines, {})
    return content


def explain(recipe: Recipe) -> list[Row]:
    """Return every effective value of a recipe with its unit and meaning, section by section."""
    return list(_rows(recipe, ()))


# Files


def _shipped() -> dict[str, Path]:
    return {p.stem: p for p in data_dir("tasks").glob("*.yaml")}


def _find(name_or_path: str) -> Path:
    shipped = _shipped()
    if name_or_path in shipped:
        return shipped[name_or_path]
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.is_dir():
        known = ", ".join(sorted(shipped))
        raise RecipeError(f"{path} is a folder; a recipe is a YAML file or one of: {known}")
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise RecipeError(f"there is no recipe file {path}")
    raise RecipeError(f"there is no recipe '{name_or_path}'{nearest(name_or_path, shipped)}")


def _shown(path: Path) -> str:
    return path.name if path.parent == data_dir("tasks") else str(path)


def _read(path: Path) -> tuple[dict[str, Any], dict[Key, int]]:
    """Return a file's content and the line of every key in it."""
    shown = _shown(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RecipeError(f"{shown} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{shown} is not a text file in UTF-8; a recipe is a YAML file") from None
    content = parse_yaml(text, shown)
    if content is None:
        raise RecipeError(f"{shown} is empty; a recipe needs at least 'task: name'")
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise RecipeError(f"{shown} holds a {kind}, not the sections of a recipe")
    return content, key_lines(text)


def _anchor_paths(content: dict[str, Any], folder: Path) -> None:
    """Make the paths that a file names relative to its own folder, not to the current one."""
    objects = content.get("objects")
    if isinstance(objects, dict) and isinstance(objects.get("library"), str):
        objects["library"] = str(folder / objects["library"])
    grasps = content.get("grasps")
    if isinstance(grasps, dict) and isinstance(grasps.get("database"), str):
        grasps["database"] = str(folder / grasps["database"])
    scene = content.get("scene")
    if isinstance(scene, dict) and str(scene.get("arena", "")).endswith(".xml"):
        scene["arena"] = str(folder / scene["arena"])
    views = content.get("views")
    cameras = views.get("cameras") if isinstance(views, dict) else None
    for camera in cameras if isinstance(cameras, list) else ():
        if isinstance(camera, dict) and isinstance(camera.get("file"), str):
            camera["file"] = str(folder / camera["file"])
    sensor = views.get("sensor") if isinstance(views, dict) else None
    if isinstance(sensor, str):
        views["sensor"] = sensor = {"profile": sensor}
    if isinstance(sensor, dict) and str(sensor.get("profile", "")).endswith((".yaml", ".yml")):
        sensor["profile"] = str(folder / sensor["profile"])
    render = content.get("render")
    if isinstance(render, dict):
        for section in (render, render.get("background")):
            if isinstance(section, dict) and isinstance(section.get("images"), str):
                section["images"] = str(folder / section["images"])
    gripper = content.get("gripper")
    if isinstance(gripper, str) and Path(gripper).suffix in (".yaml", ".yml", ".xml"):
        content["gripper"] = str(folder / gripper)


# Overrides


def _override(content: dict[str, Any], override: str) -> Key:
    """Put one override into `content` and return its key."""
    dotted, equals, text = override.partition("=")
    where = f"--set {override}"
    key = tuple(part.strip() for part in dotted.split("."))
    if not equals or not all(key):
        raise RecipeError(f"{where}: expected key=value, for example scene.objects.count=4")
    model: type[Section] = Recipe
    target: Any = content
    kinds: list[type[Section]] = []
    for depth, name in enumerate(key):
        at = ".".join(key[: depth + 1])
        if isinstance(target, list):  # of sections, named by their numbers
            if not name.isdigit() or int(name) >= len(target) or not isinstance(target[int(name)], dict):
                raise RecipeError(f"{where}: {at}: expected a number below {len(target)}")
            target = target[int(name)]
            model = _of_kind(kinds, target.get("kind")) or Section
            if depth == len(key) - 1:
                raise RecipeError(f"{where}: {at} is a section; name one of its keys")
            continue
        if name not in model.model_fields:
            hint = _nearest_key(model, name, key[:depth])
            raise RecipeError(f"{where}: {at}: unknown key{hint}")
        if depth == len(key) - 1:
            target[name] = parse_yaml(text, where, with_line=False)
            break
        section, kinds = _section(model.model_fields[name]), _sections(model.model_fields[name])
        if kinds and isinstance(target.get(name), list):
            target = target[name]
            continue
        if typing.get_origin(model.model_fields[name].annotation) is Mapping:
            _put_into_table(target, key[depth:], parse_yaml(text, where, with_line=False))
            break
        if section is None:
            mend = f"{at}={{{key[depth + 1]}: …}}"
            raise RecipeError(f"{where}: {at} is a value, not a section; write {mend}")
        if not isinstance(target.get(name), dict):
            target[name] = section.short(target.get(name))
        model, target = section, target[name]
    return key


def _put_into_table(target: dict[str, Any], key: Key, value: Any) -> None:
    """Put `value` into a table whose keys are names that the recipe does not know, such as `objects.parameters`."""
    for name in key[:-1]:
        if not isinstance(target.get(name), dict):
            target[name] = {}
        target = target[name]
    target[key[-1]] = value


# Errors


def _problem(shown: str, lines: Mapping[Key, int], origins: Mapping[Key, str], error: Mapping[str, Any]) -> str:
    """Tell one of pydantic's errors in a line: where, which key, what, the nearest valid key."""
    loc = tuple(str(part) for part in error["loc"])
    key, _ = _walk(loc)
    inwards = [key[:n] for n in range(len(key), 0, -1)]
    origin = next((origins[k] for k in inwards if k in origins), None)
    if origin is None:
        line = next((lines[k] for k in inwards if k in lines), None)
        origin = f"{shown}:{line}" if line else shown
    return ": ".join(filter(None, (origin, ".".join(key), _message(key, _walk(loc[:-1])[1], error))))


def _message(key: Key, model: type[Section], error: Mapping[str, Any]) -> str:
    match error["type"]:
        case "union_tag_not_found" | "union_tag_invalid":
            known = ", ".join(str(k) for k in _kinds(_sections(_walk(key[:-2])[1].model_fields[key[-2]])))
            return f"expected a section with a kind, one of: {known}"
        case "extra_forbidden":
            return f"unknown key{_nearest_key(model, key[-1], key[:-1])}"
        case "missing":
            return "this key is missing"
        case "model_type" | "model_attributes_type":
            section = _section(model.model_fields[key[-1]]) or model
            known = ", ".join(section.model_fields)
            return f"expected a section with keys such as {known}; got {error['input']!r}"
        case "value_error":
            return error["msg"].removeprefix("Value error, ")
        case _:
            return f"{error['msg'][0].lower()}{error['msg'][1:]}, got {error['input']!r}"


def _walk(key: Key) -> tuple[Key, type[Section]]:
    """Return `key` without the kinds that pydantic names in lists of sections, and the section that it leads into."""
    model: type[Section] = Recipe
    kept: list[str] = []
    kinds: list[type[Section]] = []
    for name in key:
        if kinds and name.isdigit():
            kept.append(name)
            if len(kinds) == 1:
                model, kinds = kinds[0], []
            continue
        if kinds and (found := _of_kind(kinds, name)):
            model, kinds = found, []
            continue
        kept.append(name)
        field = model.model_fields.get(name)
        section, kinds = (_section(field), _sections(field)) if field else (None, [])
        model = section or model
    return tuple(kept), model


def _nearest_key(model: type[Section], name: str, at: Key) -> str:
    """Name the nearest key of the section; failing that, the same key where it does exist."""
    hint = nearest(name, model.model_fields)
    if "did you mean" in hint:
        return hint
    elsewhere = [".".join(k) for k in _all_keys(Recipe, ()) if k[-1] == name and k[:-1] != at]
    return f"; did you mean '{elsewhere[0]}'?" if elsewhere else hint


def _all_keys(model: type[Section], at: Key) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        yield (*at, name)
        section = _section(field)
        if section and section is not model:  # a preset holds looks, and so on
            yield from _all_keys(section, (*at, name))


def _section(field: FieldInfo) -> type[Section] | None:
    """Return the section that a field holds, or may hold."""
    optional = typing.get_origin(field.annotation) in (typing.Union, types.UnionType)
    for kind in typing.get_args(field.annotation) if optional else (field.annotation,):
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind
    return None


def _sections(field: FieldInfo) -> list[type[Section]]:
    """Return the kinds of sections that a field holds a list of; none where it holds no such list."""
    if typing.get_origin(field.annotation) is not tuple:
        return []
    entry, *_ = typing.get_args(field.annotation)
    union = typing.get_args(entry)[0] if typing.get_origin(entry) is typing.Annotated else entry
    kinds = typing.get_args(union) or (union,)
    return [k for k in kinds if isinstance(k, type) and issubclass(k, Section)]


def _kinds(sections: list[type[Section]]) -> list[str]:
    return [typing.get_args(s.model_fields["kind"].annotation)[0] for s in sections if "kind" in s.model_fields]


def _of_kind(sections: list[type[Section]], kind: Any) -> type[Section] | None:
    if len(sections) == 1 and "kind" not in sections[0].model_fields:
        return sections[0]
    return next((s for s, k in zip(sections, _kinds(sections), strict=True) if k == kind), None)


# Explaining


def _rows(section: Section, at: Key) -> Iterator[Row]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _rows(value, (*at, name))
        elif isinstance(value, tuple) and value and all(isinstance(v, Section) for v in value):
            for i, entry in enumerate(value):
                yield from _rows(entry, (*at, name, str(i)))
        elif isinstance(value, Mapping) and value:
            yield from _table_rows(value, (*at, name), field.description or "")
        else:
            key = ".".join((*at, name))
            yield Row(key, _told(value), _unit(field), field.description or "")


def _table_rows(table: Mapping[str, Any], at: Key, meaning: str) -> Iterator[Row]:
    for name, value in table.items():
        if isinstance(value, Section):
            yield from _rows(value, (*at, name))
        elif isinstance(value, Mapping):
            yield from _table_rows(value, (*at, name), meaning)
        else:
            yield Row(".".join((*at, name)), _told(value), "", meaning)


def _told(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case Mapping():
            return "none"
        case tuple():
            return f"[{', '.join(map(_told, value))}]"
        case _:
            return str(value) or '""'


def _unit(field: FieldInfo) -> str:
    """Return a field's unit: of its bounds, else as its docstring says it."""
    nested = (m for a in typing.get_args(field.annotation) for m in getattr(a, "__metadata__", ()))
    for bounds in (*field.metadata, *nested):
        if isinstance(bounds, Bounds):
            return bounds.unit
    found = _DOC_UNIT.search(field.description or "")
    return (found.group(1) or found.group(2)) if found else ""
