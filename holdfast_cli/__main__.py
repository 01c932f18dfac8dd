"""`holdfast`: the operator's command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from holdfast.errors import BaselineError
from holdfast_cli.screen import Screen
from holdfast_cli.snapshot import take_snapshot

app = typer.Typer(
    name="holdfast",
    help="Keep AWS Organizations guardrails attached. Exit codes: 0 fine, 1 failed, 2 wrong usage.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def snapshot(
    folder: Annotated[
        Path, typer.Argument(help="Where baseline.toml and policies/ go.", file_okay=False)
    ] = Path("functions/guardrails"),
    endpoint_url: Annotated[
        str | None, typer.Option(help="Another endpoint, such as the embedded AWS.")
    ] = None,
) -> None:
    """Write the baseline from the live organization.

    Example: holdfast snapshot functions/guardrails
    """
    screen = Screen()
    # The region chooses the partition only; without any, it is the commercial one.
    region = boto3.Session().region_name or "us-east-1"
    client = boto3.client("organizations", endpoint_url=endpoint_url, region_name=region)
    try:
        taken = take_snapshot(client, folder)
    except (BaselineError, BotoCoreError, ClientError, OSError) as error:
        _fail(str(error))
    for guardrail in taken.baseline.guardrails:
        targets = len(guardrail.targets or ())
        screen.line(
            f"{guardrail.policy_id}  {guardrail.name}  on {targets} target{'' if targets == 1 else 's'}"
        )
    for policy in taken.left_out:
        screen.line(f"{policy.policy_id}  {policy.name}  left out: {policy.left_out_because}", "dim")
    screen.line(
        f"Wrote {len(taken.written)} files to {folder}, baseline {taken.baseline.version}. "
        "Next: review the difference, commit it, `sam deploy`."
    )


@app.command()
def demo() -> None:
    """Show on the embedded AWS how a detached guardrail comes back, and how a failure is told."""
    from holdfast_cli.demo import run_demo  # noqa: PLC0415 - the embedded AWS takes a second to import

    raise typer.Exit(0 if run_demo(Screen()) else 1)


@app.command()
def local(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The endpoint's port; 0 takes a free one.")
    ] = 4566,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
) -> None:
    """Keep the embedded AWS running with Holdfast deployed on it."""
    from holdfast_cli.local import run_local  # noqa: PLC0415 - the embedded AWS takes a second to import
    from localaws.endpoint import EndpointError  # noqa: PLC0415 - the same

    try:
        run_local(Screen(), host, port)
    except EndpointError as error:
        _fail(f"{error}. Next: end what uses it, or choose another with --port or --host.")


def _fail(message: str) -> NoReturn:
    print(f"holdfast: {message}", file=sys.stderr)  # noqa: T201 - the command's own voice
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
