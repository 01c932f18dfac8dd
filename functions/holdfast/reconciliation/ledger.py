"""The ledger's items about a reconciliation: the run, and what was off, each under its attachment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from holdfast.code_version import code_version
from holdfast.fight import key_of
from holdfast.ledger import NAMES, SCHEMA, Item, as_item
from holdfast.reconciliation.drift import Author
from holdfast.reconciliation.fates import Done
from holdfast.reconciliation.finding import Finding, Kind, digest
from holdfast.reconciliation.report import ReconciliationReport
from holdfast.timestamps import format_timestamp

ATTACHMENTS = 60
"""Attachments that have items of their own: with the names they are one transaction, and forty kilobytes.

A transaction takes a hundred items, and a state 256 KB, of which the notification needs a hundred. Source:
DynamoDB API reference, TransactWriteItems.
"""

NAMED = 600
"""Attachments that the run's own item names."""

_OFF = {Kind.MISSING, Kind.EXEMPT, Kind.SANCTIONED}


def items_of(
    report: ReconciliationReport, table: str, now: datetime, names_kept: timedelta
) -> dict[str, Any]:
    """Return what the state machine writes about a run.

    Parameters
    ----------
    report : ReconciliationReport
        What is told.
    table : str
        The ledger's name, which each write of a transaction repeats.
    now : datetime
        When it is told.
    names_kept : timedelta
        How long names are kept.

    Returns
    -------
    dict
        `incident`, the run's item; `beside`, the writes of one transaction: the names, which expire, and the
        attachments that were off, as many as it takes.
    """
    key, off = _key(report, now), dict(_off(report, now))
    expires = int((now + names_kept).timestamp())
    names = {**key, "incident": f"{key['incident']}{NAMES}", "expires": expires, "authors": _authors(report)}
    items = [as_item(names), *list(off.values())[:ATTACHMENTS]]
    attachments = list(dict.fromkeys(attachment for attachment, _ in off))
    return {
        "incident": as_item({**key, **_facts(report, now), "attachments_in_all": len(attachments)})
        | ({"attachments": {"SS": attachments[:NAMED]}} if attachments else {}),
        "beside": [{"Put": {"TableName": table, "Item": item}} for item in items],
    }


def _key(report: ReconciliationReport, now: datetime) -> dict[str, str]:
    """Return the run's key; two runs about one event that find the same and end alike have the same."""
    trigger, change = report.trigger, report.trigger.change if report.trigger else None
    at, identifier = (
        (change.event_time, change.event_id) if change else (now, report.execution_arn.rpartition(":")[2])
    )
    found = digest(finding.key for finding in report.findings)
    return {
        "attachment": f"reconciliation/{trigger.scope.key if trigger else 'unknown'}",
        "incident": f"{format_timestamp(at)}/{identifier or 'by hand'}/{report.outcome}/{found}",
    }


def _facts(report: ReconciliationReport, now: datetime) -> dict[str, Any]:
    trigger, tally = report.trigger, report.tally
    return {
        "schema": SCHEMA,
        "about": "reconciliation",
        "outcome": report.outcome,
        "severity": report.severity,
        "cause": trigger and trigger.cause,
        "event": trigger and trigger.change and trigger.change.kind,
        "event_id": trigger and trigger.change and trigger.change.event_id,
        "execution": report.execution_arn,
        "recorded_at": now,
        "organization": report.organization,
        "baseline_version": report.baseline_version,
        "code_version": code_version(),
        "findings": len(report.findings),
        "types_restored": tally.types,
        "policies_recreated": tally.recreated,
        "texts_rewritten": tally.rewritten,
        "attachments_restored": tally.attachments,
        "attachments_failed": tally.failed_attachments,
    }


def _off(report: ReconciliationReport, now: datetime) -> Iterator[tuple[tuple[str, str], Item]]:
    """Yield the attachments that were off, with their items, each key once."""
    for finding in report.findings:
        if finding.kind in _OFF and len(finding.policy_ids) == 1:
            for target_id in finding.target_ids:
                attachment = f"{finding.policy_ids[0]}/{target_id}"
                item = _item_of(report, finding, attachment, now)
                yield (attachment, item["incident"]["S"]), item


def _item_of(report: ReconciliationReport, finding: Finding, attachment: str, now: datetime) -> Item:
    author = next((one for one in finding.authors if one.subject == attachment), None)
    outcome = f"reconciliation, {finding.done}"
    at, identifier = _when(author, report, now)
    policy_id, _, target_id = attachment.partition("/")
    return as_item(
        {
            "attachment": attachment,
            "incident": f"{format_timestamp(at)}/{identifier}/{outcome}",
            "schema": SCHEMA,
            "about": "drift",
            "outcome": outcome,
            "verdict": finding.kind,
            "severity": finding.severity,
            "exposure_seconds": _exposure(author, finding, now),
            "execution": report.execution_arn,
            "recorded_at": now,
            "detached_at": author and author.at,
            "call_id": author and author.event_id,
            "event_id": author and author.event_id,
            "principal_id": author and key_of(author.principal),
            "principal_kind": author and author.principal.kind,
            "account_id": author and author.principal.account_id,
            "policy_id": policy_id,
            "target_id": target_id,
            "organization": report.organization,
            "baseline_version": report.baseline_version,
            "code_version": code_version(),
            "error": finding.failure and finding.failure.error,
        }
    )


def _when(author: Author | None, report: ReconciliationReport, now: datetime) -> tuple[datetime, str]:
    if author is not None:
        return author.at, author.event_id
    return now, report.execution_arn.rpartition(":")[2] or "by hand"


def _exposure(author: Author | None, finding: Finding, now: datetime) -> int | None:
    """Return how long the attachment was off at most, by our own clock; None if nobody knows since when."""
    if author is None or finding.done is not Done.RESTORED:
        return None
    return max(int((now - author.at).total_seconds()), 0)


def _authors(report: ReconciliationReport) -> str:
    """Return who did what, one a line: the event's id, and the identity's ARN and session."""
    authors = {author.event_id: author for finding in report.findings for author in finding.authors}
    words = (
        (event_id, author.principal.arn or author.principal.name, author.principal.session_name)
        for event_id, author in authors.items()
    )
    return "\n".join(" ".join(word or "-" for word in line) for line in words)
