"""Describe Outcome: words for people, a record for machines."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from holdfast.attachment import Attachment
from holdfast.baseline import GUARDRAILS, Baseline, load_baseline
from holdfast.description import describe
from holdfast.errors import BaselineError
from holdfast.fight import PAUSE, Fight, Round, find_fight
from holdfast.incident import parse_failure
from holdfast.ledger_table import connect_ledger
from holdfast.metric_log import emit
from holdfast.metrics import counts_of
from holdfast.notification import NOT_KNOWN, compose, left_unrecorded
from holdfast.organizations import connect
from holdfast.settings import fight_rules_from, retention_from
from holdfast.successors import connect_successors


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Return the notification about an incident at any stage.

    Parameters
    ----------
    event : dict
        `incident`: the incident, or the raw event if Verify Detach failed; `execution`: the execution's ARN.
        By hand, one of the two documents alone. With `record_error` in the document, the ledger has refused
        what was described before.
    context : object
        Lambda's context, not used.

    Returns
    -------
    dict
        The notification, as `holdfast.notification.compose` describes it.

    Raises
    ------
    OrganizationsThrottledError, OrganizationsBusyError
        If a restored policy's text cannot be compared yet: retried by the state machine.
    ServiceBusyError
        Retried likewise, though without the successors it is told that nobody knows what is protected.
    UnknownSchemaError, SettingsError
        Terminal: the plain notification is sent instead.
    """
    organization = os.environ.get("ORGANIZATION_ID") or NOT_KNOWN
    document = event.get("incident", event)
    refusal = parse_failure(document.get("record_error"))
    # What says already that it has no record was told before the execution waited: something else came of it.
    if refusal and document["notification"]["recorded"]:
        return left_unrecorded(document["notification"], refusal)
    report = describe(
        document,
        str(event.get("execution", "")),
        organization,
        _baseline(),
        connect(),
        datetime.now(UTC),
        successors=connect_successors().read,
        fights=_fight,
    )
    notification = compose(report, names_kept=retention_from(os.environ))
    # Last: what fails before is tried again, and would count again.
    emit(lambda: counts_of(report))
    return notification


def _fight(attachment: Attachment, current: Round) -> Fight | None:
    """Return the fight that a round belongs to, as far as the ledger tells."""
    rules = fight_rules_from(os.environ)
    # What was told within the pause counts, also if a fight is a matter of fewer minutes.
    rounds = connect_ledger().rounds(attachment, current.at - max(rules.within, PAUSE))
    return find_fight(rounds, current, rules, datetime.now(UTC))


def _baseline() -> Baseline | BaselineError:
    """Return the baseline or what is wrong with it: a failure is described with either."""
    try:
        return load_baseline(GUARDRAILS)
    except BaselineError as error:
        return error
