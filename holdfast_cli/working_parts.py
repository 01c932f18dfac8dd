"""Whether the parts of the stack work, each by its own state: what Check Wiring finds, for the operator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from holdfast.errors import ServiceError
from holdfast.reconciliation.run import Fault
from holdfast.reconciliation.trail_selection import Trail, TrailState, shortcoming_of
from holdfast.reconciliation.wiring import (
    FunctionState,
    Part,
    ScheduleState,
    Stack,
    State,
    TopicState,
    code_faults,
    faults_of,
    is_gone,
    mail_faults,
    unread_faults,
)
from holdfast_cli.check import Verdict, failed, ok, warning


@dataclass(frozen=True, slots=True)
class Looked:
    """Parts of the stack that were looked at.

    Parameters
    ----------
    states : mapping of Part to State
        What was read.
    unread : mapping of Part to ServiceError
        What was answered instead.
    """

    states: Mapping[Part, State]
    unread: Mapping[Part, ServiceError]


def judge_parts(stack: Stack, looked: Looked, fine: str) -> Verdict:
    """Judge parts by their own states.

    Parameters
    ----------
    stack : Stack
        The stack: what its parameters switch off is as it should be.
    looked : Looked
        The parts.
    fine : str
        What is said of them if nothing is wrong.

    Raises
    ------
    ServiceError
        If nothing is wrong with what could be read, and something could not be.
    """
    states = looked.states
    if not states and not looked.unread:
        return failed(
            "the stack has none: it is not Holdfast's, or older than this command",
            "Name Holdfast's stack (--stack), or deploy this version.",
        )
    gone = {part: error for part, error in looked.unread.items() if is_gone(error)}
    functions = {part.logical_id: state for part, state in states.items() if isinstance(state, FunctionState)}
    faults = (
        *(
            fault
            for part, state in states.items()
            if part.logical_id not in stack.switched_off
            for fault in faults_of(part, state)
        ),
        *(() if stack.in_progress else code_faults(functions)),
        *unread_faults(gone),
    )
    if faults:
        return of_faults(faults)
    for part, error in looked.unread.items():
        if part not in gone:
            raise error
    off = sorted(part.logical_id for part in states if part.logical_id in stack.switched_off)
    if off:
        return warning(
            f"{fine}; switched off by the parameter ReconciliationEnabled: {', '.join(off)}",
            "Deploy with ReconciliationEnabled=true, unless it is off on purpose.",
        )
    return ok(fine)


def judge_schedule(stack: Stack, looked: Looked) -> Verdict:
    """Judge the schedule, and say when it fires."""
    expression = next(
        (state.expression for state in looked.states.values() if isinstance(state, ScheduleState)), "it"
    )
    return judge_parts(stack, looked, f"{expression} compares the whole baseline")


def judge_mail(stack: Stack, looked: Looked) -> Verdict:
    """Judge whether outcomes reach the mail queue, and whether somebody takes them out."""
    mapping = Looked(
        {part: state for part, state in looked.states.items() if not isinstance(state, TopicState)},
        looked.unread,
    )
    verdict = judge_parts(stack, mapping, "the mapping is Enabled, and the mail queue gets every outcome")
    faults = mail_faults(stack, looked.states)
    return of_faults(faults) if faults else verdict


def judge_trails(trails: Mapping[Trail, TrailState | ServiceError | None]) -> Verdict:
    """Judge whether some trail logs the organization's changes: without one, there are no events.

    Parameters
    ----------
    trails : mapping of Trail
        What each does, or what was answered instead; None if it is of another region.

    Raises
    ------
    ServiceError
        If none that could be read does, and another could not be read.
    """
    shortcomings = []
    for trail, state in trails.items():
        if isinstance(state, ServiceError):
            continue
        shortcoming = "is of another region" if state is None else shortcoming_of(state)
        if shortcoming is None:
            return ok(f"{trail.arn} logs management write events")
        shortcomings.append(f"{trail.arn} {shortcoming}")
    for state in trails.values():
        if isinstance(state, ServiceError):
            raise state
    why = f": {'; '.join(shortcomings)}" if shortcomings else ""
    return failed(
        f"no trail logs management write events, so that there are no events to react to{why}",
        "Start a trail that logs all management events of this region (aws cloudtrail start-logging).",
    )


def of_faults(faults: Iterable[Fault]) -> Verdict:
    """Return the verdict that tells faults, and each remedy once."""
    told = list(faults)
    return failed(
        " ".join(f"{fault.part}: {fault.finding}" for fault in told),
        " ".join(dict.fromkeys(fault.remedy for fault in told)),
    )
