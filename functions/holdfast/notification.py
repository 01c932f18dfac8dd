"""The notification: one SNS message that people, chat and machines read each in their form."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from holdfast import chat, mail, wording
from holdfast.fight import Round
from holdfast.ledger import items_of
from holdfast.links import Console
from holdfast.report import Report
from holdfast.timestamps import format_timestamp

RECORD_SCHEMA = 1
NOT_KNOWN = "unknown"


def compose(report: Report, names_kept: timedelta) -> dict[str, Any]:
    """Return what the state machine hands to the ledger and to SNS.

    Parameters
    ----------
    report : Report
        What is told.
    names_kept : timedelta
        How long the ledger keeps names and addresses.

    Returns
    -------
    dict
        `subject`; `message`, a JSON text with a form for each protocol (SNS `MessageStructure: json`): mail
        gets the text, `https` the chat form, everything else the record; `attributes`, none of them empty;
        `failed`, for the state machine's choice; `ledger`, the items `incident` and `names`.
    """
    record = compose_record(report)
    spelled = spell(record)
    thread = report.detachment.event_id if report.detachment else report.execution_arn.rpartition(":")[2]
    return {
        "failed": record["outcome"] == "failed",
        "subject": mail.subject(report),
        "message": message_of(mail.body(report), spelled, chat.custom_notification(report, spelled, thread)),
        "attributes": _attributes(report),
        "ledger": items_of(report, names_kept),
    }


def message_of(text: str, record: str, chat_form: dict[str, Any]) -> str:
    """Return a message with a form for each protocol (SNS `MessageStructure: json`).

    Parameters
    ----------
    text : str
        The mail.
    record : str
        The record for machines, spelled.
    chat_form : dict
        What `https` gets: the form that Amazon Q Developer shows.
    """
    machines = dict.fromkeys(("default", "email-json", "sqs", "lambda"), record)
    return spell({**machines, "email": text, "https": spell(chat_form)})


def compose_record(report: Report) -> dict[str, Any]:
    """Return the record for machines: plain JSON, every key always there."""
    detachment, console = report.detachment, Console.of_execution(report.execution_arn)
    exposure = report.conclusion.exposure
    return {
        "schema": RECORD_SCHEMA,
        "outcome": report.conclusion.outcome.value,
        "severity": report.conclusion.severity.value,
        "organization": report.organization,
        "baseline_version": report.baseline_version,
        "policy": {
            "id": detachment and detachment.attachment.policy_id,
            "name": report.policy_name,
            "now_named": report.live_name,
            "type": report.policy_type,
            "text": report.text.value,
        },
        "target": {
            "id": detachment and detachment.attachment.target_id,
            "kind": detachment and detachment.attachment.kind.value,
            "name": report.surroundings.name,
            "path": report.surroundings.path,
            "accounts": report.surroundings.accounts,
        },
        "principal": detachment and asdict(detachment.principal),
        "source_ip": detachment and detachment.source_ip,
        "user_agent": detachment and detachment.user_agent,
        "event_id": detachment and detachment.event_id,
        "detached_at": detachment and format_timestamp(detachment.event_time),
        "confirmed_at": report.confirmed_at and format_timestamp(report.confirmed_at),
        "exposure_seconds": None if exposure is None else int(exposure.total_seconds()),
        "failure": report.failure and asdict(report.failure),
        "verdict": report.reason,
        "exemption": report.leave.to_document(),
        "contested": report.fight is not None,
        "rounds": [_round(one) for one in wording.newest_rounds(report)],
        "recorded": True,
        "slots_held_by": [holder.policy.policy_id for holder in report.holders],
        "execution": report.execution_arn,
        "link": console and console.execution(report.execution_arn),
    }


def _round(one: Round) -> dict[str, Any]:
    return {
        "detached_at": format_timestamp(one.at),
        "event_id": one.call_id,
        "principal": one.principal and one.principal.arn,
        "outcome": one.outcome,
    }


def _attributes(report: Report) -> dict[str, str]:
    attachment = report.detachment.attachment if report.detachment else None
    return {
        "outcome": report.conclusion.outcome.value,
        "severity": report.conclusion.severity.value,
        "organization": report.organization,
        "policy_type": report.policy_type.value if report.policy_type else NOT_KNOWN,
        "policy_id": attachment.policy_id if attachment else NOT_KNOWN,
        "target_id": attachment.target_id if attachment else NOT_KNOWN,
    }


def spell(value: Any) -> str:
    """Return a value as JSON that can be sent."""
    # Half a character (a lone surrogate) cannot be sent: errors="replace" is for those in errors' messages.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace").decode()
