"""An execution, followed live, and what it told in the end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast_cli.story import TELLING, Step, Story

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Told:
    """What an execution described in the end.

    Parameters
    ----------
    subject : str
        The mail's subject.
    text : str
        The mail's text.
    record : dict
        What machines are told.
    sent : bool
        Whether it was worth a message.
    """

    subject: str
    text: str
    record: dict[str, Any]
    sent: bool


def newest_execution(  # noqa: PLR0913, PLR0917 - what is looked for, and how patiently
    client: SFNClient,
    state_machine_arn: str,
    known: Container[str],
    timeout: float,
    poll: float = _POLL_SECONDS,
    wanted: Callable[[Any], bool] | None = None,
) -> str:
    """Return the ARN of the first execution that is not known yet.

    Parameters
    ----------
    client : SFNClient
        A boto3 client.
    state_machine_arn : str
        The state machine.
    known : container of str
        The ARNs of the executions that it is not.
    timeout : float
        Seconds after which to give up.
    poll : float
        Seconds between two looks.
    wanted : callable, optional
        Tells from an execution's input whether it is the one; by default any is.

    Raises
    ------
    TimeoutError
        If none begins in time.
    """
    give_up, others = time.monotonic() + timeout, set[str]()
    while time.monotonic() < give_up:
        for execution in client.list_executions(stateMachineArn=state_machine_arn)["executions"]:
            arn = execution["executionArn"]
            if arn in known or arn in others:
                continue
            if wanted is None or wanted(_input_of(client, arn)):
                return arn
            others.add(arn)
        time.sleep(poll)
    message = f"no execution of {state_machine_arn} began within {timeout:g} s"
    raise TimeoutError(message)


def follow(
    client: SFNClient, execution_arn: str, poll: float = _POLL_SECONDS, timeout: float | None = None
) -> Iterator[Step]:
    """Yield the steps of an execution as they happen, until it has ended.

    Parameters
    ----------
    client : SFNClient
        A boto3 client.
    execution_arn : str
        The execution.
    poll : float
        Seconds between two looks at its history.
    timeout : float, optional
        Seconds after which to give up; by default never.

    Raises
    ------
    TimeoutError
        If it has not ended in time.
    """
    give_up = None if timeout is None else time.monotonic() + timeout
    described = client.describe_state_machine_for_execution(executionArn=execution_arn)
    story = Story(json.loads(described["definition"]))
    seen = 0
    while True:
        for event in _events_after(client, execution_arn, seen):
            seen = event["id"]
            for step in story.tell(event):
                yield step
                if step.succeeded is not None:
                    return
        if give_up is not None and time.monotonic() > give_up:
            message = f"the execution {execution_arn} had not ended after {timeout:g} s"
            raise TimeoutError(message)
        time.sleep(poll)


def told_by(client: SFNClient, execution_arn: str) -> Told | None:
    """Return what an execution described in the end; None if it described nothing."""
    for event in reversed(history(client, execution_arn)):
        exited = event.get("stateExitedEventDetails")
        if exited and exited["name"] in TELLING:
            notification = json.loads(exited["output"]).get("notification")
            return _told(notification) if notification else None
    return None


def history(client: SFNClient, execution_arn: str) -> list[HistoryEventTypeDef]:
    """Return all events of an execution, in their order."""
    return _events_after(client, execution_arn, 0)


def _input_of(client: SFNClient, execution_arn: str) -> Any:
    return json.loads(client.describe_execution(executionArn=execution_arn).get("input", "null"))


def _told(notification: dict[str, Any]) -> Told:
    forms = json.loads(notification["message"])
    return Told(
        subject=notification["subject"],
        text=forms["email"],
        record=json.loads(forms["default"]),
        sent=notification.get("tell", True),
    )


def _events_after(client: SFNClient, execution_arn: str, seen: int) -> list[HistoryEventTypeDef]:
    """Return the events after those that are known: a history can have 25,000, so it is read from its end."""
    pages = client.get_paginator("get_execution_history").paginate(
        executionArn=execution_arn, reverseOrder=True
    )
    fresh: list[HistoryEventTypeDef] = []
    for page in pages:
        fresh += (event for event in page["events"] if event["id"] > seen)
        if any(event["id"] <= seen for event in page["events"]):
            break
    return sorted(fresh, key=lambda event: event["id"])
