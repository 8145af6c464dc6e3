"""`graspgen objects families`: what the procedural families are, and what can be said of each."""

from __future__ import annotations

from typing import Annotated

import typer


def families(
    name: Annotated[
        str | None, typer.Argument(metavar="[FAMILY]", help="Tell the parameters of this family; all families if none.")
    ] = None,
) -> None:
    """List the procedural families, or the parameters of one as recipes take them."""
    from rich import box
    from rich.table import Table

    from graspgen.cli.show import console
    from graspgen.errors import ObjectError, nearest
    from graspgen.objects.families import FAMILIES
    from graspgen.objects.family_docs import distribution_text

    if name is None:
        table = Table("family", "what it is", "parameters", box=box.SIMPLE_HEAD, padding=(0, 1))
        for family in FAMILIES.values():
            table.add_row(family.name, family.doc.rstrip("."), ", ".join(family.parameters))
        console().print(table)
        typer.echo("graspgen objects families FAMILY tells what its parameters are")
        return
    if name not in FAMILIES:
        raise ObjectError(f"there is no family '{name}'{nearest(name, FAMILIES)}")
    family = FAMILIES[name]
    typer.echo(f"{name}: {family.doc}")
    table = Table("parameter", "drawn from", "unit", "meaning", "allowed", box=box.SIMPLE_HEAD, padding=(0, 1))
    for key, parameter in family.parameters.items():
        drawn = distribution_text(parameter.distribution)
        repeat = f"{parameter.repeat} × " if parameter.repeat > 1 else ""
        allowed = ", ".join(parameter.names) or f"{parameter.low:g} to {parameter.high:g}"
        table.add_row(key, repeat + drawn, parameter.unit, parameter.doc, allowed)
    console().print(table)
    typer.echo(f"--set objects.families={name} draws it alone; a parameter is set like")
    key, parameter = next((k, p) for k, p in family.parameters.items() if not p.names)
    low, high = parameter.distribution.support
    middle = round((low + high) / 2) if parameter.distribution.integer else float(f"{(low + high) / 2:.3g}")
    typer.echo(f"--set objects.parameters.{name}.{key}={middle}")
