"""Forwarding: a delegated administrator's events reach Holdfast by a bus of its own.

The embedded AWS has one account: both stacks are in it, so that every event comes by both buses. What another
account's rule would send is put on the bus by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import pytest

from holdfast_cli.staging import PROJECT
from localaws.stack import Stack
from tests.deployed import RECONCILIATION, REMEDIATION, Holdfast, deployed, text_of

HOST, DELEGATED, FOREIGN = "111122223333", "444455556666", "999999999999"
SHARED = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
GUARDRAIL = ("DenyLeaveOrganization", "Root")


@pytest.fixture(scope="module")
def shared_holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    with deployed(tmp_path_factory.mktemp("holdfast"), ForwardingAccountIds=f"{HOST},{DELEGATED}") as shared:
        yield shared


@pytest.fixture(scope="module")
def forwarder(shared_holdfast: Holdfast) -> Stack:
    """Deploy the forwarder, which sends to Holdfast's bus."""
    parameters = {"HoldfastBusArn": shared_holdfast.output("ForwardedEventsBusArn")}
    stack = shared_holdfast.aws.deploy(PROJECT / "forwarder.yaml", parameters, "forwarder")
    assert stack.warnings == ()
    return stack


@contextmanager
def disabled(holdfast: Holdfast, *names: str) -> Iterator[None]:
    """Disable rules of the default bus while a block runs."""
    events = holdfast.aws.client("events")
    for name in names:
        events.disable_rule(Name=name)
    try:
        yield
    finally:
        for name in names:
            events.enable_rule(Name=name)


def untold_detach(holdfast: Holdfast, forwarder: Stack) -> dict[str, Any]:
    """Detach the guardrail while no rule is on, and return the event that nobody got."""
    recorded = len(holdfast.aws.trail.recorded())
    with (
        disabled(holdfast, holdfast.resource("AlertRule"), forwarder.resources["ForwardRule"]),
        holdfast.unseen(),
    ):
        holdfast.take(*GUARDRAIL)
    (detail,) = (
        one.detail
        for one in holdfast.aws.trail.recorded()[recorded:]
        if one.detail["eventName"] == "DetachPolicy"
    )
    return of_account(HOST, "detach_from_root.json") | {"detail": detail}


def recorded_in(account: str, event: dict[str, Any], event_id: str) -> dict[str, Any]:
    """Return the event as another account has it, of the same call."""
    copy = deepcopy(event)
    copy["account"] = copy["detail"]["recipientAccountId"] = account
    copy["detail"] |= {"eventID": event_id, "sharedEventID": SHARED}
    return copy


def of_account(account: str, name: str) -> dict[str, Any]:
    """Return an event of the folder of events as an account has it."""
    event: dict[str, Any] = json.loads((PROJECT / "events" / name).read_text())
    event["account"] = event["detail"]["recipientAccountId"] = account
    return event


@pytest.mark.usefixtures("forwarder")
def test_a_detach_that_comes_by_both_buses_is_restored_and_told_once(holdfast: Holdfast) -> None:
    alerts = len(holdfast.alerts())
    with holdfast.watch(REMEDIATION) as runs:
        holdfast.organizations.detach_policy(
            PolicyId=holdfast.policy("DenyLeaveOrganization"), TargetId=holdfast.target("Root")
        )

    assert [run.end[0] for run in runs] == ["SUCCEEDED", "SUCCEEDED"]
    assert len({run.event["detail"]["eventID"] for run in runs}) == 1
    assert sum(len(run.mails) for run in runs) == 1
    assert len(holdfast.alerts()) == alerts + 1
    assert "DenyLeaveOrganization" in holdfast.attached("Root")


@pytest.mark.usefixtures("forwarder")
def test_what_reaches_the_bus_alone_is_restored(holdfast: Holdfast) -> None:
    """As in an organization where AWS sends no copy to the management account."""
    with (
        disabled(holdfast, holdfast.resource("DetachRule"), holdfast.resource("AlertRule")),
        holdfast.watch(REMEDIATION) as runs,
    ):
        holdfast.organizations.detach_policy(
            PolicyId=holdfast.policy("ProtectSecurityRoles"), TargetId=holdfast.target("Security")
        )

    (run,) = runs
    assert run.end[0] == "SUCCEEDED"
    assert "ProtectSecurityRoles" in holdfast.attached("Security")


def test_one_call_that_two_accounts_recorded_is_restored_and_told_once(
    holdfast: Holdfast, forwarder: Stack
) -> None:
    """The ids of the events differ; the call's is the same. Both executions begin before either ends."""
    event = untold_detach(holdfast, forwarder)
    alerts = len(holdfast.alerts())
    with disabled(holdfast, forwarder.resources["ForwardRule"]), holdfast.watch(REMEDIATION) as runs:
        holdfast.aws.bus.put(recorded_in(HOST, event, "00000000-0000-4000-8000-000000000001"))
        holdfast.aws.bus.put(
            recorded_in(DELEGATED, event, "00000000-0000-4000-8000-000000000002"),
            holdfast.output("ForwardedEventsBusArn"),
        )

    assert sorted(run.event["account"] for run in runs) == [HOST, DELEGATED]
    assert [run.end[0] for run in runs] == ["SUCCEEDED", "SUCCEEDED"]
    assert sum(len(run.mails) for run in runs) == 1
    assert len(holdfast.alerts()) == alerts + 1
    assert GUARDRAIL[0] in holdfast.attached(GUARDRAIL[1])


def test_on_the_bus_an_account_that_may_not_forward_starts_nothing(
    holdfast: Holdfast, forwarder: Stack
) -> None:
    event, bus = untold_detach(holdfast, forwarder), holdfast.output("ForwardedEventsBusArn")
    alerts = len(holdfast.alerts())
    foreign, delegated = (
        recorded_in(account, event, "00000000-0000-4000-8000-000000000003")
        for account in (FOREIGN, DELEGATED)
    )
    with holdfast.watch(REMEDIATION) as runs:
        holdfast.aws.bus.put(foreign, bus)

    assert (runs, len(holdfast.alerts())) == ([], alerts)
    assert GUARDRAIL[0] not in holdfast.attached(GUARDRAIL[1])

    with holdfast.watch(REMEDIATION) as runs:
        holdfast.aws.bus.put(delegated, bus)

    assert [run.event for run in runs] == [delegated]
    assert GUARDRAIL[0] in holdfast.attached(GUARDRAIL[1])


def test_an_event_of_an_account_that_may_not_forward_is_refused_and_told(holdfast: Holdfast) -> None:
    event = of_account(FOREIGN, "detach_from_ou.json")

    with holdfast.watch(REMEDIATION) as runs:
        holdfast.executions.start_execution(
            stateMachineArn=holdfast.output("StateMachineArn"), input=json.dumps(event)
        )

    (run,) = runs
    assert run.end == ("FAILED", "RemediationFailed")
    (mail,) = run.mails
    told = next(line for line in text_of(mail) if line.startswith("Message:"))
    assert f"got {FOREIGN}, expected {HOST} or {DELEGATED}" in told


def test_a_forwarded_change_starts_a_reconciliation(holdfast: Holdfast) -> None:
    """The rule is off in tests, as reconciliations are."""
    event = of_account(DELEGATED, "reconcile/put_resource_policy.json")
    bus, _, name = holdfast.resource("ForwardedTamperRule").partition("|")
    holdfast.aws.client("events").enable_rule(Name=name, EventBusName=bus)

    with holdfast.watch(RECONCILIATION) as runs:
        for account in (FOREIGN, DELEGATED):
            of_that = event | {"account": account}
            holdfast.aws.bus.put(of_that, holdfast.output("ForwardedEventsBusArn"))
    holdfast.aws.client("events").disable_rule(Name=name, EventBusName=bus)

    assert [(run.event, run.end[0]) for run in runs] == [(event, "SUCCEEDED")]


def test_a_reconciliation_refuses_a_foreign_event_as_well(holdfast: Holdfast) -> None:
    event = of_account(DELEGATED, "reconcile/put_resource_policy.json") | {"account": FOREIGN}

    with holdfast.watch(RECONCILIATION) as runs:
        holdfast.executions.start_execution(
            stateMachineArn=holdfast.output(RECONCILIATION), input=json.dumps(event)
        )

    (run,) = runs
    assert run.end[0] == "FAILED"
    assert f"account: got {FOREIGN}, expected {HOST} or {DELEGATED}" in run.text
