"""What a queue needs to get what topics and rules send."""

from __future__ import annotations

import json


def take_from_topics(queue_arn: str) -> str:
    """Return a policy with which a queue takes what any topic sends."""
    return _take_from("sns.amazonaws.com", queue_arn)


def take_from_rules(queue_arn: str) -> str:
    """Return a policy with which a queue takes what any rule sends."""
    return _take_from("events.amazonaws.com", queue_arn)


def _take_from(service: str, queue_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
