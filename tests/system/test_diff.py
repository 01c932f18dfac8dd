from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from holdfast.exemption import name_of
from holdfast.timestamps import format_timestamp
from holdfast_cli.diff import CLEAN, DRIFT, run_diff
from holdfast_cli.sample_organization import SEED, SampleOrganization, create_sample_organization
from holdfast_cli.screen import Screen
from holdfast_cli.session import Session
from holdfast_cli.snapshot import take_snapshot
from localaws.clock import SkippingClock
from localaws.server import EmbeddedAws

Diff = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(seed=SEED, clock=SkippingClock()) as aws:
        yield aws


@pytest.fixture(scope="module", autouse=True)
def organization(aws: EmbeddedAws) -> SampleOrganization:
    return create_sample_organization(aws.client("organizations"))


@pytest.fixture
def difference(aws: EmbeddedAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Diff:
    """Return the command with a fresh baseline of the sample organization."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALOCALOPERATOR000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    take_snapshot(aws.client("organizations"), tmp_path)

    def run() -> tuple[int, dict[str, Any]]:
        printed = io.StringIO()
        screen = Screen(Console(file=printed))
        code = run_diff(screen, Session(aws.endpoint_url), tmp_path, {}, as_json=True)
        return code, json.loads(printed.getvalue())

    return run


def test_what_somebody_tampered_with_is_seen_and_named_until_it_is_put_right(
    aws: EmbeddedAws, organization: SampleOrganization, difference: Diff
) -> None:
    client = aws.client("organizations")
    policy_id, target_id = organization.policies["DenyUnapprovedRegions"], organization.targets["Workloads"]
    assert difference()[0] == CLEAN

    client.detach_policy(PolicyId=policy_id, TargetId=target_id)
    code, seen = difference()
    (finding,) = seen["findings"]
    assert (code, finding["kind"], finding["policies"], finding["targets"]) == (
        DRIFT,
        "attachments missing",
        [policy_id],
        [target_id],
    )

    client.attach_policy(PolicyId=policy_id, TargetId=target_id)
    assert difference()[0] == CLEAN


def test_what_is_off_under_an_exemption_is_shown_and_is_no_drift(
    aws: EmbeddedAws, organization: SampleOrganization, difference: Diff
) -> None:
    client, parameters = aws.client("organizations"), aws.client("ssm")
    policy_id, target_id = organization.policies["DenyUnapprovedRegions"], organization.targets["Workloads"]
    until = format_timestamp(datetime.now(UTC) + timedelta(hours=2))
    value = json.dumps({"until": until, "reason": "the region moves"})
    parameters.put_parameter(Name=name_of(policy_id, target_id), Value=value, Type="String")
    client.detach_policy(PolicyId=policy_id, TargetId=target_id)

    code, seen = difference()
    parameters.delete_parameter(Name=name_of(policy_id, target_id))
    without = difference()

    assert (code, seen["drift"], [finding["kind"] for finding in seen["findings"]]) == (
        CLEAN,
        False,
        ["exempt"],
    )
    assert (without[0], without[1]["drift"]) == (DRIFT, True)
    client.attach_policy(PolicyId=policy_id, TargetId=target_id)
