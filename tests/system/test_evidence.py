"""`holdfast history` and `holdfast report` as they are typed: a restored, an exempt and a failed detach."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from holdfast.exemption import name_of
from holdfast.timestamps import format_timestamp
from holdfast_cli.__main__ import app
from localaws.gateway import ApiError
from tests.deployed import Holdfast, deployed

pytestmark = pytest.mark.long

Run = Callable[..., Result]

SECURITY, WORKLOADS, PROD = "Security", "Workloads", "Workloads/Prod"


@pytest.fixture(scope="module")
def lived_through(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast, and let a detach be restored, one be exempt, one fail, and one not be guarded."""
    with deployed(tmp_path_factory.mktemp("holdfast")) as holdfast:
        _stay_in_one_month(holdfast)
        mallory = holdfast.role("developer")
        holdfast.detach("DenyUnapprovedRegions", WORKLOADS, by=mallory)
        _exempt(holdfast, "DenyDisablingCloudTrail", PROD)
        with holdfast.aws.clock.working():
            holdfast.aws.clock.sleep(3_600)
        denied = ApiError("AccessDeniedException", "an SCP says no", 400)
        holdfast.aws.faults.fail_call("organizations", "AttachPolicy", denied, times=1_000)
        holdfast.detach("ProtectSecurityRoles", SECURITY, by=mallory)
        holdfast.aws.faults.clear()
        holdfast.stranger("NobodysOwn", WORKLOADS)
        holdfast.take("NobodysOwn", WORKLOADS)
        holdfast.reconcile()
        holdfast.mend()
        yield holdfast


def _stay_in_one_month(holdfast: Holdfast) -> None:
    """Let the month's last hours pass, if it is about to end."""
    with holdfast.aws.clock.working():
        while (holdfast.aws.clock.now() + timedelta(hours=6)).month != holdfast.aws.clock.now().month:
            holdfast.aws.clock.sleep(3_600)
    holdfast.aws.clock.settle()


def _exempt(holdfast: Holdfast, policy: str, path: str) -> None:
    """Permit an attachment to be off for an hour, and detach it; the execution waits for the end."""
    until = format_timestamp(holdfast.aws.clock.now() + timedelta(hours=1))
    name = name_of(holdfast.policy(policy), holdfast.target(path))
    value = json.dumps({"until": until, "reason": "the trail moves"})
    holdfast.aws.client("ssm").put_parameter(Name=name, Value=value, Type="String")
    holdfast.detach(policy, path)


@pytest.fixture
def run(lived_through: Holdfast, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return how the commands are run."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALOCALOPERATOR000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def run(*arguments: str) -> Result:
        at = ("--folder", str(lived_through.guardrails), "--endpoint-url", lived_through.aws.endpoint_url)
        return CliRunner().invoke(app, [*arguments, *at])

    return run


def rows(result: Result) -> list[tuple[str, str]]:
    """Return the guardrail and the outcome of each incident that was printed as JSON."""
    assert (result.exit_code, result.stderr) == (0, "")
    return [(each["guardrail"], each["outcome"]) for each in json.loads(result.stdout)]


def this_month(holdfast: Holdfast) -> str:
    """Return the month as the command wants it."""
    return holdfast.aws.clock.now().strftime("%Y-%m")


def test_the_history_has_every_outcome_the_newest_first(run: Run) -> None:
    assert rows(run("history", "--json")) == [
        ("ProtectSecurityRoles", "reconciliation, restored"),
        ("ProtectSecurityRoles", "failed"),
        ("DenyDisablingCloudTrail", "restored"),
        ("DenyDisablingCloudTrail", "exempt"),
        ("DenyUnapprovedRegions", "restored"),
    ]


def test_the_history_of_a_guardrail_and_of_an_attachment_says_who_it_was(run: Run) -> None:
    result = run("history", "--policy", "ProtectSecurityRoles", "--target", "Security", "--json")

    assert rows(result) == [
        ("ProtectSecurityRoles", "reconciliation, restored"),
        ("ProtectSecurityRoles", "failed"),
    ]
    assert {(each["principal"], each["session"]) for each in json.loads(result.stdout)} == {
        ("arn:aws:iam::111122223333:role/developer", "mallory")
    }
    assert len(rows(run("history", "--policy", "DenyDisablingCloudTrail", "--json"))) == 2


def test_the_history_ends_where_it_is_asked_to(run: Run) -> None:
    (newest, *_, oldest) = json.loads(run("history", "--json").stdout)

    assert rows(run("history", "--json", "--until", newest["at"])) == [
        ("DenyDisablingCloudTrail", "restored"),
        ("DenyDisablingCloudTrail", "exempt"),
        ("DenyUnapprovedRegions", "restored"),
    ]
    assert rows(run("history", "--json", "--since", oldest["at"], "--until", oldest["at"])) == []


def test_the_history_is_a_table_for_people_and_a_sheet_for_spreadsheets(run: Run) -> None:
    table, sheet = (
        run("history").stdout.splitlines(),
        csv.DictReader(run("history", "--csv").stdout.splitlines()),
    )

    assert table[0].split()[:3] == ["Time", "(UTC)", "Guardrail"]
    assert table[-1] == "5 incidents."
    assert "session “mallory”" in table[1]
    assert [row["outcome"] for row in sheet][-1] == "restored"


def test_what_somebody_else_wrote_is_passed_over_aloud(lived_through: Holdfast, run: Run) -> None:
    table = Table(lived_through)
    key = {"attachment": {"S": "p-7dj3cien/r-exme"}, "incident": {"S": "2026-11-01T00:00:00Z/x/all is well"}}
    table.put(key)

    result = run("history", "--json")

    table.delete(key)
    assert (result.exit_code, len(json.loads(result.stdout))) == (0, 5)
    assert result.stderr.startswith("holdfast: 1 item of the ledger passed over: not as Holdfast writes them")


def test_a_report_names_every_lapse_and_says_that_none_is_missing(
    lived_through: Holdfast, run: Run, tmp_path: Path
) -> None:
    page = tmp_path / "evidence.html"

    result = run("report", "--month", this_month(lived_through), "--html", str(page))

    assert (result.exit_code, result.stderr) == (0, "")
    assert "CloudTrail shows 3 detaches of guardrails, and the ledger has each." in result.stdout
    assert "  lapses     3: 1 failed at some stage, 1 exempt, 0 sanctioned;" in result.stdout
    assert (
        "             2 restored by the fast path\n             1 restored by the slow path" in result.stdout
    )
    html = page.read_text(encoding="utf-8")
    assert all(
        name in html for name in ("DenyUnapprovedRegions", "DenyDisablingCloudTrail", "ProtectSecurityRoles")
    )
    assert "NobodysOwn" not in html


def test_a_detach_that_the_ledger_lacks_is_a_gap_and_is_named(lived_through: Holdfast, run: Run) -> None:
    table, pair = Table(lived_through), "p-7dj3cien/ou-exme-ycaqk99w"
    items = table.items(pair)
    for item in items:
        table.delete(item)

    result = run("report", "--month", this_month(lived_through))

    for item in items:
        table.put(item)
    assert result.exit_code == 1
    assert (
        f"  GAP: DenyUnapprovedRegions (p-7dj3cien) on {pair.partition('/')[2]}, detached " in result.stdout
    )
    assert result.stdout.splitlines()[-1] == (
        "The ledger has gaps. "
        "CloudTrail shows 1 detach of a guardrail that the ledger lacks; it has 2 others."
    )


def test_a_month_out_of_cloudtrails_reach_is_reported_without_any_claim(run: Run) -> None:
    result = run("report", "--month", "2024-02")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("Cannot be compared. CloudTrail keeps its event history")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("report", "--month", "October"), 2, "month: got 'October', expected a month such as 2026-10"),
        (("history", "--since", "soon"), 2, "since: got 'soon', expected 12h, 7d,"),
        (("history", "--json", "--csv"), 2, "not together with --json"),
        (("history", "--stack", "other"), 1, "there is no stack 'other' in us-east-1"),
        (("report", "--month", "2026-10", "--stack", "other"), 1, "there is no stack 'other' in us-east-1"),
        (("history", "--policy", "Nobodys"), 1, "'Nobodys' is neither a policy's id (p-…) nor a guardrail"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_answered_is_said_in_words(
    run: Run, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == code
    assert words in " ".join(result.stderr.replace("│", " ").split())


class Table:
    """The ledger's table, as somebody who may write to it sees it."""

    def __init__(self, holdfast: Holdfast) -> None:
        self._client = holdfast.aws.client("dynamodb")
        self._name = holdfast.output("LedgerTableName")

    def items(self, attachment: str) -> list[dict[str, Any]]:
        """Return all items of an attachment."""
        found: list[dict[str, Any]] = self._client.query(
            TableName=self._name,
            KeyConditionExpression="attachment = :attachment",
            ExpressionAttributeValues={":attachment": {"S": attachment}},
        )["Items"]
        assert found
        return found

    def put(self, item: dict[str, Any]) -> None:
        """Write an item."""
        self._client.put_item(TableName=self._name, Item=item)

    def delete(self, item: dict[str, Any]) -> None:
        """Delete an item."""
        key = {name: item[name] for name in ("attachment", "incident")}
        self._client.delete_item(TableName=self._name, Key=key)
