"""Evidence: every lapse of a guardrail in a time, and whether the ledger knows of every detach."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain
from statistics import median

from holdfast.attachment import Attachment
from holdfast.baseline import Baseline
from holdfast.detachment import Detachment
from holdfast.outcome import Outcome
from holdfast.reconciliation.fates import MENDED
from holdfast_cli.ledger_entries import BY_RECONCILIATION, Entry

_RESTORED = {
    Outcome.RESTORED,
    Outcome.RESTORED_WITH_CHANGED_TEXT,
    Outcome.RESTORED_WITHOUT_TEXT_CHECK,
    Outcome.ALREADY_ATTACHED,
}
_MENDED = {f"{BY_RECONCILIATION}{done}" for done in MENDED}


class Ending(StrEnum):
    """How a lapse ended, as far as the ledger tells."""

    FAST = "restored by the fast path"
    SLOW = "restored by the slow path"
    ALLOWED = "left off, allowed"
    OPEN = "not restored"


_ALLOWED = {Outcome.SANCTIONED, Outcome.EXEMPT}


@dataclass(frozen=True, slots=True)
class Lapse:
    """An attachment that was off: from the detach to the confirmed restoration, with all that was recorded.

    Parameters
    ----------
    entries : tuple of Entry
        What the ledger has about it, the oldest first; at least one.
    """

    entries: tuple[Entry, ...]

    @property
    def attachment(self) -> Attachment:
        """What was off."""
        return self.entries[0].attachment

    @property
    def since(self) -> datetime:
        """When it began, as far as that is known."""
        return self.entries[0].since

    @property
    def is_dated(self) -> bool:
        """Whether anybody knows when it began."""
        return self.entries[0].detached_at is not None

    @property
    def restored(self) -> Entry | None:
        """The entry that says it was attached again; None if there is none."""
        return next((entry for entry in self.entries if entry.outcome in _RESTORED | _MENDED), None)

    @property
    def ending(self) -> Ending:
        """How it ended."""
        if self.restored:
            return Ending.SLOW if self.restored.outcome in _MENDED else Ending.FAST
        allowed = self.entries[-1].outcome in _ALLOWED or self.entries[-1].verdict in _ALLOWED_DRIFT
        return Ending.ALLOWED if allowed else Ending.OPEN

    @property
    def exposure(self) -> timedelta | None:
        """For how long it was off; None if it is still, or nobody knows since when."""
        return self.restored.exposure if self.restored else None

    @property
    def newest(self) -> Entry:
        """What was recorded last."""
        return self.entries[-1]

    def known(self, name: str) -> str:
        """Return a fact that some entry has, such as `policy_name`; the newest entry's first."""
        return next((value for entry in reversed(self.entries) if (value := getattr(entry, name))), "")

    @property
    def accounts(self) -> int | None:
        """How many accounts the target covers, if that was found out."""
        return next((entry.accounts for entry in self.entries if entry.accounts is not None), None)


_ALLOWED_DRIFT = {"sanctioned", "exempt"}
"""The slow path's words for what may be off."""


def lapses_in(entries: Iterable[Entry]) -> tuple[Lapse, ...]:
    """Return the lapses that entries tell of, the oldest first.

    Entries about the same attachment and the same moment of its detach are one lapse, whoever wrote them.
    Those without a known moment are one lapse until one of them says that it was mended.
    """
    dated: dict[tuple[Attachment, datetime], list[Entry]] = defaultdict(list)
    undated: dict[Attachment, list[list[Entry]]] = defaultdict(lambda: [[]])
    for entry in sorted(entries, key=lambda entry: entry.recorded_at):
        if entry.detached_at is not None:
            dated[entry.attachment, entry.detached_at].append(entry)
            continue
        undated[entry.attachment][-1].append(entry)
        if entry.outcome in _MENDED:
            undated[entry.attachment].append([])
    groups = (*dated.values(), *chain.from_iterable(undated.values()))
    lapses = (Lapse(tuple(group)) for group in groups if group)
    return tuple(sorted(lapses, key=lambda lapse: (lapse.since, lapse.attachment.pair)))


@dataclass(frozen=True, slots=True)
class Figures:
    """A report in numbers.

    Parameters
    ----------
    lapses : int
        How many there were.
    endings : dict of Ending to int
        How many ended how.
    total, longest, middle : timedelta or None
        The exposures of those that were restored; None if nothing was.
    """

    lapses: int
    endings: dict[Ending, int]
    total: timedelta | None
    longest: timedelta | None
    middle: timedelta | None


def figures_of(lapses: Sequence[Lapse]) -> Figures:
    """Return lapses in numbers."""
    exposures = [lapse.exposure for lapse in lapses if lapse.exposure is not None]
    endings = {ending: sum(lapse.ending is ending for lapse in lapses) for ending in Ending}
    return Figures(
        lapses=len(lapses),
        endings=endings,
        total=sum(exposures, timedelta()) if exposures else None,
        longest=max(exposures, default=None),
        middle=timedelta(seconds=median(each.total_seconds() for each in exposures)) if exposures else None,
    )


@dataclass(frozen=True, slots=True)
class Completeness:
    """The detaches in CloudTrail beside the incidents in the ledger.

    Parameters
    ----------
    since, until : datetime
        The window in which the two could be compared.
    matched : int
        Detaches of guardrails with an entry in the ledger.
    gaps : tuple of Detachment
        Detaches of guardrails without one.
    unguarded : int
        Detaches of what the baseline does not guard, and that the ledger has no entry of.
    unseen : tuple of Entry
        Entries about a detach that CloudTrail's history does not show.
    """

    since: datetime
    until: datetime
    matched: int = 0
    gaps: tuple[Detachment, ...] = ()
    unguarded: int = 0
    unseen: tuple[Entry, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether every detach of a guardrail is in the ledger."""
        return not self.gaps


def compare(
    detachments: Collection[Detachment],
    entries: Sequence[Entry],
    baseline: Baseline,
    since: datetime,
    until: datetime,
) -> Completeness:
    """Return how CloudTrail's detaches and the ledger's entries match, by the ids of calls and events.

    Parameters
    ----------
    detachments : collection of Detachment
        The successful detaches of the window.
    entries : sequence of Entry
        The ledger's, also those before and after the window: an incident may be recorded later.
    baseline : Baseline
        What is guarded; with the new ids of policies that were made again.
    since, until : datetime
        The window.
    """
    recorded = frozenset[str]().union(*(entry.event_ids for entry in entries))
    missing = [each for each in detachments if recorded.isdisjoint({each.event_id, each.call_id})]
    gaps = tuple(each for each in missing if _guards(baseline, each.attachment))
    seen = {name for each in detachments for name in (each.event_id, each.call_id)}
    unseen = tuple(
        entry
        for entry in entries
        if entry.detached_at and since <= entry.detached_at < until and seen.isdisjoint(entry.event_ids)
    )
    return Completeness(since, until, len(detachments) - len(missing), gaps, len(missing) - len(gaps), unseen)


def _guards(baseline: Baseline, attachment: Attachment) -> bool:
    return any(one.protects(attachment) or one.declares(attachment) for one in baseline.guardrails)


@dataclass(frozen=True, slots=True)
class Month:
    """A month in UTC, from its first moment to the next one's."""

    since: datetime
    until: datetime


def month_of(text: str) -> Month:
    """Return the month that a text such as `2026-10` names.

    Raises
    ------
    ValueError
        If the text is not a month such as `2026-10`.
    """
    try:
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError as error:
        message = f"month: got {text!r}, expected a month such as 2026-10"
        raise ValueError(message) from error
    december = first.month == 12  # noqa: PLR2004 - the last month
    following = first.replace(year=first.year + december, month=1 if december else first.month + 1)
    return Month(first, following)
