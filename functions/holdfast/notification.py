"""The notification: one SNS message that people, chat and machines read each in their form.

People's mail travels in the record, and `holdfast.mailing` decides when it goes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from holdfast import chat, mail
from holdfast.links import Console
from holdfast.report import Report
from holdfast.timestamps import format_timestamp

RECORD_SCHEMA = 1
NOT_KNOWN = "unknown"


def compose(report: Report) -> dict[str, Any]:
    """Return what the state machine hands to SNS.

    Parameters
    ----------
    report : Report
        What is told.

    Returns
    -------
    dict
        `subject`; `message`, as `message_of` returns it; `attributes`, none of them empty; `failed`, for the
        state machine's choice.
    """
    record, subject = compose_record(report), mail.subject(report)
    thread = report.detachment.event_id if report.detachment else report.execution_arn.rpartition(":")[2]
    chat_form = chat.custom_notification(report, spell(record), thread)
    return {
        "failed": record["outcome"] == "failed",
        "subject": subject,
        "message": message_of(record, {"subject": subject, "text": mail.body(report)}, chat_form),
        "attributes": _attributes(report),
    }


def message_of(record: Mapping[str, Any], told: Mapping[str, str], chat_form: Mapping[str, Any]) -> str:
    """Return a message with a form for each protocol (SNS `MessageStructure: json`).

    Parameters
    ----------
    record : mapping
        The record for machines: every protocol gets it that no form is named for, with the mail in it.
    told : mapping
        The mail's `subject` and `text`; an address that is subscribed to the topic itself gets the text.
    chat_form : mapping
        What `https` gets: the form that Amazon Q Developer shows.
    """
    whole = spell({**record, "mail": told})
    return spell({"default": whole, "email": told["text"], "https": spell(chat_form)})


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
        "slots_held_by": [holder.policy.policy_id for holder in report.holders],
        "execution": report.execution_arn,
        "link": console and console.execution(report.execution_arn),
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
