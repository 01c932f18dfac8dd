from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast_cli.drill_result import Expected, judge, milestones, was_told
from holdfast_cli.following import Told

BEGIN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def told(outcome: str, error: str | None = None) -> Told:
    failure = {"error": error, "message": "…"} if error else None
    return Told("subject", "text", {"outcome": outcome, "failure": failure}, sent=True)


def history(*events: tuple[str, str, dict[str, Any]]) -> list[Any]:
    """Return an execution's events, a second apart: entered or exited, the state, its document."""
    begun = {"id": 1, "type": "ExecutionStarted", "timestamp": BEGIN + timedelta(seconds=1)}
    return [
        begun,
        *(
            {
                "id": number,
                "type": f"TaskState{what.capitalize()}",
                "timestamp": BEGIN + timedelta(seconds=number),
                f"state{what.capitalize()}EventDetails": {"name": name, "output": json.dumps(document)},
            }
            for number, (what, name, document) in enumerate(events, 2)
        ),
    ]


def seen(*events: tuple[str, str, dict[str, Any]]) -> list[tuple[float, str]]:
    """Return the milestones of such an execution with their seconds."""
    found = milestones(history(*events), BEGIN)
    return [((one.at - BEGIN).total_seconds(), one.text) for one in found]


ATTACHED = ("exited", "Reattach Policy", {"reattachment": {"result": "attached"}})


def test_a_state_that_was_left_after_an_error_is_no_milestone() -> None:
    assert seen(("exited", "Reattach Policy", {"error": {"Error": "PolicyGoneError"}})) == [
        (0, "detached"),
        (1, "the event had come, and the execution began"),
    ]


def test_what_was_done_and_told_are_milestones_at_their_times() -> None:
    confirmed: tuple[str, str, dict[str, Any]] = ("exited", "Confirm Attachment", {"confirmation": {}})

    assert seen(ATTACHED, confirmed, ("exited", "Notify Success", {}))[2:] == [
        (2, "attached again"),
        (3, "confirmed by a read"),
        (4, "told"),
    ]


@pytest.mark.parametrize(
    ("events", "is_told"),
    [
        ([("exited", "Notify Success", {})], True),
        ([("exited", "Notify Failure", {})], True),
        ([("exited", "Notify Plainly", {})], False),
        ([("exited", "Notify Success", {}), ("entered", "Notification Failed", {})], False),
        ([ATTACHED], False),
    ],
    ids=["success", "failure", "plainly", "SNS did not take it", "nothing yet"],
)
def test_told_is_what_was_described_and_handed_over(
    events: list[tuple[str, str, dict[str, Any]]], *, is_told: bool
) -> None:
    assert was_told(milestones(history(*events), BEGIN)) == is_told


@pytest.mark.parametrize(
    ("outcome", "error", "expected", "good"),
    [
        ("restored", None, Expected.RESTORED, True),
        ("already attached", None, Expected.RESTORED, True),
        ("restored with changed text", None, Expected.RESTORED, False),
        ("alert only", None, Expected.RESTORED, False),
        ("alert only", None, Expected.REPORTED, True),
        ("restored", None, Expected.REPORTED, False),
        ("failed", "PolicyGoneError", Expected.FAILED, True),
        ("failed", "PermissionMissingError", Expected.FAILED, False),
        ("restored", None, Expected.FAILED, False),
    ],
)
def test_only_what_was_expected_is_good(
    outcome: str, error: str | None, expected: Expected, *, good: bool
) -> None:
    shall = "PolicyGoneError" if expected is Expected.FAILED else None

    judgement = judge(told(outcome, error), expected, reason=None, handed_over=True, error=shall)

    assert judgement.good == good


def test_what_nobody_was_told_is_not_good() -> None:
    judgement = judge(told("restored"), Expected.RESTORED, reason=None, handed_over=False)

    assert (judgement.good, judgement.text) == (False, "It came to “restored”, but nobody was told.")


@pytest.mark.parametrize(
    ("reason", "words"),
    [("not in the baseline", "the deployed baseline does not hold"), (None, "The execution told nothing")],
)
def test_an_execution_that_told_nothing_is_explained_by_its_verdict(reason: str | None, words: str) -> None:
    judgement = judge(None, Expected.RESTORED, reason=reason, handed_over=False)

    assert not judgement.good
    assert words in judgement.text
