"""`holdfast`: the operator's command."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from holdfast.reconciliation.trigger import Scope, ScopeKind
from holdfast_cli.command_line import (
    GUARDRAILS,
    AsJson,
    BaselineFolder,
    EndpointUrl,
    Folder,
    Profile,
    Region,
    Stack,
    asked,
    explained,
    fail,
    read_successors,
)
from holdfast_cli.evidence_commands import history, report
from holdfast_cli.exempt_group import exempt
from holdfast_cli.impact_command import run_impact
from holdfast_cli.screen import Screen, safe
from holdfast_cli.session import Session
from holdfast_cli.snapshot import Request
from holdfast_cli.snapshot_command import AlertEnvironment, run_snapshot

# The faults are the embedded AWS's, which takes a second to import: so help and usage have their names here.
FAULTS = ("throttle", "conflict", "stale", "full", "deleted", "slow", "crash")

app = typer.Typer(
    name="holdfast",
    help=(
        "Keep AWS Organizations guardrails attached.\n\n"
        "Exit codes: 0 fine, 1 failed, 2 wrong usage, 3 drift found."
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


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
    with explained():
        client = session.organizations()
        request = Request(include_aws_managed, include_control_tower, read_successors(session))
        code = run_snapshot(
            screen,
            client,
            folder,
            request,
            agree=lambda question: yes or asked(question),
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
    with explained():
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

    with explained():
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
    with explained():
        code = run_diff(
            Screen(),
            session,
            folder,
            read_successors(session),
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
    with explained():
        code = run_reconcile(screen, story, session, stack, request, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def doctor(  # noqa: PLR0913 - each is an option of the command
    *,
    stack: Stack = "holdfast",
    folder: Annotated[
        Path, typer.Option(help="The folder of the deployed baseline.", file_okay=False)
    ] = GUARDRAILS,
    as_json: AsJson = False,
    endpoint_url: EndpointUrl = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Check a deployment from end to end, and say what to do.

    It only reads. What may not be read is a warning, and names the permission that it needs. The exit code
    is 1 if a check failed, and 0 if all are ok or warnings; drift is not looked for: see holdfast diff.

    Example: holdfast doctor --profile management
    """
    from holdfast_cli.doctor_command import run_doctor  # noqa: PLC0415 - others do not need it

    screen = Screen()
    # What a program reads stands alone; people see the rest beside it.
    progress = Screen.beside() if as_json else screen
    with explained():
        session = Session(endpoint_url, profile, region)
        code = run_doctor(screen, progress, session, stack, folder, as_json=as_json)
    raise typer.Exit(code)


app.add_typer(exempt, name="exempt")
app.command()(history)
app.command()(report)


@app.command()
def demo() -> None:
    """Show on the embedded AWS how guardrails come back, whatever was done to them, and what is told.

    Example: holdfast demo
    """
    _stay_on_this_machine()
    from holdfast_cli.demo import run_demo  # noqa: PLC0415 - the embedded AWS takes a second to import

    raise typer.Exit(0 if run_demo(Screen()) else 1)


@app.command()
def drill(  # noqa: PLR0913 - each is an option of the command
    *,
    create: Annotated[
        bool, typer.Option("--create", help="Make the test guardrail and declare it in the baseline.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Delete the test guardrail, once the baseline is without it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    on_this_machine: Annotated[
        bool, typer.Option("--local", help="Drill on an embedded AWS of its own; needs no account.")
    ] = False,
    fault: Annotated[
        str | None,
        typer.Option(metavar="|".join(FAULTS), help="What goes wrong meanwhile; only with --local."),
    ] = None,
    patience: Annotated[
        int,
        typer.Option(
            min=1,
            max=3600,
            metavar="SECONDS",
            help="How long to wait for the execution to begin, and then to end.",
        ),
    ] = 300,
    stack: Stack = "holdfast",
    folder: Annotated[
        Path, typer.Option(help="The baseline's folder; --create writes into it.", file_okay=False)
    ] = GUARDRAILS,
    endpoint_url: EndpointUrl = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Detach a test guardrail on purpose, see Holdfast bring it back, and measure how long that takes.

    It is a policy that denies nothing, on an OU that is empty, both tagged holdfast=drill; nothing else is
    ever detached. Whatever happens, also Ctrl-C, it is attached in the end.

    Example: holdfast drill --create, deploy, and then as often as you like: holdfast drill

    Example: holdfast drill --local --fault full
    """
    _check_drill(create=create, remove=remove, on_this_machine=on_this_machine, fault=fault)
    if on_this_machine:
        _stay_on_this_machine()
        from holdfast_cli.drill_local import Fault, run_local_drill  # noqa: PLC0415 - as for the demo

        with explained():
            code = run_local_drill(Screen(), Fault(fault) if fault else None, patience)
        raise typer.Exit(code)
    from holdfast_cli.drill_command import run_create, run_drill, run_remove  # noqa: PLC0415 - the same

    screen, session = Screen(), Session(endpoint_url, profile, region)

    def agree(question: str) -> bool:
        return yes or asked(question)

    with explained():
        if create:
            code = run_create(screen, session, folder, agree=agree)
        elif remove:
            code = run_remove(screen, session, folder, agree=agree)
        else:
            code = run_drill(
                screen,
                session,
                folder,
                stack,
                patience=patience,
                successors=lambda: read_successors(session),
                agree=agree,
            )
    raise typer.Exit(code)


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
        fail(f"{error}. Next: take another: make local PORT=4567, or HOST=127.0.0.1.")


def _check_drill(*, create: bool, remove: bool, on_this_machine: bool, fault: str | None) -> None:
    """Refuse options of a drill that do not go together."""
    if create and remove:
        raise typer.BadParameter("not together with --create", param_hint="--remove")
    if on_this_machine and (create or remove):
        raise typer.BadParameter("not together with --create or --remove", param_hint="--local")
    if fault and not on_this_machine:
        raise typer.BadParameter("only with --local", param_hint="--fault")
    if fault and fault not in FAULTS:
        message = f"got {safe(fault)!r}, expected {', '.join(FAULTS)}"
        raise typer.BadParameter(message, param_hint="--fault")


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


def _stay_on_this_machine() -> None:
    """Keep what is only for the real AWS, and proxies, away from the embedded one."""
    for variable in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(variable, None)
    for variable in ("NO_PROXY", "no_proxy"):
        os.environ[variable] = ",".join(filter(None, [os.environ.get(variable), "127.0.0.1,localhost"]))


if __name__ == "__main__":
    app(prog_name="holdfast")
