"""Looking for drift: slice by slice, again until an event shows, and twice before anything is restored.

A look reads every guardrail in the run's scope, and some targets. A slice is what one call of the task reads;
what is left to read is in the document, so that a slice that fails is repeated alone.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from holdfast.attachment import PolicyType
from holdfast.baseline import Baseline
from holdfast.errors import RetryableError
from holdfast.reconciliation.drift import Author, Drift, Search, Stage, plan_restoration, without_gone_targets
from holdfast.reconciliation.scanning import ENABLED, Scanner
from holdfast.reconciliation.trigger import Change, ChangeKind, Scope, ScopeKind, Trigger
from holdfast.settings import Restoring

SLICE = 40.0
"""Seconds after which a slice begins to read nothing more.

What it has begun it finishes: a guardrail on 5,000 targets takes 250 pages, 200 s at a quarter of the rate.
"""

EVENT_PATIENCE = timedelta(seconds=60)
"""How long an event may take to show in a read. Source: none; AWS states no bound ("Troubleshooting")."""

TYPE_PATIENCE = timedelta(minutes=15)
"""The same for switching a policy type, which AWS does in the background."""

TARGET_READS = 60
"""ListPoliciesForTarget calls of one look."""

_SLOT = timedelta(minutes=10)


class Slice:
    """The time that one call of the task has."""

    def __init__(self, seconds: float = SLICE, now: Callable[[], float] | None = None) -> None:
        self._now = now or time.monotonic
        self._began = self._now()
        self._seconds = seconds

    def is_over(self) -> bool:
        """Return whether nothing more is to be begun."""
        return self._now() - self._began >= self._seconds

    def is_half_over(self) -> bool:
        """Return whether what takes long is left to the next slice."""
        return self._now() - self._began >= self._seconds / 2


def guardrails_in(scope: Scope, baseline: Baseline) -> tuple[int, ...]:
    """Return the guardrails that a run looks at, by index."""
    attachment = scope.attachment
    matches: Mapping[ScopeKind, Callable[[int], bool]] = {
        ScopeKind.ALL: lambda _: True,
        ScopeKind.POLICY_TYPE: lambda index: baseline.guardrails[index].policy_type == scope.subject,
        ScopeKind.POLICY: lambda index: (
            scope.subject in {baseline.guardrails[index].policy_id, baseline.guardrails[index].declared_id}
        ),
        ScopeKind.TARGET: lambda index: scope.subject in (baseline.guardrails[index].targets or ()),
        ScopeKind.ATTACHMENT: lambda index: (
            attachment is not None and baseline.guardrails[index].declares(attachment)
        ),
        ScopeKind.EVENT: lambda _: False,
    }
    return tuple(filter(matches[scope.kind], range(len(baseline.guardrails))))


class Looking:
    """Bring a run's search forward.

    Parameters
    ----------
    trigger : Trigger
        Why the run began, and for what.
    scanner : Scanner
        Reads the organization.
    now : callable, optional
        Tells the time, in UTC.
    """

    def __init__(self, trigger: Trigger, scanner: Scanner, now: Callable[[], datetime] | None = None) -> None:
        self._trigger = trigger
        self._scanner = scanner
        self._now = now or _utc_now
        self._guardrails = guardrails_in(trigger.scope, scanner.baseline)
        attachment = trigger.scope.attachment
        self._only = attachment.target_id if attachment else None

    def advance(self, search: Search | None, time_is_up: Callable[[], bool]) -> Search:
        """Return the search, brought forward by a slice.

        If it `is_read` then, all that has to be looked at has been, and what was found stands.

        Parameters
        ----------
        search : Search or None
            How far the slice before came; None at the beginning.
        time_is_up : callable
            Tells whether nothing more is to be begun.

        Raises
        ------
        OrganizationsThrottledError, OrganizationsBusyError
            If nothing could be read; what a slice has read it keeps.
        OrganizationsError
            Any other answer of the API's.
        """
        if search is None:
            search = self._begin(Search(Stage.READING, self._now(), looks=0))
        elif search.stage is Stage.UNSETTLED:
            search = self._begin(search)
        elif search.stage is Stage.SECOND_LOOK:
            search = self._begin_again(search)
        search = self._read(search, time_is_up)
        return self._after_look(search) if search.is_read else search

    def _begin(self, search: Search) -> Search:
        """Begin the first look, or another first one after a while of waiting."""
        statuses = self._scanner.statuses(self._guardrails)
        if not self._is_past(search, TYPE_PATIENCE) and self._is_in_between(search, statuses):
            return replace(search, stage=Stage.UNSETTLED)
        disabled = _not_enabled(statuses)
        targets = () if self._guardrails else self._choose_targets(Drift())
        return replace(
            search,
            stage=Stage.READING,
            looks=search.looks + 1,
            todo=self._guardrails,
            targets_todo=targets,
            drift=Drift(disabled=disabled),
            suspected=None,
        )

    def _is_in_between(self, search: Search, statuses: Mapping[PolicyType, str | None]) -> bool:
        """Return whether a type is being switched, or does not show yet that it was.

        CloudTrail's record comes before the act. After a look at everything, waiting for it costs one
        guardrail's targets only.
        """
        if any(status not in {ENABLED, None} for status in statuses.values()):
            return True
        change = self._trigger.change
        if change is None or change.kind is not ChangeKind.DISABLE_POLICY_TYPE or search.looks == 0:
            return False
        placed = next(filter(self._scanner.is_placed, self._guardrails), None)
        if change.policy_type in _not_enabled(statuses) or placed is None:
            return False
        seen = self._scanner.attachments(placed)
        return not seen.gone and set(seen.missing) <= set(search.drift.gone_targets)

    def _begin_again(self, search: Search) -> Search:
        """Begin the second look: only what was missing counts, and only its guardrails are read."""
        suspected = search.suspected or ()
        placements = self._scanner.baseline.placements
        guardrails = tuple(sorted({placements[number].guardrail for number in suspected}))
        disabled = _not_enabled(self._scanner.statuses(guardrails))
        return replace(
            search,
            stage=Stage.READING,
            looks=search.looks + 1,
            todo=tuple(index for index in guardrails if self._type_of(index) not in disabled),
            drift=replace(search.drift, missing=()) + Drift(disabled=disabled),
        )

    def _read(self, search: Search, time_is_up: Callable[[], bool]) -> Search:
        begun = search
        while search.stage is Stage.READING and not search.is_read and not time_is_up():
            try:
                search = self._step(search)
            except RetryableError:
                if search is begun:
                    raise
                break
        return search

    def _step(self, search: Search) -> Search:
        if search.suspected is not None:
            return self._look_again_at(search, search.todo[0], set(search.suspected))
        if search.todo:
            index, *rest = search.todo
            drift = search.drift + self._scanner.guardrail(index, search.drift.disabled, self._only)
            targets = search.targets_todo if rest else self._choose_targets(drift)
            return replace(search, todo=tuple(rest), targets_todo=targets, drift=without_gone_targets(drift))
        target_id, *others = search.targets_todo
        change = self._trigger.change
        attached = change.policy_id if change and change.target_id == target_id else None
        drift = search.drift + self._scanner.target(target_id, search.drift.disabled, attached)
        return replace(search, targets_todo=tuple(others), drift=without_gone_targets(drift))

    def _look_again_at(self, search: Search, index: int, suspected: set[int]) -> Search:
        seen = self._scanner.attachments(index, self._only)
        still = tuple(number for number in seen.missing if number in suspected)
        drift = search.drift + replace(seen, missing=still)
        return replace(search, todo=search.todo[1:], drift=without_gone_targets(drift))

    def _after_look(self, search: Search) -> Search:
        if search.suspected is not None:
            return search
        if self._is_switching(search):
            return replace(search, stage=Stage.UNSETTLED)
        if search.drift.missing and not self._trigger.at_once:
            return replace(search, stage=Stage.SECOND_LOOK, suspected=search.drift.missing)
        if self._is_unsettled(search):
            return replace(search, stage=Stage.UNSETTLED)
        return search

    def _is_switching(self, search: Search) -> bool:
        """Return whether a type that an event says is off has still some of its attachments.

        What else is missing of it waits as well: the fast path sees to a detach.
        """
        change = self._trigger.change
        if change is None or change.kind is not ChangeKind.DISABLE_POLICY_TYPE:
            return False
        if change.policy_type in search.drift.disabled or self._is_past(search, TYPE_PATIENCE):
            return False
        placements, missing = self._scanner.baseline.placements, {*search.drift.missing}
        of_type = {
            number
            for number, placement in enumerate(placements)
            if self._type_of(placement.guardrail) is change.policy_type
        }
        return bool(of_type) and not of_type <= missing | {*search.drift.gone_targets}

    def _is_unsettled(self, search: Search) -> bool:
        change = self._trigger.change
        if change is None or has_shown(change, search.drift, self._scanner.baseline):
            return False
        slow = change.kind is ChangeKind.DISABLE_POLICY_TYPE
        return not self._is_past(search, TYPE_PATIENCE if slow else EVENT_PATIENCE)

    def _is_past(self, search: Search, patience: timedelta) -> bool:
        return self._now() - search.began_at >= patience

    def _choose_targets(self, drift: Drift) -> tuple[str, ...]:
        """Return the targets whose policies are read: those that lack one, the scope's own, and some more.

        Which others, a lot decides, so that every target is read in one of the next runs.
        """
        placements = self._scanner.baseline.placements
        scope = self._trigger.scope
        wanted = [placements[number].target_id for number in sorted(drift.missing)]
        if scope.kind is ScopeKind.TARGET and scope.subject:
            wanted.append(scope.subject)
        if scope.kind is ScopeKind.ALL:
            wanted += _from_one_on(self._scanner.targets, self._now())
        return tuple(self._as_many_as_may_be(dict.fromkeys(wanted), drift))

    def _as_many_as_may_be(self, targets: Iterable[str], drift: Drift) -> Iterable[str]:
        reads = 0
        for target_id in targets:
            cost = len(self._scanner.types_on(target_id, drift.disabled))
            reads += cost
            if reads > TARGET_READS:
                return
            if cost:
                yield target_id

    def _type_of(self, index: int) -> PolicyType:
        return self._scanner.baseline.guardrails[index].policy_type


def conclude(
    search: Search,
    drift: Drift,
    authors: tuple[Author, ...],
    baseline: Baseline,
    restoring: Restoring,
) -> Search:
    """Return the search with its end: what differs, who did it, and what is to be restored.

    Parameters
    ----------
    search : Search
        One that `is_read`.
    drift : Drift
        What differs after all.
    authors : tuple of Author
        Who did it.
    baseline : Baseline
        From what it differs.
    restoring : Restoring
        What may be restored.
    """
    return replace(
        search,
        stage=Stage.CLEAN if drift.is_clean else Stage.DRIFTED,
        drift=drift,
        suspected=None,
        plan=plan_restoration(drift, baseline, restoring),
        authors=authors,
    )


def has_shown(change: Change, drift: Drift, baseline: Baseline) -> bool:
    """Return whether a look has seen what an event reports: then its reads are not older than the event."""
    if change.kind is ChangeKind.DISABLE_POLICY_TYPE:
        return change.policy_type in drift.disabled
    if change.kind is ChangeKind.ATTACH_POLICY:
        return any(
            change.target_id == stranger.target_id and change.policy_id in stranger.policies
            for stranger in drift.strangers
        )
    changed = {*drift.gone}
    if change.kind is ChangeKind.UPDATE_POLICY:
        changed |= {*drift.changed, *(renamed.guardrail for renamed in drift.renamed)}
    named = (baseline.guardrails[index] for index in changed)
    return any(change.policy_id in {guardrail.policy_id, guardrail.declared_id} for guardrail in named)


def _not_enabled(statuses: Mapping[PolicyType, str | None]) -> tuple[PolicyType, ...]:
    return tuple(kind for kind, status in statuses.items() if status != ENABLED)


def _from_one_on(targets: tuple[str, ...], now: datetime) -> tuple[str, ...]:
    """Return the targets, beginning at another one every ten minutes.

    Which one is drawn by lot: whatever the time between two runs is, no target is left out for good. With a
    fixed step some would be.
    """
    if not targets:
        return ()
    lot = random.Random(int(now.timestamp() // _SLOT.total_seconds()))  # noqa: S311 - a lot, not a secret
    first = lot.randrange(len(targets))
    return targets[first:] + targets[:first]


def _utc_now() -> datetime:
    return datetime.now(UTC)
