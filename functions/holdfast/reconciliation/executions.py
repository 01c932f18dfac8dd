"""The executions of the state machines: who is running, and what became of a detachment."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

import boto3

from holdfast.calling import ONE_ATTEMPT, call, pages
from holdfast.detachment import Detachment, parse_detachment
from holdfast.errors import MalformedEventError, ServiceRefusedError
from holdfast.verdict import Reason

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef, ExecutionListItemTypeDef

RUNNING = "RUNNING"

# DescribeExecution answers 250 calls at once and 10 a second in the smallest regions. Source: Step Functions
# developer guide, "Quotas", "API action throttling".
_AT_ONCE = 100
_PACE = 0.1


@dataclass(frozen=True, slots=True)
class Remediation:
    """An execution of the fast path, and the detachment that started it.

    Parameters
    ----------
    execution_arn : str
        The execution's ARN.
    started_at : datetime
        When it began.
    running : bool
        Whether it is still under way.
    sanctioned : bool
        Whether it ended with the verdict that the caller's detaches are not to be reverted.
    detachment : Detachment
        What started it.
    """

    execution_arn: str
    started_at: datetime
    running: bool
    sanctioned: bool
    detachment: Detachment


class Executions:
    """Ask Step Functions about executions.

    Every method raises `ServiceBusyError` or `ServiceRefusedError`.

    Parameters
    ----------
    client : SFNClient
        A boto3 client that makes one attempt.
    """

    def __init__(self, client: SFNClient) -> None:
        self._client = client

    def is_running(self, execution_arn: str) -> bool:
        """Return whether an execution is under way; one that is no longer known is not."""
        try:
            described = self._describe(execution_arn)
        except ServiceRefusedError as error:
            if error.code == "ExecutionDoesNotExist":
                return False
            raise
        return described["status"] == RUNNING

    def remediations(self, state_machine_arn: str, since: datetime, limit: int) -> Iterator[Remediation]:
        """Yield the fast path's executions that began after a time, the newest first, many of them slowly.

        Parameters
        ----------
        state_machine_arn : str
            The fast path's state machine.
        since : datetime
            Older executions are not asked for.
        limit : int
            How many executions may be looked at, one call each; what was started by hand with something
            else than a detach event is looked at and left out.
        """
        for number, listed in enumerate(self._listed_since(state_machine_arn, since, limit)):
            if number >= _AT_ONCE:
                time.sleep(_PACE)
            remediation = self._remediation(listed["executionArn"])
            if remediation is not None:
                yield remediation

    def horizon(self, state_machine_arn: str, since: datetime, limit: int) -> datetime | None:
        """Return when the oldest execution began that `remediations` looks at, None if it looks at all.

        Parameters
        ----------
        state_machine_arn, since, limit
            As for `remediations`.
        """
        newest_first = [
            listed["startDate"] for listed in self._listed_since(state_machine_arn, since, limit + 1)
        ]
        return newest_first[limit - 1] if len(newest_first) > limit else None

    def _listed_since(
        self, state_machine_arn: str, since: datetime, limit: int
    ) -> Iterator[ExecutionListItemTypeDef]:
        listing = pages(
            "states", "ListExecutions", self._client.list_executions, stateMachineArn=state_machine_arn
        )
        newest_first = (listed for page in listing for listed in page["executions"])
        recent = takewhile(lambda listed: listed["startDate"] >= since, newest_first)
        return islice(recent, limit)

    def _remediation(self, execution_arn: str) -> Remediation | None:
        described = self._describe(execution_arn)
        try:
            detachment = parse_detachment(json.loads(described.get("input", "null")))
        except (MalformedEventError, ValueError):
            return None
        return Remediation(
            execution_arn=execution_arn,
            started_at=described["startDate"],
            running=described["status"] == RUNNING,
            sanctioned=_verdict(described.get("output")).get("reason") == Reason.SANCTIONED_PRINCIPAL,
            detachment=detachment,
        )

    def _describe(self, execution_arn: str) -> DescribeExecutionOutputTypeDef:
        return call(
            "states", "DescribeExecution", self._client.describe_execution, executionArn=execution_arn
        )


def _verdict(output: str | None) -> Mapping[str, Any]:
    """Return the verdict in an execution's output, empty if there is none."""
    try:
        document = json.loads(output or "null")
        verdict = document.get("verdict") if isinstance(document, dict) else None
    except ValueError:
        return {}
    return verdict if isinstance(verdict, dict) else {}


@cache
def connect_executions() -> Executions:
    """Return the connection of this process, made at the first call and kept while the function is warm."""
    return Executions(boto3.client("stepfunctions", config=ONE_ATTEMPT))
