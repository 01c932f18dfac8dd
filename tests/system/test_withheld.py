"""What may not be restored is told, with what would have been done, and nothing is done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deployed import Holdfast, deployed
from tests.system.attacks.stories import (
    EVERYTHING_ON,
    attack,
    create,
    disable_type,
    findings,
    rewrite,
    told,
    wait,
)

pytestmark = pytest.mark.long

CALLS_THAT_CHANGE = {"AttachPolicy", "CreatePolicy", "EnablePolicyType", "UpdatePolicy"}


@pytest.fixture
def only_attachments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast with the parameters that a usual deployment has."""
    usual = {**EVERYTHING_ON, "RestorePolicyTypes": "false", "RestorePolicies": "false"}
    with deployed(tmp_path_factory.mktemp("holdfast"), **usual) as holdfast:
        wait(holdfast, 300)
        yield holdfast


@pytest.fixture
def alert_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast as a careful operator begins with it."""
    with deployed(tmp_path_factory.mktemp("holdfast"), **EVERYTHING_ON, Mode="alert-only") as holdfast:
        wait(holdfast, 300)
        yield holdfast


def changes(holdfast: Holdfast) -> list[str]:
    """Return the calls with which Holdfast changed a policy, an attachment or a type, in order."""
    return [
        recorded.detail["eventName"]
        for recorded in holdfast.aws.trail.recorded()
        if recorded.detail["eventName"] in CALLS_THAT_CHANGE
        and "errorCode" not in recorded.detail
        and "holdfast-" in recorded.detail["userIdentity"].get("arn", "")
    ]


def test_with_attachments_alone_texts_names_and_types_are_told(only_attachments: Holdfast) -> None:
    holdfast, intruder = only_attachments, only_attachments.role("Intruder")
    leaving, regions = holdfast.policy("DenyLeaveOrganization"), holdfast.policy("DenyUnapprovedRegions")

    with attack(holdfast) as weakened:
        rewrite(intruder, leaving)
        holdfast.take("DenyLeaveOrganization", "Root", by=intruder)
    with attack(holdfast) as squatted:
        holdfast.take("DenyUnapprovedRegions", "Workloads", by=intruder)
        intruder.delete_policy(PolicyId=regions)
        squatter = create(intruder, "DenyUnapprovedRegions")
    with attack(holdfast) as disabled:
        disable_type(intruder, holdfast)

    assert told(weakened.fast) == ["page: CHANGED TEXT: DenyLeaveOrganization on the root [by Intruder]"]
    assert [findings(run) for run in weakened.slow] == [
        [f"Text changed: the text of “DenyLeaveOrganization” ({leaving}) is not the declared one"]
    ]
    assert told(squatted.fast) == ["page: FAILED: DenyUnapprovedRegions on OU Workloads [by Intruder]"]
    name, unit = "“DenyUnapprovedRegions”", f"OU “Workloads” ({holdfast.target('Workloads')})"
    assert [findings(run) for run in squatted.slow] == [
        [
            f"Policy deleted: {name} ({regions}) was deleted",
            f"Name taken: {squatter} has taken the name of the deleted guardrail {name}, with another text",
            f"Attachments missing: {name} ({regions}) is missing on {unit}, lost with its policy",
        ]
    ]
    assert told(disabled.slow) == [
        "page: DRIFT: policy type SERVICE_CONTROL_POLICY is disabled [by Intruder]"
    ]
    assert "Otherwise Holdfast would have put the declared text back." in weakened.slow[0].mail.body
    assert changes(holdfast) == ["AttachPolicy"]


def test_in_alert_only_mode_everything_at_once_is_told_and_nothing_is_changed(alert_only: Holdfast) -> None:
    holdfast, intruder = alert_only, alert_only.role("Intruder")

    with attack(holdfast) as aftermath:
        holdfast.take("DenyLeaveOrganization", "Root", by=intruder)
        rewrite(intruder, holdfast.policy("DenyUnapprovedRegions"))
        for path in ("Security", "Workloads/Prod/payments-prod"):
            holdfast.take("ProtectSecurityRoles", path, by=intruder)
        intruder.delete_policy(PolicyId=holdfast.policy("ProtectSecurityRoles"))
        create(intruder, "ProtectSecurityRoles")
        holdfast.stranger("Filler", "Root")
        disable_type(intruder, holdfast)
    everything = holdfast.reconcile()

    assert told(aftermath.fast) == [
        "notice: NOT restored (alert-only): DenyLeaveOrganization on the root [by Intruder]",
        "notice: NOT restored (alert-only): ProtectSecurityRoles on OU Security [by Intruder]",
        "notice: NOT restored (alert-only): ProtectSecurityRoles on account Workloads/Pro... [by Intruder]",
    ]
    assert {run.end[0] for run in aftermath.slow} == {"SUCCEEDED"}
    assert [finding.partition(":")[0] for finding in findings(everything)] == [
        "Policy type disabled",
        "Policy deleted",
        "Name taken",
        "Text changed",
        *["Attachments missing"] * 4,
    ]
    assert everything.outcome == "drift found"
    assert changes(holdfast) == []
