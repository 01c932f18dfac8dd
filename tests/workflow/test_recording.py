"""The ledger: what it holds, who is told when it refuses, and an event that comes twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from holdfast.exemption import name_of
from localaws.faults import FunctionFault
from localaws.gateway import ApiError
from tests.deployed import SUCCEEDED, Holdfast, deployed, the_only
from tests.workflow.paths import (
    ATTACHED_BY_OTHERS,
    FAILED_TO_REATTACH,
    FAILED_TO_REATTACH_AND_TOLD_BEFORE,
    REMEDIATION_FAILED,
    RESTORED,
    RESTORED_AND_TOLD_BEFORE,
    RESTORED_WITHOUT_NAMES,
    RESTORED_WITHOUT_RECORD,
)
from tests.workflow.refusals import TERMINAL

GUARDRAIL = ("DenyLeaveOrganization", "Root")
REFUSED = ApiError("AccessDeniedException", "You may not.")
THROTTLED = ApiError("ThrottlingException", "Slow down.")
ATTEMPTS = 4


@pytest.fixture(scope="module")
def shared_holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast without alerts: the mail's memory would meet the faults instead of the ledger."""
    with deployed(tmp_path_factory.mktemp("holdfast"), AlertEnabled="false") as shared:
        yield shared


def ledger(holdfast: Holdfast, policy: str = GUARDRAIL[0], path: str = GUARDRAIL[1]) -> list[dict[str, Any]]:
    """Return what the ledger has of an attachment, the oldest first, without the types."""
    key = f"{holdfast.policy(policy)}/{holdfast.target(path)}"
    found = holdfast.aws.client("dynamodb").query(
        TableName=holdfast.output("LedgerTableName"),
        KeyConditionExpression="attachment = :a",
        ExpressionAttributeValues={":a": {"S": key}},
    )
    return [{name: next(iter(value.values())) for name, value in item.items()} for item in found["Items"]]


def of(items: list[dict[str, Any]], run: Any) -> list[dict[str, Any]]:
    """Return the items about a run's detach."""
    return [item for item in items if run.event["detail"]["eventID"] in item["incident"]]


def test_a_restored_guardrail_is_recorded_and_its_names_beside_it(holdfast: Holdfast) -> None:
    run = holdfast.detach(*GUARDRAIL, by=holdfast.role("developer"))

    incident, names = of(ledger(holdfast), run)
    assert (incident["outcome"], incident["verdict"], incident["execution"]) == (
        "restored",
        "in the baseline",
        run.arn,
    )
    assert int(incident["exposure_seconds"]) > 0
    assert (names["incident"], names["session_name"]) == (f"{incident['incident']}/names", "mallory")
    assert "mallory" not in str(incident)


def test_a_failure_is_recorded_before_it_is_told(holdfast: Holdfast) -> None:
    holdfast.aws.faults.fail_call("organizations", "AttachPolicy", TERMINAL["PermissionMissingError"])

    run = holdfast.detach(*GUARDRAIL)

    incident, _ = of(ledger(holdfast), run)
    assert run.states == FAILED_TO_REATTACH
    assert (incident["outcome"], incident["error"]) == ("failed", "PermissionMissingError")


def test_the_same_failure_of_the_same_event_is_told_once(holdfast: Holdfast) -> None:
    holdfast.aws.faults.fail_call(
        "organizations", "AttachPolicy", TERMINAL["PermissionMissingError"], times=2
    )
    first = holdfast.detach(*GUARDRAIL)

    (second,) = holdfast.deliver(first.event)

    assert (len(first.mails), second.mails) == (1, ())
    assert (second.states, second.end) == (FAILED_TO_REATTACH_AND_TOLD_BEFORE, REMEDIATION_FAILED)


def test_the_same_event_in_two_racing_executions_is_told_once_and_both_verify(holdfast: Holdfast) -> None:
    with holdfast.unseen():
        holdfast.take(*GUARDRAIL)
    event = holdfast.changes()[-1]

    with holdfast.watch() as runs:
        for _ in range(2):
            holdfast.aws.bus.put(_envelope(event))

    ends = sorted(run.states[5:] for run in runs)
    assert sum(len(run.mails) for run in runs) == 1
    assert all(run.states[:5] == RESTORED[:5] for run in runs)
    assert ends in (
        sorted([RESTORED[5:], ATTACHED_BY_OTHERS[5:]]),
        sorted([RESTORED[5:], RESTORED_AND_TOLD_BEFORE[5:]]),
    )


def _envelope(detail: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "5b0a0b62-11f6-4a2b-8e9d-0a4f2f5a7c11",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.organizations",
        "account": detail["recipientAccountId"],
        "time": detail["eventTime"],
        "region": detail["awsRegion"],
        "resources": [],
        "detail": detail,
    }


def test_a_retry_that_lost_its_answer_is_no_second_execution(holdfast: Holdfast) -> None:
    """The record is this execution's own: it is told."""
    holdfast.aws.faults.fail_call(
        "sns", "Publish", ApiError("InternalError", "Our fault.", status=500), times=3
    )

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, len(run.mails)) == (RESTORED, 1)


def test_a_ledger_that_takes_nothing_for_a_moment_is_asked_again(holdfast: Holdfast) -> None:
    holdfast.aws.faults.fail_call("dynamodb", "PutItem", THROTTLED, times=2)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, len(run.errors)) == (RESTORED, 2)
    assert len(of(ledger(holdfast), run)) == 2


@pytest.mark.parametrize("error", [REFUSED, THROTTLED, None], ids=["refused", "throttled", "no answer"])
def test_what_the_ledger_does_not_take_is_told_with_that(holdfast: Holdfast, error: ApiError | None) -> None:
    holdfast.aws.faults.fail_call("dynamodb", "PutItem", error, times=ATTEMPTS)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.end, run.outcome) == (RESTORED_WITHOUT_NAMES, SUCCEEDED, "restored")
    assert run.says("Ledger").startswith("NO RECORD of this could be written, so keep this mail: “")
    assert of(ledger(holdfast), run) == []


def test_an_incident_without_a_record_is_told_with_that(holdfast: Holdfast) -> None:
    holdfast.aws.faults.fail_call("dynamodb", "PutItem", REFUSED, times=ATTEMPTS, spared=1)

    run = holdfast.detach(*GUARDRAIL)

    assert run.states == RESTORED_WITHOUT_RECORD
    assert run.says("Ledger").startswith("NO RECORD of this could be written")


def test_a_failure_without_a_record_is_told_as_a_failure(holdfast: Holdfast) -> None:
    holdfast.aws.faults.fail_call("organizations", "AttachPolicy", TERMINAL["PermissionMissingError"])
    holdfast.aws.faults.fail_call("dynamodb", "PutItem", REFUSED, times=ATTEMPTS)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states[-1], run.end, run.outcome) == ("Remediation Failed", REMEDIATION_FAILED, "failed")
    assert run.says("Ledger").startswith("NO RECORD of this could be written")


def test_a_failure_after_an_exemption_is_told_also_if_the_exemption_is_without_a_record(
    holdfast: Holdfast,
) -> None:
    until = holdfast.aws.clock.now() + timedelta(hours=2)
    holdfast.aws.client("ssm").put_parameter(
        Name=name_of(holdfast.policy(GUARDRAIL[0]), holdfast.target(GUARDRAIL[1])),
        Type="String",
        Value=json.dumps({"until": until.isoformat(), "reason": "the region moves"}),
    )
    holdfast.aws.clock.settle()
    holdfast.aws.faults.fail_call("dynamodb", "PutItem", REFUSED, times=ATTEMPTS)

    with holdfast.watch() as runs:
        holdfast.take(*GUARDRAIL)
        holdfast.aws.clock.sleep(3_600)
        holdfast.aws.faults.fail_function("VerifyDetachFunction", FunctionFault.CRASH, times=7)

    told, failed = the_only(runs).mails
    assert the_only(runs).end == REMEDIATION_FAILED
    assert [mail.attributes["outcome"] for mail in (told, failed)] == ["exempt", "failed"]
    assert ("NO RECORD" in told.body, "NO RECORD" in failed.body) == (True, False)
    assert re.search("^Exposed: .*, still open;", failed.body, re.MULTILINE)
    assert "exempt revoke" not in failed.body


def test_a_ledger_that_cannot_be_read_costs_no_outcome(holdfast: Holdfast) -> None:
    holdfast.aws.faults.fail_call("dynamodb", "Query", REFUSED)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.outcome) == (RESTORED, "restored")
    assert run.says("Ledger").startswith(
        "NOT READ, so nobody looked whether this is a fight: “dynamodb Query"
    )


def test_what_cannot_be_described_is_told_to_be_without_a_record(holdfast: Holdfast) -> None:
    holdfast.aws.faults.fail_function("DescribeOutcomeFunction", FunctionFault.CRASH, times=7)

    run = holdfast.detach(*GUARDRAIL)

    assert "The ledger has no record of it." in run.mail.body
