from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contract.roles import EVERYTHING
from tests.contract.shipped import FUNCTION_OF_QUEUE, MACHINES, RECONCILE, REMEDIATE, deployed, of_type

ALARMS: dict[str, dict[str, Any]] = of_type(deployed(), "AWS::CloudWatch::Alarm")
WATCHING = [
    name
    for name in of_type(deployed(**EVERYTHING), "AWS::Events::Rule")
    if name.startswith(("Watch", "Witness"))
]
"""The rules that watch Holdfast itself, which share their alarms."""
RULES = [name for name in of_type(deployed(), "AWS::Events::Rule") if name not in WATCHING]
MOST_METRICS = 10
"""The metrics that an alarm reads at most. Source: CloudWatch API reference, PutMetricAlarm, `Metrics`."""


def test_there_is_an_alarm_for_all_that_could_go_unseen() -> None:
    watched = {
        (alarm["Namespace"], alarm["MetricName"], *(each["Value"] for each in alarm["Dimensions"]))
        for alarm in ALARMS.values()
        if "MetricName" in alarm
    }

    assert watched == {
        ("AWS/States", "ExecutionsFailed", "RemediateStateMachine"),
        ("AWS/States", "ExecutionsTimedOut", "RemediateStateMachine"),
        ("AWS/States", "ExecutionsAborted", "RemediateStateMachine"),
        ("AWS/States", "ExecutionsFailed", "ReconcileStateMachine"),
        ("AWS/States", "ExecutionsTimedOut", "ReconcileStateMachine"),
        ("AWS/States", "ExecutionsAborted", "ReconcileStateMachine"),
        ("AWS/States", "ExecutionsSucceeded", "ReconcileStateMachine"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "UndeliveredQueue.QueueName"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", "MailQueue.QueueName"),
        ("AWS/Lambda", "Errors", "SendMailFunction"),
        ("AWS/Events", "TriggeredRules", "WatchStartsRule"),
        *(("AWS/Events", "FailedInvocations", name) for name in RULES),
        *(("AWS/Events", "InvocationsFailedToBeSentToDlq", name) for name in RULES),
    }


def summed(name: str) -> list[tuple[str, str, str]]:
    """Return what an alarm sums, as the metrics that are there by themselves are named above."""
    total, *each = ALARMS[name]["Metrics"]
    stats = [query["MetricStat"] for query in each]
    assert total["Expression"] == "SUM(METRICS())"
    assert {(stat["Period"], stat["Stat"]) for stat in stats} == {(60, "Sum")}
    assert len(each) <= MOST_METRICS
    return [
        (metric["Namespace"], metric["MetricName"], metric["Dimensions"][0]["Value"])
        for metric in (stat["Metric"] for stat in stats)
    ]


WAITS_FOR_ANOTHER = {"FindDriftFunction", "RestoreAttachmentsFunction"}
"""Of these one runs at a time, so that being throttled is in order."""


def test_functions_that_are_throttled_for_five_minutes_raise_an_alarm() -> None:
    fast = [*REMEDIATE.function_of_task.values(), "SendMailFunction"]
    slow = [name for name in RECONCILE.function_of_task.values() if name not in WAITS_FOR_ANOTHER]
    reserving = {
        name
        for name, function in of_type(deployed(), "AWS::Serverless::Function").items()
        if function.get("ReservedConcurrentExecutions") == 1
    }

    assert summed("FunctionsThrottledAlarm") == [("AWS/Lambda", "Throttles", name) for name in fast]
    assert summed("ReconciliationThrottledAlarm") == [("AWS/Lambda", "Throttles", name) for name in slow]
    assert reserving == WAITS_FOR_ANOTHER


def test_state_machines_that_are_throttled_for_five_minutes_raise_an_alarm() -> None:
    assert summed("ExecutionsThrottledAlarm") == [
        ("AWS/States", "ExecutionThrottled", machine.logical_id) for machine in MACHINES
    ]


def test_what_clears_up_by_itself_has_five_minutes_to_do_so() -> None:
    throttled = {name: alarm for name, alarm in ALARMS.items() if "Throttled" in name}

    assert {name: alarm["EvaluationPeriods"] for name, alarm in throttled.items()} == dict.fromkeys(
        ["FunctionsThrottledAlarm", "ReconciliationThrottledAlarm", "ExecutionsThrottledAlarm"], 5
    )


def test_a_notification_that_no_subscriber_got_raises_an_alarm_whatever_its_topic() -> None:
    topics = of_type(deployed(), "AWS::SNS::Topic")

    assert sorted(summed("NotificationsUndeliveredAlarm")) == sorted(
        ("AWS/SNS", "NumberOfNotificationsFailed", f"{topic}.TopicName") for topic in topics
    )


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("WatchersFailingAlarm", "FailedInvocations"),
        ("WatchersLosingAlarm", "InvocationsFailedToBeSentToDlq"),
    ],
)
def test_one_alarm_sums_what_all_watching_rules_could_not_tell(name: str, metric: str) -> None:
    alarm = of_type(deployed(**EVERYTHING), "AWS::CloudWatch::Alarm")[name]
    total, *each = alarm["Metrics"]
    watched = [query["MetricStat"]["Metric"] for query in each]

    assert total["Expression"] == "SUM(METRICS())"
    assert watched == [
        {
            "Namespace": "AWS/Events",
            "MetricName": metric,
            "Dimensions": [{"Name": "RuleName", "Value": rule}],
        }
        for rule in WATCHING
    ]
    assert len(watched) <= MOST_METRICS


def test_no_alarm_is_raised_by_the_errors_of_functions_that_state_machines_run() -> None:
    """A throttle that is retried is one."""
    erring = {
        dimension["Value"]
        for alarm in ALARMS.values()
        if alarm.get("MetricName") == "Errors"
        for dimension in alarm["Dimensions"]
    }

    assert erring == set(FUNCTION_OF_QUEUE.values())
    assert not any("'Errors'" in str(alarm["Metrics"]) for alarm in ALARMS.values() if "Metrics" in alarm)


def test_every_alarm_tells_the_alarm_topic() -> None:
    assert [name for name, alarm in ALARMS.items() if alarm["AlarmActions"] != ["AlarmTopic"]] == []


def test_every_alarm_says_what_it_means_and_what_to_do() -> None:
    meaning_and_remedy = re.compile(r"[A-Z][^.]+\. [A-Z].+\.")
    described = {name: alarm["AlarmDescription"] for name, alarm in ALARMS.items()}

    assert [name for name, text in described.items() if not meaning_and_remedy.fullmatch(text)] == []


def test_an_alarm_is_quiet_while_nothing_happens_but_the_one_that_listens_for_the_heartbeat() -> None:
    missing = {name: alarm["TreatMissingData"] for name, alarm in ALARMS.items()}
    heartbeat = ALARMS["ReconciliationSilentAlarm"]

    assert missing == {**dict.fromkeys(ALARMS, "notBreaching"), "ReconciliationSilentAlarm": "breaching"}
    assert (heartbeat["ComparisonOperator"], heartbeat["Threshold"], heartbeat["Period"]) == (
        "LessThanThreshold",
        1,
        3_600,
    )


def test_nobody_listens_for_a_heartbeat_that_is_switched_off() -> None:
    gone = deployed().keys() - deployed(ReconciliationEnabled="false").keys()

    assert gone == {"ReconciliationSilentAlarm"}
