from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.attachment import Attachment
from holdfast.errors import ServiceBusyError, ServiceRefusedError
from holdfast.reconciliation.executions import Executions, connect_executions
from tests.unit.examples import CONFIRMED_INCIDENT, DENY_REGIONS, EXECUTION, NOW, WORKLOADS
from tests.unit.scripted_services import scripted

if TYPE_CHECKING:
    from botocore.stub import Stubber

MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:holdfast-remediate"
DETACH = json.loads((Path(__file__).parents[2] / "events" / "detach_from_ou.json").read_text())


class Scripted:
    """Executions whose answers are written down beforehand."""

    def __init__(self, client: Any, stubber: Stubber) -> None:
        self.executions = Executions(client)
        self.stubber = stubber

    def lists(
        self, *started: tuple[str, datetime], token: str | None = None, after: str | None = None
    ) -> None:
        """Answer the next ListExecutions, which must be the page after `after`."""
        executions = [
            {
                "executionArn": arn(name),
                "stateMachineArn": MACHINE,
                "name": name,
                "status": "RUNNING",
                "startDate": at,
            }
            for name, at in started
        ]
        following = {"nextToken": token} if token else {}
        asked = {"stateMachineArn": MACHINE} | ({"nextToken": after} if after else {})
        self.stubber.add_response("list_executions", {"executions": executions, **following}, asked)

    def describes(self, name: str, status: str = "SUCCEEDED", at: datetime = NOW, **parts: str) -> None:
        """Answer the next DescribeExecution."""
        self.stubber.add_response(
            "describe_execution",
            {
                "executionArn": arn(name),
                "stateMachineArn": MACHINE,
                "status": status,
                "startDate": at,
                "input": json.dumps(DETACH),
                **parts,
            },
            {"executionArn": arn(name)},
        )

    def refuses(self, method: str, code: str) -> None:
        """Answer the next call with an error."""
        self.stubber.add_client_error(method, code, "as it said", 400)


@pytest.fixture(name="script")
def _script() -> Iterator[Scripted]:
    with scripted("stepfunctions") as (client, stubber):
        yield Scripted(client, stubber)


def arn(name: str) -> str:
    return f"arn:aws:states:us-east-1:111122223333:execution:holdfast-remediate:{name}"


def found(script: Scripted, limit: int = 200, minutes: int = 30) -> list[str]:
    since = NOW - timedelta(minutes=minutes)
    listed = script.executions.remediations(MACHINE, since, limit)
    return [remediation.execution_arn.rpartition(":")[2] for remediation in listed]


@pytest.mark.parametrize(
    ("status", "running"), [("RUNNING", True), ("SUCCEEDED", False), ("FAILED", False), ("TIMED_OUT", False)]
)
def test_an_execution_runs_or_has_ended(status: str, *, running: bool, script: Scripted) -> None:
    script.describes("one", status)
    assert script.executions.is_running(arn("one")) is running


def test_an_execution_that_nobody_knows_any_more_does_not_run(script: Scripted) -> None:
    script.refuses("describe_execution", "ExecutionDoesNotExist")
    assert not script.executions.is_running(EXECUTION)


@pytest.mark.parametrize(
    ("code", "error"),
    [("ThrottlingException", ServiceBusyError), ("AccessDeniedException", ServiceRefusedError)],
)
def test_an_error_is_judged(code: str, error: type[Exception], script: Scripted) -> None:
    script.refuses("describe_execution", code)
    with pytest.raises(error, match=f"^states DescribeExecution: {code}: as it said$"):
        script.executions.is_running(EXECUTION)


def test_a_remediation_says_which_detachment_it_is_for_and_how_it_stands(script: Scripted) -> None:
    script.lists(("one", NOW))
    script.describes("one", "RUNNING")
    (remediation,) = script.executions.remediations(MACHINE, NOW, 200)
    assert remediation.detachment.attachment == Attachment(DENY_REGIONS, WORKLOADS)
    assert (remediation.execution_arn, remediation.started_at) == (arn("one"), NOW)
    assert (remediation.running, remediation.sanctioned) == (True, False)


@pytest.mark.parametrize(
    ("reason", "sanctioned"),
    [("sanctioned principal", True), ("in the baseline", False), ("alert-only mode", False)],
)
def test_a_remediation_says_whether_the_detach_was_sanctioned(
    reason: str, *, sanctioned: bool, script: Scripted
) -> None:
    document = CONFIRMED_INCIDENT.to_document()
    output = json.dumps({**document, "verdict": {"action": "report", "reason": reason}})
    script.lists(("one", NOW))
    script.describes("one", output=output)
    (remediation,) = script.executions.remediations(MACHINE, NOW, 200)
    assert remediation.sanctioned is sanctioned


@pytest.mark.parametrize("output", ["not json", "[]", '"text"', '{"verdict": 3}', "{}"])
def test_an_output_without_a_verdict_sanctions_nothing(output: str, script: Scripted) -> None:
    script.lists(("one", NOW))
    script.describes("one", output=output)
    (remediation,) = script.executions.remediations(MACHINE, NOW, 200)
    assert remediation.sanctioned is False


@pytest.mark.parametrize(
    "started_with", ["{}", "not json", "[]", json.dumps({"detail": {"eventName": "Other"}})]
)
def test_an_execution_that_was_started_with_something_else_is_left_out(
    started_with: str, script: Scripted
) -> None:
    script.lists(("one", NOW), ("two", NOW))
    script.describes("one", input=started_with)
    script.describes("two")
    assert found(script) == ["two"]


def test_older_executions_are_not_described_and_further_pages_not_asked_for(script: Scripted) -> None:
    young, old = NOW - timedelta(minutes=29), NOW - timedelta(minutes=31)
    script.lists(("one", NOW), token="t1")
    script.describes("one")
    script.lists(("two", young), ("three", old), token="t2", after="t1")
    script.describes("two")
    assert found(script) == ["one", "two"]


def test_no_more_executions_are_described_than_may_be(script: Scripted) -> None:
    script.lists(("one", NOW), ("two", NOW), ("three", NOW), token="t1")
    script.describes("one")
    script.describes("two")
    assert found(script, limit=2) == ["one", "two"]


def test_many_executions_are_looked_at_slowly(script: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks 500 times at once is throttled, and asking all of it again is throttled as well."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    names = [f"one-{number}" for number in range(120)]
    script.lists(*((name, NOW) for name in names))
    for name in names:
        script.describes(name)
    assert found(script) == names
    assert pauses == [0.1] * 20


def test_the_connection_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    connect_executions.cache_clear()
    assert connect_executions() is connect_executions()
    config: Any = connect_executions()._client.meta.config
    assert config.retries["total_max_attempts"] == 1


def test_what_may_be_looked_at_reaches_back_to_a_horizon(script: Scripted) -> None:
    started = [(f"run-{minutes}", NOW - timedelta(minutes=minutes)) for minutes in range(1, 4)]
    since = NOW - timedelta(minutes=30)
    for _ in range(2):
        script.lists(*started)

    assert script.executions.horizon(MACHINE, since, 2) == NOW - timedelta(minutes=2)
    assert script.executions.horizon(MACHINE, since, 3) is None
