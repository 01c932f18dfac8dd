"""An execution that ended without telling anybody, which no Catch can see, or without its event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from holdfast.fields import mapping_in, text_in
from holdfast.links import Console
from holdfast.mailing.desk import Desk
from holdfast.mailing.letter import Letter, Mail, Mailbox, mail_of, text_of
from holdfast.notification import NOT_KNOWN
from holdfast.outcome import Severity
from holdfast.quoting import quoted

UNTOLD = "ended untold"
"""The outcome that subscribers filter."""

REMEDY = "Treat the guardrail as detached until you have looked."

UNPUBLISHED = "PublicationFailed"
"""The error of an execution that has told people and topics, but could not put its event on the event bus."""

_UNPUBLISHED = "people and topics were told of an incident, but its event could not be published"
_REMEDY_OF_UNPUBLISHED = (
    "Look at the execution for the error. What your rules do at Holdfast's events was not done."
)


def untold_letter(event: Mapping[str, Any], desk: Desk) -> Letter:
    """Return the letter that says that an execution ended untold, whatever the event is like."""
    detail = mapping_in(event, "detail")
    status, execution = text_in(detail, "status") or NOT_KNOWN, text_in(detail, "executionArn") or NOT_KNOWN
    console = Console.of_execution(execution)
    link = console.execution(execution) if console else None
    # An ARN that a link can be built from is made of harmless characters.
    name = execution if link else quoted(execution)
    return Letter(
        outcome=UNTOLD,
        severity=Severity.PAGE,
        caller="Holdfast itself",
        cause=quoted(status),
        line=f"execution {name}",
        brief=f"execution {name}",
        compose=partial(_write, _claim(status, text_in(detail, "error")), name, link, desk),
        mailbox=Mailbox.ALARMS,
    )


def _claim(status: str, error: str | None) -> tuple[str, str, str]:
    """Return what the subject says, what the mail says, and what to do."""
    if error == UNPUBLISHED:
        return "ALARM: an event was not published", f"ALARM: {_UNPUBLISHED}", _REMEDY_OF_UNPUBLISHED
    return (
        f"ALARM: an execution ended untold: {quoted(status)}",
        f"ALARM: an execution of Holdfast ended without telling anybody how: {quoted(status)}",
        REMEDY,
    )


def _write(
    claims: tuple[str, str, str], execution: str, link: str | None, desk: Desk, _now: datetime
) -> Mail:
    short, claim, remedy = claims
    lines = (
        f"{claim}.",
        remedy,
        f"Execution: {execution}",
        *([f"Look here: {link}"] if link else []),
    )
    return mail_of(UNTOLD, Severity.PAGE, desk.organization, short, text_of(lines))
