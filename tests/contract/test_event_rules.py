from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.contract.shipped import MACHINES, deployed, of_type

PATTERN_LIMIT = 2_048
"""Characters of an event pattern. Source: EventBridge user guide, "Quotas"."""

HARMLESS_FIELDS = {
    "$.detail.eventID",
    "$.detail.eventTime",
    "$.detail.executionArn",
    "$.detail.requestParameters.policyId",
    "$.detail.requestParameters.targetId",
    "$.detail.sourceIPAddress",
    "$.detail.status",
    "$.detail.userIdentity.accountId",
    "$.detail.userIdentity.sessionContext.sessionIssuer.userName",
    "$.detail.userIdentity.type",
    "$.detail.userIdentity.userName",
}
"""Fields that cannot hold a quotation mark, a backslash or a line break.

Names of IAM roles and users are limited to letters, digits and `+=,.@_-`. Source: IAM user guide, "IAM and
AWS STS quotas". EventBridge does not escape what it inserts. Source: its user guide, "Input transformation".
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


def test_the_alert_can_be_switched_off_and_leaves_only_its_topic() -> None:
    gone = deployed().keys() - deployed(AlertEnabled="false").keys()

    assert gone == {"AlertRule", "AlertTopicPolicy", "AlertRuleFailingAlarm", "AlertRuleLosingAlarm"}


@pytest.mark.parametrize(
    ("mode", "promise"),
    [
        ("remediate", "a second mail follows if it is in the baseline"),
        ("alert-only", "nothing will be changed"),
    ],
)
def test_the_alert_says_what_follows(mode: str, promise: str) -> None:
    (target,) = rules(Mode=mode)["AlertRule"]["Targets"]

    assert f"is checking it; {promise}." in target["InputTransformer"]["InputTemplate"]


def test_what_ends_untold_is_everything_but_the_failures_that_were_told() -> None:
    errors = {state["Error"] for machine in MACHINES for state in machine.states.values() if "Error" in state}
    told = ["RemediationFailed", "ReconciliationFailed"]

    assert errors == {*told, "NotificationFailed"}

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


def test_what_is_inserted_into_a_mail_cannot_break_it() -> None:
    inserted = {path for transformer in transformers() for path in transformer["InputPathsMap"].values()}

    assert inserted == HARMLESS_FIELDS


def test_every_field_that_is_declared_is_inserted_and_no_other() -> None:
    assert [set(re.findall(r"<(\w+)>", each["InputTemplate"])) for each in transformers()] == [
        each["InputPathsMap"].keys() for each in transformers()
    ]


def test_every_target_has_the_dead_letter_queue() -> None:
    assert {target["DeadLetterConfig"]["Arn"] for target in targets()} == {"UndeliveredQueue.Arn"}


def test_a_topic_is_a_target_without_a_role() -> None:
    """A topic's own policy lets the rule in. Source: EventBridge user guide, "Amazon SNS permissions"."""
    with_role = {target["Arn"] for target in targets() if "RoleArn" in target}

    assert with_role == {"RemediateStateMachine.Arn", "ReconcileStateMachine"}


def test_a_pattern_keeps_within_its_limit_also_with_ninety_policy_ids() -> None:
    ninety = ",".join(f"p-{number:010}" for number in range(90))
    sizes = {name: size(rule["EventPattern"]) for name, rule in rules(AlertPolicyIds=ninety).items()}

    assert max(sizes.values()) < PATTERN_LIMIT
