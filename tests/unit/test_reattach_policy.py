from __future__ import annotations

import pytest

import reattach_policy
from holdfast.errors import (
    AttachmentQuotaExceededError,
    OrganizationsBusyError,
    OrganizationsThrottledError,
    UnknownSchemaError,
)
from tests.unit.examples import VERIFIED
from tests.unit.scripted_api import ScriptedApi

INCIDENT = VERIFIED.to_document()


@pytest.fixture(autouse=True)
def _connected(monkeypatch: pytest.MonkeyPatch, api: ScriptedApi) -> None:
    monkeypatch.setattr(reattach_policy, "connect", lambda: api.organizations)


def test_the_policy_is_attached_to_its_target_with_one_call(api: ScriptedApi) -> None:
    api.answers("attach_policy", {}, PolicyId="p-7dj3cien", TargetId="ou-exme-ycaqk99w")
    assert reattach_policy.handler(INCIDENT, None) == {"result": "attached", "at": "2026-11-22T09:00:30Z"}


def test_already_attached_goes_on_like_success(api: ScriptedApi) -> None:
    api.refuses("attach_policy", "DuplicatePolicyAttachmentException")
    assert reattach_policy.handler(INCIDENT, None) == {
        "result": "already attached",
        "at": "2026-11-22T09:00:30Z",
    }


def test_throttling_that_lasts_is_left_to_the_state_machine(api: ScriptedApi) -> None:
    api.refuses("attach_policy", "TooManyRequestsException")
    with pytest.raises(OrganizationsThrottledError):
        reattach_policy.handler(INCIDENT, None)


def test_a_busy_organization_is_left_to_the_state_machine(api: ScriptedApi) -> None:
    api.refuses("attach_policy", "ConcurrentModificationException")
    with pytest.raises(OrganizationsBusyError):
        reattach_policy.handler(INCIDENT, None)


def test_the_quota_has_an_error_of_its_own(api: ScriptedApi) -> None:
    api.refuses(
        "attach_policy", "ConstraintViolationException", Reason="MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    )
    with pytest.raises(AttachmentQuotaExceededError):
        reattach_policy.handler(INCIDENT, None)


def test_an_incident_of_another_version_attaches_nothing() -> None:
    with pytest.raises(UnknownSchemaError):
        reattach_policy.handler(INCIDENT | {"schema": 2}, None)
