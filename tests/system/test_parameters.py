"""What the template's parameters change, seen from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from holdfast.failures import EXPLANATIONS
from holdfast_cli.sample_organization import PIPELINE_ROLE
from tests.deployed import Holdfast, text_of
from tests.system.full_access import declare_full_access

pytestmark = pytest.mark.long

GUARDRAIL = ("DenyLeaveOrganization", "Root")
HOUR = 3_600.0


@contextmanager
def redeployed(holdfast: Holdfast, **parameters: str) -> Iterator[None]:
    """Deploy again with other parameters, and with the former ones afterwards."""
    former, template = (
        holdfast.deployment.stack.parameters,
        holdfast.deployment.template,
    )
    holdfast.aws.deploy(template, {**former, **parameters}, "holdfast")
    try:
        yield
    finally:
        holdfast.aws.deploy(template, former, "holdfast")


def test_the_alert_can_be_narrowed_to_some_policies(holdfast: Holdfast) -> None:
    before = len(holdfast.alerts())

    with redeployed(holdfast, AlertPolicyIds=holdfast.policy("ProtectSecurityRoles")):
        other = holdfast.detach(*GUARDRAIL)
        after_the_other = len(holdfast.alerts())
        named = holdfast.detach("ProtectSecurityRoles", "Security")

    assert (other.outcome, named.outcome) == ("restored", "restored")
    assert (after_the_other, len(holdfast.alerts())) == (before, before + 1)


@pytest.mark.parametrize(
    ("mode", "promise"),
    [
        ("remediate", "a second mail says how it ended"),
        ("alert-only", "a second mail says what it would have done"),
    ],
)
def test_the_alert_promises_what_the_mode_allows(holdfast: Holdfast, mode: str, promise: str) -> None:
    with redeployed(holdfast, Mode=mode):
        holdfast.detach(*GUARDRAIL)

    (line,) = (line for line in text_of(holdfast.alerts()[-1]) if line.startswith("What next:"))
    assert line.endswith(promise)


def test_only_the_named_policy_types_can_be_attached(holdfast: Holdfast) -> None:
    with redeployed(holdfast, PolicyTypes="RESOURCE_CONTROL_POLICY,TAG_POLICY"):
        run = holdfast.detach(*GUARDRAIL)

    assert (run.outcome, run.errors) == ("failed", ["PermissionMissingError"])
    assert "DenyLeaveOrganization" not in holdfast.attached("Root")


def test_an_aws_managed_policy_is_out_of_reach_by_default(holdfast: Holdfast) -> None:
    baseline = holdfast.guardrails / "baseline.toml"
    declared = baseline.read_text(encoding="utf-8")
    declare_full_access(holdfast)

    run = holdfast.detach("FullAWSAccess", "Security")
    baseline.write_text(declared, encoding="utf-8")

    assert (run.outcome, run.errors) == ("failed", ["PermissionMissingError"])
    assert run.says("What failed") == EXPLANATIONS["PermissionMissingError"].meaning


@pytest.mark.parametrize(("hours", "outcome"), [("2", "clean"), ("1", "reconciled")])
def test_a_sanctioned_detach_is_drift_when_sanctioned_for_is_over(
    holdfast: Holdfast, hours: str, outcome: str
) -> None:
    with redeployed(holdfast, SanctionedFor=hours):
        holdfast.detach("DenyUnapprovedRegions", "Workloads", by=holdfast.role(PIPELINE_ROLE))
        with holdfast.aws.clock.working():
            holdfast.aws.clock.sleep(HOUR)
        run = holdfast.reconcile()

    assert run.outcome == outcome
    assert ("DenyUnapprovedRegions" in holdfast.attached("Workloads")) is (outcome == "reconciled")
