"""Whether a run is worth a message now: a finding that stands is not told again every ten minutes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from holdfast.outcome import Severity
from holdfast.reconciliation.fates import Done
from holdfast.reconciliation.finding import Finding, Kind
from holdfast.reconciliation.report import ReconciliationReport
from holdfast.reconciliation.trigger import Cause, Route, ScopeKind
from holdfast.timestamps import format_timestamp, parse_timestamp
from holdfast.verdict import AHEAD_AT_MOST

ITEM = "told"
"""The name under which it is remembered what was told."""

REPEAT = {Severity.PAGE: timedelta(hours=1), Severity.NOTICE: timedelta(hours=24)}
"""After which time a finding that stands is told again."""

_KEYS = 1_000
"""Findings that are remembered, the newest; DynamoDB takes items of 400 KB."""

# What a run of the whole baseline sees whenever it is there: not seen means put right.
_ALWAYS_SEEN = {
    Kind.TYPE_DISABLED,
    Kind.POLICY_DELETED,
    Kind.NAME_TAKEN,
    Kind.PLACE_TAKEN,
    Kind.TEXT_CHANGED,
    Kind.MISSING,
    Kind.MOVED,
    Kind.RENAMED,
    Kind.WIRING,
    Kind.EXEMPTIONS_UNREAD,
    Kind.BROKEN_EXEMPTION,
    Kind.EXEMPT,
}


def is_worth_telling(report: ReconciliationReport, told: Mapping[str, Any], now: datetime) -> bool:
    """Return whether a run has restored anything, found anything new, or anything that is due again.

    What somebody asked for by hand is told whenever there is anything to tell.

    Parameters
    ----------
    report : ReconciliationReport
        What could be told.
    told : mapping
        By a finding's key when it was told last, and by which execution.
    now : datetime
        The time.
    """
    if not report.tally.is_empty:
        return True
    if report.findings and report.trigger and report.trigger.cause is Cause.REQUEST:
        return True
    return any(_is_due(finding, told, report.execution_arn, now) for finding in report.findings)


def _is_due(finding: Finding, told: Mapping[str, Any], execution: str, now: datetime) -> bool:
    last = told.get(finding.key)
    if finding.done is Done.RESTORED or not isinstance(last, Mapping):
        return True
    # This very execution has decided to tell it, but whether it came to that nobody knows: it is asked again.
    if last.get("by") == execution:
        return True
    at = _time(last, now)
    return at is None or now - at >= REPEAT[finding.severity]


def after_telling(
    report: ReconciliationReport, told: Mapping[str, Any], now: datetime, *, tell: bool
) -> dict[str, Any]:
    """Return what is to be remembered: all that is told now, without what has been put right or is long ago.

    Parameters
    ----------
    report : ReconciliationReport
        What is told, or could have been.
    told : mapping
        What was remembered.
    now : datetime
        The time.
    tell : bool
        Whether the report is told now.
    """
    seen = {finding.key for finding in report.findings}
    kept = {key: last for key, last in told.items() if _is_to_be_kept(key, last, seen, report, now)}
    if tell:
        entry = {"at": format_timestamp(now), "by": report.execution_arn}
        kept |= dict.fromkeys(seen, entry)
    newest_first = sorted(kept.items(), key=lambda item: str(item[1]["at"]), reverse=True)
    return dict(newest_first[:_KEYS])


def _is_to_be_kept(
    key: str, last: object, seen: set[str], report: ReconciliationReport, now: datetime
) -> bool:
    at = _time(last, now) if isinstance(last, Mapping) else None
    if at is None or now - at >= max(REPEAT.values()):
        return False
    return key in seen or not (_saw_everything(report) and key.partition("/")[0] in _ALWAYS_SEEN)


def _saw_everything(report: ReconciliationReport) -> bool:
    trigger = report.trigger
    whole = trigger is not None and trigger.scope.kind is ScopeKind.ALL and trigger.route is Route.RECONCILE
    failed = any(finding.kind is Kind.TASK_FAILED for finding in report.findings)
    return whole and report.complete and not failed


def _time(last: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return when something was told; None if that is no time, or one to come, which would mute for good."""
    try:
        at = parse_timestamp(str(last.get("at", "")))
    except (ValueError, OverflowError):
        return None
    return at if at - now <= AHEAD_AT_MOST else None
