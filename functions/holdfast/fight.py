"""Fights: the same attachment detached again and again, and how often people hear of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.detachment import Detachment
from holdfast.outcome import Outcome
from holdfast.principal import Principal
from holdfast.settings import FightRules

PAUSE = timedelta(minutes=10)
"""How long a fight that was told is not told again, if it only goes on."""


@dataclass(frozen=True, slots=True)
class Round:
    """One detach of an attachment, and how it ended.

    Parameters
    ----------
    at : datetime
        When it was detached, in UTC.
    call_id : str
        The detach's id.
    principal_key : str
        Who did it: the same for the same identity, and no name.
    principal : Principal or None
        Who did it, in full; None once the names have expired.
    outcome : str
        How it ended.
    verified : bool
        Whether the attachment was seen to be off, by a read or by what AttachPolicy answered.
    told_at : datetime or None
        When people were told of the fight that it was a round of; None if they were not.
    """

    at: datetime
    call_id: str
    principal_key: str
    principal: Principal | None
    outcome: str
    verified: bool
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fight:
    """A contested attachment.

    Parameters
    ----------
    rounds : tuple of Round
        The detaches within the time, the oldest first; the last one is the incident's own.
    muted : bool
        Whether people have heard of it a short time ago, and this round brings nothing new.
    """

    rounds: tuple[Round, ...]
    muted: bool


def key_of(principal: Principal) -> str:
    """Return what tells an identity from others, without a name: its unique id, or a digest."""
    if principal.unique_id:
        return principal.unique_id.partition(":")[0]
    words = "\n".join(map(str, (principal.kind, principal.arn, principal.name, principal.account_id)))
    return f"sha256:{hashlib.sha256(words.encode(errors='replace')).hexdigest()[:16]}"


def round_of(detachment: Detachment, outcome: str, *, verified: bool) -> Round:
    """Return a detachment as a round of a fight."""
    return Round(
        at=detachment.event_time,
        call_id=detachment.call_id,
        principal_key=key_of(detachment.principal),
        principal=detachment.principal,
        outcome=outcome,
        verified=verified,
    )


def find_fight(earlier: Iterable[Round], current: Round, rules: FightRules, now: datetime) -> Fight | None:
    """Return the fight that a round belongs to; None if the attachment is not contested.

    Parameters
    ----------
    earlier : iterable of Round
        What the ledger knows of the attachment.
    current : Round
        The incident's own.
    rules : FightRules
        When an attachment is contested.
    now : datetime
        The time.
    """
    if not current.verified:
        return None
    others = {one.call_id: one for one in earlier if one.verified and one.call_id != current.call_id}
    near = (one for one in others.values() if abs(current.at - one.at) <= rules.within)
    rounds = tuple(sorted((*near, current), key=lambda one: (one.at, one.call_id == current.call_id)))
    if len(rounds) < rules.after:
        return None
    return Fight(rounds, muted=_is_muted(tuple(others.values()), current, now))


def yields_to_rival(earlier: Iterable[Round], current: Round, rules: FightRules) -> bool:
    """Return whether a rival's detach is one too many.

    Only rounds that Holdfast won against this rival count: nobody else can make it yield. While it yields
    there are none, so that after the time of the rules it puts the guardrail back once more.
    """
    won = {Outcome.RESTORED, Outcome.RESTORED_WITH_CHANGED_TEXT, Outcome.RESTORED_WITHOUT_TEXT_CHECK}
    fought = (one for one in earlier if one.outcome in won and one.principal_key == current.principal_key)
    return find_fight(fought, current, rules, current.at) is not None


def _is_muted(others: tuple[Round, ...], current: Round, now: datetime) -> bool:
    """Return whether it is a round like those that were told within the pause, by somebody named there.

    It names nobody itself: events come out of order, and this one was not known then.
    """
    if current.outcome not in {Outcome.RESTORED, Outcome.ALREADY_ATTACHED}:
        return False
    told = [one for one in others if one.told_at is not None and timedelta() <= now - one.told_at < PAUSE]
    if not told:
        return False
    last = max(told, key=lambda one: one.at)
    named = {one.principal_key for one in others if one.at <= last.at}
    return current.principal_key in named
