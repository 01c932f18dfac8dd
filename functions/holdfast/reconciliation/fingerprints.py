"""Whether the parts still are what was deployed: fingerprints of what decides what they do.

The first look after a deployment is believed. Whoever may deploy may therefore change everything; whoever
changes a part past the deployments is found out at the next look, and until the change is undone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from holdfast.reconciliation.run import Fault
from holdfast.reconciliation.wiring import (
    FunctionState,
    MappingState,
    RuleState,
    ScheduleState,
    State,
    StateMachineState,
)

Fingerprint = Mapping[str, str]
"""A digest of each thing that decides what a part does, by the thing's name."""

_DIGITS = 32


def fingerprint_of(state: State) -> Fingerprint:
    """Return a part's fingerprint; empty for parts that hold nothing that could be compared."""
    match state:
        case RuleState():
            targets = sorted(state.targets, key=lambda target: str(target["Id"]))
            return _digests({"pattern": _parsed(state.pattern), "targets": targets})
        case ScheduleState():
            return _digests({"expression": state.expression, "target": state.target})
        case FunctionState():
            return _digests({"code": state.code, **state.configuration})
        case StateMachineState():
            return _digests({"definition": state.definition, "role": state.role})
        case MappingState():
            return _digests(state.settings)
        case _:
            return {}


def _parsed(pattern: str) -> Any:
    """Return a pattern as JSON, so that its spelling does not count; as it is, if it is none."""
    try:
        return json.loads(pattern)
    except ValueError:
        return pattern


def _digests(things: Mapping[str, Any]) -> Fingerprint:
    return {name: _digest(thing) for name, thing in things.items()}


def _digest(thing: Any) -> str:
    canonical = json.dumps(thing, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:_DIGITS]


def compare_with_deployed(
    remembered: Mapping[str, Any] | None, deployed_at: datetime, seen: Mapping[str, Fingerprint]
) -> tuple[tuple[Fault, ...], Mapping[str, Any]]:
    """Return what was changed past the deployments, and what is to be remembered now.

    What was remembered of a part stays until the next deployment, whatever is seen. A part that nothing is
    remembered of, because it could not be read when the others were, is remembered as it is seen.

    Parameters
    ----------
    remembered : mapping or None
        `stack_updated_at` and `parts`, the fingerprints by logical id; None if nothing is remembered.
    deployed_at : datetime
        When the last deployment began.
    seen : mapping of str to Fingerprint
        What the parts are now, by logical id.
    """
    at = deployed_at.isoformat()
    if remembered is None or remembered["stack_updated_at"] != at:
        return (), {"stack_updated_at": at, "parts": dict(seen)}
    known: Mapping[str, Fingerprint] = remembered["parts"]
    faults = tuple(
        _changed(logical_id, known[logical_id], fingerprint)
        for logical_id, fingerprint in seen.items()
        if known.get(logical_id, fingerprint) != fingerprint
    )
    return faults, {"stack_updated_at": at, "parts": {**seen, **known}}


def _changed(logical_id: str, known: Fingerprint, seen: Fingerprint) -> Fault:
    names = sorted(name for name in known.keys() | seen.keys() if known.get(name) != seen.get(name))
    return Fault(
        logical_id,
        f"It was changed outside of a deployment: {', '.join(names)}.",
        "Find out in CloudTrail who changed it, and deploy the template again.",
    )
