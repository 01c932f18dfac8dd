"""Forwarding: a delegated administrator's events reach Holdfast by a bus of its own.

The embedded AWS has one account: both stacks are in it, so that every event comes by both buses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast_cli.staging import PROJECT
from localaws.stack import Stack
from tests.deployed import REMEDIATION, Holdfast, deployed, text_of

FOREIGN = "999999999999"


@pytest.fixture(scope="module")
def shared_holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    with deployed(tmp_path_factory.mktemp("holdfast"), ForwardingAccountIds="111122223333") as shared:
        yield shared


@pytest.fixture(scope="module")
def forwarder(shared_holdfast: Holdfast) -> Stack:
    """Deploy the forwarder, which sends to Holdfast's bus."""
    parameters = {"HoldfastBusArn": shared_holdfast.output("ForwardedEventsBusArn")}
    stack = shared_holdfast.aws.deploy(PROJECT / "forwarder.yaml", parameters, "forwarder")
    assert stack.warnings == ()
    return stack


@pytest.mark.usefixtures("forwarder")
def test_a_detach_that_comes_by_both_buses_is_restored_and_told_once(holdfast: Holdfast) -> None:
    with holdfast.watch(REMEDIATION) as runs:
        holdfast.organizations.detach_policy(
            PolicyId=holdfast.policy("DenyLeaveOrganization"), TargetId=holdfast.target("Root")
        )

    assert [run.end[0] for run in runs] == ["SUCCEEDED", "SUCCEEDED"]
    assert len({run.event["detail"]["eventID"] for run in runs}) == 1
    assert sum(len(run.mails) for run in runs) == 1
    assert "DenyLeaveOrganization" in holdfast.attached("Root")


@pytest.mark.usefixtures("forwarder")
def test_what_reaches_the_bus_alone_is_restored(holdfast: Holdfast) -> None:
    """As in an organization where AWS sends no copy to the management account."""
    events = holdfast.aws.client("events")
    for rule in ("DetachRule", "AlertRule"):
        events.disable_rule(Name=holdfast.resource(rule))
    try:
        with holdfast.watch(REMEDIATION) as runs:
            holdfast.organizations.detach_policy(
                PolicyId=holdfast.policy("ProtectSecurityRoles"), TargetId=holdfast.target("Security")
            )
    finally:
        for rule in ("DetachRule", "AlertRule"):
            events.enable_rule(Name=holdfast.resource(rule))

    (run,) = runs
    assert run.end[0] == "SUCCEEDED"
    assert "ProtectSecurityRoles" in holdfast.attached("Security")


def test_an_event_of_an_account_that_may_not_forward_is_refused_and_told(holdfast: Holdfast) -> None:
    event: dict[str, Any] = json.loads((PROJECT / "events" / "detach_from_ou.json").read_text())
    event["account"] = event["detail"]["recipientAccountId"] = FOREIGN

    with holdfast.watch(REMEDIATION) as runs:
        holdfast.executions.start_execution(
            stateMachineArn=holdfast.output("StateMachineArn"), input=json.dumps(event)
        )

    (run,) = runs
    assert run.end == ("FAILED", "RemediationFailed")
    (mail,) = run.mails
    told = next(line for line in text_of(mail) if line.startswith("Message:"))
    assert f"got {FOREIGN}, expected 111122223333" in told
