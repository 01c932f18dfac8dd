"""Runs of one scope go one at a time, one more waits, and all others leave it to that one."""

from __future__ import annotations

import pytest

from tests.deployed import RECONCILIATION, SUCCEEDED, Holdfast
from tests.workflow.reconcile.drifts import detach, weaken
from tests.workflow.reconcile.starting import start
from tests.workflow.reconcile.ways import ATTACHED_AFTER_SECOND_LOOK, CLEAN, NOTHING_TO_DO

pytestmark = pytest.mark.long

PENDING = "TurnPendingError"


def test_of_three_runs_one_goes_one_waits_and_one_leaves(holdfast: Holdfast) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        detach(holdfast)

    with holdfast.watch(RECONCILIATION) as runs:
        for _ in range(3):
            start(holdfast)
            holdfast.aws.clock.sleep(1)

    first, second, third = runs
    assert holdfast.state() == before
    assert (first.states, first.errors, first.outcome) == (ATTACHED_AFTER_SECOND_LOOK, [], "reconciled")
    assert (second.states, set(second.errors), second.mails) == (CLEAN, {PENDING}, ())
    assert (third.states, third.errors, third.end) == (NOTHING_TO_DO, [], SUCCEEDED)
    assert second.times[1] > first.times[-1] > third.times[-1]


def test_runs_of_other_scopes_do_not_wait(holdfast: Holdfast) -> None:
    with holdfast.unseen():
        detach(holdfast)

    with holdfast.watch(RECONCILIATION) as runs:
        start(holdfast)
        holdfast.aws.clock.sleep(1)
        start(holdfast, scope={"kind": "policy", "subject": holdfast.policy("DenyLeaveOrganization")})

    whole, part = runs
    assert [(run.end, PENDING in run.errors) for run in runs] == [(SUCCEEDED, False)] * 2
    assert whole.times[0] < part.times[-1] < whole.times[-1]


def test_a_run_that_was_stopped_stands_in_nobodys_way(holdfast: Holdfast) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        detach(holdfast)

    with holdfast.watch(RECONCILIATION) as runs:
        stopped = start(holdfast)
        holdfast.aws.clock.sleep(60)
        holdfast.executions.stop_execution(executionArn=stopped)
        start(holdfast)

    first, second = runs
    assert (first.end[0], second.errors, second.outcome) == ("ABORTED", [], "reconciled")
    assert holdfast.state() == before


def test_a_flood_of_events_of_one_policy_makes_two_runs_look_and_one_more_after_our_own(
    holdfast: Holdfast,
) -> None:
    """One run is at it, one waits that will see all of it, the others leave; our own change is one more."""
    before = holdfast.state()

    with holdfast.watch(RECONCILIATION) as runs:
        for _ in range(12):
            weaken(holdfast)

    assert holdfast.state() == before
    assert {run.end for run in runs} == {SUCCEEDED}
    looked = [run for run in runs if run.states != NOTHING_TO_DO]
    assert (len(runs), len(looked) in {2, 3}) == (13, True)
