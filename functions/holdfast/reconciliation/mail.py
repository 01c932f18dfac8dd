"""The mail about a reconciliation: the first screen, then finding by finding, what failed first."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.links import Console
from holdfast.mail import MAIL, RAW_EVENT_LIMIT, command_lines, subject_line
from holdfast.quoting import quoted
from holdfast.reconciliation import wording
from holdfast.reconciliation.finding import Finding
from holdfast.reconciliation.report import ReconciliationReport
from holdfast.reconciliation.sentence import counted

LINES = 200
"""Lines of all findings together."""

ITEMS = 50
"""Lines of what one finding is about."""

_IN_FULL = 0.75
"""The part of the lines that is for whole findings; the rest is for the titles of those that follow."""


def subject(report: ReconciliationReport) -> str:
    """Return a subject that SNS accepts."""
    return subject_line(report.organization, wording.claim(report).spelled(MAIL))


def body(report: ReconciliationReport, lines: int = LINES) -> str:
    """Return the mail's text; each line begins with words of ours.

    Parameters
    ----------
    report : ReconciliationReport
        What is told.
    lines : int
        How many lines the findings may have.
    """
    sections = (
        [wording.headline(report).spelled(MAIL)],
        list(_first_screen(report)),
        *_findings(report, lines),
        list(_facts(report)),
        list(_links(report)),
        list(_raw_input(report)),
    )
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _first_screen(report: ReconciliationReport) -> Iterator[str]:
    yield f"Exposed now:  {wording.exposed(report).spelled(MAIL)}"
    if who := wording.done_by(report, MAIL):
        yield f"Done by:      {who}"
    if link := wording.what_else(report):
        yield f"What else:    {link}"
    yield f"Restored:     {wording.restored_line(report)}"
    yield f"The run:      began {wording.began(report, MAIL)}"
    yield f"To do:        {wording.remedy(report).spelled(MAIL)}"


def _findings(report: ReconciliationReport, lines: int) -> Iterator[list[str]]:
    """Yield the findings: as many as there is room for in full, then titles, then how many are left."""
    used, whole = 0, 0
    for number, finding in enumerate(report.findings, 1):
        block = list(_finding(number, finding))
        if whole and used + len(block) > lines * _IN_FULL:
            break
        used, whole = used + len(block), number
        yield block
    last = max(whole, min(len(report.findings), whole + lines - used))
    titles = [_title(number, report.findings[number - 1]) for number in range(whole + 1, last + 1)]
    if others := len(report.findings) - last:
        titles.append(f"And {counted(others, 'more finding')}: see the execution.")
    yield titles


def _finding(number: int, finding: Finding) -> Iterator[str]:
    yield _title(number, finding)
    if finding.meaning:
        yield f"   It means:   {finding.meaning}"
    if finding.action:
        yield f"   Done:       {finding.action.spelled(MAIL)}"
    for author in finding.authors[: wording.AUTHORS]:
        yield f"   By:         {wording.author_line(author, MAIL)}"
    if len(finding.authors) > wording.AUTHORS:
        yield f"   By:         {len(finding.authors) - wording.AUTHORS:,} more"
    if finding.remedy:
        yield f"   To do:      {finding.remedy.spelled(MAIL)}"
    yield from (f"   {line}" for line in command_lines(finding.commands))
    for item in finding.items[:ITEMS]:
        yield f"   - {item.spelled(MAIL)}"
    if len(finding.items) > ITEMS:
        yield f"   - and {len(finding.items) - ITEMS:,} more: see the execution"


def _title(number: int, finding: Finding) -> str:
    return f"{number}. {finding.kind.capitalize()}: {finding.title.spelled(MAIL)}."


def _facts(report: ReconciliationReport) -> Iterator[str]:
    yield f"Outcome:      {report.outcome}, {report.severity}"
    yield f"Organization: {report.organization}"
    yield f"Baseline:     {report.baseline_version or 'not read'}"
    if report.outdated:
        policies = counted(report.outdated, "policy", "policies")
        yield f"Snapshot:     due, as the baseline names {policies} by an id that is gone: holdfast snapshot"
    if report.reads:
        yield f"Read with:    {counted(report.reads, 'API call')}"
    if report.checked:
        yield f"Own wiring:   {counted(report.checked, 'check')} made"


def _links(report: ReconciliationReport) -> Iterator[str]:
    console = Console.of_execution(report.execution_arn)
    if console is None:
        return
    yield f"Execution:    {console.execution(report.execution_arn)}"
    authors = wording.lead_authors(report)
    if authors:
        yield f"The event:    {console.event(authors[0].event_id)}"


def _raw_input(report: ReconciliationReport) -> Iterator[str]:
    if report.raw_input is not None:
        yield f"The input, cut: {quoted(report.raw_input, limit=RAW_EVENT_LIMIT)}"
