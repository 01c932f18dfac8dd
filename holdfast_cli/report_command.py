"""`holdfast report`: the evidence of a month, for auditors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.baseline import Baseline
from holdfast.detachment import DETACH_POLICY, Detachment, detachment_of
from holdfast.errors import MalformedEventError
from holdfast.reconciliation.history import KEPT, LAG
from holdfast.reconciliation.sentence import counted
from holdfast_cli.event_history import event_history
from holdfast_cli.evidence import Ending, Month, compare, lapses_in
from holdfast_cli.history_command import find_ledger, look_into_ledger, span
from holdfast_cli.report import Report
from holdfast_cli.report_page import render
from holdfast_cli.session import answered_at

if TYPE_CHECKING:
    from holdfast.reconciliation.history import History
    from holdfast_cli.screen import Screen
    from holdfast_cli.session import Session

COMPLETE, NOT_COMPLETE = 0, 1
"""The command's exit codes: drift has one of its own, and a gap is a failure."""

_PAGES = 10_000
"""Of 50 events: half a million detaches in a month."""


def run_report(  # noqa: PLR0913 - what the command line says
    screen: Screen,
    session: Session,
    stack: str,
    baseline: Baseline,
    month: Month,
    *,
    page: Path | None = None,
) -> int:
    """Make the report of a month, print what it says in short, and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print.
    session : Session
        Which AWS, as whom.
    stack : str
        The stack's name.
    baseline : Baseline
        What is guarded, with the new ids of policies that were made again.
    month : Month
        Which month.
    page : Path or None
        Where the page is written; None for none.

    Raises
    ------
    NoStackError
        If there is no such stack, or it has no ledger.
    ServiceBusyError, ServiceRefusedError
        If CloudTrail's event history cannot be read.
    """
    caller = session.client("sts").get_caller_identity()
    now, since, until = answered_at(caller), month.since, month.until
    ledger = look_into_ledger(screen, session, stack, since)
    with screen.counter("Reading CloudTrail's event history") as counter:
        window = _window(month, now)
        history = event_history(session, caller["Arn"].split(":")[1])
        detachments = tuple(_detachments(history, *window, counter.add)) if window else ()
    report = Report(
        organization=baseline.organization,
        since=since,
        until=until,
        made_at=now,
        reader=caller["Arn"],
        ledger=find_ledger(session, stack),
        baseline_version=baseline.version,
        lapses=lapses_in(entry for entry in ledger.entries if since <= entry.since < until),
        runs=ledger.runs,
        unread=ledger.unread,
        completeness=compare(detachments, ledger.entries, baseline, *window) if window else None,
    )
    _show(screen, report)
    if page is not None:
        page.write_text(render(report), encoding="utf-8")
        screen.line(f"Written: {page}")
    return NOT_COMPLETE if report.has_gaps else COMPLETE


def _window(month: Month, now: datetime) -> tuple[datetime, datetime] | None:
    """Return the part of a month that CloudTrail's history has; None if it has nothing of it."""
    since, until = max(month.since, now - KEPT + _MARGIN), min(month.until, now - LAG)
    return (since, until) if since < until else None


_MARGIN = timedelta(hours=1)
"""The oldest events disappear while they are read."""


def _detachments(
    history: History, since: datetime, until: datetime, count: Callable[[int], None]
) -> Iterator[Detachment]:
    for record in history.records(DETACH_POLICY, since, until, _PAGES):
        count(1)
        with suppress(MalformedEventError):
            detachment = detachment_of(record)
            if since <= detachment.event_time < until:
                yield detachment


def _show(screen: Screen, report: Report) -> None:
    figures = report.figures
    screen.act(f"Guardrail evidence of {report.organization}, {report.month}")
    screen.line(f"  {'lapses':26} {figures.lapses:,}")
    for ending in Ending:
        screen.line(f"  {ending:26} {figures.endings[ending]:,}")
    for name, exposure in {"median exposure": figures.middle, "longest": figures.longest}.items():
        screen.line(f"  {name:26} {span(exposure)}")
    screen.line(f"  {'read by':26} {report.reader}")
    if report.unread:
        unread = counted(report.unread, "item")
        screen.line(f"  {unread} of the ledger could not be read as incidents", "yellow")
    if report.completeness is None:
        screen.line(report.verdict, "yellow")
        return
    screen.verdict(report.verdict, good=not report.has_gaps)
    if report.has_gaps:
        screen.line("Next: holdfast reconcile, and find out in Step Functions what became of these events:")
    for gap in report.completeness.gaps:
        attachment = f"{gap.attachment.policy_id} from {gap.attachment.target_id}"
        screen.line(f"  {gap.event_time:%Y-%m-%d %H:%M:%S}  {attachment}, event {gap.event_id}", "red")
