from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from holdfast.baseline import load_baseline
from holdfast.reconciliation.version_mark import marked
from holdfast_cli.baseline_changes import ChangeKind
from holdfast_cli.explaining import explain
from holdfast_cli.live_policies import LeftOut
from holdfast_cli.sample_organization import SAMPLE_ID, SEED, SampleOrganization, create_sample_organization
from holdfast_cli.snapshot import (
    Plan,
    Request,
    SnapshotError,
    plan_snapshot,
    take_snapshot,
    write_snapshot,
)
from localaws.clock import SkippingClock
from localaws.server import EmbeddedAws

SCP = "SERVICE_CONTROL_POLICY"
DENY_NOTHING = '{"Version": "2012-10-17", "Statement": []}'
GONE = """
[[guardrail]]
policy   = "p-gone12345"
name     = "Gone"
type     = "TAG_POLICY"
targets  = "any"
document = "policies/Gone.json"
"""
FULL_ACCESS = LeftOut("p-FullAWSAccess", "FullAWSAccess", "AWS-managed: reattaching it can widen permissions")


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(seed=SEED, clock=SkippingClock()) as aws:
        yield aws


@pytest.fixture(scope="module")
def organization(aws: EmbeddedAws) -> SampleOrganization:
    return create_sample_organization(aws.client("organizations"))


@pytest.fixture
def client(aws: EmbeddedAws, organization: SampleOrganization) -> Iterator[Any]:
    """Lend the organization to one test, and put back afterwards what it took, added and wrote."""
    client = aws.client("organizations")
    before = attachments(client)
    texts = {
        policy: client.describe_policy(PolicyId=policy)["Policy"] for policy in organization.policies.values()
    }
    yield client
    after = attachments(client)
    for policy, target in after - before:
        client.detach_policy(PolicyId=policy, TargetId=target)
    for policy, target in before - after:
        client.attach_policy(PolicyId=policy, TargetId=target)
    for policy, was in texts.items():
        client.update_policy(
            PolicyId=policy,
            Name=was["PolicySummary"]["Name"],
            Description=was["PolicySummary"]["Description"],
            Content=was["Content"],
        )
    for policy in client.list_policies(Filter=SCP)["Policies"]:
        if not policy["AwsManaged"] and policy["Id"] not in texts:
            client.delete_policy(PolicyId=policy["Id"])


def attachments(client: Any) -> set[tuple[str, str]]:
    """Return all pairs of a policy and a target."""
    policies = client.list_policies(Filter=SCP)["Policies"]
    return {
        (policy["Id"], target["TargetId"])
        for policy in policies
        for target in client.list_targets_for_policy(PolicyId=policy["Id"])["Targets"]
    }


def create(client: Any, name: str, target: str, content: str = DENY_NOTHING) -> str:
    """Create a policy, attach it, and return its id."""
    created = client.create_policy(Name=name, Description="", Type=SCP, Content=content)
    policy_id = str(created["Policy"]["PolicySummary"]["Id"])
    client.attach_policy(PolicyId=policy_id, TargetId=target)
    return policy_id


def differences(plan: Plan) -> list[tuple[ChangeKind, str, tuple[str, ...]]]:
    """Return what is different: how, for which guardrail, and in what."""
    return [(change.kind, change.name, change.details) for change in plan.changes]


def contents(folder: Path) -> dict[str, str]:
    """Return the text of each file in a folder."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_snapshot_says_what_the_organization_has(
    client: Any, organization: SampleOrganization, tmp_path: Path
) -> None:
    taken = take_snapshot(client, tmp_path / "new")

    assert taken.baseline.organization == organization.organization_id
    assert {guardrail.name: guardrail.policy_id for guardrail in taken.baseline.guardrails} == dict(
        organization.policies
    )
    assert taken.left_out == (FULL_ACCESS,)
    assert load_baseline(tmp_path / "new") == taken.baseline
    assert {change.kind for change in taken.changes} == {ChangeKind.ADDED}


def test_a_second_snapshot_finds_nothing_to_write(client: Any, tmp_path: Path) -> None:
    take_snapshot(client, tmp_path)

    again = take_snapshot(client, tmp_path)

    assert (again.changes, again.written) == ((), ())


def test_what_people_wrote_stays(client: Any, tmp_path: Path) -> None:
    take_snapshot(client, tmp_path)
    path = tmp_path / "baseline.toml"
    principals = (
        '\n[[sanctioned_principal]]  # ours\nrole = "arn:aws:iam::111122223333:role/guardrail-pipeline"\n'
        '\n[[rival_principal]]  # for a week\nrole = "arn:aws:iam::111122223333:role/landing-zone"\n'
    )
    path.write_text(path.read_text().replace("[[guardrail]]", "# Why: …\n[[guardrail]]") + principals)
    document = tmp_path / "policies" / "DenyLeaveOrganization.json"
    document.write_text(json.dumps(json.loads(document.read_text())))
    before = contents(tmp_path)

    taken = take_snapshot(client, tmp_path)

    assert taken.changes == ()
    assert contents(tmp_path) == before


def test_a_snapshot_shows_what_changed_and_writes_only_that(
    client: Any, organization: SampleOrganization, tmp_path: Path
) -> None:
    take_snapshot(client, tmp_path)
    before = contents(tmp_path)
    policies, targets = organization.policies, organization.targets
    client.detach_policy(PolicyId=policies["DenyLeaveOrganization"], TargetId=targets["Root"])
    client.detach_policy(PolicyId=policies["DenyDisablingCloudTrail"], TargetId=targets["Root"])
    client.attach_policy(PolicyId=policies["DenyDisablingCloudTrail"], TargetId=targets["Sandbox"])
    client.update_policy(PolicyId=policies["DenyUnapprovedRegions"], Name="DenyRegions")
    client.update_policy(PolicyId=policies["ProtectSecurityRoles"], Content=DENY_NOTHING)
    create(client, "Another", targets["Sandbox"])

    plan = plan_snapshot(client, tmp_path)

    assert differences(plan) == [
        (ChangeKind.REMOVED, "DenyLeaveOrganization", ("attached nowhere",)),
        (ChangeKind.FEWER_TARGETS, "DenyDisablingCloudTrail", (targets["Root"],)),
        (ChangeKind.OTHER_TEXT, "ProtectSecurityRoles", ()),
        (ChangeKind.ADDED, "Another", (targets["Sandbox"],)),
        (ChangeKind.MORE_TARGETS, "DenyDisablingCloudTrail", (targets["Sandbox"],)),
        (ChangeKind.RENAMED, "DenyRegions", ("was DenyUnapprovedRegions",)),
    ]
    assert contents(tmp_path) == before, "nothing is written by planning"
    write_snapshot(plan)
    after = contents(tmp_path)
    assert {name for name in before | after if before.get(name) != after.get(name)} == {
        "baseline.toml",
        "policies/DenyLeaveOrganization.json",
        "policies/ProtectSecurityRoles.json",
        "policies/Another.json",
    }
    assert plan_snapshot(client, tmp_path).changes == ()


def test_what_is_protected_anywhere_stays_so(
    client: Any, organization: SampleOrganization, tmp_path: Path
) -> None:
    take_snapshot(client, tmp_path)
    path = tmp_path / "baseline.toml"
    path.write_text(path.read_text().replace(f'["{organization.targets["Root"]}"]', '"any"'))

    taken = take_snapshot(client, tmp_path)

    anywhere = [guardrail.name for guardrail in taken.baseline.guardrails if guardrail.targets is None]
    assert anywhere == ["DenyLeaveOrganization"]
    assert taken.changes == ()


@pytest.mark.parametrize(
    ("successors", "follows"),
    [
        ({"p-old0000001": "new"}, True),
        ({"p-old0000001": "p-old0000002", "p-old0000002": "new"}, True),
        ({"p-old0000001": "p-old0000002", "p-old0000002": "p-old0000001"}, False),
        ({}, False),
    ],
    ids=["made again", "made again twice", "in a circle", "not made again"],
)
def test_a_policy_made_again_keeps_its_place(
    client: Any,
    organization: SampleOrganization,
    tmp_path: Path,
    *,
    successors: dict[str, str],
    follows: bool,
) -> None:
    take_snapshot(client, tmp_path)
    path, new = tmp_path / "baseline.toml", organization.policies["DenyLeaveOrganization"]
    text = path.read_text()
    path.write_text(text.replace(new, "p-old0000001"))
    known = {old: new if to == "new" else to for old, to in successors.items()}

    plan = plan_snapshot(client, tmp_path, Request(successors=known))

    name, root = "DenyLeaveOrganization", organization.targets["Root"]
    assert differences(plan) == (
        [(ChangeKind.RECREATED, name, ("was p-old0000001",))]
        if follows
        else [(ChangeKind.REMOVED, name, ("the policy is gone",)), (ChangeKind.ADDED, name, (root,))]
    )
    write_snapshot(plan)
    assert (path.read_text() == text) == follows


def test_our_own_mark_in_a_description_stays_out_of_the_baseline(
    client: Any, organization: SampleOrganization, tmp_path: Path
) -> None:
    take_snapshot(client, tmp_path / "before")
    take_snapshot(client, tmp_path / "again")
    for policy in organization.policies.values():
        words = client.describe_policy(PolicyId=policy)["Policy"]["PolicySummary"]["Description"]
        client.update_policy(PolicyId=policy, Description=marked(words, "0123456789ab"))

    again = take_snapshot(client, tmp_path / "again")
    take_snapshot(client, tmp_path / "new")

    assert (again.changes, again.written) == ((), ())
    assert contents(tmp_path / "new") == contents(tmp_path / "before")


def test_a_description_that_our_mark_has_cut_stays_whole(
    client: Any, organization: SampleOrganization, tmp_path: Path
) -> None:
    policy = organization.policies["DenyLeaveOrganization"]
    whole = "Why. " * 100
    client.update_policy(PolicyId=policy, Description=whole)
    take_snapshot(client, tmp_path)
    client.update_policy(PolicyId=policy, Description=marked(whole, "0123456789ab"))

    assert plan_snapshot(client, tmp_path).files == {}


def test_the_baseline_of_another_organization_is_replaced(client: Any, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "Gone.json").write_text("{}")
    (tmp_path / "baseline.toml").write_text('organization = "o-another0000"\n' + GONE)

    plan = plan_snapshot(client, tmp_path)

    assert plan.replaces == "o-another0000"
    assert {change.kind for change in plan.changes} == {ChangeKind.ADDED}
    write_snapshot(plan)
    assert load_baseline(tmp_path).organization == SAMPLE_ID
    assert not (tmp_path / "policies" / "Gone.json").exists()


def test_a_disabled_type_is_named_as_the_reason(client: Any, tmp_path: Path) -> None:
    take_snapshot(client, tmp_path)
    (tmp_path / "policies" / "Gone.json").write_text("{}")
    with (tmp_path / "baseline.toml").open("a") as file:
        file.write(GONE)

    plan = plan_snapshot(client, tmp_path)

    assert differences(plan) == [
        (
            ChangeKind.REMOVED,
            "Gone",
            ("TAG_POLICY is not enabled in the root: all its attachments are gone",),
        )
    ]
    assert plan.obsolete == ("policies/Gone.json",)


def test_what_others_manage_is_guarded_if_it_is_asked_for_and_from_then_on(
    client: Any, organization: SampleOrganization, tmp_path: Path
) -> None:
    tower = create(client, "aws-guardrails-abcdef", organization.targets["Security"])

    assert plan_snapshot(client, tmp_path).left_out == (
        FULL_ACCESS,
        LeftOut(tower, "aws-guardrails-abcdef", "Control Tower manages it"),
    )
    asked = write_snapshot(plan_snapshot(client, tmp_path, Request(aws_managed=True, control_tower=True)))
    assert {"FullAWSAccess", "aws-guardrails-abcdef"} < {rail.name for rail in asked.baseline.guardrails}
    assert plan_snapshot(client, tmp_path).changes == ()


def test_policies_whose_names_meet_on_a_disk_have_a_document_each(
    client: Any, organization: SampleOrganization, tmp_path: Path
) -> None:
    sandbox = organization.targets["Sandbox"]
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "notes.json").write_text("not ours")
    ids = [
        create(client, name, sandbox, f'{{"Id": "{number}", "Statement": []}}')
        for number, name in enumerate(("Deny it", "deny-it", "Notes", "x\n\x1b[2J"))
    ]

    taken = take_snapshot(client, tmp_path)

    guardrails = {guardrail.policy_id: guardrail for guardrail in taken.baseline.guardrails}
    assert [guardrails[policy_id].document.canonical for policy_id in ids] == [
        f'{{"Id":"{number}","Statement":[]}}' for number in range(4)
    ]
    assert guardrails[ids[3]].name == "x \x1b[2J"
    assert "\x1b" not in (tmp_path / "baseline.toml").read_text()
    assert (tmp_path / "policies" / "notes.json").read_text() == "not ours"


def test_an_organization_without_guardrails_leaves_the_folder_as_it_is(
    client: Any, organization: SampleOrganization, tmp_path: Path
) -> None:
    take_snapshot(client, tmp_path)
    before = contents(tmp_path)
    for policy, target in attachments(client):
        if policy in organization.policies.values():
            client.detach_policy(PolicyId=policy, TargetId=target)

    with pytest.raises(SnapshotError) as refused:
        take_snapshot(client, tmp_path)

    assert explain(refused.value) == (
        "no policy is attached that could be a guardrail (enabled types: SERVICE_CONTROL_POLICY). "
        "Next: attach one, or enable its type; nothing was written."
    )
    assert contents(tmp_path) == before


def test_what_is_read_one_by_one_can_be_watched(
    client: Any, organization: SampleOrganization, tmp_path: Path
) -> None:
    watched: list[str] = []

    def track(items: Sequence[Any]) -> Iterator[Any]:
        watched.extend(item["Name"] for item in items)
        return iter(items)

    plan_snapshot(client, tmp_path, track=track)

    assert set(organization.policies) <= set(watched)
