"""The reference of the operator's command, from the command itself."""

from __future__ import annotations

import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

from docs.generated.sources import ROOT
from holdfast_cli.__main__ import app

COMMANDS = ROOT / "docs" / "commands.md"

_PROGRAM = "holdfast"


def render() -> str:
    """Return the page: every command with its example, arguments and options, as `--help` has them."""
    command = get_command(app)
    context = typer.Context(command, info_name=_PROGRAM)
    reference = get_docs_for_click(obj=command, ctx=context, name=_PROGRAM)
    return f"<!-- Generated: `make docs` writes this page anew. -->\n\n{reference.strip()}\n"
