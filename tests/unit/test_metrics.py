from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from holdfast import metrics
from holdfast.incident import Leave
from holdfast.metrics import OUTCOMES, counts_of, line_of
from holdfast.reconciliation import metrics as run_metrics
from tests.unit import runs
from tests.unit.examples import EXEMPTION, REPORTS, RESTORED

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_line_is_a_document_in_the_embedded_metric_format() -> None:
    """Source: CloudWatch user guide, "Specification: Embedded metric format"."""
    line = line_of({"Restored": 1, "ExposureSeconds": 42}, "holdfast", NOON)

    assert "\n" not in line
    assert json.loads(line) == {
        "_aws": {
            "Timestamp": 1_795_348_800_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Holdfast",
                    "Dimensions": [["Stack"]],
                    "Metrics": [
                        {"Name": "Restored", "Unit": "Count"},
                        {"Name": "ExposureSeconds", "Unit": "Seconds"},
                    ],
                }
            ],
        },
        "Stack": "holdfast",
        "Restored": 1,
        "ExposureSeconds": 42,
    }


def test_every_outcome_has_a_metric_of_its_own() -> None:
    assert list(OUTCOMES.values()) == [
        *("Restored", "RestoredWithChangedText", "RestoredWithoutTextCheck", "AlreadyAttached"),
        *("AlertOnly", "Sanctioned", "Exempt", "Yielded", "Failed"),
    ]


@pytest.mark.parametrize(
    ("report", "counts"),
    [
        ("restored", {"Restored": 1, "Detaches": 1, "ExposureSeconds": 42}),
        (
            "restored_with_changed_text",
            {"RestoredWithChangedText": 1, "Detaches": 1, "ExposureSeconds": 200},
        ),
        ("already_attached", {"AlreadyAttached": 1, "Detaches": 1}),
        ("sanctioned", {"Sanctioned": 1, "Detaches": 1}),
        ("failed_to_judge", {"Failed": 1, "Detaches": 1}),
        ("failed_to_read_the_event", {"Failed": 1, "Detaches": 1}),
    ],
)
def test_an_incident_counts_its_detach_its_outcome_and_the_exposure_that_holdfast_ended(
    report: str, counts: dict[str, int]
) -> None:
    assert counts_of(REPORTS[report]) == counts


def test_a_detach_whose_exemption_has_ended_has_been_counted_and_its_time_is_no_measure() -> None:
    waited = replace(RESTORED, leave=Leave(ended=EXEMPTION))

    assert counts_of(waited) == {"Restored": 1}


def test_the_time_since_a_stale_event_is_no_measure() -> None:
    assert counts_of(replace(RESTORED, stale=True)) == {"Restored": 1, "Detaches": 1}


@pytest.mark.parametrize("report", REPORTS)
def test_an_incident_counts_nothing_but_the_metrics_that_are_named(report: str) -> None:
    assert counts_of(REPORTS[report]).keys() <= set(metrics.METRICS)


@pytest.mark.parametrize(
    ("run", "counts"),
    [
        ("clean", {"ReconcileRuns": 1, "Drift": 0, "DriftRestored": 0}),
        ("failed_in_part", {"ReconcileRuns": 1, "Drift": 4, "DriftRestored": 1}),
        ("name_squatted", {"ReconcileRuns": 1, "Drift": 2, "DriftRestored": 2}),
        ("blind", {"ReconcileRuns": 1, "Drift": 0, "DriftRestored": 0}),
        ("off_under_exemptions", {"ReconcileRuns": 1, "Drift": 0, "DriftRestored": 0}),
    ],
)
def test_a_run_counts_itself_what_was_not_in_force_and_what_of_that_is_restored(
    run: str, counts: dict[str, int]
) -> None:
    assert run_metrics.counts_of(runs.REPORTS[run]) == counts


@pytest.mark.parametrize("run", runs.REPORTS)
def test_a_run_counts_all_its_metrics_and_no_more_restored_than_found(run: str) -> None:
    counts = run_metrics.counts_of(runs.REPORTS[run])

    assert tuple(counts) == run_metrics.METRICS
    assert counts["DriftRestored"] <= counts["Drift"] <= len(runs.REPORTS[run].findings)
