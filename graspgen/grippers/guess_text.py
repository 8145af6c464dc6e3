"""The YAML of a guess as text: one line a key, with where each value comes from."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from graspgen.grippers.inspect import Guess


def yaml_text(guess: Guess, mjcf: Path, folder: Path) -> str:
    """Return the YAML of a guess, a line a key, with where each value comes from.

    Args:
        guess: the values.
        mjcf: path of the model.
        folder: where the YAML will lie; the model is named relative to it where it lies below.
    """
    at, below = mjcf.resolve(), folder.resolve()
    model = at.relative_to(below) if at.is_relative_to(below) else at
    file = guess.file.model_copy(update={"model": str(model)})
    values = file.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    order = [n for n in type(file).model_fields if n in values]
    lines = []
    for key in order:
        value = values[key]
        if key == "postures":
            lines.append(f"postures:{' ' * 31}# {guess.notes[key]}")
            for stage, joints in value.items():
                said = ", ".join(f"{_scalar(joint)}: {at:g}" for joint, at in joints.items())
                lines.append(f"  {stage}: {{{said}}}")
            continue
        told = f"[{', '.join(map(_scalar, value))}]" if isinstance(value, list | tuple) else _scalar(value)
        note = guess.notes.get(key)
        lines.append(f"{key}: {told}" + (f"{' ' * max(1, 40 - len(key) - len(told))}# {note}" if note else ""))
    return "\n".join(lines) + "\n"


def _scalar(value: object) -> str:
    """Return a value as YAML reads it again, also as one of a list: names may hold anything."""
    if isinstance(value, float):
        return f"{value:g}"
    if not isinstance(value, str):
        return str(value)
    try:
        plain = yaml.safe_load(f"[{value}]") == [value] and yaml.safe_load(f"{{{value}: 0}}") == {value: 0}
    except yaml.YAMLError:
        plain = False
    return value if plain else json.dumps(value, ensure_ascii=False)
