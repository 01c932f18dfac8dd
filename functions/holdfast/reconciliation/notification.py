"""The notification about a reconciliation: one SNS message, in the same forms as an incident's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from holdfast.chat import CHAT, Message, form_of
from holdfast.links import Console
from holdfast.notification import NOT_KNOWN, RECORD_SCHEMA, message_of, spell
from holdfast.outcome import Severity
from holdfast.reconciliation import mail, wording
from holdfast.reconciliation.drift import Author
from holdfast.reconciliation.finding import Finding
from holdfast.reconciliation.report import ReconciliationReport, RunOutcome
from holdfast.timestamps import format_timestamp

SEVERAL = "several"
"""The attribute where there is not one policy, target or type."""

LIMIT = 100_000
"""Bytes that a notification may take in the state machine, where it stands beside the run.

SNS takes 262,144, and so does a state, in which every quotation mark of the message is escaped once more.
Source: "Amazon SNS endpoints and quotas"; Step Functions, "Quotas for Standard workflows".
"""

_FINDINGS = 20
"""Findings of which the record tells more than that they are there."""

_IDS = 10
_TOLD_IN_CHAT = 10
_WORD = 200


def compose(report: ReconciliationReport, *, tell: bool) -> dict[str, Any]:
    """Return what the state machine hands to SNS, and whether it does.

    Parameters
    ----------
    report : ReconciliationReport
        What is told.
    tell : bool
        Whether it is worth a message now.

    Returns
    -------
    dict
        `tell`; `failed`; and `subject`, `message`, `attributes` and `recorded` as
        `holdfast.notification.compose` returns them.
    """
    notification = _compose(report, mail.LINES, _FINDINGS, tell=tell)
    for part in (2, 4, 10):
        if len(json.dumps(notification, ensure_ascii=False).encode()) <= LIMIT:
            break
        notification = _compose(report, mail.LINES // part, _FINDINGS // part, tell=tell)
    return notification


def _compose(report: ReconciliationReport, lines: int, findings: int, *, tell: bool) -> dict[str, Any]:
    record, subject = compose_record(report, findings), mail.subject(report)
    told = {"subject": subject, "text": mail.body(report, lines)}
    return {
        "tell": tell,
        "failed": report.outcome is RunOutcome.FAILED,
        "recorded": True,
        "subject": subject,
        "message": message_of(record, told, form_of(_chat_message(report), spell(record))),
        "attributes": _attributes(report),
    }


def compose_record(report: ReconciliationReport, findings: int = _FINDINGS) -> dict[str, Any]:
    """Return the record for machines: plain JSON, every key always there."""
    console, trigger = Console.of_execution(report.execution_arn), report.trigger
    change = trigger.change if trigger else None
    return {
        "schema": RECORD_SCHEMA,
        "about": "reconciliation",
        "outcome": report.outcome.value,
        "severity": report.severity.value,
        "organization": report.organization,
        "baseline_version": report.baseline_version,
        "trigger": trigger
        and {
            "cause": trigger.cause.value,
            "scope": trigger.scope.key,
            "dry_run": trigger.dry_run,
            "event": change and change.kind.value,
            "event_id": change and change.event_id,
        },
        "restored": {
            name: number for name, number in asdict(report.tally).items() if name not in _NOT_RESTORED
        },
        "failed_attachments": report.tally.failed_attachments,
        "complete": report.complete,
        "findings_in_all": len(report.findings),
        "findings": [_finding(finding) for finding in report.findings[:findings]],
        "reads": report.reads,
        "execution": report.execution_arn,
        "link": console and console.execution(report.execution_arn),
    }


_NOT_RESTORED = {"planned_attachments", "failed_attachments", "in_progress"}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "done": finding.done.value,
        "severity": finding.severity.value,
        "count": finding.count,
        "policies": list(finding.policy_ids[:_IDS]),
        "targets": list(finding.target_ids[:_IDS]),
        "types": [policy_type.value for policy_type in finding.policy_types[:_IDS]],
        "error": finding.failure and finding.failure.error[:_WORD],
        "author": _author(finding.authors[0]) if finding.authors else None,
    }


def _author(author: Author) -> dict[str, Any]:
    return {
        "event": author.event,
        "event_id": author.event_id,
        "at": format_timestamp(author.at),
        "principal": author.principal.arn and author.principal.arn[:_WORD],
    }


def _chat_message(report: ReconciliationReport) -> Message:
    lead = report.findings[0] if report.findings else None
    return Message(
        headline=wording.headline(report).spelled(CHAT),
        urgent=report.severity is Severity.PAGE,
        description="\n".join(_description(report)),
        next_steps=[
            wording.remedy(report).spelled(CHAT),
            *(f"{purpose}: `{command}`" for purpose, command in (lead.commands if lead else ())),
        ],
        keywords=["Holdfast", report.organization, report.outcome.value, *(_kinds(report))],
        thread=_thread(report),
    )


def _description(report: ReconciliationReport) -> Iterator[str]:
    yield f"*Exposed now:* {wording.exposed(report).spelled(CHAT)}"
    if who := wording.done_by(report, CHAT):
        yield f"*Done by:* {who}"
    yield f"*Restored:* {wording.restored_line(report)}"
    yield f"*The run:* began {wording.began(report, CHAT)}"
    for finding in report.findings[:_TOLD_IN_CHAT]:
        yield f"*{finding.kind.capitalize()}:* {finding.title.spelled(CHAT)} ({finding.done})"
    if len(report.findings) > _TOLD_IN_CHAT:
        yield f"*More:* {len(report.findings) - _TOLD_IN_CHAT:,} findings, see the execution"
    console = Console.of_execution(report.execution_arn)
    if console is not None:
        yield f"*Execution:* {console.execution(report.execution_arn)}"


def _kinds(report: ReconciliationReport) -> list[str]:
    return list(dict.fromkeys(finding.kind.value for finding in report.findings))


def _thread(report: ReconciliationReport) -> str:
    """Return the event's id: what is told about one event stands in one thread."""
    if report.trigger and report.trigger.change:
        return report.trigger.change.event_id
    return report.execution_arn.rpartition(":")[2]


def _attributes(report: ReconciliationReport) -> dict[str, str]:
    findings = report.findings
    return {
        "outcome": report.outcome.value,
        "severity": report.severity.value,
        "organization": report.organization,
        "policy_type": _the_one(kind.value for finding in findings for kind in finding.policy_types),
        "policy_id": _the_one(policy_id for finding in findings for policy_id in finding.policy_ids),
        "target_id": _the_one(target_id for finding in findings for target_id in finding.target_ids),
    }


def _the_one(values: Iterable[str]) -> str:
    distinct = set(values)
    if len(distinct) > 1:
        return SEVERAL
    return distinct.pop() if distinct else NOT_KNOWN
