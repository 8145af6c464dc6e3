"""`graspgen objects`: libraries of imported meshes."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Import meshes and list libraries of them.")
