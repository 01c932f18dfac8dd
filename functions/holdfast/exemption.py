"""Exemptions: a time-boxed permission to leave an attachment off, with a reason and an end.

An exemption is an SSM parameter, because writing one is a management event with its author in CloudTrail, IAM
can restrict it by path, and the console can make it. Whoever wrote the value, the rules are enforced here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from holdfast.attachment import ACCOUNT_ID, ORGANIZATIONAL_UNIT_ID, POLICY_ID, ROOT_ID, Attachment
from holdfast.fields import text_in
from holdfast.record import shortened
from holdfast.timestamps import format_timestamp, parse_timestamp

PATH = "/holdfast/exemptions"

ALL = f"{PATH}/all"
"""The exemption of every attachment."""

LONGEST = timedelta(days=7)
"""How long after its last change an exemption may end."""

VALUE = '{"until": "2026-11-22T09:00:00Z", "reason": "…", "ticket": "…"}'
"""What a value looks like; the ticket may be left out."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter below the path, as Systems Manager has it.

    Parameters
    ----------
    name : str
        Its whole name.
    kind : str
        Its type: `String`, `StringList` or `SecureString`.
    value : str
        Its value.
    changed_at : datetime
        When it was last changed, by Systems Manager's clock.
    """

    name: str
    kind: str
    value: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Exemption:
    """A well-formed exemption.

    Parameters
    ----------
    name : str
        The parameter's name, which says what is exempt.
    until : datetime
        Its end, in UTC and whole seconds: as it is told, and as the state machine waits for it.
    reason : str
        Why, in the words of whoever wrote it.
    ticket : str or None
        A reference to where it was agreed.
    changed_at : datetime
        When it was last changed.
    """

    name: str
    until: datetime
    reason: str
    ticket: str | None
    changed_at: datetime

    def is_in_force(self, now: datetime) -> bool:
        """Return whether it has not ended."""
        return now < self.until

    def to_document(self) -> dict[str, Any]:
        """Return the exemption as a part of a document."""
        return {
            "name": self.name,
            "until": format_timestamp(self.until),
            "reason": self.reason,
            "ticket": self.ticket,
            "changed_at": format_timestamp(self.changed_at),
        }


@dataclass(frozen=True, slots=True)
class BrokenExemption:
    """A parameter below the path that is no exemption: it is ignored, and reported.

    Parameters
    ----------
    name : str
        The parameter's name.
    problem : str
        What is wrong: the field, its value and what was expected.
    """

    name: str
    problem: str


@dataclass(frozen=True, slots=True)
class Exemptions:
    """What the parameters say.

    Parameters
    ----------
    valid : tuple of Exemption
        The well-formed ones, also those that have ended.
    broken : tuple of BrokenExemption
        All others.
    """

    valid: tuple[Exemption, ...] = ()
    broken: tuple[BrokenExemption, ...] = ()

    def of(
        self, attachment: Attachment, now: datetime, *, declared_id: str | None = None
    ) -> Exemption | None:
        """Return the exemption that is in force for an attachment, the one that ends last; None if none is.

        Parameters
        ----------
        attachment : Attachment
            What may be off.
        now : datetime
            The time.
        declared_id : str or None
            The id that the baseline names, where the policy was made again: it counts as well.
        """
        names = set(names_for(attachment, declared_id))
        in_force = (one for one in self.valid if one.name in names and one.is_in_force(now))
        return max(in_force, key=lambda one: (one.until, one.name), default=None)


NONE = Exemptions()


def names_for(attachment: Attachment, declared_id: str | None = None) -> tuple[str, ...]:
    """Return the names of all parameters that can exempt an attachment, the narrowest first."""
    policy_ids = (attachment.policy_id, *([declared_id] if declared_id else []))
    return (
        *(f"{PATH}/{policy_id}/{attachment.target_id}" for policy_id in policy_ids),
        *(f"{PATH}/{policy_id}" for policy_id in policy_ids),
        ALL,
    )


def name_of(policy_id: str | None, target_id: str | None) -> str:
    """Return the name of the parameter that exempts a policy's attachment, a whole policy, or everything."""
    return "/".join([PATH, policy_id or "all", *([target_id] if target_id else [])])


def sort_out(parameters: Iterable[Parameter]) -> Exemptions:
    """Return what parameters say: the exemptions, and what is none."""
    valid, broken = list[Exemption](), list[BrokenExemption]()
    for parameter in parameters:
        try:
            valid.append(parse_exemption(parameter))
        except ValueError as error:
            broken.append(BrokenExemption(parameter.name, str(error)))
    return Exemptions(tuple(valid), tuple(broken))


def parse_exemption(parameter: Parameter) -> Exemption:
    """Return the exemption that a parameter makes.

    Parameters
    ----------
    parameter : Parameter
        A parameter below the path, whoever wrote it.

    Raises
    ------
    ValueError
        If it breaks a rule; names the field, its value and what was expected.
    """
    _check_name(parameter.name)
    if parameter.kind != "String":
        raise _wrong("type", parameter.kind, "String")
    given = _object(parameter.value)
    until = _until(given).replace(microsecond=0)
    reason = (text_in(given, "reason") or "").strip()
    if not re.search(r"\w", reason):
        raise _wrong("reason", given.get("reason"), "why, in words")
    if until <= parameter.changed_at:
        raise _wrong(
            "until",
            format_timestamp(until),
            f"a time after its change at {format_timestamp(parameter.changed_at)}",
        )
    if until - parameter.changed_at > LONGEST:
        latest = format_timestamp(parameter.changed_at + LONGEST)
        raise _wrong(
            "until", format_timestamp(until), f"{latest} at the latest, {LONGEST.days} days after its change"
        )
    return Exemption(parameter.name, until, reason, text_in(given, "ticket"), parameter.changed_at)


def exemption_of_document(part: Mapping[str, Any]) -> Exemption:
    """Return the exemption that `Exemption.to_document` wrote."""
    return Exemption(
        name=part["name"],
        until=parse_timestamp(part["until"]),
        reason=part["reason"],
        ticket=part["ticket"],
        changed_at=parse_timestamp(part["changed_at"]),
    )


_NAME = re.compile(
    f"{PATH}/(?:all|{POLICY_ID.pattern}"
    f"(?:/(?:{ROOT_ID.pattern}|{ORGANIZATIONAL_UNIT_ID.pattern}|{ACCOUNT_ID.pattern}))?)"
)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise _wrong("name", name, f"{PATH}/POLICY/TARGET, {PATH}/POLICY or {ALL}")


def _object(value: str) -> Mapping[str, Any]:
    try:
        given = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise _wrong("value", value, f"JSON such as {VALUE}") from error
    if not isinstance(given, Mapping):
        raise _wrong("value", value, f"a JSON object such as {VALUE}")
    return given


def _until(given: Mapping[str, Any]) -> datetime:
    text = given.get("until")
    try:
        return parse_timestamp(text if isinstance(text, str) else "")
    except (ValueError, OverflowError) as error:
        raise _wrong("until", text, "a time with its zone, such as 2026-11-22T09:00:00Z") from error


def _wrong(field: str, value: object, expected: str) -> ValueError:
    got = "nothing" if value is None else shortened(repr(value), 100)
    return ValueError(f"{field}: got {got}, expected {expected}")
