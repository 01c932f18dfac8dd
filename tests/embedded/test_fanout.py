"""SNS's deliveries to queues.

FANOUT is "Fanout to Amazon SQS queues" in the SNS developer guide.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.moto_api._internal.models import moto_api_backend

from localaws.clock import SkippingClock
from localaws.fanout import Fanout
from localaws.faults import Faults
from localaws.gateway import ApiError, Gateway
from localaws.mail import Inbox
from localaws.queues import Queues
from tests.embedded.wire import connect

NINE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ACCOUNT = "123456789012"
ATTRIBUTES = {
    "kind": {"DataType": "String", "StringValue": "failed"},
    "count": {"DataType": "Number", "StringValue": "3"},
    "seal": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
}


class Press:
    """A topic with one queue, which takes what comes from the topic."""

    def __init__(self, clock: SkippingClock) -> None:
        self.clock = clock
        self.faults = Faults()
        self.fanout = Fanout(clock, self.connect)
        self.gateway = Gateway([self.faults, Inbox(clock, self.fanout)], clock)
        self.sns = self.connect("sns")
        self.sqs = self.connect("sqs")
        self.topic = self.sns.create_topic(Name="news")["TopicArn"]
        self.queue("papers")

    def connect(self, service: str) -> Any:
        """Return a client."""
        return connect(self.gateway, service)

    def queue(self, name: str, **condition: Any) -> str:
        """Create a queue whose policy lets the topic send, on this condition, and return its ARN."""
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": condition or {"ArnEquals": {"aws:SourceArn": self.topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return arn

    def subscribe(self, queue: str = "papers", **attributes: Any) -> str:
        """Subscribe a queue to the topic, and return the ARN."""
        endpoint = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}"
        answer = self.sns.subscribe(
            TopicArn=self.topic, Protocol="sqs", Endpoint=endpoint, Attributes=attributes
        )
        return str(answer["SubscriptionArn"])

    def publish(self, message: str = "hello", **more: Any) -> str:
        """Publish, and return the id when all is delivered."""
        message_id = self.sns.publish(TopicArn=self.topic, Message=message, **more)["MessageId"]
        self.clock.settle()
        return str(message_id)

    def received(self, queue: str = "papers") -> list[dict[str, Any]]:
        """Return the messages of a queue."""
        url = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=0
        )
        return list(answer.get("Messages", []))


@pytest.fixture
def press(monkeypatch: pytest.MonkeyPatch) -> Iterator[Press]:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    moto_api_backend.reset()
    clock = SkippingClock(NINE)
    queues = Queues(clock)
    queues.install()
    yield Press(clock)
    queues.uninstall()


def test_a_queue_gets_the_message_in_snss_json(press: Press) -> None:
    """FANOUT: the message format without raw delivery."""
    subscription = press.subscribe()
    message_id = press.publish("hello", Subject="News", MessageAttributes=ATTRIBUTES)

    (message,) = press.received()
    envelope = json.loads(message["Body"])
    assert f"SubscriptionArn={subscription}" in envelope.pop("UnsubscribeURL")
    assert envelope == {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": press.topic,
        "Subject": "News",
        "Message": "hello",
        "Timestamp": "2026-11-22T09:00:00.000Z",
        "MessageAttributes": {
            "kind": {"Type": "String", "Value": "failed"},
            "count": {"Type": "Number", "Value": "3"},
            "seal": {"Type": "Binary", "Value": "AAE="},
        },
    }
    assert "MessageAttributes" not in message


def test_a_queue_with_raw_delivery_gets_the_message_alone(press: Press) -> None:
    press.subscribe(RawMessageDelivery="true")
    press.publish("hello", MessageAttributes=ATTRIBUTES)

    (message,) = press.received()
    assert (message["Body"], message["MessageAttributes"]) == ("hello", ATTRIBUTES)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"default": "for all", "email": "for mails"}, "for all"),
        ({"default": "for all", "sqs": "for us"}, "for us"),
    ],
)
def test_a_queue_gets_its_own_text_or_else_the_default(
    press: Press, texts: dict[str, str], expected: str
) -> None:
    press.subscribe()
    press.publish(json.dumps(texts), MessageStructure="json")

    assert [json.loads(message["Body"])["Message"] for message in press.received()] == [expected]


def test_a_filter_policy_keeps_messages_from_a_queue(press: Press) -> None:
    press.subscribe(FilterPolicy='{"kind": ["failed"]}')
    press.publish("one", MessageAttributes=ATTRIBUTES)
    press.publish("two")

    assert [json.loads(message["Body"])["Message"] for message in press.received()] == ["one"]


def test_a_queue_whose_policy_does_not_let_the_topic_send_gets_nothing(press: Press) -> None:
    press.queue("papers", ArnEquals={"aws:SourceArn": f"{press.topic}-of-others"})
    press.subscribe()
    press.publish()

    assert press.received() == []
    assert [(lost.rule_arn, lost.error_code) for lost in press.fanout.dropped] == [
        (press.topic, "NO_PERMISSIONS")
    ]


def test_what_a_queue_does_not_take_goes_to_the_subscriptions_dead_letter_queue(press: Press) -> None:
    dead = press.queue("dead")
    press.subscribe("gone", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
    press.publish("hello")

    (letter,) = press.received("dead")
    assert json.loads(letter["Body"])["Message"] == "hello"


def test_sns_tries_again_when_sqs_fails(press: Press) -> None:
    press.subscribe()
    press.faults.fail_call("sqs", "SendMessage", ApiError("InternalError", "try again", 500), times=3)
    press.publish()

    assert len(press.received()) == 1
    assert press.clock.now() > NINE
