from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from localaws.transformer import InputTransformer
from tests.contract.shipped import MACHINES, deployed, of_type

PATTERN_LIMIT = 2_048
"""Characters of an event pattern. Source: EventBridge user guide, "Quotas"."""

HARMLESS_FIELDS = {
    "$.detail.eventID",
    "$.detail.eventName",
    "$.detail.eventSource",
    "$.detail.eventTime",
    "$.detail.requestParameters.changeSetName",
    "$.detail.requestParameters.executionArn",
    "$.detail.requestParameters.functionName",
    "$.detail.requestParameters.keyId",
    "$.detail.requestParameters.name",
    "$.detail.requestParameters.names[0]",
    "$.detail.requestParameters.policyArn",
    "$.detail.requestParameters.policyId",
    "$.detail.requestParameters.policyName",
    "$.detail.requestParameters.replayName",
    "$.detail.requestParameters.roleName",
    "$.detail.requestParameters.rule",
    "$.detail.requestParameters.stackName",
    "$.detail.requestParameters.stateMachineArn",
    "$.detail.requestParameters.subscriptionArn",
    "$.detail.requestParameters.tableName",
    "$.detail.requestParameters.targetId",
    "$.detail.requestParameters.topicArn",
    "$.detail.requestParameters.trailName",
    "$.detail.requestParameters.uUID",
    "$.detail.requestParameters.uuid",
    "$.detail.sourceIPAddress",
    "$.detail.userIdentity.accountId",
    "$.detail.userIdentity.sessionContext.sessionIssuer.userName",
    "$.detail.userIdentity.type",
    "$.detail.userIdentity.userName",
}
"""Fields that cannot hold a quotation mark, a backslash or a line break.

Names of IAM roles and users are limited to letters, digits and `+=,.@_-`. Source: IAM user guide, "IAM and
AWS STS quotas". Those of parameters, to letters, digits and `_.-/`. Source: Systems Manager API reference,
PutParameter. Those of rules, replays, functions, topics, tables, trails, stacks, state machines, executions
and their ARNs, likewise. Source: the pattern of each member in its service's API reference. Not so those of
alarms, which may hold quotation marks. EventBridge does not escape what it inserts. Source: its user guide,
"Input transformation".
"""

SUCCESSFUL_DETACH: dict[str, Any] = {
    "source": ["aws.organizations"],
    "detail-type": ["AWS API Call via CloudTrail"],
    "detail": {
        "eventSource": ["organizations.amazonaws.com"],
        "eventName": ["DetachPolicy"],
        "errorCode": [{"exists": False}],
    },
}


def rules(**parameters: str) -> dict[str, Any]:
    return of_type(deployed(**parameters), "AWS::Events::Rule")


def targets() -> list[dict[str, Any]]:
    return [target for rule in rules().values() for target in rule["Targets"]]


def transformers() -> list[dict[str, Any]]:
    return [target["InputTransformer"] for target in targets() if "InputTransformer" in target]


def size(pattern: object) -> int:
    return len(json.dumps(pattern, separators=(",", ":")))


def test_the_remediation_starts_at_exactly_the_detaches_that_succeeded() -> None:
    (target,) = rules()["DetachRule"]["Targets"]

    assert rules()["DetachRule"]["EventPattern"] == SUCCESSFUL_DETACH
    assert target == {
        "Id": "Remediate",
        "Arn": "RemediateStateMachine.Arn",
        "RoleArn": "DetachRuleRole.Arn",
        "RetryPolicy": {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185},
        "DeadLetterConfig": {"Arn": "UndeliveredQueue.Arn"},
    }


@pytest.mark.parametrize(
    ("policy_ids", "narrowing"),
    [("", [{"prefix": "p-"}]), ("p-examplescp1,p-examplescp2", ["p-examplescp1", "p-examplescp2"])],
)
def test_the_alert_announces_all_detaches_or_those_of_the_given_policies(
    policy_ids: str, narrowing: list[object]
) -> None:
    pattern = rules(AlertPolicyIds=policy_ids)["AlertRule"]["EventPattern"]

    assert pattern == {
        **SUCCESSFUL_DETACH,
        "detail": {**SUCCESSFUL_DETACH["detail"], "requestParameters": {"policyId": narrowing}},
    }


def test_the_alert_can_be_switched_off_and_leaves_its_topic_to_the_exemptions() -> None:
    gone = deployed().keys() - deployed(AlertEnabled="false").keys()

    assert gone == {"AlertRule", "AlertRuleFailingAlarm", "AlertRuleLosingAlarm"}


def test_every_change_of_an_exemption_is_announced() -> None:
    below = [{"prefix": "/holdfast/exemptions/"}]

    assert rules()["ExemptionRule"]["EventPattern"] == {
        "source": ["aws.ssm"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventSource": ["ssm.amazonaws.com"],
            "errorCode": [{"exists": False}],
            "$or": [
                {"eventName": ["PutParameter", "DeleteParameter"], "requestParameters": {"name": below}},
                {"eventName": ["DeleteParameters"], "requestParameters": {"names": below}},
            ],
        },
    }


@pytest.mark.parametrize(
    ("rule", "arns"),
    [
        ("AlertRule", ["AlertTopic", "MailQueue.Arn"]),
        ("ExemptionRule", ["AlertTopic", "MailQueue.Arn"]),
        ("UntoldEndRule", ["MailQueue.Arn"]),
    ],
)
def test_people_get_the_whole_event_by_the_queue_and_machines_a_record(rule: str, arns: list[str]) -> None:
    found = {target["Arn"]: "InputTransformer" in target for target in rules()[rule]["Targets"]}

    assert found == {arn: arn == "AlertTopic" for arn in arns}


@pytest.mark.parametrize("rule", ["AlertRule", "ExemptionRule"])
def test_a_record_for_machines_is_json_whatever_the_event_lacks(rule: str) -> None:
    transformer = InputTransformer.parse(rules()[rule]["Targets"][0]["InputTransformer"])
    now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    record = json.loads(transformer.apply({}, rule_arn="arn", rule_name=rule, ingested_at=now))

    assert (record["schema"], record["organization"]) == (1, "o-exampleorgid")
    assert {value for key, value in record.items() if key not in {"schema", "about", "organization"}} == {""}


def test_what_ends_untold_is_everything_but_the_failures_that_were_told() -> None:
    errors = {state["Error"] for machine in MACHINES for state in machine.states.values() if "Error" in state}
    told = ["RemediationFailed", "ReconciliationFailed"]

    assert errors == {*told, "NotificationFailed", "PublicationFailed"}

    assert json.loads(rules()["UntoldEndRule"]["EventPattern"]) == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "stateMachineArn": ["RemediateStateMachine", "ReconcileStateMachine"],
            "$or": [
                {"status": ["TIMED_OUT", "ABORTED"]},
                {"status": ["FAILED"], "error": [{"anything-but": told}]},
                {"status": ["FAILED"], "error": [None]},
                {"status": ["FAILED"], "error": [{"exists": False}]},
            ],
        },
    }


def test_what_is_inserted_into_a_record_cannot_break_it() -> None:
    inserted = {path for transformer in transformers() for path in transformer["InputPathsMap"].values()}

    assert inserted == HARMLESS_FIELDS


def test_every_field_that_is_declared_is_inserted_and_no_other() -> None:
    assert [set(re.findall(r"<(\w+)>", each["InputTemplate"])) for each in transformers()] == [
        each["InputPathsMap"].keys() for each in transformers()
    ]


def test_every_target_has_the_dead_letter_queue() -> None:
    assert {target["DeadLetterConfig"]["Arn"] for target in targets()} == {"UndeliveredQueue.Arn"}


def test_a_topic_or_a_queue_is_a_target_without_a_role() -> None:
    """A topic's own policy lets the rule in. Source: EventBridge user guide, "Amazon SNS permissions"."""
    with_role = {target["Arn"] for target in targets() if "RoleArn" in target}

    assert with_role == {"RemediateStateMachine.Arn", "ReconcileStateMachine"}


def test_a_pattern_keeps_within_its_limit_also_with_ninety_policy_ids() -> None:
    ninety = ",".join(f"p-{number:010}" for number in range(90))
    sizes = {name: size(rule["EventPattern"]) for name, rule in rules(AlertPolicyIds=ninety).items()}

    assert max(sizes.values()) < PATTERN_LIMIT
