"""`holdfast`: the operator's command."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from holdfast.errors import ServiceError
from holdfast.reconciliation.trigger import Scope, ScopeKind
from holdfast.successors import Successors
from holdfast_cli.explaining import EXPLAINED, explain
from holdfast_cli.impact_command import run_impact
from holdfast_cli.screen import Screen, safe
from holdfast_cli.session import Session
from holdfast_cli.snapshot import Request
from holdfast_cli.snapshot_command import AlertEnvironment, run_snapshot

app = typer.Typer(
    name="holdfast",
    help=(
        "Keep AWS Organizations guardrails attached.\n\n"
        "Exit codes: 0 fine, 1 failed, 2 wrong usage, 3 drift found."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

GUARDRAILS = Path("functions/guardrails")

Folder = Annotated[Path, typer.Argument(help="The folder with baseline.toml and policies/.", file_okay=False)]
EndpointUrl = Annotated[str | None, typer.Option(help="Another endpoint, such as that of `make local`.")]
Profile = Annotated[str | None, typer.Option(help="The profile whose credentials are used.")]
Region = Annotated[str | None, typer.Option(help="The region; without any, the profile's, or us-east-1.")]
BaselineFolder = Annotated[Path, typer.Option(help="The baseline's folder, for names.", file_okay=False)]
Stack = Annotated[str, typer.Option(help="The stack that Holdfast was deployed as.")]
ExemptPolicy = Annotated[str, typer.Argument(help="A policy's id, a guardrail's name, or all: everything.")]
ExemptTarget = Annotated[
    str | None,
    typer.Argument(
        help="An id, names such as Root or Workloads/Prod, or all: the whole policy. Nothing after all."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@app.command()
def snapshot(  # noqa: PLR0913 - each is an option of the command
    folder: Folder = GUARDRAILS,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="Write it also if guardrails, targets or texts are lost by that.")
    ] = False,
    include_aws_managed: Annotated[
        bool,
        typer.Option("--include-aws-managed", help="Guard AWS-managed policies too."),
    ] = False,
    include_control_tower: Annotated[
        bool, typer.Option("--include-control-tower", help="Guard Control Tower's aws-guardrails-* too.")
    ] = False,
    alert_policy_ids: Annotated[
        Path | None,
        typer.Option(
            help="A samconfig.toml; its AlertPolicyIds become the guardrails.", exists=True, dir_okay=False
        ),
    ] = None,
    config_env: Annotated[str, typer.Option(help="The deploy environment in that file.")] = "default",
    as_json: AsJson = False,
    endpoint_url: EndpointUrl = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Write the baseline from the live organization, and show what is different.

    Comments and order of a baseline that is there stay. If less would be protected, it asks first.

    Example: holdfast snapshot --profile management --alert-policy-ids samconfig.toml
    """
    screen, session = Screen(), Session(endpoint_url, profile, region)
    with _explained():
        client = session.organizations()
        request = Request(include_aws_managed, include_control_tower, _successors(session))
        code = run_snapshot(
            screen,
            client,
            folder,
            request,
            agree=lambda question: yes or _asked(question),
            alerts=AlertEnvironment(alert_policy_ids, config_env) if alert_policy_ids else None,
            as_json=as_json,
        )
    raise typer.Exit(code)


@app.command()
def impact(  # noqa: PLR0913 - each is an option of the command
    policy: Annotated[str, typer.Argument(help="A policy's id, or a guardrail's name.")],
    target: Annotated[
        str | None, typer.Argument(help="An id, or names such as Root or Workloads/Prod; else all targets.")
    ] = None,
    *,
    folder: BaselineFolder = GUARDRAILS,
    as_json: AsJson = False,
    endpoint_url: EndpointUrl = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show which accounts a detach would expose, and which another attachment still covers.

    Example: holdfast impact DenyUnapprovedRegions Workloads
    """
    with _explained():
        client = Session(endpoint_url, profile, region).organizations()
        code = run_impact(Screen(), client, folder, policy, target, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def validate(  # noqa: PLR0913 - each is an option of the command
    folder: Folder = GUARDRAILS,
    *,
    host_account: Annotated[
        str | None, typer.Option(help="The member account that hosts Holdfast, if one does.")
    ] = None,
    access_analyzer: Annotated[
        bool, typer.Option("--access-analyzer", help="Ask IAM Access Analyzer too; needs credentials.")
    ] = False,
    as_json: AsJson = False,
    endpoint_url: EndpointUrl = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Check the baseline and its documents before they are deployed.

    Example: holdfast validate --json
    """
    from holdfast_cli.validate import run_validate  # noqa: PLC0415 - it reads grammars that others do not need

    with _explained():
        session = Session(endpoint_url, profile, region)
        code = run_validate(
            Screen(),
            folder,
            host_account=host_account,
            access_analyzer=session.client("accessanalyzer") if access_analyzer else None,
            as_json=as_json,
        )
    raise typer.Exit(code)


@app.command()
def diff(  # noqa: PLR0913 - each is an option of the command
    folder: Folder = GUARDRAILS,
    *,
    sanctioned_for: Annotated[
        int, typer.Option(min=0, max=168, metavar="HOURS", help="The stack's parameter SanctionedFor.")
    ] = 24,
    as_json: AsJson = False,
    endpoint_url: EndpointUrl = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show how the organization differs from the baseline, without deploying anything.

    What a sanctioned principal detached not long ago, and what is off under an exemption, is shown and is
    no drift: with nothing else the exit code is 0.

    Example: holdfast diff --profile management
    """
    from holdfast_cli.diff import run_diff  # noqa: PLC0415 - others do not need it

    session = Session(endpoint_url, profile, region)
    with _explained():
        code = run_diff(
            Screen(),
            session,
            folder,
            _successors(session),
            sanctioned_for=timedelta(hours=sanctioned_for),
            as_json=as_json,
        )
    raise typer.Exit(code)


@app.command()
def reconcile(  # noqa: PLR0913 - each is an option of the command
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be restored, and restore nothing.")
    ] = False,
    attachment: Annotated[
        str | None,
        typer.Option(metavar="POLICY/TARGET", help="The one attachment to look at, by its ids."),
    ] = None,
    at_once: Annotated[
        bool,
        typer.Option(
            "--at-once", help="Wait neither for a second look nor for the fast path; only with --attachment."
        ),
    ] = False,
    stack: Stack = "holdfast",
    as_json: AsJson = False,
    endpoint_url: EndpointUrl = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Compare the baseline with the organization, restore what is missing, and show it live.

    The deployed reconciliation does it, with its own roles and switches; Ctrl-C does not end it.

    Example: holdfast reconcile --dry-run
    """
    from holdfast_cli.reconcile import RunRequest, run_reconcile  # noqa: PLC0415 - others do not need it

    if at_once and attachment is None:
        raise typer.BadParameter("only with --attachment", param_hint="--at-once")
    request = RunRequest(_scope_of(attachment), dry_run, at_once)
    session, screen = Session(endpoint_url, profile, region), Screen()
    # What a program reads stands alone; people see the rest beside it.
    story = Screen.beside() if as_json else screen
    with _explained():
        code = run_reconcile(screen, story, session, stack, request, as_json=as_json)
    raise typer.Exit(code)


exempt = typer.Typer(
    help=(
        "Permit attachments to be off for a while: grant, list, revoke.\n\n"
        "Example: holdfast exempt grant DenyUnapprovedRegions Workloads --until 2h --reason 'The move'"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(exempt, name="exempt")


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
    with _explained(), _well_put():
        known = read_known(folder, lambda: _successors(session))
        subject = find_subject(session, known, policy, target)
        code = run_grant(
            Screen(),
            session,
            known,
            subject,
            Wording(until, reason, ticket),
            agree=lambda question: replace or _asked(question),
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
    with _explained():
        known = read_known(folder, lambda: _successors(session))
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
    with _explained(), _well_put():
        known = read_known(folder, lambda: _successors(session))
        subject = find_subject(session, known, policy, target)
        code = run_revoke(Screen(), session, known, subject, stack, wait=not no_wait)
    raise typer.Exit(code)


@app.command()
def demo() -> None:
    """Show on the embedded AWS how guardrails come back, whatever was done to them, and what is told.

    Example: holdfast demo
    """
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
    """Keep the embedded AWS running with Holdfast deployed on it.

    Example: holdfast local --port 4567
    """
    _stay_on_this_machine()
    from holdfast_cli.local import run_local  # noqa: PLC0415 - the embedded AWS takes a second to import
    from localaws.endpoint import EndpointError  # noqa: PLC0415 - the same

    try:
        run_local(Screen(), host, port)
    except EndpointError as error:
        _fail(f"{error}. Next: take another: make local PORT=4567, or HOST=127.0.0.1.")


def _successors(session: Session) -> Mapping[str, str]:
    """Read under which ids Holdfast made policies again; without that they count as new guardrails."""
    try:
        return Successors(session.client("ssm")).read()
    except ServiceError as error:
        _say(f"policies made again are not recognized, for their new ids could not be read: {error}")
        return {}


def _scope_of(attachment: str | None) -> Scope:
    """Return what a run looks at: everything, or the attachment that was named as `p-…/target`."""
    if attachment is None:
        return Scope(ScopeKind.ALL)
    scope = Scope(ScopeKind.ATTACHMENT, attachment)
    try:
        # Named whole, as an attachment is: the run would be told so much later.
        _ = scope.attachment
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--attachment") from error
    return scope


def _asked(question: str) -> bool:
    """Ask whoever sits at the terminal; nobody there is a no."""
    return sys.stdin.isatty() and typer.confirm(question, err=True)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn the errors that a command may end with into words, and into its exit code."""
    try:
        yield
    except EXPLAINED as error:
        _fail(explain(error))


@contextmanager
def _well_put() -> Iterator[None]:
    """Turn a rule that what was typed breaks into wrong usage."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(safe(str(error))) from error


def _stay_on_this_machine() -> None:
    """Keep what is only for the real AWS, and proxies, away from the embedded one."""
    for variable in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(variable, None)
    for variable in ("NO_PROXY", "no_proxy"):
        os.environ[variable] = ",".join(filter(None, [os.environ.get(variable), "127.0.0.1,localhost"]))


def _fail(message: str) -> NoReturn:
    _say(message)
    raise typer.Exit(1)


def _say(message: str) -> None:
    print(f"holdfast: {safe(message)}", file=sys.stderr)  # noqa: T201 - the command's own voice


if __name__ == "__main__":
    app(prog_name="holdfast")
