"""The ledger of the slow path: what a run records, and who is told when it cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localaws.gateway import ApiError
from tests.deployed import RECONCILIATION, SUCCEEDED, Holdfast, Run
from tests.workflow.reconcile.ways import ATTACHED_AFTER_SECOND_LOOK, TOLD_NOW

pytestmark = pytest.mark.long

EVENTS = Path(__file__).parents[4] / "events" / "reconcile"
GUARDRAIL = ("DenyLeaveOrganization", "Root")
REFUSED = ApiError("AccessDeniedException", "You may not.")
ATTEMPTS = 4
AGAIN = ["Describe Reconciliation", "Worth Telling?", "Left Unrecorded?"]


def recorded(holdfast: Holdfast, attachment: str) -> list[dict[str, Any]]:
    """Return what the ledger has under a key, the oldest first, without the types."""
    found = holdfast.aws.client("dynamodb").query(
        TableName=holdfast.output("LedgerTableName"),
        KeyConditionExpression="attachment = :a",
        ExpressionAttributeValues={":a": {"S": attachment}},
    )
    return [{name: next(iter(value.values())) for name, value in item.items()} for item in found["Items"]]


def lose(holdfast: Holdfast) -> str:
    """Take a guardrail away unseen, and return its key in the ledger."""
    with holdfast.unseen():
        holdfast.take(*GUARDRAIL)
    return f"{holdfast.policy(GUARDRAIL[0])}/{holdfast.target(GUARDRAIL[1])}"


def of(items: list[dict[str, Any]], run: Run) -> list[dict[str, Any]]:
    return [item for item in items if item.get("execution") == run.arn]


def test_a_run_and_what_it_restored_are_recorded_each_under_its_key(holdfast: Holdfast) -> None:
    attachment = lose(holdfast)

    run = holdfast.reconcile()

    (drift,) = of(recorded(holdfast, attachment), run)
    (whole,) = of(recorded(holdfast, "reconciliation/all"), run)
    assert (drift["outcome"], drift["verdict"]) == ("reconciliation, restored", "attachments missing")
    assert (whole["outcome"], whole["attachments"]) == ("reconciled", [attachment])


def test_a_clean_run_leaves_no_record(holdfast: Holdfast) -> None:
    run = holdfast.reconcile()

    assert of(recorded(holdfast, "reconciliation/all"), run) == []


def test_what_the_ledger_does_not_take_is_told_with_that(holdfast: Holdfast) -> None:
    lose(holdfast)
    holdfast.aws.faults.fail_call("dynamodb", "TransactWriteItems", REFUSED, times=ATTEMPTS)

    run = holdfast.reconcile()

    told = ATTACHED_AFTER_SECOND_LOOK.index("Record Attachments")
    assert run.states[told:] == ["Record Attachments", *AGAIN, *TOLD_NOW]
    assert (run.end, run.outcome) == (SUCCEEDED, "reconciled")
    assert run.says("Ledger").startswith("NO RECORD of this could be written, so keep this mail")


def test_one_event_that_comes_twice_is_told_once(holdfast: Holdfast) -> None:
    """The memory of what was told is not there yet when both describe it."""
    event = json.loads((EVENTS / "put_resource_policy.json").read_text(encoding="utf-8"))
    with holdfast.watch(RECONCILIATION) as runs:
        for _ in range(2):
            holdfast.executions.start_execution(
                stateMachineArn=holdfast.output(RECONCILIATION), input=json.dumps(event)
            )

    assert sorted(len(run.mails) for run in runs) == [0, 1]
    assert [run.end for run in runs] == [SUCCEEDED] * 2
