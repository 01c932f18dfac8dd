"""`holdfast exempt grant` and `list` as they are typed, against the sample organization."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from holdfast.timestamps import format_timestamp
from holdfast_cli.__main__ import app
from holdfast_cli.sample_organization import SEED, create_sample_organization
from holdfast_cli.snapshot import take_snapshot
from localaws.clock import SkippingClock
from localaws.gateway import ApiError
from localaws.server import EmbeddedAws

Run = Callable[..., Result]

REGIONS, WORKLOADS = "p-7dj3cien", "ou-exme-ycaqk99w"
NAME = f"/holdfast/exemptions/{REGIONS}/{WORKLOADS}"
BECAUSE = ("--until", "2h", "--reason", "the region moves")


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(seed=SEED, clock=SkippingClock()) as aws:
        create_sample_organization(aws.client("organizations"))
        yield aws


@pytest.fixture(scope="module")
def folder(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the organization's baseline."""
    folder = tmp_path_factory.mktemp("guardrails")
    take_snapshot(aws.client("organizations"), folder)
    return folder


@pytest.fixture(name="ssm")
def _ssm(aws: EmbeddedAws) -> Iterator[Any]:
    """Lend Systems Manager, and take away what a test leaves there."""
    client = aws.client("ssm")
    yield client
    aws.faults.clear()
    pages = client.get_paginator("get_parameters_by_path").paginate(Path="/holdfast", Recursive=True)
    for name in [parameter["Name"] for page in pages for parameter in page["Parameters"]]:
        client.delete_parameter(Name=name)


@pytest.fixture
def run(aws: EmbeddedAws, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return how the command is run; nobody sits at a terminal."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALOCALOPERATOR000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def run(*arguments: str, folder: Path = folder) -> Result:
        at = ("--folder", str(folder), "--endpoint-url", aws.endpoint_url)
        return CliRunner().invoke(app, ["exempt", *arguments, *at])

    return run


def written(ssm: Any, name: str = NAME) -> dict[str, Any]:
    """Return what a parameter says."""
    value: dict[str, Any] = json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    return value


def write(ssm: Any, name: str, value: dict[str, Any] | str) -> None:
    """Write a parameter by hand."""
    ssm.put_parameter(Name=name, Type="String", Value=value if isinstance(value, str) else json.dumps(value))


def test_a_grant_is_written_and_told_with_its_end_and_how_to_revoke_it(
    aws: EmbeddedAws, run: Run, ssm: Any
) -> None:
    end = "2h", "--reason", "the region moves", "--ticket", "CHG-7"

    result = run("grant", "DenyUnapprovedRegions", "Workloads", "--until", *end)

    value = written(ssm)
    assert (value["reason"], value["ticket"]) == ("the region moves", "CHG-7")
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [
            f"Exempt: DenyUnapprovedRegions ({REGIONS}) on {WORKLOADS}",
            f"  parameter  {NAME}, in us-east-1",
            f"  until      {value['until']}, 2.0 hours from now",
            "  reason     “the region moves”",
            "  ticket     “CHG-7”",
            "Until then a detach is reported and not reverted; at the end, what is still off goes back.",
            (
                f"To end it sooner: holdfast exempt revoke {REGIONS} {WORKLOADS} "
                f"--endpoint-url {aws.endpoint_url}"
            ),
        ],
    )


@pytest.mark.parametrize(
    ("arguments", "name", "words"),
    [
        ((REGIONS, "all"), f"/holdfast/exemptions/{REGIONS}", "wherever it is attached"),
        (("all",), "/holdfast/exemptions/all", "everything"),
        ((REGIONS, WORKLOADS), NAME, f"DenyUnapprovedRegions ({REGIONS}) on {WORKLOADS}"),
    ],
    ids=["a policy", "everything", "ids"],
)
def test_a_whole_policy_or_everything_may_be_exempt(
    run: Run, ssm: Any, arguments: tuple[str, ...], name: str, words: str
) -> None:
    result = run("grant", *arguments, *BECAUSE)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].endswith(words)
    assert written(ssm, name)["reason"] == "the region moves"


@pytest.mark.usefixtures("ssm")
def test_seven_days_may_be_asked_for(run: Run) -> None:
    result = run("grant", REGIONS, WORKLOADS, "--until", "7d", "--reason", "a move")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[2].endswith(", 168.0 hours from now")
    assert run("list").stdout.startswith("in force  ")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((REGIONS, WORKLOADS, "--until", "8d", "--reason", "r"), "at the latest, 7 days after its change"),
        ((REGIONS, WORKLOADS, "--until", "0m", "--reason", "r"), "expected a time after its change at"),
        ((REGIONS, WORKLOADS, "--until", "soon", "--reason", "r"), "until: got 'soon', expected 30m, 2h, 3d"),
        ((REGIONS, WORKLOADS, "--until", "2h", "--reason", " "), "reason: got ' ', expected why, in words"),
        ((REGIONS, *BECAUSE), "TARGET: got nothing, expected an id"),
        (("all", WORKLOADS, *BECAUSE), f"TARGET: got '{WORKLOADS}', expected nothing behind `all`"),
        ((REGIONS, WORKLOADS, "--until", "2h"), "Missing option '--reason'"),
    ],
    ids=["too long", "over at once", "no time", "no reason", "no target", "a target of all", "not a word"],
)
def test_what_breaks_a_rule_is_wrong_usage_and_nothing_is_written(
    run: Run, ssm: Any, arguments: tuple[str, ...], problem: str
) -> None:
    result = run("grant", *arguments)

    assert result.exit_code == 2
    assert problem in " ".join(result.stderr.split())
    assert ssm.get_parameters(Names=[NAME])["Parameters"] == []


def test_one_that_is_in_force_is_shown_and_stays_without_a_yes(run: Run, ssm: Any) -> None:
    run("grant", REGIONS, WORKLOADS, *BECAUSE)
    before = written(ssm)

    result = run("grant", REGIONS, WORKLOADS, "--until", "3h", "--reason", "another")

    assert (result.exit_code, written(ssm)) == (1, before)
    shown, conclusion = result.stdout.splitlines()
    assert shown.startswith(f"It is in force already: until {before['until']}, ")
    assert conclusion == "Nothing was written. Next: say --replace if it is meant."


def test_one_that_is_in_force_is_replaced_when_that_is_said(run: Run, ssm: Any) -> None:
    run("grant", REGIONS, WORKLOADS, *BECAUSE)

    result = run("grant", REGIONS, WORKLOADS, "--until", "3h", "--reason", "another", "--replace")

    assert (result.exit_code, written(ssm)["reason"]) == (0, "another")


def test_one_that_is_broken_is_replaced_without_a_question(run: Run, ssm: Any) -> None:
    write(ssm, NAME, "until tomorrow")

    assert run("grant", REGIONS, WORKLOADS, *BECAUSE).exit_code == 0
    assert written(ssm)["reason"] == "the region moves"


@pytest.mark.usefixtures("ssm")
@pytest.mark.parametrize(
    ("arguments", "because"),
    [
        (("p-nobodys01", "Workloads"), "holds no policy p-nobodys01"),
        ((REGIONS, "Sandbox"), f"does not attach DenyUnapprovedRegions ({REGIONS}) to ou-exme-ofz030k9"),
    ],
    ids=["policy", "target"],
)
def test_what_the_baseline_does_not_hold_is_a_warning(
    run: Run, folder: Path, arguments: tuple[str, ...], because: str
) -> None:
    result = run("grant", *arguments, *BECAUSE)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == (
        f"WARNING: the baseline in {folder} {because}. If the deployed one does not either, this exemption "
        "has no effect."
    )


@pytest.mark.usefixtures("ssm")
def test_at_3_a_m_ids_do_without_a_baseline(run: Run, tmp_path: Path) -> None:
    result = run("grant", REGIONS, WORKLOADS, *BECAUSE, folder=tmp_path)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [
        (
            f"Not compared with a baseline: {tmp_path.name}/baseline.toml cannot be read: No such file or "
            "directory."
        ),
        f"Exempt: {REGIONS} on {WORKLOADS}",
    ]


def test_a_name_that_nobody_has_is_refused(run: Run) -> None:
    result = run("grant", "DenyEverything", "Workloads", *BECAUSE)

    assert result.exit_code == 1
    assert result.stderr == (
        "holdfast: 'DenyEverything' is neither a policy's id (p-…) nor a guardrail: DenyDisablingCloudTrail, "
        "DenyLeaveOrganization, DenyUnapprovedRegions, ProtectSecurityRoles.\n"
    )


@pytest.mark.usefixtures("ssm")
def test_whoever_may_not_write_below_the_path_is_told_so(aws: EmbeddedAws, run: Run) -> None:
    refused = ApiError("AccessDeniedException", "not authorized to perform: ssm:PutParameter")
    aws.faults.fail_call("ssm", "PutParameter", refused, times=1)

    result = run("grant", REGIONS, WORKLOADS, *BECAUSE)

    assert result.exit_code == 1
    assert "not authorized to perform: ssm:PutParameter" in result.stderr
    assert "Exempt:" not in result.stdout


@pytest.mark.usefixtures("ssm")
def test_none_is_listed_as_none(run: Run) -> None:
    result = run("list")

    assert (result.exit_code, result.stdout) == (0, "0 in force, 0 ended, 0 broken, in us-east-1.\n")
    assert json.loads(run("list", "--json").stdout) == []


@pytest.fixture
def several(ssm: Any) -> str:
    """Write one in force and two that are broken, and return the end of the first."""
    until = format_timestamp(datetime.now(UTC) + timedelta(hours=2, minutes=1))
    write(ssm, "/holdfast/exemptions/p-lp0dxjlp", "\x1b[2J\nuntil tomorrow")
    write(ssm, NAME, {"until": until, "reason": "the region\n\x1b[31mmoves", "ticket": "CHG-7"})
    write(ssm, "/holdfast/exemptions/everything", {"until": until, "reason": "all of it"})
    return until


def test_all_are_listed_those_in_force_first(run: Run, ssm: Any, several: str) -> None:
    changed = format_timestamp(ssm.get_parameter(Name=NAME)["Parameter"]["LastModifiedDate"])

    result = run("list")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"in force  DenyUnapprovedRegions ({REGIONS}) on {WORKLOADS}",
        (
            f"          until {several}, 2.0 hours left: “the region [31mmoves”, ticket “CHG-7”, "
            f"changed {changed}"
        ),
        "broken    /holdfast/exemptions/everything",
        (
            "          ignored: name: got '/holdfast/exemptions/everything', expected "
            "/holdfast/exemptions/POLICY/TARGET, /holdfast/exemptions/POLICY or /holdfast/exemptions/all"
        ),
        "broken    /holdfast/exemptions/p-lp0dxjlp",
        (
            r"          ignored: value: got '\x1b[2J\nuntil tomorrow', expected JSON such as "
            '{"until": "2026-11-22T09:00:00Z", "reason": "…", "ticket": "…"}'
        ),
        "1 in force, 0 ended, 2 broken, in us-east-1.",
        "Next: grant again what is broken, or delete it (aws ssm delete-parameter --name …).",
    ]


def test_a_program_reads_them_as_json(run: Run, several: str) -> None:
    in_force, everything, leaving = json.loads(run("list", "--json").stdout)

    assert 7_000 < in_force.pop("seconds_left") < 7_400
    assert in_force.pop("changed_at") < several
    assert in_force == {
        "state": "in force",
        "name": NAME,
        "until": several,
        "reason": "the region\n\x1b[31mmoves",
        "ticket": "CHG-7",
        "policy": REGIONS,
        "target": WORKLOADS,
        "guardrail": "DenyUnapprovedRegions",
    }
    assert [one["state"] for one in (everything, leaving)] == ["broken", "broken"]
    assert leaving["problem"].startswith(r"value: got '\x1b[2J\nuntil tomorrow', expected JSON such as")
