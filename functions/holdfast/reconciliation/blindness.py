"""Whether each detach of a guardrail started the fast path: one that did not shows that it is blind.

CloudTrail's event history needs neither a trail nor a rule, so it shows what the fast path should have seen.
In a deployment that a delegated administrator hosts, it shows that account's own detaches only: what the
management account does is in the history of that one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from holdfast.baseline import Baseline
from holdfast.detachment import DETACH_POLICY, Detachment, detachment_of
from holdfast.errors import MalformedEventError, ServiceBusyError
from holdfast.reconciliation.drift import AUTHORS, Author, author_of_detachment
from holdfast.reconciliation.history import KEPT, LAG, TOO_MANY_PAGES
from holdfast.record import Record
from holdfast.timestamps import format_timestamp, parse_timestamp

if TYPE_CHECKING:
    from holdfast.reconciliation.executions import Executions
    from holdfast.reconciliation.history import History

EXECUTIONS_AT_MOST = 500
"""Executions that are looked at for one run, a call each."""

_AT_FIRST = timedelta(hours=24)

_CLOCKS_DIFFER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Window:
    """The time of which detach events are accounted for: after `since`, up to and with `until`."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Accounting:
    """What became of the detaches of guardrails in a window.

    Parameters
    ----------
    blind : tuple of str
        The ids of the events that started no execution.
    unchecked : tuple of str
        The ids of those that may have: more executions were there than may be looked at.
    """

    blind: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def next_window(
    remembered: Mapping[str, Any] | None, complete_since: datetime, now: datetime
) -> Window | None:
    """Return what is to be accounted for next, None if it is too early.

    The window ends where the event history can be relied on, so its events had the time to start an
    execution: one that EventBridge delivers later than that is reported too.

    Parameters
    ----------
    remembered : mapping or None
        `until`: where the last window ended; None if nothing is remembered.
    complete_since : datetime
        When the deployment was complete: before, there was nothing that an event could have started.
    now : datetime
        The time.
    """
    until = (now - LAG).replace(microsecond=0)
    ended = _end_of_the_last(remembered)
    if ended is None or ended > now:
        # Nobody switches the accounting off by writing a time to come.
        ended = max(complete_since, now - _AT_FIRST)
    since = max(ended, now - KEPT)
    return Window(since, until) if since < until else None


def _end_of_the_last(remembered: Mapping[str, Any] | None) -> datetime | None:
    try:
        return None if remembered is None else parse_timestamp(remembered["until"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def remembered_window(window: Window) -> Mapping[str, Any]:
    """Return what to remember when a window has been accounted for."""
    return {"until": format_timestamp(window.until)}


def read_records(history: History, window: Window) -> tuple[tuple[Record, ...], bool]:
    """Return the DetachPolicy records of a window, and whether these are all.

    Failed calls count for what may be read, and anybody can make many: of such a window the newest are read.

    Raises
    ------
    ServiceBusyError, ServiceRefusedError
        If CloudTrail does not answer.
    """
    records: list[Record] = []
    try:
        for record in history.records(DETACH_POLICY, window.since, window.until):
            # A window begins where the last one ended, and CloudTrail counts both ends in.
            if record.event_time > window.since:
                records.append(record)  # noqa: PERF401 - what came before an error counts
    except ServiceBusyError as error:
        if error.code != TOO_MANY_PAGES:
            raise
        return tuple(records), False
    return tuple(records), True


def detachments_of_guardrails(
    records: Iterable[Record], baselines: Sequence[Baseline]
) -> tuple[Detachment, ...]:
    """Return the detachments that any of the baselines, the declared and the adopted one, protects from."""
    detachments = (detachment for record in records for detachment in _detachment(record))
    return tuple(
        detachment
        for detachment in detachments
        if any(baseline.guardrail_for(detachment.attachment) for baseline in baselines)
    )


def _detachment(record: Record) -> Iterator[Detachment]:
    try:
        yield detachment_of(record)
    except MalformedEventError:
        return


def account_for(
    detachments: Sequence[Detachment],
    executions: Executions,
    state_machine_arn: str,
    at_most: int = EXECUTIONS_AT_MOST,
) -> Accounting:
    """Return which detachments started no execution of the fast path.

    Nothing is asked if there are none, and no more than it takes to find them all.

    Raises
    ------
    ServiceBusyError, ServiceRefusedError
        If Step Functions does not answer.
    """
    missing = {detachment.event_id: detachment.event_time for detachment in detachments}
    if not missing:
        return Accounting()
    since = min(missing.values()) - _CLOCKS_DIFFER
    for remediation in executions.remediations(state_machine_arn, since, at_most):
        missing.pop(remediation.detachment.event_id, None)
        if not missing:
            return Accounting()
    # An execution begins after its event, so all that an event could have started began after the horizon.
    horizon = executions.horizon(state_machine_arn, since, at_most)
    blind = tuple(
        event_id for event_id, at in missing.items() if horizon is None or at - _CLOCKS_DIFFER > horizon
    )
    return Accounting(blind, tuple(event_id for event_id in missing if event_id not in blind))


def authors_of(event_ids: Collection[str], detachments: Iterable[Detachment]) -> tuple[Author, ...]:
    """Return who made the detaches that these events report, of a few."""
    authors = (
        author_of_detachment(detachment) for detachment in detachments if detachment.event_id in event_ids
    )
    return tuple(islice(authors, AUTHORS))
