"""Recipes on disk: reading YAML, overriding values, and telling what a recipe really says.

Every mistake in a recipe is a `RecipeError` that names the file, the line, the dotted key and the nearest valid key; all
mistakes of a file are reported together, one a line.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from graspgen.distributions import Bounds, Distribution
from graspgen.errors import RecipeError, nearest
from graspgen.paths import data_dir
from graspgen.recipe import Recipe, Section

Key = tuple[str, ...]

# A unit at the end of a docstring's first clause: "Image width, px." or "…, m; its top is z = 0".
_DOC_UNIT = re.compile(r",\s(m/s²|rad/s|m/s|kg/m³|deg|texels|px|m|s|N)(?=[.;,])|\(unit: (\w+)\)")


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
    return {
        p.stem: load_recipe(p.stem).description for p in sorted(data_dir("tasks").glob("*.yaml"))
    }


def load_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe.

    Args:
        name_or_path: name of a shipped recipe ("tabletop"), or path of a YAML file. Paths inside a file are meant
            relative to its folder.
        overrides: "dotted.key=value" each, the value being YAML; applied in order.

    Raises:
        RecipeError: the file is missing or not YAML, or a key or value is not valid.
    """
    path = _find(name_or_path)
    content, lines = _read(path)
    _anchor_paths(content, path.parent)
    origins: dict[Key, str] = {}
    for override in overrides:
        key = _override(content, override)
        origins[key] = f"--set {override}"
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        shown = _shown(path)
        problems = [_problem(shown, lines, origins, e) for e in error.errors()]
        raise RecipeError("\n".join(problems)) from None


def explain(recipe: Recipe) -> list[Row]:
    """Return every effective value of a recipe with its unit and meaning, in the order of the sections."""
    return list(_rows(recipe, ()))


def written(recipe: Recipe) -> dict[str, Any]:
    """Return the whole recipe, defaults included, as plain data that `Recipe.model_validate` reads back."""
    return recipe.model_dump(mode="json")


# ---------------------------------------------------------------------------------------------------- files


def _find(name_or_path: str) -> Path:
    shipped = {p.stem: p for p in data_dir("tasks").glob("*.yaml")}
    if name_or_path in shipped:
        return shipped[name_or_path]
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.is_dir():
        raise RecipeError(
            f"{path} is a folder; a recipe is a YAML file or one of: {', '.join(sorted(shipped))}"
        )
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise RecipeError(f"there is no recipe file {path}")
    raise RecipeError(f"there is no recipe '{name_or_path}'{nearest(name_or_path, shipped)}")


def _shown(path: Path) -> str:
    return path.name if path.parent == data_dir("tasks") else str(path)


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key that is given twice and reads 1e-3 as the number that it is."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def _construct_mapping(
    loader: _Loader, node: yaml.MappingNode, deep: bool = False
) -> dict[Any, Any]:
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int | float | bool | None):
            raise yaml.MarkedYAMLError(
                problem="a key must be a name", problem_mark=key_node.start_mark
            )
        if key in seen:
            problem = f"the key '{key}' is given twice, first in line {seen[key]}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
        seen[key] = key_node.start_mark.line + 1
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


def _read(path: Path) -> tuple[dict[str, Any], dict[Key, int]]:
    """Return a file's content and the line of every key in it."""
    shown = _shown(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{shown} cannot be read: {_reason(error)}") from None
    content = _parse_yaml(text, shown)
    if content is None:
        raise RecipeError(f"{shown} is empty; a recipe needs at least 'task: name'")
    if not isinstance(content, dict):
        raise RecipeError(f"{shown} holds a {type(content).__name__}, not the sections of a recipe")
    lines: dict[Key, int] = {}
    _index_lines(yaml.compose(text, Loader=_Loader), (), lines)
    return content, lines


def _parse_yaml(text: str, where: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark and not where.startswith("--set") else ""
        raise RecipeError(
            f"{where}{line}: not valid YAML: {error.problem or error.context}"
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise RecipeError(f"{where}: not valid YAML: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0]


def _index_lines(node: yaml.Node | None, key: Key, lines: dict[Key, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key_node, value in node.value:
            child = (*key, str(getattr(key_node, "value", "")))
            lines[child] = key_node.start_mark.line + 1
            _index_lines(value, child, lines)


def _anchor_paths(content: dict[str, Any], folder: Path) -> None:
    """Make the paths that a file names relative to its own folder, not to where graspgen was started."""
    objects = content.get("objects")
    if isinstance(objects, dict) and isinstance(objects.get("library"), str):
        objects["library"] = str(folder / objects["library"])
    gripper = content.get("gripper")
    if isinstance(gripper, str) and Path(gripper).suffix in (".yaml", ".yml"):
        content["gripper"] = str(folder / gripper)


# ------------------------------------------------------------------------------------------------ overrides


def _override(content: dict[str, Any], override: str) -> Key:
    """Put one override into `content` and return its key."""
    dotted, equals, text = override.partition("=")
    where = f"--set {override}"
    if not equals or not dotted.strip():
        raise RecipeError(f"{where}: expected key=value, for example scene.objects.count=4")
    key = tuple(part.strip() for part in dotted.split("."))
    model: type[Section] = Recipe
    for depth, name in enumerate(key):
        if name not in model.model_fields:
            raise RecipeError(
                f"{where}: {'.'.join(key[: depth + 1])}: unknown key{_nearest_key(model, name, key[:depth])}"
            )
        section = _section(model.model_fields[name])
        if depth < len(key) - 1:
            if section is None:
                at = ".".join(key[: depth + 1])
                raise RecipeError(
                    f"{where}: {at} is a value, not a section; write {at}={{{key[depth + 1]}: …}}"
                )
            model = section
    target = content
    for name in key[:-1]:
        if not isinstance(target.get(name), dict):
            target[name] = {}
        target = target[name]
    target[key[-1]] = _parse_yaml(text, where)
    return key


# --------------------------------------------------------------------------------------------------- errors


def _problem(
    shown: str, lines: Mapping[Key, int], origins: Mapping[Key, str], error: Mapping[str, Any]
) -> str:
    """Tell one of pydantic's errors in a line: where, which key, what, and the nearest valid key."""
    key = tuple(str(part) for part in error["loc"] if not str(part).startswith("function-"))
    model, depth = _innermost_section(key)
    message = re.sub(r"^(Value error|Assertion failed), ", "", error["msg"])
    if error["type"] == "extra_forbidden":
        message = f"unknown key{_nearest_key(model, key[-1], key[:-1])}"
    elif error["type"] == "missing":
        message = "this key is missing"
    elif error["type"] in ("model_type", "model_attributes_type", "dict_type"):
        section = _section(model.model_fields[key[-1]]) if depth < len(key) else model
        known = ", ".join(section.model_fields) if section else ""
        message = f"expected a section with keys such as {known}; got {error['input']!r}"
    elif error["type"] != "value_error":
        message = f"{message[0].lower()}{message[1:]}, got {error['input']!r}"
    origin = next((origins[key[:n]] for n in range(len(key), 0, -1) if key[:n] in origins), None)
    if origin is None:
        line = next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), None)
        origin = f"{shown}:{line}" if line else shown
    return f"{origin}: {'.'.join(key)}: {message}" if key else f"{origin}: {message}"


def _innermost_section(key: Key) -> tuple[type[Section], int]:
    """Return the section that holds the last part of `key` that is a field, and how deep it lies."""
    model: type[Section] = Recipe
    for depth, name in enumerate(key[:-1]):
        section = _section(model.model_fields[name]) if name in model.model_fields else None
        if section is None:
            return model, depth
        model = section
    return model, len(key) - 1


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
        if section := _section(field):
            yield from _all_keys(section, (*at, name))


def _section(field: FieldInfo) -> type[Section] | None:
    annotation = field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, Section) else None


# -------------------------------------------------------------------------------------------------- explain


def _rows(section: Section, at: Key) -> Iterator[Row]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _rows(value, (*at, name))
        else:
            yield Row(".".join((*at, name)), _told(value), _unit(field), field.description or "")


def _told(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return "[" + ", ".join(_told(v) for v in value) + "]"
    return str(value) if isinstance(value, Distribution | int) else str(value) or '""'


def _unit(field: FieldInfo) -> str:
    """Return a field's unit: of its bounds, else as its docstring says it."""
    nested = (m for a in typing.get_args(field.annotation) for m in getattr(a, "__metadata__", ()))
    for bounds in (*field.metadata, *nested):
        if isinstance(bounds, Bounds):
            return bounds.unit
    found = _DOC_UNIT.search(field.description or "")
    return (found.group(1) or found.group(2)) if found else ""
