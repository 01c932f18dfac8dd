"""Describe Outcome: words for people, a record for machines."""

from __future__ import annotations

import os
from typing import Any

from holdfast.baseline import GUARDRAILS, Baseline, load_baseline
from holdfast.description import describe
from holdfast.errors import BaselineError
from holdfast.notification import NOT_KNOWN, compose
from holdfast.organizations import connect
from holdfast.successors import connect_successors


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Return the notification about an incident at any stage.

    Parameters
    ----------
    event : dict
        `incident`: the incident, or the raw event if Verify Detach failed; `execution`: the execution's ARN.
        By hand, one of the two documents alone.
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
    UnknownSchemaError
        Terminal: the plain notification is sent instead.
    """
    organization = os.environ.get("ORGANIZATION_ID") or NOT_KNOWN
    document, execution = event.get("incident", event), str(event.get("execution", ""))
    successors = connect_successors().read
    report = describe(document, execution, organization, _baseline(), connect(), successors=successors)
    return compose(report)


def _baseline() -> Baseline | BaselineError:
    """Return the baseline or what is wrong with it: a failure is described with either."""
    try:
        return load_baseline(GUARDRAILS)
    except BaselineError as error:
        return error
