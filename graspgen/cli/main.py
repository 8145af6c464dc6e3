"""The command line: it parses, calls and prints; heavy modules wait for the command that needs them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from graspgen import __version__
from graspgen.cli import grippers, objects
from graspgen.cli.check import check
from graspgen.cli.damage import opengl_mistake, reading
from graspgen.cli.demos import demos
from graspgen.cli.export import export
from graspgen.cli.generate import INTERRUPTED, generate
from graspgen.cli.grasps import grasps
from graspgen.cli.import_grasps import import_grasps
from graspgen.cli.knobs import knobs
from graspgen.cli.parts import merge, split, verify
from graspgen.cli.preview import preview
from graspgen.cli.relabel import relabel
from graspgen.cli.status import status
from graspgen.cli.video import video
from graspgen.errors import GraspgenError

BAD_INPUT, VIOLATIONS = 2, 1


class _Tidy(TyperGroup):
    """Tells a user's mistake in one line on stderr; a traceback is always graspgen's defect."""

    def invoke(self, ctx: typer.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GraspgenError as error:
            _tell(error)
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt:
            typer.echo("stopped", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except (AttributeError, ImportError, OSError, RuntimeError) as error:
            mistake = opengl_mistake(error)
            if mistake is None:
                raise
            _tell(mistake)
            raise typer.Exit(BAD_INPUT) from None


def _tell(error: GraspgenError) -> None:
    for line in str(error).splitlines():
        typer.echo(f"error: {line}", err=True)


app = typer.Typer(
    cls=_Tidy,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(objects.app, name="objects")
app.add_typer(grippers.app, name="grippers")
app.command()(check)
app.command()(demos)
app.command()(export)
app.command()(generate)
app.command()(grasps)
app.command()(import_grasps)
app.command()(knobs)
app.command()(merge)
app.command()(preview)
app.command()(relabel)
app.command()(split)
app.command()(status)
app.command()(verify)
app.command()(video)

Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a value; VALUE is YAML: --set 'scene.objects.count={uniform: [1, 4]}'.",
    ),
]
RecipeName = Annotated[
    str,
    typer.Argument(metavar="RECIPE", help="A shipped recipe (`graspgen recipes`), or a YAML file."),
]
DatasetPath = Annotated[Path, typer.Argument(metavar="PATH", help="A dataset's folder.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"graspgen {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Robotic grasping datasets by physics: scenes, RGB-D views, 6DoF poses, tested grasps."""


@app.command()
def replay(
    path: DatasetPath,
    scene: Annotated[int, typer.Option("--scene", "-s", min=0, help="Index of the scene.")],
) -> None:
    """Make one scene again from its stored plan and tell whether it is identical."""
    from graspgen.pipeline.replay import replay as run

    with reading(path):
        report = run(path, scene)
    for line in report.lines():
        typer.echo(line)
    if not report.identical:
        raise typer.Exit(VIOLATIONS)


@app.command()
def info(path: DatasetPath) -> None:
    """Tell on one screen what a dataset holds."""
    from graspgen.cli.show import print_info

    with reading(path):
        print_info(path)


@app.command()
def overlay(
    path: DatasetPath,
    view: Annotated[int, typer.Option("--view", "-v", min=0, help="Row of the view.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture, .png or .jpg.")] = Path("overlay.png"),
) -> None:
    """Draw all labels and layers of a view, side by side."""
    from graspgen.pipeline.overlay_sheet import write_overlay

    with reading(path):
        typer.echo(f"picture: {write_overlay(path, view, out)}")


@app.command()
def report(path: DatasetPath) -> None:
    """Tell what became of the grasps, and what analytic scores knew of it beforehand."""
    from graspgen.cli.report import print_report

    with reading(path):
        print_report(path)


@app.command()
def recipes() -> None:
    """List the recipes that come with graspgen."""
    from graspgen.recipe_file import list_recipes

    known = list_recipes()
    width = max(map(len, known), default=0)
    for name, description in known.items():
        typer.echo(f"{name:<{width}}  {description}")


@app.command(name="edge-cases")
def edge_cases(
    path: Annotated[
        Path | None, typer.Argument(metavar="[PATH]", help="A dataset, to draw an example of each.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture, .png or .jpg.")] = Path("edge_cases.jpg"),
) -> None:
    """List the edge cases that quotas can ask for by name; of a dataset, draw an example of each."""
    if path is None:
        from graspgen.cli.show import print_edge_cases

        print_edge_cases()
        return
    from graspgen.pipeline.edge_case_sheet import write_edge_cases

    with reading(path):
        typer.echo(f"picture: {write_edge_cases(path, out)}")


@app.command()
def explain(recipe: RecipeName, overrides: Set = None) -> None:
    """Print every value of a recipe, with its distribution, unit and meaning."""
    from graspgen.cli.show import print_rows
    from graspgen.recipe_file import explain as rows
    from graspgen.recipe_file import load_recipe

    print_rows(rows(load_recipe(recipe, overrides or ())))


@app.command()
def doctor() -> None:
    """Say what this machine has, and how to mend what is missing."""
    from graspgen.cli.show import print_findings
    from graspgen.pipeline.doctor import can_generate, examine

    findings = examine()
    print_findings(findings)
    if not can_generate(findings):
        typer.echo("no dataset can be generated before the missing things are mended", err=True)
        raise typer.Exit(1)
    typer.echo("datasets can be generated on this machine")


def main() -> None:
    """Run the command line."""
    try:
        app()
    except KeyboardInterrupt:  # while modules were still being imported
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
