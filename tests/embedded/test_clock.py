from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING

import pytest

from localaws.clock import Clock, SkippingClock, WallClock

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> SkippingClock:
    return SkippingClock(START)


@pytest.fixture(params=[WallClock, SkippingClock])
def any_clock(request: pytest.FixtureRequest) -> Clock:
    kind: Callable[[], Clock] = request.param
    return kind()


def elapsed(clock: Clock) -> float:
    return (clock.now() - START).total_seconds()


def test_the_skipping_clock_sleeps_a_day_in_no_time(clock: SkippingClock) -> None:
    began = time.monotonic()

    with clock.working():
        clock.sleep(86_400)

    assert elapsed(clock) == 86_400
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_sleep_of_no_length_returns_at_once(clock: SkippingClock, seconds: float) -> None:
    with clock.working():
        clock.sleep(seconds)

    assert elapsed(clock) == 0


def test_units_wake_in_the_order_of_their_times(clock: SkippingClock) -> None:
    woken: list[tuple[str, float]] = []

    def wake(name: str) -> None:
        woken.append((name, elapsed(clock)))

    with clock.working():
        clock.spawn(wake, "late", after=30)
        clock.spawn(wake, "early", after=10)
        clock.spawn(wake, "between", after=20)
    clock.settle()

    assert woken == [("early", 10), ("between", 20), ("late", 30)]


def test_units_that_wake_at_the_same_moment_work_one_after_the_other(clock: SkippingClock) -> None:
    at_work: list[int] = []
    most: list[int] = []

    def work() -> None:
        at_work.append(1)
        most.append(len(at_work))
        at_work.pop()

    with clock.working():
        for _ in range(20):
            clock.spawn(work, after=5)
    clock.settle()

    assert most == [1] * 20
    assert elapsed(clock) == 5


def test_the_skipping_clock_stands_still_while_a_unit_is_busy(clock: SkippingClock) -> None:
    asleep = threading.Event()

    def sleep() -> None:
        asleep.set()
        clock.sleep(60)

    with clock.working():
        clock.spawn(sleep)
        asleep.wait(5)
        time.sleep(0.01)
        assert elapsed(clock) == 0
    clock.settle()

    assert elapsed(clock) == 60


def test_the_skipping_clock_tells_utc_whatever_zone_it_starts_in() -> None:
    clock = SkippingClock(datetime(2026, 11, 22, 10, 0, tzinfo=timezone(timedelta(hours=1))))

    assert clock.now().isoformat() == "2026-11-22T09:00:00+00:00"
    assert clock.timestamp() == START.timestamp()


def test_only_a_unit_of_work_can_wait_on_the_skipping_clock(clock: SkippingClock) -> None:
    with pytest.raises(RuntimeError, match="only a unit of work"):
        clock.sleep(1)


def test_a_signal_that_is_set_lets_nobody_wait(any_clock: Clock) -> None:
    signal = any_clock.signal()
    signal.set()

    with any_clock.working():
        assert signal.wait() is True
    assert signal.is_set()


def test_a_signal_that_is_cleared_lets_units_wait_again(clock: SkippingClock) -> None:
    signal = clock.signal()
    signal.set()
    signal.clear()

    with clock.working():
        assert signal.wait(10) is False
    assert elapsed(clock) == 10


def test_a_signal_wakes_every_unit_that_waits_for_it(any_clock: Clock) -> None:
    signal = any_clock.signal()
    answers: list[bool] = []

    with any_clock.working():
        for _ in range(3):
            any_clock.spawn(lambda: answers.append(signal.wait(3600)))
        any_clock.spawn(signal.set)
    any_clock.settle()

    assert answers == [True] * 3


def test_an_answer_in_time_stops_the_wait_for_it(clock: SkippingClock) -> None:
    answer = clock.signal()
    waited: list[tuple[bool, float]] = []

    def wait() -> None:
        waited.append((answer.wait(30), elapsed(clock)))

    with clock.working():
        clock.spawn(answer.set, after=10)
        clock.spawn(wait)
    clock.settle()

    assert waited == [(True, 10)]
    assert elapsed(clock) == 10  # the limit that was not needed does not move the clock


def test_a_late_answer_finds_nobody_and_is_still_waited_for(clock: SkippingClock) -> None:
    answer = clock.signal()
    waited: list[tuple[bool, float]] = []

    def wait() -> None:
        waited.append((answer.wait(30), elapsed(clock)))

    with clock.working():
        clock.spawn(answer.set, after=3600)
        clock.spawn(wait)
    clock.settle()

    assert waited == [(False, 30)]
    assert elapsed(clock) == 3600


def test_the_skipping_clock_does_not_skip_between_an_answer_and_the_one_who_waited(
    clock: SkippingClock,
) -> None:
    moments: list[float] = []

    def ask() -> None:
        for _ in range(200):
            answer = clock.signal()
            clock.spawn(answer.set)
            answer.wait()
        moments.append(elapsed(clock))

    with clock.working():
        clock.spawn(clock.sleep, 60)
        clock.spawn(ask)
    clock.settle()

    assert moments == [0]


def test_settling_waits_for_units_that_begin_further_units(any_clock: Clock) -> None:
    done: list[int] = []

    def work(left: int) -> None:
        done.append(left)
        if left:
            any_clock.spawn(work, left - 1, after=0.001)

    any_clock.spawn(work, 5)
    any_clock.settle()

    assert done == [5, 4, 3, 2, 1, 0]


def test_settling_gives_up_and_says_what_is_left(any_clock: Clock) -> None:
    signal = any_clock.signal()
    any_clock.begin()
    any_clock.spawn(signal.wait)

    with pytest.raises(TimeoutError, match=r"after 0\.05 s \d units are busy"):
        any_clock.settle(timeout=0.05)

    signal.set()
    any_clock.end()
    any_clock.settle()


def test_a_unit_that_fails_is_no_longer_counted(any_clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda failure: failures.append(str(failure.exc_value)))

    def fail() -> None:
        raise ValueError("broken")

    any_clock.spawn(fail)
    any_clock.settle()

    assert failures == ["broken"]


def test_the_wall_clock_tells_the_real_time() -> None:
    before = datetime.now(UTC)
    told = WallClock().now()

    assert before <= told <= datetime.now(UTC)
    assert told.tzinfo is UTC


def test_an_alarm_alone_skips_no_time_and_keeps_nobody_waiting(clock: SkippingClock) -> None:
    rung: list[float] = []
    clock.alarm(START + timedelta(seconds=10), lambda: rung.append(elapsed(clock)))

    with clock.working():
        pass
    clock.settle(timeout=5)

    assert (rung, elapsed(clock)) == ([], 0)


def test_alarms_ring_at_their_own_moments_when_time_is_skipped_for_a_unit(clock: SkippingClock) -> None:
    rung: list[tuple[str, float]] = []

    def ring(name: str) -> None:
        rung.append((name, elapsed(clock)))

    for name, seconds in (("late", 30), ("early", 10), ("at the same time", 60), ("too late", 61)):
        clock.alarm(START + timedelta(seconds=seconds), partial(ring, name))

    with clock.working():
        clock.sleep(60)
        assert rung == [("early", 10), ("late", 30), ("at the same time", 60)]

    assert elapsed(clock) == 60


def test_an_alarm_can_set_the_next_one(clock: SkippingClock) -> None:
    rung: list[float] = []

    def ring() -> None:
        rung.append(elapsed(clock))
        clock.alarm(clock.now() + timedelta(seconds=20), ring)

    clock.alarm(START + timedelta(seconds=20), ring)
    with clock.working():
        clock.sleep(70)

    assert rung == [20, 40, 60]


def test_what_an_alarm_begins_is_a_unit_of_work_that_time_stands_still_for(clock: SkippingClock) -> None:
    slept: list[float] = []

    def ring() -> None:
        clock.sleep(100)
        slept.append(elapsed(clock))

    clock.alarm(START + timedelta(seconds=10), ring)
    with clock.working():
        clock.sleep(20)
        assert elapsed(clock) == 20
    clock.settle(timeout=5)

    assert slept == [110]


def test_a_wait_that_was_answered_does_not_ring_what_lies_before_its_end(clock: SkippingClock) -> None:
    rung: list[float] = []
    clock.alarm(START + timedelta(seconds=10), lambda: rung.append(elapsed(clock)))
    answer = clock.signal()
    with clock.working():
        clock.spawn(answer.set)
        assert answer.wait(timeout=20)
    clock.settle(timeout=5)

    assert (rung, elapsed(clock)) == ([], 0)


def test_a_cancelled_alarm_does_not_ring(any_clock: Clock) -> None:
    rung: list[str] = []
    any_clock.alarm(any_clock.now() + timedelta(seconds=0.01), lambda: rung.append("cancelled")).cancel()
    any_clock.alarm(any_clock.now() + timedelta(seconds=0.02), lambda: rung.append("kept"))

    with any_clock.working():
        any_clock.sleep(0.1)
    any_clock.settle(timeout=5)

    assert rung == ["kept"]


def test_an_alarm_for_a_moment_that_has_passed_rings_at_once(any_clock: Clock) -> None:
    rung = threading.Event()

    any_clock.alarm(any_clock.now() - timedelta(seconds=5), rung.set)

    assert rung.wait(5)


@pytest.mark.parametrize("kind", [WallClock, SkippingClock])
def test_a_clock_can_be_advanced_without_waiting(kind: type[Clock]) -> None:
    clock, began = kind(), time.monotonic()
    before = clock.now()

    clock.advance(3_600)

    assert 3_600 <= (clock.now() - before).total_seconds() < 3_660
    assert time.monotonic() - began < 60
