from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from holdfast_cli.__main__ import app
from holdfast_cli.sample_organization import PIPELINE_ROLE
from tests.deployed import Holdfast

pytestmark = pytest.mark.usefixtures("credentials")

LAG = 16 * 60
"""Seconds after which CloudTrail's event history has what was done."""


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign in as whoever runs the command."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def run(holdfast: Holdfast, *words: str) -> Any:
    """Run the command against the embedded AWS."""
    where = ("--endpoint-url", holdfast.aws.endpoint_url, "--folder", str(holdfast.guardrails))
    return CliRunner().invoke(app, [*words, *where])


def detach(holdfast: Holdfast, client: Any, policy: str, path: str) -> None:
    """Detach a guardrail, and let all that follows come to its end."""
    with holdfast.watch():
        client.detach_policy(PolicyId=holdfast.policy(policy), TargetId=holdfast.target(path))


def test_the_history_and_the_report_of_a_month_tell_what_happened(holdfast: Holdfast, tmp_path: Path) -> None:
    detach(holdfast, holdfast.role("developer"), "DenyLeaveOrganization", "Root")
    detach(holdfast, holdfast.role(PIPELINE_ROLE), "ProtectSecurityRoles", "Security")
    holdfast.aws.clock.advance(LAG)
    month = f"{holdfast.aws.clock.now():%Y-%m}"

    listed = json.loads(run(holdfast, "history", "--json", "--until", "2099-01-01").stdout)
    one = run(
        holdfast, "history", "--policy", "DenyLeaveOrganization", "--csv", "--until", "2099-01-01"
    ).stdout
    told = run(holdfast, "history", "--until", "2099-01-01").stdout
    report = run(holdfast, "report", "--month", month, "--html", str(tmp_path / "page.html"))

    assert [(entry["policy_name"], entry["outcome"]) for entry in listed] == [
        ("ProtectSecurityRoles", "sanctioned"),
        ("DenyLeaveOrganization", "restored"),
    ]
    assert listed[1]["principal"] == "arn:aws:iam::111122223333:role/developer"
    assert listed[1]["session"] == "mallory"
    assert [row["target_id"] for row in csv.DictReader(one.splitlines())] == [holdfast.target("Root")]
    assert "role/developer (mallory)" in told
    assert report.exit_code == 0
    assert "has an entry in the ledger" in report.stdout
    assert ": 2 of 2." in report.stdout
    assert "arn:aws:iam::111122223333:role/developer" in (tmp_path / "page.html").read_text(encoding="utf-8")

    table = holdfast.aws.client("dynamodb")
    lost = {"attachment": f"{listed[1]['policy_id']}/{listed[1]['target_id']}"}
    name = holdfast.output("LedgerTableName")
    for item in table.scan(TableName=name)["Items"]:
        if item["attachment"]["S"] == lost["attachment"]:
            table.delete_item(TableName=name, Key={key: item[key] for key in ("attachment", "incident")})
    report = run(holdfast, "report", "--month", month)

    assert report.exit_code == 1
    assert "Not complete: of 1 detach of guardrails" in report.stdout
    assert listed[1]["event_ids"][0] in report.stdout


def test_a_stack_without_a_ledger_is_named(holdfast: Holdfast) -> None:
    done = run(holdfast, "history", "--stack", "elsewhere")

    assert done.exit_code == 1
    assert done.stderr == (
        "holdfast: there is no stack 'elsewhere' in us-east-1. Next: name yours (--stack) and its region "
        "(--region).\n"
    )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("history", "--since", "soon"), "got 'soon', expected 7d, 12h, a day such as 2026-10-01"),
        (("history", "--csv", "--json"), "not with --json"),
        (("report", "--month", "October"), "month: got 'October', expected a month such as 2026-10"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(
    holdfast: Holdfast, words: tuple[str, ...], problem: str
) -> None:
    done = run(holdfast, *words)

    assert done.exit_code == 2
    assert problem in " ".join(done.stderr.replace("│", " ").split())
