"""What the switches hold back: told with what would have been done, and left as found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deployed import SUCCEEDED, Holdfast, deployed
from tests.workflow.reconcile.drifts import DRIFTS, short_ids
from tests.workflow.reconcile.findings import findings_of
from tests.workflow.reconcile.mending import FAR_APART, mend, pass_the_first_run
from tests.workflow.reconcile.ways import FOUND, FOUND_TWICE
from tests.workflow.reconcile.withheld import KINDS, left_as_found

pytestmark = pytest.mark.long

SWITCHED_OFF = dict.fromkeys(("RestoreAttachments", "RestorePolicyTypes", "RestorePolicies"), "false")
REASONS = {
    "type": "RestorePolicyTypes is off",
    "policy": "RestorePolicies is off",
    "attachment": "RestoreAttachments is off",
}


@pytest.fixture(scope="module")
def holdfast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdfast]:
    """Deploy Holdfast so that it restores nothing."""
    with deployed(tmp_path_factory.mktemp("holdfast"), **SWITCHED_OFF, **FAR_APART) as shared:
        pass_the_first_run(shared)
        yield shared


@pytest.mark.parametrize("kind", KINDS)
def test_a_drift_is_told_with_what_would_have_been_done_and_left(holdfast: Holdfast, kind: str) -> None:
    guardrails = short_ids(holdfast)
    with holdfast.unseen():
        DRIFTS[kind](holdfast)
    found, changes = holdfast.state(), holdfast.changes()

    run = holdfast.reconcile()

    squatter = {"squatter": holdfast.policy("ProtectSecurityRoles")} if kind == "name squatted" else {}
    told = findings_of(run, **guardrails, **squatter)
    assert (holdfast.state(), holdfast.changes()) == (found, changes)
    assert (run.states, run.errors) == (FOUND_TWICE if kind == "attachment missing" else FOUND, [])
    assert (run.end, run.outcome, run.mail.attributes["severity"]) == (SUCCEEDED, "drift found", "page")
    assert told == left_as_found(kind, REASONS)
    mend(holdfast)
