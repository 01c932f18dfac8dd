"""How a drill went: its milestones, read from the execution's history, and what is concluded from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from holdfast.outcome import Outcome
from holdfast.verdict import Reason

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

    from holdfast_cli.following import Told


class Expected(StrEnum):
    """What a drill shall show."""

    RESTORED = "the attachment comes back, and that is told"
    REPORTED = "the detach is told, and nothing else is done"
    FAILED = "the attachment cannot come back, and that is told as a failure"


@dataclass(frozen=True, slots=True)
class Milestone:
    """Something that happened on the way.

    Parameters
    ----------
    at : datetime
        When.
    text : str
        What.
    """

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is concluded from a drill.

    Parameters
    ----------
    good : bool
        Whether it went as expected.
    text : str
        Why, in a sentence.
    following : str or None
        What to do next, if anything.
    """

    good: bool
    text: str
    following: str | None = None


_DONE = {
    "Reattach Policy": ("reattachment", "attached again"),
    "Confirm Attachment": ("confirmation", "confirmed by a read"),
}
"""What a state has put into the incident when it has done its work; a state that failed is left as well."""

_TOLD = {
    "Notify Success": "told",
    "Notify Failure": "told as a failure",
    "Notify Plainly": "told, but not described",
}
_UNTOLD = "Notification Failed"

WHERE_TO_LOOK = "holdfast doctor; then the execution, and the alarms"


def milestones(events: Iterable[HistoryEventTypeDef], detached_at: datetime) -> tuple[Milestone, ...]:
    """Return what happened when, from the detach to the message.

    Parameters
    ----------
    events : iterable
        The execution's history, in its order.
    detached_at : datetime
        When the detach was answered.
    """
    found = [Milestone(detached_at, "detached")]
    for event in events:
        if event["type"] == "ExecutionStarted":
            found.append(Milestone(event["timestamp"], "the event had come, and the execution began"))
        elif event.get("stateEnteredEventDetails", {}).get("name") == _UNTOLD:
            found = [one for one in found if one.text not in _TOLD.values()]
        elif exited := event.get("stateExitedEventDetails"):
            found += _milestone(event["timestamp"], exited["name"], _document(exited.get("output")))
    return tuple(found)


def was_told(found: Iterable[Milestone]) -> bool:
    """Return whether the message was handed over, described."""
    return any(one.text in {_TOLD["Notify Success"], _TOLD["Notify Failure"]} for one in found)


def reason_in(events: Iterable[HistoryEventTypeDef]) -> str | None:
    """Return the reason of the verdict, if one was given."""
    exits = (event.get("stateExitedEventDetails") for event in events)
    documents = (_document(exited.get("output")) for exited in exits if exited)
    return next((document["verdict"]["reason"] for document in documents if "verdict" in document), None)


def judge(
    told: Told | None,
    expected: Expected,
    *,
    reason: str | None,
    handed_over: bool,
    error: str | None = None,
) -> Judgement:
    """Return what is concluded from an execution that has ended.

    Parameters
    ----------
    told : Told or None
        What it described.
    expected : Expected
        What it should have come to.
    reason : str or None
        The reason of its verdict.
    handed_over : bool
        Whether its message went out.
    error : str, optional
        The error with which it should have failed.
    """
    if told is None:
        return _judge_untold(reason)
    record, outcome = told.record, str(told.record["outcome"])
    if not handed_over:
        return Judgement(
            good=False, text=f"It came to “{outcome}”, but nobody was told.", following=WHERE_TO_LOOK
        )
    failure = (record["failure"] or {}).get("error")
    if outcome in _MEANT[expected] and failure == error:
        text = _AS_EXPECTED[expected]
        return Judgement(good=True, text=f"{text} ({failure})." if failure else f"{text}.")
    came_to = f"“{outcome}” ({failure})" if failure else f"“{outcome}”"
    return Judgement(
        good=False,
        text=f"It came to {came_to}; expected was that {expected}.",
        following=_NEXT.get(outcome, WHERE_TO_LOOK),
    )


_MEANT = {
    Expected.RESTORED: {Outcome.RESTORED, Outcome.ALREADY_ATTACHED},
    Expected.REPORTED: {Outcome.ALERT_ONLY},
    Expected.FAILED: {Outcome.FAILED},
}
_AS_EXPECTED = {
    Expected.RESTORED: "Restored, and told",
    Expected.REPORTED: "The detach was told and not reverted, for the mode is alert-only",
    Expected.FAILED: "It failed as it should, and that was told",
}
_NEXT: Mapping[str, str] = {
    Outcome.ALERT_ONLY: "the mode is alert-only; deploy with Mode=remediate",
    Outcome.SANCTIONED: "these credentials are sanctioned in the deployed baseline; take others (--profile)",
    Outcome.EXEMPT: "holdfast exempt list; the attachment is exempt",
    Outcome.RESTORED_WITH_CHANGED_TEXT: "holdfast diff; the test policy's text is not that of the baseline",
}


def _judge_untold(reason: str | None) -> Judgement:
    if reason == Reason.NOT_IN_BASELINE:
        return Judgement(
            good=False,
            text="Holdfast left it alone: the deployed baseline does not hold the test guardrail.",
            following="deploy the baseline, and drill again",
        )
    return Judgement(
        good=False,
        text="The execution told nothing: somebody else attached the policy first, or it broke.",
        following=WHERE_TO_LOOK,
    )


def _milestone(at: datetime, state: str, document: Mapping[str, Any]) -> Iterator[Milestone]:
    if state in _DONE and _DONE[state][0] in document:
        yield Milestone(at, _DONE[state][1])
    elif state in _TOLD:
        yield Milestone(at, _TOLD[state])


def _document(text: str | None) -> Mapping[str, Any]:
    value = json.loads(text or "null")
    return value if isinstance(value, dict) else {}
