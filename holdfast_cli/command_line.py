"""What all commands share: their options, how they ask, and how an error becomes an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from holdfast.errors import ServiceError
from holdfast.successors import Successors
from holdfast_cli.explaining import EXPLAINED, explain
from holdfast_cli.screen import safe
from holdfast_cli.session import Session

GUARDRAILS = Path("functions/guardrails")

Folder = Annotated[Path, typer.Argument(help="The folder with baseline.toml and policies/.", file_okay=False)]
EndpointUrl = Annotated[str | None, typer.Option(help="Another endpoint, such as that of `make local`.")]
Profile = Annotated[str | None, typer.Option(help="The profile whose credentials are used.")]
Region = Annotated[str | None, typer.Option(help="The region; without any, the profile's, or us-east-1.")]
BaselineFolder = Annotated[Path, typer.Option(help="The baseline's folder, for names.", file_okay=False)]
Stack = Annotated[str, typer.Option(help="The stack that Holdfast was deployed as.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def read_successors(session: Session) -> Mapping[str, str]:
    """Read under which ids Holdfast made policies again; without that they count as new guardrails."""
    try:
        return Successors(session.client("ssm")).read()
    except ServiceError as error:
        say(f"policies made again are not recognized, for their new ids could not be read: {error}")
        return {}


def asked(question: str) -> bool:
    """Ask whoever sits at the terminal; nobody there is a no."""
    return sys.stdin.isatty() and typer.confirm(question, err=True)


@contextmanager
def explained() -> Iterator[None]:
    """Turn the errors that a command may end with into words, and into its exit code."""
    try:
        yield
    except EXPLAINED as error:
        fail(explain(error))


@contextmanager
def well_put() -> Iterator[None]:
    """Turn a rule that what was typed breaks into wrong usage."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(safe(str(error))) from error


def fail(message: str) -> NoReturn:
    """Say what went wrong, and end with exit code 1."""
    say(message)
    raise typer.Exit(1)


def say(message: str) -> None:
    """Say something to whoever sits at the terminal, beside what the command prints."""
    print(f"holdfast: {safe(message)}", file=sys.stderr)  # noqa: T201 - the command's own voice
