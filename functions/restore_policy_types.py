"""Restore Policy Types: EnablePolicyType, repeated until the root shows every planned type as enabled."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from holdfast.asking import ask_again
from holdfast.attachment import PolicyType
from holdfast.errors import OrganizationsError, PolicyTypePendingError, RetryableError
from holdfast.organizations import Organizations, Root, connect
from holdfast.reconciliation.run import Refusal, parse_reconciliation, refusal_document

_LOG = logging.getLogger(__name__)

ENABLED = "ENABLED"


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Switch the planned policy types on and return when all are.

    Parameters
    ----------
    event : dict
        The run, after Find Drift.
    context : object
        Lambda's context, not used.

    Returns
    -------
    dict
        `enabled`: the types that are on; `refused`: what could not be switched on, and why.

    Raises
    ------
    PolicyTypePendingError
        As long as the root does not show every type as enabled: retried by the state machine.
    OrganizationsThrottledError, OrganizationsBusyError
        Retried by the state machine.
    OrganizationsError
        If the root cannot be read: terminal, told as a failure.
    UnknownSchemaError
        Terminal, told as a failure.
    """
    search = parse_reconciliation(event).search
    planned = search.plan.types if search else ()
    if not planned:
        return {"enabled": [], "refused": []}
    organizations = connect()
    root = ask_again(organizations.root)
    absent = [policy_type for policy_type in planned if policy_type not in root.statuses]
    refused = _enable(absent, root, organizations)
    refused_types = {item for refusal in refused for item in refusal.items}
    wanted = [policy_type for policy_type in planned if policy_type not in refused_types]
    if absent:
        root = ask_again(organizations.root)
    _await_enabled(wanted, root)
    _LOG.info("enabled", extra={"enabled": wanted, "refused": sorted(refused_types)})
    return {
        "enabled": [policy_type.value for policy_type in wanted],
        "refused": [refusal_document(refusal) for refusal in refused],
    }


def _enable(types: Iterable[PolicyType], root: Root, organizations: Organizations) -> list[Refusal]:
    """Ask for each type to be switched on, and return what was refused."""
    refused = []
    for policy_type in types:
        try:
            ask_again(partial(organizations.enable_type, root.root_id, policy_type))
        except RetryableError:
            raise
        except OrganizationsError as error:
            refused.append(Refusal(type(error).__name__, str(error), (policy_type.value,)))
    return refused


def _await_enabled(types: Iterable[PolicyType], root: Root) -> None:
    pending = [
        f"{policy_type} {root.statuses.get(policy_type, 'not shown')}"
        for policy_type in types
        if root.statuses.get(policy_type) != ENABLED
    ]
    if pending:
        raise PolicyTypePendingError(f"{root.root_id} shows {', '.join(pending)}")
