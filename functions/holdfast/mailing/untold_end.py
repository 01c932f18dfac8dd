"""An execution that ended without telling anybody: what no Catch can see."""

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


def untold_letter(event: Mapping[str, Any], desk: Desk) -> Letter:
    """Return the letter that says that an execution ended without telling how, whatever the event is like."""
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
        compose=partial(_write, status, name, link, desk),
        mailbox=Mailbox.ALARMS,
    )


def _write(status: str, execution: str, link: str | None, desk: Desk, _now: datetime) -> Mail:
    claim = f"ALARM: an execution of Holdfast ended without telling anybody how: {quoted(status)}"
    lines = (
        f"{claim}.",
        REMEDY,
        f"Execution: {execution}",
        *([f"Look here: {link}"] if link else []),
    )
    short = f"ALARM: an execution ended untold: {quoted(status)}"
    return mail_of(UNTOLD, Severity.PAGE, desk.organization, short, text_of(lines))
