"""What is off under an exemption: told in every run, left as it is, and drift again from the end on."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from holdfast.exemption import name_of
from holdfast.timestamps import format_timestamp
from localaws.gateway import ApiError
from tests.deployed import SCP, SUCCEEDED, Holdfast, Run
from tests.workflow.reconcile.drifts import detach, disable_type, short_ids
from tests.workflow.reconcile.findings import findings_of
from tests.workflow.reconcile.starting import reconcile
from tests.workflow.reconcile.ways import (
    ATTACHED,
    ATTACHED_AFTER_SECOND_LOOK,
    FOUND_TWICE,
)

pytestmark = pytest.mark.long

WORKLOADS = ("DenyUnapprovedRegions", "Workloads")
LEFT = "Not attached: it may be off until then."
IGNORED = "It is ignored: what it was meant to exempt is restored."


def exempt(holdfast: Holdfast, name: str, hours: float, reason: str = "the region moves") -> str:
    """Write an exemption by hand, and return its end."""
    until = format_timestamp(holdfast.aws.clock.now() + timedelta(hours=hours))
    value = json.dumps({"until": until, "reason": reason})
    holdfast.aws.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
    return until


def of(holdfast: Holdfast, policy: str, path: str) -> str:
    """Return the name of an attachment's exemption."""
    return name_of(holdfast.policy(policy), holdfast.target(path))


def later(holdfast: Holdfast, hours: float) -> Run:
    """Return what a run of the whole baseline does some hours later."""
    with holdfast.aws.clock.working():
        holdfast.aws.clock.sleep(3_600 * hours)
    return reconcile(holdfast)


def test_an_exempt_attachment_is_told_and_left_and_restored_after_the_end(holdfast: Holdfast) -> None:
    before = holdfast.state()
    until = exempt(holdfast, of(holdfast, *WORKLOADS), hours=0.25)
    with holdfast.unseen():
        detach(holdfast)

    first, second = reconcile(holdfast), later(holdfast, 0.1)
    off = "DenyUnapprovedRegions" not in holdfast.attached("Workloads")
    after = later(holdfast, 0.1)

    title = "“DenyUnapprovedRegions” (regions) on OU “Workloads” is off under an exemption until"
    expected = {f"Exempt: {title} {until}, because “the region moves”": LEFT}
    ids = short_ids(holdfast)
    assert [(run.states, run.end) for run in (first, second)] == [(FOUND_TWICE, SUCCEEDED)] * 2
    assert [findings_of(run, **ids) for run in (first, second)] == [expected] * 2
    assert [run.mail.attributes["severity"] for run in (first, second)] == ["notice", "notice"]
    assert f"holdfast exempt revoke {ids['regions']} {holdfast.target('Workloads')}" in first.mail.body
    assert off
    assert (after.states, after.outcome) == (ATTACHED_AFTER_SECOND_LOOK, "reconciled")
    assert holdfast.state() == before


def test_what_has_no_exemption_is_restored_beside_what_has_one(holdfast: Holdfast) -> None:
    exempt(holdfast, of(holdfast, *WORKLOADS), hours=2)
    with holdfast.unseen():
        detach(holdfast)
        holdfast.take("DenyLeaveOrganization", "Root")

    run = reconcile(holdfast)

    assert (run.states, run.outcome) == (ATTACHED_AFTER_SECOND_LOOK, "reconciled")
    assert "DenyLeaveOrganization" in holdfast.attached("Root")
    assert "DenyUnapprovedRegions" not in holdfast.attached("Workloads")


def test_a_type_that_was_disabled_comes_back_without_what_is_exempt(holdfast: Holdfast) -> None:
    before = holdfast.state()
    exempt(holdfast, name_of(holdfast.policy("ProtectSecurityRoles"), None), hours=2)
    with holdfast.unseen():
        disable_type(holdfast)

    run = reconcile(holdfast)
    meanwhile = holdfast.state()
    after = later(holdfast, 2)

    places = ("Security", "Workloads/Prod/payments-prod")
    assert (run.states, run.end, run.outcome) == (ATTACHED, SUCCEEDED, "reconciled")
    assert meanwhile["types"] == {SCP: {"ENABLED"}}
    assert meanwhile["attached"] == {
        path: names - {"ProtectSecurityRoles"} if path in places else names
        for path, names in before["attached"].items()
    }
    assert any(title.startswith("Exempt: “ProtectSecurityRoles”") for title in findings_of(run))
    assert (after.outcome, holdfast.state()) == ("reconciled", before)


def test_a_broken_exemption_is_told_in_a_clean_run_and_exempts_nothing(holdfast: Holdfast) -> None:
    before = holdfast.state()
    exempt(holdfast, of(holdfast, *WORKLOADS), hours=2, reason=" ")
    name = of(holdfast, *WORKLOADS)

    clean = reconcile(holdfast)
    with holdfast.unseen():
        detach(holdfast)
    run = reconcile(holdfast)

    problem = "“reason: got ' ', expected why, in words”"
    broken = {f"Broken exemption: the parameter “{name}” is no exemption: {problem}": IGNORED}
    assert (clean.outcome, clean.mail.attributes["severity"]) == ("drift found", "notice")
    assert f"aws ssm delete-parameter --name {name}" in clean.mail.body
    assert "Note: the parameter" in clean.mail.subject
    assert broken.items() <= findings_of(run).items()
    assert (run.outcome, holdfast.state()) == ("reconciled", before)


def test_exemptions_that_may_not_be_read_are_none_and_that_is_told(holdfast: Holdfast) -> None:
    before = holdfast.state()
    exempt(holdfast, of(holdfast, *WORKLOADS), hours=2)
    with holdfast.unseen():
        detach(holdfast)
    denied = ApiError("AccessDeniedException", "You may not.")
    # Take Turn and both looks read the successors before.
    holdfast.aws.faults.fail_call("ssm", "GetParametersByPath", denied, spared=3)

    run = reconcile(holdfast)

    assert (run.outcome, run.mail.attributes["severity"], holdfast.state()) == ("reconciled", "page", before)
    refused = "“ssm GetParametersByPath: AccessDeniedException: You may not.”"
    unread, *_ = findings_of(run)
    assert unread == f"Exemptions not read: exemptions could not be read: {refused}"
