from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from holdfast import asking
from holdfast.asking import ask_again, ask_until
from holdfast.errors import OrganizationsBusyError, OrganizationsError, OrganizationsThrottledError

THROTTLED = OrganizationsThrottledError("AttachPolicy", "TooManyRequestsException", "slow down")
BUSY = OrganizationsBusyError("AttachPolicy", "ConcurrentModificationException", "later")


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(asking, "ATTEMPTS", 4)
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


def answering(*answers: str | OrganizationsError) -> Callable[[], str]:
    """Return what gives one answer after the other."""
    left = list(answers)

    def ask() -> str:
        answer = left.pop(0)
        if isinstance(answer, str):
            return answer
        raise answer

    return ask


def test_an_answer_is_returned_at_once(slept: list[float]) -> None:
    assert ask_again(answering("yes")) == "yes"
    assert slept == []


def test_a_throttled_question_is_asked_again_after_a_moment(slept: list[float]) -> None:
    assert ask_again(answering(THROTTLED, THROTTLED, "yes")) == "yes"
    assert [0.18 <= seconds <= 0.22 for seconds in slept] == [True, True]


def test_throttling_that_lasts_is_raised_after_the_last_attempt(slept: list[float]) -> None:
    with pytest.raises(OrganizationsThrottledError):
        ask_again(answering(THROTTLED, THROTTLED, THROTTLED, THROTTLED, "too late"))
    assert len(slept) == 3


def test_slow_answers_end_it_before_the_function_does(
    slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([0.0, 1.0, asking.PATIENCE + 1])
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    with pytest.raises(OrganizationsThrottledError):
        ask_again(answering(THROTTLED, THROTTLED, "too late"))
    assert len(slept) == 1


def test_nothing_else_is_asked_again(slept: list[float]) -> None:
    with pytest.raises(OrganizationsBusyError):
        ask_again(answering(BUSY, "too late"))
    assert slept == []


def test_until_a_moment_it_is_asked_at_the_same_pace(
    slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 10.0)
    assert ask_until(answering(*[THROTTLED] * 50, "yes"), 10.1) == "yes"
    assert [0.18 <= seconds <= 0.22 for seconds in slept] == [True] * 50


def test_from_the_moment_on_no_attempt_begins(slept: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([9.0, 10.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    with pytest.raises(OrganizationsThrottledError):
        ask_until(answering(THROTTLED, THROTTLED, "too late"), 10.0)
    assert len(slept) == 1


def test_until_a_moment_nothing_else_is_asked_again(slept: list[float]) -> None:
    with pytest.raises(OrganizationsBusyError):
        ask_until(answering(BUSY, "too late"), time.monotonic() + 10)
    assert slept == []
