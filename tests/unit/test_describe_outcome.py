from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import describe_outcome
from holdfast.baseline import Baseline
from holdfast.errors import BaselineError, OrganizationsThrottledError, UnknownSchemaError
from tests.unit.examples import DENY_ALL, EXECUTION, VERIFIED, example_baseline
from tests.unit.mocked_services import KnownLedger, KnownSuccessors
from tests.unit.scripted_api import ScriptedApi

EVENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "events" / "detach_from_ou.json").read_text())
CONFIRMED = VERIFIED.to_document() | {
    "reattachment": {"result": "attached", "at": "2026-11-22T09:00:30Z", "retries": 0},
    "confirmation": {"at": "2026-11-22T09:00:42Z"},
}


@pytest.fixture(autouse=True)
def _deployed(monkeypatch: pytest.MonkeyPatch, api: ScriptedApi) -> None:
    monkeypatch.setenv("ORGANIZATION_ID", "o-far1coz49w")
    monkeypatch.setattr(describe_outcome, "load_baseline", lambda _: example_baseline())
    monkeypatch.setattr(describe_outcome, "connect", lambda: api.organizations)
    monkeypatch.setattr(describe_outcome, "connect_successors", lambda: KnownSuccessors({}))
    monkeypatch.setattr(describe_outcome, "connect_ledger", KnownLedger)
    monkeypatch.setenv("CONTESTED_AFTER", "3")
    monkeypatch.setenv("CONTESTED_WITHIN_MINUTES", "60")
    monkeypatch.setenv("RETENTION_DAYS", "365")
    monkeypatch.setenv("STACK_NAME", "holdfast")


def surrounded_by(api: ScriptedApi) -> None:
    """Answer what is asked about Workloads: one OU below the root with two accounts."""
    api.answers(
        "describe_organizational_unit",
        {"OrganizationalUnit": {"Name": "Workloads"}},
        OrganizationalUnitId="ou-exme-ycaqk99w",
    )
    api.answers("list_parents", {"Parents": [{"Id": "r-exme", "Type": "ROOT"}]}, ChildId="ou-exme-ycaqk99w")
    api.answers(
        "list_accounts_for_parent",
        {"Accounts": [{"Id": "338583429068"}, {"Id": "690106306691"}]},
        ParentId="ou-exme-ycaqk99w",
    )
    api.answers(
        "list_organizational_units_for_parent", {"OrganizationalUnits": []}, ParentId="ou-exme-ycaqk99w"
    )


def test_a_restored_incident_becomes_a_notification(api: ScriptedApi) -> None:
    api.describes("p-7dj3cien", "DenyUnapprovedRegions", DENY_ALL)
    surrounded_by(api)
    notification = describe_outcome.handler({"incident": CONFIRMED, "execution": EXECUTION}, None)
    message = json.loads(notification.pop("message"))
    ledger = notification.pop("ledger")
    assert ledger["incident"]["attachment"] == {"S": "p-7dj3cien/ou-exme-ycaqk99w"}
    assert notification == {
        "failed": False,
        "recorded": True,
        "subject": "[Holdfast o-far1coz49w] Restored: DenyUnapprovedRegions on OU Workloads",
        "attributes": {
            "outcome": "restored",
            "severity": "notice",
            "organization": "o-far1coz49w",
            "policy_type": "SERVICE_CONTROL_POLICY",
            "policy_id": "p-7dj3cien",
            "target_id": "ou-exme-ycaqk99w",
        },
    }
    assert "2 accounts at or below the target" in message["email"]


def test_a_text_that_cannot_be_read_yet_is_left_to_the_state_machine(api: ScriptedApi) -> None:
    api.refuses("describe_policy", "TooManyRequestsException")
    with pytest.raises(OrganizationsThrottledError):
        describe_outcome.handler({"incident": CONFIRMED, "execution": EXECUTION}, None)


def test_with_a_baseline_that_cannot_be_used_the_failure_is_still_told(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> Baseline:
        raise BaselineError("guardrails/baseline.toml cannot be read: No such file or directory")

    monkeypatch.setattr(describe_outcome, "load_baseline", refuse)
    surrounded_by(api)
    caught = {"error": {"Error": "BaselineError", "Cause": "no such file"}}
    notification = describe_outcome.handler({"incident": EVENT | caught, "execution": EXECUTION}, None)
    assert notification["subject"] == "[Holdfast o-far1coz49w] FAILED: p-7dj3cien on OU Workloads"
    assert notification["attributes"] == {
        "outcome": "failed",
        "severity": "page",
        "organization": "o-far1coz49w",
        "policy_type": "unknown",
        "policy_id": "p-7dj3cien",
        "target_id": "ou-exme-ycaqk99w",
    }


def test_an_event_that_nobody_can_read_costs_no_call() -> None:
    caught = {"error": {"Error": "MalformedEventError", "Cause": "detail: got None"}}
    notification = describe_outcome.handler({"incident": {"id": "x"} | caught, "execution": EXECUTION}, None)
    assert notification["failed"] is True
    assert notification["subject"] == "[Holdfast o-far1coz49w] FAILED: an event could not be read"


def test_without_an_environment_the_organization_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORGANIZATION_ID")
    caught = {"error": {"Error": "SettingsError", "Cause": "environment variable MODE"}}
    notification = describe_outcome.handler({"incident": {"id": "x"} | caught, "execution": EXECUTION}, None)
    assert notification["attributes"]["organization"] == "unknown"


def test_an_incident_of_another_version_is_left_to_the_plain_notification() -> None:
    with pytest.raises(UnknownSchemaError):
        describe_outcome.handler({"incident": CONFIRMED | {"schema": 2}, "execution": EXECUTION}, None)


def test_a_raw_event_can_be_described_by_hand(api: ScriptedApi) -> None:
    api.lists_for("ou-exme-ycaqk99w", "SERVICE_CONTROL_POLICY", "p-7dj3cien")
    surrounded_by(api)
    notification = describe_outcome.handler(EVENT, None)
    assert notification["subject"] == (
        "[Holdfast o-far1coz49w] FAILED: DenyUnapprovedRegions on OU Workloads"
    )


def counted(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines of metrics that were written, without their time."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(line.pop("_aws")["CloudWatchMetrics"][0]["Namespace"] == "Holdfast" for line in lines)
    return lines


def test_what_is_described_is_counted_in_one_line_of_the_log(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.describes("p-7dj3cien", "DenyUnapprovedRegions", DENY_ALL)
    surrounded_by(api)
    describe_outcome.handler({"incident": CONFIRMED, "execution": EXECUTION}, None)
    assert counted(capsys) == [{"Stack": "holdfast", "Detaches": 1, "Restored": 1, "ExposureSeconds": 42}]


def test_what_is_described_again_without_its_record_is_not_counted_again(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.describes("p-7dj3cien", "DenyUnapprovedRegions", DENY_ALL)
    surrounded_by(api)
    described = describe_outcome.handler({"incident": CONFIRMED, "execution": EXECUTION}, None)
    capsys.readouterr()
    refused = {"record_error": {"Error": "Refused", "Cause": "No."}, "notification": described}
    again = describe_outcome.handler({"incident": CONFIRMED | refused, "execution": EXECUTION}, None)
    assert (again["recorded"], counted(capsys)) == (False, [])


def test_what_is_tried_again_is_not_counted_yet(api: ScriptedApi, capsys: pytest.CaptureFixture[str]) -> None:
    api.refuses("describe_policy", "TooManyRequestsException")
    with pytest.raises(OrganizationsThrottledError):
        describe_outcome.handler({"incident": CONFIRMED, "execution": EXECUTION}, None)
    assert counted(capsys) == []


def test_a_metric_that_cannot_be_made_costs_no_notification(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down(_: object) -> dict[str, int]:
        raise ZeroDivisionError

    monkeypatch.setattr(describe_outcome, "counts_of", break_down)
    api.describes("p-7dj3cien", "DenyUnapprovedRegions", DENY_ALL)
    surrounded_by(api)
    notification = describe_outcome.handler({"incident": CONFIRMED, "execution": EXECUTION}, None)
    assert (notification["failed"], counted(capsys)) == (False, [])
