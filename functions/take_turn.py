"""Take Turn: read what starts a run, and let one run of a scope go at a time."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from typing import Any

from holdfast.baseline import GUARDRAILS, load_baseline
from holdfast.errors import ServiceRefusedError, TurnPendingError
from holdfast.memory import connect_memory
from holdfast.origin import check_account, check_organization, check_sender
from holdfast.reconciliation.executions import connect_executions
from holdfast.reconciliation.run import Reconciliation
from holdfast.reconciliation.trigger import Route, ScopeKind, Trigger, parse_trigger
from holdfast.reconciliation.turn import Turn, decide_turn, parse_claim
from holdfast.settings import Settings
from holdfast.successors import connect_successors

_LOG = logging.getLogger(__name__)

ATTEMPTS = 5
"""How often a run that was overtaken asks again at once; after that it waits like all others."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Return the run that an execution's input starts, once it is its turn.

    Parameters
    ----------
    event : dict
        `input`: the execution's input; `execution`: its ARN.
    context : object
        Lambda's context, not used.

    Returns
    -------
    dict
        The run. Its route is `nothing` if the baseline is not concerned, or if another run waits already
        that will see what this one came for.

    Raises
    ------
    TurnPendingError
        While another run of the same scope is under way: retried by the state machine.
    ServiceBusyError
        If what was remembered, or who is running, cannot be read now: retried by the state machine.
    MalformedEventError, ForeignEventError, BaselineError, SettingsError, ServiceRefusedError
        Terminal: told as a failure.
    """
    settings = Settings.from_environ(os.environ)
    trigger = parse_trigger(event["input"])
    if trigger.change is not None:
        check_account(trigger.change.account_id, settings)
        check_sender(event["input"], settings)
    baseline = load_baseline(GUARDRAILS)
    check_organization(baseline, settings)
    concerned = trigger.concerns(baseline.adopting(connect_successors().read()))
    goes = concerned and _may_go(trigger, event["execution"])
    run = Reconciliation(
        trigger=trigger,
        route=trigger.route if goes else Route.NOTHING,
        organization=baseline.organization,
        baseline_version=baseline.version,
        began_at=datetime.now(UTC),
    )
    _LOG.info(
        "took a turn", extra={"scope": trigger.scope.key, "concerned": concerned, "route": run.route.value}
    )
    return run.to_document()


def _may_go(trigger: Trigger, execution: str) -> bool:
    """Return whether the run's turn has come, or False if it may leave.

    Where nobody can say whose turn it is, the run goes: two runs at once find and restore the same, and a
    run that is lost finds nothing.

    Raises
    ------
    TurnPendingError
        If it has to wait.
    """
    if trigger.scope.kind is ScopeKind.EVENT:
        # No other run is about this event, and a claim for each would never be needed again.
        return True
    try:
        turn = _take_turn(trigger, execution)
    except ServiceRefusedError as error:
        _LOG.warning("goes without a turn: %s", error)
        return True
    if turn is Turn.WAIT:
        raise TurnPendingError(f"another run of scope {trigger.scope.key!r} is under way")
    return turn is Turn.GO


def _take_turn(trigger: Trigger, execution: str) -> Turn:
    """Return what a run may do, after the claim that says so has been remembered."""
    memory, executions = connect_memory(), connect_executions()
    name = _claim_name(trigger)
    for _ in range(ATTEMPTS):
        remembered = memory.recall(name)
        turn, claim = decide_turn(parse_claim(remembered), execution, executions.is_running)
        content = claim.to_document()
        if content == remembered or memory.remember(name, content, instead_of=remembered):
            return turn
    raise TurnPendingError(f"other runs of scope {trigger.scope.key!r} were faster {ATTEMPTS} times")


def _claim_name(trigger: Trigger) -> str:
    """Return the name under which it is remembered whose turn it is.

    Dry runs have turns of their own: a run that is to restore must not leave what it came for to one that
    only looks. So have runs at once: they must not wait for one that waits for its second look.
    """
    name = f"turn/{trigger.scope.key}"
    if trigger.at_once:
        name += "/at once"
    return f"{name}/dry run" if trigger.dry_run else name
