from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.ledger import as_item, items_of
from holdfast.reconciliation.ledger import items_of as items_of_run
from holdfast.timestamps import format_timestamp
from holdfast_cli.incidents import Incident, Recorded, read_items
from tests.unit import runs
from tests.unit.examples import DETACHED, EVENT_ID, EXECUTION, NAMES_KEPT, REGIONS_ON_WORKLOADS, TOLD
from tests.unit.outside import JSON, WORDS
from tests.unit.reports import EXAMPLES, RESTORED

WRITTEN = items_of(RESTORED, NAMES_KEPT)
READ = Incident(
    attachment=REGIONS_ON_WORKLOADS,
    outcome="restored",
    recorded_at=TOLD,
    detached_at=DETACHED,
    verdict="in the baseline",
    severity="notice",
    exposure=timedelta(seconds=42),
    accounts=7,
    event_ids=frozenset({EVENT_ID}),
    policy_name="DenyUnapprovedRegions",
    principal="arn:aws:iam::111122223333:role/developer",
    session="mallory",
    source_ip="203.0.113.7",
    account_id="111122223333",
    organization="o-far1coz49w",
    baseline_version="0123456789ab",
    code_version=WRITTEN["incident"]["code_version"]["S"],
    execution=EXECUTION,
)

ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        name: st.dictionaries(st.sampled_from(["S", "N", "BOOL", "SS"]), JSON, max_size=2)
        | st.builds(lambda word: {"S": word}, WORDS)
        | JSON
        for name in (*WRITTEN["incident"], "incident", "attachment", "authors", "attachments_in_all")
    },
)
"""Anything under the names that are read."""


def test_what_holdfast_writes_is_read_with_who_did_it() -> None:
    assert read_items(WRITTEN.values()) == Recorded((READ,))


def test_once_the_names_have_expired_the_unique_id_is_left() -> None:
    nameless = replace(READ, principal="AROAEXAMPLEDEVELOPER1", session="", source_ip="")

    assert read_items([WRITTEN["incident"]]) == Recorded((nameless,))


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_incident_that_holdfast_writes_is_read(name: str) -> None:
    recorded = read_items(items_of(EXAMPLES[name], NAMES_KEPT).values())

    assert [each.outcome for each in recorded.incidents] == [EXAMPLES[name].conclusion.outcome]
    assert recorded.passed_over == 0


def test_an_event_that_could_not_be_read_is_an_incident_without_an_attachment() -> None:
    (incident,) = read_items(items_of(EXAMPLES["failed_to_read_the_event"], NAMES_KEPT).values()).incidents

    assert (incident.attachment, incident.detached_at, incident.error) == (None, None, "MalformedEventError")


@pytest.mark.parametrize("name", runs.REPORTS)
def test_every_run_that_holdfast_writes_is_read(name: str) -> None:
    written = items_of_run(runs.REPORTS[name], "ledger", TOLD, NAMES_KEPT)
    items = [written["incident"], *(write["Put"]["Item"] for write in written["beside"])]

    recorded = read_items(items)

    assert [run.outcome for run in recorded.runs] == [runs.REPORTS[name].outcome]
    assert (len(recorded.incidents), recorded.passed_over) == (len(items) - 2, 0)


def test_the_names_of_who_caused_a_drift_stand_with_the_run() -> None:
    names = {
        "attachment": "reconciliation/all",
        "incident": "2026-11-22T09:10:00Z/run/reconciled/0/names",
        "authors": f"{EVENT_ID} arn:aws:iam::111122223333:role/developer mallory\nother - -",
    }
    drift = {
        **{name: value for name, value in WRITTEN["incident"].items() if name != "exposure_seconds"},
        **as_item({"about": "drift", "outcome": "reconciliation, restored"}),
        **as_item({"incident": f"{format_timestamp(DETACHED)}/{EVENT_ID}/reconciliation, restored"}),
    }

    (incident,) = read_items([as_item(names), drift]).incidents

    assert (incident.principal, incident.session) == (
        "arn:aws:iam::111122223333:role/developer",
        "mallory",
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": 2},
        {"about": "<script>"},
        {"outcome": "all is well"},
        {"detached_at": "yesterday"},
        {"detached_at": "2026-11-22T09:00:01Z"},
        {"recorded_at": ""},
        {"attachment": "p-7dj3cien/everywhere"},
        {"attachment": "reconciliation/all"},
        {"incident": "2026-11-22T09:00:00Z/x/failed"},
    ],
    ids=str,
)
def test_what_is_not_as_holdfast_writes_it_is_passed_over_and_counted(changed: dict[str, Any]) -> None:
    item = {**WRITTEN["incident"], **as_item(changed)}

    assert read_items([item]) == Recorded(passed_over=1)


@given(items=st.lists(ATTRIBUTES, max_size=4), like_ours=st.booleans())
def test_no_item_keeps_the_others_from_being_read(items: list[Any], *, like_ours: bool) -> None:
    others = [{**WRITTEN["incident"], **item} for item in items] if like_ours else items

    recorded = read_items([*others, *WRITTEN.values()])

    assert READ.attachment in {incident.attachment for incident in recorded.incidents}
    assert all(incident.at.tzinfo is UTC for incident in recorded.incidents)


def test_the_newest_come_first() -> None:
    earlier = replace(RESTORED, told_at=datetime(2026, 11, 1, tzinfo=UTC), detachment=None)
    items = [items_of(report, NAMES_KEPT)["incident"] for report in (earlier, RESTORED)]

    assert [incident.at for incident in read_items(items).incidents] == [DETACHED, earlier.told_at]
