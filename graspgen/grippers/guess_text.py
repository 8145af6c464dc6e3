"""The YAML of a guess as text: one line a key, with where each value comes from."""

from __future__ import annotations

from pathlib import Path

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
                lines.append(f"  {stage}: {{{', '.join(f'{joint}: {at:g}' for joint, at in joints.items())}}}")
            continue
        told = (
            "[" + ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in value) + "]"
            if isinstance(value, list | tuple)
            else f"{value:g}"
            if isinstance(value, float)
            else str(value)
        )
        note = guess.notes.get(key)
        lines.append(f"{key}: {told}" + (f"{' ' * max(1, 40 - len(key) - len(told))}# {note}" if note else ""))
    return "\n".join(lines) + "\n"
