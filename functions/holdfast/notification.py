"""The notification: one SNS message that people, chat and machines read each in their form.

People's mail travels in the record, and `holdfast.mailing` decides when it goes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from holdfast import chat, mail, wording
from holdfast.fight import Round
from holdfast.incident import MESSAGE_LIMIT, Failure
from holdfast.ledger import items_of
from holdfast.links import Console
from holdfast.quoting import quoted
from holdfast.record import shortened
from holdfast.report import Report
from holdfast.timestamps import format_timestamp

RECORD_SCHEMA = 1
NOT_KNOWN = "unknown"

ARN_LIMIT = 200
"""Characters of an ARN that a round keeps: its owner chooses 512 of them, and each round repeats it."""


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
        `subject`; `message`, as `message_of` returns it; `attributes`, none of them empty; `failed`, for the
        state machine's choice; `ledger`, the items `incident` and `names`; `recorded`, which is false after
        `left_unrecorded`.
    """
    record, subject = compose_record(report), mail.subject(report)
    told = {"subject": subject, "text": mail.body(report)}
    thread = report.detachment.event_id if report.detachment else report.execution_arn.rpartition(":")[2]
    beside = {**record, "rounds": record["rounds"][-chat.ROUNDS :]}
    chat_form = chat.custom_notification(report, spell(beside), thread)
    return {
        "failed": record["outcome"] == "failed",
        "recorded": True,
        "subject": subject,
        "message": message_of(record, told, chat_form, muted=report.is_muted),
        "attributes": _attributes(report),
        "ledger": items_of(report, names_kept),
    }


def message_of(
    record: Mapping[str, Any], told: Mapping[str, str], chat_form: Mapping[str, Any], *, muted: bool = False
) -> str:
    """Return a message with a form for each protocol (SNS `MessageStructure: json`).

    Parameters
    ----------
    record : mapping
        The record for machines: every protocol gets it that no form is named for, with the mail in it.
    told : mapping
        The mail's `subject` and `text`; an address that is subscribed to the topic itself gets the text.
    chat_form : mapping
        What `https` gets: the form that Amazon Q Developer shows.
    muted : bool
        Whether people are spared the mail.
    """
    whole = spell({**record, "mail": None if muted else told})
    return spell({"default": whole, "email": told["text"], "https": spell(chat_form)})


def left_unrecorded(notification: Mapping[str, Any], failure: Failure) -> dict[str, Any]:
    """Return a notification that also says that the ledger has no record of what it tells.

    Parameters
    ----------
    notification : mapping
        What `compose` returned, of either path.
    failure : Failure
        Why the ledger did not take it.
    """
    forms = json.loads(notification["message"])
    record, chat_form = json.loads(forms["default"]), json.loads(forms["https"])
    why = f"{quoted(failure.error)}: {quoted(failure.message, limit=MESSAGE_LIMIT)}"
    line = f"Ledger:       NO RECORD of this could be written, so keep this mail: {why}"
    told = record.pop("mail") or {"subject": notification["subject"], "text": forms["email"]}
    chat_form["content"]["description"] += "\n*Ledger:* no record of this could be written"
    return {
        **notification,
        "recorded": False,
        "message": message_of(
            {**record, "recorded": False}, {**told, "text": f"{told['text']}\n{line}\n"}, chat_form
        ),
    }


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
        "call_id": detachment and detachment.call_id,
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
        "principal": one.principal and one.principal.arn and shortened(one.principal.arn, ARN_LIMIT),
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
