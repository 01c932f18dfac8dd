"""Metrics: what an incident counts, and how CloudWatch reads it from a line of the log.

Nothing is called for it, so nothing waits and no role needs a permission. A line names the
stack and nobody.

Source: CloudWatch user guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from holdfast.outcome import Outcome
from holdfast.report import Report

NAMESPACE = "Holdfast"
DIMENSION = "Stack"

DETACHES, EXPOSURE = "Detaches", "ExposureSeconds"
OUTCOMES = {outcome: outcome.name.title().replace("_", "") for outcome in Outcome}
"""The metric that counts each outcome: `Restored`, `Failed`, `AlertOnly`, …"""

METRICS = (DETACHES, *OUTCOMES.values(), EXPOSURE)
"""All that incidents count."""

_UNITS = {EXPOSURE: "Seconds"}
_CONFIRMED = {
    Outcome.RESTORED,
    Outcome.RESTORED_WITH_CHANGED_TEXT,
    Outcome.RESTORED_WITHOUT_TEXT_CHECK,
}


def counts_of(report: Report) -> dict[str, int]:
    """Return what a described incident counts, by the metrics' names.

    An outcome counts whenever one comes about, and the detach once: not again when its exemption has ended.
    An event that is delivered twice may count twice: only the ledger finds that out, and later.

    Parameters
    ----------
    report : Report
        What is told.
    """
    outcome, exposure = report.conclusion.outcome, report.conclusion.exposure
    waited = report.leave.ended is not None
    counts = {OUTCOMES[outcome]: 1}
    if not waited:
        counts[DETACHES] = 1
    # A stale event may be of another detach, and what an exemption allowed nobody could have shortened.
    if outcome in _CONFIRMED and exposure is not None and not (waited or report.stale):
        counts[EXPOSURE] = int(exposure.total_seconds())
    return counts


def line_of(counts: Mapping[str, int], stack: str, now: datetime) -> str:
    """Return one line of JSON in the embedded metric format.

    Parameters
    ----------
    counts : mapping
        The metrics' values by name.
    stack : str
        The stack's name: it tells several deployments apart.
    now : datetime
        The time.
    """
    metrics = [{"Name": name, "Unit": _UNITS.get(name, "Count")} for name in counts]
    directive = {"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics}
    about = {"Timestamp": int(now.timestamp() * 1_000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": about, DIMENSION: stack, **counts})
