"""A storm: what its digests have told so far, small enough to be remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from holdfast.mailing.letter import ALERT, Letter
from holdfast.timestamps import parse_timestamp

INCIDENTS = 2_000
"""How many incidents are followed from their alert to their outcome, or back: the newest."""

CALLERS = 50
"""How many callers are counted apart."""

OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Storm:
    """What the digests of a storm have told.

    Parameters
    ----------
    since : datetime
        When it began.
    told_at : datetime
        When the last digest went.
    detached : int
        How many detaches.
    outcomes : mapping of str to int
        How many letters of each outcome; alerts are none.
    callers : mapping of str to int
        How many incidents are of each caller, in words.
    open : tuple of str
        The incidents whose alert was told and whose outcome was not, by the events' ids.
    closed : tuple of str
        The incidents whose outcome was told before their alert.
    """

    since: datetime
    told_at: datetime
    detached: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    callers: Mapping[str, int] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()

    def after_telling(self, letters: Iterable[Letter], at: datetime) -> Storm:
        """Return the storm after a digest of these letters.

        An incident is counted once, whichever of its letters comes first.
        """
        told = sorted(letters, key=lambda letter: letter.outcome != ALERT)
        known = _Known(dict.fromkeys(self.open), dict.fromkeys(self.closed))
        fresh = [letter for letter in told if known.is_news(letter)]
        outcomes = Counter(self.outcomes)
        outcomes.update(letter.outcome for letter in told if letter.outcome != ALERT)
        callers = Counter(self.callers)
        callers.update(letter.caller for letter in fresh)
        return replace(
            self,
            told_at=at,
            detached=self.detached + sum(letter.incident is not None for letter in fresh),
            outcomes=dict(outcomes),
            callers=_few(callers),
            open=tuple(known.open)[-INCIDENTS:],
            closed=tuple(known.closed)[-INCIDENTS:],
        )

    def to_document(self) -> dict[str, Any]:
        """Return the storm as it is remembered."""
        return {
            "since": self.since.isoformat(),
            "told_at": self.told_at.isoformat(),
            "detached": self.detached,
            "outcomes": dict(self.outcomes),
            "callers": dict(self.callers),
            "open": list(self.open),
            "closed": list(self.closed),
        }


@dataclass(frozen=True, slots=True)
class _Known:
    """The incidents that are followed; dictionaries, because they keep their order."""

    open: dict[str, None]
    closed: dict[str, None]

    def is_news(self, letter: Letter) -> bool:
        """Return whether a letter is the first of its incident, and note what it says."""
        incident = letter.incident
        if incident is None:
            return True
        if letter.outcome == ALERT:
            return self._is_news_of_alert(incident, awaits=letter.awaits)
        was_open = incident in self.open
        was_closed = incident in self.closed
        self.open.pop(incident, None)
        if not was_open:
            self.closed[incident] = None
        return not was_open and not was_closed

    def _is_news_of_alert(self, incident: str, *, awaits: bool) -> bool:
        if incident in self.closed:
            del self.closed[incident]
            return False
        if incident in self.open:
            return False
        if awaits:
            self.open[incident] = None
        return True


def _few(callers: Counter[str]) -> dict[str, int]:
    """Return the callers of the most incidents by name, and all others as one."""
    others = callers.pop(OTHERS, 0)
    few = dict(callers.most_common(CALLERS))
    others += sum(callers.values()) - sum(few.values())
    return {**few, **({OTHERS: others} if others else {})}


def parse_storm(part: Mapping[str, Any]) -> Storm:
    """Return the storm that `Storm.to_document` wrote."""
    return Storm(
        since=parse_timestamp(part["since"]),
        told_at=parse_timestamp(part["told_at"]),
        detached=part["detached"],
        outcomes=dict(part["outcomes"]),
        callers=dict(part["callers"]),
        open=tuple(part["open"]),
        closed=tuple(part["closed"]),
    )
