"""What targets and policies are called, looked up within a small budget and never at any price."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice, takewhile

from holdfast.attachment import TargetKind, target_kind
from holdfast.calling import unless_refused
from holdfast.organizations import Organizations
from holdfast.reconciliation.finding import Finding, Kind, Names

LOOKUPS = 10
"""Targets whose names are looked up, and likewise policies."""

PATIENCE = 15.0
"""Seconds after which no further lookup begins, however slow the answers are; the function has more."""


def look_up(
    organizations: Organizations, findings: Iterable[Finding], now: Callable[[], float] = time.monotonic
) -> Names:
    """Return the names of the first targets and unknown policies that findings speak of.

    Parameters
    ----------
    organizations : Organizations
        A connection that keeps a pace.
    findings : iterable of Finding
        The gravest first; what cannot be found out has no name.
    now : callable
        Tells the time in seconds.
    """
    told, ends = tuple(findings), now() + PATIENCE

    def names_of(ids: Iterable[str], ask: Callable[[str], str]) -> dict[str, str]:
        asked = takewhile(lambda _: now() <= ends, ids)
        names = {identifier: unless_refused(partial(ask, identifier)) for identifier in asked}
        return {identifier: name for identifier, name in names.items() if name is not None}

    return Names(
        targets=names_of(_targets(told), partial(_name_of_target, organizations)),
        policies=names_of(_strangers(told), lambda policy_id: organizations.policy(policy_id).name),
    )


def _name_of_target(organizations: Organizations, target_id: str) -> str:
    if target_kind(target_id) is TargetKind.ACCOUNT:
        return organizations.account_name(target_id)
    return organizations.unit_name(target_id)


def _targets(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Return the first targets, but the root, which needs no name, and those that are no longer there."""
    ids = (
        target_id
        for finding in findings
        if finding.kind not in {Kind.TARGET_GONE, Kind.ACCOUNT_DEPARTED}
        for target_id in finding.target_ids
        if target_kind(target_id) is not TargetKind.ROOT
    )
    return tuple(islice(dict.fromkeys(ids), LOOKUPS))


def _strangers(findings: Iterable[Finding]) -> tuple[str, ...]:
    ids = (
        policy_id
        for finding in findings
        if finding.kind is Kind.STRANGERS
        for policy_id in finding.policy_ids
    )
    return tuple(islice(dict.fromkeys(ids), LOOKUPS))
