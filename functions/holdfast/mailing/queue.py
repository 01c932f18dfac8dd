"""The queue of what is to be told: receive, delete, and the sign to look again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import boto3

from holdfast.calling import ONE_ATTEMPT, call
from holdfast.mailing.sorting import LOOK_AGAIN, Message
from holdfast.settings import named_in

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH = 10
"""Messages of one call. Source: SQS API reference, ReceiveMessage and DeleteMessageBatch."""

LOOK_AGAIN_AFTER = 65
"""Seconds: a little longer than what is held stays hidden, so that it is there when somebody looks."""


class Queue:
    """Receive, delete, and send the sign to look again.

    Every method raises `ServiceBusyError` or `ServiceRefusedError`.

    Parameters
    ----------
    client : SQSClient
        A boto3 client that makes one attempt.
    url : str
        The queue's URL.
    """

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def receive(self) -> tuple[Message, ...]:
        """Return some messages, which are hidden from others for a minute; none if none is found.

        It asks a part of the queue's servers only: what it misses comes with the next batch.
        """
        answer = call(
            "sqs",
            "ReceiveMessage",
            self._client.receive_message,
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH,
        )
        return tuple(
            Message(received["MessageId"], received["ReceiptHandle"], received["Body"])
            for received in answer.get("Messages", [])
        )

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages; one that cannot be deleted comes again."""
        for start in range(0, len(messages), BATCH):
            call(
                "sqs",
                "DeleteMessageBatch",
                self._client.delete_message_batch,
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message.receipt}
                    for number, message in enumerate(messages[start : start + BATCH])
                ],
            )

    def look_again(self) -> None:
        """Send the sign to look again in a minute."""
        call(
            "sqs",
            "SendMessage",
            self._client.send_message,
            QueueUrl=self._url,
            MessageBody=LOOK_AGAIN,
            DelaySeconds=LOOK_AGAIN_AFTER,
        )


@cache
def connect_queue() -> Queue:
    """Return the connection of this process, made at the first call and kept while the function is warm.

    Raises
    ------
    SettingsError
        If the environment does not name the queue.
    """
    url = named_in(os.environ, "MAIL_QUEUE_URL", "a queue's URL")
    return Queue(boto3.client("sqs", config=ONE_ATTEMPT), url)
