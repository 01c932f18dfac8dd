"""The evidence of a month: what is reported, about what, made by whom, and whether it is complete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from holdfast_cli.evidence import Completeness, Figures, Lapse, figures_of

WITHIN = "Every detach of a guardrail in CloudTrail's event history has an entry in the ledger"


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says.

    Parameters
    ----------
    organization : str
        The organization's id.
    since, until : datetime
        The month; `until` is not in it.
    made_at : datetime
        When it was made.
    reader : str
        The ARN of whoever made it.
    ledger : str
        The ledger's table.
    baseline_version : str
        The version of the baseline that the reader has.
    lapses : tuple of Lapse
        Every lapse that began in the month, the oldest first.
    runs : int
        How many reconciliations were recorded since the month began.
    unread : int
        How many of the ledger's items could not be read as incidents.
    completeness : Completeness or None
        None if CloudTrail's history does not reach back to any of it.
    """

    organization: str
    since: datetime
    until: datetime
    made_at: datetime
    reader: str
    ledger: str
    baseline_version: str
    lapses: tuple[Lapse, ...]
    runs: int
    unread: int
    completeness: Completeness | None

    @property
    def figures(self) -> Figures:
        """The lapses in numbers."""
        return figures_of(self.lapses)

    @property
    def month(self) -> str:
        """The month as people write it: `October 2026`."""
        return f"{self.since:%B %Y}"

    @property
    def is_over(self) -> bool:
        """Whether the month had ended when the report was made."""
        return self.until <= self.made_at

    @property
    def baselines(self) -> tuple[str, ...]:
        """The versions of the baseline that judged the lapses, in their order."""
        entries = (entry for lapse in self.lapses for entry in lapse.entries)
        return tuple(dict.fromkeys(entry.baseline_version for entry in entries if entry.baseline_version))

    @property
    def has_gaps(self) -> bool:
        """Whether a detach of a guardrail is missing in the ledger."""
        return self.completeness is not None and not self.completeness.is_whole

    @property
    def verdict(self) -> str:
        """Whether it is complete, in a sentence that claims no more than was compared."""
        compared = self.completeness
        if compared is None:
            return "Cannot be compared: CloudTrail's event history keeps 90 days, and all of this is older."
        window = f"between {compared.since:%d %B %H:%M} and {compared.until:%d %B %H:%M} UTC"
        if compared.gaps:
            number = len(compared.gaps)
            detaches = "1 detach" if number == 1 else f"{number:,} detaches"
            return f"Not complete: of {detaches} of guardrails {window} the ledger has no entry."
        whole = (compared.since, compared.until) == (self.since, self.until)
        rest = "" if whole else " The rest of the month is not in that history, and was not compared."
        if not compared.matched:
            return f"CloudTrail's event history shows no detach of a guardrail {window}.{rest}"
        return f"{WITHIN} {window}: {compared.matched:,} of {compared.matched:,}.{rest}"
