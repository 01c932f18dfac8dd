"""Find Drift: compare the baseline with the live organization, a slice at a time; change nothing."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from holdfast.baseline import GUARDRAILS, load_baseline
from holdfast.errors import SettingsError
from holdfast.organizations import connect
from holdfast.pacing import QUARTER, Pace
from holdfast.reconciliation.authorship import Circumstances, Witnesses, attribute
from holdfast.reconciliation.drift import Search
from holdfast.reconciliation.executions import Remediation, connect_executions
from holdfast.reconciliation.history import connect_history
from holdfast.reconciliation.looking import Looking, Slice, conclude
from holdfast.reconciliation.run import Reconciliation, parse_reconciliation, same_baseline
from holdfast.reconciliation.scanning import Scanner
from holdfast.settings import NOTHING, restoring_from
from holdfast.successors import connect_successors

_LOG = logging.getLogger(__name__)

REMEDIATIONS = 500
"""How many of the fast path's executions are looked at, one call each."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Return how far the run has come in looking for drift, and what it found so far.

    Parameters
    ----------
    event : dict
        The run.
    context : object
        Lambda's context, not used.

    Returns
    -------
    dict
        The search; its stage says whether to call again at once, to wait before, or to go on.

    Raises
    ------
    OrganizationsThrottledError, OrganizationsBusyError, ServiceBusyError
        If nothing could be read: retried by the state machine.
    BaselineChangedError, BaselineError, SettingsError, UnknownSchemaError
        Terminal: told as a failure.
    OrganizationsError, ServiceError
        Any other answer of AWS's: terminal, told as a failure.
    """
    run = parse_reconciliation(event)
    restoring = NOTHING if run.trigger.dry_run else restoring_from(os.environ)
    state_machine_arn = _state_machine_arn(os.environ)
    declared = same_baseline(load_baseline(GUARDRAILS), run.baseline_version)
    adopted = declared.adopting(connect_successors().read())
    baseline = adopted.disowning(run.search.drift.disowned) if run.search else adopted
    slice_, pace = Slice(), Pace(QUARTER)
    looking = Looking(run.trigger, Scanner(baseline, connect().paced(pace)))
    search = looking.advance(run.search, slice_.is_over)
    if search.is_read and not slice_.is_half_over():
        baseline = adopted.disowning(search.drift.disowned)
        witnesses = Witnesses(_recent_remediations(state_machine_arn), connect_history())
        circumstances = Circumstances(datetime.now(UTC), run.trigger.change, run.trigger.at_once)
        found = attribute(search.drift, baseline, witnesses, circumstances)
        search = conclude(search, *found, baseline, restoring)
    search = replace(search, reads=search.reads + pace.calls)
    _log(search, run)
    return search.to_document()


def _state_machine_arn(environ: Mapping[str, str]) -> str:
    arn = environ.get("REMEDIATE_STATE_MACHINE_ARN", "")
    if not arn:
        raise SettingsError("environment variable REMEDIATE_STATE_MACHINE_ARN: got nothing, expected an ARN")
    return arn


def _recent_remediations(state_machine_arn: str) -> Callable[[datetime], Iterable[Remediation]]:
    return lambda since: connect_executions().remediations(state_machine_arn, since, REMEDIATIONS)


def _log(search: Search, run: Reconciliation) -> None:
    fields = {"scope": run.trigger.scope.key, "looks": search.looks, "reads": search.reads}
    _LOG.info("looked: %s", search.stage, extra=fields)
