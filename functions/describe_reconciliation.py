"""Describe Reconciliation: words for people, a record for machines, and whether it is worth a message now."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from holdfast.baseline import GUARDRAILS, Baseline, load_baseline
from holdfast.calling import unless_refused
from holdfast.errors import BaselineError, HoldfastError, SettingsError
from holdfast.incident import parse_failure
from holdfast.memory import connect_memory
from holdfast.metric_log import emit
from holdfast.notification import NOT_KNOWN, left_unrecorded
from holdfast.organizations import connect_paced
from holdfast.reconciliation.description import Deployment, describe_run
from holdfast.reconciliation.fates import Switches
from holdfast.reconciliation.ledger import items_of
from holdfast.reconciliation.metrics import counts_of
from holdfast.reconciliation.names import look_up
from holdfast.reconciliation.notification import compose
from holdfast.reconciliation.report import ReconciliationReport
from holdfast.reconciliation.telling import ITEM, after_telling, is_worth_telling
from holdfast.settings import Mode, Settings, restoring_from, retention_from
from holdfast.successors import connect_successors

ATTEMPTS = 3
"""How often the memory is written when other runs write it at the same time."""

_LOG = logging.getLogger(__name__)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Return the notification about a run at any stage.

    Parameters
    ----------
    event : dict
        `run`: the run, or the raw input if Take Turn failed; `execution`: the execution's ARN. By hand, one
        of the two documents alone. With `record_error` in the document, the ledger has refused what was
        described before.
    context : object
        Lambda's context, not used.

    Returns
    -------
    dict
        The notification, as `holdfast.reconciliation.notification.compose` describes it; and `ledger`, as
        `holdfast.reconciliation.ledger.items_of` does.

    Raises
    ------
    UnknownSchemaError, SettingsError
        Terminal: the plain notification is sent instead.
    """
    document, execution = event.get("run", event), str(event.get("execution", ""))
    if refusal := parse_failure(document.get("record_error")):
        return left_unrecorded(document["notification"], refusal)
    deployment, now = _deployment(), datetime.now(UTC)
    report = describe_run(document, execution, deployment)
    tell = _decide(report, now)
    if tell:
        report = describe_run(document, execution, deployment, look_up(connect_paced(), report.findings))
    items = items_of(report, os.environ.get("LEDGER_TABLE", ""), now, retention_from(os.environ))
    notification = compose(report, tell=tell) | {"ledger": items}
    # Last: what fails before is tried again, and would count again.
    emit(lambda: counts_of(report))
    return notification


def _deployment() -> Deployment:
    return Deployment(
        organization=os.environ.get("ORGANIZATION_ID") or NOT_KNOWN,
        baseline=_baseline(),
        successors=unless_refused(lambda: connect_successors().read()) or {},
        switches=_switches(os.environ),
    )


def _baseline() -> Baseline | BaselineError:
    """Return the baseline or what is wrong with it: a run is described with either."""
    try:
        return load_baseline(GUARDRAILS)
    except BaselineError as error:
        return error


def _switches(environ: Mapping[str, str]) -> Switches | None:
    """Return what may be restored, the mode and the parameters apart, so that the reason can be told."""
    try:
        restoring = restoring_from({**environ, "MODE": Mode.REMEDIATE.value})
        return Switches(Settings.from_environ(environ).mode, restoring)
    except SettingsError as error:
        _LOG.warning("told without the settings: %s", error)
        return None


def _decide(report: ReconciliationReport, now: datetime) -> bool:
    """Return whether the report is told now, and remember it; what cannot be remembered is told anyway."""
    try:
        memory = connect_memory()
        for _ in range(ATTEMPTS):
            remembered = memory.recall(ITEM)
            told = remembered or {}
            tell = is_worth_telling(report, told, now)
            content = after_telling(report, told, now, tell=tell)
            if content == told or memory.remember(ITEM, content, instead_of=remembered):
                return tell
    except HoldfastError as error:
        _LOG.warning("told without the memory: %s", error)
    return is_worth_telling(report, {}, now)
