from __future__ import annotations

from datetime import timedelta

import pytest

from holdfast.errors import ServiceBusyError
from holdfast.reconciliation.blindness import (
    Accounting,
    Window,
    account_for,
    detachments_of_guardrails,
    next_window,
    read_records,
    remembered_window,
)
from tests.unit.examples import example_baseline
from tests.unit.inspected import (
    BUSY,
    COMPLETE,
    MACHINE,
    READ,
    TOO_MANY,
    WrittenExecutions,
    WrittenHistory,
    event_id,
    record,
)

LAG = timedelta(minutes=15)
HOUR = timedelta(hours=1)
WINDOW = Window(READ - 2 * HOUR, READ)
MINUTE = timedelta(minutes=1)
BASELINES = (example_baseline(),)


def test_a_window_begins_where_the_last_one_ended() -> None:
    first = next_window(None, COMPLETE, READ)
    assert first is not None
    assert next_window(remembered_window(first), COMPLETE, READ + HOUR) == Window(
        READ - LAG, READ + HOUR - LAG
    )


def test_the_first_window_goes_back_a_day() -> None:
    assert next_window(None, COMPLETE, READ) == Window(READ - 24 * HOUR, READ - LAG)


def test_the_first_window_does_not_go_back_to_before_the_deployment() -> None:
    assert next_window(None, READ - HOUR, READ) == Window(READ - HOUR, READ - LAG)


def test_as_long_as_the_history_lags_there_is_no_window() -> None:
    assert next_window(None, READ - LAG, READ) is None
    assert next_window({"until": "2026-11-22T09:20:00Z"}, COMPLETE, READ) is None


def test_a_window_does_not_go_back_to_what_is_forgotten() -> None:
    old = {"until": "2026-01-01T00:00:00Z"}
    assert next_window(old, COMPLETE, READ) == Window(READ - timedelta(days=90), READ - LAG)


def test_the_history_is_asked_for_the_window_and_what_the_last_one_counted_is_left_out() -> None:
    inside, at_its_begin = record(2, READ - HOUR), record(1, WINDOW.since)
    history = WrittenHistory(inside, at_its_begin)
    assert read_records(history, WINDOW) == ((inside,), True)
    assert history.asked == [("DetachPolicy", WINDOW.since, WINDOW.until)]


def test_of_a_window_that_holds_too_much_the_newest_are_read() -> None:
    newest = record(2, READ - HOUR)
    assert read_records(WrittenHistory(newest, error=TOO_MANY), WINDOW) == ((newest,), False)


def test_a_history_that_does_not_answer_is_no_empty_one() -> None:
    with pytest.raises(ServiceBusyError):
        read_records(WrittenHistory(error=BUSY), WINDOW)


def test_only_detaches_of_guardrails_are_accounted_for() -> None:
    records = [record(1, READ), record(2, READ, "p-notours0001"), record(3, READ, "no policy's id")]
    assert [one.event_id for one in detachments_of_guardrails(records, BASELINES)] == [event_id(1)]


def test_the_successor_of_a_guardrail_counts_and_so_does_the_deleted_one() -> None:
    adopted = example_baseline().adopting({"p-7dj3cien": "p-successor1"})
    records = [record(1, READ), record(2, READ, "p-successor1")]
    kept = detachments_of_guardrails(records, (*BASELINES, adopted))
    assert [one.event_id for one in kept] == [event_id(1), event_id(2)]


def accounting(executions: WrittenExecutions, *numbers: int, at_most: int = 500) -> Accounting:
    """Account for detaches, each a minute times its number before the reading."""
    records = [record(number, READ - number * MINUTE) for number in numbers]
    detachments = detachments_of_guardrails(records, BASELINES)
    return account_for(detachments, executions, MACHINE, at_most)


def test_without_detaches_nothing_is_asked() -> None:
    executions = WrittenExecutions((1, READ))
    assert (accounting(executions), executions.looked_at) == (Accounting(), 0)


def test_a_detach_with_an_execution_is_not_blind_and_no_more_is_looked_at_than_needed() -> None:
    executions = WrittenExecutions((1, READ - MINUTE), (2, READ - 2 * MINUTE), (3, READ - 3 * MINUTE))
    assert (accounting(executions, 1, 2), executions.looked_at) == (Accounting(), 2)


def test_a_detach_without_an_execution_is_blind() -> None:
    executions = WrittenExecutions((1, READ - MINUTE), (None, READ - 2 * MINUTE))
    assert accounting(executions, 1, 2) == Accounting(blind=(event_id(2),))


def test_what_began_before_the_detach_is_not_looked_at() -> None:
    executions = WrittenExecutions((7, READ - 7 * MINUTE))
    assert (accounting(executions, 2), executions.looked_at) == (Accounting(blind=(event_id(2),)), 0)


def test_a_detach_older_than_the_executions_that_may_be_looked_at_is_not_called_blind() -> None:
    """Whoever starts executions by hand cannot make a detach look blind, nor hide a newer one."""
    strangers = [(None, READ - number * MINUTE) for number in range(5, 15)]
    executions = WrittenExecutions(*strangers, (20, READ - 20 * MINUTE))
    assert accounting(executions, 2, 20, at_most=10) == Accounting(
        blind=(event_id(2),), unchecked=(event_id(20),)
    )


def test_executions_that_cannot_be_listed_are_no_blindness() -> None:
    with pytest.raises(ServiceBusyError):
        accounting(WrittenExecutions(error=BUSY), 1)


@pytest.mark.parametrize(
    "remembered", [{"until": "2099-01-01T00:00:00Z"}, {"until": "soon"}, {"until": None}, {}]
)
def test_whoever_writes_into_the_memory_cannot_switch_the_accounting_off(
    remembered: dict[str, object],
) -> None:
    assert next_window(remembered, COMPLETE, READ) == next_window(None, COMPLETE, READ)
