"""What a queue needs to be subscribed to a topic."""

from __future__ import annotations

import json


def take_from_topics(queue_arn: str) -> str:
    """Return a policy with which a queue takes what any topic sends."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
