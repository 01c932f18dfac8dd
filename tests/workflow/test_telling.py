"""Describing an outcome and telling it, when Organizations or SNS do not take part."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from holdfast_cli.embedded import WATCHER
from localaws.faults import FunctionFault
from localaws.gateway import ApiError
from tests.deployed import SUCCEEDED, Holdfast, deployed
from tests.workflow.paths import (
    FAILED_TO_DESCRIBE,
    FAILED_TO_REATTACH,
    NOTIFICATION_FAILED,
    REMEDIATION_FAILED,
    RESTORED,
)
from tests.workflow.refusals import BUSY, CONNECTION_LOST, PASSING, TERMINAL, THROTTLED

PLAIN_SUBJECT = "[Holdfast {}] FAILED: an outcome could not be described"
GUARDRAIL = ("DenyLeaveOrganization", "Root")
ATTEMPTS = 9


@pytest.fixture(scope="module")
def shared_holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast without the alert, which would meet the faults of SNS instead of the outcome."""
    with deployed(tmp_path_factory.mktemp("holdfast"), AlertEnabled="false") as shared:
        yield shared


UNTOLD = {
    "InternalError": ApiError("InternalError", "Our fault.", status=500),
    "Throttled": ApiError("Throttled", "Slow down.", status=429),
    "KMSThrottling": ApiError("KMSThrottling", "Slow down."),
    "KMSAccessDenied": ApiError("KMSAccessDenied", "You may not use the key."),
    "KMSDisabled": ApiError("KMSDisabled", "The key is disabled."),
    "KMSInvalidState": ApiError("KMSInvalidState", "The key is being deleted."),
    "KMSNotFound": ApiError("KMSNotFound", "No key."),
    "KMSOptInRequired": ApiError("KMSOptInRequired", "No subscription."),
    "AuthorizationError": ApiError("AuthorizationError", "You may not publish.", status=403),
    "NotFound": ApiError("NotFound", "No topic.", status=404),
    "InvalidParameter": ApiError("InvalidParameter", "Invalid parameter: Subject"),
    "ParameterValueInvalid": ApiError("ParameterValueInvalid", "Empty attribute."),
    "EndpointDisabled": ApiError("EndpointDisabled", "Disabled."),
    "PlatformApplicationDisabled": ApiError("PlatformApplicationDisabled", "Disabled."),
    "InvalidSecurity": ApiError("InvalidSecurity", "Use HTTPS.", status=403),
    "ValidationException": ApiError("ValidationException", "Wrong."),
    "no answer": CONNECTION_LOST,
}
"""The ways in which SNS can leave a notification untold. Source: botocore's SNS model, Publish."""


def unpublished(holdfast: Holdfast, error: ApiError | None, times: int) -> None:
    """Let SNS refuse notifications, and not what the alarm then says."""
    holdfast.aws.faults.fail_call("sns", "Publish", error, times)


def test_every_error_that_publish_can_have_is_tried_here() -> None:
    """Source: botocore's SNS model, the errors of Publish, by their codes on the wire."""
    model = boto3.client("sns", region_name="us-east-1").meta.service_model

    modelled = {
        shape.metadata.get("error", {}).get("code", shape.name)
        for shape in model.operation_model("Publish").error_shapes
    }

    assert modelled <= set(UNTOLD)


@pytest.mark.parametrize("error", UNTOLD.values(), ids=UNTOLD)
def test_a_publication_that_fails_for_a_moment_is_tried_again(
    holdfast: Holdfast, error: ApiError | None
) -> None:
    unpublished(holdfast, error, times=2)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, len(run.errors), run.end) == (RESTORED, 2, SUCCEEDED)
    assert run.outcome == "restored"


@pytest.mark.parametrize("error", [UNTOLD["KMSDisabled"], CONNECTION_LOST], ids=["refused", "no answer"])
def test_an_outcome_that_cannot_be_told_is_told_as_an_alarm(
    holdfast: Holdfast, error: ApiError | None
) -> None:
    unpublished(holdfast, error, ATTEMPTS)
    alarms_before = holdfast.mails("AlarmTopicArn")

    run = holdfast.detach(*GUARDRAIL)

    (alarm,) = holdfast.mails("AlarmTopicArn")[len(alarms_before) :]
    assert run.states == [*RESTORED[: RESTORED.index("Unpack Message")], "Notification Failed"]
    assert (run.end, len(run.errors), run.mails) == (NOTIFICATION_FAILED, ATTEMPTS, ())
    assert (alarm.to, run.arn in alarm.body) == (WATCHER, True)
    assert "DenyLeaveOrganization" in holdfast.attached("Root")


def test_a_failure_that_cannot_be_told_is_told_as_an_alarm(holdfast: Holdfast) -> None:
    holdfast.aws.faults.fail_call("organizations", "AttachPolicy", TERMINAL["PermissionMissingError"])
    unpublished(holdfast, UNTOLD["AuthorizationError"], ATTEMPTS)

    run = holdfast.detach(*GUARDRAIL)

    told = FAILED_TO_REATTACH[: FAILED_TO_REATTACH.index("Unpack Message")]
    assert run.states == [*told, "Notification Failed"]
    assert (run.end, run.mails) == (NOTIFICATION_FAILED, ())


def test_a_plain_notification_that_cannot_be_told_is_told_as_an_alarm(holdfast: Holdfast) -> None:
    holdfast.aws.faults.fail_function("DescribeOutcomeFunction", FunctionFault.CRASH, times=7)
    unpublished(holdfast, UNTOLD["AuthorizationError"], ATTEMPTS)

    run = holdfast.detach(*GUARDRAIL)

    assert run.states == [*FAILED_TO_DESCRIBE[:-1], "Notification Failed"]
    assert (run.end, run.mails) == (NOTIFICATION_FAILED, ())


@pytest.mark.parametrize(("expected", "error"), PASSING)
def test_restored_is_said_only_after_the_text_was_compared(
    holdfast: Holdfast, expected: str, error: ApiError | None
) -> None:
    holdfast.aws.faults.fail_call("organizations", "DescribePolicy", error, times=3)

    run = holdfast.detach(*GUARDRAIL)

    asked_again_in_place = expected == "OrganizationsThrottledError"
    assert run.errors == ([] if asked_again_in_place else [expected] * 3)
    assert (run.states, run.end) == (RESTORED, SUCCEEDED)
    assert (run.outcome, run.says("Policy text")) == ("restored", "as the baseline declares it")


def keep_the_text_back(holdfast: Holdfast) -> None:
    """Let DescribePolicy give no answer for longer than Describe Outcome has patience."""
    holdfast.aws.faults.fail_call("organizations", "DescribePolicy", BUSY["ServiceException"], times=301)


def test_a_text_that_can_never_be_compared_is_told_plainly(holdfast: Holdfast) -> None:
    keep_the_text_back(holdfast)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.end) == (FAILED_TO_DESCRIBE, REMEDIATION_FAILED)
    assert run.mail.subject == PLAIN_SUBJECT.format(holdfast.deployment.organization.organization_id)
    assert "Error: OrganizationsBusyError" in run.mail.body


def test_a_failure_is_told_without_waiting_for_the_text(holdfast: Holdfast) -> None:
    holdfast.aws.faults.fail_call("organizations", "AttachPolicy", TERMINAL["PermissionMissingError"])
    keep_the_text_back(holdfast)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.end) == (FAILED_TO_REATTACH, REMEDIATION_FAILED)
    assert (run.errors, run.outcome) == (["PermissionMissingError"], "failed")


@pytest.mark.parametrize(
    "operation",
    ["ListParents", "DescribeAccount", "ListAccountsForParent", "ListOrganizationalUnitsForParent"],
)
def test_names_and_counts_never_cost_an_outcome(holdfast: Holdfast, operation: str) -> None:
    holdfast.aws.faults.fail_call("organizations", operation, THROTTLED["TooManyRequestsException"], times=20)

    run = holdfast.detach("ProtectSecurityRoles", "Workloads/Prod/payments-prod")

    assert (run.states, run.errors, run.outcome) == (RESTORED, [], "restored")
