"""What an execution's history says, in words: its states, waits, errors and findings, step by step."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from holdfast.reconciliation.drift import Drift, Plan, Stage, parse_search
from holdfast.reconciliation.run import merge_chunks
from holdfast.reconciliation.sentence import counted

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

TELLING = ("Describe Outcome", "Describe Reconciliation")
"""The states whose output has the notification."""

_LEFT = "another run of the same waits already and will see all that this one came for; it leaves"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an execution's story.

    Parameters
    ----------
    at : datetime
        When it happened.
    text : str
        A state's name, an error that is retried or caught, what was found, or how the execution ended.
    is_state : bool
        Whether a state was entered.
    progress : tuple of int, or None
        How many attachments are dealt with, of how many.
    succeeded : bool or None
        Of the last step: whether the execution succeeded.
    """

    at: datetime
    text: str
    is_state: bool = False
    progress: tuple[int, int] | None = None
    succeeded: bool | None = None


class Story:
    """Turn an execution's events into steps; each event once, in their order.

    What happens within a map is told as its progress, with the errors, but without the states.

    Parameters
    ----------
    definition : mapping
        The state machine's definition, which says why it waits and what it tries again.
    """

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self._states = dict(_states_in(definition))
        self._state = ""
        self._error = ""
        self._map: _Map | None = None

    def tell(self, event: HistoryEventTypeDef) -> Iterator[Step]:
        """Yield what an event has to tell: mostly one step, or none."""
        kind, at = event["type"], event["timestamp"]
        if kind in _ENDS:
            yield Step(at, _end(event), succeeded=kind == "ExecutionSucceeded")
        elif kind == "MapIterationStarted" and self._map:
            self._map.begin_item()
        elif entered := event.get("stateEnteredEventDetails"):
            yield from self._enter(at, kind, entered["name"], _document(entered.get("input")))
        elif exited := event.get("stateExitedEventDetails"):
            yield from self._exit(at, kind, exited["name"], _document(exited.get("output")))
        elif error := _error_in(event):
            yield from self._fail(at, *error)

    def _enter(self, at: datetime, kind: str, name: str, document: Mapping[str, Any]) -> Iterator[Step]:
        self._state, self._error = name, ""
        if self._map:
            return
        yield Step(at, self._wait(name) if kind == "WaitStateEntered" else name, is_state=True)
        if kind == "MapStateEntered":
            self._map = _Map(_planned(document))
            if self._map.total:
                yield self._map.step(at)

    def _exit(self, at: datetime, kind: str, name: str, document: Mapping[str, Any]) -> Iterator[Step]:
        if kind == "MapStateExited" and self._map:
            if self._map.total:
                yield Step(at, _restored(document, self._map.total))
            self._map = None
        elif self._map and "remaining" in document:
            self._map.bring_forward(document)
            yield self._map.step(at)
        elif name in _WORDS:
            # The deployed code may be of another version than this command: then it says less.
            with suppress(AttributeError, LookupError, TypeError, ValueError):
                yield from (Step(at, text) for text in _WORDS[name](document))

    def _fail(self, at: datetime, error: str, cause: str) -> Iterator[Step]:
        """Tell an error, and once only while the same is tried again and again."""
        message = _MEANINGS.get(error) or _message(cause)
        text = f"{error}: {message}" if message else error
        if text == self._error:
            return
        self._error = text
        yield Step(at, f"{text.removesuffix('.')}; tried again" if self._retries(error) else text)

    def _retries(self, error: str) -> bool:
        retriers = self._states.get(self._state, {}).get("Retry", [])
        return any({error, "States.ALL"} & {*retrier["ErrorEquals"]} for retrier in retriers)

    def _wait(self, name: str) -> str:
        state = self._states.get(name, {})
        if "Seconds" not in state:
            return name
        why = str(state.get("Comment", "")).rstrip(".")
        because = f", because {why[0].lower()}{why[1:]}" if why else ""
        return f"{name}: {state['Seconds']:,} s{because}"


class _Map:
    """How far a map has come: its items one after the other, each in rounds."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._before = 0
        self._of_item = 0

    def begin_item(self) -> None:
        self._before, self._of_item = self._before + self._of_item, 0

    def bring_forward(self, chunk: Mapping[str, Any]) -> None:
        self._of_item = len(chunk["restored"]) + len(chunk["already"])

    def step(self, at: datetime) -> Step:
        done = self._before + self._of_item
        return Step(at, f"attachments restored: {done:,} of {self.total:,}", progress=(done, self.total))


def _states_in(definition: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, state in definition.get("States", {}).items():
        yield name, state
        yield from _states_in(state.get("ItemProcessor", {}))


def _planned(document: Mapping[str, Any]) -> int:
    plan = document.get("drift", {}).get("plan", {})
    return sum(len(chunk) for chunk in plan.get("chunks", []))


def _restored(document: Mapping[str, Any], total: int) -> str:
    """Return what became of all attachments that were to be restored."""
    chunks = document.get("attachments")
    if chunks is None:
        return f"restoring {counted(total, 'attachment')} was given up"
    sum_ = merge_chunks(chunks)
    numbers = (
        (len(sum_.already), "attached already"),
        (len(sum_.gone_targets), "without their target"),
        (sum(len(refusal.items) for refusal in sum_.refused), "could NOT be restored"),
    )
    others = "".join(f", {number:,} {words}" for number, words in numbers if number)
    return f"attachments restored: {len(sum_.restored):,} of {total:,}{others}"


def _turn(document: Mapping[str, Any]) -> Iterator[str]:
    if document["route"] == "nothing":
        yield (
            _LEFT if document["trigger"]["cause"] != "event" else f"the baseline is not concerned, or {_LEFT}"
        )


def _look(document: Mapping[str, Any]) -> Iterator[str]:
    search = parse_search(document["drift"])
    found = _found(search.drift)
    if search.stage is Stage.READING:
        rest = f"{counted(len(search.todo), 'guardrail')}, {counted(len(search.targets_todo), 'target')}"
        yield f"found so far: {found}; still to be read: {rest}"
    elif search.stage is Stage.UNSETTLED:
        yield f"found so far: {found}"
    elif search.stage is Stage.DRIFTED:
        yield f"found: {found}; to be restored: {_to_restore(search.plan)}"
    else:
        yield f"found: {found}"


def _found(drift: Drift) -> str:
    numbers = (
        (len(drift.disabled), "policy type switched off", "policy types switched off"),
        (len(drift.gone), "policy deleted", "policies deleted"),
        (len(drift.changed), "text changed", "texts changed"),
        (len(drift.missing), "attachment missing", "attachments missing"),
        (len(drift.in_progress), "attachment left to the fast path", "attachments left to the fast path"),
        (len(drift.sanctioned), "sanctioned detach", "sanctioned detaches"),
        (len(drift.exempt_placements), "exempt attachment", "exempt attachments"),
        (len(drift.gone_targets), "attachment without its target", "attachments without their targets"),
        (
            len(drift.renamed),
            "policy with another name or description",
            "policies with other names or descriptions",
        ),
        (len(drift.moved), "policy under a new id", "policies under new ids"),
        (len(drift.namesakes), "name taken", "names taken"),
        (sum(len(stranger.policies) for stranger in drift.strangers), "unknown policy", "unknown policies"),
    )
    return _list(numbers)


def _to_restore(plan: Plan) -> str:
    attachments = sum(len(chunk) for chunk in plan.chunks)
    return _list(
        (
            (len(plan.types), "policy type", "policy types"),
            (len(plan.policies), "policy", "policies"),
            (attachments, "attachment", "attachments"),
        )
    )


def _list(numbers: tuple[tuple[int, str, str], ...]) -> str:
    return ", ".join(counted(*number) for number in numbers if number[0]) or "nothing"


def _types(document: Mapping[str, Any]) -> Iterator[str]:
    if document["types"]["enabled"]:
        yield f"switched on: {', '.join(document['types']['enabled'])}"
    yield from _refusals(document["types"])


def _policies(document: Mapping[str, Any]) -> Iterator[str]:
    policies = document["policies"]
    for made, words in ((policies["recreated"], "made again"), (policies["found"], "made again before")):
        if made:
            yield f"{words}: {', '.join(made.values())}"
    if policies["rewritten"]:
        yield f"{counted(len(policies['rewritten']), 'text')} put back"
    yield from _refusals(policies)


def _refusals(part: Mapping[str, Any]) -> Iterator[str]:
    for refusal in part["refused"]:
        yield f"{refusal['error']}: {refusal['message']}"


def _coverage(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{counted(len(document['coverage']['lost']), 'guardrail')} lost"


def _wiring(document: Mapping[str, Any]) -> Iterator[str]:
    wiring = document["wiring"]
    faults = counted(len(wiring["faults"]), "fault") if wiring["faults"] else "no fault"
    yield f"{counted(len(wiring['checked']), 'check')} of Holdfast itself made: {faults}"


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    "Take Turn": _turn,
    "Find Drift": _look,
    "Restore Policy Types": _types,
    "Restore Policies": _policies,
    "Check Wiring": _wiring,
    "Compare Coverage": _coverage,
}
"""What is told when a state is left."""

_ENDS = {
    "ExecutionSucceeded": "the execution succeeded",
    "ExecutionAborted": "the execution was stopped",
    "ExecutionTimedOut": "the execution timed out",
    "ExecutionFailed": "the execution failed",
}
# Source: Lambda developer guide, "Configuring reserved concurrency".
_MEANINGS = {"Lambda.TooManyRequestsException": "as many are at work as may be at a time"}
_AFTER_TELLING = {"RemediationFailed", "ReconciliationFailed"}


def _end(event: HistoryEventTypeDef) -> str:
    text = _ENDS[event["type"]]
    if event["type"] != "ExecutionFailed":
        return text
    error = event.get("executionFailedEventDetails", {}).get("error")
    return (
        f"{text}, after it had told so"
        if error in _AFTER_TELLING
        else f"{text}, {error}; the alarm topic tells"
    )


def _error_in(event: HistoryEventTypeDef) -> tuple[str, str] | None:
    """Return error and cause of a task's failed attempt; what a map reports, its tasks have told."""
    for key, details in event.items():
        if key.startswith(("lambdaFunction", "task")) and isinstance(details, dict) and "error" in details:
            return details["error"], details.get("cause", "")
    return None


def _document(text: str | None) -> Mapping[str, Any]:
    value = json.loads(text or "null")
    return value if isinstance(value, dict) else {}


def _message(cause: str) -> str:
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, TypeError, KeyError):
        return cause
