"""Whatever a task calls can be throttled, unreachable or refused: for a moment, and for good."""

from __future__ import annotations

import pytest

from holdfast.quoting import quoted
from localaws.faults import FunctionFault
from localaws.gateway import ApiError
from tests.deployed import RECONCILIATION, SUCCEEDED, Holdfast, Run, text_of
from tests.workflow.reconcile.drifts import delete, detach, disable_type, weaken
from tests.workflow.reconcile.findings import findings_of
from tests.workflow.reconcile.starting import reconcile, start
from tests.workflow.reconcile.ways import (
    ATTACHED_AFTER_SECOND_LOOK,
    FAILED,
    LEFT_ALONE,
    NOTIFICATION_FAILED,
    RECONCILIATION_FAILED,
    TOLD_PLAINLY,
)
from tests.workflow.refusals import CONNECTION_LOST

pytestmark = pytest.mark.long

CALLS = [
    *(("organizations", name) for name in ("ListRoots", "DescribePolicy", "ListTargetsForPolicy")),
    *(("organizations", name) for name in ("ListPolicies", "ListPoliciesForTarget", "EnablePolicyType")),
    *(("organizations", name) for name in ("CreatePolicy", "UpdatePolicy", "AttachPolicy")),
    *(("ssm", name) for name in ("GetParametersByPath", "PutParameter")),
    *(("dynamodb", name) for name in ("GetItem", "PutItem")),
    ("cloudtrail", "LookupEvents"),
    ("sns", "Publish"),
]
"""What a run calls that restores everything; Check Wiring's own calls are left out."""

FUNCTIONS = [
    *("TakeTurnFunction", "FindDriftFunction", "RestorePolicyTypesFunction", "RestorePoliciesFunction"),
    *("RestoreAttachmentsFunction", "CheckWiringFunction", "DescribeReconciliationFunction"),
]
ERROR_OF_FAULT = {
    FunctionFault.CRASH: "Runtime.ExitError",
    FunctionFault.THROTTLED: "Lambda.TooManyRequestsException",
}
MOMENTARY = {
    "throttled": ApiError("ThrottlingException", "Rate exceeded"),
    "no answer": CONNECTION_LOST,
}
REFUSED = ApiError("AccessDeniedException", "You may not.")
FOREVER = 2_000


def lose_everything(holdfast: Holdfast) -> None:
    with holdfast.unseen():
        weaken(holdfast)
        delete(holdfast)
        disable_type(holdfast)


@pytest.mark.parametrize("error", MOMENTARY.values(), ids=MOMENTARY)
def test_calls_that_fail_for_a_moment_cost_nothing_but_time(
    holdfast: Holdfast, error: ApiError | None
) -> None:
    before = holdfast.state()
    lose_everything(holdfast)
    for service, operation in CALLS:
        holdfast.aws.faults.fail_call(service, operation, error, times=2)

    run = reconcile(holdfast)

    assert (run.end, run.outcome, holdfast.state()) == (SUCCEEDED, "reconciled", before)
    assert run.says("Restored") == (
        "1 policy type switched on, 1 policy made again, 1 text put back, 6 attachments restored, confirmed"
    )


@pytest.mark.parametrize("fault", ERROR_OF_FAULT)
def test_a_fault_of_lambda_that_passes_is_outlasted_by_every_task(
    holdfast: Holdfast, fault: FunctionFault
) -> None:
    with holdfast.unseen():
        detach(holdfast)
    for function in FUNCTIONS:
        holdfast.aws.faults.fail_function(function, fault, times=2)

    run = holdfast.reconcile()

    assert (run.states, run.end, run.outcome) == (ATTACHED_AFTER_SECOND_LOOK, SUCCEEDED, "reconciled")
    assert run.errors == [ERROR_OF_FAULT[fault]] * 2 * len(FUNCTIONS)


def fail(holdfast: Holdfast, function: str) -> str:
    """Let a function fail for good, and return the error that is told."""
    holdfast.aws.faults.fail_function(function, FunctionFault.CRASH, times=7)
    return ERROR_OF_FAULT[FunctionFault.CRASH]


TITLES = {
    "TakeTurnFunction": "Task failed: a run could not begin",
    "FindDriftFunction": "Task failed: the run could not go on",
    "CheckWiringFunction": "Task failed: Holdfast's own wiring could not be checked",
}


@pytest.mark.parametrize("function", TITLES)
def test_a_task_that_fails_for_good_is_told_as_a_failure(holdfast: Holdfast, function: str) -> None:
    error = fail(holdfast, function)

    run = holdfast.reconcile()

    assert (run.states[-len(FAILED) :], run.end) == (FAILED, RECONCILIATION_FAILED)
    assert (run.errors, run.outcome, run.mail.attributes["severity"]) == ([error] * 7, "failed", "page")
    assert list(findings_of(run)) == [TITLES[function]]
    assert quoted(error) in findings_of(run)[TITLES[function]]


@pytest.mark.parametrize(
    ("function", "title"),
    [
        ("RestorePolicyTypesFunction", "Task failed: policy types could not be switched on"),
        ("RestorePoliciesFunction", "Task failed: policies could not be restored"),
    ],
)
def test_what_cannot_be_restored_keeps_nothing_else_from_it(
    holdfast: Holdfast, function: str, title: str
) -> None:
    with holdfast.unseen():
        detach(holdfast)
    error = fail(holdfast, function)

    run = holdfast.reconcile()

    assert (run.end, run.errors, run.outcome) == (RECONCILIATION_FAILED, [error] * 7, "failed")
    assert title in findings_of(run)
    assert run.says("Restored") == "1 attachment restored, confirmed"
    assert "DenyUnapprovedRegions" in holdfast.attached("Workloads")


def test_attachments_whose_task_fails_are_named(holdfast: Holdfast) -> None:
    with holdfast.unseen():
        detach(holdfast)
    error = fail(holdfast, "RestoreAttachmentsFunction")

    run = holdfast.reconcile()

    assert (run.end, run.mail.subject.partition("] ")[2]) == (
        RECONCILIATION_FAILED,
        "FAILED: 1 of 1 attachment could not be restored",
    )
    (finding,) = findings_of(run, regions=holdfast.policy("DenyUnapprovedRegions")).items()
    assert finding[0] == (
        "Attachments missing: “DenyUnapprovedRegions” (regions) could not be attached to OU “Workloads”"
    )
    assert quoted(error) in finding[1]


def test_a_run_that_cannot_be_described_is_told_plainly(holdfast: Holdfast) -> None:
    organization = holdfast.deployment.organization.organization_id
    error = fail(holdfast, "DescribeReconciliationFunction")

    run = holdfast.reconcile()

    assert (run.states[-2:], run.end) == (TOLD_PLAINLY, RECONCILIATION_FAILED)
    assert run.mail.subject == f"[Holdfast {organization}] FAILED: a reconciliation could not be described"
    assert dict(run.mail.attributes) == {
        "outcome": "failed",
        "severity": "page",
        "organization": organization,
        "policy_type": "unknown",
        "policy_id": "unknown",
        "target_id": "unknown",
    }
    assert f"Execution: {run.arn} " in run.mail.body
    assert f"Error: {error}" in run.mail.body


def refuse(holdfast: Holdfast, service: str, *operations: str, error: ApiError = REFUSED) -> None:
    """Let calls fail for good."""
    for operation in operations:
        holdfast.aws.faults.fail_call(service, operation, error, times=FOREVER)


REFUSALS = {
    ("organizations", "ListRoots"): ("the run could not go on", "PermissionMissingError"),
    ("organizations", "DescribePolicy"): ("the run could not go on", "PermissionMissingError"),
    ("organizations", "ListTargetsForPolicy"): ("the run could not go on", "PermissionMissingError"),
    ("ssm", "GetParametersByPath"): ("a run could not begin", "ServiceRefusedError"),
}


@pytest.mark.parametrize("call", REFUSALS, ids=lambda call: call[1])
def test_a_read_that_is_refused_is_told_at_once(holdfast: Holdfast, call: tuple[str, str]) -> None:
    refuse(holdfast, *call)
    title, error = REFUSALS[call]

    run = holdfast.reconcile()

    told = findings_of(run)
    assert (run.states[-len(FAILED) :], run.end, run.errors) == (FAILED, RECONCILIATION_FAILED, [error])
    assert quoted(error) in told[f"Task failed: {title}"]


WRITES = {
    "EnablePolicyType": "Policy type disabled: policy type SERVICE_CONTROL_POLICY is disabled and could not "
    "be switched on",
    "CreatePolicy": "Policy deleted: “ProtectSecurityRoles” (roles) was deleted and could not be made again",
    "UpdatePolicy": "Text changed: the text of “DenyLeaveOrganization” (leave) is not the declared one and "
    "could not be put back",
    "AttachPolicy": "Attachments missing: “DenyUnapprovedRegions” (regions) could not be attached to OU "
    "“Workloads”",
}
CAUSES = dict(zip(WRITES, (disable_type, delete, weaken, detach), strict=True))


@pytest.mark.parametrize("operation", WRITES)
def test_a_write_that_is_refused_is_told_with_what_it_was_for(holdfast: Holdfast, operation: str) -> None:
    guardrails = {
        "roles": holdfast.policy("ProtectSecurityRoles"),
        "leave": holdfast.policy("DenyLeaveOrganization"),
        "regions": holdfast.policy("DenyUnapprovedRegions"),
    }
    with holdfast.unseen():
        CAUSES[operation](holdfast)
    found = holdfast.state()
    refuse(holdfast, "organizations", operation)

    run = holdfast.reconcile()

    told = findings_of(run, **guardrails)
    assert (run.states[-len(FAILED) :], run.end, run.outcome) == (FAILED, RECONCILIATION_FAILED, "failed")
    assert next(iter(told)) == WRITES[operation]
    assert quoted("PermissionMissingError") in told[WRITES[operation]]
    assert (run.errors, holdfast.state()) == ([], found)


@pytest.mark.parametrize(
    "error", [REFUSED, ApiError("ResourceNotFoundException", "No such table.")], ids=lambda error: error.code
)
def test_without_its_memory_a_run_goes_and_tells_all_the_same(holdfast: Holdfast, error: ApiError) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        detach(holdfast)
    refuse(holdfast, "dynamodb", "GetItem", "PutItem", error=error)

    run = holdfast.reconcile()

    assert (run.end, run.outcome, holdfast.state()) == (SUCCEEDED, "reconciled", before)


@pytest.mark.parametrize("error", [REFUSED, MOMENTARY["throttled"]], ids=["denied", "throttled"])
def test_without_cloudtrail_it_is_restored_and_nobody_is_named(holdfast: Holdfast, error: ApiError) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        detach(holdfast)
    refuse(holdfast, "cloudtrail", "LookupEvents", error=error)

    run = holdfast.reconcile()

    assert (run.end, run.outcome, holdfast.state()) == (SUCCEEDED, "reconciled", before)
    assert (
        run.says("Done by") == "nobody was found in CloudTrail's event history, which may lag by 15 minutes"
    )


def test_a_successor_that_cannot_be_written_down_is_told_and_found_again(holdfast: Holdfast) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        delete(holdfast)
    refuse(holdfast, "ssm", "PutParameter")
    first = holdfast.reconcile()
    made = holdfast.policy("ProtectSecurityRoles")
    holdfast.aws.faults.clear()

    second = holdfast.reconcile()

    assert (first.end, first.outcome) == (RECONCILIATION_FAILED, "failed")
    assert (second.end, second.outcome) == (SUCCEEDED, "reconciled")
    assert (holdfast.policy("ProtectSecurityRoles"), holdfast.state()) == (made, before)


def test_a_partial_failure_restores_the_rest_and_names_what_is_left(holdfast: Holdfast) -> None:
    with holdfast.unseen():
        disable_type(holdfast)
    full = ApiError(
        "ConstraintViolationException", "Full.", Reason="MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    )
    holdfast.aws.faults.fail_call("organizations", "AttachPolicy", full, spared=2)

    run = holdfast.reconcile()

    attached = sum(len(names - {"FullAWSAccess"}) for names in holdfast.state()["attached"].values())
    assert (run.end, run.outcome, attached) == (RECONCILIATION_FAILED, "failed", 5)
    assert run.says("Restored") == (
        "1 policy type switched on, 5 attachments restored, confirmed; 1 attachment could NOT be"
    )
    assert run.given["Describe Reconciliation"]["attachments"][0]["refused"][0]["items"] == [2]


def alarms_of(holdfast: Holdfast, run: Run) -> list[list[str]]:
    return [text_of(mail) for mail in holdfast.mails("AlarmTopicArn") if run.arn in mail.body]


@pytest.mark.parametrize("failing", [False, True], ids=["a success", "a failure"])
def test_what_cannot_be_told_is_told_as_an_alarm(holdfast: Holdfast, failing: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    with holdfast.unseen():
        detach(holdfast)
    if failing:
        refuse(holdfast, "organizations", "AttachPolicy")
    holdfast.aws.faults.fail_call("sns", "Publish", ApiError("KMSDisabled", "The key is disabled."), times=9)

    run = holdfast.reconcile()

    notify = "Notify Failure" if failing else "Notify Success"
    console = "https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1"
    assert run.states[-2:] == [notify, "Notification Failed"]
    assert (run.end, run.mails) == (NOTIFICATION_FAILED, ())
    assert alarms_of(holdfast, run) == [
        [
            "ALARM: an execution of Holdfast ended without telling anybody how: “FAILED”.",
            "Treat the guardrail as detached until you have looked.",
            f"Execution: {run.arn}",
            f"Look here: {console}#/v2/executions/details/{run.arn}",
        ]
    ]


def test_a_failure_that_was_told_raises_no_alarm_of_its_own(holdfast: Holdfast) -> None:
    fail(holdfast, "FindDriftFunction")

    run = holdfast.reconcile()

    assert (run.end, alarms_of(holdfast, run)) == (RECONCILIATION_FAILED, [])


def test_an_input_that_is_no_request_is_told_with_the_input(holdfast: Holdfast) -> None:
    run = holdfast.reconcile(scope={"kind": "everything"})

    assert (run.states[-len(FAILED) :], run.end, run.errors) == (
        FAILED,
        RECONCILIATION_FAILED,
        ["MalformedEventError"],
    )
    assert list(findings_of(run)) == ["Task failed: a run could not begin"]
    assert "everything" in run.mail.body


def test_a_baseline_that_changes_during_a_run_is_told_and_nothing_is_mixed_up(holdfast: Holdfast) -> None:
    with holdfast.unseen():
        detach(holdfast)

    with holdfast.watch(RECONCILIATION) as runs:
        start(holdfast)
        holdfast.aws.clock.sleep(60)
        holdfast.guardrail("Another", "Sandbox")

    run = runs[0]
    assert (run.states[-len(FAILED) :], run.end, run.errors) == (
        FAILED,
        RECONCILIATION_FAILED,
        ["BaselineChangedError"],
    )
    assert "DenyUnapprovedRegions" not in holdfast.attached("Workloads")


def test_what_the_fast_path_is_restoring_is_left_to_it(holdfast: Holdfast) -> None:
    before = holdfast.state()
    holdfast.aws.faults.fail_function("ReattachPolicyFunction", FunctionFault.NO_ANSWER)

    with holdfast.watch(RECONCILIATION) as runs:
        detach(holdfast)
        holdfast.aws.clock.sleep(30)
        start(holdfast)

    run = runs[0]
    assert (run.states, run.end, run.mails, holdfast.state()) == (LEFT_ALONE, SUCCEEDED, (), before)
