from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.attachment import Attachment
from holdfast_cli.ledger_entries import Entry, read_ledger
from tests.unit.ledger_items import DETACHED, EVENT_ID, POLICY, ROLE, TARGET, drift, incident, names, run


def the_only(items: list[Any]) -> Entry:
    """Return the entry, if items tell of exactly one."""
    (entry,) = read_ledger(items).entries
    return entry


def test_an_incident_is_read_with_who_did_it() -> None:
    item = incident()

    assert the_only([names(item), item]) == Entry(
        attachment=Attachment(POLICY, TARGET),
        outcome="restored",
        recorded_at=DETACHED + timedelta(seconds=12),
        detached_at=DETACHED,
        verdict="in the baseline",
        severity="notice",
        exposure=timedelta(seconds=9),
        accounts=7,
        event_ids=frozenset({EVENT_ID}),
        policy_name="DenyUnapprovedRegions",
        principal=ROLE,
        session="mallory",
        source_ip="203.0.113.7",
        account_id="111122223333",
        baseline_version="0123456789ab",
        code_version="ba9876543210",
        execution="arn:aws:states:us-east-1:111122223333:execution:holdfast-remediate:one",
    )


def test_when_the_names_have_expired_the_unique_id_stands_in_their_place() -> None:
    entry = the_only([incident()])

    assert (entry.principal, entry.session, entry.source_ip) == ("AROAEXAMPLEID", "", "")


def test_who_did_what_a_reconciliation_found_is_read_from_the_names_of_the_run() -> None:
    found = drift(detached_at=DETACHED, event_id=EVENT_ID, call_id=EVENT_ID)

    entry = the_only([found, *run(authors=f"{EVENT_ID} {ROLE} mallory")])

    assert (entry.principal, entry.session) == (ROLE, "mallory")


def test_a_session_that_the_run_does_not_know_is_none() -> None:
    found = drift(event_id=EVENT_ID)

    assert the_only([found, *run(authors=f"{EVENT_ID} {ROLE} -")]).session == ""


def test_the_newest_comes_first_and_the_runs_are_counted() -> None:
    older, newer = incident(), incident(detached_at=DETACHED + timedelta(days=1))

    ledger = read_ledger([older, *run(), newer])

    assert [entry.since for entry in ledger.entries] == [DETACHED + timedelta(days=1), DETACHED]
    assert (ledger.runs, ledger.unread) == (1, 0)


@pytest.mark.parametrize(
    "facts",
    [
        {"attachment": "unknown"},
        {"attachment": "p-1/nowhere"},
        {"recorded_at": "yesterday"},
        {"detached_at": "2026-10-12T09:00:00"},
        {"about": "something else"},
    ],
)
def test_what_is_no_incident_of_an_attachment_is_counted_and_passed_over(facts: dict[str, Any]) -> None:
    ledger = read_ledger([incident(**facts), incident()])

    assert (len(ledger.entries), ledger.unread) == (1, 1)


_VALUES = st.dictionaries(
    st.sampled_from(["S", "N", "BOOL"]), st.text() | st.integers() | st.none(), max_size=2
)


@given(st.dictionaries(st.sampled_from(list(incident())), _VALUES | st.text(), max_size=8))
def test_whatever_an_item_holds_it_is_read_or_counted(strange: dict[str, Any]) -> None:
    ledger = read_ledger([{**incident(), **strange}])

    assert len(ledger.entries) + ledger.unread + ledger.runs <= 1
