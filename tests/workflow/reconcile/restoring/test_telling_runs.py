"""When a run is worth a message: whatever is new or restored at once, what stands once a day or an hour."""

from __future__ import annotations

import pytest

from localaws.gateway import ApiError
from tests.deployed import SUCCEEDED, Holdfast, Run
from tests.workflow.reconcile.drifts import DRIFTS, detach, weaken
from tests.workflow.reconcile.findings import findings_of
from tests.workflow.reconcile.starting import reconcile
from tests.workflow.reconcile.ways import CLEAN, FAILED_AGAIN, NOTIFIED, QUIET, RECONCILIATION_FAILED

pytestmark = pytest.mark.long

HOUR = 3_600.0
RENAMED = "Renamed: “DenyDisablingCloudTrail” (cloudtrail) now has the name “Harmless”"


def later(holdfast: Holdfast, hours: float) -> Run:
    """Let time pass, and return what a run on the schedule does then."""
    with holdfast.aws.clock.working():
        holdfast.aws.clock.sleep(hours * HOUR)
    return reconcile(holdfast, cause="schedule")


def test_nothing_is_told_of_what_is_clean(holdfast: Holdfast) -> None:
    runs = [later(holdfast, hours) for hours in (0, 1)]

    assert [(run.states, run.mails) for run in runs] == [(CLEAN, ())] * 2


def test_what_stands_is_told_once_a_day_and_what_is_new_at_once(holdfast: Holdfast) -> None:
    cloudtrail = holdfast.policy("DenyDisablingCloudTrail")
    with holdfast.unseen():
        DRIFTS["renamed"](holdfast)
    told_at_once, quiet, still_quiet = (later(holdfast, hours) for hours in (0, 0.2, 23))
    with holdfast.unseen():
        DRIFTS["slot filled"](holdfast)
    new, day_later = later(holdfast, 0), later(holdfast, 24)

    ends = [run.states[-1] for run in (told_at_once, quiet, still_quiet, new, day_later)]
    assert ends == [NOTIFIED, QUIET, QUIET, NOTIFIED, NOTIFIED]
    assert list(findings_of(told_at_once, cloudtrail=cloudtrail)) == [RENAMED]
    assert [len(findings_of(run)) for run in (new, day_later)] == [2, 2]


def test_what_somebody_asks_for_by_hand_is_always_told(holdfast: Holdfast) -> None:
    with holdfast.unseen():
        DRIFTS["renamed"](holdfast)

    runs = [later(holdfast, 0), holdfast.reconcile(), holdfast.reconcile()]

    assert [run.states[-1] for run in runs] == [NOTIFIED] * 3


def test_what_was_put_right_and_comes_back_is_told_again(holdfast: Holdfast) -> None:
    name = {"PolicyId": holdfast.policy("DenyDisablingCloudTrail"), "Name": "DenyDisablingCloudTrail"}
    with holdfast.unseen():
        DRIFTS["renamed"](holdfast)
    first = later(holdfast, 0)
    with holdfast.unseen():
        holdfast.organizations.update_policy(**name)
    clean = later(holdfast, 0.2)
    with holdfast.unseen():
        DRIFTS["renamed"](holdfast)
    again = later(holdfast, 0.2)

    assert [run.states[-1] for run in (first, clean, again)] == [NOTIFIED, QUIET, NOTIFIED]


def test_what_is_restored_is_told_every_time(holdfast: Holdfast) -> None:
    runs = []
    for _ in range(2):
        with holdfast.unseen():
            weaken(holdfast)
        runs.append(later(holdfast, 0))

    assert [(run.states[-1], run.outcome) for run in runs] == [(NOTIFIED, "reconciled")] * 2


def test_a_failure_that_stands_fails_every_run_and_is_told_every_hour(holdfast: Holdfast) -> None:
    """The alarm on failed executions goes on, the mails are few."""
    with holdfast.unseen():
        detach(holdfast)
    full = ApiError(
        "ConstraintViolationException", "Full.", Reason="MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    )
    holdfast.aws.faults.fail_call("organizations", "AttachPolicy", full, times=4)

    first, muted, hour_later = (later(holdfast, hours) for hours in (0, 0.1, 1))

    assert [run.end for run in (first, muted, hour_later)] == [RECONCILIATION_FAILED] * 3
    assert [len(run.mails) for run in (first, muted, hour_later)] == [1, 0, 1]
    assert muted.states[-2:] == ["Worth Telling?", FAILED_AGAIN]


def test_a_detach_that_started_nothing_is_told_as_blindness(holdfast: Holdfast) -> None:
    """The attack: the rule is off for a while; CloudTrail's history needs no rule."""
    with holdfast.unseen():
        holdfast.take("DenyUnapprovedRegions", "Workloads")
        holdfast.organizations.attach_policy(
            PolicyId=holdfast.policy("DenyUnapprovedRegions"), TargetId=holdfast.target("Workloads")
        )
    detached = [
        one.detail for one in holdfast.aws.trail.recorded() if one.detail["eventName"] == "DetachPolicy"
    ]

    before, after, next_one = (later(holdfast, hours) for hours in (0, 0.5, 0.2))

    assert [run.states[-1] for run in (before, after, next_one)] == [QUIET, NOTIFIED, QUIET]
    assert (after.end, after.mail.attributes["severity"]) == (SUCCEEDED, "page")
    assert list(findings_of(after)) == [
        "Fast path blind: the fast path is blind: 1 detach of a guardrail went unnoticed"
    ]
    assert f"   - event {detached[-1]['eventID']}" in after.mail.body


def test_a_detach_that_the_fast_path_dealt_with_is_no_blindness(holdfast: Holdfast) -> None:
    run = holdfast.detach("DenyUnapprovedRegions", "Workloads")

    half_an_hour_later = later(holdfast, 0.5)

    assert (run.outcome, half_an_hour_later.states) == ("restored", CLEAN)
