from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from holdfast.ledger import Item
from holdfast.reconciliation.finding import digest
from holdfast.reconciliation.ledger import ATTACHMENTS, NAMED, items_of
from holdfast.reconciliation.report import ReconciliationReport
from tests.unit.examples import NAMES_KEPT, TOLD
from tests.unit.runs import REPORTS

FAILED = REPORTS["failed_in_part"]


def items(report: ReconciliationReport) -> dict[str, Any]:
    return items_of(report, "ledger", TOLD, NAMES_KEPT)


def plain(item: Item) -> dict[str, Any]:
    """Return an item's values without their types."""
    return {name: next(iter(value.values())) for name, value in item.items()}


def beside(report: ReconciliationReport) -> list[dict[str, Any]]:
    """Return the items of the transaction, the names first."""
    writes = items(report)["beside"]
    assert {write["Put"]["TableName"] for write in writes} == {"ledger"}
    return [plain(write["Put"]["Item"]) for write in writes]


def many(report: ReconciliationReport, number: int) -> ReconciliationReport:
    """Return a report in which an attachment is missing on so many accounts."""
    finding = replace(report.findings[0], target_ids=tuple(f"{target:012}" for target in range(number)))
    return replace(report, findings=(finding,))


def test_a_run_is_recorded_under_its_scope() -> None:
    run = plain(items(FAILED)["incident"])
    found = digest(finding.key for finding in FAILED.findings)

    assert (run["attachment"], run["incident"]) == (
        "reconciliation/all",
        f"2026-11-22T09:00:44Z/0a1b2c3d-4e5f-4a6b-8c7d-9e8f7a6b5c4d/failed/{found}",
    )
    assert (run["attachments_restored"], run["attachments_failed"], run["attachments_in_all"]) == (
        "1",
        "2",
        "4",
    )


def key(report: ReconciliationReport) -> str:
    """Return the key of a run's item below its scope."""
    return str(plain(items(report)["incident"])["incident"])


def test_two_runs_about_one_event_that_find_the_same_and_end_alike_have_one_key() -> None:
    moved = REPORTS["account_moved"]

    assert key(replace(moved, execution_arn=f"{moved.execution_arn}-2")) == key(moved)


def test_two_runs_about_one_event_that_find_different_things_have_two_keys() -> None:
    moved = REPORTS["account_moved"]
    more = replace(moved, findings=(*moved.findings, REPORTS["slots_filled"].findings[0]))

    assert (more.outcome, key(more) == key(moved)) == (moved.outcome, False)


def test_what_was_off_is_recorded_under_its_attachment_with_how_it_ended_and_why() -> None:
    _, *off = beside(FAILED)

    assert [(item["attachment"], item["outcome"], item.get("error")) for item in off] == [
        ("p-cg404d5t/ou-exme-cbm7ma1f", "reconciliation, failed", "AttachmentQuotaExceededError"),
        ("p-cg404d5t/338583429068", "reconciliation, failed", "AttachmentNotVisibleError"),
        ("p-7xfb7xkf/ou-exme-8tio7fay", "reconciliation, restored by others", None),
        ("p-7dj3cien/ou-exme-ycaqk99w", "reconciliation, restored", None),
    ]


def test_whoever_detached_it_is_known_by_an_id_and_by_name_for_a_while() -> None:
    names, *off = beside(FAILED)

    assert off[-1]["principal_id"] == "AROAEXAMPLEDEVELOPER1"
    assert "mallory" in names["authors"]
    assert int(names["expires"]) == int((TOLD + NAMES_KEPT).timestamp())
    assert not any("mallory" in str(item) for item in (*off, plain(items(FAILED)["incident"])))


@pytest.mark.parametrize("name", REPORTS)
def test_every_run_can_be_recorded(name: str) -> None:
    """No item is twice in a transaction, and no set is empty. Source: API reference, TransactWriteItems."""
    recorded = items(REPORTS[name])
    keys = [
        (write["Put"]["Item"]["attachment"]["S"], write["Put"]["Item"]["incident"]["S"])
        for write in recorded["beside"]
    ]

    assert len(set(keys)) == len(keys)
    assert recorded["incident"].get("attachments", {"SS": ["one"]})["SS"]


def test_of_thousands_as_many_are_recorded_as_a_state_may_pass_on() -> None:
    recorded = items(many(FAILED, 5_000))

    assert len(recorded["beside"]) == 1 + ATTACHMENTS
    assert len(recorded["incident"]["attachments"]["SS"]) == NAMED
    assert recorded["incident"]["attachments_in_all"] == {"N": "5000"}
    assert len(json.dumps(recorded)) < 80_000
