from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.moto_api._internal.models import moto_api_backend
from moto.sns.models import sns_backends
from werkzeug.serving import make_server

from localaws.clock import SkippingClock
from localaws.fanout import Fanout
from localaws.gateway import Gateway
from localaws.mail import DEFAULT_SUBJECT, SENDER, Inbox, Mail

ANNA = "anna@example.com"
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """A gateway with the inbox, one topic, and clients from outside."""

    clock: SkippingClock
    inbox: Inbox
    sns: Any
    topic: str
    heard: list[Mail]

    def subscribe(self, protocol: str = "email", endpoint: str = ANNA, **more: Any) -> str:
        """Subscribe an address to the topic, and return the ARN."""
        answer = self.sns.subscribe(
            TopicArn=self.topic, Protocol=protocol, Endpoint=endpoint, ReturnSubscriptionArn=True, **more
        )
        return str(answer["SubscriptionArn"])

    def publish(self, message: str = "hello", **more: Any) -> None:
        """Publish to the topic."""
        self.sns.publish(TopicArn=self.topic, Message=message, **more)

    def notifications(self) -> list[Mail]:
        """Return the mails that are no confirmations."""
        return [mail for mail in self.inbox.mails() if not mail.token]


@pytest.fixture
def world() -> Iterator[World]:
    moto_api_backend.reset()
    clock = SkippingClock(START)
    heard: list[Mail] = []

    def connect(service: str) -> Any:
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            region_name="us-east-1",
            aws_access_key_id="AKIAEXAMPLE",
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}),
        )

    inbox = Inbox(clock, Fanout(clock, connect), on_mail=heard.append)
    server = make_server("127.0.0.1", 0, Gateway([inbox], clock), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()

    sns = connect("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    yield World(clock, inbox, sns, topic, heard)
    server.shutdown()
    thread.join()
    server.server_close()


def listed(world: World) -> list[str]:
    answer = world.sns.list_subscriptions_by_topic(TopicArn=world.topic)
    return [one["SubscriptionArn"] for one in answer["Subscriptions"]]


def test_a_mail_subscription_waits_for_its_confirmation(world: World) -> None:
    answer = world.sns.subscribe(TopicArn=world.topic, Protocol="email", Endpoint=ANNA)
    world.publish()

    assert answer["SubscriptionArn"] == "pending confirmation"
    assert listed(world) == ["PendingConfirmation"]
    assert [mail.subject for mail in world.inbox.mails(ANNA)] == [
        "AWS Notification - Subscription Confirmation"
    ]
    assert world.topic in world.inbox.mails(ANNA)[0].body


def test_the_attributes_tell_whether_a_subscription_is_pending(world: World) -> None:
    arn = world.subscribe()
    before = world.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"]
    world.inbox.confirm(ANNA)
    after = world.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"]
    assert (before, after) == ("true", "false")
    assert listed(world) == [arn]


def test_the_token_of_the_mail_confirms(world: World) -> None:
    arn = world.subscribe()
    mail = world.inbox.mails(ANNA)[0]
    assert f"Token={mail.token}" in mail.body
    answer = world.sns.confirm_subscription(TopicArn=world.topic, Token=mail.token)
    assert answer["SubscriptionArn"] == arn
    world.publish()
    assert len(world.notifications()) == 1


def test_it_is_known_who_confirmed_with_credentials(world: World) -> None:
    """Source: SNS API reference, ConfirmSubscription, `AuthenticateOnUnsubscribe`."""
    by_link, by_command = world.subscribe(), world.subscribe(endpoint="bob@example.com")
    world.inbox.confirm(ANNA)
    token = world.inbox.mails("bob@example.com")[0].token
    world.sns.confirm_subscription(TopicArn=world.topic, Token=token, AuthenticateOnUnsubscribe="true")

    found = [
        world.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"][
            "ConfirmationWasAuthenticated"
        ]
        for arn in (by_link, by_command)
    ]
    assert found == ["false", "true"]


def test_a_wrong_token_confirms_nothing(world: World) -> None:
    world.subscribe()
    with pytest.raises(ClientError) as refused:
        world.sns.confirm_subscription(TopicArn=world.topic, Token="0" * 128)
    assert refused.value.response["Error"]["Code"] == "InvalidParameter"
    assert listed(world) == ["PendingConfirmation"]


def test_subscribing_again_sends_the_confirmation_again_until_it_is_confirmed(world: World) -> None:
    first = world.subscribe()
    assert world.subscribe() == first
    assert len(world.inbox.mails(ANNA)) == 2
    world.inbox.confirm(ANNA)
    answer = world.sns.subscribe(TopicArn=world.topic, Protocol="email", Endpoint=ANNA)
    assert answer["SubscriptionArn"] == first
    assert len(world.inbox.mails(ANNA)) == 2


def test_nobody_can_confirm_what_is_not_pending(world: World) -> None:
    with pytest.raises(LookupError, match=r"no subscription of anna@example\.com is pending"):
        world.inbox.confirm(ANNA)


def test_a_subscription_that_cloudformation_made_inside_moto_is_pending_too(world: World) -> None:
    account = world.topic.split(":")[4]
    sns_backends[account]["us-east-1"].subscribe(world.topic, ANNA, "email")
    assert listed(world) == ["PendingConfirmation"]
    world.inbox.confirm(ANNA)
    world.publish()
    assert [mail.body.splitlines()[0] for mail in world.notifications()] == ["hello"]


def test_a_mail_looks_as_sns_sends_it(world: World) -> None:
    arn = world.subscribe()
    world.inbox.confirm(ANNA)
    world.publish(
        "the text",
        Subject="the subject",
        MessageAttributes={"severity": {"DataType": "String", "StringValue": "high"}},
    )
    (mail,) = world.notifications()
    assert (mail.to, mail.sender, mail.subject) == (ANNA, SENDER, "the subject")
    assert mail.body.startswith("the text\n\n--\n")
    assert f"SubscriptionArn={arn}" in mail.body
    assert mail.received_at == START
    assert mail.topic_arn == world.topic
    assert dict(mail.attributes) == {"severity": "high"}
    assert world.heard[-1] == mail


def test_a_message_without_a_subject_gets_the_default_one(world: World) -> None:
    world.subscribe()
    world.inbox.confirm(ANNA)
    world.publish()
    assert world.notifications()[0].subject == DEFAULT_SUBJECT


def test_each_protocol_gets_its_own_text(world: World) -> None:
    world.subscribe()
    world.inbox.confirm(ANNA)
    world.subscribe("https", "https://chat.example.com/hook")
    texts = {"default": "for all", "email": "for mails", "https": "for chat"}
    world.publish(json.dumps(texts), MessageStructure="json")

    assert world.notifications()[0].body.startswith("for mails\n")
    (webhook,) = world.inbox.webhooks
    assert (webhook.url, webhook.message) == ("https://chat.example.com/hook", "for chat")
    assert json.loads(webhook.body)["TopicArn"] == world.topic


def test_a_webhook_with_raw_delivery_gets_the_message_alone(world: World) -> None:
    world.subscribe("https", "https://chat.example.com/hook", Attributes={"RawMessageDelivery": "true"})
    world.publish("plain")
    assert [webhook.body for webhook in world.inbox.webhooks] == ["plain"]


def test_a_json_mail_holds_the_notification(world: World) -> None:
    world.subscribe("email-json")
    world.inbox.confirm(ANNA)
    world.publish("text", Subject="short")
    body = json.loads(world.notifications()[0].body)
    assert (body["Type"], body["Message"], body["Subject"]) == ("Notification", "text", "short")
    assert body["Timestamp"] == "2026-11-22T09:00:00.000Z"


def test_a_filter_policy_decides_who_gets_a_mail(world: World) -> None:
    world.subscribe(Attributes={"FilterPolicy": json.dumps({"severity": ["high"]})})
    world.inbox.confirm(ANNA)
    for severity in ("low", "high"):
        attribute = {"DataType": "String", "StringValue": severity}
        world.publish(severity, MessageAttributes={"severity": attribute})
    assert [mail.body.splitlines()[0] for mail in world.notifications()] == ["high"]


def test_nothing_comes_after_unsubscribing(world: World) -> None:
    arn = world.subscribe()
    world.inbox.confirm(ANNA)
    world.sns.unsubscribe(SubscriptionArn=arn)
    world.publish()
    assert world.notifications() == []


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"Subject": "x" * 100}, "Invalid parameter: Subject"),
        ({"Subject": ""}, "Invalid parameter: Subject"),
        ({"Subject": "two\nlines"}, "Invalid parameter: Subject"),
        ({"Subject": "tab\there"}, "Invalid parameter: Subject"),
        ({"Subject": "line\u2028separator"}, "Invalid parameter: Subject"),
        ({"Message": ""}, "Invalid parameter: Empty message"),
        ({"Message": "é" * 131_073}, "Invalid parameter: Message too long"),
        (
            {"Message": "{", "MessageStructure": "json"},
            "Invalid parameter: Message Structure - JSON message body failed to parse",
        ),
        (
            {"Message": "[]", "MessageStructure": "json"},
            "Invalid parameter: Message Structure - JSON message body failed to parse",
        ),
        (
            {"Message": '{"email": "x"}', "MessageStructure": "json"},
            "Invalid parameter: Message Structure - No default entry in JSON message body",
        ),
    ],
)
def test_sns_refuses_a_message(world: World, message: dict[str, str], reason: str) -> None:
    with pytest.raises(ClientError) as refused:
        world.sns.publish(**{"TopicArn": world.topic, "Message": "hello", **message})
    assert refused.value.response["Error"]["Code"] == "InvalidParameter"
    assert refused.value.response["Error"]["Message"] == reason


def test_sns_refuses_an_empty_attribute_value(world: World) -> None:
    with pytest.raises(ClientError) as refused:
        world.publish(MessageAttributes={"severity": {"DataType": "String", "StringValue": ""}})
    assert "non-empty" in refused.value.response["Error"]["Message"]


def test_attributes_count_for_the_size_of_a_message(world: World) -> None:
    attribute = {"DataType": "String", "StringValue": "x" * 1000}
    with pytest.raises(ClientError) as refused:
        world.publish("x" * 262_000, MessageAttributes={"long": attribute})
    assert refused.value.response["Error"]["Message"] == "Invalid parameter: Message too long"


def test_the_longest_subject_and_message_pass(world: World) -> None:
    world.subscribe()
    world.inbox.confirm(ANNA)
    world.publish("x" * 262_144, Subject="é" * 99)
    assert world.notifications()[0].subject == "é" * 99


def test_a_batch_is_checked_and_delivered_like_single_messages(world: World) -> None:
    world.subscribe()
    world.inbox.confirm(ANNA)
    entries = [{"Id": "1", "Message": "one"}, {"Id": "2", "Message": "two", "Subject": "second"}]
    world.sns.publish_batch(TopicArn=world.topic, PublishBatchRequestEntries=entries)
    assert [mail.subject for mail in world.notifications()] == [DEFAULT_SUBJECT, "second"]
    with pytest.raises(ClientError, match="Invalid parameter: Subject"):
        world.sns.publish_batch(
            TopicArn=world.topic,
            PublishBatchRequestEntries=[{"Id": "1", "Message": "one", "Subject": "a\nb"}],
        )


def test_more_than_ten_mails_in_a_second_suspend_a_subscription(world: World) -> None:
    arn = world.subscribe()
    world.inbox.confirm(ANNA)
    for number in range(12):
        world.publish(str(number))
    assert len(world.notifications()) == 10
    assert world.inbox.suspended == (arn,)
    assert listed(world) == ["PendingConfirmation"]

    world.inbox.confirm(ANNA)
    world.publish("again")
    assert len(world.notifications()) == 11


def test_ten_mails_a_second_are_not_too_many(world: World) -> None:
    world.subscribe()
    world.inbox.confirm(ANNA)
    for _ in range(3):
        for _ in range(10):
            world.publish()
        with world.clock.working():
            world.clock.sleep(1.0)
    assert len(world.notifications()) == 30
    assert world.inbox.suspended == ()


def test_the_suspension_can_be_switched_off(world: World) -> None:
    patient = Inbox(world.clock, Fanout(world.clock, lambda _: world.sns), suspends=False)
    account = world.topic.split(":")[4]
    sns_backends[account]["us-east-1"].subscribe(world.topic, ANNA, "email")
    patient.confirm(ANNA)
    for number in range(11):
        sns_backends[account]["us-east-1"].publish(str(number), world.topic)
    assert len([mail for mail in patient.mails() if not mail.token]) == 11
    assert patient.suspended == ()
