"""Starting a run by hand, among others that come of themselves."""

from __future__ import annotations

import json
from typing import Any

from tests.deployed import RECONCILIATION, Holdfast, Run


def start(holdfast: Holdfast, **request: Any) -> str:
    """Start a run by hand, and do not look what happens; return its ARN."""
    arn: str = holdfast.executions.start_execution(
        stateMachineArn=holdfast.output(RECONCILIATION), input=json.dumps(request)
    )["executionArn"]
    return arn


def reconcile(holdfast: Holdfast, **request: Any) -> Run:
    """Start a run by hand and return what happened; the runs that its own changes start are left out."""
    with holdfast.watch(RECONCILIATION) as runs:
        start(holdfast, **request)
    return runs[0]
