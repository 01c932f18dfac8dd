from __future__ import annotations

from holdfast.errors import PermissionMissingError
from holdfast.outcome import Severity
from holdfast.reconciliation.fates import Done
from holdfast.reconciliation.finding import NAMELESS, Finding, Kind
from holdfast.reconciliation.names import LOOKUPS, PATIENCE, look_up
from holdfast.reconciliation.sentence import say
from tests.unit.small_organization import SmallOrganization


def finding(*targets: str, kind: Kind = Kind.MISSING, policies: tuple[str, ...] = ()) -> Finding:
    return Finding(
        kind, Done.REPORTED, Severity.NOTICE, "x", say("x"), target_ids=targets, policy_ids=policies
    )


def test_targets_and_unknown_policies_are_named_once_each() -> None:
    organization = SmallOrganization()
    findings = [
        finding("r-exme", "ou-exme-cbm7ma1f", "338583429068", policies=("p-guardrail1",)),
        finding("ou-exme-cbm7ma1f", kind=Kind.STRANGERS, policies=("p-stranger01",)),
    ]
    names = look_up(organization, findings)
    assert names.targets == {"ou-exme-cbm7ma1f": "Security", "338583429068": "payments-prod"}
    assert names.policies == {"p-stranger01": "DenyUnapprovedRegions"}
    assert organization.calls == [
        "unit_name ou-exme-cbm7ma1f",
        "account_name 338583429068",
        "policy p-stranger01",
    ]


def test_what_is_gone_is_not_asked_for() -> None:
    organization = SmallOrganization()
    gone = [finding("338583429068", kind=kind) for kind in (Kind.TARGET_GONE, Kind.ACCOUNT_DEPARTED)]
    assert look_up(organization, gone) == NAMELESS
    assert organization.calls == []


def test_what_cannot_be_found_out_has_no_name() -> None:
    refusal = PermissionMissingError("DescribeAccount", "AccessDeniedException", "no")
    organization = SmallOrganization(refused={"account_name": refusal})
    assert look_up(organization, [finding("338583429068")]) == NAMELESS


def test_no_more_than_some_targets_are_asked_for() -> None:
    refusal = PermissionMissingError("DescribeAccount", "AccessDeniedException", "no")
    organization = SmallOrganization(refused={"account_name": refusal})
    look_up(organization, [finding(*(f"{number:012}" for number in range(50)))])
    assert len(organization.calls) == LOOKUPS


def test_nothing_is_asked_for_when_the_time_is_over() -> None:
    times = iter([0.0, PATIENCE - 1, PATIENCE + 1])
    organization = SmallOrganization()
    names = look_up(organization, [finding("ou-exme-cbm7ma1f", "338583429068")], lambda: next(times))
    assert names.targets == {"ou-exme-cbm7ma1f": "Security"}
