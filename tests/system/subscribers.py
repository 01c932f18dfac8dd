"""Machines that listen to a topic."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.deployed import Holdfast
from tests.queue_policy import take_from_topics


@dataclass(frozen=True)
class Queue:
    """A queue that is subscribed to a topic."""

    client: Any
    url: str

    def messages(self) -> list[Any]:
        """Take and return what has come, parsed."""
        received = []
        while found := self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                received.append(json.loads(message["Body"]))
                self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return received


def subscribe_queue(holdfast: Holdfast, name: str, **filters: list[str]) -> Queue:
    """Subscribe a new queue to the outcomes, raw, and return it.

    Parameters
    ----------
    holdfast : Holdfast
        The deployed system.
    name : str
        The queue's name.
    **filters
        The values of message attributes that the queue wants; by default it wants everything.
    """
    client = holdfast.aws.client("sqs")
    url = client.create_queue(QueueName=name)["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": take_from_topics(arn)})
    wanted = {"FilterPolicy": json.dumps(filters)} if filters else {}
    holdfast.aws.client("sns").subscribe(
        TopicArn=holdfast.output("OutcomeTopicArn"),
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true", **wanted},
    )
    return Queue(client, url)
