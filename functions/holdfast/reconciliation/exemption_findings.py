"""The findings about exemptions: what is off under one, and which ones count for nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from holdfast.baseline import Baseline, Guardrail
from holdfast.exempting import revoke_command
from holdfast.exemption import PATH, VALUE, BrokenExemption
from holdfast.outcome import Severity
from holdfast.reconciliation.drift import Author, Exempt, Unheeded
from holdfast.reconciliation.fates import Done
from holdfast.reconciliation.finding import Finding, Kind, Names, digest, guardrail_words, target_words
from holdfast.reconciliation.sentence import Outside, Sentence, counted, say
from holdfast.timestamps import format_timestamp

_SAFE_NAME = re.compile(rf"{PATH}/[\w.-]+(?:/[\w.-]+)*", re.ASCII)
"""A name that a shell takes as it is, and that nobody has cut."""

_LIST = ("To see them all", "holdfast exempt list")
_PROBLEM = 200


def exempt_finding(
    exempt: Exempt,
    baseline: Baseline,
    names: Names,
    authors_on: Callable[[Iterable[tuple[Guardrail, str]]], tuple[Author, ...]],
) -> Finding:
    """Return the finding that something is off under an exemption.

    Parameters
    ----------
    exempt : Exempt
        The exemption, and what is off.
    baseline : Baseline
        The baseline that its numbers are for, successors adopted.
    names : Names
        What targets are called.
    authors_on : callable
        Returns who detached any of these attachments, as far as that is known.
    """
    placements = baseline.placements
    places = [placements[number] for number in exempt.placements]
    off = [(baseline.guardrails[place.guardrail], place.target_id) for place in places]
    guardrails = list(dict.fromkeys(guardrail for guardrail, _ in off))
    targets = tuple(target for _, target in off)
    return Finding(
        kind=Kind.EXEMPT,
        done=Done.REPORTED,
        severity=Severity.NOTICE,
        subject=f"{exempt.name}/{format_timestamp(exempt.until)}/{digest(map(str, exempt.placements))}",
        title=say(_what_is_off(off, guardrails, names), " off under ", _exemption_words(exempt)),
        action=say("Not attached: it may be off until then."),
        remedy=say(
            "Nothing, if that is still needed: after the end it counts as missing. If not, revoke it."
        ),
        commands=_revoke_command(exempt.name),
        items=tuple(
            say(guardrail_words(guardrail), " on ", target_words(target, names)) for guardrail, target in off
        )
        if len(off) > 1
        else (),
        authors=authors_on(off),
        policy_ids=tuple(guardrail.policy_id for guardrail in guardrails),
        target_ids=tuple(dict.fromkeys(targets)),
        policy_types=tuple(dict.fromkeys(guardrail.policy_type for guardrail in guardrails)),
        count=len(off),
    )


def unheeded_findings(unheeded: Unheeded) -> Iterator[Finding]:
    """Yield the findings about exemptions that count for nothing."""
    if unheeded.refused is not None:
        yield _unread(unheeded.refused)
    yield from map(_broken, unheeded.broken)
    if unheeded.more:
        yield _more_broken(unheeded.more)


def _what_is_off(off: list[tuple[Guardrail, str]], guardrails: list[Guardrail], names: Names) -> Sentence:
    guardrail, target = off[0]
    if len(off) == 1:
        return say(guardrail_words(guardrail), " on ", target_words(target, names), " is")
    if len(guardrails) == 1:
        return say(guardrail_words(guardrail), f" on {len(off):,} targets is")
    return say(f"{counted(len(off), 'attachment')} of {counted(len(guardrails), 'guardrail')} are")


def _exemption_words(exempt: Exempt) -> Sentence:
    end = format_timestamp(exempt.until)
    if exempt.name is None:
        return say(f"{counted(exempt.exemptions, 'more exemption')}, of which the first ends at {end}")
    ticket = say(" (ticket ", Outside(exempt.ticket), ")") if exempt.ticket else say()
    return say(f"an exemption until {end}, because ", Outside(exempt.reason), ticket)


def _revoke_command(name: str | None) -> tuple[tuple[str, str], ...]:
    if name is None:
        return (_LIST,)
    return (("To revoke it", revoke_command(name)),)


def _broken(broken: BrokenExemption) -> Finding:
    delete = ("To delete it", f"aws ssm delete-parameter --name {broken.name}")
    return Finding(
        kind=Kind.BROKEN_EXEMPTION,
        done=Done.REPORTED,
        severity=Severity.NOTICE,
        subject=digest([broken.name, broken.problem]),
        title=say(
            "the parameter ", Outside(broken.name), " is no exemption: ", Outside(broken.problem, _PROBLEM)
        ),
        action=say("It is ignored: what it was meant to exempt is restored."),
        remedy=say(f"Write it anew with a value such as {VALUE}, or delete it."),
        commands=(delete,) if _SAFE_NAME.fullmatch(broken.name) else (_LIST,),
    )


def _more_broken(more: int) -> Finding:
    return Finding(
        kind=Kind.BROKEN_EXEMPTION,
        done=Done.REPORTED,
        severity=Severity.NOTICE,
        subject=f"{more} more",
        title=say(f"{counted(more, 'more parameter')} below {PATH}: no exemption"),
        action=say("Ignored, as those above."),
        remedy=say("Look at them, and delete what nobody needs."),
        commands=(_LIST,),
        count=more,
    )


def _unread(refused: str) -> Finding:
    return Finding(
        kind=Kind.EXEMPTIONS_UNREAD,
        done=Done.REPORTED,
        severity=Severity.PAGE,
        subject=digest([refused]),
        title=say("exemptions could not be read: ", Outside(refused, _PROBLEM)),
        action=say("Nothing was exempt in this run: what an exemption was meant for is restored as well."),
        remedy=say(
            f"Let whoever compares read the parameters below {PATH} (ssm:GetParametersByPath): the role of "
            "FindDriftFunction in the stack, your own for holdfast diff."
        ),
    )
