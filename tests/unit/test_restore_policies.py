from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest

import restore_policies
from holdfast.attachment import LivePolicy, PolicyType
from holdfast.baseline import Baseline
from holdfast.errors import (
    BaselineChangedError,
    HoldfastError,
    OrganizationsBusyError,
    OrganizationsRefusedError,
    OrganizationsThrottledError,
    PermissionMissingError,
    PolicyNotVisibleError,
    ServiceBusyError,
    ServiceRefusedError,
)
from holdfast.reconciliation.drift import Drift, Impostor, Plan
from holdfast.reconciliation.run import RestoredPolicies, parse_reconciliation
from tests.unit.examples import DENY_ALL, example_baseline
from tests.unit.restorable_organization import (
    Clock,
    FailingOnce,
    RememberedSuccessors,
    RestorableOrganization,
    run_document,
)

SCP = PolicyType.SERVICE_CONTROL_POLICY
LEAVE, TRAIL, REGIONS, ROLES, TLS = range(5)
BASELINE = replace(example_baseline(), version="0123456789ab")
MARK = "[Holdfast baseline 0123456789ab]"
CANONICAL = '{"Statement":[{"Action":"*","Effect":"Deny","Resource":"*"}],"Version":"2012-10-17"}'
WEAK = json.dumps({"Version": "2012-10-17", "Statement": []})
NOTHING: dict[str, Any] = {"recreated": {}, "found": {}, "rewritten": [], "renamed": [], "refused": []}
BUSY = OrganizationsBusyError("Some", "ConcurrentModificationException", "later")


def scp(policy_id: str, name: str, content: str = DENY_ALL, description: str = "") -> LivePolicy:
    return LivePolicy(policy_id, name, description, SCP, content)


def described(index: int, description: str) -> Baseline:
    guardrails = list(BASELINE.guardrails)
    guardrails[index] = replace(guardrails[index], description=description)
    return replace(BASELINE, guardrails=tuple(guardrails))


class Deployed:
    """The task, deployed with a baseline into an organization; `restore` runs it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.organization = RestorableOrganization()
        self.successors = RememberedSuccessors()
        self.baseline = BASELINE
        monkeypatch.setattr(restore_policies, "load_baseline", lambda _: self.baseline)
        monkeypatch.setattr(restore_policies, "connect_paced", lambda: self.organization)
        monkeypatch.setattr(restore_policies, "connect_successors", lambda: self.successors)
        clock = Clock()
        monkeypatch.setattr(time, "sleep", clock.sleep)
        monkeypatch.setattr(time, "monotonic", clock.monotonic)

    def has(self, *policies: LivePolicy) -> None:
        """Put policies into the organization."""
        self.organization.policies |= {policy.policy_id: policy for policy in policies}

    def document(
        self,
        *,
        gone: tuple[int, ...] = (),
        changed: tuple[int, ...] = (),
        impostors: tuple[Impostor, ...] = (),
    ) -> dict[str, Any]:
        """Return the run in which this was found, all of it planned."""
        taken = (impostor.guardrail for impostor in impostors)
        planned = Plan(policies=tuple(sorted({*gone, *changed, *taken})))
        return run_document(self.baseline, planned, Drift(gone=gone, changed=changed, impostors=impostors))

    def restore(
        self,
        *,
        gone: tuple[int, ...] = (),
        changed: tuple[int, ...] = (),
        impostors: tuple[Impostor, ...] = (),
    ) -> dict[str, Any]:
        """Run the task after this was found."""
        return restore_policies.handler(self.document(gone=gone, changed=changed, impostors=impostors), None)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    return Deployed(monkeypatch)


def test_where_nothing_is_planned_no_call_is_made(deployed: Deployed) -> None:
    assert deployed.restore() == NOTHING
    assert restore_policies.handler(deployed.document() | {"drift": None}, None) == NOTHING
    assert deployed.organization.calls == []


def test_a_deleted_policy_is_made_again_as_declared(deployed: Deployed) -> None:
    deployed.baseline = described(REGIONS, "Nobody leaves Europe.")
    assert deployed.restore(gone=(REGIONS,)) == NOTHING | {"recreated": {"2": "p-new00001"}}
    assert deployed.organization.policies == {
        "p-new00001": scp("p-new00001", "DenyUnapprovedRegions", CANONICAL, f"Nobody leaves Europe. {MARK}")
    }
    assert deployed.successors.known == {"p-7dj3cien": "p-new00001"}
    assert deployed.organization.calls == [
        "DescribePolicy p-7dj3cien",
        "CreatePolicy DenyUnapprovedRegions",
        "DescribePolicy p-new00001",
    ]


def test_where_no_description_is_declared_the_mark_is_the_description(deployed: Deployed) -> None:
    deployed.restore(gone=(TLS,))
    assert deployed.organization.policies == {
        "p-new00001": LivePolicy(
            "p-new00001", "RequireTls", MARK, PolicyType.RESOURCE_CONTROL_POLICY, CANONICAL
        )
    }


def test_a_successor_that_was_deleted_is_made_again_under_the_declared_id(deployed: Deployed) -> None:
    deployed.successors.known = {"p-7dj3cien": "p-new00000"}
    assert deployed.restore(gone=(REGIONS,)) == NOTHING | {"recreated": {"2": "p-new00001"}}
    assert deployed.successors.known == {"p-7dj3cien": "p-new00001"}
    assert deployed.organization.calls[0] == "DescribePolicy p-new00000"


def test_a_policy_of_that_name_and_text_is_adopted(deployed: Deployed) -> None:
    deployed.has(scp("p-somebodys", "DenyUnapprovedRegions"))
    assert deployed.restore(gone=(REGIONS,)) == NOTHING | {"found": {"2": "p-somebodys"}}
    assert deployed.successors.known == {"p-7dj3cien": "p-somebodys"}
    assert set(deployed.organization.policies) == {"p-somebodys"}


def test_a_squatted_name_is_left_to_its_holder(deployed: Deployed) -> None:
    deployed.has(scp("p-squatter1", "DenyUnapprovedRegions", WEAK))
    assert deployed.restore(gone=(REGIONS,)) == NOTHING | {
        "recreated": {"2": "p-new00001"},
        "renamed": [REGIONS],
    }
    assert deployed.organization.policies == {
        "p-squatter1": scp("p-squatter1", "DenyUnapprovedRegions", WEAK),
        "p-new00001": scp("p-new00001", "DenyUnapprovedRegions (Holdfast 2026-11-22)", CANONICAL, MARK),
    }


def test_a_dated_policy_of_an_older_recreation_is_ours(deployed: Deployed) -> None:
    deployed.has(
        scp("p-squatter1", "DenyUnapprovedRegions", WEAK),
        scp("p-olderone1", "DenyUnapprovedRegions (Holdfast 2026-10-01)"),
    )
    assert deployed.restore(gone=(REGIONS,)) == NOTHING | {
        "found": {"2": "p-olderone1"},
        "renamed": [REGIONS],
    }
    assert deployed.successors.known == {"p-7dj3cien": "p-olderone1"}


def test_a_squatted_dated_name_is_refused_and_names_its_holder(deployed: Deployed) -> None:
    dated = "DenyUnapprovedRegions (Holdfast 2026-11-22)"
    deployed.has(
        scp("p-squatter1", "DenyUnapprovedRegions", WEAK),
        scp("p-squatter2", dated, WEAK),
    )
    assert deployed.restore(gone=(LEAVE, REGIONS)) == NOTHING | {
        "recreated": {"0": "p-new00001"},
        "refused": [
            {
                "error": "PolicyNameTakenError",
                "message": "CreatePolicy: DuplicatePolicyException: "
                f"“{dated}” is the name of p-squatter2, which has another text",
                "items": [REGIONS],
            }
        ],
    }


def test_a_name_that_no_list_shows_yet_is_waited_for(deployed: Deployed) -> None:
    deployed.has(scp("p-somebodys", "DenyUnapprovedRegions"))
    deployed.organization.hidden["DenyUnapprovedRegions"] = 1
    with pytest.raises(PolicyNotVisibleError) as raised:
        deployed.restore(gone=(REGIONS,))
    assert str(raised.value) == "“DenyUnapprovedRegions” is taken, and no list shows by which policy yet"
    assert deployed.restore(gone=(REGIONS,)) == NOTHING | {"found": {"2": "p-somebodys"}}


def test_a_dated_name_that_no_list_shows_yet_is_waited_for(deployed: Deployed) -> None:
    dated = "DenyUnapprovedRegions (Holdfast 2026-11-22)"
    deployed.has(scp("p-squatter1", "DenyUnapprovedRegions", WEAK), scp("p-otherrun1", dated))
    deployed.organization.hidden[dated] = 1
    with pytest.raises(PolicyNotVisibleError):
        deployed.restore(gone=(REGIONS,))
    assert deployed.restore(gone=(REGIONS,))["found"] == {"2": "p-otherrun1"}


def test_a_listed_policy_that_cannot_be_read_yet_is_waited_for(deployed: Deployed) -> None:
    deployed.has(scp("p-somebodys", "DenyUnapprovedRegions"))
    deployed.organization.hidden["p-somebodys"] = 1
    with pytest.raises(PolicyNotVisibleError):
        deployed.restore(gone=(REGIONS,))
    assert deployed.restore(gone=(REGIONS,))["found"] == {"2": "p-somebodys"}


def test_a_new_policy_that_does_not_show_is_looked_at_again(deployed: Deployed) -> None:
    deployed.organization.hidden["p-new00001"] = 2
    assert deployed.restore(gone=(REGIONS,)) == NOTHING | {"recreated": {"2": "p-new00001"}}


def test_a_new_policy_that_does_not_show_for_long_is_never_made_twice(deployed: Deployed) -> None:
    deployed.organization.hidden["p-new00001"] = 6
    for _ in range(2):
        with pytest.raises(PolicyNotVisibleError):
            deployed.restore(gone=(REGIONS,))
    # The task that begins again tells what the first try did.
    assert deployed.restore(gone=(REGIONS,)) == NOTHING | {"recreated": {"2": "p-new00001"}}
    assert set(deployed.organization.policies) == {"p-new00001"}


def test_a_changed_text_is_put_back_beside_the_old_description(deployed: Deployed) -> None:
    deployed.has(scp("p-7dj3cien", "DenyUnapprovedRegions", WEAK, "As it was."))
    assert deployed.restore(changed=(REGIONS,)) == NOTHING | {"rewritten": [REGIONS]}
    assert deployed.organization.policies == {
        "p-7dj3cien": scp("p-7dj3cien", "DenyUnapprovedRegions", CANONICAL, f"As it was. {MARK}")
    }
    assert deployed.successors.known == {}


@pytest.mark.parametrize("declared", ["", "As declared."])
def test_a_changed_text_is_put_back_with_the_declared_description(declared: str, deployed: Deployed) -> None:
    deployed.baseline = described(REGIONS, declared)
    deployed.has(scp("p-7dj3cien", "Temporary", "not json", "Do not touch!"))
    deployed.restore(changed=(REGIONS,))
    description = f"{declared} {MARK}".strip()
    assert deployed.organization.policies == {
        "p-7dj3cien": scp("p-7dj3cien", "Temporary", CANONICAL, description)
    }


def test_a_text_that_is_weakened_again_is_not_taken_for_restored(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.has(scp("p-7dj3cien", "DenyUnapprovedRegions", WEAK))
    monkeypatch.setattr(deployed.organization, "update_text", lambda *_: None)
    with pytest.raises(PolicyNotVisibleError) as raised:
        deployed.restore(changed=(REGIONS,))
    assert str(raised.value) == "p-7dj3cien does not show its declared text yet"


def test_what_is_as_declared_already_is_left_alone(deployed: Deployed) -> None:
    deployed.has(scp("p-7dj3cien", "DenyUnapprovedRegions"))
    assert deployed.restore(changed=(REGIONS,)) == NOTHING
    assert deployed.organization.calls == ["DescribePolicy p-7dj3cien"]


def test_a_read_that_still_shows_a_deleted_policy_is_not_believed(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids are never used again, so only the attempt to create it tells which of two reads is older."""
    stale, policy = scp("p-7dj3cien", "DenyUnapprovedRegions"), deployed.organization.policy
    monkeypatch.setattr(
        deployed.organization, "policy", lambda wanted: stale if wanted == "p-7dj3cien" else policy(wanted)
    )
    assert deployed.restore(gone=(REGIONS,)) == NOTHING | {"recreated": {"2": "p-new00001"}}
    assert deployed.successors.known == {"p-7dj3cien": "p-new00001"}


def test_a_policy_that_was_there_after_all_is_left_alone(deployed: Deployed) -> None:
    deployed.has(scp("p-7dj3cien", "DenyUnapprovedRegions"))
    assert deployed.restore(gone=(REGIONS,)) == NOTHING
    assert (set(deployed.organization.policies), deployed.successors.known) == ({"p-7dj3cien"}, {})


def test_a_successor_that_somebody_wrote_down_meanwhile_is_found(deployed: Deployed) -> None:
    deployed.successors.known = {"p-7dj3cien": "p-somebodys"}
    deployed.has(scp("p-somebodys", "DenyUnapprovedRegions"))
    assert deployed.restore(gone=(REGIONS,)) == NOTHING | {"found": {"2": "p-somebodys"}}


@pytest.mark.parametrize("name", ["DenyUnapprovedRegions", "DenyUnapprovedRegions (Holdfast 2026-10-01)"])
def test_a_successors_weakened_text_is_put_back(name: str, deployed: Deployed) -> None:
    deployed.successors.known = {"p-7dj3cien": "p-olderone1"}
    deployed.has(scp("p-olderone1", name, WEAK))
    assert deployed.restore(changed=(REGIONS,)) == NOTHING | {"rewritten": [REGIONS]}
    assert deployed.organization.policies["p-olderone1"].content == CANONICAL


@pytest.mark.parametrize("name", ["Innocent", "Innocent (Holdfast 2026-10-01)"])
def test_whoever_writes_a_successor_cannot_have_another_policy_overwritten(
    name: str, deployed: Deployed
) -> None:
    deployed.successors.known = {"p-7dj3cien": "p-innocent1"}
    deployed.has(scp("p-innocent1", name, WEAK))
    assert deployed.restore(changed=(REGIONS,)) == NOTHING | {
        "refused": [
            {
                "error": "ChangedSuccessorError",
                "message": "p-innocent1 stands in the place of p-7dj3cien, has another text than its "
                f"document, and is called “{name}”: it may not be the policy that Holdfast made",
                "items": [REGIONS],
            }
        ]
    }
    assert deployed.organization.policies["p-innocent1"].content == WEAK


def test_a_refused_policy_does_not_hold_back_the_others(deployed: Deployed) -> None:
    deployed.has(scp("p-7dj3cien", "DenyUnapprovedRegions", WEAK))
    deployed.organization.refused = {
        "CreatePolicy DenyLeaveOrganization": PermissionMissingError("CreatePolicy", "AccessDenied", "no"),
        "UpdatePolicy p-7dj3cien": OrganizationsRefusedError("UpdatePolicy", "MalformedPolicy", "bad"),
    }
    assert deployed.restore(gone=(LEAVE, TRAIL), changed=(REGIONS,)) == NOTHING | {
        "recreated": {"1": "p-new00001"},
        "refused": [
            {
                "error": "PermissionMissingError",
                "message": "CreatePolicy: AccessDenied: no",
                "items": [LEAVE],
            },
            {
                "error": "OrganizationsRefusedError",
                "message": "UpdatePolicy: MalformedPolicy: bad",
                "items": [REGIONS],
            },
        ],
    }


FORGED = Impostor(REGIONS, "p-forged0001")


@pytest.mark.parametrize("text", [CANONICAL, WEAK], ids=["as declared", "weakened"])
def test_a_place_that_an_impostor_took_is_given_back_to_the_policy_that_is_there(
    text: str, deployed: Deployed
) -> None:
    forged = scp("p-forged0001", "Forged", WEAK)
    deployed.successors.known = {"p-7dj3cien": "p-forged0001"}
    deployed.has(forged, scp("p-7dj3cien", "DenyUnapprovedRegions", text))
    changed = () if text == CANONICAL else (REGIONS,)

    restored = deployed.restore(impostors=(FORGED,), changed=changed)

    assert restored == NOTHING | {"rewritten": list(changed)}
    assert BASELINE.adopting(deployed.successors.known) == BASELINE
    assert deployed.organization.policies["p-7dj3cien"].content == CANONICAL
    assert deployed.organization.policies["p-forged0001"] == forged


def test_a_place_that_an_impostor_took_is_given_to_the_policy_that_is_made_again(deployed: Deployed) -> None:
    deployed.successors.known = {"p-7dj3cien": "p-forged0001"}
    deployed.has(scp("p-forged0001", "Forged", WEAK))

    restored = deployed.restore(impostors=(FORGED,), gone=(REGIONS,))

    assert restored == NOTHING | {"recreated": {"2": "p-new00001"}}
    assert deployed.successors.known == {"p-7dj3cien": "p-new00001"}


def test_a_successor_that_cannot_be_written_down_is_a_refusal(deployed: Deployed) -> None:
    deployed.successors.refused = ServiceRefusedError("ssm", "PutParameter", "AccessDenied", "no")
    assert [entry["error"] for entry in deployed.restore(gone=(REGIONS,))["refused"]] == [
        "ServiceRefusedError"
    ]
    deployed.successors.refused = None
    assert deployed.restore(gone=(REGIONS,)) == NOTHING | {"found": {"2": "p-new00001"}}
    assert set(deployed.organization.policies) == {"p-new00001"}


@pytest.mark.parametrize(
    "error",
    [
        BUSY,
        OrganizationsThrottledError("CreatePolicy", "TooManyRequestsException", "slow down"),
        ServiceBusyError("ssm", "PutParameter", "ThrottlingException", "slow down"),
    ],
)
def test_what_may_pass_is_left_to_the_state_machine(error: HoldfastError, deployed: Deployed) -> None:
    deployed.organization.disturb = FailingOnce(1, error, after=False)
    with pytest.raises(type(error)):
        deployed.restore(gone=(REGIONS,))


def test_another_baseline_than_the_runs_is_refused(deployed: Deployed) -> None:
    document = deployed.document(gone=(REGIONS,))
    deployed.baseline = replace(BASELINE, version="ffffffffffff")
    with pytest.raises(BaselineChangedError):
        restore_policies.handler(document, None)


def harmed(deployed: Deployed, disturb: FailingOnce | None = None) -> Deployed:
    """Harm the organization in every way, and let a call of any kind fail."""
    organization = RestorableOrganization(
        [
            scp("p-squatter1", "DenyDisablingCloudTrail", WEAK),
            scp("p-7dj3cien", "DenyUnapprovedRegions", WEAK, "As it was."),
            scp("p-somebodys", "ProtectSecurityRoles"),
        ]
    )
    deployed.organization, deployed.successors = (
        organization,
        RememberedSuccessors({"p-rcptls00001": "p-new00000"}),
    )
    if disturb is not None:
        organization.disturb = deployed.successors.disturb = disturb
    return deployed


HARM: dict[str, Any] = {"gone": (LEAVE, TRAIL, ROLES, TLS), "changed": (REGIONS,)}


def told(part: dict[str, Any]) -> tuple[dict[str, str], Any, Any, Any]:
    """Return what is told; a policy whose making was forgotten is told as found."""
    return part["recreated"] | part["found"], part["rewritten"], part["renamed"], part["refused"]


def ended(deployed: Deployed, part: dict[str, Any]) -> object:
    """Return how it ended, without new policies' ids: what is broken off comes last."""
    policies = deployed.organization.policies
    names = {policy_id: policy.name for policy_id, policy in policies.items()}
    made, *rest = told(part)
    return (
        {index: names[policy_id] for index, policy_id in made.items()},
        rest,
        sorted((policy.name, policy.content, policy.description) for policy in policies.values()),
        {old: names[new] for old, new in deployed.successors.known.items()},
    )


@pytest.mark.parametrize("after", [False, True])
def test_wherever_it_is_broken_off_it_ends_the_same_and_nothing_is_made_twice(
    *, after: bool, deployed: Deployed
) -> None:
    expected = ended(deployed, harmed(deployed).restore(**HARM))
    assert (len(deployed.organization.policies), len(deployed.successors.known)) == (6, 4)
    failures = 0
    while True:
        failing = FailingOnce(failures, BUSY, after=after)
        harmed(deployed, failing)
        try:
            part = deployed.restore(**HARM)
        except OrganizationsBusyError:
            part = deployed.restore(**HARM)
        assert ended(deployed, part) == expected
        if not failing.failed:
            break
        failures += 1
    # Two answers are refusals, which take no effect.
    assert failures == (23 if after else 25)


def test_what_the_task_returns_is_what_the_run_reads(deployed: Deployed) -> None:
    part = harmed(deployed).restore(**HARM)
    run = parse_reconciliation({**deployed.document(**HARM), "policies": json.loads(json.dumps(part))})
    assert run.policies == RestoredPolicies(
        recreated={LEAVE: "p-new00001", TRAIL: "p-new00002", TLS: "p-new00003"},
        found={ROLES: "p-somebodys"},
        rewritten=(REGIONS,),
        renamed=(TRAIL,),
    )


def test_a_policy_that_somebody_keeps_changing_keeps_no_other_one_from_being_restored(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.has(
        scp("p-lp0dxjlp", "DenyLeaveOrganization", WEAK), scp("p-7dj3cien", "DenyUnapprovedRegions", WEAK)
    )
    update = deployed.organization.update_text
    monkeypatch.setattr(
        deployed.organization,
        "update_text",
        lambda policy_id, *rest: None if policy_id == "p-lp0dxjlp" else update(policy_id, *rest),
    )
    with pytest.raises(PolicyNotVisibleError, match=r"^p-lp0dxjlp does not show its declared text yet$"):
        deployed.restore(changed=(LEAVE, REGIONS))
    assert deployed.organization.policies["p-7dj3cien"].content == CANONICAL


def test_where_the_rate_is_used_up_no_other_policy_is_tried(deployed: Deployed) -> None:
    throttled = OrganizationsThrottledError("DescribePolicy", "TooManyRequestsException", "slow down")
    deployed.organization.disturb = FailingOnce(1, throttled, after=False)
    with pytest.raises(OrganizationsThrottledError):
        deployed.restore(gone=(LEAVE, REGIONS))
    assert deployed.organization.policies == {}
