from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.contract.roles import EVERYTHING
from tests.contract.shipped import REMEDIATE, deployed, of_type

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
        ("AWS/States", "ExecutionsSucceeded", "ReconcileStateMachine"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "UndeliveredQueue.QueueName"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", "MailQueue.QueueName"),
        ("AWS/Events", "TriggeredRules", "WatchStartsRule"),
        *(("AWS/Events", "FailedInvocations", name) for name in RULES),
        *(("AWS/Events", "InvocationsFailedToBeSentToDlq", name) for name in RULES),
    }


def test_functions_that_are_throttled_for_five_minutes_raise_an_alarm() -> None:
    """Those of the fast path; that the reconciliation's wait for each other is in order."""
    alarm = ALARMS["FunctionsThrottledAlarm"]
    total, *each = alarm["Metrics"]

    assert (total["Expression"], alarm["EvaluationPeriods"]) == ("SUM(METRICS())", 5)
    assert [query["MetricStat"] for query in each] == [
        {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": "Throttles",
                "Dimensions": [{"Name": "FunctionName", "Value": function}],
            },
            "Period": 60,
            "Stat": "Sum",
        }
        for function in REMEDIATE.function_of_task.values()
    ]


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


def test_no_alarm_is_raised_by_the_errors_of_functions() -> None:
    """A throttle that is retried is one."""
    assert '"Errors"' not in json.dumps(ALARMS)


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
