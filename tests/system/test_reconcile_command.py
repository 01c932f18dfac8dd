"""`holdfast reconcile` as it is typed, against the deployed system."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError
from typer.testing import CliRunner, Result

from holdfast.exemption import name_of
from holdfast.timestamps import format_timestamp
from holdfast_cli import reconcile
from holdfast_cli.__main__ import app
from localaws.gateway import ApiError
from tests.deployed import RECONCILIATION, SCP, Holdfast, deployed

pytestmark = pytest.mark.long

Reconcile = Callable[..., Result]

REFUSED = ApiError("AccessDeniedException", "You don't have permissions to access this resource.")


@pytest.fixture(scope="module")
def shared_holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast with all that it may restore."""
    switches = {"RestorePolicyTypes": "true", "RestorePolicies": "true"}
    with deployed(tmp_path_factory.mktemp("holdfast"), **switches) as shared:
        yield shared


@pytest.fixture
def run(holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch) -> Reconcile:
    """Return how the command is run: as somebody who may do everything."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALOCALOPERATOR000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(reconcile, "POLL", 0.02)

    def run(*arguments: str) -> Result:
        at = ("--endpoint-url", holdfast.aws.endpoint_url)
        return CliRunner().invoke(app, ["reconcile", *arguments, *at])

    return run


def disable(holdfast: Holdfast) -> None:
    """Switch the policy type off, and wait until it is."""
    holdfast.organizations.disable_policy_type(RootId=holdfast.target("Root"), PolicyType=SCP)
    holdfast.aws.clock.settle()


def lines(result: Result) -> list[str]:
    """Return what was printed, without the seconds before each step."""
    return [line.partition(" s  ")[2] or line for line in result.stdout.splitlines()]


def test_nothing_to_do_is_exit_code_0(run: Reconcile) -> None:
    result = run()

    assert result.exit_code == 0
    assert "│ found: nothing" in lines(result)
    assert lines(result)[-1] == "Everything is as the baseline declares it."


def test_what_is_off_under_an_exemption_is_exit_code_0(holdfast: Holdfast, run: Reconcile) -> None:
    parameters = holdfast.aws.client("ssm")
    name = name_of(holdfast.policy("DenyUnapprovedRegions"), holdfast.target("Workloads"))
    until = format_timestamp(holdfast.aws.clock.now() + timedelta(hours=2))
    value = json.dumps({"until": until, "reason": "the region moves"})
    parameters.put_parameter(Name=name, Type="String", Value=value)
    with holdfast.unseen():
        holdfast.take("DenyUnapprovedRegions", "Workloads")
    exempt = holdfast.state()

    result = run()
    parameters.delete_parameter(Name=name)

    assert (result.exit_code, holdfast.state()) == (0, exempt)
    assert lines(result)[-1] == "Everything is as the baseline declares it, but for what may be off now."


def test_one_attachment_is_restored_at_once(holdfast: Holdfast, run: Reconcile) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        holdfast.take("DenyUnapprovedRegions", "Workloads")
    attachment = f"{holdfast.policy('DenyUnapprovedRegions')}/{holdfast.target('Workloads')}"

    result = run("--attachment", attachment, "--at-once")

    assert (result.exit_code, holdfast.state()) == (0, before)
    assert f"== Reconciling the attachment {attachment}, at once" in lines(result)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--attachment", "p-1234567890"], "'' is not the id of a root"),
        (["--at-once"], "only with --attachment"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(run: Reconcile, arguments: list[str], complaint: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert complaint in result.stderr


def test_a_dry_run_says_what_would_be_done_and_does_nothing(holdfast: Holdfast, run: Reconcile) -> None:
    before = holdfast.state()
    disable(holdfast)
    disabled = holdfast.state()

    result = run("--dry-run")

    assert result.exit_code == 3
    assert "│ found: 1 policy type switched off; to be restored: nothing" in lines(result)
    assert holdfast.state() == disabled
    assert run().exit_code == 0
    assert holdfast.state() == before


def test_all_that_is_restored_is_shown_live_and_told_in_the_end(holdfast: Holdfast, run: Reconcile) -> None:
    before = holdfast.state()
    disable(holdfast)

    result = run()

    assert result.exit_code == 0
    assert holdfast.state() == before
    shown = lines(result)
    assert [line for line in shown if line.startswith("│") and "PENDING_ENABLE" not in line][:3] == [
        "│ found: 1 policy type switched off; to be restored: 1 policy type, 6 attachments",
        "│ switched on: SERVICE_CONTROL_POLICY",
        "│ attachments restored: 6 of 6",
    ]
    assert "Reconciled: 1 policy type switched on, 6 attachments restored." in shown
    assert shown[-1] == "Everything is as the baseline declares it again."


def test_a_program_reads_the_record_and_people_the_story_beside_it(run: Reconcile) -> None:
    result = run("--json")

    record = json.loads(result.stdout)
    assert (result.exit_code, record["about"], record["outcome"]) == (0, "reconciliation", "clean")
    assert "● Find Drift" in result.stderr
    assert record["execution"] in result.stderr


def test_what_cannot_be_restored_is_exit_code_1(holdfast: Holdfast, run: Reconcile) -> None:
    disable(holdfast)
    holdfast.aws.faults.fail_call("organizations", "EnablePolicyType", REFUSED, times=100)

    result = run()
    holdfast.aws.faults.clear()

    assert result.exit_code == 1
    assert lines(result)[-1] == "FAILED. Next: what the findings say is to do."
    assert run().exit_code == 0


@pytest.mark.parametrize(
    ("trouble", "exit_code"),
    [(KeyboardInterrupt(), 130), (ConnectTimeoutError(endpoint_url="https://states"), 1)],
    ids=["Ctrl-C", "a network that is gone"],
)
def test_the_run_goes_on_when_nobody_can_follow_it_any_more(
    holdfast: Holdfast,
    run: Reconcile,
    monkeypatch: pytest.MonkeyPatch,
    trouble: BaseException,
    exit_code: int,
) -> None:
    def interrupted(*_: Any) -> Iterator[Any]:
        raise trouble
        yield

    monkeypatch.setattr(reconcile, "follow", interrupted)

    with holdfast.watch(RECONCILIATION) as runs:
        result = run()

    (only,) = runs
    assert result.exit_code == exit_code
    look = f"aws stepfunctions describe-execution --execution-arn {only.arn}"
    assert lines(result)[-2:] == [
        "No longer followed. The run goes on by itself. To look at it:",
        f"  {look} --endpoint-url {holdfast.aws.endpoint_url}",
    ]
    assert only.end == ("SUCCEEDED", None)


def begin(holdfast: Holdfast, until: str) -> None:
    """Start a run by hand, and return when its history names something."""
    client = holdfast.executions
    arn = client.start_execution(stateMachineArn=holdfast.output(RECONCILIATION), input="{}")["executionArn"]
    while until not in json.dumps(client.get_execution_history(executionArn=arn)["events"], default=str):
        pass


def test_a_run_that_leaves_to_another_one_says_so(holdfast: Holdfast, run: Reconcile) -> None:
    with holdfast.aws.clock.working():
        # As long as this is busy no time passes: the first run stays in its search, the second waits.
        begin(holdfast, until="Find Drift")
        begin(holdfast, until="TurnPendingError")
        result = run()

    assert result.exit_code == 1
    assert lines(result)[-2:] == [
        "This run looked at nothing: another one waits, and will do the same.",
        "Next: run it again to see how things are then.",
    ]


def test_a_stack_that_is_not_there_is_said_to_be_missing(run: Reconcile) -> None:
    result = run("--stack", "elsewhere")

    assert result.exit_code == 1
    assert result.stderr == (
        "holdfast: there is no stack 'elsewhere' in us-east-1. Next: name yours (--stack) and its region "
        "(--region).\n"
    )
