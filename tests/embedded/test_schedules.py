"""EventBridge Scheduler on the clock.

TYPES is "Schedule types in EventBridge Scheduler" in its user guide, ROLE is "Confused deputy
prevention" there.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.moto_api._internal.models import moto_api_backend

from localaws.calls import CallLog
from localaws.clock import Clock, SkippingClock, WallClock
from localaws.faults import Faults
from localaws.gateway import ApiError, Gateway
from localaws.identities import Identities
from localaws.permissions import Permissions
from localaws.schedules import Schedules, read_series
from tests.embedded.wire import connect

NINE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ACCOUNT = "111122223333"
GROUP = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/default"
NUMBER = "try <aws.scheduler.attempt-number>"


def trust(service: str = "scheduler.amazonaws.com", **condition: Any) -> str:
    """Return a trust policy for a service."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        **condition,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Tower:
    """A clock tower: schedules that send messages to a queue, and what has arrived there when."""

    def __init__(self, clock: Clock, seed: int = 1) -> None:
        self.clock = clock
        self.identities = Identities(clock)
        self.calls = CallLog(clock, self.identities)
        self.faults = Faults()
        self.schedules = Schedules(clock, self.connect_as, seed)
        permissions = Permissions(self.identities)
        self.gateway = Gateway([self.calls, self.faults, permissions, self.schedules], clock)
        self.scheduler = connect(self.gateway, "scheduler")
        self.sqs = connect(self.gateway, "sqs")
        self.bells = self.sqs.create_queue(QueueName="bells")["QueueUrl"]
        self.sqs.create_queue(QueueName="broken")
        self.iam = connect(self.gateway, "iam")
        self.role = self.iam.create_role(RoleName="ringer", AssumeRolePolicyDocument=trust())["Role"]["Arn"]
        self.allow("sqs:SendMessage", "*")

    def connect_as(self, role_arn: str, service: str) -> Any:
        """Return a client that calls with a role."""
        return connect(self.gateway, service, self.identities.issue(role_arn, "scheduler").access_key)

    def allow(self, action: str, resource: str) -> None:
        """Let the schedules' role do this, and nothing else."""
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_role_policy(RoleName="ringer", PolicyName="ring", PolicyDocument=document)

    def arguments(self, expression: str, **changes: Any) -> dict[str, Any]:
        """Return what a schedule is made of; the target is the queue unless `Target` changes that."""
        target = {
            "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:bells",
            "RoleArn": self.role,
            "Input": "<aws.scheduler.scheduled-time>",
            **changes.pop("Target", {}),
        }
        return {
            "Name": "bell",
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
            **changes,
        }

    def create(self, expression: str, **changes: Any) -> str:
        """Create a schedule and return its ARN."""
        return str(self.scheduler.create_schedule(**self.arguments(expression, **changes))["ScheduleArn"])

    def wait(self, **time: float) -> None:
        """Let time pass, and wait until what happened in it is done."""
        with self.clock.working():
            self.clock.sleep(timedelta(**time).total_seconds())
        self.clock.settle()

    def messages(self, queue: str = "bells", **more: Any) -> list[dict[str, Any]]:
        """Take the messages from a queue."""
        url = self.bells.replace("bells", queue)
        answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **more)
        taken: list[dict[str, Any]] = answer.get("Messages", [])
        for message in taken:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def rung(self) -> list[str]:
        """Return the times in the messages that have arrived since the last look."""
        return [message["Body"][11:19] for message in self.messages()]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    moto_api_backend.reset()


@pytest.fixture
def tower(account: None) -> Tower:  # noqa: ARG001 - moto must be empty
    return Tower(SkippingClock(NINE))


def test_a_rate_is_due_at_once_and_then_at_an_even_pace(tower: Tower) -> None:
    """TYPES: without a start date a rate-based schedule starts invoking its target immediately."""
    tower.create("rate(10 minutes)")
    tower.clock.settle()
    assert tower.rung() == ["09:00:00"]
    tower.wait(minutes=35)
    assert tower.rung() == ["09:10:00", "09:20:00", "09:30:00"]


def test_a_schedule_alone_lets_no_time_pass(tower: Tower) -> None:
    tower.create("rate(10 minutes)", StartDate=NINE + timedelta(minutes=5))
    tower.clock.settle()
    assert (tower.clock.now(), tower.rung()) == (NINE, [])


def test_a_start_date_begins_a_rate_and_an_end_date_ends_it(tower: Tower) -> None:
    """TYPES: the series starts on the start date and runs until the end date."""
    after = {name: NINE + timedelta(minutes=m) for name, m in (("StartDate", 7), ("EndDate", 30))}
    tower.create("rate(10 minutes)", **after)
    tower.wait(hours=1)
    assert tower.rung() == ["09:07:00", "09:17:00", "09:27:00"]


@pytest.mark.parametrize(
    ("zone", "time"), [("UTC", "2026-11-22T10:30:00"), ("Europe/Vienna", "2026-11-22T11:30:00")]
)
def test_a_single_moment_is_due_once_in_its_own_zone(tower: Tower, zone: str, time: str) -> None:
    tower.create(f"at({time})", ScheduleExpressionTimezone=zone)
    tower.wait(hours=5)
    assert tower.rung() == ["10:30:00"]


@pytest.mark.parametrize(
    "expression",
    ["rate(0 minutes)", "rate(5 seconds)", "rate(5)", "at(soon)", "at(2026-02-30T09:00:00)", "every day"],
)
def test_an_expression_that_says_nothing_is_refused(tower: Tower, expression: str) -> None:
    with pytest.raises(tower.scheduler.exceptions.ValidationException, match="Invalid Schedule Expression"):
        tower.create(expression)


def test_cron_is_refused_in_plain_words() -> None:
    with pytest.raises(
        ApiError, match=re.escape("cannot compute cron expressions: use rate(...) or at(...)")
    ):
        read_series("cron(0 9 * * ? *)", "UTC", NINE)


@pytest.mark.usefixtures("account")
def test_a_flexible_window_delays_each_firing_by_less_than_its_length() -> None:
    """Two towers with one seed agree on the moments, another one does not."""

    def moments(seed: int) -> list[float]:
        moto_api_backend.reset()
        tower = Tower(SkippingClock(NINE), seed)
        window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 2}
        tower.create("rate(10 minutes)", FlexibleTimeWindow=window)
        tower.wait(minutes=39)
        assert tower.rung() == ["09:00:00", "09:10:00", "09:20:00", "09:30:00"]
        sent = [call.at for call in tower.calls.recorded("sqs", "SendMessage")]
        return [(at - NINE).total_seconds() % 600 for at in sent]

    first = moments(seed=1)
    assert all(0 <= delay < 120 for delay in first)
    assert len(set(first)) > 1
    assert (moments(seed=1), moments(seed=2) == first) == (first, False)


def test_the_input_can_tell_of_its_own_firing(tower: Tower) -> None:
    """User guide, "Adding context attributes": the four that there are."""
    names = ("scheduled-time", "schedule-arn", "execution-id", "attempt-number")
    context = json.dumps({name: f"<aws.scheduler.{name}>" for name in names})
    arn = tower.create("rate(1 hour)", Target={"Input": context})
    tower.clock.settle()
    (message,) = tower.messages()
    told = json.loads(message["Body"])
    assert re.fullmatch("[0-9a-f]{16}", told.pop("execution-id"))
    assert told == {"scheduled-time": "2026-11-22T09:00:00Z", "schedule-arn": arn, "attempt-number": "1"}


def test_without_an_input_the_target_gets_a_notification(tower: Tower) -> None:
    arguments = tower.arguments("rate(1 hour)")
    del arguments["Target"]["Input"]
    arn = tower.scheduler.create_schedule(**arguments)["ScheduleArn"]
    tower.clock.settle()
    (message,) = tower.messages()
    event = json.loads(message["Body"])
    assert (event["detail-type"], event["source"], event["resources"], event["time"]) == (
        "Scheduled Event",
        "aws.scheduler",
        [arn],
        "2026-11-22T09:00:00Z",
    )


def test_a_schedule_that_is_disabled_rests_and_keeps_its_pace(tower: Tower) -> None:
    tower.create("rate(10 minutes)")
    tower.clock.settle()
    tower.scheduler.update_schedule(**tower.arguments("rate(10 minutes)", State="DISABLED"))
    tower.wait(minutes=25)
    assert tower.rung() == ["09:00:00"]
    tower.scheduler.update_schedule(**tower.arguments("rate(10 minutes)"))
    tower.wait(minutes=10)
    assert tower.rung() == ["09:30:00"]
    assert tower.scheduler.get_schedule(Name="bell")["State"] == "ENABLED"


def test_a_changed_rate_begins_anew(tower: Tower) -> None:
    tower.create("rate(10 minutes)")
    tower.wait(minutes=5)
    tower.scheduler.update_schedule(**tower.arguments("rate(2 minutes)"))
    tower.wait(minutes=5)
    assert tower.rung() == ["09:00:00", "09:05:00", "09:07:00", "09:09:00"]


def test_a_schedule_that_is_deleted_is_silent(tower: Tower) -> None:
    tower.create("rate(10 minutes)", StartDate=NINE + timedelta(minutes=5))
    tower.scheduler.delete_schedule(Name="bell")
    tower.wait(hours=1)
    assert tower.rung() == []


def test_schedules_go_with_their_group(tower: Tower) -> None:
    tower.scheduler.create_schedule_group(Name="tower")
    tower.create("rate(10 minutes)", GroupName="tower", StartDate=NINE + timedelta(minutes=5))
    tower.scheduler.delete_schedule_group(Name="tower")
    tower.wait(hours=1)
    assert tower.rung() == []


def test_a_failing_target_is_tried_as_often_as_its_policy_says_and_then_buried(tower: Tower) -> None:
    """User guide, "Configuring a dead-letter queue": the message's attributes."""
    fault = ApiError("ThrottlingException", "Rate exceeded")
    tower.faults.fail_call("sqs", "SendMessage", fault, times=3)
    policy = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600}
    broken = {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:broken"}
    arn = tower.create(
        "rate(1 day)",
        Target={
            "RetryPolicy": policy,
            "DeadLetterConfig": broken,
            "Input": "try <aws.scheduler.attempt-number>",
        },
    )
    tower.clock.settle()
    (letter,) = tower.messages("broken", MessageAttributeNames=["All"])
    told = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert len(told.pop("EXECUTION_ID")) == 16
    assert "Rate exceeded" in told.pop("ERROR_MESSAGE")
    assert letter["Body"] == "try 1"
    assert told == {
        "SCHEDULE_ARN": arn,
        "SCHEDULED_TIME": "2026-11-22T09:00:00Z",
        "TARGET_ARN": f"arn:aws:sqs:us-east-1:{ACCOUNT}:bells",
        "ERROR_CODE": "THROTTLING",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "RETRY_ATTEMPTS": "2",
    }
    assert len(tower.calls.recorded("sqs", "SendMessage")) == 4


def test_a_later_try_tells_its_number(tower: Tower) -> None:
    tower.faults.fail_call("sqs", "SendMessage", ApiError("ThrottlingException", "Rate exceeded"), times=2)
    tower.create("rate(1 day)", Target={"Input": NUMBER})
    tower.clock.settle()
    assert [message["Body"] for message in tower.messages()] == ["try 3"]


def test_a_role_without_the_permission_reaches_nothing(tower: Tower) -> None:
    tower.allow("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:broken")
    broken = {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:broken"}
    tower.create("rate(1 day)", Target={"DeadLetterConfig": broken})
    tower.clock.settle()
    (letter,) = tower.messages("broken", MessageAttributeNames=["All"])
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert tower.messages() == []


def test_what_no_queue_takes_is_dropped(tower: Tower) -> None:
    tower.allow("sqs:ReceiveMessage", "*")
    arn = tower.create("rate(1 day)")
    tower.clock.settle()
    assert [(lost.rule_arn, lost.error_code) for lost in tower.schedules.dropped] == [(arn, "NO_PERMISSIONS")]


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}},
        {"Condition": {"ArnEquals": {"aws:SourceArn": GROUP}}},
    ],
)
def test_a_role_may_trust_the_scheduler_on_behalf_of_the_schedules_group(
    tower: Tower, condition: dict[str, Any]
) -> None:
    """ROLE: the account, or the group."""
    tower.iam.update_assume_role_policy(RoleName="ringer", PolicyDocument=trust(**condition))
    assert tower.create("rate(1 day)").endswith("schedule/default/bell")


@pytest.mark.parametrize(
    "policy",
    [
        trust("events.amazonaws.com"),
        trust(Condition={"StringEquals": {"aws:SourceAccount": "999999999999"}}),
        trust(Condition={"ArnEquals": {"aws:SourceArn": GROUP.replace("-group", "")}}),
    ],
)
def test_a_role_that_does_not_trust_the_scheduler_is_refused(tower: Tower, policy: str) -> None:
    """ROLE: neither another service, nor another account, nor the schedule itself."""
    tower.iam.update_assume_role_policy(RoleName="ringer", PolicyDocument=policy)
    with pytest.raises(tower.scheduler.exceptions.ValidationException, match="to assume the role"):
        tower.create("rate(1 day)")


@pytest.mark.usefixtures("account")
def test_on_the_machines_clock_a_schedule_fires_by_itself() -> None:
    tower = Tower(WallClock())
    tower.create("rate(1 minute)", Target={"Input": "ring"})
    tower.clock.settle()
    tower.schedules.close()
    assert [message["Body"] for message in tower.messages(WaitTimeSeconds=10)] == ["ring"]
