"""Every kind of drift alone, found by a run by hand that may restore all of it; and all kinds at once."""

from __future__ import annotations

import json

import pytest

from holdfast.successors import PATH
from tests.deployed import RECONCILIATION, SCP, SUCCEEDED, Holdfast
from tests.workflow.reconcile.drifts import DRIFTS, WEAK, delete, detach, short_ids, squat, weaken
from tests.workflow.reconcile.findings import findings_of
from tests.workflow.reconcile.starting import reconcile, start
from tests.workflow.reconcile.ways import (
    ATTACHED,
    ATTACHED_AFTER_SECOND_LOOK,
    CLEAN,
    FOUND,
    LEFT_ALONE,
)

LOST_WITH_THE_TYPE = {
    "“DenyDisablingCloudTrail” (cloudtrail)": "2 targets",
    "“DenyLeaveOrganization” (leave)": "the root",
    "“ProtectSecurityRoles” (roles)": "2 targets",
    "“DenyUnapprovedRegions” (regions)": "OU “Workloads”",
}
ONE_UNKNOWN = "Unknown policies: OU “Security” has 1 policy that the baseline does not know"
NO_SLOT = (
    "Unknown policies: no slot is free on OU “Workloads”, "
    "which has 9 policies that the baseline does not know"
)
NAME_TAKEN = (
    "Name taken: squatter has taken the name of the deleted guardrail “ProtectSecurityRoles”, "
    "with another text"
)
KEPT = "Holdfast keeps the new policy in place of the old one until the baseline says so."


def test_an_organization_as_declared_is_left_alone_and_nobody_is_told(holdfast: Holdfast) -> None:
    before = holdfast.state()

    run = reconcile(holdfast)

    assert (run.states, run.errors, run.end) == (CLEAN, [], SUCCEEDED)
    assert (run.mails, holdfast.state()) == ((), before)


def test_a_disabled_type_is_switched_on_and_all_its_attachments_come_back(holdfast: Holdfast) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        DRIFTS["type disabled"](holdfast)
    lost = holdfast.state()

    run = reconcile(holdfast)

    assert lost["types"] == {}
    assert holdfast.state() == before
    assert (run.states, set(run.errors), run.end) == (ATTACHED, {"PolicyTypePendingError"}, SUCCEEDED)
    assert (run.outcome, run.mail.attributes["severity"]) == ("reconciled", "page")
    assert findings_of(run, **short_ids(holdfast)) == {
        f"Policy type disabled: policy type {SCP} was disabled": "Switched on again, confirmed.",
        **{
            f"Attachments missing: {guardrail} was missing on {where}, lost with its policy type": (
                "Attached again, confirmed."
            )
            for guardrail, where in LOST_WITH_THE_TYPE.items()
        },
    }


def test_a_deleted_policy_is_made_again_and_attached_everywhere(holdfast: Holdfast) -> None:
    before, old = holdfast.state(), holdfast.policy("ProtectSecurityRoles")
    with holdfast.unseen():
        delete(holdfast)

    run = reconcile(holdfast)

    new = holdfast.policy("ProtectSecurityRoles")
    assert (holdfast.state(), new != old) == (before, True)
    assert (run.states, run.errors, run.end) == (ATTACHED, [], SUCCEEDED)
    assert (run.outcome, run.mail.attributes["severity"]) == ("reconciled", "page")
    assert findings_of(run, old=old, new=new) == {
        "Policy deleted: “ProtectSecurityRoles” (old) was deleted": (
            "Made again as new with the declared text."
        ),
        "New id: “ProtectSecurityRoles” lives under the new id new, and the baseline still names old": KEPT,
        "Attachments missing: “ProtectSecurityRoles” (new) was missing on 2 targets, lost with its policy": (
            "Attached again, confirmed."
        ),
    }


def test_a_policy_made_again_is_written_down_and_told_until_the_baseline_names_it(holdfast: Holdfast) -> None:
    old = holdfast.policy("ProtectSecurityRoles")
    with holdfast.unseen():
        delete(holdfast)
    reconcile(holdfast)
    new = holdfast.policy("ProtectSecurityRoles")
    written = holdfast.aws.client("ssm").get_parameters_by_path(Path=PATH)["Parameters"]

    run = reconcile(holdfast)
    holdfast.declare()
    adopted = reconcile(holdfast)

    assert [(parameter["Name"], parameter["Value"]) for parameter in written] == [(f"{PATH}/{old}", new)]
    assert (run.states, run.end, run.outcome) == (FOUND, SUCCEEDED, "drift found")
    assert findings_of(run, old=old, new=new) == {
        "New id: “ProtectSecurityRoles” lives under the new id new, and the baseline still names old": KEPT
    }
    assert "holdfast snapshot" in run.mail.body
    assert (adopted.states, adopted.mails) == (CLEAN, ())


def test_a_policy_made_again_has_the_declared_words_and_the_mark_of_the_baseline(holdfast: Holdfast) -> None:
    version = reconcile(holdfast).given["Which Way?"]["baseline_version"]
    with holdfast.unseen():
        delete(holdfast)
        weaken(holdfast)

    reconcile(holdfast)

    described = [
        holdfast.organizations.describe_policy(PolicyId=holdfast.policy(name))["Policy"]["PolicySummary"]
        for name in ("ProtectSecurityRoles", "DenyLeaveOrganization")
    ]
    assert [policy["Description"] for policy in described] == [
        f"Nobody touches the security team's roles. [Holdfast baseline {version}]",
        f"No account leaves on its own. [Holdfast baseline {version}]",
    ]


def test_a_guardrail_that_is_deleted_again_is_made_again_again(holdfast: Holdfast) -> None:
    before, old = holdfast.state(), holdfast.policy("ProtectSecurityRoles")
    made = []
    for _ in range(2):
        with holdfast.unseen():
            delete(holdfast)
        reconcile(holdfast)
        made.append(holdfast.policy("ProtectSecurityRoles"))

    assert holdfast.state() == before
    assert len({old, *made}) == 3
    (parameter,) = holdfast.aws.client("ssm").get_parameters_by_path(Path=PATH)["Parameters"]
    assert (parameter["Name"], parameter["Value"]) == (f"{PATH}/{old}", made[-1])


def test_a_policy_made_again_is_protected_by_the_fast_path_under_its_new_id(holdfast: Holdfast) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        delete(holdfast)
    reconcile(holdfast)

    run = holdfast.detach("ProtectSecurityRoles", "Security")

    assert (run.outcome, holdfast.state()) == ("restored", before)


def test_a_changed_text_is_put_back(holdfast: Holdfast) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        weaken(holdfast)
    weakened = holdfast.state()

    run = reconcile(holdfast)

    assert weakened["texts"]["DenyLeaveOrganization"] == {json.dumps(json.loads(WEAK), sort_keys=True)}
    assert holdfast.state() == before
    assert (run.states, run.errors, run.end) == (FOUND, [], SUCCEEDED)
    assert (run.outcome, run.mail.attributes["severity"]) == ("reconciled", "page")
    assert findings_of(run, **short_ids(holdfast)) == {
        "Text changed: the text of “DenyLeaveOrganization” (leave) was not the declared one": (
            "The declared text was put back, confirmed."
        )
    }


def test_a_missing_attachment_is_restored_after_a_second_look(holdfast: Holdfast) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        detach(holdfast)

    run = reconcile(holdfast)

    waits = run.states.index("Wait For Second Look")
    assert holdfast.state() == before
    assert (run.states, run.errors, run.end) == (ATTACHED_AFTER_SECOND_LOOK, [], SUCCEEDED)
    assert (run.times[waits + 1] - run.times[waits]).total_seconds() == pytest.approx(90, abs=1)
    assert (run.outcome, run.mail.attributes["severity"]) == ("reconciled", "notice")
    assert run.mail.attributes["target_id"] == holdfast.target("Workloads")
    assert findings_of(run, **short_ids(holdfast)) == {
        "Attachments missing: “DenyUnapprovedRegions” (regions) was missing on OU “Workloads”": (
            "Attached again, confirmed."
        )
    }


def test_an_attachment_that_is_back_at_the_second_look_is_not_touched(holdfast: Holdfast) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        detach(holdfast)
    attached_before = len(holdfast.aws.calls.recorded("organizations", "AttachPolicy"))

    with holdfast.watch(RECONCILIATION) as runs:
        start(holdfast)
        holdfast.aws.clock.sleep(60)
        holdfast.organizations.attach_policy(
            PolicyId=holdfast.policy("DenyUnapprovedRegions"), TargetId=holdfast.target("Workloads")
        )

    run, attached = runs[0], holdfast.aws.calls.recorded("organizations", "AttachPolicy")[attached_before:]
    assert (run.states, run.end, run.mails) == (LEFT_ALONE, SUCCEEDED, ())
    assert (len(attached), holdfast.state()) == (1, before)


def test_who_did_it_is_named_with_the_event(holdfast: Holdfast) -> None:
    with holdfast.unseen():
        holdfast.take("DenyUnapprovedRegions", "Workloads", by=holdfast.role("intruder", "innocent-name"))

    run = reconcile(holdfast)

    event = holdfast.aws.trail.recorded()
    (detached,) = [one.detail for one in event if one.detail["eventName"] == "DetachPolicy"][-1:]
    assert f"event {detached['eventID']}" in run.says("Done by")
    assert run.says("Done by").startswith("role “intruder”")


def test_a_new_name_is_told_and_left(holdfast: Holdfast) -> None:
    known = short_ids(holdfast)
    with holdfast.unseen():
        DRIFTS["renamed"](holdfast)
    renamed = holdfast.state()

    run = reconcile(holdfast)

    assert (run.states, run.end, holdfast.state()) == (FOUND, SUCCEEDED, renamed)
    assert (run.outcome, run.mail.attributes["severity"]) == ("drift found", "notice")
    assert findings_of(run, **known) == {
        "Renamed: “DenyDisablingCloudTrail” (cloudtrail) now has the name “Harmless”": (
            "Nothing: names and descriptions are only told."
        )
    }


def test_an_unknown_policy_is_told_with_the_free_slots_and_left(holdfast: Holdfast) -> None:
    with holdfast.unseen():
        DRIFTS["slot filled"](holdfast)
    filled = holdfast.state()

    run = reconcile(holdfast)

    assert (run.states, run.end, holdfast.state()) == (FOUND, SUCCEEDED, filled)
    assert (run.outcome, run.mail.attributes["severity"]) == ("drift found", "notice")
    assert findings_of(run) == {
        f"{ONE_UNKNOWN} ({SCP}, 7 free slots)": ("Nothing: Holdfast detaches nothing.")
    }
    assert f"   - {holdfast.policy('Filler')} “Filler”" in run.mail.body


def test_a_full_target_is_told_with_who_fills_it_and_what_cannot_come_back(holdfast: Holdfast) -> None:
    """The attack: fill all slots, then detach."""
    with holdfast.unseen():
        holdfast.take("DenyUnapprovedRegions", "Workloads")
        for number in range(9):
            holdfast.stranger(f"Filler {number}", "Workloads")
    filled = holdfast.state()

    run = reconcile(holdfast)

    assert (run.end, run.outcome, holdfast.state()) == (("FAILED", "ReconciliationFailed"), "failed", filled)
    found = findings_of(run, **short_ids(holdfast))
    assert list(found) == [
        "Attachments missing: “DenyUnapprovedRegions” (regions) could not be attached to OU “Workloads”",
        f"{NO_SLOT} ({SCP})",
    ]
    assert "“AttachmentQuotaExceededError”" in next(iter(found.values()))
    assert all(
        f"   - {holdfast.policy(f'Filler {number}')} “Filler {number}”" in run.mail.body
        for number in range(9)
    )


def test_a_target_that_is_gone_is_told_and_no_error(holdfast: Holdfast) -> None:
    unit = holdfast.unit("Doomed")
    with holdfast.unseen():
        holdfast.guardrail("DenyDoom", "Doomed")
        holdfast.organizations.delete_organizational_unit(OrganizationalUnitId=unit)
    before = holdfast.state()

    run = reconcile(holdfast)

    assert (run.end, run.outcome, holdfast.state()) == (SUCCEEDED, "drift found", before)
    assert run.mail.attributes["severity"] == "notice"
    assert findings_of(run, unit=unit) == {
        "Target gone: OU unit is no longer in the organization": (
            "Nothing: there is nothing to attach a policy to."
        )
    }


def test_a_name_that_was_taken_is_told_with_who_has_it_and_the_guardrail_gets_another(
    holdfast: Holdfast,
) -> None:
    before, old = holdfast.state(), holdfast.policy("ProtectSecurityRoles")
    with holdfast.unseen():
        squat(holdfast)
    squatter = holdfast.policy("ProtectSecurityRoles")

    run = reconcile(holdfast)

    name = f"ProtectSecurityRoles (Holdfast {holdfast.aws.clock.now():%Y-%m-%d})"
    new, declared = holdfast.policy(name), before["texts"]["ProtectSecurityRoles"]
    after = holdfast.state()
    assert after["texts"][name] == declared
    assert after["attached"] == {
        path: {name if attached == "ProtectSecurityRoles" else attached for attached in policies}
        for path, policies in before["attached"].items()
    }
    assert holdfast.text("ProtectSecurityRoles") == json.dumps(json.loads(WEAK), sort_keys=True)
    assert (run.states, run.end, run.mail.attributes["severity"]) == (ATTACHED, SUCCEEDED, "page")
    assert findings_of(run, old=old, new=new, squatter=squatter) == {
        NAME_TAKEN: (
            "The guardrail was made again under another name. Nothing was done to squatter: Holdfast touches "
            "guardrails only."
        ),
        "Policy deleted: “ProtectSecurityRoles” (old) was deleted": (
            "Made again as new with the declared text, under another name, as its own is taken."
        ),
        "New id: “ProtectSecurityRoles” lives under the new id new, and the baseline still names old": KEPT,
        "Attachments missing: “ProtectSecurityRoles” (new) was missing on 2 targets, lost with its policy": (
            "Attached again, confirmed."
        ),
    }


def test_everything_at_once_is_restored_in_one_run(holdfast: Holdfast) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        for kind in ("text changed", "slot filled", "policy deleted", "type disabled"):
            DRIFTS[kind](holdfast)

    run = reconcile(holdfast)

    assert holdfast.state() == before
    assert (run.states, run.end, run.outcome) == (ATTACHED, SUCCEEDED, "reconciled")
    assert run.says("Restored") == (
        "1 policy type switched on, 1 policy made again, 1 text put back, 6 attachments restored, confirmed"
    )
