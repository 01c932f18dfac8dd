"""`holdfast reconcile`: start the deployed reconciliation, follow it live, and say how it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from holdfast.links import Console
from holdfast.reconciliation.fates import MENDED
from holdfast.reconciliation.finding import TOLERATED
from holdfast.reconciliation.report import RunOutcome
from holdfast.reconciliation.sentence import counted
from holdfast.reconciliation.trigger import Scope, ScopeKind
from holdfast_cli.deployed_stack import find_stack
from holdfast_cli.following import Told, follow, told_by

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_stepfunctions import SFNClient

    from holdfast_cli.screen import Screen
    from holdfast_cli.session import Session

OUTPUT = "ReconcileStateMachineArn"
"""The stack's output that has the state machine's ARN."""

CLEAN, FAILED, DRIFT, INTERRUPTED = 0, 1, 3, 130
"""The command's exit codes; the last one is what shells give to a command that Ctrl-C ended."""

POLL = 0.5
"""Seconds between two looks at the history; whoever looks at the same time shares the rate of that call."""


_ALL = Scope(ScopeKind.ALL)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run is asked for.

    Parameters
    ----------
    scope : Scope
        What it looks at.
    dry_run : bool
        Whether to tell only what would be done.
    at_once : bool
        Whether neither a second look nor the fast path is waited for.
    """

    scope: Scope = _ALL
    dry_run: bool = False
    at_once: bool = False

    def to_document(self) -> dict[str, Any]:
        """Return the input of the execution."""
        return {
            "cause": "request",
            "scope": {"kind": self.scope.kind.value, "subject": self.scope.subject},
            "dry_run": self.dry_run,
            "at_once": self.at_once,
        }

    def in_words(self) -> str:
        """Return what is done, as a title."""
        whole = self.scope.kind is ScopeKind.ALL
        subject = "the whole baseline" if whole else f"the {self.scope.kind} {self.scope.subject}"
        dry = ", as a dry run that changes nothing" if self.dry_run else ""
        return f"Reconciling {subject}{', at once' if self.at_once else ''}{dry}"


WHOLE_BASELINE = RunRequest()


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was started.

    Parameters
    ----------
    arn : str
        The execution's ARN.
    at : datetime
        When it began.
    """

    arn: str
    at: datetime


def run_reconcile(  # noqa: PLR0913 - what the command line says
    screen: Screen,
    story: Screen,
    session: Session,
    stack: str,
    request: RunRequest = WHOLE_BASELINE,
    *,
    as_json: bool = False,
) -> int:
    """Reconcile and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print the result.
    story : Screen
        Where to print what happens.
    session : Session
        Which AWS, as whom.
    stack : str
        The stack's name or ARN.
    request : RunRequest
        What is asked for.
    as_json : bool
        Whether a program reads the result.

    Raises
    ------
    NoStackError
        If there is no such stack, or it has no reconciliation.
    """
    client: SFNClient = session.client("stepfunctions")
    machine = find_state_machine(session.client("cloudformation"), stack)
    started = start(client, machine, request)
    show_start(story, started, request)
    return follow_run(screen, story, session, started, request, as_json=as_json)


def follow_run(  # noqa: PLR0913 - all that is told of a run
    screen: Screen,
    story: Screen,
    session: Session,
    started: Started,
    request: RunRequest,
    *,
    as_json: bool = False,
) -> int:
    """Show a run until it has ended, say how it did, and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print the result.
    story : Screen
        Where to print what happens.
    session : Session
        Which AWS, as whom.
    started : Started
        The run.
    request : RunRequest
        What it was asked for.
    as_json : bool
        Whether a program reads the result.
    """
    client: SFNClient = session.client("stepfunctions")
    look = look_command(session, started)
    try:
        succeeded = show_run(story, client, started)
    except KeyboardInterrupt:
        _show_unfollowed(story, look)
        return INTERRUPTED
    except (BotoCoreError, ClientError):
        _show_unfollowed(story, look)
        raise
    told = told_by(client, started.arn)
    code = exit_code(told, succeeded=succeeded)
    if as_json:
        screen.document(told.record if told else _record_of(started, succeeded=succeeded))
    else:
        _show_end(screen, told, look, request, succeeded=succeeded)
    return code


def find_state_machine(client: CloudFormationClient, stack: str) -> str:
    """Return the ARN of a stack's reconciliation; raises `NoStackError` if there is none."""
    return find_stack(client, stack).output(OUTPUT, "the reconciliation")


def start(client: SFNClient, state_machine_arn: str, request: RunRequest) -> Started:
    """Start a run."""
    begun = client.start_execution(stateMachineArn=state_machine_arn, input=json.dumps(request.to_document()))
    return Started(begun["executionArn"], begun["startDate"])


def show_run(screen: Screen, client: SFNClient, started: Started) -> bool:
    """Show a run as it happens, and return whether it succeeded."""
    succeeded = False
    with screen.story(started.at) as show:
        for step in follow(client, started.arn, POLL):
            show(step)
            succeeded = bool(step.succeeded)
    return succeeded


def exit_code(told: Told | None, *, succeeded: bool) -> int:
    """Return the exit code that says how a run ended.

    Parameters
    ----------
    told : Told or None
        What it described; None if it described nothing, such as a run that left to another one.
    succeeded : bool
        Whether the execution did.
    """
    if told is None or not succeeded or told.record["outcome"] == RunOutcome.FAILED:
        return FAILED
    return DRIFT if standing(told) else CLEAN


def standing(told: Told) -> int:
    """Return how many findings are left to people; those that the record has no room for count as such."""
    settled = sum(
        finding["done"] in MENDED or finding["kind"] in TOLERATED for finding in told.record["findings"]
    )
    return int(told.record["findings_in_all"]) - settled


def look_command(session: Session, started: Started) -> str:
    """Return the command that shows how a run stands."""
    return f"aws stepfunctions describe-execution --execution-arn {started.arn}{session.options}"


def show_start(screen: Screen, started: Started, request: RunRequest) -> None:
    """Show what was started, and where to see it."""
    screen.act(request.in_words())
    console = Console.of_execution(started.arn)
    screen.line(f"  execution  {started.arn}")
    if console:
        screen.line(f"  to see it  {console.execution(started.arn)}")


def _show_unfollowed(screen: Screen, look: str) -> None:
    screen.line("")
    screen.line("No longer followed. The run goes on by itself. To look at it:", "bold")
    screen.line(f"  {look}")


def _show_end(screen: Screen, told: Told | None, look: str, request: RunRequest, *, succeeded: bool) -> None:
    if told is None:
        _show_untold(screen, look, succeeded=succeeded)
        return
    screen.act(told.subject)
    screen.line(told.text.rstrip())
    screen.line("")
    if not told.sent and told.record["findings_in_all"]:
        screen.line("No message was sent: all of this was told before.")
    outcome, left = told.record["outcome"], standing(told)
    whole = request.scope.kind is ScopeKind.ALL
    what = "Everything" if whole else f"The {request.scope.kind} {request.scope.subject}"
    if not succeeded or outcome == RunOutcome.FAILED:
        screen.verdict("FAILED. Next: what the findings say is to do.", good=False)
    elif left:
        screen.verdict(f"{counted(left, 'finding')} left to you; what is to do stands above.", good=False)
    elif outcome == RunOutcome.RECONCILED:
        screen.verdict(f"{what} is as the baseline declares it again.", good=True)
    elif told.record["findings_in_all"]:
        screen.verdict(f"{what} is as the baseline declares it, but for what may be off now.", good=True)
    else:
        screen.verdict(f"{what} is as the baseline declares it.", good=True)


def _show_untold(screen: Screen, look: str, *, succeeded: bool) -> None:
    if succeeded:
        screen.verdict("This run looked at nothing: another one waits, and will do the same.", good=False)
        screen.line("Next: run it again to see how things are then.")
        return
    screen.verdict("The run failed, and described nothing.", good=False)
    screen.line(f"Next: {look}")


def _record_of(started: Started, *, succeeded: bool) -> dict[str, Any]:
    """Return what a program is told of a run that described nothing."""
    outcome = "left to another run" if succeeded else RunOutcome.FAILED.value
    return {"about": "reconciliation", "outcome": outcome, "execution": started.arn}
