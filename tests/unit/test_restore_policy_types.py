from __future__ import annotations

from typing import Any

import pytest

import restore_policy_types
from holdfast.attachment import PolicyType
from holdfast.errors import (
    OrganizationsBusyError,
    OrganizationsRefusedError,
    OrganizationsThrottledError,
    PermissionMissingError,
    PolicyTypePendingError,
    UnknownSchemaError,
)
from holdfast.reconciliation.drift import Plan
from tests.unit.examples import example_baseline
from tests.unit.restorable_organization import FailingOnce, RestorableOrganization, run_document

SCP, RCP = PolicyType.SERVICE_CONTROL_POLICY, PolicyType.RESOURCE_CONTROL_POLICY
BUSY = OrganizationsBusyError("EnablePolicyType", "ConcurrentModificationException", "later")
BOTH = run_document(example_baseline(), Plan(types=(SCP, RCP)))
DONE = {"enabled": ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"], "refused": []}


def restore(
    monkeypatch: pytest.MonkeyPatch, organization: RestorableOrganization, document: dict[str, Any] = BOTH
) -> dict[str, Any]:
    monkeypatch.setattr(restore_policy_types, "connect", lambda: organization)
    return restore_policy_types.handler(document, None)


def test_types_that_are_off_are_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    organization = RestorableOrganization(statuses={"TAG_POLICY": "ENABLED"})
    assert restore(monkeypatch, organization) == DONE
    assert organization.calls == [
        "ListRoots r-exme",
        "EnablePolicyType SERVICE_CONTROL_POLICY r-exme",
        "EnablePolicyType RESOURCE_CONTROL_POLICY r-exme",
        "ListRoots r-exme",
    ]


def test_a_type_that_somebody_else_has_switched_on_costs_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    organization = RestorableOrganization(statuses={SCP: "ENABLED", RCP: "ENABLED"})
    assert restore(monkeypatch, organization) == DONE
    assert organization.calls == ["ListRoots r-exme"]


@pytest.mark.parametrize("document", [run_document(example_baseline(), Plan()), {**BOTH, "drift": None}])
def test_where_nothing_is_planned_no_call_is_made(
    document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    organization = RestorableOrganization()
    assert restore(monkeypatch, organization, document) == {"enabled": [], "refused": []}
    assert organization.calls == []


@pytest.mark.parametrize("status", ["PENDING_ENABLE", "PENDING_DISABLE"])
def test_a_type_that_is_being_switched_is_waited_for(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    organization = RestorableOrganization(statuses={SCP: "ENABLED", RCP: status})
    organization.settling = 1
    with pytest.raises(PolicyTypePendingError) as raised:
        restore(monkeypatch, organization)
    assert str(raised.value) == f"r-exme shows RESOURCE_CONTROL_POLICY {status}"
    assert organization.calls == ["ListRoots r-exme"]


def test_a_type_that_the_root_does_not_show_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    organization = RestorableOrganization()
    monkeypatch.setattr(organization, "enable_type", lambda *_: None)
    with pytest.raises(PolicyTypePendingError) as raised:
        restore(monkeypatch, organization)
    assert str(raised.value) == (
        "r-exme shows SERVICE_CONTROL_POLICY not shown, RESOURCE_CONTROL_POLICY not shown"
    )


def test_a_pending_type_is_enabled_in_the_end_without_being_asked_for_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    organization = RestorableOrganization()
    organization.settling = 3
    for _ in range(3):
        with pytest.raises(PolicyTypePendingError):
            restore(monkeypatch, organization)
    assert restore(monkeypatch, organization) == DONE
    assert [call for call in organization.calls if call.startswith("Enable")] == [
        "EnablePolicyType SERVICE_CONTROL_POLICY r-exme",
        "EnablePolicyType RESOURCE_CONTROL_POLICY r-exme",
    ]


def test_a_refused_type_does_not_hold_back_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    organization = RestorableOrganization()
    organization.refused["EnablePolicyType SERVICE_CONTROL_POLICY r-exme"] = PermissionMissingError(
        "EnablePolicyType", "AccessDeniedException", "no"
    )
    assert restore(monkeypatch, organization) == {
        "enabled": ["RESOURCE_CONTROL_POLICY"],
        "refused": [
            {
                "error": "PermissionMissingError",
                "message": "EnablePolicyType: AccessDeniedException: no",
                "items": ["SERVICE_CONTROL_POLICY"],
            }
        ],
    }


@pytest.mark.parametrize("error", [BUSY, OrganizationsThrottledError("EnablePolicyType", "Throttling", "no")])
def test_what_may_pass_is_left_to_the_state_machine(
    error: OrganizationsBusyError, monkeypatch: pytest.MonkeyPatch
) -> None:
    organization = RestorableOrganization(disturb=FailingOnce(1, error, after=False))
    with pytest.raises(type(error)):
        restore(monkeypatch, organization)


def test_a_root_that_cannot_be_read_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    organization = RestorableOrganization()
    organization.refused["ListRoots r-exme"] = OrganizationsRefusedError("ListRoots", "NoRoot", "none")
    with pytest.raises(OrganizationsRefusedError):
        restore(monkeypatch, organization)


@pytest.mark.parametrize("after", [False, True])
def test_wherever_it_is_broken_off_it_ends_the_same(*, after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        organization = RestorableOrganization(disturb=FailingOnce(number, BUSY, after=after))
        with pytest.raises(OrganizationsBusyError):
            restore(monkeypatch, organization)
        assert restore(monkeypatch, organization) == DONE
        assert organization.statuses == {SCP: "ENABLED", RCP: "ENABLED"}


def test_a_run_of_another_version_is_refused() -> None:
    with pytest.raises(UnknownSchemaError):
        restore_policy_types.handler(BOTH | {"schema": 99}, None)
