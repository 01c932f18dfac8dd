from __future__ import annotations

import time
from dataclasses import replace

import pytest

from holdfast.attachment import PolicyType
from holdfast.reconciliation.drift import Drift, Impostor, Moved, Namesake, Renamed, Stranger
from holdfast.reconciliation.scanning import Scanner
from tests.unit.examples import (
    DENY_ALL,
    DENY_REGIONS,
    PAYMENTS_PROD,
    ROOT,
    WORKLOADS,
    example_baseline,
    live_policy,
)
from tests.unit.live_organization import LiveOrganization
from tests.unit.test_drift import large_baseline

SCP = PolicyType.SERVICE_CONTROL_POLICY
BASELINE = example_baseline()


@pytest.fixture(name="organization")
def _organization() -> LiveOrganization:
    return LiveOrganization(BASELINE)


@pytest.fixture(name="scanner")
def _scanner(organization: LiveOrganization) -> Scanner:
    return Scanner(BASELINE, organization)


def test_a_guardrail_as_declared_does_not_differ(scanner: Scanner, organization: LiveOrganization) -> None:
    assert scanner.guardrail(2, ()) == Drift()
    assert organization.calls == [f"DescribePolicy {DENY_REGIONS}", f"ListTargetsForPolicy {DENY_REGIONS}"]


def test_text_and_attachments_are_compared(scanner: Scanner, organization: LiveOrganization) -> None:
    organization.create(live_policy("DenyUnapprovedRegions", "{}"))
    organization.detach(DENY_REGIONS, WORKLOADS)
    assert scanner.guardrail(2, ()) == Drift(changed=(2,), missing=(7,))


def test_of_a_type_that_is_off_the_text_is_compared_and_the_targets_are_not_read(
    scanner: Scanner, organization: LiveOrganization
) -> None:
    organization.create(live_policy("Temporary", DENY_ALL))
    organization.disable(SCP)
    assert scanner.guardrail(2, (SCP,)) == Drift(renamed=(Renamed(2, "Temporary", None),))
    assert organization.calls == [f"DescribePolicy {DENY_REGIONS}"]


def test_a_guardrail_that_may_be_anywhere_has_its_policy_compared_only(
    organization: LiveOrganization,
) -> None:
    anywhere = replace(
        BASELINE,
        guardrails=tuple(replace(guardrail, targets=None) for guardrail in BASELINE.guardrails),
    )
    organization.create(live_policy("DenyUnapprovedRegions", "{}"))
    assert Scanner(anywhere, organization).guardrail(2, ()) == Drift(changed=(2,))
    assert Scanner(anywhere, organization).attachments(2) == Drift()
    assert organization.calls == [f"DescribePolicy {DENY_REGIONS}"]


def test_a_deleted_policy_is_gone(scanner: Scanner, organization: LiveOrganization) -> None:
    organization.delete(DENY_REGIONS)
    assert scanner.guardrail(2, ()) == Drift(gone=(2,))
    assert scanner.attachments(2) == Drift(gone=(2,))


def test_whoever_has_the_name_of_a_deleted_policy_is_named_if_the_text_is_another(
    scanner: Scanner, organization: LiveOrganization
) -> None:
    organization.delete(DENY_REGIONS)
    organization.create(live_policy("DenyUnapprovedRegions", "{}", "p-squatter1"))
    assert scanner.guardrail(2, ()) == Drift(gone=(2,), namesakes=(Namesake(2, "p-squatter1"),))


def test_a_policy_with_the_name_and_the_text_is_a_successor_that_is_left_to_whoever_restores(
    scanner: Scanner, organization: LiveOrganization
) -> None:
    organization.delete(DENY_REGIONS)
    organization.create(live_policy("DenyUnapprovedRegions", DENY_ALL, "p-new00001"))
    assert scanner.guardrail(2, ()) == Drift(gone=(2,))


def test_a_list_that_still_shows_the_deleted_policy_names_no_namesake(
    scanner: Scanner, organization: LiveOrganization, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = list(organization.policies_of_type(SCP))
    organization.delete(DENY_REGIONS)
    monkeypatch.setattr(organization, "policies_of_type", lambda _: iter(stale))
    assert scanner.guardrail(2, ()) == Drift(gone=(2,))


def test_the_policies_are_listed_once_for_all_that_are_gone(
    scanner: Scanner, organization: LiveOrganization
) -> None:
    for guardrail in BASELINE.guardrails[:4]:
        organization.delete(guardrail.policy_id)
    assert [scanner.guardrail(index, ()).gone for index in range(4)] == [(0,), (1,), (2,), (3,)]
    assert organization.counted()["ListPolicies"] == 1


def test_a_successor_is_read_in_the_place_of_the_declared_policy(organization: LiveOrganization) -> None:
    organization.delete(DENY_REGIONS)
    organization.create(live_policy("DenyUnapprovedRegions", DENY_ALL, "p-new00001"))
    adopted = BASELINE.adopting({DENY_REGIONS: "p-new00001"})
    assert Scanner(adopted, organization).guardrail(2, ()) == Drift(
        missing=(7,), moved=(Moved(2, "p-new00001"),)
    )


def test_a_successor_with_another_name_and_text_is_an_impostor_and_the_declared_policy_is_compared(
    organization: LiveOrganization,
) -> None:
    organization.create(live_policy("Forged", "{}", "p-forged0001"), WORKLOADS)
    organization.detach(DENY_REGIONS, WORKLOADS)
    adopted = BASELINE.adopting({DENY_REGIONS: "p-forged0001"})
    assert Scanner(adopted, organization).guardrail(2, ()) == Drift(
        impostors=(Impostor(2, "p-forged0001"),), missing=(7,)
    )


def test_nothing_can_succeed_a_policy_that_is_there(organization: LiveOrganization) -> None:
    adopted = BASELINE.adopting({DENY_REGIONS: "p-isnotthere"})
    assert Scanner(adopted, organization).guardrail(2, ()) == Drift(impostors=(Impostor(2, "p-isnotthere"),))


def test_an_impostor_in_the_place_of_a_deleted_policy_leaves_it_deleted(
    organization: LiveOrganization,
) -> None:
    organization.create(live_policy("Forged", "{}", "p-forged0001"))
    organization.delete(DENY_REGIONS)
    adopted = BASELINE.adopting({DENY_REGIONS: "p-forged0001"})
    assert Scanner(adopted, organization).guardrail(2, ()) == Drift(
        impostors=(Impostor(2, "p-forged0001"),), gone=(2,)
    )


def test_strangers_are_found_for_every_type_that_is_declared_on_the_target(
    scanner: Scanner, organization: LiveOrganization
) -> None:
    organization.create(live_policy("Filler", DENY_ALL, "p-filler0001"), ROOT)
    organization.create(live_policy("FullAWSAccess", DENY_ALL, "p-FullAWSAccess"), ROOT)
    assert scanner.target(ROOT, ()) == Drift(strangers=(Stranger(ROOT, SCP, ("p-filler0001",), 6),))
    assert organization.calls == [
        f"ListPoliciesForTarget {ROOT} {kind}"
        for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "TAG_POLICY")
    ]
    assert scanner.target(ROOT, (SCP,)) == Drift()


def test_all_attachments_of_a_target_that_is_gone_are_told_of(
    scanner: Scanner, organization: LiveOrganization
) -> None:
    organization.close(PAYMENTS_PROD)
    assert scanner.target(PAYMENTS_PROD, ()) == Drift(gone_targets=(8,))


def test_a_target_that_the_baseline_does_not_know_costs_nothing(
    scanner: Scanner, organization: LiveOrganization
) -> None:
    assert scanner.target("999999999999", ()) == Drift()
    assert organization.calls == []


def test_the_root_tells_of_each_type_that_is_needed(scanner: Scanner, organization: LiveOrganization) -> None:
    organization.disable(SCP)
    organization.statuses["TAG_POLICY"] = "PENDING_DISABLE"
    organization.statuses["BACKUP_POLICY"] = "ENABLED"
    assert scanner.statuses(range(7)) == {
        SCP: None,
        PolicyType.RESOURCE_CONTROL_POLICY: "ENABLED",
        PolicyType.TAG_POLICY: "PENDING_DISABLE",
    }
    assert scanner.statuses([4]) == {PolicyType.RESOURCE_CONTROL_POLICY: "ENABLED"}


def test_5000_attachments_are_compared_in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    large = large_baseline(guardrails=200, targets=25)
    organization = LiveOrganization(large)
    organization.attached.clear()
    monkeypatch.setattr(organization, "targets_of", lambda _: frozenset())
    began = time.process_time()
    scanner = Scanner(large, organization)
    missing = [number for index in range(200) for number in scanner.guardrail(index, ()).missing]
    assert sorted(missing) == list(range(5_000))
    assert time.process_time() - began < 1
