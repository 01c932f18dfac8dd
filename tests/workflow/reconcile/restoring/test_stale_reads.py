"""Reads that lag behind the events, and changes that take their time.

Source: Organizations user guide, "Changes that I make aren't always immediately visible"; the type switch is
asynchronous (botocore's model of DisablePolicyType).
"""

from __future__ import annotations

import pytest

from tests.deployed import RECONCILIATION, SUCCEEDED, Holdfast, the_only
from tests.workflow.reconcile.drifts import delete, disable_type, weaken
from tests.workflow.reconcile.starting import reconcile
from tests.workflow.reconcile.ways import CLEAN

pytestmark = pytest.mark.long

SETTLE = "Wait For Changes To Settle"


def test_a_text_that_does_not_show_its_change_yet_is_looked_at_again(holdfast: Holdfast) -> None:
    before, lag = holdfast.state(), 50
    holdfast.aws.organizations.stale_reads(0, policy_lag=lag)

    with holdfast.watch(RECONCILIATION) as runs:
        weaken(holdfast)

    run = runs[0]
    holdfast.aws.organizations.stale_reads(0)
    assert (run.states.count(SETTLE), run.outcome, run.end) == (3, "reconciled", SUCCEEDED)
    assert {one.outcome for one in runs if one.mails} == {"reconciled"}
    with holdfast.aws.clock.working():
        holdfast.aws.clock.sleep(lag)
    assert holdfast.state() == before


def test_a_policy_that_shows_after_it_was_deleted_is_looked_at_again(holdfast: Holdfast) -> None:
    before = holdfast.state()
    holdfast.aws.organizations.stale_reads(0, policy_lag=30)

    with holdfast.watch(RECONCILIATION) as runs:
        delete(holdfast)

    run = runs[0]
    with holdfast.aws.clock.working():
        holdfast.aws.clock.sleep(60)
    assert (run.outcome, run.end) == ("reconciled", SUCCEEDED)
    assert holdfast.state() == before


def test_a_type_that_is_being_switched_off_is_waited_for(holdfast: Holdfast) -> None:
    before, seconds = holdfast.state(), 600
    holdfast.aws.organizations.settling = seconds

    with holdfast.watch(RECONCILIATION) as runs:
        disable_type(holdfast)

    run = the_only(runs)
    waited = (run.times[-1] - run.times[0]).total_seconds()
    assert holdfast.state() == before
    assert (set(run.states) & {SETTLE}, run.end, run.outcome) == ({SETTLE}, SUCCEEDED, "reconciled")
    assert set(run.errors) == {"PolicyTypePendingError"}
    assert 2 * seconds - 5 <= waited <= 2 * seconds + 60


def test_a_root_that_still_shows_the_type_does_not_make_a_run_conclude(holdfast: Holdfast) -> None:
    before = holdfast.state()
    holdfast.aws.organizations.stale_reads(0, root_lag=60)
    holdfast.aws.organizations.settling = 30

    with holdfast.watch(RECONCILIATION) as runs:
        disable_type(holdfast)

    run = the_only(runs)
    with holdfast.aws.clock.working():
        holdfast.aws.clock.sleep(60)
    assert (run.end, run.outcome, holdfast.state()) == (SUCCEEDED, "reconciled", before)


def test_a_scheduled_run_waits_for_a_type_that_is_being_switched_on(holdfast: Holdfast) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        disable_type(holdfast)
    holdfast.aws.organizations.settling = 120

    with holdfast.watch(RECONCILIATION) as runs:
        holdfast.organizations.enable_policy_type(
            RootId=holdfast.target("Root"), PolicyType="SERVICE_CONTROL_POLICY"
        )
        holdfast.aws.clock.sleep(1)
        holdfast.executions.start_execution(stateMachineArn=holdfast.output(RECONCILIATION), input="{}")

    run = the_only(runs)
    assert (run.states.count(SETTLE), run.outcome, run.end) == (6, "reconciled", SUCCEEDED)
    assert holdfast.state() == before


def test_attachments_that_show_late_are_waited_for(holdfast: Holdfast) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        disable_type(holdfast)
    holdfast.aws.organizations.stale_reads(200, detach_lag=0)

    run = reconcile(holdfast)

    assert (run.end, run.outcome, holdfast.state()) == (SUCCEEDED, "reconciled", before)
    assert run.says("Restored") == "1 policy type switched on, 6 attachments restored, confirmed"


def test_a_detach_that_no_read_shows_yet_is_found_by_the_next_run(holdfast: Holdfast) -> None:
    before = holdfast.state()
    holdfast.aws.organizations.stale_reads(0, detach_lag=300)
    with holdfast.unseen():
        holdfast.take("DenyUnapprovedRegions", "Workloads")

    first = reconcile(holdfast)
    with holdfast.aws.clock.working():
        holdfast.aws.clock.sleep(300)
    second = reconcile(holdfast)

    assert (first.states, second.outcome, holdfast.state()) == (CLEAN, "reconciled", before)
