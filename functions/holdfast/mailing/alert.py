"""The alert: a policy was detached, and nothing has been checked yet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from holdfast.baseline import Guardrail
from holdfast.detachment import Detachment, parse_detachment
from holdfast.errors import MalformedEventError
from holdfast.exempting import exempt_commands
from holdfast.mail import MAIL, RAW_EVENT_LIMIT, command_lines, source_line
from holdfast.mailing.desk import Desk
from holdfast.mailing.letter import ALERT, Letter, Mail, mail_of, text_of
from holdfast.notification import NOT_KNOWN
from holdfast.outcome import Severity
from holdfast.quoting import quoted
from holdfast.timestamps import format_timestamp
from holdfast.wording import caller, identity


def alert_letter(event: Mapping[str, Any], desk: Desk) -> Letter:
    """Return the letter that says that a policy was detached, whatever the event is like."""
    try:
        detachment = parse_detachment(event)
    except MalformedEventError as error:
        return _unread(event, error, desk)
    guardrail = desk.baseline.guardrail_for(detachment.attachment) if desk.baseline else None
    ids = f"{detachment.attachment.policy_id} on {detachment.attachment.target_id}"
    when = format_timestamp(detachment.event_time)
    name = f"{quoted(guardrail.name)} " if guardrail else ""
    return Letter(
        outcome=ALERT,
        severity=Severity.NOTICE,
        caller=identity(detachment.principal, MAIL),
        cause="" if guardrail or desk.baseline is None else "not in the baseline",
        line=f"{name}{ids}, {when}, event {detachment.event_id}",
        brief=f"{ids}, {when}, event {detachment.event_id}",
        incident=detachment.call_id,
        awaits=guardrail is not None or desk.baseline is None,
        compose=partial(_write, detachment, guardrail, desk),
    )


def _write(detachment: Detachment, guardrail: Guardrail | None, desk: Desk, now: datetime) -> Mail:
    attachment = detachment.attachment
    policy = quoted(guardrail.name) if guardrail else attachment.policy_id
    claim = f"ALERT: {policy} was detached from {attachment.target_id}"
    lines = [f"{claim}.", "", *_facts(detachment, guardrail, desk)]
    if guardrail:
        lines += ["", *command_lines(exempt_commands(attachment, now, desk.region).items())]
    return mail_of(
        ALERT,
        Severity.NOTICE,
        desk.organization,
        claim,
        text_of(lines),
        policy_type=guardrail.policy_type.value if guardrail else NOT_KNOWN,
        policy_id=attachment.policy_id,
        target_id=attachment.target_id,
    )


def _facts(detachment: Detachment, guardrail: Guardrail | None, desk: Desk) -> Iterator[str]:
    yield f"Who:          {caller(detachment.principal, MAIL)}"
    yield f"When:         {format_timestamp(detachment.event_time)}"
    yield source_line(detachment.source_ip)
    yield f"Event id:     {detachment.event_id}"
    yield f"Policy:       {detachment.attachment.policy_id}"
    yield f"In baseline:  {_in_baseline(guardrail, desk)}"
    yield f"What next:    {_what_next(guardrail, desk)}"
    yield f"Organization: {desk.organization}"


def _in_baseline(guardrail: Guardrail | None, desk: Desk) -> str:
    if desk.baseline is None:
        return "not known: the baseline cannot be read"
    if guardrail is None:
        return "no, by this policy's id"
    return f"yes, as {quoted(guardrail.name)}"


def _what_next(guardrail: Guardrail | None, desk: Desk) -> str:
    if desk.baseline is not None and guardrail is None:
        return "nothing, unless the policy was made again in a guardrail's place: then a second mail comes"
    if desk.remediates:
        return "Holdfast is checking it; a second mail says how it ended"
    return (
        "Holdfast is checking it and changes nothing (alert-only); a second mail says what it would have done"
    )


def _unread(event: Mapping[str, Any], error: MalformedEventError, desk: Desk) -> Letter:
    claim = "ALERT: a detach was reported by an event that could not be read"

    def compose(_now: datetime) -> Mail:
        raw = json.dumps(event, ensure_ascii=False)
        lines = (
            f"{claim}.",
            "",
            f"Problem:      {quoted(error, limit=300)}",
            "What next:    a second mail tells it as a failure; until then treat the guardrail as detached",
            f"Organization: {desk.organization}",
            "",
            f"The event, cut: {quoted(raw, limit=RAW_EVENT_LIMIT)}",
        )
        return mail_of(ALERT, Severity.NOTICE, desk.organization, claim, text_of(lines))

    words = f"an event that could not be read: {quoted(error)}"
    return Letter(ALERT, Severity.NOTICE, "somebody", "could not be read", words, words, compose=compose)
