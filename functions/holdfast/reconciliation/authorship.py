"""Who did it: the events that caused a drift, and what follows from who made them.

The fast path's executions know of detachments within seconds, CloudTrail's history of everything within
15 minutes, and the event that caused the run of itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

from holdfast.baseline import Baseline
from holdfast.detachment import DETACH_POLICY, attachment_in
from holdfast.errors import AwsError, MalformedEventError, ServiceRefusedError
from holdfast.fields import text_in
from holdfast.reconciliation.drift import (
    AUTHORS,
    Author,
    Drift,
    author_of_detachment,
    lost_placements,
)
from holdfast.reconciliation.executions import Remediation
from holdfast.reconciliation.history import KEPT, History
from holdfast.reconciliation.trigger import Change, ChangeKind
from holdfast.record import Record
from holdfast.settings import SANCTIONED_FOR

RECENT = timedelta(minutes=30)
"""How old an execution of the fast path may be that still tries: as long as its retries last."""

_PAGES = 3
_PAGES_OF_DETACHMENTS = 10
"""Pages of 50 events each, one a second: a pipeline may have detached many guardrails at once."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Removal:
    """The newest word on how an attachment was lost.

    Parameters
    ----------
    author : Author
        Who detached it.
    running : bool
        Whether the fast path is restoring it now.
    sanctioned : bool
        Whether whoever detached it may do so.
    """

    author: Author
    running: bool = False
    sanctioned: bool = False


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Whom to ask who did it.

    Parameters
    ----------
    remediations : callable
        Returns the fast path's executions that began after a time.
    history : History
        CloudTrail's event history.
    """

    remediations: Callable[[datetime], Iterable[Remediation]]
    history: History


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else counts when a drift is judged.

    Parameters
    ----------
    now : datetime
        The time.
    change : Change or None
        The event that caused the run.
    sanctioned_for : timedelta
        How long a sanctioned detach may wait for the baseline to say the same.
    at_once : bool
        Whether nothing is left to the fast path: an execution of it may wait for an exemption to end.
    """

    now: datetime
    change: Change | None = None
    sanctioned_for: timedelta = SANCTIONED_FOR
    at_once: bool = False


def attribute(
    drift: Drift, baseline: Baseline, witnesses: Witnesses, circumstances: Circumstances
) -> tuple[Drift, tuple[Author, ...]]:
    """Return the drift with what is being restored, or is sanctioned, set apart; and who did the rest.

    Parameters
    ----------
    drift : Drift
        What differs.
    baseline : Baseline
        From what, successors adopted.
    witnesses : Witnesses
        Whom to ask: the executions only if an attachment is off, the history only if anything differs.
    circumstances : Circumstances
        The time, and why the run began.

    Raises
    ------
    ServiceBusyError
        If the executions cannot be read now: without them a sanctioned detach would be reverted.
    """
    now, change = circumstances.now, circumstances.change
    removals = _recent_removals(witnesses, now) if _perhaps_detached(drift, baseline) else {}
    if not circumstances.at_once:
        drift = leave_to_the_fast_path(drift, baseline, removals)
    if drift.is_clean:
        return drift, ()
    subjects, detached = subjects_of(drift, baseline), _perhaps_detached(drift, baseline)
    wanted = {**subjects, DETACH_POLICY: frozenset(detached.values())} if detached else subjects
    known = authors_in_history(witnesses.history, wanted, now)
    removals = newer(removals, known, baseline)
    undone = attached_again(witnesses.history, removals, detached.values(), now)
    removals = {name: removal for name, removal in removals.items() if name not in undone}
    known = tuple(author for author in known if author.event != DETACH_POLICY or author.subject not in undone)
    cause = author_of_change(change) if change else None
    authors = (*known, *(removal.author for removal in removals.values()), *((cause,) if cause else ()))
    sanctioned = [
        number for number, name in detached.items() if _is_sanctioned(removals.get(name), circumstances)
    ]
    names = frozenset(detached[number] for number in sanctioned)
    told = {**subjects, DETACH_POLICY: subjects.get(DETACH_POLICY, frozenset()) | names}
    return leave_what_is_sanctioned(drift, sanctioned), choose_authors(authors, told)


def _is_sanctioned(removal: Removal | None, circumstances: Circumstances) -> bool:
    """Return whether an attachment may be off for now, because of who detached it last."""
    if removal is None or not removal.sanctioned:
        return False
    return circumstances.now - removal.author.at < circumstances.sanctioned_for


def _perhaps_detached(drift: Drift, baseline: Baseline) -> dict[int, str]:
    """Return the placements of which a detach is looked up, each with its name.

    What was lost with its type or its policy may have been detached before, by a principal who may do so:
    then it stays off when the type or the policy comes back.
    """
    numbers = lost_placements(drift, baseline) if baseline.sanctioned else drift.missing
    return dict(_named_placements(numbers, baseline))


def _recent_removals(witnesses: Witnesses, now: datetime) -> Mapping[str, Removal]:
    try:
        return removals_by_remediation(witnesses.remediations(now - RECENT))
    except ServiceRefusedError as error:
        _LOG.info("done without: %s", error)
        return {}


def subjects_of(drift: Drift, baseline: Baseline) -> Mapping[str, frozenset[str]]:
    """Return what has to be looked up: by CloudTrail's `eventName`, what the event was about.

    The order is that of their weight: a type that was disabled takes all attachments, a detach one.
    """
    policy_ids = [guardrail.policy_id for guardrail in baseline.guardrails]
    altered = (*drift.changed, *(renamed.guardrail for renamed in drift.renamed))
    subjects = {
        ChangeKind.DISABLE_POLICY_TYPE.value: (kind.value for kind in drift.disabled),
        ChangeKind.DELETE_POLICY.value: (policy_ids[index] for index in drift.gone),
        ChangeKind.UPDATE_POLICY.value: (policy_ids[index] for index in altered),
        ChangeKind.ATTACH_POLICY.value: (
            f"{policy_id}/{stranger.target_id}"
            for stranger in drift.strangers
            for policy_id in stranger.policies
        ),
        DETACH_POLICY: (name for _, name in _named_placements(drift.missing, baseline)),
    }
    found = {event: frozenset(names) for event, names in subjects.items()}
    return {event: names for event, names in found.items() if names}


def author_of_record(record: Record) -> Author | None:
    """Return who made the change that a record reports; None if it does not say what was changed."""
    subject = _subject_of_record(record)
    if subject is None:
        return None
    return Author(record.name, record.event_id, record.event_time, record.principal, subject)


def author_of_change(change: Change) -> Author | None:
    """Return who made the change that caused the run."""
    subject = change.policy_type or change.policy_id
    if subject is None:
        return None
    name = f"{subject}/{change.target_id}" if change.target_id else str(subject)
    return Author(change.kind.value, change.event_id, change.event_time, change.principal, name)


def removals_by_remediation(remediations: Iterable[Remediation]) -> dict[str, Removal]:
    """Return the newest detachment of each attachment that the fast path knows, by `p-…/target`."""
    removals: dict[str, Removal] = {}
    for remediation in sorted(remediations, key=lambda one: one.started_at, reverse=True):
        author = author_of_detachment(remediation.detachment)
        removals.setdefault(author.subject, Removal(author, remediation.running, remediation.sanctioned))
    return removals


def leave_to_the_fast_path(drift: Drift, baseline: Baseline, removals: Mapping[str, Removal]) -> Drift:
    """Return the drift in which what is being restored is no longer missing, but in progress."""
    named = _named_placements(drift.missing, baseline)
    running = [number for number, name in named if name in removals and removals[name].running]
    return replace(_without(drift, running), in_progress=(*drift.in_progress, *running))


def leave_what_is_sanctioned(drift: Drift, numbers: Collection[int]) -> Drift:
    """Return the drift in which what a sanctioned principal detached not long ago is no longer missing."""
    return replace(_without(drift, numbers), sanctioned=(*drift.sanctioned, *numbers))


def authors_in_history(
    history: History, subjects: Mapping[str, Collection[str]], now: datetime
) -> tuple[Author, ...]:
    """Return the newest author of each subject that CloudTrail's history tells of.

    A history that does not answer is done without; what it answered before counts.

    Parameters
    ----------
    history : History
        The history.
    subjects : mapping
        What is looked for, by event name.
    now : datetime
        When the lookup is made.
    """
    return tuple(
        chain.from_iterable(_newest_authors(history, event, names, now) for event, names in subjects.items())
    )


def newer(
    removals: Mapping[str, Removal], authors: Iterable[Author], baseline: Baseline
) -> dict[str, Removal]:
    """Return the newest word on each attachment, the fast path's or that of CloudTrail's history."""
    merged = dict(removals)
    for author in authors:
        if author.event != DETACH_POLICY:
            continue
        known = merged.get(author.subject)
        if known is None or known.author.at < author.at:
            sanctioned = baseline.sanctions(author.principal)
            merged[author.subject] = Removal(author, sanctioned=sanctioned)
    return merged


def attached_again(
    history: History, removals: Mapping[str, Removal], missing: Collection[str], now: datetime
) -> frozenset[str]:
    """Return what was attached again after its last detach: it is another loss that took it.

    Parameters
    ----------
    history : History
        The history; if it does not answer it is done without.
    removals : mapping
        The last detach of each attachment.
    missing : collection of str
        The attachments that are missing.
    now : datetime
        When the lookup is made.
    """
    detached = {name: removals[name].author.at for name in missing if name in removals}
    if not detached:
        return frozenset()
    found: set[str] = set()
    since = min(detached.values())
    try:
        for record in history.records(ChangeKind.ATTACH_POLICY.value, since, now, _PAGES_OF_DETACHMENTS):
            name = _subject_of_record(record)
            if name in detached and detached[name] < record.event_time:
                found.add(name)
    except AwsError as error:
        _LOG.info("done without: %s", error)
    return frozenset(found)


def choose_authors(
    authors: Iterable[Author], subjects: Mapping[str, Collection[str]], limit: int = AUTHORS
) -> tuple[Author, ...]:
    """Return the newest author of each subject, the weightiest events first, and no more than `limit`."""
    newest: dict[tuple[str, str], Author] = {}
    for author in authors:
        known = newest.get((author.event, author.subject))
        if author.subject in subjects.get(author.event, ()) and (known is None or known.at < author.at):
            newest[author.event, author.subject] = author
    weights = list(subjects)
    ranked = sorted(newest.values(), key=lambda author: (author.at, author.subject), reverse=True)
    ranked.sort(key=lambda author: weights.index(author.event))
    return tuple(ranked[:limit])


def _newest_authors(history: History, event: str, names: Collection[str], now: datetime) -> Iterator[Author]:
    found: dict[str, Author] = {}
    pages = _PAGES_OF_DETACHMENTS if event == DETACH_POLICY else _PAGES
    try:
        # The newest first: as soon as everybody is known, no further page is asked for.
        for record in history.records(event, now - KEPT, now, pages):
            author = author_of_record(record)
            if author is not None and author.subject in names:
                found.setdefault(author.subject, author)
            if len(found) == len(names):
                break
    except AwsError as error:
        _LOG.info("done without: %s", error)
    yield from found.values()


def _subject_of_record(record: Record) -> str | None:
    if record.name in {DETACH_POLICY, ChangeKind.ATTACH_POLICY}:
        try:
            return attachment_in(record.request).pair
        except MalformedEventError:
            return None
    key = "policyType" if record.name == ChangeKind.DISABLE_POLICY_TYPE else "policyId"
    return text_in(record.request, key)


def _named_placements(numbers: Iterable[int], baseline: Baseline) -> list[tuple[int, str]]:
    placements = baseline.placements
    return [(number, baseline.attachment_at(placements[number]).pair) for number in numbers]


def _without(drift: Drift, numbers: Collection[int]) -> Drift:
    left_out = set(numbers)
    return replace(drift, missing=tuple(number for number in drift.missing if number not in left_out))
