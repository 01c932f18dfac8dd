"""What the reads of Verify Detach and Confirm Attachment can answer, late and wrong answers included."""

from __future__ import annotations

import boto3
import pytest

from holdfast.failures import EXPLANATIONS
from localaws.gateway import ApiError
from tests.deployed import SUCCEEDED, Holdfast
from tests.workflow.paths import (
    ATTACHED_BY_OTHERS,
    FAILED_TO_CONFIRM,
    REMEDIATION_FAILED,
    RESTORED,
)
from tests.workflow.refusals import BUSY, PASSING, TERMINAL, THROTTLED, codes

pytestmark = pytest.mark.long

GUARDRAIL = ("DenyLeaveOrganization", "Root")


def refuse(holdfast: Holdfast, error: ApiError | None, times: int = 1, *, spared: int = 1) -> None:
    """Let reads end with an error; the first one, spared by default, is Verify Detach's."""
    holdfast.aws.faults.fail_call("organizations", "ListPoliciesForTarget", error, times, spared=spared)


def test_every_error_that_the_read_can_have_is_tried_here() -> None:
    """Source: botocore's Organizations model, the errors of ListPoliciesForTarget."""
    model = boto3.client("organizations", region_name="us-east-1").meta.service_model

    modelled = {shape.name for shape in model.operation_model("ListPoliciesForTarget").error_shapes}

    assert modelled <= codes(THROTTLED, BUSY, TERMINAL)


@pytest.mark.parametrize(("expected", "error"), PASSING)
def test_a_read_that_cannot_be_answered_now_is_tried_again(
    holdfast: Holdfast, expected: str, error: ApiError | None
) -> None:
    refuse(holdfast, error, times=3)

    run = holdfast.detach(*GUARDRAIL)

    asked_again_in_place = expected == "OrganizationsThrottledError"
    assert run.errors == ([] if asked_again_in_place else [expected] * 3)
    assert (run.states, run.end, run.outcome) == (RESTORED, SUCCEEDED, "restored")


@pytest.mark.parametrize("name", [*THROTTLED, *BUSY, *TERMINAL])
def test_a_first_read_that_is_refused_holds_nothing_back(holdfast: Holdfast, name: str) -> None:
    """It is evidence: whoever uses up the rate of reads must not delay the reattachment."""
    refuse(holdfast, (THROTTLED | BUSY | TERMINAL)[name], spared=0)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.errors, run.end) == (RESTORED, [], SUCCEEDED)
    assert run.outcome == "restored"


@pytest.mark.parametrize(("name", "error"), TERMINAL.items(), ids=TERMINAL)
def test_a_read_that_will_never_be_answered_is_told_at_once(
    holdfast: Holdfast, name: str, error: ApiError
) -> None:
    refuse(holdfast, error)
    expected = name.partition(",")[0]

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.errors, run.end) == (FAILED_TO_CONFIRM, [expected], REMEDIATION_FAILED)
    assert (run.outcome, run.says("Error")) == ("failed", f"“{expected}”")
    assert run.says("What failed") == EXPLANATIONS[expected].meaning


def test_after_half_an_hour_without_an_answer_it_is_told(holdfast: Holdfast) -> None:
    refuse(holdfast, BUSY["ServiceException"], times=301)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.end) == (FAILED_TO_CONFIRM, REMEDIATION_FAILED)
    assert run.errors == ["OrganizationsBusyError"] * 301
    assert run.says("What failed") == EXPLANATIONS["OrganizationsBusyError"].meaning


def test_after_a_failed_confirmation_the_mail_says_what_a_read_shows_now(holdfast: Holdfast) -> None:
    refuse(holdfast, TERMINAL["PermissionMissingError"])

    run = holdfast.detach(*GUARDRAIL)

    assert run.says("Covered now").startswith("perhaps: a read at ")
    assert run.says("AttachPolicy").startswith("attached, at ")


def test_a_read_that_still_shows_the_attachment_does_not_close_the_incident(holdfast: Holdfast) -> None:
    """Source: Organizations user guide, "Changes that I make aren't always immediately visible"."""
    holdfast.aws.organizations.stale_reads(0, detach_lag=600)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.outcome) == (RESTORED, "restored")
    assert run.says("First read").startswith("attached, at ")
    assert run.says("AttachPolicy").startswith("attached, at ")
    with holdfast.aws.clock.working():
        holdfast.aws.clock.sleep(700)
        assert "DenyLeaveOrganization" in holdfast.attached("Root")


def test_an_attachment_that_shows_only_after_ten_minutes_is_confirmed_then(holdfast: Holdfast) -> None:
    holdfast.aws.organizations.stale_reads(600, detach_lag=0)

    run = holdfast.detach(*GUARDRAIL)

    waited = (run.mail.received_at - run.times[0]).total_seconds()
    assert (run.states, run.end, run.outcome) == (RESTORED, SUCCEEDED, "restored")
    assert set(run.errors) == {"AttachmentNotVisibleError"}
    assert 600 <= waited < 640


def test_reads_that_lag_on_both_sides_change_nothing(holdfast: Holdfast) -> None:
    holdfast.aws.organizations.stale_reads(600)

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.outcome) == (RESTORED, "restored")


def test_an_attachment_that_never_shows_is_a_failure_of_its_own(holdfast: Holdfast) -> None:
    holdfast.aws.organizations.stale_reads(3_000, detach_lag=0)

    run = holdfast.detach(*GUARDRAIL)

    waited = (run.mail.received_at - run.times[0]).total_seconds()
    assert (run.states, run.end) == (FAILED_TO_CONFIRM, REMEDIATION_FAILED)
    assert run.errors == ["AttachmentNotVisibleError"] * 131
    assert run.says("What failed") == EXPLANATIONS["AttachmentNotVisibleError"].meaning
    assert run.says("Covered now").startswith("NO: a read at ")
    assert 600 < waited < 1_500


def test_empty_pages_are_no_answer(holdfast: Holdfast) -> None:
    """Source: botocore's model of ListPoliciesForTarget, NextToken: an empty page may have a successor."""
    holdfast.aws.organizations.empty_pages = 2

    run = holdfast.detach(*GUARDRAIL)

    assert (run.states, run.errors, run.outcome) == (RESTORED, [], "restored")
    assert run.says("First read").startswith("detached, at ")


def test_a_guardrail_on_the_last_of_several_pages_is_found(holdfast: Holdfast) -> None:
    holdfast.aws.organizations.empty_pages = 3
    first = holdfast.detach(*GUARDRAIL)

    second = holdfast.deliver(first.event)

    assert [run.states for run in second] == [ATTACHED_BY_OTHERS]
