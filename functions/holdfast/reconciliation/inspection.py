"""Check Wiring's work: read each part, decide what is wrong, and remember what the next run compares with.

What cannot be read is a fault of its own: no check is left out silently. A service that is busy is asked
again for some seconds over all; if it stays busy, that is a fault too, since the next run comes soon.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from holdfast.baseline import Baseline
from holdfast.errors import ServiceBusyError, ServiceError, ServiceRefusedError
from holdfast.quoting import quoted
from holdfast.reconciliation import blindness
from holdfast.reconciliation.drift import author_document
from holdfast.reconciliation.fingerprints import compare_with_deployed, fingerprint_of
from holdfast.reconciliation.run import Fault, Wiring
from holdfast.reconciliation.trail_selection import shortcoming_of
from holdfast.reconciliation.wiring import (
    CHECKED_KINDS,
    FunctionState,
    Part,
    Stack,
    State,
    checked_sentences,
    code_faults,
    faults_of,
    mail_faults,
    not_checked,
    unread_faults,
)
from holdfast.timestamps import format_timestamp

if TYPE_CHECKING:
    from holdfast.memory import Memory
    from holdfast.reconciliation.deployment import Deployment
    from holdfast.reconciliation.executions import Executions
    from holdfast.reconciliation.history import History
    from holdfast.reconciliation.trails import Trails
    from holdfast.successors import Successors

T = TypeVar("T")

DEPLOYED = "deployed"
BLINDNESS = "blindness"
"""The names of what is remembered."""

FAST_PATH = "RemediateStateMachine"

_PAUSE = 1.0
_EVENTS_NAMED = 5
_DETACH_EVENTS = "Detach events"
_NO_FAST_PATH = Fault(FAST_PATH, "The stack has no such part.", "Deploy the template again.")
_TOO_MANY_EVENTS = Fault(
    _DETACH_EVENTS,
    "There were more DetachPolicy calls, failed ones included, than are looked at: the older ones were not.",
    "Look in CloudTrail's event history who makes so many.",
)


class Patience:
    """Ask again while a service is busy, a limited number of times over all that is asked.

    Parameters
    ----------
    pauses : int
        How often one second may be waited.
    """

    def __init__(self, pauses: int = 10) -> None:
        self._pauses = pauses

    def __call__(self, ask: Callable[[], T]) -> T:
        """Return what `ask` returns.

        Raises
        ------
        ServiceBusyError
            If the service is still busy when no pause is left.
        """
        while True:
            try:
                return ask()
            except ServiceBusyError:
                if self._pauses == 0:
                    raise
            self._pauses -= 1
            time.sleep(_PAUSE)


def together(*findings: Wiring) -> Wiring:
    """Return all findings as one."""
    return Wiring(
        checked=tuple(sentence for finding in findings for sentence in finding.checked),
        faults=tuple(fault for finding in findings for fault in finding.faults),
        blind=tuple(event_id for finding in findings for event_id in finding.blind),
        authors=tuple(author for finding in findings for author in finding.authors),
    )


def wiring_document(wiring: Wiring) -> dict[str, Any]:
    """Return the findings as a part of the run's document."""
    return {
        "checked": list(wiring.checked),
        "faults": [asdict(fault) for fault in wiring.faults],
        "blind": list(wiring.blind),
        "authors": [author_document(author) for author in wiring.authors],
    }


def check_trails(trails: Trails, patience: Patience) -> Wiring:
    """Return whether some trail logs the organization's changes; without one, EventBridge gets no events."""
    checked = ("whether a trail logs management write events",)
    shortcomings = []
    try:
        for trail in patience(trails.visible):
            if not trail.covers_region:
                shortcomings.append(f"{quoted(trail.arn)} is of another region")
                continue
            try:
                shortcoming = shortcoming_of(patience(partial(trails.look_at, trail)))
            except ServiceRefusedError as error:
                shortcoming = f"could not be read, {quoted(error, limit=300)}"
            if shortcoming is None:
                return Wiring(checked)
            shortcomings.append(f"{quoted(trail.arn)} {shortcoming}")
    except ServiceError as error:
        return Wiring(faults=(not_checked("CloudTrail", error),))
    return Wiring(checked, (_no_trail(shortcomings),))


def _no_trail(shortcomings: list[str]) -> Fault:
    why = f" ({'; '.join(shortcomings)})" if shortcomings else ""
    return Fault(
        "CloudTrail",
        f"No trail logs management write events: EventBridge gets no CloudTrail events{why}.",
        "Start a trail that logs all management events of this region, best one of the organization.",
    )


def check_parts(
    stack: Stack, deployment: Deployment, patience: Patience
) -> tuple[Wiring, Mapping[Part, State]]:
    """Return what is wrong with the parts of the stack, each by itself, and their states."""
    states: dict[Part, State] = {}
    unread: dict[Part, ServiceError] = {}
    for part in stack.parts:
        if part.kind not in CHECKED_KINDS:
            continue
        try:
            states[part] = patience(partial(deployment.look_at, part))
        except ServiceError as error:
            unread[part] = error
    functions = {part.logical_id: state for part, state in states.items() if isinstance(state, FunctionState)}
    faults = (
        *(
            fault
            for part, state in states.items()
            if part.logical_id not in stack.switched_off
            for fault in faults_of(part, state)
        ),
        # While a deployment is under way, some functions have the new code and some the old one.
        *(() if stack.in_progress else code_faults(functions)),
        *mail_faults(stack, states),
        *unread_faults(unread),
    )
    return Wiring(checked_sentences(states), faults), states


def check_fingerprints(
    stack: Stack,
    states: Mapping[Part, State],
    memory: Memory,
    stack_now: Callable[[], Stack],
    patience: Patience,
) -> Wiring:
    """Return what was changed past the deployments; nothing is compared while a deployment is under way.

    Parameters
    ----------
    stack, states
        The stack and its parts' states, as they were read.
    memory : Memory
        Where the fingerprints are.
    stack_now : callable
        Reads the stack again: if a deployment began meanwhile, what differs is its work.
    patience : Patience
        Asks again.
    """
    if stack.in_progress:
        return Wiring()
    fingerprints = {part.logical_id: fingerprint_of(state) for part, state in states.items()}
    seen = {logical_id: fingerprint for logical_id, fingerprint in fingerprints.items() if fingerprint}
    try:
        before = patience(partial(memory.recall, DEPLOYED))
        faults, after = compare_with_deployed(before, stack.deployed_at, seen)
        if (faults or after != before) and _is_another(patience(stack_now), stack):
            return Wiring()
        if after != before:
            patience(partial(memory.remember, DEPLOYED, after, instead_of=before))
    except ServiceError as error:
        return Wiring(faults=(not_checked("The comparison with what was deployed", error),))
    return Wiring((f"whether {len(seen)} parts are as they were deployed",), faults)


def _is_another(now: Stack, then: Stack) -> bool:
    return now.in_progress or now.deployed_at != then.deployed_at


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Who knows what became of the detaches."""

    memory: Memory
    successors: Successors
    history: History
    executions: Executions


def check_blindness(stack: Stack, baseline: Baseline, witnesses: Witnesses) -> Wiring:
    """Return which detaches of guardrails started no execution; what is accounted for is not asked again.

    If something cannot be read, nothing is remembered, so that the next run accounts for the same time too.
    If only that cannot be written down, what was found is told all the same.
    """
    fast_path = stack.physical_id(FAST_PATH)
    if fast_path is None:
        return Wiring(faults=(_NO_FAST_PATH,))
    try:
        before = witnesses.memory.recall(BLINDNESS)
        window = blindness.next_window(before, stack.complete_since, stack.read_at)
        if window is None:
            return Wiring()
        records, complete = blindness.read_records(witnesses.history, window)
        baselines = (baseline, baseline.adopting(witnesses.successors.read())) if records else ()
        detachments = blindness.detachments_of_guardrails(records, baselines)
        accounting = blindness.account_for(detachments, witnesses.executions, fast_path)
    except ServiceError as error:
        return Wiring(faults=(not_checked(_DETACH_EVENTS, error),))
    span = f"{format_timestamp(window.since)} to {format_timestamp(window.until)}"
    return Wiring(
        (f"whether each detach of a guardrail from {span} started an execution",),
        (
            *(() if complete else (_TOO_MANY_EVENTS,)),
            *_not_looked_for(accounting.unchecked),
            *_remember(window, before, witnesses.memory),
        ),
        accounting.blind,
        blindness.authors_of(accounting.blind, detachments),
    )


def _remember(
    window: blindness.Window, before: Mapping[str, Any] | None, memory: Memory
) -> tuple[Fault, ...]:
    """Remember what was accounted for. An answer that is lost may be that of a write that succeeded."""
    try:
        memory.remember(BLINDNESS, blindness.remembered_window(window), instead_of=before)
    except ServiceError as error:
        return (not_checked(_DETACH_EVENTS, error),)
    return ()


def _not_looked_for(event_ids: tuple[str, ...]) -> tuple[Fault, ...]:
    if not event_ids:
        return ()
    few = ", ".join(event_ids[:_EVENTS_NAMED]) + (", …" if len(event_ids) > _EVENTS_NAMED else "")
    finding = (
        f"Of {len(event_ids)} it is not known whether they started an execution, as more than "
        f"{blindness.EXECUTIONS_AT_MOST} have begun since: {few}."
    )
    return (Fault(_DETACH_EVENTS, finding, "Look for executions that have these event ids in their input."),)
