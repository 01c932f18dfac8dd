from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.baseline import load_baseline
from holdfast_cli.sample_organization import SEED, SampleOrganization, create_sample_organization
from holdfast_cli.snapshot import take_snapshot
from holdfast_cli.staging import PROJECT
from localaws.clock import SkippingClock
from localaws.server import EmbeddedAws

GONE = """
[[guardrail]]
policy   = "p-gone12345"
name     = "Gone"
type     = "TAG_POLICY"
targets  = "any"
document = "policies/Gone.json"
"""


def with_targets(baseline: str, name: str, targets: str) -> str:
    """Return the baseline with other targets for the guardrail of that name."""
    return re.sub(rf'(name     = "{name}"\n.*\ntargets  = ).*', rf"\g<1>{targets}", baseline)


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(seed=SEED, clock=SkippingClock()) as aws:
        yield aws


@pytest.fixture(scope="module")
def organization(aws: EmbeddedAws) -> SampleOrganization:
    return create_sample_organization(aws.client("organizations"))


def test_the_events_name_the_sample_organization(organization: SampleOrganization) -> None:
    """So that `sam local invoke -e events/…` and `make local` fit together."""
    events = [
        json.loads(path.read_text()) for path in sorted((PROJECT / "events").glob("detach_from_*.json"))
    ]
    requests = [event["detail"]["requestParameters"] for event in events]

    assert len(requests) == 3
    assert {request["policyId"] for request in requests} <= set(organization.policies.values())
    assert {request["targetId"] for request in requests} <= set(organization.targets.values())


def test_the_environment_file_names_the_sample_organization(organization: SampleOrganization) -> None:
    variables = json.loads((PROJECT / "events" / "local-environment.json").read_text())["Parameters"]

    assert variables["ORGANIZATION_ID"] == organization.organization_id


def test_a_snapshot_says_what_the_organization_has(
    aws: EmbeddedAws, organization: SampleOrganization, tmp_path: Path
) -> None:
    taken = take_snapshot(aws.client("organizations"), tmp_path)

    assert taken.baseline.organization == organization.organization_id
    assert {guardrail.name: guardrail.policy_id for guardrail in taken.baseline.guardrails} == dict(
        organization.policies
    )
    assert [policy.name for policy in taken.left_out] == ["FullAWSAccess"]
    assert load_baseline(tmp_path) == taken.baseline


@pytest.mark.usefixtures("organization")
def test_a_snapshot_keeps_the_sanctioned_principals(aws: EmbeddedAws, tmp_path: Path) -> None:
    take_snapshot(aws.client("organizations"), tmp_path)
    role = "arn:aws:iam::111122223333:role/guardrail-pipeline"
    with (tmp_path / "baseline.toml").open("a") as file:
        file.write(f'\n[[sanctioned_principal]]\nrole = "{role}"\nid = "AROAEXAMPLEPIPELINE01"\n')

    taken = take_snapshot(aws.client("organizations"), tmp_path)

    assert [(principal.role, principal.role_id) for principal in taken.baseline.sanctioned] == [
        (role, "AROAEXAMPLEPIPELINE01")
    ]


@pytest.mark.usefixtures("organization")
def test_a_snapshot_keeps_what_is_protected_anywhere_and_tells_what_no_longer_is(
    aws: EmbeddedAws, tmp_path: Path
) -> None:
    everywhere, narrowed = take_snapshot(aws.client("organizations"), tmp_path).baseline.guardrails[:2]
    path = tmp_path / "baseline.toml"
    text = with_targets(path.read_text(), everywhere.name, '"any"')
    path.write_text(with_targets(text, narrowed.name, '["r-gone"]') + GONE)
    (tmp_path / "policies" / "Gone.json").write_text("{}")

    taken = take_snapshot(aws.client("organizations"), tmp_path)

    protected = {guardrail.policy_id: guardrail.targets for guardrail in taken.baseline.guardrails}
    assert protected[everywhere.policy_id] is None
    assert taken.no_longer == (
        f"{narrowed.policy_id}  {narrowed.name} on r-gone",
        "p-gone12345  Gone",
    )
    assert not (tmp_path / "policies" / "Gone.json").exists()


@pytest.mark.usefixtures("organization")
def test_the_baseline_of_another_organization_is_replaced(aws: EmbeddedAws, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "Gone.json").write_text("{}")
    (tmp_path / "baseline.toml").write_text('organization = "o-another0000"\n' + GONE)

    taken = take_snapshot(aws.client("organizations"), tmp_path)

    assert taken.no_longer == ()
    assert not (tmp_path / "policies" / "Gone.json").exists()


def test_two_policies_whose_names_meet_on_a_disk_have_a_document_each(
    aws: EmbeddedAws, organization: SampleOrganization, tmp_path: Path
) -> None:
    client = aws.client("organizations")
    made = [
        client.create_policy(Name=name, Description="", Type="SERVICE_CONTROL_POLICY", Content=content)
        for name, content in (("Deny it", '{"Version": "1"}'), ("deny-it", '{"Version": "2"}'))
    ]
    ids = [policy["Policy"]["PolicySummary"]["Id"] for policy in made]
    for policy_id in ids:
        client.attach_policy(PolicyId=policy_id, TargetId=organization.targets["Sandbox"])

    taken = take_snapshot(client, tmp_path)

    documents = {guardrail.policy_id: guardrail.document.canonical for guardrail in taken.baseline.guardrails}
    assert [documents[policy_id] for policy_id in ids] == ['{"Version":"1"}', '{"Version":"2"}']


def test_the_shipped_baseline_can_be_read() -> None:
    """Whoever has written a baseline of their own has this test for it."""
    baseline = load_baseline(PROJECT / "functions" / "guardrails")

    assert re.fullmatch(r"[0-9a-f]{12}", baseline.version)
    assert baseline.guardrails
