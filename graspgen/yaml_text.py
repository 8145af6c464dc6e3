"""YAML with line numbers, where a key that is given twice is a mistake and 1e-3 is a number."""

from __future__ import annotations

import re
from typing import Any

import yaml

from graspgen.errors import RecipeError

Key = tuple[str, ...]

_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    pass


# PyYAML follows YAML 1.1, where 1e-3 and 1e3 are text.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def _construct_mapping(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> Any:
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        if key_node.tag == _MERGE:
            continue
        mark = key_node.start_mark
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int | float | bool | None):
            raise yaml.MarkedYAMLError(problem="a key must be a name", problem_mark=mark)
        if key in seen:
            problem = f"the key '{key}' is given twice, first in line {seen[key]}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        seen[key] = mark.line + 1
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


def parse_yaml(text: str, where: str, with_line: bool = True) -> Any:
    """Read YAML as plain data.

    Args:
        text: the YAML.
        where: named in errors.
        with_line: whether errors name the line.

    Raises:
        RecipeError: it is not YAML, or a key is given twice.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark and with_line else ""
        problem = error.problem or error.context
        raise RecipeError(f"{where}{line}: not valid YAML: {problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise RecipeError(f"{where}: not valid YAML: {reason}") from None


def key_lines(text: str) -> dict[Key, int]:
    """Return the line, from 1, of every key and entry of a list of a YAML text that `parse_yaml` accepts."""
    lines: dict[Key, int] = {}
    _index(yaml.compose(text, Loader=_Loader), (), lines)
    return lines


def _index(node: yaml.Node | None, key: Key, lines: dict[Key, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key_node, value in node.value:
            child = (*key, str(getattr(key_node, "value", "")))
            lines[child] = key_node.start_mark.line + 1
            _index(value, child, lines)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            lines[(*key, str(i))] = value.start_mark.line + 1
            _index(value, (*key, str(i)), lines)
