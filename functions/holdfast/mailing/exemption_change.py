"""A change of an exemption: who wrote or deleted which, and what it says now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from holdfast.exempting import revoke_command
from holdfast.exemption import PATH, Exemption, sort_out
from holdfast.mail import MAIL, source_line
from holdfast.mailing.desk import Desk
from holdfast.mailing.letter import Letter, Mail, mail_of, text_of
from holdfast.outcome import Severity
from holdfast.quoting import quoted
from holdfast.record import Record, malformed, parse_record
from holdfast.timestamps import format_timestamp
from holdfast.wording import caller, identity

CHANGED = "exemption changed"
"""The outcome that subscribers filter."""

SYSTEMS_MANAGER = "ssm.amazonaws.com"

# Source: Systems Manager API reference; all that can change or remove a parameter.
_VERBS = {"PutParameter": "written", "DeleteParameter": "deleted", "DeleteParameters": "deleted"}

_NAMES = 10
"""Parameters of one call. Source: Systems Manager API reference, DeleteParameters and GetParameters."""


@dataclass(frozen=True, slots=True)
class _Change:
    record: Record
    names: tuple[str, ...]

    @property
    def claim(self) -> str:
        first, *others = self.names
        more = f" and {len(others)} more" if others else ""
        return f"EXEMPTION: {quoted(first)}{more} was {_VERBS[self.record.name]}"


def exemption_letter(event: Mapping[str, Any], desk: Desk) -> Letter:
    """Return the letter that says that an exemption was changed.

    Raises
    ------
    MalformedEventError
        If the event reports no such change; names field, value and expectation.
    """
    record = parse_record(event.get("detail"), tuple(_VERBS), source=SYSTEMS_MANAGER)
    change = _Change(record, _names_in(record))
    names, when = ", ".join(map(quoted, change.names)), format_timestamp(record.event_time)
    line = f"{names} {_VERBS[record.name]}, {when}, event {record.event_id}"
    return Letter(
        outcome=CHANGED,
        severity=Severity.NOTICE,
        caller=identity(record.principal, MAIL),
        cause="",
        line=line,
        brief=line,
        compose=partial(_write, change, desk),
    )


def _names_in(record: Record) -> tuple[str, ...]:
    listed = record.request.get("names")
    given = listed if isinstance(listed, list) else [record.request.get("name")]
    names = tuple(name for name in given if isinstance(name, str) and name.startswith(f"{PATH}/"))
    if not names:
        raise malformed("detail.requestParameters", record.request, f"a parameter below {PATH}")
    return names[:_NAMES]


def _write(change: _Change, desk: Desk, now: datetime) -> Mail:
    record = change.record
    lines = (
        f"{change.claim}.",
        "",
        f"Who:          {caller(record.principal, MAIL)}",
        f"When:         {format_timestamp(record.event_time)}",
        source_line(record.source_ip),
        f"Event id:     {record.event_id}",
        *_as_it_is_now(change, desk, now),
        "To do:        Ask the author if you do not know of it.",
        f"Organization: {desk.organization}",
    )
    return mail_of(CHANGED, Severity.NOTICE, desk.organization, change.claim, text_of(lines))


def _as_it_is_now(change: _Change, desk: Desk, now: datetime) -> Iterator[str]:
    parameters = desk.read_exemptions(change.names)
    if parameters is None:
        yield "Now:          not known: it could not be read"
        return
    exemptions = sort_out(parameters)
    said = {one.name: _said(one, now) for one in exemptions.valid}
    said |= {
        one.name: f"BROKEN, so it is ignored: {quoted(one.problem, limit=300)}" for one in exemptions.broken
    }
    for name in change.names:
        whose = f"{quoted(name)} is " if len(change.names) > 1 else ""
        yield f"Now:          {whose}{said.get(name, 'gone: it exempts nothing')}"
    in_force = [one for one in exemptions.valid if one.is_in_force(now)]
    yield from (f"To end it:    {revoke_command(one.name)}" for one in in_force)


def _said(exemption: Exemption, now: datetime) -> str:
    until = format_timestamp(exemption.until)
    if not exemption.is_in_force(now):
        return f"ended, at {until}"
    ticket = f", ticket {quoted(exemption.ticket)}" if exemption.ticket else ""
    return f"in force until {until}, because {quoted(exemption.reason)}{ticket}"
