"""One attachment that is wanted back at once: looked at once, and left to nobody."""

from __future__ import annotations

from tests.deployed import SUCCEEDED, Holdfast
from tests.workflow.reconcile.drifts import delete, detach
from tests.workflow.reconcile.findings import findings_of
from tests.workflow.reconcile.starting import reconcile
from tests.workflow.reconcile.ways import ATTACHED_AT_ONCE, PART_FOUND

A_MINUTE = 60.0


def attachment(holdfast: Holdfast, policy: str, path: str) -> dict[str, str]:
    """Return the scope that is about one attachment."""
    return {"kind": "attachment", "subject": f"{holdfast.policy(policy)}/{holdfast.target(path)}"}


def test_an_attachment_is_back_within_a_minute_and_nothing_else_is_touched(holdfast: Holdfast) -> None:
    with holdfast.unseen():
        detach(holdfast)
        holdfast.take("ProtectSecurityRoles", "Security")

    run = reconcile(holdfast, scope=attachment(holdfast, "DenyUnapprovedRegions", "Workloads"), at_once=True)

    assert (run.states, run.errors, run.end) == (ATTACHED_AT_ONCE, [], SUCCEEDED)
    assert (run.times[-1] - run.times[0]).total_seconds() < A_MINUTE
    assert "DenyUnapprovedRegions" in holdfast.attached("Workloads")
    assert "ProtectSecurityRoles" not in holdfast.attached("Security")
    assert (run.outcome, len(findings_of(run))) == ("reconciled", 1)
    assert " the attachment p-" in run.says("The run")


def test_an_attachment_whose_policy_is_gone_comes_back_with_all_that_the_policy_had(
    holdfast: Holdfast,
) -> None:
    before = holdfast.state()
    scope = attachment(holdfast, "ProtectSecurityRoles", "Security")
    with holdfast.unseen():
        delete(holdfast)

    run = reconcile(holdfast, scope=scope, at_once=True)

    assert (run.states, run.end) == (ATTACHED_AT_ONCE, SUCCEEDED)
    assert holdfast.state() == before


def test_an_attachment_that_the_baseline_does_not_declare_is_told_as_such(holdfast: Holdfast) -> None:
    before = holdfast.state()

    run = reconcile(holdfast, scope=attachment(holdfast, "DenyUnapprovedRegions", "Security"), at_once=True)

    assert (run.states, run.end, holdfast.state()) == (PART_FOUND, SUCCEEDED, before)
    undeclared = "the baseline does not declare “DenyUnapprovedRegions” (regions) on OU “Security”"
    assert findings_of(run, regions=holdfast.policy("DenyUnapprovedRegions")) == {
        f"Not in the baseline: {undeclared}": "Nothing: a reconciliation restores what the baseline declares."
    }
