"""Check Wiring: look for what can go bad silently, and for detaches that the fast path did not see."""

from __future__ import annotations

import logging
import os
from typing import Any

from holdfast.baseline import GUARDRAILS, load_baseline
from holdfast.errors import ServiceRefusedError
from holdfast.memory import connect_memory
from holdfast.reconciliation.deployment import connect_deployment
from holdfast.reconciliation.executions import connect_executions
from holdfast.reconciliation.history import connect_history
from holdfast.reconciliation.inspection import (
    Patience,
    Witnesses,
    check_blindness,
    check_fingerprints,
    check_parts,
    check_trails,
    together,
    wiring_document,
)
from holdfast.reconciliation.run import Wiring, parse_reconciliation
from holdfast.reconciliation.trails import connect_trails
from holdfast.reconciliation.wiring import not_checked
from holdfast.settings import named_in
from holdfast.successors import connect_successors

_LOG = logging.getLogger(__name__)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Return what was checked, what is not as it should be, and which detaches started nothing.

    Parameters
    ----------
    event : dict
        The run's document.
    context : object
        Lambda's context, not used.

    Returns
    -------
    dict
        `checked`, sentences; `faults`, each with `part`, `finding` and `remedy`; `blind`, the ids of events.

    Raises
    ------
    ServiceBusyError
        If the stack cannot be read now, so that there is nothing to check: retried by the state machine.
        Every other check that cannot be made is one of the faults.
    BaselineError, SettingsError, UnknownSchemaError
        Terminal, told as a failure.
    """
    parse_reconciliation(event)
    wiring = _check(named_in(os.environ, "STACK_NAME", "a stack's name"))
    _LOG.info("checked", extra={"faults": len(wiring.faults), "blind": len(wiring.blind)})
    return wiring_document(wiring)


def _check(stack_name: str) -> Wiring:
    deployment, memory, patience = connect_deployment(), connect_memory(), Patience()
    try:
        stack = patience(lambda: deployment.stack(stack_name))
    except ServiceRefusedError as error:
        stack_fault = Wiring(faults=(not_checked(f"The stack {stack_name}", error),))
        return together(check_trails(connect_trails(), patience), stack_fault)
    trails = check_trails(connect_trails(), patience)
    parts, states = check_parts(stack, deployment, patience)
    changes = check_fingerprints(stack, states, memory, lambda: deployment.stack(stack_name), patience)
    witnesses = Witnesses(memory, connect_successors(), connect_history(), connect_executions())
    blindness = check_blindness(stack, load_baseline(GUARDRAILS), witnesses)
    return together(trails, parts, changes, blindness)
