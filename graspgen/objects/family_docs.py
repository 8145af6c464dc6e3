"""The table of procedural families in `docs/objects.md`: `python -m graspgen.objects.family_docs docs/objects.md`."""

from __future__ import annotations

import sys
from pathlib import Path

from graspgen.distributions import Distribution
from graspgen.objects.families import FAMILIES
from graspgen.objects.parameter import Parameter

BEGIN, END = "<!-- families: made by graspgen.objects.family_docs -->", "<!-- end of families -->"

#: Units that people measure household things in.
_SHOWN = {"m": ("mm", 1000.0)}


def family_table() -> str:
    """Return every family with its parameters and their distributions, as Markdown."""
    lines = ["| family | what it is | parameters |", "|---|---|---|"]
    for family in FAMILIES.values():
        parameters = "; ".join(_told(name, parameter) for name, parameter in family.parameters.items())
        lines.append(f"| `{family.name}` | {family.doc.rstrip('.')} | {parameters} |")
    return "\n".join(lines)


def with_table(page: str) -> str:
    """Return a page with the table between its two marks.

    Raises:
        ValueError: the page does not hold them.
    """
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the page does not hold the lines '{BEGIN}' and '{END}'")
    return f"{before}{BEGIN}\n{family_table()}\n{END}{after}"


def _told(name: str, parameter: Parameter) -> str:
    unit, factor = _SHOWN.get(parameter.unit, (parameter.unit, 1.0))
    times = f"{parameter.repeat} × " if parameter.repeat > 1 else ""
    return f"`{name}` {times}{distribution_text(parameter.distribution, factor)} {unit}".rstrip()


def distribution_text(drawn: Distribution, factor: float = 1.0) -> str:
    """Return a distribution in few words, its values times `factor`."""
    low_high = [f"{factor * v:.4g}" for v in drawn.values if not isinstance(v, str)]
    match drawn.kind:
        case "constant":
            return str(drawn.values[0]) if not low_high else low_high[0]
        case "uniform":
            return "–".join(low_high)
        case "log_uniform":
            return "–".join(low_high) + " (log)"
        case "choice":
            return ", ".join(low_high or [str(v) for v in drawn.values])
        case "truncated_normal":
            mean, deviation, low, high = low_high
            return f"{low}–{high} (normal {mean} ± {deviation})"
        case _:
            return str(drawn)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(with_table(target.read_text(encoding="utf-8")), encoding="utf-8")
