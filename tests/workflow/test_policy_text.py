"""A guardrail whose text is not what the baseline declares."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast.failures import EXPLANATIONS
from tests.deployed import DENY_LEAVING, SUCCEEDED, Holdfast
from tests.workflow.paths import FAILED_TO_VERIFY, REMEDIATION_FAILED, RESTORED

ALLOW_EU = {
    "Sid": "OnlyEurope",
    "Effect": "Allow",
    "Action": "*",
    "Resource": "*",
    "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}},
}
ALLOW_ALL = {"Sid": "Anything", "Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture(scope="module")
def deny(shared_holdfast: Holdfast) -> str:
    """Make a guardrail that denies something."""
    return shared_holdfast.guardrail("Deny", "Sandbox", DENY_LEAVING)


@pytest.fixture(scope="module")
def allow_list(shared_holdfast: Holdfast) -> str:
    """Make a guardrail that allows something."""
    return shared_holdfast.guardrail("AllowList", "Sandbox", ALLOW_EU, DENY_LEAVING)


def write(holdfast: Holdfast, policy_id: str, *statements: dict[str, Any], **changes: Any) -> None:
    """Update a policy's text, which the baseline does not follow."""
    content = json.dumps({**changes, "Version": "2012-10-17", "Statement": statements}, indent=3)
    holdfast.organizations.update_policy(PolicyId=policy_id, Content=content)


def test_a_changed_text_is_attached_and_pages(holdfast: Holdfast, deny: str) -> None:
    write(holdfast, deny, {**DENY_LEAVING, "Action": "organizations:Nothing"})

    run = holdfast.detach("Deny", "Sandbox")

    assert (run.states, run.end) == (RESTORED, SUCCEEDED)
    assert (run.outcome, run.mail.attributes["severity"]) == ("restored with changed text", "page")
    assert run.says("Policy text") == "CHANGED: it is not what the baseline's document says"
    assert "Deny" in holdfast.attached("Sandbox")


def test_another_spelling_of_the_same_text_is_as_declared(holdfast: Holdfast, deny: str) -> None:
    write(holdfast, deny, dict(reversed(DENY_LEAVING.items())))

    run = holdfast.detach("Deny", "Sandbox")

    assert (run.outcome, run.says("Policy text")) == ("restored", "as the baseline declares it")


def test_a_renamed_policy_is_restored_under_its_declared_name(holdfast: Holdfast, deny: str) -> None:
    holdfast.organizations.update_policy(PolicyId=deny, Name="Harmless")

    run = holdfast.detach("Harmless", "Sandbox")
    holdfast.organizations.update_policy(PolicyId=deny, Name="Deny")

    assert run.outcome == "restored"
    assert run.says("Policy") == f"“Deny” ({deny}), SERVICE_CONTROL_POLICY, now named “Harmless”"


def test_an_allow_list_as_declared_is_restored(holdfast: Holdfast, allow_list: str) -> None:
    write(holdfast, allow_list, ALLOW_EU, DENY_LEAVING)

    run = holdfast.detach("AllowList", "Sandbox")

    assert (run.states, run.outcome) == (RESTORED, "restored")


def test_an_allow_list_that_allows_less_is_attached_and_pages(holdfast: Holdfast, allow_list: str) -> None:
    write(holdfast, allow_list, DENY_LEAVING)

    run = holdfast.detach("AllowList", "Sandbox")

    assert (run.states, run.outcome) == (RESTORED, "restored with changed text")


@pytest.mark.parametrize(
    "statements",
    [[ALLOW_EU, DENY_LEAVING, ALLOW_ALL], [ALLOW_ALL], [{**ALLOW_EU, "Condition": {}}]],
    ids=["one more", "another", "without its condition"],
)
def test_an_allow_list_that_allows_more_is_not_attached(
    holdfast: Holdfast, allow_list: str, statements: list[dict[str, Any]]
) -> None:
    write(holdfast, allow_list, *statements)

    run = holdfast.detach("AllowList", "Sandbox")
    attached = holdfast.attached("Sandbox")
    holdfast.organizations.attach_policy(PolicyId=allow_list, TargetId=holdfast.target("Sandbox"))

    assert (run.states, run.end) == (FAILED_TO_VERIFY, REMEDIATION_FAILED)
    assert run.errors == ["WidenedPolicyError"]
    assert (run.outcome, run.mail.attributes["severity"]) == ("failed", "page")
    assert run.says("What failed") == EXPLANATIONS["WidenedPolicyError"].meaning
    assert "AllowList" not in attached
