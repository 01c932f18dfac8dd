"""What Lambda itself can do to a task, for a moment and for good."""

from __future__ import annotations

import pytest

from holdfast.failures import explain
from holdfast.quoting import quoted
from localaws.faults import FunctionFault
from tests.deployed import SUCCEEDED, Holdfast
from tests.workflow.paths import (
    FAILED_TO_CONFIRM,
    FAILED_TO_DESCRIBE,
    FAILED_TO_REATTACH,
    FAILED_TO_VERIFY,
    REMEDIATION_FAILED,
    RESTORED,
)

pytestmark = pytest.mark.long

PLAIN_SUBJECT = "[Holdfast {}] FAILED: an outcome could not be described"
GUARDRAIL = ("DenyLeaveOrganization", "Root")

ERROR_OF_FAULT = {
    FunctionFault.CRASH: "Runtime.ExitError",
    FunctionFault.HANG: "Sandbox.Timedout",
    FunctionFault.NO_ANSWER: "States.Timeout",
    FunctionFault.THROTTLED: "Lambda.TooManyRequestsException",
    FunctionFault.SERVICE_ERROR: "Lambda.ServiceException",
}
ATTEMPTS = {fault: 301 if fault is FunctionFault.THROTTLED else 7 for fault in FunctionFault}
FAILED_AT = {
    "VerifyDetachFunction": FAILED_TO_VERIFY,
    "ReattachPolicyFunction": FAILED_TO_REATTACH,
    "ConfirmAttachmentFunction": FAILED_TO_CONFIRM,
}


@pytest.mark.parametrize("fault", FunctionFault)
def test_a_fault_that_passes_is_outlasted_by_every_task(holdfast: Holdfast, fault: FunctionFault) -> None:
    for function in (*FAILED_AT, "DescribeOutcomeFunction"):
        holdfast.aws.faults.fail_function(function, fault, times=2)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.errors, run.end) == (RESTORED, [ERROR_OF_FAULT[fault]] * 8, SUCCEEDED)
    assert run.outcome == "restored"


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        *(("ReattachPolicyFunction", fault) for fault in FunctionFault),
        ("VerifyDetachFunction", FunctionFault.CRASH),
        ("VerifyDetachFunction", FunctionFault.NO_ANSWER),
        ("ConfirmAttachmentFunction", FunctionFault.CRASH),
        ("ConfirmAttachmentFunction", FunctionFault.NO_ANSWER),
    ],
)
def test_a_fault_that_stays_is_told_as_a_failure(
    holdfast: Holdfast, function: str, fault: FunctionFault
) -> None:
    holdfast.aws.faults.fail_function(function, fault, times=ATTEMPTS[fault])

    run = holdfast.detach(*GUARDRAIL)

    error = ERROR_OF_FAULT[fault]
    assert (run.states, run.end) == (FAILED_AT[function], REMEDIATION_FAILED)
    assert (run.errors, run.outcome) == ([error] * ATTEMPTS[fault], "failed")
    assert run.says("Error") == quoted(error)
    assert run.says("What failed") == explain(error).meaning


@pytest.mark.parametrize("fault", [FunctionFault.CRASH, FunctionFault.HANG, FunctionFault.THROTTLED])
def test_an_outcome_that_cannot_be_described_is_told_plainly(
    holdfast: Holdfast, fault: FunctionFault
) -> None:
    holdfast.aws.faults.fail_function("DescribeOutcomeFunction", fault, times=ATTEMPTS[fault])

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.end) == (FAILED_TO_DESCRIBE, REMEDIATION_FAILED)
    assert dict(run.mail.attributes) == {
        "outcome": "failed",
        "severity": "page",
        "organization": holdfast.deployment.organization.organization_id,
        "policy_type": "unknown",
        "policy_id": "unknown",
        "target_id": "unknown",
    }
    assert run.mail.subject == PLAIN_SUBJECT.format(holdfast.deployment.organization.organization_id)
    assert f"Execution: {run.arn} " in run.mail.body
    assert f"Error: {ERROR_OF_FAULT[fault]}" in run.mail.body
    assert "DenyLeaveOrganization" in holdfast.attached("Root")
