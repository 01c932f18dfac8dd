"""What Holdfast decides about a detach, seen by the states that its execution enters."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from holdfast_cli.sample_organization import PIPELINE_ROLE
from tests.deployed import SUCCEEDED, Holdfast, text_of, the_only
from tests.workflow.paths import (
    ATTACHED_BY_OTHERS,
    EVERY_STATE,
    FAILED_TO_VERIFY,
    NOT_OURS,
    REMEDIATION_FAILED,
    REPORTED,
    RESTORED,
)

PROJECT = Path(__file__).parents[2]
EVENTS = PROJECT / "events"
REFUSED = {
    name: case["expect"]["error"]
    for name, case in yaml.safe_load((EVENTS / "cases.yaml").read_text(encoding="utf-8")).items()
    if "error" in case["expect"]
}


def example(name: str) -> Any:
    return json.loads((EVENTS / name).read_text(encoding="utf-8"))


def test_every_state_is_on_a_path_that_is_walked_here() -> None:
    definition = yaml.safe_load((PROJECT / "statemachine" / "remediate.asl.yaml").read_text(encoding="utf-8"))

    assert set(definition["States"]) == EVERY_STATE


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        ("DenyLeaveOrganization", "Root"),
        ("DenyDisablingCloudTrail", "Workloads/Prod"),
        ("ProtectSecurityRoles", "Workloads/Prod/payments-prod"),
    ],
)
def test_a_guardrail_of_the_baseline_is_back_and_that_is_told(
    holdfast: Holdfast, policy: str, path: str
) -> None:
    run = holdfast.detach(policy, path)

    assert (run.states, run.errors, run.end) == (RESTORED, [], SUCCEEDED)
    assert run.outcome == "restored"
    assert policy in holdfast.attached(path)


def test_a_detach_by_the_sanctioned_role_is_told_and_not_reverted(holdfast: Holdfast) -> None:
    run = holdfast.detach("DenyLeaveOrganization", "Root", by=holdfast.role(PIPELINE_ROLE))

    assert (run.states, run.end, run.outcome) == (REPORTED, SUCCEEDED, "sanctioned")
    assert "DenyLeaveOrganization" not in holdfast.attached("Root")


def test_a_session_named_like_the_sanctioned_role_is_not_sanctioned(holdfast: Holdfast) -> None:
    run = holdfast.detach(
        "DenyLeaveOrganization", "Root", by=holdfast.role("developer", session=PIPELINE_ROLE)
    )

    assert (run.states, run.outcome) == (RESTORED, "restored")


def test_a_role_made_again_under_the_sanctioned_name_is_not_sanctioned(holdfast: Holdfast) -> None:
    event = holdfast.detach("DenyLeaveOrganization", "Root", by=holdfast.role(PIPELINE_ROLE)).event
    event["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"]["principalId"] = "AROAANOTHERROLE00000"

    run = the_only(holdfast.deliver(event))

    assert (run.states, run.outcome) == (RESTORED, "restored")


def test_a_policy_that_is_not_in_the_baseline_is_left_alone_and_not_told(holdfast: Holdfast) -> None:
    run = holdfast.detach("FullAWSAccess", "Workloads/Prod/payments-prod")

    assert (run.states, run.end, run.mails) == (NOT_OURS, SUCCEEDED, ())
    assert "FullAWSAccess" not in holdfast.attached("Workloads/Prod/payments-prod")


def test_a_guardrail_on_a_target_that_the_baseline_does_not_name_is_left_alone(holdfast: Holdfast) -> None:
    holdfast.organizations.attach_policy(
        PolicyId=holdfast.policy("DenyLeaveOrganization"), TargetId=holdfast.target("Sandbox")
    )

    run = holdfast.detach("DenyLeaveOrganization", "Sandbox")

    assert (run.states, run.end, run.mails) == (NOT_OURS, SUCCEEDED, ())


def test_what_somebody_else_attached_first_is_not_told_again(holdfast: Holdfast) -> None:
    with holdfast.watch() as runs:
        holdfast.take("DenyLeaveOrganization", "Root")
        holdfast.organizations.attach_policy(
            PolicyId=holdfast.policy("DenyLeaveOrganization"), TargetId=holdfast.target("Root")
        )

    run = the_only(runs)
    assert (run.states, run.end, run.mails) == (ATTACHED_BY_OTHERS, SUCCEEDED, ())


def test_the_same_event_twice_makes_one_mail(holdfast: Holdfast) -> None:
    first = holdfast.detach("DenyLeaveOrganization", "Root")

    second = the_only(holdfast.deliver(first.event))

    assert (first.states, len(first.mails)) == (RESTORED, 1)
    assert (second.states, second.mails) == (ATTACHED_BY_OTHERS, ())


def test_the_same_attachment_detached_twice_at_once_is_back_and_told_once(holdfast: Holdfast) -> None:
    with holdfast.watch() as runs:
        holdfast.take("DenyLeaveOrganization", "Root")
        holdfast.organizations.attach_policy(
            PolicyId=holdfast.policy("DenyLeaveOrganization"), TargetId=holdfast.target("Root")
        )
        holdfast.take("DenyLeaveOrganization", "Root")

    assert sorted(run.states for run in runs) == sorted([ATTACHED_BY_OTHERS, RESTORED])
    assert "DenyLeaveOrganization" in holdfast.attached("Root")


def test_two_guardrails_detached_at_once_are_both_back_and_both_told(holdfast: Holdfast) -> None:
    with holdfast.watch() as runs:
        holdfast.take("DenyLeaveOrganization", "Root")
        holdfast.take("ProtectSecurityRoles", "Security")

    assert [(run.states, run.outcome) for run in runs] == [(RESTORED, "restored")] * 2
    assert {run.mail.attributes["policy_id"] for run in runs} == {
        holdfast.policy("DenyLeaveOrganization"),
        holdfast.policy("ProtectSecurityRoles"),
    }


def replayed(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event as an archive sends it again."""
    return {**event, "replay-name": "after-the-outage"}


def late(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event as it would be if it told of a call of the day before yesterday."""
    moved = deepcopy(event)
    moved["detail"]["eventTime"] = "2020-01-01T00:00:00Z"
    return moved


@pytest.mark.parametrize("changed", [replayed, late], ids=["replayed", "late"])
def test_a_stale_event_of_the_sanctioned_role_is_judged_by_what_is_missing_now(
    holdfast: Holdfast, changed: Any
) -> None:
    sanctioned = holdfast.detach("DenyLeaveOrganization", "Root", by=holdfast.role(PIPELINE_ROLE))

    run = the_only(holdfast.deliver(changed(sanctioned.event)))

    assert (sanctioned.outcome, run.states, run.outcome) == ("sanctioned", RESTORED, "restored")
    assert "DenyLeaveOrganization" in holdfast.attached("Root")


def test_an_event_of_yesterday_is_not_stale_before_its_24_hours_are_over(holdfast: Holdfast) -> None:
    event = holdfast.detach("DenyLeaveOrganization", "Root", by=holdfast.role(PIPELINE_ROLE)).event
    almost_a_day_ago = holdfast.aws.clock.now() - timedelta(hours=23, minutes=55)
    event["detail"]["eventTime"] = almost_a_day_ago.strftime("%Y-%m-%dT%H:%M:%SZ")

    run = the_only(holdfast.deliver(event))

    assert (run.states, run.outcome) == (REPORTED, "sanctioned")


@pytest.mark.parametrize("name", REFUSED)
def test_an_event_that_cannot_be_judged_is_told_as_a_failure(holdfast: Holdfast, name: str) -> None:
    run = holdfast.start(example(name))

    assert (run.states, run.end) == (FAILED_TO_VERIFY, REMEDIATION_FAILED)
    assert (run.outcome, run.says("Error")) == ("failed", f"“{REFUSED[name]}”")


def test_a_malformed_event_is_quoted_last_and_cut(holdfast: Holdfast) -> None:
    event = example("malformed_policy_id.json")
    event["detail"]["userAgent"] = "x" * 5_000

    run = holdfast.start(event)

    assert text_of(run.mail)[-1].startswith("The event, cut: “{'version': ")
    assert len(run.says("The event, cut")) == 2_003
    assert run.says("The event, cut").endswith("x…”")
    assert "Traceback" not in run.mail.body
