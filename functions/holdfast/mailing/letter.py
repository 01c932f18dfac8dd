"""A letter: one thing to tell people, as a mail of its own or as a line of a digest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from holdfast.attachment import ACCOUNT_ID, ORGANIZATIONAL_UNIT_ID, POLICY_ID, ROOT_ID
from holdfast.mail import sendable_subject, subject_line
from holdfast.notification import NOT_KNOWN
from holdfast.outcome import Outcome, Severity
from holdfast.quoting import quoted

ALERT = "alert"
"""The outcome of what has none yet."""

FAILED = Outcome.FAILED.value

TEXT_LIMIT = 240_000
"""Bytes of a mail's text; SNS takes 262,144 with the attributes. Source: "SNS endpoints and quotas"."""

_ID = re.compile(
    "|".join(pattern.pattern for pattern in (POLICY_ID, ROOT_ID, ORGANIZATIONAL_UNIT_ID, ACCOUNT_ID))
)
# Source: SNS developer guide, "Amazon SNS message attributes".
_ATTRIBUTE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,255}")


class Mailbox(StrEnum):
    """Whose mail it is; each has a topic and a budget of its own."""

    PEOPLE = "people"
    ALARMS = "alarms"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that SNS accepts; `sendable` makes one.

    Parameters
    ----------
    subject : str
        Its subject.
    text : str
        Its text.
    attributes : mapping of str to str
        What filter policies read, none of them empty.
    """

    subject: str
    text: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing to tell.

    Parameters
    ----------
    outcome : str
        What it is counted as.
    severity : Severity
        Whether somebody must get up.
    caller : str
        Who caused it, in our words.
    cause : str
        Why it ended so, in our words; empty where the outcome says it.
    line : str
        Which incident it is, in one line.
    brief : str
        The same without names that others chose.
    incident : str or None
        The call's id, which its alerts and their outcome share.
    awaits : bool
        Whether it is an alert whose outcome will come.
    compose : callable or None
        Writes the mail that tells nothing else, at a time; None if it is only to be counted.
    mailbox : Mailbox
        Whose mail it is.
    message_id : str
        The queue's message that it came in.
    """

    outcome: str
    severity: Severity
    caller: str
    cause: str
    line: str
    brief: str
    incident: str | None = None
    awaits: bool = False
    compose: Callable[[datetime], Mail] | None = None
    mailbox: Mailbox = Mailbox.PEOPLE
    message_id: str = ""


def sendable(subject: str, text: str, attributes: Mapping[str, Any]) -> Mail:
    """Return a mail that SNS accepts, whatever is in it."""
    printable = "".join(character if character.isprintable() else " " for character in _encodable(subject))
    line = sendable_subject(" ".join(printable.split())) or "Holdfast"
    body = _encodable(text).encode()[:TEXT_LIMIT].decode(errors="ignore") or "(no text)\n"
    taken = {
        name: value
        for name, value in attributes.items()
        if isinstance(value, str) and value and _ATTRIBUTE.fullmatch(name)
    }
    return Mail(line, body, taken)


def mail_of(outcome: str, severity: Severity, organization: str, claim: str, text: str, **ids: str) -> Mail:
    """Return a mail in our own words.

    Parameters
    ----------
    outcome : str
        What subscribers filter.
    severity : Severity
        Whether somebody must get up.
    organization : str
        The organization's id.
    claim : str
        What the subject says.
    text : str
        Its text.
    **ids
        The attributes `policy_type`, `policy_id` and `target_id`; those that it does not concern are unknown.
    """
    unknown = dict.fromkeys(("policy_type", "policy_id", "target_id"), NOT_KNOWN)
    told = {"outcome": outcome, "severity": severity.value, "organization": organization}
    return sendable(subject_line(organization, claim), text, {**told, **unknown, **ids})


def text_of(lines: Iterable[str]) -> str:
    """Return lines as a mail's text."""
    return "\n".join(lines) + "\n"


def without_needless_alerts(letters: Iterable[Letter], told: Iterable[str] = ()) -> list[Letter]:
    """Return the letters but the alerts that say nothing new.

    An outcome says all that its alert does. And a call whose event comes by two buses is announced twice.

    Parameters
    ----------
    letters : iterable of Letter
        What there is to tell.
    told : iterable of str
        The incidents of which people know already.
    """
    found = list(letters)
    known = {letter.incident for letter in found if letter.outcome != ALERT} | set(told)
    kept = []
    for letter in found:
        if letter.outcome == ALERT and letter.incident is not None:
            if letter.incident in known:
                continue
            known.add(letter.incident)
        kept.append(letter)
    return kept


def identifier(value: object) -> str:
    """Return an id as it is, and whatever else stands in its place quoted."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else quoted(value)


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()
