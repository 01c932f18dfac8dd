from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from localaws.resource_policies import ServiceRequest, is_allowed

QUEUE = "arn:aws:sqs:us-east-1:111122223333:alerts"
RULE = "arn:aws:events:us-east-1:111122223333:rule/watch"
REQUEST = ServiceRequest("events.amazonaws.com", "sqs:SendMessage", QUEUE, RULE)
ALLOW = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": QUEUE,
}


def allows(*statements: dict[str, Any]) -> bool:
    return is_allowed(json.dumps({"Statement": list(statements)}), REQUEST)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"Principal": {"Service": ["states.amazonaws.com", "events.amazonaws.com"]}},
        {"Principal": "*"},
        {"Action": ["SQS:ReceiveMessage", "SQS:SendMessage"]},
        {"Action": "sqs:*"},
        {"Resource": "*"},
        {"Condition": {"ArnEquals": {"aws:SourceArn": RULE}}},
        {"Condition": {"ArnLike": {"AWS:SourceArn": ["other", "arn:aws:events:*:111122223333:rule/*"]}}},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}},
        {"Condition": {"StringEqualsIfExists": {"aws:SourceOrgID": "o-exampleorgid"}}},
    ],
)
def test_a_statement_allows(change: dict[str, Any]) -> None:
    assert allows(ALLOW | change)


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Deny"},
        {"Principal": {"Service": "cloudwatch.amazonaws.com"}},
        {"Principal": {"AWS": "arn:aws:iam::111122223333:root"}},
        {"Principal": {"AWS": "*"}, "Condition": {"StringEquals": {"AWS:SourceOwner": "111122223333"}}},
        {"Action": "sqs:ReceiveMessage"},
        {"Resource": QUEUE + "-other"},
        {"Condition": {"ArnEquals": {"aws:SourceArn": RULE + "-other"}}},
        {"Condition": {"StringEquals": {"aws:SourceArn": RULE.replace("watch", "*")}}},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "444455556666"}}},
        {"Condition": {"NewOperator": {"aws:SourceArn": RULE}}},
    ],
)
def test_a_statement_does_not_allow(change: dict[str, Any]) -> None:
    assert not allows(ALLOW | change)


def test_a_denial_wins() -> None:
    assert not allows(ALLOW, ALLOW | {"Effect": "Deny"})


def test_a_denial_of_unencrypted_requests_does_not_concern_a_service() -> None:
    deny = ALLOW | {
        "Effect": "Deny",
        "Principal": "*",
        "Condition": {"Bool": {"aws:SecureTransport": False}},
    }
    assert allows(ALLOW, deny)


def test_no_policy_allows_nothing() -> None:
    assert not is_allowed(None, REQUEST)


def test_a_topics_policy_for_eventbridge_has_no_conditions() -> None:
    """Source: EventBridge user guide, "Using resource-based policies", "Amazon SNS permissions"."""
    publish = replace(REQUEST, action="sns:Publish")
    plain = ALLOW | {"Action": "sns:Publish"}
    narrowed = plain | {"Condition": {"ArnEquals": {"aws:SourceArn": RULE}}}

    assert is_allowed(json.dumps({"Statement": [plain]}), publish)
    assert not is_allowed(json.dumps({"Statement": [narrowed]}), publish)
