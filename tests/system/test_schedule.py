"""The schedule: it fires on the clock, it can be stopped, and what it cannot start is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localaws.gateway import ApiError
from tests.deployed import A_BUDGET_OF_MAILS, RECONCILIATION, Holdfast, Run, deployed

pytestmark = pytest.mark.long

HOUR = 3_600.0


@pytest.fixture(scope="module")
def shared_holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast with the schedule that is the default."""
    folder = tmp_path_factory.mktemp("holdfast")
    with deployed(folder, ReconciliationEnabled="true", ReconciliationSchedule="rate(10 minutes)") as shared:
        yield shared


@pytest.fixture
def holdfast(shared_holdfast: Holdfast) -> Iterator[Holdfast]:
    """Lend the deployment to one test."""
    yield shared_holdfast
    shared_holdfast.aws.faults.clear()


def runs_within(holdfast: Holdfast, seconds: float) -> list[Run]:
    """Let time pass and return the reconciliations that began meanwhile."""
    with holdfast.watch(RECONCILIATION) as runs:
        holdfast.aws.clock.sleep(seconds - A_BUDGET_OF_MAILS)
    return runs


def dead_letters(holdfast: Holdfast) -> list[tuple[Any, str]]:
    """Take what could not be delivered: the input, and the schedule that it comes from."""
    queue, url = holdfast.aws.client("sqs"), holdfast.output("UndeliveredQueueUrl")
    received = queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    letters = received.get("Messages", [])
    for letter in letters:
        queue.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
    return [
        (json.loads(letter["Body"]), letter["MessageAttributes"]["SCHEDULE_ARN"]["StringValue"])
        for letter in letters
    ]


def test_it_looks_at_the_whole_baseline_every_ten_minutes_and_is_quiet(holdfast: Holdfast) -> None:
    runs = runs_within(holdfast, HOUR / 2)

    assert [(run.event, run.states[-1], run.mails) for run in runs] == [
        ({"cause": "schedule"}, "Nothing To Tell", ())
    ] * 3


def test_what_nobody_noticed_is_restored_within_the_quarter_of_an_hour(holdfast: Holdfast) -> None:
    events, rule = holdfast.aws.client("events"), holdfast.output("DetachRuleName")
    before = holdfast.state()
    events.disable_rule(Name=rule)
    holdfast.take("DenyLeaveOrganization", "Root")

    runs = runs_within(holdfast, HOUR / 4)
    events.enable_rule(Name=rule)

    assert [run.outcome for run in runs if run.mails] == ["reconciled"]
    assert holdfast.state() == before


def test_a_start_that_is_throttled_is_tried_again(holdfast: Holdfast) -> None:
    refused = ApiError("ThrottlingException", "Rate exceeded")
    holdfast.aws.faults.fail_call("states", "StartExecution", refused, times=3)

    runs = runs_within(holdfast, HOUR / 6)

    assert ([run.end[0] for run in runs], dead_letters(holdfast)) == (["SUCCEEDED"], [])


def test_a_machine_that_cannot_be_started_leaves_a_dead_letter(holdfast: Holdfast) -> None:
    denied = ApiError("AccessDeniedException", "You may not.")
    holdfast.aws.faults.fail_call("states", "StartExecution", denied)

    runs = runs_within(holdfast, HOUR / 6)
    letters = dead_letters(holdfast)

    schedule = f"schedule/default/{holdfast.resource('ReconcileSchedule')}"
    assert runs == []
    assert [(body, arn.rpartition(":")[2]) for body, arn in letters] == [({"cause": "schedule"}, schedule)]


def test_a_schedule_that_is_switched_off_starts_nothing(holdfast: Holdfast) -> None:
    schedules, name = holdfast.aws.client("scheduler"), holdfast.resource("ReconcileSchedule")
    schedule = schedules.get_schedule(Name=name)
    kept = {key: schedule[key] for key in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}

    schedules.update_schedule(**kept, State="DISABLED")
    off = runs_within(holdfast, HOUR / 2)
    schedules.update_schedule(**kept, State="ENABLED")
    on = runs_within(holdfast, HOUR / 2)

    assert (len(off), len(on)) == (0, 3)
