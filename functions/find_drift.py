"""Find Drift: compare the baseline with the live organization, a slice at a time; change nothing."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from holdfast.baseline import GUARDRAILS, Baseline, load_baseline
from holdfast.exemption_store import connect_exemptions
from holdfast.organizations import connect
from holdfast.pacing import QUARTER, Pace
from holdfast.reconciliation.authorship import Circumstances, Witnesses, attribute
from holdfast.reconciliation.drift import Search
from holdfast.reconciliation.executions import Remediation, connect_executions
from holdfast.reconciliation.exempting import are_wanted, leave_what_is_exempt, read_exemptions
from holdfast.reconciliation.history import connect_history
from holdfast.reconciliation.looking import Looking, Slice, conclude
from holdfast.reconciliation.run import Reconciliation, parse_reconciliation, same_baseline
from holdfast.reconciliation.scanning import Scanner
from holdfast.reconciliation.trigger import Trigger
from holdfast.settings import NOTHING, named_in, restoring_from, sanctioned_for_from
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
    declared = same_baseline(load_baseline(GUARDRAILS), run.baseline_version)
    adopted = declared.adopting(connect_successors().read())
    baseline = adopted.disowning(run.search.drift.disowned) if run.search else adopted
    slice_, pace = Slice(), Pace(QUARTER)
    looking = Looking(run.trigger, Scanner(baseline, connect().paced(pace)))
    search = looking.advance(run.search, slice_.is_over)
    if search.is_read and not slice_.is_half_over():
        search = _conclude(search, run.trigger, adopted.disowning(search.drift.disowned))
    search = replace(search, reads=search.reads + pace.calls)
    _log(search, run)
    return search.to_document()


def _conclude(search: Search, trigger: Trigger, baseline: Baseline) -> Search:
    """Return the search with its end: who did it, what of it may be, and what of the rest is restored."""
    restoring = NOTHING if trigger.dry_run else restoring_from(os.environ)
    state_machine = named_in(os.environ, "REMEDIATE_STATE_MACHINE_ARN", "an ARN")
    now = datetime.now(UTC)
    circumstances = Circumstances(now, trigger.change, sanctioned_for_from(os.environ), trigger.at_once)
    witnesses = Witnesses(_recent_remediations(state_machine), connect_history())
    drift, authors = attribute(search.drift, baseline, witnesses, circumstances)
    if are_wanted(drift, baseline, trigger.scope):
        exemptions, unheeded = read_exemptions(connect_exemptions().read_all)
        drift = leave_what_is_exempt(drift, baseline, exemptions, now)
        search = replace(search, unheeded=unheeded)
    return conclude(search, drift, authors, baseline, restoring)


def _recent_remediations(state_machine_arn: str) -> Callable[[datetime], Iterable[Remediation]]:
    return lambda since: connect_executions().remediations(state_machine_arn, since, REMEDIATIONS)


def _log(search: Search, run: Reconciliation) -> None:
    fields = {"scope": run.trigger.scope.key, "looks": search.looks, "reads": search.reads}
    _LOG.info("looked: %s", search.stage, extra=fields)
