"""`holdfast exempt revoke` as it is typed, against the deployed system."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from holdfast.timestamps import format_timestamp
from holdfast_cli import reconcile
from holdfast_cli.__main__ import app
from localaws.gateway import ApiError
from tests.deployed import RECONCILIATION, Holdfast, deployed

pytestmark = pytest.mark.long

Run = Callable[..., Result]

POLICY, TARGET = "DenyUnapprovedRegions", "Workloads"
ATTACHMENT = "p-7dj3cien/ou-exme-ycaqk99w"
NAME = f"/holdfast/exemptions/{ATTACHMENT}"


@pytest.fixture(scope="module")
def shared_holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast."""
    with deployed(tmp_path_factory.mktemp("holdfast")) as shared:
        yield shared


@pytest.fixture
def run(holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return how the command is run: as somebody who may do everything."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALOCALOPERATOR000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(reconcile, "POLL", 0.02)

    def run(*arguments: str) -> Result:
        at = ("--folder", str(holdfast.guardrails), "--endpoint-url", holdfast.aws.endpoint_url)
        return CliRunner().invoke(app, ["exempt", "revoke", *arguments, *at])

    return run


@pytest.fixture
def _exempt(holdfast: Holdfast) -> None:
    """Exempt the attachment, and detach it."""
    put(holdfast, NAME)
    with holdfast.unseen():
        holdfast.take(POLICY, TARGET)


def put(holdfast: Holdfast, name: str) -> None:
    """Write an exemption as the console does."""
    until = format_timestamp(holdfast.aws.clock.now() + timedelta(hours=2))
    value = json.dumps({"until": until, "reason": "the region moves"})
    holdfast.aws.client("ssm").put_parameter(Name=name, Type="String", Value=value)


def names(holdfast: Holdfast) -> list[str]:
    """Return the names of the exemptions that there are."""
    listed = holdfast.aws.client("ssm").get_parameters_by_path(Path="/holdfast/exemptions", Recursive=True)
    return [parameter["Name"] for parameter in listed["Parameters"]]


def asked_for(holdfast: Holdfast, result: Result) -> Any:
    """Return the input of the execution that the command started."""
    (arn,) = (line.removeprefix("  execution  ") for line in lines(result) if line.startswith("  execution"))
    return json.loads(holdfast.executions.describe_execution(executionArn=arn)["input"])


def lines(result: Result) -> list[str]:
    """Return what was printed, without the seconds before each step."""
    return [line.partition(" s  ")[2] or line for line in result.stdout.splitlines()]


# First, for what comes later is detached unseen, and a whole comparison would say so.
@pytest.mark.parametrize(
    ("name", "arguments", "scope"),
    [
        ("p-7dj3cien", (POLICY, "all"), {"kind": "policy", "subject": "p-7dj3cien"}),
        ("all", ("all",), {"kind": "all", "subject": None}),
    ],
    ids=["a policy", "everything"],
)
def test_what_a_wide_exemption_exempted_is_looked_at(
    holdfast: Holdfast, run: Run, name: str, arguments: tuple[str, ...], scope: dict[str, str | None]
) -> None:
    put(holdfast, f"/holdfast/exemptions/{name}")

    result = run(*arguments)

    assert (result.exit_code, names(holdfast)) == (0, [])
    assert asked_for(holdfast, result)["scope"] == scope


@pytest.mark.usefixtures("_exempt")
def test_what_was_exempt_is_restored_at_once_and_followed(holdfast: Holdfast, run: Run) -> None:
    result = run(POLICY, TARGET)

    assert result.exit_code == 0
    assert POLICY in holdfast.attached(TARGET)
    assert names(holdfast) == []
    assert asked_for(holdfast, result) == {
        "cause": "request",
        "scope": {"kind": "attachment", "subject": ATTACHMENT},
        "dry_run": False,
        "at_once": True,
    }
    shown = lines(result)
    assert shown[0] == (
        f"Revoked: DenyUnapprovedRegions (p-7dj3cien) on ou-exme-ycaqk99w is no longer exempt by {NAME}."
    )
    assert f"== Reconciling the attachment {ATTACHMENT}, at once" in shown
    assert "│ attachments restored: 1 of 1" in shown
    assert shown[-1] == f"The attachment {ATTACHMENT} is as the baseline declares it again."


@pytest.mark.usefixtures("_exempt")
def test_who_does_not_wait_is_told_how_to_look(holdfast: Holdfast, run: Run) -> None:
    with holdfast.watch(RECONCILIATION) as runs:
        result = run("p-7dj3cien", "ou-exme-ycaqk99w", "--no-wait")

    (only,) = runs
    assert (result.exit_code, only.end) == (0, ("SUCCEEDED", None))
    assert POLICY in holdfast.attached(TARGET)
    look = f"aws stepfunctions describe-execution --execution-arn {only.arn}"
    assert lines(result)[-2:] == [
        "Started, and not waited for. To look at it:",
        f"  {look} --endpoint-url {holdfast.aws.endpoint_url}",
    ]


def test_one_that_is_not_there_is_said_to_be_missing(holdfast: Holdfast, run: Run) -> None:
    with holdfast.watch(RECONCILIATION) as runs:
        result = run(POLICY, TARGET)

    assert (result.exit_code, runs) == (1, [])
    assert result.stderr == (
        f"holdfast: there is no exemption {NAME} in us-east-1. Next: holdfast exempt list shows those that "
        "there are.\n"
    )


@pytest.mark.usefixtures("_exempt")
def test_a_wrong_stack_is_noticed_before_anything_is_deleted(holdfast: Holdfast, run: Run) -> None:
    result = run(POLICY, TARGET, "--stack", "elsewhere")

    assert (result.exit_code, names(holdfast)) == (1, [NAME])
    assert result.stderr.startswith("holdfast: there is no stack 'elsewhere' in us-east-1. Next: name yours")
    assert run(POLICY, TARGET).exit_code == 0


@pytest.mark.usefixtures("_exempt")
def test_a_start_that_fails_says_that_the_exemption_is_deleted(holdfast: Holdfast, run: Run) -> None:
    refused = ApiError("AccessDeniedException", "not authorized to perform: states:StartExecution")
    holdfast.aws.faults.fail_call("states", "StartExecution", refused, times=1)

    result = run(POLICY, TARGET)

    assert (result.exit_code, names(holdfast)) == (1, [])
    assert result.stderr == (
        "holdfast: the exemption is deleted, but no reconciliation could be started: An error occurred "
        "(AccessDeniedException) when calling the StartExecution operation: not authorized to perform: "
        "states:StartExecution. What is off stays off until one runs. Next: holdfast reconcile.\n"
    )
