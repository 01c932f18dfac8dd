"""What a report says of its own completeness: the same words on the page and on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from holdfast.reconciliation.sentence import counted
from holdfast.timestamps import format_timestamp
from holdfast_cli.evidence import Completeness, Evidence

_NONE = "CloudTrail shows no detach of a guardrail."


class Standing(StrEnum):
    """How complete the ledger is."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    UNKNOWN = "unknown"
    GAPS = "gaps"


@dataclass(frozen=True, slots=True)
class CompletenessVerdict:
    """The word on the ledger's completeness.

    Parameters
    ----------
    standing : Standing
        How complete it is.
    title, words : str
        In short, and in a sentence or two.
    notes : tuple of str
        What has to be known beside it.
    """

    standing: Standing
    title: str
    words: str
    notes: tuple[str, ...] = ()

    @property
    def is_bad(self) -> bool:
        """Whether a detach is missing, or may be."""
        return self.standing is Standing.GAPS


def verdict_of(evidence: Evidence) -> CompletenessVerdict:
    """Return what a report may claim: never more than was compared."""
    notes = tuple(_notes(evidence))
    found = evidence.completeness
    if found is None:
        return CompletenessVerdict(Standing.UNKNOWN, "Cannot be compared", _why_not_compared(evidence), notes)
    if not found.is_whole:
        words = " ".join(_missing(found))
        return CompletenessVerdict(Standing.GAPS, "The ledger has gaps", words, notes)
    shown = counted(found.matched, "detach of a guardrail", "detaches of guardrails")
    all_of = f"CloudTrail shows {shown}, and the ledger has each." if found.matched else _NONE
    if not evidence.is_partial:
        return CompletenessVerdict(Standing.COMPLETE, "All detaches are in the ledger", all_of, notes)
    window = found.window
    between = f"{format_timestamp(window.since)} and {format_timestamp(window.until)}"
    words = f"Between {between}: {all_of} The rest of the month cannot be compared."
    return CompletenessVerdict(Standing.PARTIAL, "Complete as far as it can be compared", words, notes)


def _why_not_compared(evidence: Evidence) -> str:
    if evidence.month.first >= evidence.provenance.made_at:
        return "The month has not begun."
    if evidence.month.following <= evidence.provenance.made_at:
        return (
            "CloudTrail keeps its event history for 90 days, and the month is older. This report shows what "
            "the ledger has, and cannot tell whether anything is missing."
        )
    return "The month has just begun: CloudTrail's event history may lack what is younger than half an hour."


def _missing(found: Completeness) -> Iterator[str]:
    if found.gaps:
        number = counted(len(found.gaps), "detach of a guardrail", "detaches of guardrails")
        yield f"CloudTrail shows {number} that the ledger lacks; it has {counted(found.matched, 'other')}."
    if found.unreadable:
        yield f"{counted(found.unreadable, 'record')} of DetachPolicy could not be read, and may be another."


def _notes(evidence: Evidence) -> Iterator[str]:
    """Yield what limits the evidence, as far as it does."""
    known = {version.name for version in evidence.versions}
    if known - {evidence.provenance.baseline_version}:
        yield (
            f"Other baselines were in force than {evidence.provenance.baseline_version}, which says here "
            "what is a guardrail: what only they guarded counts as not of guardrails."
        )
    if evidence.completeness and evidence.completeness.unseen:
        number = counted(len(evidence.completeness.unseen), "incident")
        yield f"{number} in the ledger only: CloudTrail's event history does not show their detach."
    if evidence.unended_before:
        yield (
            f"{counted(evidence.unended_before, 'lapse')} from before the month without a recorded end: the "
            "reports of their months have them."
        )
    if evidence.unreadable_events:
        yield f"{counted(evidence.unreadable_events, 'event')} that Holdfast could not read: see its mails."
    if evidence.uncounted:
        yield (
            f"{counted(evidence.uncounted, 'attachment')} more were found off by runs that recorded only the "
            "first ones one by one."
        )
