"""`holdfast`: the operator's command."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

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

    Example: make snapshot, or .venv/bin/python -m holdfast_cli snapshot functions/guardrails
    """
    screen = Screen()
    is_new = not folder.exists()
    try:
        # The region chooses the partition only; without any, it is the commercial one.
        session = boto3.Session()
        region = session.region_name or "us-east-1"
        client = session.client("organizations", endpoint_url=endpoint_url, region_name=region)
        taken = take_snapshot(client, folder)
    except NoCredentialsError:
        _fail(
            "no AWS credentials were found. Next: sign in (aws sso login) or set AWS_PROFILE, and try again."
        )
    except BaselineError as error:
        _fail(f"{folder}: {error}. Nothing was written. Next: correct it, or move it away, and try again.")
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        _fail(str(error))
    if is_new:
        screen.line(f"Made the folder {folder}.")
    for guardrail in taken.baseline.guardrails:
        where = "wherever it is attached" if guardrail.targets is None else f"on {len(guardrail.targets)}"
        screen.line(f"{guardrail.policy_id}  {guardrail.name}  {where}")
    for policy in taken.left_out:
        screen.line(f"{policy.policy_id}  {policy.name}  left out: {policy.left_out_because}", "dim")
    for lost in taken.no_longer:
        screen.line(f"{lost}: WAS IN THE BASELINE and is no longer, for it is not attached now", "yellow")
    screen.line(
        f"Wrote {len(taken.written)} files to {folder}, baseline {taken.baseline.version}. Next: review the "
        'difference, commit it, and deploy it in the mode that you run (README, "Deploy it").'
    )


@app.command()
def demo() -> None:
    """Show on the embedded AWS how a detached guardrail comes back, and how a failure is told."""
    _stay_on_this_machine()
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
    _stay_on_this_machine()
    from holdfast_cli.local import run_local  # noqa: PLC0415 - the embedded AWS takes a second to import
    from localaws.endpoint import EndpointError  # noqa: PLC0415 - the same

    try:
        run_local(Screen(), host, port)
    except EndpointError as error:
        _fail(f"{error}. Next: take another: make local PORT=4567, or HOST=127.0.0.1.")


def _stay_on_this_machine() -> None:
    """Keep what is only for the real AWS, and proxies, away from the embedded one."""
    for variable in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(variable, None)
    for variable in ("NO_PROXY", "no_proxy"):
        os.environ[variable] = ",".join(filter(None, [os.environ.get(variable), "127.0.0.1,localhost"]))


def _fail(message: str) -> NoReturn:
    print(f"holdfast: {message}", file=sys.stderr)  # noqa: T201 - the command's own voice
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
