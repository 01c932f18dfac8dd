"""Everything that is told about a reconciliation, before it is put into words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from holdfast.outcome import Severity
from holdfast.reconciliation.drift import Plan, Stage
from holdfast.reconciliation.fates import Done
from holdfast.reconciliation.finding import TOLERATED, Finding, Kind
from holdfast.reconciliation.run import Reconciliation
from holdfast.reconciliation.trigger import Route, Trigger


class RunOutcome(StrEnum):
    """How a run ended."""

    RECONCILED = "reconciled"
    DRIFT_FOUND = "drift found"
    FAILED = "failed"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Tally:
    """What was restored and what could not be, in numbers.

    Parameters
    ----------
    types, recreated, rewritten, attachments : int
        Policy types switched on; policies made again; texts put back; attachments restored and confirmed.
    planned_attachments, failed_attachments : int
        Attachments that were to be restored, and those of them that could not be.
    in_progress : int
        Attachments that were left to the fast path.
    """

    types: int = 0
    recreated: int = 0
    rewritten: int = 0
    attachments: int = 0
    planned_attachments: int = 0
    failed_attachments: int = 0
    in_progress: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was restored."""
        return not (self.types or self.recreated or self.rewritten or self.attachments)


NOTHING_DONE = Tally()


@dataclass(frozen=True, slots=True)
class ReconciliationReport:
    """A run with all that is told about it; what could not be found out is None.

    Parameters
    ----------
    execution_arn : str
        The execution that made it.
    organization : str
        The organization's id, or `unknown`.
    findings : tuple of Finding
        What is told, the gravest first; nothing if all is as declared.
    baseline_version : str or None
        The baseline that the run worked with.
    trigger : Trigger or None
        Why it began; None if its input could not be read.
    tally : Tally
        What it restored.
    complete : bool
        Whether it looked at all that it was for.
    reads : int
        API calls that the search made.
    checked : int
        Checks of Holdfast's own wiring that were made.
    outdated : int
        Guardrails that the baseline still names by the ids of policies that were deleted and made again.
    raw_input : str or None
        The input as it came, if the run could not begin.
    """

    execution_arn: str
    organization: str
    findings: tuple[Finding, ...]
    baseline_version: str | None = None
    trigger: Trigger | None = None
    tally: Tally = NOTHING_DONE
    complete: bool = False
    reads: int = 0
    checked: int = 0
    outdated: int = 0
    raw_input: str | None = None

    @property
    def outcome(self) -> RunOutcome:
        """How the run ended."""
        if any(finding.done is Done.FAILED for finding in self.findings) or self.tally.failed_attachments:
            return RunOutcome.FAILED
        if not self.tally.is_empty:
            return RunOutcome.RECONCILED
        drifted = any(finding.kind not in TOLERATED for finding in self.findings)
        return RunOutcome.DRIFT_FOUND if drifted else RunOutcome.CLEAN

    @property
    def severity(self) -> Severity:
        """Whether somebody must get up."""
        grave = any(finding.severity is Severity.PAGE for finding in self.findings)
        return Severity.PAGE if grave or self.outcome is RunOutcome.FAILED else Severity.NOTICE

    @property
    def standing(self) -> tuple[Finding, ...]:
        """What nothing has put right."""
        return tuple(finding for finding in self.findings if finding.is_standing)

    def of_kind(self, kind: Kind) -> tuple[Finding, ...]:
        """Return the standing findings of a kind."""
        return tuple(finding for finding in self.standing if finding.kind is kind)


def tally_of(run: Reconciliation) -> Tally:
    """Return what a run restored, in numbers; they need no baseline."""
    plan = run.search.plan if run.search and not run.trigger.dry_run else Plan()
    planned = {number for chunk in plan.chunks for number in chunk}
    attachments, policies = run.attachments, run.policies
    done = {*attachments.restored, *attachments.already, *attachments.gone_targets} if attachments else set()
    return Tally(
        types=len(run.types.enabled) if run.types else 0,
        recreated=len(policies.recreated) + len(policies.found) if policies else 0,
        rewritten=len(policies.rewritten) if policies else 0,
        attachments=len(attachments.restored) if attachments else 0,
        planned_attachments=len(planned),
        failed_attachments=len(planned - done),
        in_progress=len(run.search.drift.in_progress) if run.search else 0,
    )


def is_complete(run: Reconciliation) -> bool:
    """Return whether a run looked at all that it was for."""
    if run.route is Route.RECONCILE:
        return run.search is not None and run.search.stage in {Stage.CLEAN, Stage.DRIFTED}
    return "run" not in run.failures
