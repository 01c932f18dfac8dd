"""What a sanctioned principal detached stays off, whatever else happens to its policy or its type."""

from __future__ import annotations

import pytest

from holdfast_cli.sample_organization import PIPELINE_ROLE
from tests.deployed import SUCCEEDED, Holdfast
from tests.workflow.reconcile.drifts import disable_type
from tests.workflow.reconcile.findings import findings_of
from tests.workflow.reconcile.starting import reconcile
from tests.workflow.reconcile.ways import ATTACHED, FOUND

pytestmark = pytest.mark.long

REGIONS = "DenyUnapprovedRegions"
SANCTIONED = "Not attached: the baseline sanctions what this principal detaches."
A_DAY = 86_400.0


def test_a_sanctioned_detach_is_no_drift_for_a_day_and_restored_after_it(holdfast: Holdfast) -> None:
    before = holdfast.state()
    holdfast.detach(REGIONS, "Workloads", by=holdfast.role(PIPELINE_ROLE))

    within_the_day = reconcile(holdfast)
    with holdfast.aws.clock.working():
        holdfast.aws.clock.sleep(A_DAY)
    after_a_day = reconcile(holdfast)

    assert (within_the_day.outcome, after_a_day.outcome) == ("clean", "reconciled")
    assert holdfast.state() == before


def test_a_sanctioned_detach_stays_when_the_type_comes_back(holdfast: Holdfast) -> None:
    before = holdfast.state()
    holdfast.detach(REGIONS, "Workloads", by=holdfast.role(PIPELINE_ROLE))
    with holdfast.unseen():
        disable_type(holdfast)

    run = reconcile(holdfast)

    assert (run.states, run.end, run.outcome) == (ATTACHED, SUCCEEDED, "reconciled")
    assert holdfast.state()["attached"] == {
        **before["attached"],
        "Workloads": before["attached"]["Workloads"] - {REGIONS},
    }
    title = f"Sanctioned: “{REGIONS}” (regions) was detached from 1 target by a sanctioned principal"
    assert findings_of(run, regions=holdfast.policy(REGIONS))[title] == SANCTIONED


def test_a_policy_that_a_pipeline_detached_and_somebody_deleted_is_made_again_and_attached_nowhere(
    holdfast: Holdfast,
) -> None:
    holdfast.detach(REGIONS, "Workloads", by=holdfast.role(PIPELINE_ROLE))
    with holdfast.unseen():
        holdfast.organizations.delete_policy(PolicyId=holdfast.policy(REGIONS))

    run = reconcile(holdfast)

    assert (run.states, run.end, run.outcome) == (FOUND, SUCCEEDED, "reconciled")
    assert REGIONS not in holdfast.attached("Workloads")
    assert [title.partition(":")[0] for title in findings_of(run)] == [
        "Policy deleted",
        "Sanctioned",
        "New id",
    ]
