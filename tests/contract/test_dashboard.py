from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from holdfast import metrics
from holdfast.reconciliation import metrics as run_metrics
from tests.contract.shipped import FUNCTION_OF_TASK, TEMPLATE, deployed, of_type

COLUMNS = 24
"""Source: CloudWatch API reference, "Dashboard body structure and syntax"."""

KINDS = {
    ("AWS/Lambda", "FunctionName"): ("AWS::Serverless::Function", ""),
    ("AWS/SNS", "TopicName"): ("AWS::SNS::Topic", ".TopicName"),
    ("AWS/SQS", "QueueName"): ("AWS::SQS::Queue", ".QueueName"),
    ("AWS/States", "StateMachineArn"): ("AWS::Serverless::StateMachine", ""),
}
"""What a metric's dimension has to name: a resource of this type, by this attribute."""

OWN = {*metrics.METRICS, *run_metrics.METRICS}
SWITCHES = [{}, {"AlertEnabled": "false"}, {"ReconciliationEnabled": "false"}]


def widgets(**parameters: str) -> list[dict[str, Any]]:
    """Return the dashboard's widgets in a deployment; that it is JSON shows here."""
    body: dict[str, Any] = json.loads(deployed(**parameters)["Dashboard"]["Properties"]["DashboardBody"])
    return list(body["widgets"])


def shown() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield namespace, name, dimension, its value and the statistic of each metric that is shown."""
    for widget in widgets():
        for metric in widget["properties"].get("metrics", []):
            *named, options = metric if isinstance(metric[-1], dict) else [*metric, {}]
            namespace, name, dimension, value = named
            yield namespace, name, dimension, value, options.get("stat", widget["properties"]["stat"])


def test_the_metrics_of_ours_that_are_shown_are_those_that_are_emitted() -> None:
    ours = {
        (name, dimension, value)
        for namespace, name, dimension, value, _ in shown()
        if namespace == "Holdfast"
    }

    assert metrics.NAMESPACE == "Holdfast"
    assert ours == {(name, metrics.DIMENSION, "holdfast") for name in OWN}


def test_every_metric_of_aws_is_one_of_a_resource_of_ours() -> None:
    resources = deployed()
    foreign = [
        (namespace, dimension, value)
        for namespace, _, dimension, value, _ in shown()
        if namespace != "Holdfast"
    ]
    for namespace, dimension, value in foreign:
        kind, attribute = KINDS[namespace, dimension]
        name = value.removesuffix(attribute) if attribute else value

        assert (resources[name]["Type"], value) == (kind, name + attribute)


def test_the_functions_that_emit_metrics_know_their_stack() -> None:
    told = {
        name: function["Environment"]["Variables"]["STACK_NAME"]
        for name, function in of_type(deployed(), "AWS::Serverless::Function").items()
        if name in {"DescribeOutcomeFunction", "DescribeReconciliationFunction"}
    }

    assert told == dict.fromkeys(["DescribeOutcomeFunction", "DescribeReconciliationFunction"], "holdfast")


def test_the_dashboard_answers_the_first_questions() -> None:
    asked = {(namespace, name, stat) for namespace, name, _, _, stat in shown()}

    assert asked >= {
        *(("Holdfast", name, "Sum") for name in ("Detaches", "Restored", "Failed", "ReconcileRuns")),
        *(("Holdfast", "ExposureSeconds", stat) for stat in ("p50", "p99")),
        ("Holdfast", "Drift", "Maximum"),
        ("AWS/States", "ExecutionsSucceeded", "Sum"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum"),
        ("AWS/SNS", "NumberOfNotificationsFailed", "Sum"),
    }


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_retries_are_shown_of_every_function_that_a_state_machine_runs(metric: str) -> None:
    assert sorted(value for _, name, _, value, _ in shown() if name == metric) == sorted(
        FUNCTION_OF_TASK.values()
    )


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_the_state_of_every_alarm_that_there_is_is_shown(switches: dict[str, str]) -> None:
    (listed,) = [
        widget["properties"]["alarms"] for widget in widgets(**switches) if widget["type"] == "alarm"
    ]

    assert listed == [f"{name}.Arn" for name in of_type(deployed(**switches), "AWS::CloudWatch::Alarm")]


def test_every_graph_is_of_the_stacks_own_region_and_has_a_title_of_its_own() -> None:
    properties = [widget["properties"] for widget in widgets()]

    assert {each.get("region", "us-east-1") for each in properties} == {"us-east-1"}
    assert len({each["title"] for each in properties}) == len(properties)


def test_no_widgets_overlap_and_all_are_on_the_grid() -> None:
    covered = [
        {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        for widget in widgets()
    ]

    assert [(one, other) for one, other in combinations(covered, 2) if one & other] == []
    assert max(x for cells in covered for x, _ in cells) < COLUMNS


def test_an_output_leads_to_the_dashboard() -> None:
    url, _ = TEMPLATE["Outputs"]["DashboardUrl"]["Value"]["Fn::Sub"]

    assert url.endswith("#dashboards/dashboard/${Dashboard}")
