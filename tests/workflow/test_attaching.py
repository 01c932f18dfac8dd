"""What AttachPolicy can answer, and where each answer leads."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest

from docs.generated import cost, measured
from holdfast.asking import ATTEMPTS
from holdfast.failures import EXPLANATIONS
from localaws.gateway import ApiError
from tests.bench.executed import executions_of
from tests.deployed import SCP, SUCCEEDED, Holdfast, the_only
from tests.workflow.paths import FAILED_TO_REATTACH, REMEDIATION_FAILED, RESTORED
from tests.workflow.refusals import BUSY, CONNECTION_LOST, TERMINAL, THROTTLED, codes

GUARDRAIL = ("DenyLeaveOrganization", "Root")


def refuse(holdfast: Holdfast, error: ApiError | None, times: int = 1, *, after_effect: bool = False) -> None:
    """Let AttachPolicy answer with an error."""
    holdfast.aws.faults.fail_call("organizations", "AttachPolicy", error, times, after_effect=after_effect)


def attachments_asked_for(holdfast: Holdfast) -> int:
    role = holdfast.resource("ReattachPolicyFunctionRole")
    calls = holdfast.aws.calls.recorded("organizations", "AttachPolicy")
    return sum(role in call.principal for call in calls)


def test_every_error_that_attach_policy_can_have_is_tried_here() -> None:
    """Source: botocore's Organizations model, the errors of AttachPolicy."""
    model = boto3.client("organizations", region_name="us-east-1").meta.service_model

    modelled = {shape.name for shape in model.operation_model("AttachPolicy").error_shapes}

    assert modelled - codes(THROTTLED, BUSY, TERMINAL) == {"DuplicatePolicyAttachmentException"}


@pytest.mark.parametrize("error", BUSY.values(), ids=BUSY)
def test_what_clears_up_is_tried_again_until_the_guardrail_is_back(
    holdfast: Holdfast, error: ApiError | None
) -> None:
    refuse(holdfast, error, times=3)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.errors, run.end) == (RESTORED, ["OrganizationsBusyError"] * 3, SUCCEEDED)
    assert run.outcome == "restored"
    assert "DenyLeaveOrganization" in holdfast.attached("Root")


@pytest.mark.parametrize("error", THROTTLED.values(), ids=THROTTLED)
def test_throttling_is_outlasted_within_one_attempt_of_the_task(holdfast: Holdfast, error: ApiError) -> None:
    refuse(holdfast, error, times=3)
    asked_before = attachments_asked_for(holdfast)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.errors, run.outcome) == (RESTORED, [], "restored")
    assert attachments_asked_for(holdfast) == asked_before + 4


def test_a_restored_detach_takes_the_steps_and_the_log_with_which_its_cost_is_counted(
    holdfast: Holdfast,
) -> None:
    """The log gets the whole history. Source: Step Functions developer guide, log level `ALL`."""
    holdfast.detach(*GUARDRAIL)
    newest = executions_of(holdfast.executions, holdfast.resource("RemediateStateMachine"))[0]

    (transitions,) = {measured.number(row["state transitions"]) for row in measured.rows("accounts")}
    assert newest.transitions == transitions
    assert len(json.dumps(newest.events, default=str)) < cost.LOGGED_BY_INCIDENT * 1_000_000_000


def test_longer_throttling_is_waited_out_by_the_state_machine(holdfast: Holdfast) -> None:
    refuse(holdfast, THROTTLED["TooManyRequestsException"], times=2 * ATTEMPTS)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.errors) == (RESTORED, ["OrganizationsThrottledError"] * 2)
    assert run.outcome == "restored"


@pytest.mark.parametrize(("name", "error"), TERMINAL.items(), ids=TERMINAL)
def test_what_waiting_does_not_change_is_told_at_once(holdfast: Holdfast, name: str, error: ApiError) -> None:
    refuse(holdfast, error, times=2)
    asked_before = attachments_asked_for(holdfast)
    expected = name.partition(",")[0]

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.errors, run.end) == (FAILED_TO_REATTACH, [expected], REMEDIATION_FAILED)
    assert (run.outcome, run.mail.attributes["severity"]) == ("failed", "page")
    assert run.says("Error") == f"“{expected}”"
    assert run.says("What failed") == EXPLANATIONS[expected].meaning
    assert run.says("To do") == EXPLANATIONS[expected].remedy
    assert run.says("Covered now").startswith("NO: a read at ")
    assert attachments_asked_for(holdfast) == asked_before + 1


def test_the_reason_of_a_refusal_is_told(holdfast: Holdfast) -> None:
    refuse(holdfast, TERMINAL["OrganizationsRefusedError, an input"])

    run = holdfast.detach(*GUARDRAIL)

    assert run.says("Message") == "“AttachPolicy: InvalidInputException (TARGET_NOT_SUPPORTED): No.”"


@pytest.mark.parametrize("error", [BUSY["ServiceException"], CONNECTION_LOST], ids=["error", "no answer"])
def test_an_attachment_whose_answer_was_lost_is_told(holdfast: Holdfast, error: ApiError | None) -> None:
    refuse(holdfast, error, after_effect=True)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.errors, run.end) == (RESTORED, ["OrganizationsBusyError"], SUCCEEDED)
    assert run.outcome == "already attached"
    assert run.says("AttachPolicy").startswith(
        "already attached, by an earlier attempt whose answer was lost or by somebody else, at "
    )


def test_after_half_an_hour_of_other_changes_it_is_told_that_organizations_is_busy(
    holdfast: Holdfast,
) -> None:
    refuse(holdfast, BUSY["ConcurrentModificationException"], times=301)
    began = holdfast.aws.clock.now()

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.end) == (FAILED_TO_REATTACH, REMEDIATION_FAILED)
    assert run.errors == ["OrganizationsBusyError"] * 301
    assert run.says("What failed") == EXPLANATIONS["OrganizationsBusyError"].meaning
    assert 1_500 < (run.mail.received_at - began).total_seconds() < 3_000


def test_at_the_quota_the_mail_names_who_holds_the_slots_and_how_to_free_one(holdfast: Holdfast) -> None:
    unit = holdfast.unit("Stuffed")
    guardrail = holdfast.guardrail("Squeezed", "Stuffed")
    kept = holdfast.guardrail("Kept", "Stuffed")
    with holdfast.watch() as runs:
        holdfast.take("Squeezed", "Stuffed")
        stuffing = [holdfast.stranger(f"Stuffing{number}", "Stuffed") for number in range(8)]

    run = the_only(runs)

    held = [line for line in run.mail.body.splitlines() if line.startswith("  - ")]
    assert (run.states, run.errors) == (FAILED_TO_REATTACH, ["AttachmentQuotaExceededError"])
    assert run.says("The 10 slots of the target are held by") == ""
    assert held == [
        "  - p-FullAWSAccess “FullAWSAccess” (not in the baseline, AWS-managed)",
        f"  - {kept} “Kept” (in the baseline)",
        *(f"  - {policy} “Stuffing{number}” (not in the baseline)" for number, policy in enumerate(stuffing)),
    ]
    assert run.says("To free a slot, for example") == (
        f"aws organizations detach-policy --policy-id {stuffing[-1]} --target-id {unit}"
    )
    assert run.says("To attach it") == (
        f"aws organizations attach-policy --policy-id {guardrail} --target-id {unit}"
    )


def test_a_policy_deleted_meanwhile_is_told_as_gone(holdfast: Holdfast) -> None:
    policy = holdfast.guardrail("ShortLived", "Sandbox")
    with holdfast.watch() as runs:
        holdfast.take("ShortLived", "Sandbox")
        holdfast.organizations.delete_policy(PolicyId=policy)

    run = the_only(runs)

    assert (run.states, run.errors) == (FAILED_TO_REATTACH, ["PolicyGoneError"])
    assert run.says("What failed") == EXPLANATIONS["PolicyGoneError"].meaning


def test_a_target_deleted_meanwhile_is_told_as_gone(holdfast: Holdfast) -> None:
    unit = holdfast.unit("Short-lived")
    holdfast.guardrail("Homeless", "Short-lived")
    with holdfast.watch() as runs:
        holdfast.take("Homeless", "Short-lived")
        holdfast.organizations.delete_organizational_unit(OrganizationalUnitId=unit)

    run = the_only(runs)

    assert (run.states, run.errors) == (FAILED_TO_REATTACH, ["TargetGoneError"])
    assert run.says("What failed") == EXPLANATIONS["TargetGoneError"].meaning


@pytest.fixture
def _enabled_again(holdfast: Holdfast) -> Iterator[None]:
    """Switch the policy type on again; its attachments come back with the others."""
    yield
    holdfast.organizations.enable_policy_type(RootId=holdfast.target("Root"), PolicyType=SCP)
    holdfast.aws.clock.settle()


@pytest.mark.usefixtures("_enabled_again")
def test_a_policy_type_switched_off_meanwhile_is_told(holdfast: Holdfast) -> None:
    with holdfast.watch() as runs:
        holdfast.take("DenyLeaveOrganization", "Root")
        holdfast.organizations.disable_policy_type(RootId=holdfast.target("Root"), PolicyType=SCP)

    run = the_only(runs)

    assert (run.states, run.errors) == (FAILED_TO_REATTACH, ["PolicyTypeDisabledError"])
    assert run.says("What failed") == EXPLANATIONS["PolicyTypeDisabledError"].meaning
