"""A dry run tells what it would have done, and changes nothing."""

from __future__ import annotations

import pytest

from tests.deployed import RECONCILIATION, SUCCEEDED, Holdfast
from tests.workflow.reconcile.drifts import DRIFTS, short_ids
from tests.workflow.reconcile.findings import findings_of
from tests.workflow.reconcile.starting import start
from tests.workflow.reconcile.ways import FOUND, FOUND_TWICE
from tests.workflow.reconcile.withheld import left_as_found

pytestmark = pytest.mark.long

BECAUSE = dict.fromkeys(("type", "policy", "attachment"), "this was a dry run")


@pytest.mark.parametrize("kind", ["type disabled", "policy deleted", "attachment missing"])
def test_a_drift_is_told_with_what_would_have_been_done_and_left(holdfast: Holdfast, kind: str) -> None:
    guardrails = short_ids(holdfast)
    with holdfast.unseen():
        DRIFTS[kind](holdfast)
    found, changes = holdfast.state(), holdfast.changes()

    run = holdfast.reconcile(dry_run=True)

    told = findings_of(run, **guardrails)
    assert (holdfast.state(), holdfast.changes()) == (found, changes)
    assert (run.states, run.errors) == (FOUND_TWICE if kind == "attachment missing" else FOUND, [])
    assert (run.end, run.outcome, run.mail.attributes["severity"]) == (SUCCEEDED, "drift found", "page")
    assert told == left_as_found(kind, BECAUSE)


def test_a_dry_run_does_not_take_the_turn_of_a_run_that_restores(holdfast: Holdfast) -> None:
    before = holdfast.state()
    with holdfast.unseen():
        DRIFTS["attachment missing"](holdfast)

    with holdfast.watch(RECONCILIATION) as runs:
        for dry in (True, False):
            holdfast.aws.clock.sleep(1)
            start(holdfast, dry_run=dry)

    assert [run.outcome for run in runs] == ["drift found", "reconciled"]
    assert [error for run in runs for error in run.errors if error == "TurnPendingError"] == []
    assert holdfast.state() == before
