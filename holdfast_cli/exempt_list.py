"""`holdfast exempt list`: all exemptions, and what is none and stands among them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from holdfast.baseline import Baseline
from holdfast.exemption import PATH, BrokenExemption, Exemption, Exemptions, sort_out
from holdfast.exemption_store import parameters_in
from holdfast_cli.exempt import guardrail_of, sentence, subject_named
from holdfast_cli.session import answered_at

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

    from holdfast_cli.screen import Screen
    from holdfast_cli.session import Session


def run_list(screen: Screen, session: Session, baseline: Baseline | None, *, as_json: bool = False) -> int:
    """Show all exemptions and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print.
    session : Session
        Which AWS, as whom.
    baseline : Baseline or None
        The baseline, for the guardrails' names.
    as_json : bool
        Whether a program reads what is printed.
    """
    client: SSMClient = session.client("ssm")
    pages = list(client.get_paginator("get_parameters_by_path").paginate(Path=PATH, Recursive=True))
    found = sort_out(parameter for page in pages for parameter in parameters_in(page["Parameters"]))
    now = answered_at(pages[-1])
    found = Exemptions(
        valid=tuple(sorted(found.valid, key=lambda one: (not one.is_in_force(now), one.until, one.name))),
        broken=tuple(sorted(found.broken, key=lambda one: one.name)),
    )
    if as_json:
        screen.document(_as_document(found, baseline, now))
        return 0
    for exemption in found.valid:
        _show(screen, exemption, baseline, now)
    for broken in found.broken:
        # The problem spells what it quotes as Python does, so that it is one line.
        screen.line(f"broken    {broken.name}", "yellow")
        screen.line(f"          ignored: {broken.problem}", "yellow")
    _show_end(screen, found, now, client.meta.region_name)
    return 0


def _show(screen: Screen, exemption: Exemption, baseline: Baseline | None, now: datetime) -> None:
    style = "" if exemption.is_in_force(now) else "dim"
    screen.line(f"{_state(exemption, now):9} {subject_named(exemption.name).in_words(baseline)}", style)
    screen.line(f"          {sentence(exemption, now)}", style)


def _show_end(screen: Screen, found: Exemptions, now: datetime, region: str) -> None:
    in_force = sum(exemption.is_in_force(now) for exemption in found.valid)
    ended = len(found.valid) - in_force
    screen.line(f"{in_force} in force, {ended} ended, {len(found.broken)} broken, in {region}.", "bold")
    if found.broken:
        screen.line("Next: grant again what is broken, or delete it (aws ssm delete-parameter --name …).")
    elif ended:
        screen.line("What has ended has no effect any more; holdfast exempt revoke --no-wait deletes it.")


def _state(exemption: Exemption, now: datetime) -> str:
    return "in force" if exemption.is_in_force(now) else "ended"


def _as_document(found: Exemptions, baseline: Baseline | None, now: datetime) -> list[dict[str, Any]]:
    return [
        *(_as_item(exemption, baseline, now) for exemption in found.valid),
        *(_as_broken_item(broken) for broken in found.broken),
    ]


def _as_item(exemption: Exemption, baseline: Baseline | None, now: datetime) -> dict[str, Any]:
    subject = subject_named(exemption.name)
    guardrail = guardrail_of(subject, baseline)
    return {
        "state": _state(exemption, now),
        **exemption.to_document(),
        "policy": subject.policy_id,
        "target": subject.target_id,
        "guardrail": guardrail.name if guardrail else None,
        "seconds_left": max(0, int((exemption.until - now).total_seconds())),
    }


def _as_broken_item(broken: BrokenExemption) -> dict[str, Any]:
    return {"state": "broken", "name": broken.name, "problem": broken.problem}
