"""What an execution did, read from its history: its time, its transitions, its functions, its payloads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_ENDS_OF_A_TASK = {"LambdaFunctionSucceeded", "LambdaFunctionFailed", "LambdaFunctionTimedOut"}


@dataclass(frozen=True, slots=True)
class Executed:
    """An execution that has ended.

    Parameters
    ----------
    events : tuple of dict
        Its history, as Step Functions tells it.
    """

    events: tuple[Mapping[str, Any], ...]

    @property
    def seconds(self) -> float:
        """The time from its start to its end, on the clock."""
        began, ended = (self.events[index]["timestamp"] for index in (0, -1))
        return float((ended - began).total_seconds())

    @property
    def end(self) -> str:
        """The error with which it failed, or `succeeded`."""
        details = self.events[-1].get("executionFailedEventDetails", {})
        return str(details.get("error", "succeeded"))

    @property
    def transitions(self) -> int:
        """Each state that was entered, and the start."""
        return 1 + sum("stateEnteredEventDetails" in event for event in self.events)

    @property
    def largest_payload(self) -> int:
        """The bytes of the largest input or output of a state."""
        sizes = [len(text.encode()) for event in self.events for text in _payloads(event)]
        return max(sizes)

    def invocations(self) -> Iterator[tuple[str, float]]:
        """Yield the ARN of each function that was called, and the seconds on the clock that it took."""
        arn, began = "", None
        for event in self.events:
            if event["type"] == "LambdaFunctionScheduled":
                arn, began = event["lambdaFunctionScheduledEventDetails"]["resource"], event["timestamp"]
            elif event["type"] in _ENDS_OF_A_TASK and began is not None:
                yield arn, (event["timestamp"] - began).total_seconds()

    def entered(self, state: str) -> datetime:
        """Return when a state was entered first."""
        return self._first("stateEnteredEventDetails", state)

    def left(self, state: str) -> datetime:
        """Return when a state was left first."""
        return self._first("stateExitedEventDetails", state)

    def _first(self, details: str, state: str) -> datetime:
        moments = [event["timestamp"] for event in self.events if event.get(details, {}).get("name") == state]
        moment: datetime = moments[0]
        return moment


def executions_of(client: Any, state_machine_arn: str) -> list[Executed]:
    """Return all executions of a state machine, the newest first."""
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=state_machine_arn)
    arns = [execution["executionArn"] for page in pages for execution in page["executions"]]
    return [Executed(tuple(_history(client, arn))) for arn in arns]


def _history(client: Any, arn: str) -> Iterator[Mapping[str, Any]]:
    for page in client.get_paginator("get_execution_history").paginate(executionArn=arn):
        yield from page["events"]


def _payloads(event: Mapping[str, Any]) -> Iterator[str]:
    for details in event.values():
        if isinstance(details, Mapping):
            yield from (details[name] for name in ("input", "output") if name in details)
