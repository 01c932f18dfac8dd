"""Exemptions where drift is looked for: what may be off is set apart, and what is no exemption is told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from holdfast.baseline import Baseline, Placement
from holdfast.errors import ServiceRefusedError
from holdfast.exemption import NONE, BrokenExemption, Exemption, Exemptions, Parameter, sort_out
from holdfast.reconciliation.drift import WORDS, Drift, Exempt, Unheeded, lost_placements
from holdfast.reconciliation.trigger import Scope, ScopeKind
from holdfast.record import shortened

# What is kept of outside words: 1,000 parameters must not make the document grow beyond what a state takes,
# 262,144 bytes, beside 5,000 placements. Source: Step Functions, "Quotas".
NAMED = 20
"""Exemptions that are told one by one."""

BROKEN = 10
"""Broken ones that are told one by one."""

_REASON = 3 * WORDS
_NAME = 256
_PROBLEM = 200

_LOG = logging.getLogger(__name__)


def are_wanted(drift: Drift, baseline: Baseline, scope: Scope) -> bool:
    """Return whether a run reads the exemptions: where one may count, and in each look at everything."""
    off = lost_placements(drift, baseline) or drift.in_progress or drift.sanctioned
    return scope.kind is ScopeKind.ALL or bool(off)


def read_exemptions(read: Callable[[], Iterable[Parameter]]) -> tuple[Exemptions, Unheeded]:
    """Return the exemptions, and what of them counts for nothing; a refused read exempts nothing.

    Raises
    ------
    ServiceBusyError
        If they cannot be read now: without them what is exempt would be restored.
    """
    try:
        exemptions = sort_out(read())
    except ServiceRefusedError as error:
        _LOG.warning("done without exemptions: %s", error)
        return NONE, Unheeded(refused=shortened(error, _PROBLEM))
    broken = sorted(exemptions.broken, key=lambda one: one.name)
    told = tuple(
        BrokenExemption(shortened(one.name, _NAME), shortened(one.problem, _PROBLEM))
        for one in broken[:BROKEN]
    )
    return exemptions, Unheeded(told, len(broken) - len(told))


def leave_what_is_exempt(drift: Drift, baseline: Baseline, exemptions: Exemptions, now: datetime) -> Drift:
    """Return the drift in which what may be off now is set apart, with whatever it was lost.

    An execution of the fast path that is under way may be one that waits for the exemption's end.
    """
    off = {*lost_placements(drift, baseline), *drift.in_progress, *drift.sanctioned}
    placements, under = baseline.placements, dict[Exemption, list[int]]()
    for number in sorted(off.difference(drift.gone_targets)):
        exemption = _exemption_of(placements[number], baseline, exemptions, now)
        if exemption is not None:
            under.setdefault(exemption, []).append(number)
    exempt = {number for numbers in under.values() for number in numbers}
    return replace(
        drift,
        missing=_without(drift.missing, exempt),
        in_progress=_without(drift.in_progress, exempt),
        sanctioned=_without(drift.sanctioned, exempt),
        exempt=tuple(_told(under)),
    )


def _exemption_of(
    placement: Placement, baseline: Baseline, exemptions: Exemptions, now: datetime
) -> Exemption | None:
    declared_id = baseline.guardrails[placement.guardrail].declared_id
    return exemptions.of(baseline.attachment_at(placement), now, declared_id=declared_id)


def _without(numbers: Iterable[int], exempt: set[int]) -> tuple[int, ...]:
    return tuple(number for number in numbers if number not in exempt)


def _told(under: dict[Exemption, list[int]]) -> Iterator[Exempt]:
    """Yield the exemptions under which most is off, and all others as one."""
    most_first = sorted(under.items(), key=lambda item: (-len(item[1]), item[0].name))
    for exemption, numbers in most_first[:NAMED]:
        ticket = exemption.ticket and shortened(exemption.ticket, WORDS)
        reason = shortened(exemption.reason, _REASON)
        yield Exempt(exemption.name, exemption.until, reason, ticket, tuple(numbers))
    if others := most_first[NAMED:]:
        first_end = min(exemption.until for exemption, _ in others)
        placements = tuple(sorted(number for _, numbers in others for number in numbers))
        yield Exempt(None, first_end, "", None, placements, len(others))
