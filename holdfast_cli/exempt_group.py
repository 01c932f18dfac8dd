"""`holdfast exempt`: the commands that permit attachments to be off for a while."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast_cli.command_line import (
    GUARDRAILS,
    AsJson,
    BaselineFolder,
    EndpointUrl,
    Profile,
    Region,
    Stack,
    asked,
    explained,
    read_successors,
    well_put,
)
from holdfast_cli.screen import Screen
from holdfast_cli.session import Session

exempt = typer.Typer(
    help=(
        "Permit attachments to be off for a while: grant, list, revoke.\n\n"
        "Example: holdfast exempt grant DenyUnapprovedRegions Workloads --until 2h --reason 'The move'"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)

ExemptPolicy = Annotated[str, typer.Argument(help="A policy's id, a guardrail's name, or all: everything.")]
ExemptTarget = Annotated[
    str | None,
    typer.Argument(
        help="An id, names such as Root or Workloads/Prod, or all: the whole policy. Nothing after all."
    ),
]


@exempt.command()
def grant(  # noqa: PLR0913 - each is an option of the command
    policy: ExemptPolicy,
    target: ExemptTarget = None,
    *,
    until: Annotated[str, typer.Option(help="30m, 2h, 3d, or a time with its zone; 7 days at most.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in every mail about it.")],
    ticket: Annotated[str | None, typer.Option(help="Where it was agreed.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace one that is in force without asking.")
    ] = False,
    folder: BaselineFolder = GUARDRAILS,
    endpoint_url: EndpointUrl = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Let a policy be off a target until some time: a detach is reported, and not reverted before.

    One that is in force already is shown, and replaced with --replace or a yes on the terminal only. The
    region has to be the one where Holdfast is deployed.

    Example: holdfast exempt grant DenyUnapprovedRegions Workloads --until 2h --reason 'The move'
    """
    from holdfast_cli.exempt_command import Wording, find_subject, read_known, run_grant  # noqa: PLC0415

    session = Session(endpoint_url, profile, region)
    with explained(), well_put():
        known = read_known(folder, lambda: read_successors(session))
        subject = find_subject(session, known, policy, target)
        code = run_grant(
            Screen(),
            session,
            known,
            subject,
            Wording(until, reason, ticket),
            agree=lambda question: replace or asked(question),
        )
    raise typer.Exit(code)


@exempt.command("list")
def list_exemptions(
    *,
    folder: BaselineFolder = GUARDRAILS,
    as_json: AsJson = False,
    endpoint_url: EndpointUrl = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show all exemptions: those in force, those that have ended, and what is broken and ignored.

    Example: holdfast exempt list --json
    """
    from holdfast_cli.exempt_command import read_known  # noqa: PLC0415 - others do not need it
    from holdfast_cli.exempt_list import run_list  # noqa: PLC0415 - the same

    session = Session(endpoint_url, profile, region)
    with explained():
        known = read_known(folder, lambda: read_successors(session))
        code = run_list(Screen(), session, known.baseline, as_json=as_json)
    raise typer.Exit(code)


@exempt.command()
def revoke(  # noqa: PLR0913 - each is an option of the command
    policy: ExemptPolicy,
    target: ExemptTarget = None,
    *,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Start the reconciliation, and do not follow it.")
    ] = False,
    stack: Stack = "holdfast",
    folder: BaselineFolder = GUARDRAILS,
    endpoint_url: EndpointUrl = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Delete an exemption, and let the deployed reconciliation restore at once what it exempted.

    Example: holdfast exempt revoke DenyUnapprovedRegions Workloads
    """
    from holdfast_cli.exempt_command import find_subject, read_known, run_revoke  # noqa: PLC0415 - the same

    session = Session(endpoint_url, profile, region)
    with explained(), well_put():
        known = read_known(folder, lambda: read_successors(session))
        subject = find_subject(session, known, policy, target)
        code = run_revoke(Screen(), session, known, subject, stack, wait=not no_wait)
    raise typer.Exit(code)
