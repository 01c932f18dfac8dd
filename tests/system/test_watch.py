"""Whoever changes a part of Holdfast is told, by real calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from holdfast_cli.embedded import WATCHER
from tests.deployed import Holdfast, text_of

PATTERN_LIMIT = 2_048
"""Characters of an event pattern. Source: EventBridge user guide, "Quotas"."""


def told(holdfast: Holdfast, happening: Callable[[], Any]) -> list[list[str]]:
    """Return the mails to the alarm topic that a call leads to."""
    before = len(holdfast.mails("AlarmTopicArn"))
    happening()
    holdfast.aws.clock.settle()
    mails = holdfast.mails("AlarmTopicArn")[before:]
    assert {mail.to for mail in mails} <= {WATCHER}
    return [text_of(mail) for mail in mails]


def test_a_disabled_rule_is_told_with_who_did_it_and_where_to_read_on(holdfast: Holdfast) -> None:
    events, rule = holdfast.aws.client("events"), holdfast.resource("DetachRule")

    (mail,) = told(holdfast, lambda: events.disable_rule(Name=rule))
    events.enable_rule(Name=rule)

    record = holdfast.aws.trail.recorded()[-2].detail
    assert mail == [
        '"Somebody changed a part of Holdfast, or something that it depends on."',
        '"Call: DisableRule (events.amazonaws.com)"',
        f'"On: {rule}"',
        '"By: IAMUser local-operator, account 111122223333, from 127.0.0.1"',
        f'"At: {record["eventTime"]}, event {record["eventID"]}"',
        '"If this was not you or your deployment, see docs/operations.md, Watching the watcher."',
    ]


CALLS: dict[str, tuple[str, Callable[[Holdfast], dict[str, Any]]]] = {
    "put_function_concurrency": (
        "lambda",
        lambda h: {"FunctionName": h.resource("SendMailFunction"), "ReservedConcurrentExecutions": 1},
    ),
    "delete_function_concurrency": ("lambda", lambda h: {"FunctionName": h.resource("SendMailFunction")}),
    "update_event_source_mapping": ("lambda", lambda h: {"UUID": h.resource("MailMapping"), "Enabled": True}),
    "disable_alarm_actions": ("cloudwatch", lambda h: {"AlarmNames": ["x", h.resource("UndeliveredAlarm")]}),
    "set_topic_attributes": (
        "sns",
        lambda h: {
            "TopicArn": h.resource("OutcomeTopic"),
            "AttributeName": "DisplayName",
            "AttributeValue": "Holdfast",
        },
    ),
    "purge_queue": ("sqs", lambda h: {"QueueUrl": h.resource("UndeliveredQueue")}),
    "disable_key": ("kms", lambda h: {"KeyId": h.resource("OutcomeKey")}),
    "stop_logging": ("cloudtrail", lambda _: {"Name": "organization"}),
    "delete_role_policy": (
        "iam",
        lambda h: {"RoleName": h.resource("CompareCoverageFunctionRole"), "PolicyName": "Log"},
    ),
}


@pytest.mark.parametrize("method", CALLS)
def test_a_call_of_another_service_is_told_once(holdfast: Holdfast, method: str) -> None:
    service, arguments = CALLS[method]
    client = holdfast.aws.client(service)
    operation = client.meta.method_to_api_mapping[method]

    mails = told(holdfast, lambda: getattr(client, method)(**arguments(holdfast)))

    assert [line.removeprefix('"Call: ').split(" ")[0] for _, line, *_ in mails] == [
        next(
            one.detail["eventName"]
            for one in reversed(holdfast.aws.trail.recorded())
            if one.detail["eventName"].startswith(operation)
        )
    ]


def test_a_start_by_hand_waits_for_whoever_follows_the_alarm(holdfast: Holdfast) -> None:
    def start() -> None:
        holdfast.reconcile()

    assert told(holdfast, start) == []
    queue = holdfast.aws.client("sqs").receive_message(QueueUrl=holdfast.resource("StartsQueue"))
    (call,) = (json.loads(message["Body"])["detail"] for message in queue["Messages"])
    assert (call["eventName"], call["userIdentity"]["userName"]) == ("StartExecution", "local-operator")


def test_what_holdfast_does_itself_is_not_told(holdfast: Holdfast) -> None:
    holdfast.aws.client("kms").enable_key(KeyId=holdfast.resource("OutcomeKey"))

    def work() -> None:
        holdfast.detach("DenyLeaveOrganization", "Root")

    assert told(holdfast, work) == []


def test_every_pattern_keeps_within_its_limit_with_the_names_that_parts_really_have(
    holdfast: Holdfast,
) -> None:
    events = holdfast.aws.client("events")
    sizes = {
        rule["Name"]: len(json.dumps(json.loads(rule["EventPattern"]), separators=(",", ":")))
        for rule in events.list_rules(NamePrefix="holdfast-Watch")["Rules"]
    }

    assert len(sizes) == 8
    assert max(sizes.values()) < PATTERN_LIMIT
