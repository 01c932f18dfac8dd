"""When a mail may go: few letters singly and at once, many in a digest a minute.

SNS suspends an e-mail subscription that gets more than ten messages a second (source: "Amazon SNS endpoints
and quotas"), and nobody reads hundreds of mails. So a storm, which is more letters than may go singly, is
told in digests. What is remembered is one small document; whoever mails holds its lease meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from holdfast.fields import text_in
from holdfast.mailing.letter import Mailbox
from holdfast.mailing.storm import Storm, parse_storm
from holdfast.timestamps import parse_timestamp

ITEM = "mail"
"""The name of what is remembered."""

MINUTE = timedelta(seconds=60)
MAILS_A_MINUTE = 6
SINGLES_A_MINUTE = 4

LEASE = timedelta(seconds=55)
"""How long one function mails alone: longer than it may run, shorter than what it took stays hidden."""

QUIET = timedelta(seconds=125)
"""After so long without news a storm is over: what was held in the last digest's minute has come again."""

LONGEST_SILENCE = timedelta(minutes=45)
"""After so long without news a storm ends, whatever is still open: a remediation tries for half an hour."""


class Plan(StrEnum):
    """What to do with the letters of a mailbox now."""

    NOTHING = "nothing"
    HOLD = "hold"
    SINGLY = "singly"
    DIGEST = "digest"
    CLOSE = "close"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that has, or may have, been sent: when, and whether it told a single letter.

    Parameters
    ----------
    at : datetime
        When.
    single : bool
        Whether it told a single letter.
    incident : str or None
        Which incident it told of; None of several, and where nobody knows whether it was sent.
    """

    at: datetime
    single: bool
    incident: str | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """What of a mailbox is remembered.

    Parameters
    ----------
    sent : tuple of Sent
        The mails of the last minute.
    storm : Storm or None
        What the digests have told so far; None while there are few letters.
    """

    sent: tuple[Sent, ...] = ()
    storm: Storm | None = None

    def mails_left(self, now: datetime) -> int:
        """Return how many mails may go now."""
        return MAILS_A_MINUTE - len(self._recent(now))

    def singles_left(self, now: datetime) -> int:
        """Return how many of them may tell a single letter."""
        singles = sum(one.single for one in self._recent(now))
        return min(SINGLES_A_MINUTE - singles, self.mails_left(now))

    def after_sending(self, at: datetime, *, single: bool, incident: str | None = None) -> Pace:
        """Return the pace after a mail, sent or perhaps sent; the incident only of one that was sent."""
        return replace(self, sent=(*self._recent(at), Sent(at, single, incident)))

    def told(self, now: datetime) -> frozenset[str]:
        """Return the incidents that single mails of the last minute told of."""
        return frozenset(one.incident for one in self._recent(now) if one.incident)

    def plan(self, letters: int, now: datetime) -> Plan:
        """Return what to do with the letters that are there.

        Parameters
        ----------
        letters : int
            How many there are, in a storm those that are only counted too.
        now : datetime
            The time.
        """
        if self.storm is None:
            return self._plan_in_calm(letters, now)
        if now - self.storm.told_at <= MINUTE:
            return Plan.HOLD
        if letters:
            return Plan.DIGEST if self.mails_left(now) > 0 else Plan.HOLD
        if now - self.storm.told_at < (LONGEST_SILENCE if self.storm.open else QUIET):
            return Plan.WAIT
        return Plan.CLOSE if self.mails_left(now) > 0 else Plan.HOLD

    def _plan_in_calm(self, letters: int, now: datetime) -> Plan:
        if letters == 0:
            return Plan.NOTHING
        if letters <= self.singles_left(now):
            return Plan.SINGLY
        return Plan.DIGEST if self.mails_left(now) > 0 else Plan.HOLD

    def _recent(self, now: datetime) -> tuple[Sent, ...]:
        return tuple(one for one in self.sent if now - one.at <= MINUTE)


@dataclass(frozen=True, slots=True)
class Paces:
    """The paces of all mailboxes, and who may mail.

    Parameters
    ----------
    paces : mapping of Mailbox to Pace
        One for each.
    leased_until : datetime or None
        Until when somebody mails alone; None if nobody does.
    """

    paces: Mapping[Mailbox, Pace] = field(default_factory=lambda: dict.fromkeys(Mailbox, Pace()))
    leased_until: datetime | None = None

    def is_leased(self, now: datetime) -> bool:
        """Return whether somebody else mails now."""
        return self.leased_until is not None and now <= self.leased_until

    def settled(self) -> Paces:
        """Return them without a lease that has lapsed.

        Whoever did not give it back may have sent all that it was allowed to, as late as it was allowed to.
        """
        if self.leased_until is None:
            return self
        singles = (Sent(self.leased_until, single=True),) * SINGLES_A_MINUTE
        digests = (Sent(self.leased_until, single=False),) * (MAILS_A_MINUTE - SINGLES_A_MINUTE)
        return Paces({box: Pace(singles + digests, pace.storm) for box, pace in self.paces.items()})

    def leased(self, now: datetime) -> Paces:
        """Return them with a lease that begins now."""
        return replace(self, leased_until=now + LEASE)

    def to_document(self) -> dict[str, Any]:
        """Return what is remembered."""
        return {
            "leased_until": self.leased_until and self.leased_until.isoformat(),
            "paces": {box.value: _pace_document(pace) for box, pace in self.paces.items()},
        }


def parse_paces(document: Mapping[str, Any] | None) -> Paces:
    """Return what is remembered; what other code wrote counts as nothing, and mail goes on."""
    if document is None:
        return Paces()
    try:
        until = document["leased_until"]
        return Paces(
            {box: _parse_pace(document["paces"][box.value]) for box in Mailbox},
            until and parse_timestamp(until),
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return Paces()


def _pace_document(pace: Pace) -> dict[str, Any]:
    return {
        "sent": [
            {"at": one.at.isoformat(), "single": one.single, "incident": one.incident} for one in pace.sent
        ],
        "storm": pace.storm and pace.storm.to_document(),
    }


def _parse_pace(part: Mapping[str, Any]) -> Pace:
    # What was remembered before a mail's incident was has no such key.
    sent = tuple(
        Sent(parse_timestamp(one["at"]), one["single"], text_in(one, "incident")) for one in part["sent"]
    )
    return Pace(sent, part["storm"] and parse_storm(part["storm"]))
