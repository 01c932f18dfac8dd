from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

import compare_coverage
from holdfast.errors import BaselineChangedError, OrganizationsThrottledError, UnknownSchemaError
from holdfast.reconciliation.run import Reconciliation, parse_reconciliation
from holdfast.reconciliation.trigger import parse_trigger
from tests.unit.examples import ORGANIZATION, example_baseline
from tests.unit.scripted_api import ScriptedApi
from tests.unit.tampering import MOVED, PROD, ROOT, SANDBOX, WORKLOADS, change_event

REGIONS = 2


@pytest.fixture(autouse=True)
def _deployed(monkeypatch: pytest.MonkeyPatch, api: ScriptedApi) -> None:
    monkeypatch.setattr(compare_coverage, "load_baseline", lambda _: example_baseline())
    monkeypatch.setattr(compare_coverage, "connect", lambda: api.organizations)


def run_after(document: object, version: str | None = None) -> dict[str, Any]:
    """Return the document that Take Turn hands on."""
    trigger = parse_trigger(document)
    return Reconciliation(
        trigger=trigger,
        route=trigger.route,
        organization=ORGANIZATION,
        baseline_version=version or example_baseline().version,
        began_at=datetime(2026, 11, 22, 9, 2, tzinfo=UTC),
    ).to_document()


def compared(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the state machine puts under `coverage`."""
    part: dict[str, Any] = json.loads(json.dumps(compare_coverage.handler(document, None)))
    return part


def lives_in(api: ScriptedApi, *chain: str) -> None:
    """Answer ListParents, once for each level."""
    for child, parent in pairwise(chain):
        kind = "ROOT" if parent == ROOT else "ORGANIZATIONAL_UNIT"
        api.answers("list_parents", {"Parents": [{"Id": parent, "Type": kind}]}, ChildId=child)


def test_a_moved_account_is_looked_at_twice(api: ScriptedApi) -> None:
    document = run_after(change_event("MoveAccount"))
    lives_in(api, PROD, WORKLOADS, ROOT)
    lives_in(api, MOVED, ROOT)
    first = compared(document)
    assert first == {
        "account_id": MOVED,
        "looks": 1,
        "old_path": [PROD, WORKLOADS, ROOT],
        "new_path": [ROOT],
        "lost": [REGIONS],
        "stage": "look again",
    }
    lives_in(api, MOVED, SANDBOX, ROOT)
    second = compared(document | {"coverage": first})
    assert second == first | {"looks": 2, "new_path": [SANDBOX, ROOT], "stage": "done"}


def test_a_move_that_loses_nothing_is_done_at_once(api: ScriptedApi) -> None:
    lives_in(api, PROD, WORKLOADS, ROOT)
    lives_in(api, MOVED, WORKLOADS, ROOT)
    part = compared(run_after(change_event("MoveAccount")))
    assert (part["lost"], part["stage"]) == ([], "done")


def test_what_it_says_is_read_by_whoever_describes_the_run(api: ScriptedApi) -> None:
    document = run_after(change_event("AccountJoinedOrganization"))
    lives_in(api, MOVED, ROOT)
    run = parse_reconciliation(document | {"coverage": compared(document)})
    assert run.coverage is not None
    assert (run.coverage.account_id, run.coverage.old_path, run.coverage.new_path) == (MOVED, (), (ROOT,))


def test_an_account_that_left_is_done(api: ScriptedApi) -> None:
    lives_in(api, PROD, WORKLOADS, ROOT)
    api.refuses("list_parents", "ChildNotFoundException")
    part = compared(run_after(change_event("MoveAccount")))
    assert (part["new_path"], part["lost"], part["stage"]) == ([], [0, 1, 2, 4, 5], "done")


def test_a_throttled_read_is_made_again_later(api: ScriptedApi) -> None:
    api.refuses("list_parents", "TooManyRequestsException")
    with pytest.raises(OrganizationsThrottledError):
        compared(run_after(change_event("MoveAccount")))


def test_a_baseline_that_was_deployed_meanwhile_ends_the_run() -> None:
    with pytest.raises(BaselineChangedError):
        compared(run_after(change_event("MoveAccount"), version="0123456789ab"))


def test_a_run_that_is_about_no_account_is_refused() -> None:
    with pytest.raises(UnknownSchemaError) as raised:
        compared(run_after({"cause": "schedule"}))
    assert str(raised.value) == "reconciliation: the run is not about an account"
