"""Metrics of the reconciliation: what a run counts."""

from __future__ import annotations

from holdfast.reconciliation.fates import Done
from holdfast.reconciliation.finding import NOT_IN_FORCE
from holdfast.reconciliation.report import ReconciliationReport

RUNS, DRIFT, DRIFT_RESTORED = "ReconcileRuns", "Drift", "DriftRestored"

METRICS = (RUNS, DRIFT, DRIFT_RESTORED)
"""All that runs count."""


def counts_of(report: ReconciliationReport) -> dict[str, int]:
    """Return what a described run counts, by the metrics' names.

    What stands is found by each run that looks at it, so drift is a level: its maximum says something, its
    sum does not.

    Parameters
    ----------
    report : ReconciliationReport
        What is told, or could be.
    """
    drift = [finding for finding in report.findings if finding.kind in NOT_IN_FORCE]
    restored = sum(finding.done is Done.RESTORED for finding in drift)
    return {RUNS: 1, DRIFT: len(drift), DRIFT_RESTORED: restored}
