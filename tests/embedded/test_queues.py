"""SQS on the clock.

GUIDE is the SQS developer guide; API is the SQS API reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.moto_api._internal.models import moto_api_backend

from localaws.clock import SkippingClock
from localaws.gateway import Gateway
from localaws.moto_names import find
from localaws.queues import Queues
from tests.embedded.wire import connect

NINE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TABLE = Queues(SkippingClock()).replacements()


class Office:
    """A post office: one queue on a clock, and another one for what nobody takes."""

    def __init__(self, clock: SkippingClock, queues: Queues) -> None:
        self.clock = clock
        self.queues = queues
        self.changes: list[str] = []
        self.sqs = connect(Gateway([], clock), "sqs")
        self.url = self.sqs.create_queue(QueueName="post")["QueueUrl"]
        self.arn = self.attribute("QueueArn")
        queues.listen(self.changes.append)

    def attribute(self, name: str) -> str:
        """Return an attribute of the queue."""
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])
        return str(answer["Attributes"][name])

    def send(self, body: str = "letter", **more: Any) -> None:
        """Send a message."""
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def receive(self, seconds: int = 0, **more: Any) -> list[dict[str, Any]]:
        """Receive messages."""
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            WaitTimeSeconds=seconds,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["All"],
            **more,
        )
        return list(answer.get("Messages", []))

    def bodies(self, seconds: int = 0) -> list[str]:
        """Receive messages, and return what they say."""
        return [message["Body"] for message in self.receive(seconds)]

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        with self.clock.working():
            self.clock.sleep(seconds)

    @property
    def seconds(self) -> float:
        """The seconds since nine o'clock."""
        return (self.clock.now() - NINE).total_seconds()


@pytest.fixture
def office() -> Iterator[Office]:
    moto_api_backend.reset()
    clock = SkippingClock(NINE)
    queues = Queues(clock)
    queues.install()
    yield Office(clock, queues)
    queues.uninstall()


@pytest.mark.parametrize(("module", "name"), TABLE)
def test_moto_still_has_every_name_that_is_replaced(module: str, name: str) -> None:
    owner, last, value = find(module, name)

    assert vars(owner)[last] is value


def test_uninstalling_puts_every_name_back() -> None:
    before = {place: find(*place)[2] for place in TABLE}
    queues = Queues(SkippingClock())
    queues.install()
    changed = [place for place, value in before.items() if find(*place)[2] is not value]
    queues.uninstall()

    assert changed == list(TABLE)
    assert {place: find(*place)[2] for place in TABLE} == before


def test_a_message_tells_when_it_was_sent_on_the_clock(office: Office) -> None:
    office.wait(1.5)
    office.send()
    office.wait(2)
    (message,) = office.receive()

    sent, received = NINE.timestamp() * 1000 + 1500, NINE.timestamp() * 1000 + 3500
    assert message["Attributes"]["SentTimestamp"] == f"{sent:.0f}"
    assert message["Attributes"]["ApproximateFirstReceiveTimestamp"] == f"{received:.0f}"


def test_a_received_message_reappears_when_its_visibility_time_out_is_over(office: Office) -> None:
    """GUIDE, "Amazon SQS visibility timeout"."""
    office.send()
    assert office.bodies() == ["letter"]
    office.wait(29.9)
    assert office.bodies() == []
    office.wait(0.1)
    (message,) = office.receive()
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_changed_visibility_holds_instead(office: Office) -> None:
    office.send()
    (message,) = office.receive()
    handle = message["ReceiptHandle"]
    office.sqs.change_message_visibility(QueueUrl=office.url, ReceiptHandle=handle, VisibilityTimeout=5)
    office.wait(5)
    assert office.bodies() == ["letter"]


def test_a_delayed_message_appears_after_its_delay(office: Office) -> None:
    office.send(DelaySeconds=60)
    assert (office.bodies(), office.attribute("ApproximateNumberOfMessagesDelayed")) == ([], "1")
    office.wait(60)
    assert office.bodies() == ["letter"]


def test_a_message_vanishes_after_the_retention_period(office: Office) -> None:
    """API, SetQueueAttributes: MessageRetentionPeriod, four days unless it is set."""
    office.send("old")
    office.wait(86_400)
    office.send("new")
    office.wait(3 * 86_400)
    assert office.attribute("ApproximateNumberOfMessages") == "1"
    assert office.bodies() == ["new"]


def test_polling_for_long_ends_when_its_time_is_over(office: Office) -> None:
    assert office.bodies(seconds=20) == []
    assert office.seconds == 20


def test_polling_for_long_ends_when_a_message_comes(office: Office) -> None:
    office.clock.spawn(office.send, after=7)
    assert office.bodies(seconds=20) == ["letter"]
    assert office.seconds == 7


def test_polling_for_long_ends_when_a_message_reappears(office: Office) -> None:
    office.send()
    office.receive(VisibilityTimeout=10)
    assert office.bodies(seconds=20) == ["letter"]
    assert office.seconds == 10


def test_what_is_received_too_often_becomes_a_dead_letter(office: Office) -> None:
    """GUIDE, "Using dead-letter queues in Amazon SQS"."""
    dead = office.sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = office.arn.replace("post", "dead")
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 2}}'
    office.sqs.set_queue_attributes(QueueUrl=office.url, Attributes={"RedrivePolicy": policy})
    office.send()
    for _ in range(2):
        assert office.bodies() == ["letter"]
        office.wait(30)
    assert office.bodies() == []
    assert [one["Body"] for one in office.sqs.receive_message(QueueUrl=dead)["Messages"]] == ["letter"]
    assert office.changes.count(arn) == 1


def test_the_next_moment_is_when_a_message_can_be_received(office: Office) -> None:
    nine = NINE.timestamp()
    assert office.queues.next_visible(office.arn) is None
    office.send(DelaySeconds=60)
    assert office.queues.next_visible(office.arn) == nine + 60
    office.send()
    assert office.queues.next_visible(office.arn) == 0
    office.receive()
    assert office.queues.next_visible(office.arn) == nine + 30


def test_listeners_hear_of_every_change(office: Office) -> None:
    office.send()
    (message,) = office.receive()
    assert office.changes == [office.arn]
    handle = message["ReceiptHandle"]
    office.sqs.change_message_visibility(QueueUrl=office.url, ReceiptHandle=handle, VisibilityTimeout=5)
    office.sqs.delete_message(QueueUrl=office.url, ReceiptHandle=handle)
    office.sqs.purge_queue(QueueUrl=office.url)
    office.sqs.delete_queue(QueueUrl=office.url)
    assert office.changes == [office.arn] * 5
