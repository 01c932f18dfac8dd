"""The sentences about a reconciliation that mail and chat share."""

from __future__ import annotations

from holdfast.links import Console
from holdfast.outcome import Severity
from holdfast.quoting import Medium
from holdfast.reconciliation.drift import Author
from holdfast.reconciliation.fates import Done
from holdfast.reconciliation.finding import TOLERATED, Finding, Kind
from holdfast.reconciliation.report import ReconciliationReport, RunOutcome, Tally
from holdfast.reconciliation.sentence import Sentence, counted, say
from holdfast.reconciliation.trigger import Cause, Change, ScopeKind, Trigger
from holdfast.timestamps import format_timestamp
from holdfast.wording import caller

AUTHORS = 3
"""Authors of one finding that are named."""

_NOTES = TOLERATED | {Kind.UNDECLARED, Kind.BROKEN_EXEMPTION}
"""Findings that are no drift."""

_ALERTS = {Kind.ACCOUNT_DEPARTED, Kind.DELEGATED_ADMINISTRATOR, Kind.RESOURCE_POLICY}


def headline(report: ReconciliationReport) -> Sentence:
    """Return the one line that says how it ended, what is gravest, and how much more there is."""
    others = len(report.findings) - 1
    if others < 1 or claim(report).parts[0] == _RECONCILED:
        return say(claim(report), ".")
    return say(claim(report), f" ({counted(others, 'more finding')} below).")


_RECONCILED = "Reconciled: "


def claim(report: ReconciliationReport) -> Sentence:
    """Return how it ended and what is gravest, without a full stop."""
    first = report.findings[0] if report.findings else None
    if first is None:
        return say("Clean: nothing differs from the baseline")
    if report.outcome is RunOutcome.FAILED:
        return say("FAILED: ", _what_failed(report, first))
    blind = report.of_kind(Kind.BLIND)
    if blind:
        return say("BLIND: ", blind[0].title)
    if first.is_standing and first.severity is Severity.PAGE:
        also = "" if report.tally.is_empty else f"; restored: {restored(report.tally)}"
        return say("ALERT: " if first.kind in _ALERTS else "DRIFT: ", _lead(report, first), also)
    if report.outcome is RunOutcome.RECONCILED:
        return say(_RECONCILED, restored(report.tally))
    return say("Note: " if first.kind in _NOTES else "Drift: ", first.title)


def _what_failed(report: ReconciliationReport, first: Finding) -> Sentence:
    tally = report.tally
    if tally.failed_attachments and first.kind in {Kind.MISSING, Kind.TASK_FAILED, Kind.UNRESOLVED}:
        whole = counted(tally.planned_attachments, "attachment")
        return say(f"{tally.failed_attachments:,} of {whole} could not be restored")
    return _lead(report, first)


def _lead(report: ReconciliationReport, first: Finding) -> Sentence:
    missing = report.of_kind(Kind.MISSING)
    if first.kind is not Kind.MISSING or len(missing) < 2:  # noqa: PLR2004 - one is named
        return first.title
    return say(_missing_in_numbers(missing), " are missing")


def _missing_in_numbers(missing: tuple[Finding, ...]) -> str:
    guardrails = len({policy_id for finding in missing for policy_id in finding.policy_ids})
    number = counted(sum(finding.count for finding in missing), "attachment")
    return f"{number} of {counted(guardrails, 'guardrail')}"


def restored(tally: Tally) -> str:
    """Return what was restored, in numbers."""
    numbers = (
        (tally.types, "policy type switched on", "policy types switched on"),
        (tally.recreated, "policy made again", "policies made again"),
        (tally.rewritten, "text put back", "texts put back"),
        (tally.attachments, "attachment restored", "attachments restored"),
    )
    return ", ".join(counted(number, one, many) for number, one, many in numbers if number) or "nothing"


def restored_line(report: ReconciliationReport) -> str:
    """Return what was restored and confirmed, and what was not."""
    tally = report.tally
    words = restored(tally) + ("" if tally.is_empty else ", confirmed")
    if tally.failed_attachments:
        words += f"; {counted(tally.failed_attachments, 'attachment')} could NOT be"
    withheld = sum(finding.done is Done.WITHHELD for finding in report.findings)
    if withheld:
        words += f"; {counted(withheld, 'finding')} left as found (reasons below)"
    return words


def exposed(report: ReconciliationReport) -> Sentence:
    """Return what is exposed now, as far as this run knows."""
    parts = [_exposed_by(report, kind) for kind in _EXPOSING]
    if report.tally.failed_attachments and not report.of_kind(Kind.MISSING):
        parts.append(say(f"{counted(report.tally.failed_attachments, 'attachment')} not restored"))
    if report.tally.in_progress:
        parts.append(say(f"{counted(report.tally.in_progress, 'more')} being restored by the fast path"))
    known = [part for part in parts if part]
    if not report.complete:
        rest = "the rest is " if known else ""
        known.append(say(f"{rest}NOT KNOWN, as the run did not look at everything"))
    return _joined(known) or say("nothing that this run knows of")


_EXPOSING = {
    Kind.TYPE_DISABLED: ("policy type switched off", "policy types switched off"),
    Kind.POLICY_DELETED: ("guardrail whose policy is deleted", "guardrails whose policies are deleted"),
    Kind.TEXT_CHANGED: ("guardrail with another text", "guardrails with other texts"),
    Kind.UNRESOLVED: ("set of differences that cannot be named", "sets of such differences"),
    Kind.COVERAGE_LOST: ("account that lost guardrails", "accounts that lost guardrails"),
    Kind.ACCOUNT_DEPARTED: (
        "account, for which all guardrails of this organization are gone",
        "accounts, for which all guardrails of this organization are gone",
    ),
    Kind.DELEGATED_ADMINISTRATOR: (
        "account that may be able to change more than before",
        "accounts that may be able to change more than before",
    ),
    Kind.RESOURCE_POLICY: (
        "delegation policy that may let others change more than before",
        "delegation policies that may let others change more than before",
    ),
    Kind.BLIND: ("cause for detaches to go unnoticed", "causes for detaches to go unnoticed"),
    Kind.WIRING: ("fault in Holdfast's own wiring", "faults in Holdfast's own wiring"),
    Kind.SANCTIONED: (
        "guardrail detached by a sanctioned principal",
        "guardrails detached by sanctioned principals",
    ),
    Kind.EXEMPT: (
        "exemption under which guardrails are off",
        "exemptions under which guardrails are off",
    ),
    Kind.MISSING: ("", ""),
}


def _exposed_by(report: ReconciliationReport, kind: Kind) -> Sentence:
    standing = report.of_kind(kind)
    if not standing:
        return say()
    if kind is Kind.MISSING:
        return say(_missing_in_numbers(standing), " missing")
    return say(counted(len(standing), *_EXPOSING[kind]))


def _joined(sentences: list[Sentence]) -> Sentence:
    words = say()
    for sentence in sentences:
        words = say(words, "; " if words else "", sentence)
    return words


def began(report: ReconciliationReport, medium: Medium) -> str:
    """Return why the run began, and what it was for; who caused it, where that is not told already."""
    trigger = report.trigger
    if trigger is None:
        return "by an input that could not be read"
    dry = ", as a dry run that changes nothing" if trigger.dry_run else ""
    if trigger.change is None:
        cause = "on its schedule" if trigger.cause is Cause.SCHEDULE else "on request"
        return f"{cause}, for {_scope(trigger)}{dry}"
    change, told = trigger.change, lead_authors(report)
    what = f"by {change.kind}{_subject_of(change)} at {format_timestamp(change.event_time)}"
    if told and told[0].event_id == change.event_id:
        return f"{what}{dry}"
    return f"{what}, called by {caller(change.principal, medium)}, event {change.event_id}{dry}"


def _scope(trigger: Trigger) -> str:
    if trigger.scope.kind is ScopeKind.ALL:
        return "the whole baseline"
    return f"the {trigger.scope.kind} {trigger.scope.subject}"


def _subject_of(change: Change) -> str:
    if change.policy_type:
        return f" of {change.policy_type}"
    if change.policy_id:
        return f" of {change.policy_id}" + (f" to {change.target_id}" if change.target_id else "")
    if change.source_parent:
        return f" of {change.member_id} from {change.source_parent} to {change.destination_parent}"
    return f" of {change.member_id}" if change.member_id else ""


def lead_authors(report: ReconciliationReport) -> tuple[Author, ...]:
    """Return who did what is gravest, of what is known."""
    return next((finding.authors for finding in report.findings if finding.authors), ())


def author_line(author: Author, medium: Medium) -> str:
    """Return who did something, by which call and when."""
    who = caller(author.principal, medium)
    return f"{who}; {author.event} at {format_timestamp(author.at)}, event {author.event_id}"


NOBODY_FOUND = "nobody was found in CloudTrail's event history, which may lag by 15 minutes"


def done_by(report: ReconciliationReport, medium: Medium) -> str | None:
    """Return who did what is gravest; None where that is no question."""
    authors = lead_authors(report)
    if authors:
        return author_line(authors[0], medium)
    asked = {Kind.TYPE_DISABLED, Kind.POLICY_DELETED, Kind.TEXT_CHANGED, Kind.MISSING, Kind.BLIND}
    return NOBODY_FOUND if any(finding.kind in asked for finding in report.findings) else None


def what_else(report: ReconciliationReport) -> str | None:
    """Return where to see what else the first author's access key did."""
    console = Console.of_execution(report.execution_arn)
    authors = lead_authors(report)
    return console.events_of_key(authors[0].principal.access_key_id) if console and authors else None


_ASK = (
    "Ask whoever did it. If nobody planned it, treat the caller's credentials as stolen; if somebody did, "
    "change the baseline first and the organization then."
)


def _lightness(finding: Finding) -> tuple[bool, bool]:
    return finding.severity is Severity.NOTICE, not finding.is_standing


def remedy(report: ReconciliationReport) -> Sentence:
    """Return what to do first: about what is grave, and of that about what still stands."""
    if not report.findings:
        return say("Nothing.")
    gravest = min(report.findings, key=_lightness)
    return gravest.remedy or say(_ASK)
