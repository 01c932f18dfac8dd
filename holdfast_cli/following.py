"""An execution, followed live: what its history says, in the order in which it happens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an execution's story.

    Parameters
    ----------
    at : datetime
        When it happened.
    text : str
        A state's name, an error that is retried or caught, or how the execution ended.
    is_state : bool
        Whether a state was entered.
    """

    at: datetime
    text: str
    is_state: bool


def newest_execution(client: SFNClient, state_machine_arn: str, known: set[str], timeout: float) -> str:
    """Return the ARN of the first execution that is not known yet.

    Raises
    ------
    TimeoutError
        If none begins within `timeout` seconds.
    """
    give_up = time.monotonic() + timeout
    while time.monotonic() < give_up:
        for execution in client.list_executions(stateMachineArn=state_machine_arn)["executions"]:
            if execution["executionArn"] not in known:
                return execution["executionArn"]
        time.sleep(_POLL_SECONDS)
    message = f"no execution of {state_machine_arn} began within {timeout:g} s"
    raise TimeoutError(message)


def follow(client: SFNClient, execution_arn: str) -> Iterator[Step]:
    """Yield the steps of an execution as they happen, until it has ended."""
    seen = 0
    while True:
        running = client.describe_execution(executionArn=execution_arn)["status"] == "RUNNING"
        events = client.get_execution_history(executionArn=execution_arn)["events"]
        for event in events[seen:]:
            if step := _step(event):
                yield step
        seen = len(events)
        if not running:
            return
        time.sleep(_POLL_SECONDS)


def told_by(client: SFNClient, execution_arn: str) -> dict[str, Any]:
    """Return the record that an execution told machines; empty if it told nothing."""
    for event in client.get_execution_history(executionArn=execution_arn)["events"]:
        exited = event.get("stateExitedEventDetails")
        if exited and exited["name"] == "Describe Outcome":
            notification = json.loads(exited["output"]).get("notification", {"message": "{}"})
            return dict(json.loads(json.loads(notification["message"]).get("default", "{}")))
    return {}


def _step(event: HistoryEventTypeDef) -> Step | None:
    if entered := event.get("stateEnteredEventDetails"):
        return Step(event["timestamp"], entered["name"], is_state=True)
    if failed := event.get("lambdaFunctionFailedEventDetails") or event.get("taskFailedEventDetails"):
        text = f"{failed.get('error', '')}: {_message(failed.get('cause', ''))}"
        return Step(event["timestamp"], text, is_state=False)
    if ended := event.get("executionFailedEventDetails"):
        error = ended.get("error")
        told = "after it had told so" if error == "RemediationFailed" else f"{error}; the alarm topic tells"
        return Step(event["timestamp"], f"the execution failed, {told}", is_state=False)
    if event["type"] in _ENDS:
        return Step(event["timestamp"], _ENDS[event["type"]], is_state=False)
    return None


_ENDS = {
    "ExecutionSucceeded": "the execution succeeded",
    "ExecutionAborted": "the execution was stopped",
    "ExecutionTimedOut": "the execution timed out",
}


def _message(cause: str) -> str:
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, TypeError, KeyError):
        return cause
