"""What never reached the state machine, a topic or a mailbox is kept, and says why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localaws.gateway import ApiError
from tests.deployed import Holdfast

GUARDRAIL = ("DenyLeaveOrganization", "Root")


def dead_letter(holdfast: Holdfast) -> tuple[Any, dict[str, str]]:
    """Take the one dead letter, and return the event and why it could not be delivered."""
    queue, url = holdfast.aws.client("sqs"), holdfast.output("UndeliveredQueueUrl")
    (letter,) = queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])[
        "Messages"
    ]
    queue.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    return json.loads(letter["Body"]), attributes


@pytest.fixture
def _without_state_machine(holdfast: Holdfast) -> Iterator[None]:
    """Delete the state machine, and make it again afterwards."""
    arn, client = holdfast.deployment.state_machine_arn, holdfast.executions
    machine = client.describe_state_machine(stateMachineArn=arn)
    client.delete_state_machine(stateMachineArn=arn)
    yield
    client.create_state_machine(
        name=machine["name"], definition=machine["definition"], roleArn=machine["roleArn"]
    )


@pytest.mark.usefixtures("_without_state_machine")
def test_an_event_for_a_deleted_state_machine_is_a_dead_letter_and_the_alert_still_comes(
    holdfast: Holdfast,
) -> None:
    """Source: EventBridge user guide, "Using dead-letter queues": a missing target is not tried again."""
    alerts_before = len(holdfast.alerts())

    holdfast.take(*GUARDRAIL)
    holdfast.aws.clock.settle()

    event, why = dead_letter(holdfast)
    assert event["detail"]["requestParameters"] == {
        "policyId": holdfast.policy("DenyLeaveOrganization"),
        "targetId": holdfast.target("Root"),
    }
    assert (why["ERROR_CODE"], why["TARGET_ARN"]) == (
        "NO_RESOURCE",
        holdfast.deployment.state_machine_arn,
    )
    assert why["RULE_ARN"].endswith(f":rule/{holdfast.output('DetachRuleName')}")
    assert len(holdfast.alerts()) == alerts_before + 1


def test_a_dead_letters_body_starts_the_remediation_later(holdfast: Holdfast) -> None:
    holdfast.aws.faults.fail_call(
        "states", "StartExecution", ApiError("AccessDeniedException", "You may not.")
    )
    with holdfast.watch() as lost:
        holdfast.take(*GUARDRAIL)
    event, why = dead_letter(holdfast)

    run = holdfast.start(event)

    assert (lost, why["ERROR_CODE"]) == ([], "NO_PERMISSIONS")
    assert run.outcome == "restored"


def test_a_start_that_is_throttled_is_tried_again_until_it_succeeds(holdfast: Holdfast) -> None:
    holdfast.aws.faults.fail_call(
        "states", "StartExecution", ApiError("ThrottlingException", "Rate exceeded"), times=5
    )

    run = holdfast.detach(*GUARDRAIL)

    assert run.outcome == "restored"


def test_a_day_of_failing_starts_ends_in_a_dead_letter(holdfast: Holdfast) -> None:
    """Source: EventBridge user guide, "How EventBridge retries delivering events"."""
    holdfast.aws.faults.fail_call(
        "states", "StartExecution", ApiError("InternalFailure", "", status=500), times=200
    )

    with holdfast.watch() as runs:
        holdfast.take(*GUARDRAIL)

    _, why = dead_letter(holdfast)
    assert (runs, why["ERROR_CODE"]) == ([], "ERROR_FROM_TARGET")
    assert why["EXHAUSTED_RETRY_CONDITION"] in {"MaximumRetryAttempts", "MaximumEventAgeInSeconds"}


def test_an_alert_that_could_not_be_sent_is_a_dead_letter_and_holdfast_works_on(holdfast: Holdfast) -> None:
    holdfast.aws.faults.fail_call(
        "sns", "Publish", ApiError("AuthorizationError", "You may not.", status=403)
    )

    with holdfast.watch() as runs:
        holdfast.take(*GUARDRAIL)

    _, why = dead_letter(holdfast)
    assert [run.outcome for run in runs] == ["restored"]
    assert why["TARGET_ARN"] == holdfast.output("AlertTopicArn")
