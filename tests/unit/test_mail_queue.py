from __future__ import annotations

import pytest

from holdfast.errors import ServiceBusyError, SettingsError
from holdfast.mailing.queue import Queue, connect_queue
from holdfast.mailing.sorting import LOOK_AGAIN, Message
from tests.unit.scripted_services import scripted

URL = "https://sqs.us-east-1.amazonaws.com/111122223333/mail"


def test_what_is_received_has_what_deletes_it() -> None:
    with scripted("sqs") as (client, answers):
        received = {"MessageId": "m-1", "ReceiptHandle": "r-1", "Body": "said"}
        answers.add_response(
            "receive_message", {"Messages": [received]}, {"QueueUrl": URL, "MaxNumberOfMessages": 10}
        )
        assert Queue(client, URL).receive() == (Message("m-1", "r-1", "said"),)


def test_an_empty_queue_has_nothing() -> None:
    with scripted("sqs") as (client, answers):
        answers.add_response("receive_message", {})
        assert Queue(client, URL).receive() == ()


def test_messages_are_deleted_ten_at_a_time() -> None:
    messages = [Message(f"m-{number}", f"r-{number}", "") for number in range(11)]
    with scripted("sqs") as (client, answers):
        for batch in (messages[:10], messages[10:]):
            entries = [
                {"Id": str(number), "ReceiptHandle": message.receipt} for number, message in enumerate(batch)
            ]
            answers.add_response(
                "delete_message_batch",
                {"Successful": [], "Failed": []},
                {"QueueUrl": URL, "Entries": entries},
            )
        Queue(client, URL).delete(messages)


def test_the_sign_to_look_again_comes_after_a_minute() -> None:
    with scripted("sqs") as (client, answers):
        request = {"QueueUrl": URL, "MessageBody": LOOK_AGAIN, "DelaySeconds": 65}
        answers.add_response("send_message", {}, request)
        Queue(client, URL).look_again()


def test_a_queue_that_is_busy_is_asked_later() -> None:
    with scripted("sqs") as (client, answers):
        answers.add_client_error("receive_message", "RequestThrottled")
        with pytest.raises(ServiceBusyError, match="sqs ReceiveMessage: RequestThrottled"):
            Queue(client, URL).receive()


def test_an_environment_that_names_no_queue_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAIL_QUEUE_URL", raising=False)
    connect_queue.cache_clear()
    with pytest.raises(SettingsError, match="environment variable MAIL_QUEUE_URL: got ''"):
        connect_queue()
