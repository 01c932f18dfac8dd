"""A queue that gets the record of every outcome that is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from holdfast_cli.embedded import Deployment
from tests.queue_policy import take_from_topics

_BATCH = 10


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The records that were told and not taken yet.

    Parameters
    ----------
    queue : SQSClient
        The client of the queue's service.
    url : str
        The queue.
    """

    queue: Any
    url: str

    def take(self) -> list[dict[str, Any]]:
        """Return the records that were told since the last time."""
        records = []
        while messages := self.queue.receive_message(QueueUrl=self.url, MaxNumberOfMessages=_BATCH).get(
            "Messages"
        ):
            for message in messages:
                records.append(json.loads(message["Body"]))
                self.queue.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return records


def subscribe(deployment: Deployment) -> Outcomes:
    """Subscribe a queue to the outcomes, for the records alone."""
    queue = deployment.aws.client("sqs")
    url: str = queue.create_queue(QueueName="records")["QueueUrl"]
    attributes = queue.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    queue.set_queue_attributes(QueueUrl=url, Attributes={"Policy": take_from_topics(attributes["QueueArn"])})
    deployment.aws.client("sns").subscribe(
        TopicArn=deployment.stack.outputs["OutcomeTopicArn"],
        Protocol="sqs",
        Endpoint=attributes["QueueArn"],
        Attributes={"RawMessageDelivery": "true"},
    )
    return Outcomes(queue, url)
