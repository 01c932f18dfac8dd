from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from holdfast.baseline import load_baseline
from holdfast_cli.sample_organization import SAMPLE_ID, SEED, SampleOrganization, create_sample_organization
from holdfast_cli.staging import PROJECT
from localaws.clock import SkippingClock
from localaws.server import EmbeddedAws


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


def test_its_id_is_known(organization: SampleOrganization) -> None:
    """So that a first snapshot may replace its baseline without asking."""
    assert organization.organization_id == SAMPLE_ID


def test_the_environment_file_names_the_sample_organization(organization: SampleOrganization) -> None:
    variables = json.loads((PROJECT / "events" / "local-environment.json").read_text())["Parameters"]

    assert variables["ORGANIZATION_ID"] == organization.organization_id


def test_the_shipped_baseline_can_be_read() -> None:
    """Whoever has written a baseline of their own has this test for it."""
    baseline = load_baseline(PROJECT / "functions" / "guardrails")

    assert re.fullmatch(r"[0-9a-f]{12}", baseline.version)
    assert baseline.guardrails
