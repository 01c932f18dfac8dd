"""The topics that mail hangs on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import boto3

from holdfast.calling import ONE_ATTEMPT, call
from holdfast.mailing.letter import Mail, Mailbox
from holdfast.settings import named_in

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

_TOPICS = {Mailbox.PEOPLE: "MAIL_TOPIC_ARN", Mailbox.ALARMS: "ALARM_TOPIC_ARN"}
"""The environment variables that name the topics."""


class Post:
    """Send mails.

    Parameters
    ----------
    client : SNSClient
        A boto3 client that makes one attempt.
    topics : mapping of Mailbox to str
        Each mailbox's topic, by ARN.
    """

    def __init__(self, client: SNSClient, topics: Mapping[Mailbox, str]) -> None:
        self._client = client
        self._topics = topics

    def send(self, mailbox: Mailbox, mail: Mail) -> None:
        """Publish a mail.

        Raises
        ------
        ServiceBusyError, ServiceRefusedError
            If SNS does not take it, or if nobody knows whether it did.
        """
        call(
            "sns",
            "Publish",
            self._client.publish,
            TopicArn=self._topics[mailbox],
            Subject=mail.subject,
            Message=mail.text,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in mail.attributes.items()
            },
        )


@cache
def connect_post() -> Post:
    """Return the connection of this process, made at the first call and kept while the function is warm.

    Raises
    ------
    SettingsError
        If the environment does not name a topic.
    """
    topics = {mailbox: named_in(os.environ, name, "a topic's ARN") for mailbox, name in _TOPICS.items()}
    return Post(boto3.client("sns", config=ONE_ATTEMPT), topics)
