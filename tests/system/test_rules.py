"""Which calls start what: the rules, switched on, off and narrowed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.deployed import Holdfast

GUARDRAIL = ("DenyLeaveOrganization", "Root")


def alerts(holdfast: Holdfast) -> int:
    return len(holdfast.alerts())


def test_a_detach_that_failed_starts_nothing_and_alerts_nobody(holdfast: Holdfast) -> None:
    before = alerts(holdfast)

    with (
        holdfast.watch() as runs,
        pytest.raises(ClientError, match="PolicyNotAttachedException"),
    ):
        holdfast.take("DenyLeaveOrganization", "Sandbox")

    assert (runs, alerts(holdfast)) == ([], before)


def test_other_calls_start_nothing_and_alert_nobody(holdfast: Holdfast) -> None:
    before = alerts(holdfast)

    with holdfast.watch() as runs:
        policy = holdfast.guardrail("Another", "Sandbox")
        holdfast.organizations.update_policy(PolicyId=policy, Description="Changed.")

    assert (runs, alerts(holdfast)) == ([], before)


@pytest.fixture
def _stopped(holdfast: Holdfast) -> Iterator[None]:
    """Stop Holdfast as its manual says, and let it go on afterwards."""
    events = holdfast.aws.client("events")
    events.disable_rule(Name=holdfast.output("DetachRuleName"))
    yield
    events.enable_rule(Name=holdfast.output("DetachRuleName"))


@pytest.mark.usefixtures("_stopped")
def test_while_its_rule_is_disabled_holdfast_does_nothing_and_the_alert_still_comes(
    holdfast: Holdfast,
) -> None:
    before = alerts(holdfast)

    with holdfast.watch() as runs:
        holdfast.take(*GUARDRAIL)

    assert (runs, alerts(holdfast)) == ([], before + 1)
    assert "DenyLeaveOrganization" not in holdfast.attached("Root")


def test_a_policy_that_is_not_in_the_baseline_is_announced_and_left_alone(holdfast: Holdfast) -> None:
    before = alerts(holdfast)

    run = holdfast.detach("FullAWSAccess", "Workloads/Prod/payments-prod")

    assert (run.states[-1], run.mails, alerts(holdfast)) == ("Nothing To Do", (), before + 1)
