from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from holdfast.attachment import PolicyType
from holdfast.errors import BaselineError, OrganizationsThrottledError, ServiceRefusedError
from holdfast.exemption import PATH
from holdfast.quoting import Medium
from holdfast.timestamps import format_timestamp
from holdfast.wording import caller
from holdfast_cli import diff
from holdfast_cli.diff import CLEAN, DRIFT, run_diff
from holdfast_cli.screen import Screen
from holdfast_cli.session import Session
from tests.unit.examples import (
    BASELINE_TOML,
    DENY_ALL,
    DENY_REGIONS,
    DEVELOPER,
    DOCUMENTS,
    ORGANIZATION,
    PAYMENTS_PROD,
    ROOT,
    SANDBOX,
    WORKLOADS,
    example_baseline,
    live_policy,
)
from tests.unit.live_organization import LiveOrganization, WrittenHistory
from tests.unit.test_authorship import PIPELINE, detach
from tests.unit.test_reconciliation_exempting import WrittenExemptions, written

BASELINE = example_baseline()
BEFORE = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


class Operator:
    """Somebody who types the command, and what it talks to."""

    def __init__(self, folder: Path) -> None:
        self.organization = LiveOrganization(BASELINE)
        self.history = WrittenHistory()
        self.organization_id = ORGANIZATION
        self.successors: dict[str, str] = {}
        self.exemptions = WrittenExemptions()
        self._folder = folder

    def run(self, *, as_json: bool = False, **options: Any) -> tuple[int, list[str]]:
        """Run the command; return its exit code and what it printed."""
        printed = io.StringIO()
        screen = Screen(Console(file=printed, highlight=False, soft_wrap=True))
        code = run_diff(screen, Session(), self._folder, self.successors, as_json=as_json, **options)
        return code, printed.getvalue().splitlines()


class _Client:
    """What of a client the command asks itself."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self.meta = SimpleNamespace(partition="aws")

    def describe_organization(self) -> dict[str, Any]:
        return {"Organization": {"Id": self._operator.organization_id}}


@pytest.fixture(name="operator")
def _operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    (tmp_path / "policies").mkdir()
    (tmp_path / "baseline.toml").write_text(BASELINE_TOML)
    for name, content in DOCUMENTS.items():
        (tmp_path / name).write_bytes(content)
    operator = Operator(tmp_path)
    monkeypatch.setattr(Session, "organizations", lambda _: _Client(operator))
    monkeypatch.setattr(diff, "Organizations", lambda _: operator.organization)
    monkeypatch.setattr(diff, "event_history", lambda *_: operator.history)
    monkeypatch.setattr(diff, "_exemptions", lambda _: operator.exemptions)
    return operator


def test_an_organization_as_declared_is_clean(operator: Operator) -> None:
    assert operator.run() == (
        CLEAN,
        [f"Clean: 7 guardrails with 9 attachments are as declared, baseline {BASELINE.version}."],
    )


def test_drift_is_told_with_who_made_it_and_has_its_own_exit_code(operator: Operator) -> None:
    operator.organization.detach(DENY_REGIONS, WORKLOADS)
    operator.history.written.append(replace(detach(), event_time=BEFORE))
    code, printed = operator.run()
    assert code == DRIFT
    who = f"{caller(DEVELOPER, Medium.MAIL)}; DetachPolicy at {format_timestamp(BEFORE)}"
    assert printed[:2] == [
        "Attachments missing: “DenyUnapprovedRegions” (p-7dj3cien) is missing on OU ou-exme-ycaqk99w",
        f"    by {who}, event DetachPolicy-20",
    ]
    assert printed[2].startswith("Drift: 1 finding among 7 guardrails with 9 attachments. Next: ")


def test_every_target_is_looked_at_and_every_kind_of_drift_told(operator: Operator) -> None:
    live = operator.organization
    live.disable(PolicyType.TAG_POLICY)
    live.delete("p-7xfb7xkf")
    live.create(live_policy("DenyDisablingCloudTrail", "{}", "p-squatter1"))
    live.create(replace(live.policies["p-lp0dxjlp"], content="{}"))
    live.create(replace(live.policies["p-cg404d5t"], name="Temporary"))
    live.close(PAYMENTS_PROD)
    live.create(live_policy("Filler", DENY_ALL, "p-filler0001"), SANDBOX)
    live.delete(DENY_REGIONS)
    live.create(live_policy("DenyUnapprovedRegions", DENY_ALL, "p-new00001"), WORKLOADS)
    operator.successors[DENY_REGIONS] = "p-new00001"
    code, printed = operator.run()
    assert code == DRIFT
    assert [line.partition(":")[0] for line in printed if not line.startswith(" ")] == [
        "Policy type disabled",
        "Policy deleted",
        "Name taken",
        "Text changed",
        "Attachments missing",
        "Attachments missing",
        "Unknown policies",
        "Target gone",
        "New id",
        "Renamed",
        "Drift",
    ]
    assert live.counted()["ListPoliciesForTarget"] == 7


def test_a_program_reads_json(operator: Operator) -> None:
    operator.organization.detach("p-7xfb7xkf", ROOT)
    code, printed = operator.run(as_json=True)
    assert code == DRIFT
    assert json.loads("\n".join(printed)) == {
        "organization": ORGANIZATION,
        "baseline": BASELINE.version,
        "drift": True,
        "findings": [
            {
                "kind": "attachments missing",
                "severity": "page",
                "words": "“DenyDisablingCloudTrail” (p-7xfb7xkf) is missing on the root (r-exme)",
                "policies": ["p-7xfb7xkf"],
                "targets": [ROOT],
                "types": ["SERVICE_CONTROL_POLICY"],
                "authors": [],
            }
        ],
    }


def test_a_clean_organization_has_no_findings_for_a_program_either(operator: Operator) -> None:
    code, printed = operator.run(as_json=True)
    assert (code, json.loads("\n".join(printed))["findings"]) == (CLEAN, [])


def test_what_is_off_under_an_exemption_is_told_and_is_no_drift(operator: Operator) -> None:
    operator.organization.detach(DENY_REGIONS, WORKLOADS)
    operator.exemptions.written = (written(f"{PATH}/{DENY_REGIONS}/{WORKLOADS}", BEFORE),)
    until = format_timestamp(BEFORE + timedelta(hours=2))

    code, printed = operator.run()

    assert code == CLEAN
    off = f"“DenyUnapprovedRegions” ({DENY_REGIONS}) on OU {WORKLOADS} is off"
    why = "because “the region moves” (ticket “CHG-7”)"
    compared = "1 finding among 7 guardrails with 9 attachments"
    assert printed == [
        f"Exempt: {off} under an exemption until {until}, {why}",
        f"No drift: {compared}; what is off may be off, and all else is as declared.",
    ]
    document = json.loads("\n".join(operator.run(as_json=True)[1]))
    assert (document["drift"], [finding["kind"] for finding in document["findings"]]) == (False, ["exempt"])


def test_a_broken_exemption_is_told_and_exempts_nothing(operator: Operator) -> None:
    operator.exemptions.written = (written(f"{PATH}/{DENY_REGIONS}", BEFORE, reason=""),)
    code, printed = operator.run()
    assert (code, printed[0].partition(":")[0]) == (CLEAN, "Broken exemption")
    operator.organization.detach(DENY_REGIONS, WORKLOADS)
    code, printed = operator.run()
    assert code == DRIFT
    assert [line.partition(":")[0] for line in printed] == [
        "Attachments missing",
        "Broken exemption",
        "Drift",
    ]


def test_exemptions_that_may_not_be_read_are_none_and_that_is_told(operator: Operator) -> None:
    operator.organization.detach(DENY_REGIONS, WORKLOADS)
    operator.exemptions.written = ServiceRefusedError(
        "ssm", "GetParametersByPath", "AccessDeniedException", "no"
    )
    code, printed = operator.run()
    assert code == DRIFT
    assert [line.partition(":")[0] for line in printed] == [
        "Attachments missing",
        "Exemptions not read",
        "Drift",
    ]


@pytest.mark.parametrize(("hours", "expected"), [(1, DRIFT), (2, CLEAN), (0, DRIFT)])
def test_a_sanctioned_detach_is_no_drift_until_sanctioned_for_is_over(
    operator: Operator, hours: int, expected: int
) -> None:
    operator.organization.detach(DENY_REGIONS, WORKLOADS)
    operator.history.written.append(replace(detach(principal=PIPELINE), event_time=BEFORE))
    code, printed = operator.run(sanctioned_for=timedelta(hours=hours))
    assert code == expected
    assert printed[0].startswith("Sanctioned: " if expected == CLEAN else "Attachments missing: ")


def test_the_baseline_of_another_organization_is_not_compared(operator: Operator) -> None:
    operator.organization_id = "o-another123"
    with pytest.raises(BaselineError, match="got o-far1coz49w, expected o-another123"):
        operator.run()
    assert operator.organization.calls == []


def test_an_organization_that_does_not_answer_is_no_clean_one(operator: Operator) -> None:
    operator.organization.refused["DescribePolicy"] = OrganizationsThrottledError(
        "DescribePolicy", "TooManyRequestsException", "slow down"
    )
    with pytest.raises(OrganizationsThrottledError):
        operator.run()
