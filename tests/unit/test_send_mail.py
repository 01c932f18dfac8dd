from __future__ import annotations

from typing import Any

import pytest

import send_mail
from holdfast.errors import BaselineError, ServiceRefusedError
from holdfast.mailing.sorting import Message
from tests.unit.letters import alert, exemption_change, look_again, outcome
from tests.unit.mail_office import World


def batch(*messages: Message) -> dict[str, Any]:
    """Return what Lambda's event source mapping calls the function with."""
    return {
        "Records": [
            {"messageId": each.message_id, "receiptHandle": each.receipt, "body": each.body}
            for each in messages
        ]
    }


@pytest.fixture(name="world")
def _world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(send_mail, "connect_memory", lambda: world.memory)
    monkeypatch.setattr(send_mail, "connect_queue", lambda: world.queue)
    monkeypatch.setattr(send_mail, "connect_post", lambda: world.post)
    monkeypatch.setenv("ORGANIZATION_ID", "o-far1coz49w")
    monkeypatch.setenv("MODE", "alert-only")
    return world


def test_what_is_told_is_not_held(world: World) -> None:
    assert send_mail.handler(batch(outcome()), None) == {"batchItemFailures": []}
    assert world.subjects() == ["failed 0"]


def test_what_may_not_be_told_now_comes_again(world: World) -> None:
    first = [outcome(number) for number in range(9)]
    assert send_mail.handler(batch(*first), None) == {"batchItemFailures": []}
    later = outcome(9)
    held = {"batchItemFailures": [{"itemIdentifier": later.message_id}]}
    assert send_mail.handler(batch(later), None) == held
    assert len(world.mails()) == 1


def test_letters_are_written_with_what_the_deployment_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_baseline(_folder: object) -> None:
        raise BaselineError("organization: got 3")

    monkeypatch.setattr(send_mail, "load_baseline", no_baseline)
    send_mail.handler(batch(alert()), None)
    (mail,) = world.mails()
    assert "In baseline:  not known: the baseline cannot be read\n" in mail.text
    assert "alert-only" in mail.text


def test_an_exemption_that_cannot_be_read_is_told_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        def read_named(self, _names: object) -> None:
            raise ServiceRefusedError("ssm", "GetParameters", "AccessDeniedException", "no")

    monkeypatch.setattr(send_mail, "connect_exemptions", Refusing)
    send_mail.handler(batch(exemption_change("PutParameter", name="/holdfast/exemptions/all")), None)
    (mail,) = world.mails()
    assert "Now:          not known: it could not be read\n" in mail.text


def test_a_sign_to_look_again_is_no_mail(world: World) -> None:
    assert send_mail.handler(batch(look_again()), None) == {"batchItemFailures": []}
    assert world.sent == []
