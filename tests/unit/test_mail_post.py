from __future__ import annotations

import pytest

from holdfast.errors import ServiceRefusedError, SettingsError
from holdfast.mailing.letter import Mail, Mailbox
from holdfast.mailing.post import Post, connect_post
from tests.unit.scripted_services import scripted

TOPICS = {Mailbox.PEOPLE: "arn:aws:sns:us-east-1:111122223333:mail", Mailbox.ALARMS: "arn:alarms"}


@pytest.mark.parametrize("mailbox", Mailbox)
def test_a_mail_goes_to_the_topic_of_its_mailbox(mailbox: Mailbox) -> None:
    with scripted("sns") as (client, answers):
        request = {
            "TopicArn": TOPICS[mailbox],
            "Subject": "ALERT",
            "Message": "said",
            "MessageAttributes": {"outcome": {"DataType": "String", "StringValue": "alert"}},
        }
        answers.add_response("publish", {}, request)
        Post(client, TOPICS).send(mailbox, Mail("ALERT", "said", {"outcome": "alert"}))


def test_a_mail_that_sns_refuses_is_not_sent() -> None:
    with scripted("sns") as (client, answers):
        answers.add_client_error("publish", "InvalidParameter")
        with pytest.raises(ServiceRefusedError, match="sns Publish: InvalidParameter"):
            Post(client, TOPICS).send(Mailbox.PEOPLE, Mail("ALERT", "said", {}))


@pytest.mark.parametrize("missing", ["MAIL_TOPIC_ARN", "ALARM_TOPIC_ARN"])
def test_an_environment_that_names_no_topic_is_refused(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("MAIL_TOPIC_ARN", "arn:mail")
    monkeypatch.setenv("ALARM_TOPIC_ARN", "arn:alarms")
    monkeypatch.delenv(missing)
    connect_post.cache_clear()
    with pytest.raises(SettingsError, match=f"environment variable {missing}: got ''"):
        connect_post()
