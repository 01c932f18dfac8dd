from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import verify_detach
from holdfast.baseline import Baseline
from holdfast.errors import (
    BaselineError,
    ChangedSuccessorError,
    ForeignEventError,
    MalformedEventError,
    OrganizationsError,
    OrganizationsThrottledError,
    PermissionMissingError,
    PolicyGoneError,
    ServiceBusyError,
    ServiceError,
    ServiceRefusedError,
    SettingsError,
    WidenedPolicyError,
)
from holdfast.exemption import Parameter
from holdfast.fight import Round
from holdfast.incident import is_incident
from tests.unit.examples import ALLOW_ONLY_EU_TEXT, DENY_ALL, example_baseline
from tests.unit.mocked_services import KnownExemptions, KnownLedger, KnownSuccessors
from tests.unit.scripted_api import ScriptedApi

EVENTS = Path(__file__).parents[2] / "events"
SCP = "SERVICE_CONTROL_POLICY"
NOT_TO_BE_ASKED = AssertionError("nobody needs that")


def event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


@pytest.fixture(autouse=True)
def _deployed(monkeypatch: pytest.MonkeyPatch, api: ScriptedApi) -> None:
    """Deploy the function with the example baseline, in remediate mode."""
    monkeypatch.setenv("MODE", "remediate")
    monkeypatch.setenv("ORGANIZATION_ID", "o-far1coz49w")
    monkeypatch.setenv("MANAGEMENT_ACCOUNT_ID", "111122223333")
    monkeypatch.setenv("HOST_ACCOUNT_ID", "111122223333")
    deploy(monkeypatch, example_baseline())
    monkeypatch.setattr(verify_detach, "connect", lambda: api.organizations)
    monkeypatch.setenv("CONTESTED_AFTER", "3")
    monkeypatch.setenv("CONTESTED_WITHIN_MINUTES", "60")
    adopt(monkeypatch, NOT_TO_BE_ASKED)
    exempt(monkeypatch, [])
    remember(monkeypatch, NOT_TO_BE_ASKED)


def exempt(monkeypatch: pytest.MonkeyPatch, known: Sequence[Parameter] | Exception) -> KnownExemptions:
    exemptions = KnownExemptions(known)
    monkeypatch.setattr(verify_detach, "connect_exemptions", lambda: exemptions)
    return exemptions


def remember(monkeypatch: pytest.MonkeyPatch, known: Sequence[Round] | Exception) -> None:
    monkeypatch.setattr(verify_detach, "connect_ledger", lambda: KnownLedger(known))


def adopt(monkeypatch: pytest.MonkeyPatch, known: Mapping[str, str] | Exception) -> None:
    monkeypatch.setattr(verify_detach, "connect_successors", lambda: KnownSuccessors(known))


def deploy(monkeypatch: pytest.MonkeyPatch, baseline: Baseline) -> None:
    monkeypatch.setattr(verify_detach, "load_baseline", lambda _: baseline)


def test_a_detach_from_the_baseline_is_to_be_reattached(api: ScriptedApi) -> None:
    api.lists_for("ou-exme-ycaqk99w", SCP, "p-FullAWSAccess")
    detach = event("detach_from_ou")
    assert verify_detach.handler(detach, None) == {
        "schema": 1,
        "detachment": {
            "attachment": {"policy_id": "p-7dj3cien", "target_id": "ou-exme-ycaqk99w"},
            "event_id": detach["detail"]["eventID"],
            "event_time": "2026-11-22T09:01:14Z",
            "account_id": "111122223333",
            "principal": {
                "kind": "AssumedRole",
                "arn": "arn:aws:iam::111122223333:role/developer",
                "unique_id": "AROAEXAMPLEDEVELOPER1",
                "name": "developer",
                "account_id": "111122223333",
                "session_name": "mallory",
                "source_identity": None,
                "mfa": False,
                "access_key_id": "ASIAIOSFODNN7EXAMPLE",
                "invoked_by": None,
            },
            "source_ip": "203.0.113.7",
            "user_agent": detach["detail"]["userAgent"],
            "replayed": False,
            "shared_event_id": None,
        },
        "protection": {
            "name": "DenyUnapprovedRegions",
            "policy_type": "SERVICE_CONTROL_POLICY",
            "organization": "o-far1coz49w",
            "baseline_version": example_baseline().version,
            "declared_id": None,
        },
        "verdict": {"action": "reattach", "reason": "in the baseline"},
        "observed": {"attached": False, "at": "2026-11-22T09:00:30Z"},
        "leave": {"exemption": None, "ended": None, "ignored": [], "unread": None},
    }


def test_a_read_that_shows_the_attachment_closes_nothing(api: ScriptedApi) -> None:
    """Reads lag behind without a stated bound. Source: Organizations user guide, "Troubleshooting"."""
    api.lists_for("ou-exme-ycaqk99w", SCP, "p-7dj3cien")
    incident = verify_detach.handler(event("already_reattached"), None)
    assert incident["observed"]["attached"] is True
    assert incident["verdict"]["action"] == "reattach"


@pytest.mark.parametrize(
    ("name", "target_id", "policy_type"),
    [
        ("tag_policy", "r-exme", "TAG_POLICY"),
        ("resource_control_policy", "r-exme", "RESOURCE_CONTROL_POLICY"),
    ],
)
def test_the_type_of_the_policy_comes_from_the_baseline(
    name: str, target_id: str, policy_type: str, api: ScriptedApi
) -> None:
    """The event does not tell it. Source: Organizations user guide, "Logging with CloudTrail"."""
    api.lists_for(target_id, policy_type)
    assert verify_detach.handler(event(name), None)["protection"]["policy_type"] == policy_type


def test_a_target_that_the_baseline_does_not_hold_costs_no_call() -> None:
    incident = verify_detach.handler(event("unguarded_target"), None)
    assert is_incident(incident)
    assert incident["verdict"] == {"action": "nothing", "reason": "not in the baseline"}
    assert incident["observed"] is None


def test_a_policy_that_the_baseline_does_not_name_costs_a_look_at_the_successors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    adopt(monkeypatch, {"p-7dj3cien": "p-madeagain1"})
    incident = verify_detach.handler(event("unguarded_policy"), None)
    assert incident["verdict"] == {"action": "nothing", "reason": "not in the baseline"}
    assert incident["observed"] is None


@pytest.mark.parametrize(
    "error",
    [
        ServiceBusyError("ssm", "GetParametersByPath", "ThrottlingException", "slow down"),
        ServiceRefusedError("ssm", "GetParametersByPath", "AccessDeniedException", "no"),
    ],
)
def test_without_the_successors_nobody_knows_whether_a_policy_is_a_guardrail(
    monkeypatch: pytest.MonkeyPatch, error: ServiceError
) -> None:
    adopt(monkeypatch, error)
    with pytest.raises(type(error)):
        verify_detach.handler(event("unguarded_policy"), None)


def detach_of_a_successor() -> dict[str, Any]:
    """Return the detach of p-madeagain1, which stands in the place of p-7dj3cien."""
    detach = event("detach_from_ou")
    detach["detail"]["requestParameters"]["policyId"] = "p-madeagain1"
    return detach


@pytest.fixture
def _made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say that DenyUnapprovedRegions was deleted and made again."""
    adopt(monkeypatch, {"p-7dj3cien": "p-madeagain1"})


@pytest.mark.usefixtures("_made_again")
def test_a_policy_made_again_is_to_be_reattached_if_it_says_what_is_declared(api: ScriptedApi) -> None:
    api.lists_for("ou-exme-ycaqk99w", SCP)
    api.describes("p-madeagain1", "DenyUnapprovedRegions", DENY_ALL.replace(" ", ""))
    incident = verify_detach.handler(detach_of_a_successor(), None)
    assert incident["verdict"] == {"action": "reattach", "reason": "in the baseline"}
    assert incident["protection"] == {
        "name": "DenyUnapprovedRegions",
        "policy_type": "SERVICE_CONTROL_POLICY",
        "organization": "o-far1coz49w",
        "baseline_version": example_baseline().version,
        "declared_id": "p-7dj3cien",
    }


@pytest.mark.usefixtures("_made_again")
def test_a_policy_made_again_with_another_text_is_never_reattached(api: ScriptedApi) -> None:
    """Whoever can write the parameter must not make Holdfast attach a policy of their choice."""
    api.lists_for("ou-exme-ycaqk99w", SCP)
    api.describes("p-madeagain1", "DenyUnapprovedRegions", DENY_ALL.replace("*", "s3:*"))
    with pytest.raises(ChangedSuccessorError) as raised:
        verify_detach.handler(detach_of_a_successor(), None)
    assert str(raised.value) == (
        "p-madeagain1, in the place of p-7dj3cien (DenyUnapprovedRegions), has another text than declared"
    )


@pytest.mark.usefixtures("_made_again")
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("TooManyRequestsException", OrganizationsThrottledError),
        ("PolicyNotFoundException", PolicyGoneError),
        ("AccessDeniedException", PermissionMissingError),
    ],
)
def test_a_policy_made_again_whose_text_cannot_be_read_is_not_reattached(
    api: ScriptedApi, code: str, kind: type[OrganizationsError]
) -> None:
    api.lists_for("ou-exme-ycaqk99w", SCP)
    api.refuses("describe_policy", code)
    with pytest.raises(kind):
        verify_detach.handler(detach_of_a_successor(), None)


@pytest.mark.usefixtures("_made_again")
def test_a_policy_made_again_is_protected_only_where_it_is_declared() -> None:
    detach = detach_of_a_successor()
    detach["detail"]["requestParameters"]["targetId"] = "ou-exme-ofz030k9"
    assert verify_detach.handler(detach, None)["verdict"]["action"] == "nothing"


@pytest.mark.usefixtures("_made_again")
def test_in_alert_only_mode_the_text_of_a_policy_made_again_is_not_asked_for(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODE", "alert-only")
    api.lists_for("ou-exme-ycaqk99w", SCP)
    incident = verify_detach.handler(detach_of_a_successor(), None)
    assert incident["verdict"] == {"action": "report", "reason": "alert-only mode"}
    assert incident["protection"]["declared_id"] == "p-7dj3cien"


def test_in_alert_only_mode_the_detach_is_reported(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODE", "alert-only")
    api.lists_for("ou-exme-ycaqk99w", SCP)
    incident = verify_detach.handler(event("detach_from_ou"), None)
    assert incident["verdict"] == {"action": "report", "reason": "alert-only mode"}


def test_an_allow_list_that_says_what_it_should_is_to_be_reattached(api: ScriptedApi) -> None:
    api.lists_for("ou-exme-ofz030k9", SCP)
    api.describes("p-allowlist01", "AllowOnlyEu", ALLOW_ONLY_EU_TEXT.replace(" ", ""))
    incident = verify_detach.handler(event("allow_list"), None)
    assert incident["verdict"]["action"] == "reattach"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (
            ALLOW_ONLY_EU_TEXT.replace("eu-central-1", "*"),
            "p-allowlist01 has an Allow statement that its document lacks",
        ),
        ("not json", "p-allowlist01: its text cannot be read: Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_an_allow_list_that_allows_more_than_declared_is_never_reattached(
    content: str, complaint: str, api: ScriptedApi
) -> None:
    api.lists_for("ou-exme-ofz030k9", SCP)
    api.describes("p-allowlist01", "AllowOnlyEu", content)
    with pytest.raises(WidenedPolicyError) as raised:
        verify_detach.handler(event("allow_list"), None)
    assert str(raised.value) == complaint


def test_in_alert_only_mode_the_text_is_not_asked_for(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODE", "alert-only")
    api.lists_for("ou-exme-ofz030k9", SCP)
    assert verify_detach.handler(event("allow_list"), None)["verdict"]["action"] == "report"


@pytest.mark.parametrize(
    "code", ["TooManyRequestsException", "AccessDeniedException", "TargetNotFoundException"]
)
def test_a_read_that_is_refused_does_not_hold_back_the_reattachment(api: ScriptedApi, code: str) -> None:
    api.refuses("list_policies_for_target", code)
    incident = verify_detach.handler(event("detach_from_ou"), None)
    assert (incident["verdict"]["action"], incident["observed"]) == ("reattach", None)


def test_in_alert_only_mode_the_read_is_the_answer(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODE", "alert-only")
    api.refuses("list_policies_for_target", "TooManyRequestsException")
    with pytest.raises(OrganizationsThrottledError):
        verify_detach.handler(event("detach_from_ou"), None)


def test_a_record_of_another_account_is_refused() -> None:
    with pytest.raises(ForeignEventError) as raised:
        verify_detach.handler(event("foreign_account"), None)
    assert str(raised.value) == "detail.recipientAccountId: got 351880565513, expected 111122223333"


@pytest.mark.parametrize(
    ("account", "error", "words"),
    [
        ("999999999999", ForeignEventError, "account: got 999999999999, expected 111122223333"),
        (None, MalformedEventError, "account: got None, expected 12 digits"),
        ("1111-2222-3333", MalformedEventError, "account: got '1111-2222-3333', expected 12 digits"),
    ],
)
def test_an_event_that_began_in_another_account_is_refused_whatever_its_record_says(
    account: str | None, error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as raised:
        verify_detach.handler(event("detach_from_ou") | {"account": account}, None)
    assert str(raised.value) == words


def test_an_event_of_an_account_that_may_forward_is_served(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDING_ACCOUNT_IDS", "444455556666,351880565513")
    api.lists_for("ou-exme-ycaqk99w", SCP)
    assert is_incident(verify_detach.handler(event("foreign_account"), None))


def test_a_delegated_administrators_own_account_is_served(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events of a member that administers policies appear in that member's own account too."""
    monkeypatch.setenv("HOST_ACCOUNT_ID", "351880565513")
    api.lists_for("ou-exme-ycaqk99w", SCP)
    assert is_incident(verify_detach.handler(event("foreign_account"), None))


def test_a_baseline_of_another_organization_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    deploy(monkeypatch, replace(example_baseline(), organization="o-otherexample"))
    with pytest.raises(BaselineError) as raised:
        verify_detach.handler(event("detach_from_ou"), None)
    assert str(raised.value) == (
        "organization: got o-otherexample, expected o-far1coz49w, the parameter OrganizationId"
    )


def test_a_wrong_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODE")
    with pytest.raises(SettingsError):
        verify_detach.handler(event("detach_from_ou"), None)
