"""`holdfast doctor`: make every check of a deployment, and say what to do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError

from holdfast.errors import ServiceError
from holdfast.reconciliation.sentence import counted
from holdfast_cli.check import DENIED, Check, Status, Verdict
from holdfast_cli.deployed_stack import no_such_stack
from holdfast_cli.doctor import checks_of
from holdfast_cli.live_deployment import LiveDeployment

if TYPE_CHECKING:
    from holdfast_cli.screen import Screen
    from holdfast_cli.session import Session

FINE, FAILED = 0, 1
"""The command's exit codes; a warning is fine."""

TOLD = tuple[Check, Verdict]

_STYLES = {Status.OK: "green", Status.WARNING: "yellow", Status.FAILED: "red"}


def run_doctor(  # noqa: PLR0913 - what the command line says
    screen: Screen,
    progress: Screen,
    session: Session,
    stack: str,
    folder: Path,
    *,
    as_json: bool = False,
) -> int:
    """Make every check, tell each as it ends, and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print the result.
    progress : Screen
        Where to print each check as it ends.
    session : Session
        Which AWS, as whom.
    stack : str
        The stack's name or ARN.
    folder : Path
        The baseline's folder.
    as_json : bool
        Whether a program reads the result.

    Raises
    ------
    NoStackError
        If there is no such stack.
    ServiceError, BotoCoreError
        If AWS cannot be asked at all.
    """
    live = LiveDeployment(session, stack, folder)
    _find(live)
    checks = checks_of(live, lambda targets: progress.track(targets, "Counting the slots"))
    width = max(len(check.name) for check in checks)
    told = list[TOLD]()
    for check in checks:
        verdict = check.verdict()
        told.append((check, verdict))
        _show(progress, check, verdict, width)
    if as_json:
        screen.document(_as_document(live, told))
    else:
        _show_end(screen, told)
    return FAILED if any(verdict.status is Status.FAILED for _, verdict in told) else FINE


def _find(live: LiveDeployment) -> None:
    """Make sure that there is something to check; who may not read the stack is told so by each check."""
    try:
        _ = live.stack
    except ServiceError as error:
        if isinstance(error.__cause__, BotoCoreError):
            # No credentials, no endpoint: the SDK's own error is the one that says what to do.
            raise error.__cause__ from error
        # A stack that is not there. Source: CloudFormation API reference, DescribeStacks.
        if error.code == "ValidationError":
            raise no_such_stack(live.stack_name, live.region) from error
        if error.code not in DENIED:
            raise


def _show(screen: Screen, check: Check, verdict: Verdict, width: int) -> None:
    screen.line(f"{verdict.status.value:7}  {check.name:{width}}  {verdict.found}", _STYLES[verdict.status])
    if verdict.following:
        screen.line(f"{'':7}  {'':{width}}  Next: {verdict.following}")


def _show_end(screen: Screen, told: list[TOLD]) -> None:
    number = Counter(verdict.status for _, verdict in told)
    failures, warnings = number[Status.FAILED], number[Status.WARNING]
    screen.line("")
    counts = f"{number[Status.OK]} ok, {counted(warnings, 'warning')}, {failures} failed."
    if failures:
        names = ", ".join(check.name for check, verdict in told if verdict.status is Status.FAILED)
        screen.verdict(
            f"{counts} Next: mend what failed ({names}), and run holdfast doctor again.", good=False
        )
    elif warnings:
        screen.verdict(
            f"{counts} Next: read the warnings; holdfast diff shows what is not attached.", good=True
        )
    else:
        screen.verdict(f"{counts} Next: holdfast diff shows what is not attached.", good=True)


def _as_document(live: LiveDeployment, told: list[TOLD]) -> dict[str, Any]:
    number = Counter(verdict.status for _, verdict in told)
    return {
        "stack": live.stack_name,
        "region": live.region,
        **{status.value: number[status] for status in Status},
        "checks": [
            {
                "name": check.name,
                "status": verdict.status.value,
                "found": verdict.found,
                "next": verdict.following or None,
            }
            for check, verdict in told
        ],
    }
