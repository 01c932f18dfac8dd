"""`holdfast report`: a month's evidence for auditors, as a page or as a summary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.baseline import Baseline
from holdfast.detachment import Detachment
from holdfast.reconciliation.sentence import counted
from holdfast.timestamps import format_timestamp
from holdfast_cli.event_history import detaches
from holdfast_cli.evidence import (
    Completeness,
    Evidence,
    Lapse,
    Month,
    Provenance,
    Sightings,
    Window,
    compare,
    evidence_of,
    window_of,
)
from holdfast_cli.history_command import passed_over, read_all, span, who
from holdfast_cli.incidents import Recorded, read_items
from holdfast_cli.ledger_reading import Ledger, find_ledger
from holdfast_cli.report_page import render_page
from holdfast_cli.report_words import verdict_of
from holdfast_cli.session import answered_at

if TYPE_CHECKING:
    from datetime import datetime

    from holdfast_cli.screen import Screen
    from holdfast_cli.session import Session

GAPS = 1
"""The command's exit code if a detach is missing in the ledger; 3 is for drift alone."""


def run_report(  # noqa: PLR0913, PLR0917 - what the command line says
    screen: Screen, session: Session, stack: str, month: Month, baseline: Baseline, html: Path | None = None
) -> int:
    """Gather a month's evidence, write or show it, and return the command's exit code.

    Parameters
    ----------
    screen : Screen
        Where to print.
    session : Session
        Which AWS, as whom.
    stack : str
        The name or ARN of Holdfast's stack.
    month : Month
        The month.
    baseline : Baseline
        What is guarded; with the new ids of policies that were made again.
    html : Path or None
        Where the page goes.

    Raises
    ------
    NoStackError
        If there is no such stack, or it has no ledger.
    ServiceBusyError, ServiceRefusedError
        If CloudTrail does not answer: what it did not say cannot be compared.
    OSError
        If the page cannot be written.
    """
    ledger = find_ledger(session, stack)
    provenance, now = _provenance(session, stack, ledger, baseline)
    recorded = read_items(read_all(screen, ledger.pages()))
    window, partition = window_of(month, now), ledger.client.meta.partition
    completeness = _compare(screen, session, partition, recorded, baseline, window) if window else None
    evidence = evidence_of(month, recorded, completeness, baseline, provenance)
    if html is not None:
        html.write_text(render_page(evidence), encoding="utf-8")
        screen.line(f"Written: {html}")
    _show(screen, evidence, lapses=html is None)
    return 0 if completeness is None or completeness.is_whole else GAPS


def _provenance(
    session: Session, stack: str, ledger: Ledger, baseline: Baseline
) -> tuple[Provenance, datetime]:
    identity = session.client("sts").get_caller_identity()
    now = answered_at(identity)
    return Provenance(
        reader=identity["Arn"],
        made_at=now,
        organization=baseline.organization,
        stack=stack,
        table=ledger.table,
        region=ledger.client.meta.region_name,
        baseline_version=baseline.version,
    ), now


def _compare(  # noqa: PLR0913, PLR0917 - all that a comparison needs
    screen: Screen, session: Session, partition: str, recorded: Recorded, baseline: Baseline, window: Window
) -> Completeness:
    found: list[Detachment | None] = []
    with screen.counter("Reading CloudTrail's history") as counter:
        for page in detaches(session, partition, window.since, window.until):
            found += page
            counter.add(len(page))
    known = tuple(each for each in found if each is not None)
    sightings = Sightings(known, unreadable=len(found) - len(known))
    return compare(sightings, recorded.incidents, baseline, window)


def _show(screen: Screen, evidence: Evidence, *, lapses: bool) -> None:
    source, figures = evidence.provenance, evidence.figures
    screen.line(f"Evidence for {evidence.month.name}, organization {source.organization}", "bold")
    screen.line(f"  by         {source.reader}, {format_timestamp(source.made_at)}")
    versions = ", ".join(version.name for version in evidence.versions) or "none recorded"
    screen.line(f"  baseline   in force: {versions}; compared with: {source.baseline_version}")
    screen.line(
        f"  lapses     {figures.lapses}: {figures.failed} failed at some stage, {figures.exempt} exempt, "
        f"{figures.sanctioned} sanctioned; {counted(figures.runs, 'reconciliation run')} recorded"
    )
    for ending, count in figures.endings.items():
        if count:
            screen.line(f"             {count} {ending}")
    if figures.total is not None:
        screen.line(
            f"  exposure   total {span(figures.total)}, longest {span(figures.longest)}, "
            f"median {span(figures.middle)}"
        )
    for line in _lapse_lines(evidence) if lapses else ():
        screen.line(f"  {line}")
    _show_end(screen, evidence)


def _lapse_lines(evidence: Evidence) -> Iterator[str]:
    for lapse in evidence.lapses:
        length = f", {span(lapse.exposure)}" if lapse.exposure is not None else ""
        guardrail = " ".join(evidence.guardrail(lapse).split())
        yield f"{_since(lapse)}  {guardrail} on {lapse.attachment.target_id}: {lapse.ending}{length}"
        yield f"    {who(lapse.stages[0])}; {' → '.join(stage.outcome for stage in lapse.stages)}"


def _since(lapse: Lapse) -> str:
    return format_timestamp(lapse.began) if lapse.is_dated else f"before {format_timestamp(lapse.began)}"


def _show_end(screen: Screen, evidence: Evidence) -> None:
    for gap in evidence.completeness.gaps if evidence.completeness else ():
        attachment = gap.attachment
        name = (evidence.names or {}).get(attachment.policy_id, attachment.policy_id)
        screen.line(
            f"  GAP: {name} ({attachment.policy_id}) on {attachment.target_id}, detached "
            f"{format_timestamp(gap.event_time)}, CloudTrail's event {gap.event_id}",
            "red",
        )
    verdict = verdict_of(evidence)
    for note in verdict.notes:
        screen.line(f"  {note}", "yellow")
    if evidence.passed_over:
        screen.line(f"  {passed_over(evidence.passed_over)}.", "yellow")
    screen.line(f"{verdict.title}. {verdict.words}", "bold red" if verdict.is_bad else "bold")
