"""Which events start what, through the rule that is deployed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from tests.deployed import RECONCILIATION, SCP, SUCCEEDED, Holdfast, Run, the_only
from tests.workflow.reconcile.drifts import DRIFTS, WEAK, delete, disable_type, weaken
from tests.workflow.reconcile.findings import findings_of
from tests.workflow.reconcile.ways import (
    ATTACHED_AFTER_AN_EVENT,
    CLEAN_AFTER_AN_EVENT,
    NOTHING_TO_DO,
    REPORTED,
    RESTORED_AFTER_AN_EVENT,
)

pytestmark = pytest.mark.long


def runs_after(holdfast: Holdfast, happening: Callable[[Holdfast], object]) -> list[Run]:
    """Let something happen, and return the reconciliations that its events started."""
    with holdfast.watch(RECONCILIATION) as runs:
        happening(holdfast)
    return runs


def test_disabling_the_type_is_undone(holdfast: Holdfast) -> None:
    before = holdfast.state()

    run = the_only(runs_after(holdfast, disable_type))

    assert holdfast.state() == before
    assert (run.states, run.end, run.outcome) == (ATTACHED_AFTER_AN_EVENT, SUCCEEDED, "reconciled")
    assert run.given["Which Way?"]["trigger"]["scope"] == {"kind": "policy type", "subject": SCP}


def test_changing_a_text_is_undone_and_the_event_of_that_finds_nothing(holdfast: Holdfast) -> None:
    """The loop test: our own change starts a run that is quiet."""
    before = holdfast.state()

    run, echo = runs_after(holdfast, weaken)

    assert holdfast.state() == before
    assert (run.states, run.end, run.outcome) == (RESTORED_AFTER_AN_EVENT, SUCCEEDED, "reconciled")
    assert (echo.states, echo.end, echo.mails) == (CLEAN_AFTER_AN_EVENT, SUCCEEDED, ())


def test_deleting_a_policy_is_undone(holdfast: Holdfast) -> None:
    """The attack: detach everywhere, then delete at once; the fast path has nothing left to attach."""
    before, old = holdfast.state(), holdfast.policy("ProtectSecurityRoles")

    run = the_only(runs_after(holdfast, delete))

    assert holdfast.state() == before
    assert (run.states, run.end, run.outcome) == (ATTACHED_AFTER_AN_EVENT, SUCCEEDED, "reconciled")
    assert run.given["Which Way?"]["trigger"]["scope"] == {"kind": "policy", "subject": old}


def fill_slot(holdfast: Holdfast) -> None:
    holdfast.stranger("Filler", "Workloads")


def test_a_strangers_attachment_on_a_target_of_the_baseline_is_told(holdfast: Holdfast) -> None:
    run = the_only(runs_after(holdfast, fill_slot))

    assert (run.states, run.end, run.outcome) == (RESTORED_AFTER_AN_EVENT, SUCCEEDED, "drift found")
    assert list(findings_of(run)) == [
        f"Unknown policies: OU “Workloads” has 1 policy that the baseline does not know ({SCP}, 7 free slots)"
    ]


def test_a_strangers_attachment_elsewhere_is_nothing_to_do(holdfast: Holdfast) -> None:
    run = the_only(runs_after(holdfast, lambda holdfast: holdfast.stranger("Filler", "Sandbox")))

    assert (run.states, run.end) == (NOTHING_TO_DO, SUCCEEDED)


def test_our_own_attachments_start_no_run(holdfast: Holdfast) -> None:
    """Neither the fast path's, nor those of a reconciliation."""
    by_the_fast_path = runs_after(holdfast, lambda holdfast: holdfast.take("DenyLeaveOrganization", "Root"))
    with holdfast.unseen():
        DRIFTS["attachment missing"](holdfast)

    run = holdfast.reconcile()

    assert (by_the_fast_path, run.outcome) == ([], "reconciled")


def test_a_declared_attachment_that_somebody_else_makes_is_nothing_to_do(holdfast: Holdfast) -> None:
    with holdfast.unseen():
        DRIFTS["attachment missing"](holdfast)

    def attach(holdfast: Holdfast) -> None:
        holdfast.organizations.attach_policy(
            PolicyId=holdfast.policy("DenyUnapprovedRegions"), TargetId=holdfast.target("Workloads")
        )

    run = the_only(runs_after(holdfast, attach))

    assert (run.states, run.end) == (NOTHING_TO_DO, SUCCEEDED)


def other_policy_changed(holdfast: Holdfast) -> None:
    created = holdfast.organizations.create_policy(Name="Other", Description="", Type=SCP, Content=WEAK)
    other = created["Policy"]["PolicySummary"]["Id"]
    holdfast.organizations.update_policy(PolicyId=other, Description="Changed.")
    holdfast.organizations.delete_policy(PolicyId=other)


def other_type_disabled(holdfast: Holdfast) -> None:
    root = holdfast.target("Root")
    holdfast.organizations.enable_policy_type(RootId=root, PolicyType="TAG_POLICY")
    holdfast.aws.clock.sleep(5)
    holdfast.organizations.disable_policy_type(RootId=root, PolicyType="TAG_POLICY")


@pytest.mark.parametrize(
    "happening", [other_policy_changed, other_type_disabled], ids=lambda one: one.__name__
)
def test_what_the_baseline_does_not_hold_costs_no_call_of_organizations(
    holdfast: Holdfast, happening: Callable[[Holdfast], None]
) -> None:
    runs = runs_after(holdfast, happening)

    functions = {
        call.principal for call in holdfast.aws.calls.recorded("organizations") if call.at >= runs[0].times[0]
    }
    assert [(run.states, run.end, run.mails) for run in runs] == [(NOTHING_TO_DO, SUCCEEDED, ())] * len(runs)
    assert [principal for principal in functions if "Function" in principal] == []


def test_a_call_that_failed_starts_nothing(holdfast: Holdfast) -> None:
    def try_to_delete(holdfast: Holdfast) -> None:
        with pytest.raises(ClientError, match="PolicyInUseException"):
            holdfast.organizations.delete_policy(PolicyId=holdfast.policy("DenyLeaveOrganization"))

    assert runs_after(holdfast, try_to_delete) == []


def register(holdfast: Holdfast) -> None:
    holdfast.organizations.register_delegated_administrator(
        AccountId=holdfast.target("Security/audit"), ServicePrincipal="guardduty.amazonaws.com"
    )


def put_resource_policy(holdfast: Holdfast) -> None:
    statement = {
        "Sid": "Delegate",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{holdfast.target('Security/audit')}:root"},
        "Action": "organizations:ListPolicies",
        "Resource": "*",
    }
    content = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    holdfast.organizations.put_resource_policy(Content=content)


@pytest.mark.parametrize(
    ("happening", "finding"),
    [
        (
            register,
            "Delegated administrator registered: account “audit” (audit) was made a delegated administrator",
        ),
        (put_resource_policy, "Resource policy put: the organization's delegation policy was set or changed"),
    ],
    ids=["RegisterDelegatedAdministrator", "PutResourcePolicy"],
)
def test_a_change_of_who_may_change_guardrails_is_told(
    holdfast: Holdfast, happening: Callable[[Holdfast], None], finding: str
) -> None:
    run = the_only(runs_after(holdfast, happening))

    assert (run.states, run.end, run.outcome) == (REPORTED, SUCCEEDED, "drift found")
    assert (run.mail.attributes["severity"], run.says("Restored")) == ("page", "nothing")
    assert findings_of(run, audit=holdfast.target("Security/audit")) == {
        finding: "Nothing: Holdfast only tells of it."
    }
