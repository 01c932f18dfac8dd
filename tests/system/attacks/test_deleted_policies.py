"""Guardrails whose policy is deleted, whose name is taken, and whose place an attacker wants to fill."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deployed import Holdfast
from tests.system.attacks.stories import (
    attack,
    create,
    findings,
    successor_of,
    told,
)

pytestmark = pytest.mark.long


def test_detached_everywhere_and_deleted_it_is_made_again_and_attached_everywhere(
    holdfast: Holdfast, intruder: Any
) -> None:
    before, old = holdfast.state(), holdfast.policy("DenyDisablingCloudTrail")

    with attack(holdfast) as aftermath:
        for path in ("Root", "Workloads/Prod"):
            holdfast.take("DenyDisablingCloudTrail", path, by=intruder)
        intruder.delete_policy(PolicyId=old)

    assert told(aftermath.fast) == [
        "page: FAILED: DenyDisablingCloudTrail on OU Workloads/Prod [by Intruder]",
        "page: FAILED: DenyDisablingCloudTrail on the root [by Intruder]",
    ]
    assert told(aftermath.slow) == [
        "page: Reconciled: 1 policy made again, 2 attachments restored [by Intruder]"
    ]
    new = holdfast.policy("DenyDisablingCloudTrail")
    assert (new != old, successor_of(holdfast, old), holdfast.state()) == (True, new, before)


def test_what_was_made_again_is_guarded_under_its_new_id_until_the_baseline_names_it(
    holdfast: Holdfast, intruder: Any
) -> None:
    before, old = holdfast.state(), holdfast.policy("DenyLeaveOrganization")
    with attack(holdfast):
        holdfast.take("DenyLeaveOrganization", "Root", by=intruder)
        intruder.delete_policy(PolicyId=old)

    again = holdfast.detach("DenyLeaveOrganization", "Root", by=intruder)
    asking = holdfast.reconcile()
    holdfast.declare()
    adopted = holdfast.reconcile()

    assert told([again]) == ["notice: Restored: DenyLeaveOrganization on the root [by Intruder]"]
    assert again.says("New id").startswith(f"the baseline still names {old}, which was deleted")
    assert "holdfast snapshot" in again.says("New id")
    new = holdfast.policy("DenyLeaveOrganization")
    assert findings(asking) == [
        f"New id: “DenyLeaveOrganization” lives under the new id {new}, and the baseline still names {old}"
    ]
    assert "holdfast snapshot" in asking.mail.body
    assert (adopted.mails, holdfast.state()) == ((), before)


def test_deleted_again_and_again_it_is_made_again_each_time(holdfast: Holdfast, intruder: Any) -> None:
    before, declared = holdfast.state(), holdfast.policy("DenyUnapprovedRegions")

    for _ in range(2):
        with attack(holdfast) as aftermath:
            holdfast.take("DenyUnapprovedRegions", "Workloads", by=intruder)
            intruder.delete_policy(PolicyId=holdfast.policy("DenyUnapprovedRegions"))

        assert told(aftermath.slow) == [
            "page: Reconciled: 1 policy made again, 1 attachment restored [by Intruder]"
        ]
        assert holdfast.state() == before
    assert successor_of(holdfast, declared) == holdfast.policy("DenyUnapprovedRegions")


def test_a_squatted_name_is_told_and_the_guardrail_lives_beside_it_under_a_dated_name(
    holdfast: Holdfast, intruder: Any
) -> None:
    today, old = holdfast.aws.clock.now().date(), holdfast.policy("DenyLeaveOrganization")
    before, text = holdfast.attached("Root"), holdfast.text("DenyLeaveOrganization")

    with attack(holdfast) as aftermath:
        holdfast.take("DenyLeaveOrganization", "Root", by=intruder)
        intruder.delete_policy(PolicyId=old)
        squatter = create(intruder, "DenyLeaveOrganization")

    dated = f"DenyLeaveOrganization (Holdfast {today})"
    (run,), new, root = aftermath.slow, holdfast.policy(dated), holdfast.target("Root")
    name = "“DenyLeaveOrganization”"
    assert findings(run) == [
        f"Name taken: {squatter} has taken the name of the deleted guardrail {name}, with another text",
        f"Policy deleted: {name} ({old}) was deleted",
        f"New id: {name} lives under the new id {new}, and the baseline still names {old}",
        f"Attachments missing: {name} ({new}) was missing on the root ({root}), lost with its policy",
    ]
    assert run.mail.attributes["severity"] == "page"
    assert holdfast.attached("Root") == before - {"DenyLeaveOrganization"} | {dated}
    assert holdfast.text(dated) == text

    intruder.delete_policy(PolicyId=squatter)
    holdfast.organizations.update_policy(PolicyId=holdfast.policy(dated), Name="DenyLeaveOrganization")


def test_a_policy_of_the_attackers_choice_never_takes_a_guardrails_place(
    holdfast: Holdfast, intruder: Any
) -> None:
    before, guardrail = holdfast.state(), holdfast.policy("DenyLeaveOrganization")
    forged = create(intruder, "Forged")
    text = holdfast.text("Forged")
    holdfast.aws.client("ssm").put_parameter(
        Name=f"/holdfast/successors/{guardrail}", Value=forged, Type="String"
    )

    detached = holdfast.detach("DenyLeaveOrganization", "Root", by=intruder)
    looked = holdfast.reconcile()
    with attack(holdfast) as aftermath:
        holdfast.take("DenyLeaveOrganization", "Root", by=intruder)
        intruder.delete_policy(PolicyId=guardrail)

    assert told([detached]) == ["notice: Restored: DenyLeaveOrganization on the root [by Intruder]"]
    (place_taken,) = findings(looked)
    assert place_taken.startswith(
        f"Place taken: {forged} was put in the place of the guardrail “DenyLeaveOrganization” ({guardrail})"
    )
    assert told(aftermath.slow) == [
        "page: Reconciled: 1 policy made again, 1 attachment restored [by Intruder]"
    ]
    assert (holdfast.state(), holdfast.text("Forged")) == (before, text)
    intruder.delete_policy(PolicyId=forged)


def test_a_place_that_the_attacker_took_before_deleting_the_guardrail_is_taken_back(
    holdfast: Holdfast, intruder: Any
) -> None:
    before, guardrail = holdfast.state(), holdfast.policy("DenyUnapprovedRegions")

    with attack(holdfast) as aftermath:
        forged = create(intruder, "Forged")
        holdfast.aws.client("ssm").put_parameter(
            Name=f"/holdfast/successors/{guardrail}", Value=forged, Type="String"
        )
        holdfast.take("DenyUnapprovedRegions", "Workloads", by=intruder)
        intruder.delete_policy(PolicyId=guardrail)

    (run,) = aftermath.slow
    assert run.mail.attributes["severity"] == "page"
    assert f"{forged} was put in the place of the guardrail" in run.mail.body
    assert successor_of(holdfast, guardrail) == holdfast.policy("DenyUnapprovedRegions")
    assert holdfast.state() == before
    intruder.delete_policy(PolicyId=forged)
