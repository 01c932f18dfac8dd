from __future__ import annotations

import time

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
def slept(monkeypatch: pytest.MonkeyPatch, api: ScriptedApi) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(reattach_policy, "connect", lambda: api.organizations)
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


def test_the_policy_is_attached_to_its_target_with_one_call(api: ScriptedApi) -> None:
    api.answers("attach_policy", {}, PolicyId="p-7dj3cien", TargetId="ou-exme-ycaqk99w")
    assert reattach_policy.handler(INCIDENT, None) == {"result": "attached", "at": "2026-11-22T09:00:30Z"}


def test_already_attached_goes_on_like_success(api: ScriptedApi) -> None:
    api.refuses("attach_policy", "DuplicatePolicyAttachmentException")
    assert reattach_policy.handler(INCIDENT, None) == {
        "result": "already attached",
        "at": "2026-11-22T09:00:30Z",
    }


def test_a_throttled_call_is_made_again_after_a_moment(api: ScriptedApi, slept: list[float]) -> None:
    api.refuses("attach_policy", "TooManyRequestsException")
    api.refuses("attach_policy", "ThrottlingException")
    api.answers("attach_policy", {}, PolicyId="p-7dj3cien", TargetId="ou-exme-ycaqk99w")
    assert reattach_policy.handler(INCIDENT, None)["result"] == "attached"
    assert [0.18 <= seconds <= 0.22 for seconds in slept] == [True, True]


def test_throttling_that_lasts_is_left_to_the_state_machine(api: ScriptedApi, slept: list[float]) -> None:
    for _ in range(reattach_policy.ATTEMPTS):
        api.refuses("attach_policy", "TooManyRequestsException")
    with pytest.raises(OrganizationsThrottledError):
        reattach_policy.handler(INCIDENT, None)
    assert len(slept) == reattach_policy.ATTEMPTS - 1


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
