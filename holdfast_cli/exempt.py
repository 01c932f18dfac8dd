"""What an exemption is for, until when, and what of it a baseline knows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from holdfast.attachment import POLICY_ID
from holdfast.baseline import Baseline, Guardrail
from holdfast.errors import HoldfastError
from holdfast.exemption import PATH, Exemption, name_of
from holdfast.quoting import quoted
from holdfast.reconciliation.trigger import Scope, ScopeKind
from holdfast.timestamps import format_timestamp, parse_timestamp
from holdfast_cli.finding import shown
from holdfast_cli.spans import span_of

EVERYTHING = "all"
"""What people say for every policy, or for every target of one."""


class UnknownGuardrailError(HoldfastError):
    """No guardrail, or more than one, has the name that was given. Raised before anything is written."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is exempt: one attachment, a policy wherever it is attached, or everything.

    Parameters
    ----------
    policy_id : str or None
        The policy's id; None for every policy.
    target_id : str or None
        The target's id; None for every target.
    """

    policy_id: str | None = None
    target_id: str | None = None

    @property
    def name(self) -> str:
        """The name of its parameter."""
        return name_of(self.policy_id, self.target_id)

    @property
    def arguments(self) -> str:
        """What the commands are given to name it."""
        if self.policy_id is None:
            return EVERYTHING
        return f"{self.policy_id} {self.target_id or EVERYTHING}"

    @property
    def scope(self) -> Scope:
        """What a reconciliation has to look at once it is no longer exempt."""
        if self.policy_id is None:
            return Scope(ScopeKind.ALL)
        if self.target_id is None:
            return Scope(ScopeKind.POLICY, self.policy_id)
        return Scope(ScopeKind.ATTACHMENT, f"{self.policy_id}/{self.target_id}")

    def in_words(self, baseline: Baseline | None) -> str:
        """Return what people call it, with the guardrail's name where the baseline knows one."""
        if self.policy_id is None:
            return "everything"
        guardrail = guardrail_of(self, baseline)
        policy = f"{guardrail.name} ({self.policy_id})" if guardrail else self.policy_id
        return f"{policy} on {self.target_id}" if self.target_id else f"{policy} wherever it is attached"


def subject_named(name: str) -> Subject:
    """Return what a parameter of a well-formed name exempts."""
    policy_id, _, target_id = name.removeprefix(f"{PATH}/").partition("/")
    return Subject() if policy_id == EVERYTHING else Subject(policy_id, target_id or None)


def policy_called(word: str, baseline: Baseline | None) -> str:
    """Return the id of the policy that people name by its id, or by its guardrail's name.

    Raises
    ------
    UnknownGuardrailError
        If it is neither, or the name of several; says what there is.
    """
    if POLICY_ID.fullmatch(word):
        return word
    guardrails = baseline.guardrails if baseline else ()
    found = [guardrail.policy_id for guardrail in guardrails if guardrail.name == word]
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownGuardrailError(f"{shown(word)} is the name of {', '.join(found)}: name one by its id")
    known = ", ".join(sorted(guardrail.name for guardrail in guardrails)) or "none is known"
    raise UnknownGuardrailError(f"{shown(word)} is neither a policy's id (p-…) nor a guardrail: {known}")


def guardrail_of(subject: Subject, baseline: Baseline | None) -> Guardrail | None:
    """Return the guardrail whose policy is exempt, under its new id or the declared one."""
    guardrails = baseline.guardrails if baseline else ()
    return next(
        (each for each in guardrails if subject.policy_id in (each.policy_id, each.declared_id)), None
    )


def idle_because(subject: Subject, baseline: Baseline) -> str | None:
    """Return why an exemption does nothing if this baseline is the one that is deployed; None if it does."""
    if subject.policy_id is None:
        return None
    guardrail = guardrail_of(subject, baseline)
    if guardrail is None:
        return f"holds no policy {subject.policy_id}"
    if subject.target_id and guardrail.targets is not None and subject.target_id not in guardrail.targets:
        return f"does not attach {guardrail.name} ({subject.policy_id}) to {subject.target_id}"
    return None


def end_of(text: str, now: datetime) -> datetime:
    """Return the end that people ask for.

    Parameters
    ----------
    text : str
        A span such as `30m`, `2h` or `3d`, or a time in ISO 8601 with its zone.
    now : datetime
        When a span begins.

    Raises
    ------
    ValueError
        If it is neither; names the value and what was expected.
    """
    if (left := span_of(text)) is not None:
        return now + left
    try:
        return parse_timestamp(text)
    except (ValueError, OverflowError) as error:
        expected = "30m, 2h, 3d or a time with its zone, such as 2026-11-22T09:00:00Z"
        message = f"until: got {shown(text)}, expected {expected}"
        raise ValueError(message) from error


def value_of(until: datetime, reason: str, ticket: str | None) -> str:
    """Return what the parameter says."""
    value: dict[str, Any] = {"until": format_timestamp(until), "reason": reason}
    return json.dumps({**value, "ticket": ticket} if ticket else value, ensure_ascii=False)


def hours(span: timedelta) -> str:
    """Return a span in hours, as people read it."""
    return f"{span / timedelta(hours=1):,.1f} hours"


def ending(exemption: Exemption, now: datetime) -> str:
    """Return when an exemption ends, and in how many hours."""
    return f"{format_timestamp(exemption.until)}, {hours(exemption.until - now)}"


def sentence(exemption: Exemption, now: datetime) -> str:
    """Return until when, why and since when, in one line whatever its author wrote."""
    in_force = exemption.is_in_force(now)
    end = f"{ending(exemption, now)} left" if in_force else format_timestamp(exemption.until)
    ticket = "" if exemption.ticket is None else f", ticket {quoted(exemption.ticket)}"
    changed = format_timestamp(exemption.changed_at)
    return f"until {end}: {quoted(exemption.reason)}{ticket}, changed {changed}"
