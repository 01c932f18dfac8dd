"""Evidence: every lapse of a guardrail in a month, and whether the ledger knows of every detach."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain
from statistics import median

from holdfast.attachment import Attachment
from holdfast.baseline import Baseline, Guardrail
from holdfast.detachment import Detachment
from holdfast.outcome import Outcome
from holdfast.reconciliation.authorship import RECENT
from holdfast.reconciliation.fates import Done
from holdfast.reconciliation.finding import TOLERATED
from holdfast.reconciliation.history import KEPT
from holdfast_cli.incidents import BY_RECONCILIATION, Incident, Recorded

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)


class Ending(StrEnum):
    """How a lapse ended, as far as the ledger tells."""

    FAST = "restored by the fast path"
    SLOW = "restored by the slow path"
    OTHERS = "attached again by others"
    GONE = "its target was deleted"
    ALLOWED = "left off, as it may be"
    OPEN = "no restoration recorded"


_ENDINGS: dict[str, Ending] = {
    Outcome.RESTORED: Ending.FAST,
    Outcome.RESTORED_WITH_CHANGED_TEXT: Ending.FAST,
    Outcome.RESTORED_WITHOUT_TEXT_CHECK: Ending.FAST,
    Outcome.ALREADY_ATTACHED: Ending.OTHERS,
    f"{BY_RECONCILIATION}{Done.RESTORED}": Ending.SLOW,
    f"{BY_RECONCILIATION}{Done.BY_OTHERS}": Ending.OTHERS,
    f"{BY_RECONCILIATION}{Done.TARGET_GONE}": Ending.GONE,
}
_FAILED = {Outcome.FAILED, f"{BY_RECONCILIATION}{Done.FAILED}"}


@dataclass(frozen=True, slots=True)
class Lapse:
    """An attachment that was off: from the detach to the confirmed restoration, with all that was recorded.

    Parameters
    ----------
    attachment : Attachment
        What was off.
    stages : tuple of Incident
        What the ledger has about it, the oldest first; at least one.
    """

    attachment: Attachment
    stages: tuple[Incident, ...]

    @property
    def began(self) -> datetime:
        """When it began; when it was first recorded, if nobody knows."""
        return self.stages[0].at

    @property
    def is_dated(self) -> bool:
        """Whether anybody knows when it began."""
        return self.stages[0].detached_at is not None

    @property
    def end(self) -> Incident | None:
        """The stage that ended it; None if none did."""
        return next((stage for stage in self.stages if stage.outcome in _ENDINGS), None)

    @property
    def ended(self) -> datetime | None:
        """When it ended, as far as that is recorded."""
        if self.end is None:
            return None
        return self.began + self.end.exposure if self.end.exposure is not None else self.end.recorded_at

    @property
    def ending(self) -> Ending:
        """How it ended."""
        if self.end is not None:
            return _ENDINGS[self.end.outcome]
        return Ending.ALLOWED if _is_allowed(self.stages[-1]) else Ending.OPEN

    @property
    def exposure(self) -> timedelta | None:
        """For how long it was off; None if it is still, or nobody knows since when or until when."""
        return self.end.exposure if self.end else None

    @property
    def failed(self) -> bool:
        """Whether restoring it failed at some stage."""
        return any(stage.outcome in _FAILED for stage in self.stages)

    def was(self, outcome: str) -> bool:
        """Return whether some stage had an outcome or, of the slow path, was for such a reason."""
        return any(outcome in {stage.outcome, stage.verdict} for stage in self.stages)

    def known(self, name: str) -> str:
        """Return a fact that some stage has, such as `policy_name`; the newest one's."""
        return next((value for stage in reversed(self.stages) if (value := getattr(stage, name))), "")

    @property
    def accounts(self) -> int | None:
        """How many accounts the target covers, if that was found out."""
        return next((stage.accounts for stage in self.stages if stage.accounts is not None), None)


def _is_allowed(stage: Incident) -> bool:
    return stage.outcome in {Outcome.EXEMPT, Outcome.SANCTIONED} or stage.verdict in TOLERATED


def lapses_in(incidents: Iterable[Incident]) -> tuple[Lapse, ...]:
    """Return the lapses that incidents tell of, the oldest first.

    Incidents of one attachment and one second of its detach are one lapse, whichever path wrote them. Those
    of which nobody knows when they began are one lapse until one of them says how it ended.
    """
    dated: dict[tuple[Attachment, datetime], list[Incident]] = defaultdict(list)
    undated: dict[Attachment, list[list[Incident]]] = defaultdict(lambda: [[]])
    for incident in sorted(incidents, key=lambda incident: incident.recorded_at):
        if incident.attachment is None:
            continue
        if incident.detached_at is not None:
            dated[incident.attachment, incident.detached_at].append(incident)
            continue
        undated[incident.attachment][-1].append(incident)
        if incident.outcome in _ENDINGS:
            undated[incident.attachment].append([])
    groups = (*dated.values(), *chain.from_iterable(undated.values()))
    lapses = (Lapse(group[0].attachment, tuple(group)) for group in groups if group and group[0].attachment)
    return tuple(sorted(lapses, key=lambda lapse: (lapse.began, lapse.attachment.pair)))


@dataclass(frozen=True, slots=True)
class Month:
    """A month in UTC.

    Parameters
    ----------
    first : datetime
        Its first moment.
    """

    first: datetime

    @property
    def following(self) -> datetime:
        """The first moment of the next one."""
        years, month = divmod(self.first.month, 12)
        return self.first.replace(year=self.first.year + years, month=month + 1)

    @property
    def name(self) -> str:
        """What people call it, such as October 2026."""
        return f"{_NAMES[self.first.month - 1]} {self.first.year}"

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.following - self.first).days

    def holds(self, moment: datetime) -> bool:
        """Return whether a moment is in it."""
        return self.first <= moment < self.following


_NAMES = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def month_of(text: str) -> Month:
    """Return the month that a text such as `2026-10` names.

    Raises
    ------
    ValueError
        If it names none; names the value and what was expected.
    """
    found = _MONTH.fullmatch(text)
    # The month after the last one that Python knows has no first moment.
    if found is None or not 0 < int(found[1]) < MAXYEAR:
        message = f"month: got {text[:40]!r}, expected a month such as 2026-10"
        raise ValueError(message)
    return Month(datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC))


def lapses_of(month: Month, lapses: Iterable[Lapse]) -> tuple[Lapse, ...]:
    """Return the lapses that began in a month, and those from before of which the end is in it or later."""
    return tuple(
        lapse
        for lapse in lapses
        if month.holds(lapse.began)
        or (lapse.began < month.first and lapse.ended is not None and lapse.ended >= month.first)
    )


def unended_before(month: Month, lapses: Iterable[Lapse]) -> int:
    """Return how many lapses began before a month and have no recorded end."""
    return sum(lapse.began < month.first and lapse.ended is None for lapse in lapses)


@dataclass(frozen=True, slots=True)
class Figures:
    """A month in numbers.

    Parameters
    ----------
    lapses : int
        How many there were.
    endings : dict of Ending to int
        How many ended how.
    failed, exempt, sanctioned : int
        Of how many some stage failed, was exempt, was sanctioned.
    total, longest, middle : timedelta or None
        The exposures that are known; None if none is.
    runs : int
        Reconciliations that are recorded.
    """

    lapses: int
    endings: dict[Ending, int]
    failed: int
    exempt: int
    sanctioned: int
    total: timedelta | None
    longest: timedelta | None
    middle: timedelta | None
    runs: int


def figures_of(lapses: Sequence[Lapse], runs: int) -> Figures:
    """Return lapses in numbers."""
    exposures = [lapse.exposure for lapse in lapses if lapse.exposure is not None]
    return Figures(
        lapses=len(lapses),
        endings={ending: sum(lapse.ending is ending for lapse in lapses) for ending in Ending},
        failed=sum(lapse.failed for lapse in lapses),
        exempt=sum(lapse.was(Outcome.EXEMPT) for lapse in lapses),
        sanctioned=sum(lapse.was(Outcome.SANCTIONED) for lapse in lapses),
        total=sum(exposures, timedelta()) if exposures else None,
        longest=max(exposures, default=None),
        middle=_middle(exposures),
        runs=runs,
    )


def _middle(exposures: Sequence[timedelta]) -> timedelta | None:
    if not exposures:
        return None
    return timedelta(seconds=median(exposure.total_seconds() for exposure in exposures))


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a month that CloudTrail's history and the ledger can both tell of.

    Parameters
    ----------
    since, until : datetime
        The first moment, and the first one behind it.
    """

    since: datetime
    until: datetime


_MARGIN = timedelta(hours=1)
"""The oldest events disappear while they are read."""


def window_of(month: Month, now: datetime) -> Window | None:
    """Return what of a month can be compared; None if nothing.

    The history is kept for 90 days. A detach of the last half hour may not be in it yet, or Holdfast may
    still be at it.
    """
    since, until = max(month.first, now - KEPT + _MARGIN), min(month.following, now - RECENT)
    return Window(since, until) if since < until else None


@dataclass(frozen=True, slots=True)
class Sightings:
    """What CloudTrail's history shows of DetachPolicy.

    Parameters
    ----------
    detachments : tuple of Detachment
        The successful calls.
    unreadable : int
        Records that are not as CloudTrail documents them.
    """

    detachments: tuple[Detachment, ...] = ()
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Completeness:
    """The detaches in CloudTrail beside the incidents in the ledger.

    Parameters
    ----------
    window : Window
        What was compared.
    matched : int
        Calls with an incident in the ledger.
    gaps : tuple of Detachment
        Detaches of guardrails without one.
    unguarded : int
        Detaches of what the baseline does not guard, and that the ledger has nothing of.
    unseen : tuple of Incident
        Incidents whose detach CloudTrail's history does not show, one for each detach.
    unreadable : int
        Records of CloudTrail that could not be read, so that nobody knows what they are about.
    """

    window: Window
    matched: int = 0
    gaps: tuple[Detachment, ...] = ()
    unguarded: int = 0
    unseen: tuple[Incident, ...] = ()
    unreadable: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether every detach of a guardrail in the window is in the ledger."""
        return not self.gaps and not self.unreadable


def compare(
    sightings: Sightings, incidents: Collection[Incident], baseline: Baseline, window: Window
) -> Completeness:
    """Return how CloudTrail's detaches and the ledger's incidents match, by the ids of calls and events.

    Parameters
    ----------
    sightings : Sightings
        What CloudTrail shows; what is outside of the window does not count.
    incidents : collection of Incident
        The ledger's, also those of other months.
    baseline : Baseline
        What is guarded; with the new ids of policies that were made again.
    window : Window
        What is compared.
    """
    every = {each.call_id: each for each in sightings.detachments}
    shown = [each for each in every.values() if window.since <= each.event_time < window.until]
    recorded = frozenset[str]().union(*(incident.event_ids for incident in incidents))
    missing = [each for each in shown if recorded.isdisjoint({each.event_id, each.call_id})]
    gaps = sorted(
        (each for each in missing if guardrail_of(each.attachment, baseline)),
        key=lambda each: each.event_time,
    )
    seen = {name for each in sightings.detachments for name in (each.event_id, each.call_id)}
    unseen = {
        incident.event_ids: incident
        for incident in incidents
        if incident.detached_at is not None
        and window.since <= incident.detached_at < window.until
        and seen.isdisjoint(incident.event_ids)
    }
    return Completeness(
        window,
        matched=len(shown) - len(missing),
        gaps=tuple(gaps),
        unguarded=len(missing) - len(gaps),
        unseen=tuple(unseen.values()),
        unreadable=sightings.unreadable,
    )


def guardrail_of(attachment: Attachment, baseline: Baseline) -> Guardrail | None:
    """Return the guardrail that an attachment belongs to, under the policy's new id or its declared one."""
    return next(
        (one for one in baseline.guardrails if one.protects(attachment) or one.declares(attachment)), None
    )


@dataclass(frozen=True, slots=True)
class Version:
    """A baseline that judged incidents or runs.

    Parameters
    ----------
    name : str
        The first digits of its hash.
    first, last : datetime
        When it was first and last recorded in the month.
    """

    name: str
    first: datetime
    last: datetime


def versions_in(month: Month, recorded: Recorded) -> tuple[Version, ...]:
    """Return the baselines by which a month's incidents and runs were judged, in the order of their times."""
    times: dict[str, list[datetime]] = defaultdict(list)
    for name, at in chain(
        ((incident.baseline_version, incident.recorded_at) for incident in recorded.incidents),
        ((run.baseline_version, run.at) for run in recorded.runs),
    ):
        if name and month.holds(at):
            times[name].append(at)
    versions = (Version(name, min(moments), max(moments)) for name, moments in times.items())
    return tuple(sorted(versions, key=lambda version: (version.first, version.name)))


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the evidence comes from.

    Parameters
    ----------
    reader : str
        The ARN of whoever read it.
    made_at : datetime
        When.
    organization : str
        The organization that the baseline names.
    stack, table, region : str
        The stack, its ledger, and where they are.
    baseline_version : str
        The baseline that said what is guarded.
    """

    reader: str
    made_at: datetime
    organization: str
    stack: str
    table: str
    region: str
    baseline_version: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A month's evidence, whole.

    Parameters
    ----------
    month : Month
        The month.
    provenance : Provenance
        Where it comes from.
    lapses : tuple of Lapse
        Those that began in the month, and those from before that ended in it or later; the oldest first.
    figures : Figures
        The same in numbers.
    completeness : Completeness or None
        None if the month cannot be compared with CloudTrail.
    versions : tuple of Version
        The baselines in force.
    names : dict of str to str
        The guardrails' names by the ids of their policies.
    unended_before : int
        Lapses that began earlier and have no recorded end.
    unreadable_events : int
        Events in the month that Holdfast could not read.
    uncounted : int
        Attachments that runs found off beyond those that they recorded one by one.
    passed_over : int
        Items of the ledger that are not as Holdfast writes them.
    """

    month: Month
    provenance: Provenance
    lapses: tuple[Lapse, ...]
    figures: Figures
    completeness: Completeness | None
    versions: tuple[Version, ...] = ()
    names: dict[str, str] | None = None
    unended_before: int = 0
    unreadable_events: int = 0
    uncounted: int = 0
    passed_over: int = 0

    @property
    def is_partial(self) -> bool:
        """Whether only a part of the month could be compared."""
        if self.completeness is None:
            return False
        window = self.completeness.window
        return window.since > self.month.first or window.until < self.month.following

    def guardrail(self, lapse: Lapse) -> str:
        """Return what the guardrail of a lapse is called; its policy's id if nobody knows."""
        policy_id = lapse.attachment.policy_id
        return lapse.known("policy_name") or (self.names or {}).get(policy_id) or policy_id


def evidence_of(
    month: Month,
    recorded: Recorded,
    completeness: Completeness | None,
    baseline: Baseline,
    source: Provenance,
) -> Evidence:
    """Return a month's evidence from what was read."""
    every = lapses_in(recorded.incidents)
    lapses = lapses_of(month, every)
    runs = [run for run in recorded.runs if month.holds(run.at)]
    return Evidence(
        month=month,
        provenance=source,
        lapses=lapses,
        figures=figures_of(lapses, len(runs)),
        completeness=completeness,
        versions=versions_in(month, recorded),
        names=names_in(baseline),
        unended_before=unended_before(month, every),
        unreadable_events=sum(one.attachment is None and month.holds(one.at) for one in recorded.incidents),
        uncounted=sum(run.uncounted for run in runs),
        passed_over=recorded.passed_over,
    )


def names_in(baseline: Baseline | None) -> dict[str, str]:
    """Return the guardrails' names by the ids of their policies, the new ones and the declared ones."""
    return {
        policy_id: guardrail.name
        for guardrail in (baseline.guardrails if baseline else ())
        for policy_id in (guardrail.declared_id, guardrail.policy_id)
        if policy_id
    }
