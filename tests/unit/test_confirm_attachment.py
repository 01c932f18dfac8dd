from __future__ import annotations

from dataclasses import replace

import pytest

import confirm_attachment
from holdfast.errors import AttachmentNotVisibleError, OrganizationsThrottledError, UnknownSchemaError
from tests.unit.examples import PROTECTION, VERIFIED
from tests.unit.scripted_api import ScriptedApi

SCP = "SERVICE_CONTROL_POLICY"
REATTACHMENT = {"result": "attached", "at": "2026-11-22T09:00:30Z", "retries": 0}
INCIDENT = VERIFIED.to_document() | {"reattachment": REATTACHMENT}


@pytest.fixture(autouse=True)
def _connected(monkeypatch: pytest.MonkeyPatch, api: ScriptedApi) -> None:
    monkeypatch.setattr(confirm_attachment, "connect", lambda: api.organizations)


def test_a_read_that_shows_the_policy_confirms_it(api: ScriptedApi) -> None:
    api.lists_for("ou-exme-ycaqk99w", SCP, "p-FullAWSAccess", "p-7dj3cien")
    assert confirm_attachment.handler(INCIDENT, None) == {"at": "2026-11-22T09:00:30Z"}


def test_a_read_that_does_not_show_it_yet_is_repeated(api: ScriptedApi) -> None:
    api.lists_for("ou-exme-ycaqk99w", SCP, "p-FullAWSAccess")
    with pytest.raises(AttachmentNotVisibleError) as raised:
        confirm_attachment.handler(INCIDENT, None)
    assert str(raised.value) == "p-7dj3cien does not show on ou-exme-ycaqk99w yet"


def test_a_throttled_call_is_left_to_the_state_machine(api: ScriptedApi) -> None:
    api.refuses("list_policies_for_target", "TooManyRequestsException")
    with pytest.raises(OrganizationsThrottledError):
        confirm_attachment.handler(INCIDENT, None)


def test_without_a_policy_type_nothing_can_be_listed() -> None:
    untyped = replace(VERIFIED, protection=replace(PROTECTION, policy_type=None)).to_document()
    with pytest.raises(UnknownSchemaError, match=r"^protection\.policy_type: "):
        confirm_attachment.handler(untyped, None)
