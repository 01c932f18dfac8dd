"""The witness: what reaches another mailbox, by a bus that Holdfast's account can only send to.

The embedded AWS has one account: both stacks are in it, and the bus between them is a real one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast_cli.staging import PROJECT
from localaws.stack import Stack
from tests.deployed import RECONCILIATION, Holdfast, deployed, text_of

BUS = "arn:aws:events:us-east-1:111122223333:event-bus/witness"
MAILBOX = "witness@example.com"


@pytest.fixture(scope="module")
def shared_holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    with deployed(tmp_path_factory.mktemp("holdfast"), WitnessBusArn=BUS) as shared:
        yield shared


@pytest.fixture(scope="module")
def witness(shared_holdfast: Holdfast) -> Stack:
    """Deploy the witness, and confirm its mailbox."""
    parameters = {"ManagementAccountId": shared_holdfast.aws.account, "WitnessEmail": MAILBOX}
    stack = shared_holdfast.aws.deploy(PROJECT / "witness.yaml", parameters, "witness")
    shared_holdfast.aws.inbox.confirm(MAILBOX)
    assert (stack.outputs["WitnessBusArn"], stack.warnings) == (BUS, ())
    return stack


def mails(holdfast: Holdfast) -> list[list[str]]:
    return [text_of(mail) for mail in holdfast.aws.inbox.mails() if mail.to == MAILBOX and not mail.token]


def bodies(holdfast: Holdfast, url: str) -> list[dict[str, Any]]:
    found = holdfast.aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in found.get("Messages", [])]


def test_a_detach_reaches_the_witness(holdfast: Holdfast, witness: Stack) -> None:
    before, policy = len(mails(holdfast)), holdfast.policy("DenyLeaveOrganization")

    holdfast.detach("DenyLeaveOrganization", "Root")

    (mail,) = mails(holdfast)[before:]
    assert witness.name == "witness"
    assert mail[:3] == [
        '"The witness has seen a call that changes the guardrails, or Holdfast itself."',
        f'"Call: DetachPolicy (organizations.amazonaws.com) {policy} {holdfast.target("Root")}"',
        '"By: IAMUser local-operator, account 111122223333, from 127.0.0.1"',
    ]


@pytest.mark.usefixtures("witness")
def test_a_disabled_rule_reaches_the_witness(holdfast: Holdfast) -> None:
    before, events = len(mails(holdfast)), holdfast.aws.client("events")

    events.disable_rule(Name=holdfast.resource("DetachRule"))
    holdfast.aws.clock.settle()
    events.enable_rule(Name=holdfast.resource("DetachRule"))

    assert [mail[1] for mail in mails(holdfast)[before:]] == ['"Call: DisableRule (events.amazonaws.com)  "']


def test_a_reconciliation_that_ends_well_is_a_heartbeat(holdfast: Holdfast, witness: Stack) -> None:
    before = len(mails(holdfast))

    holdfast.reconcile()
    holdfast.aws.clock.settle()

    (beat,) = bodies(holdfast, witness.resources["HeartbeatQueue"])
    assert beat["detail"]["status"] == "SUCCEEDED"
    assert beat["detail"]["stateMachineArn"] == holdfast.output(RECONCILIATION)
    assert bodies(holdfast, witness.resources["EndsQueue"]) == []
    assert len(mails(holdfast)) == before


def test_an_execution_that_fails_reaches_the_witness(holdfast: Holdfast, witness: Stack) -> None:
    run = holdfast.start({"detail": "nothing"})

    (end,) = bodies(holdfast, witness.resources["EndsQueue"])
    assert (end["detail"]["executionArn"], end["detail"]["status"]) == (run.arn, "FAILED")


def test_what_the_witness_role_may_not_do_waits_in_the_dead_letter_queue(
    holdfast: Holdfast, witness: Stack
) -> None:
    iam, role = holdfast.aws.client("iam"), holdfast.resource("WitnessRole")
    document = iam.get_role_policy(RoleName=role, PolicyName="TellTheWitness")["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName="TellTheWitness")
    before = len(mails(holdfast))

    holdfast.detach("DenyLeaveOrganization", "Root")

    (letter, *_) = holdfast.aws.client("sqs").receive_message(
        QueueUrl=holdfast.resource("UndeliveredQueue"), MessageAttributeNames=["All"], MaxNumberOfMessages=10
    )["Messages"]
    iam.put_role_policy(RoleName=role, PolicyName="TellTheWitness", PolicyDocument=json.dumps(document))
    assert letter["MessageAttributes"]["TARGET_ARN"]["StringValue"] == witness.outputs["WitnessBusArn"]
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert len(mails(holdfast)) == before
