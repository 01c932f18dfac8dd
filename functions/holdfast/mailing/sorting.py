"""What lies in the queue: each message is a letter, or the sign to look again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from holdfast.errors import MalformedEventError
from holdfast.mail import RAW_EVENT_LIMIT
from holdfast.mailing.alert import alert_letter
from holdfast.mailing.desk import Desk
from holdfast.mailing.exemption_change import exemption_letter
from holdfast.mailing.letter import Letter, Mail, mail_of, text_of
from holdfast.mailing.told_outcome import outcome_letter
from holdfast.mailing.untold_end import untold_letter
from holdfast.outcome import Severity
from holdfast.quoting import quoted
from holdfast.record import mapping_of

LOOK_AGAIN = '{"holdfast":"look again"}'
"""The message that a function sends to its own queue: a storm has to be looked after without news too."""

UNREADABLE = "unreadable"
"""The outcome that subscribers filter."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the queue.

    Parameters
    ----------
    message_id : str
        Its id, the same at every receipt.
    receipt : str
        What deletes it.
    body : str
        What it says.
    """

    message_id: str
    receipt: str
    body: str


def letter_of(message: Message, desk: Desk) -> Letter | None:
    """Return what a message tells, whatever it is like; None for the sign to look again."""
    if message.body == LOOK_AGAIN:
        return None
    return replace(_read(message.body, desk), message_id=message.message_id)


def _read(body: str, desk: Desk) -> Letter:
    try:
        said = json.loads(body)
        return _sorted(mapping_of(said, "message"), desk)
    except (ValueError, RecursionError, MalformedEventError) as error:
        return _unreadable(body, str(error), desk)


def _sorted(said: Mapping[str, Any], desk: Desk) -> Letter:
    if "Message" in said and "TopicArn" in said:
        return outcome_letter(said)
    match said.get("source"):
        case "aws.organizations":
            return alert_letter(said, desk)
        case "aws.ssm":
            return exemption_letter(said, desk)
        case "aws.states":
            return untold_letter(said, desk)
    raise MalformedEventError("source: this is no message that the mail knows")


def _unreadable(body: str, problem: str, desk: Desk) -> Letter:
    claim = "UNREADABLE: something was to be told, and nobody can say what"

    def compose(_now: datetime) -> Mail:
        lines = (
            f"{claim}.",
            "",
            f"Problem:      {quoted(problem, limit=300)}",
            "To do:        Find out who else sends to the queue, and look at the newest executions.",
            f"Organization: {desk.organization}",
            "",
            f"The message, cut: {quoted(body, limit=RAW_EVENT_LIMIT)}",
        )
        return mail_of(UNREADABLE, Severity.PAGE, desk.organization, claim, text_of(lines))

    line = f"a message: {quoted(body)}"
    return Letter(UNREADABLE, Severity.PAGE, "somebody", quoted(problem), line, line, compose=compose)
