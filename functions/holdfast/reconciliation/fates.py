"""What became of everything that a run found: restored, failed, or withheld and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from holdfast.attachment import PolicyType
from holdfast.baseline import Baseline
from holdfast.incident import Failure
from holdfast.reconciliation.drift import Drift, Plan
from holdfast.reconciliation.run import Reconciliation, Refusal
from holdfast.settings import Mode, Restoring


class Done(StrEnum):
    """What was done about a difference."""

    FAILED = "failed"
    WITHHELD = "withheld"
    REPORTED = "reported"
    RESTORED = "restored"
    BY_OTHERS = "restored by others"
    TARGET_GONE = "target gone"


MENDED = frozenset({Done.RESTORED, Done.BY_OTHERS})
"""After these the baseline is in force again."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What was done about one difference.

    Parameters
    ----------
    done : Done
        How it ended.
    because : str
        Why it was withheld, in words of ours.
    failure : Failure or None
        What kept it from being restored.
    blocked : bool
        Whether something else has to be put right first.
    """

    done: Done
    because: str = ""
    failure: Failure | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Switches:
    """What the deployment lets a run restore.

    Parameters
    ----------
    mode : Mode
        Whether anything may be changed.
    restoring : Restoring
        What the three parameters say, whatever the mode is.
    """

    mode: Mode
    restoring: Restoring


TYPES_SWITCH = "RestorePolicyTypes"
POLICIES_SWITCH = "RestorePolicies"
ATTACHMENTS_SWITCH = "RestoreAttachments"

_NO_ANSWER = Failure("Unknown", "no task answered for it")
_RESTORED, _BY_OTHERS, _TARGET_GONE = Fate(Done.RESTORED), Fate(Done.BY_OTHERS), Fate(Done.TARGET_GONE)


class Fates:
    """Tell what became of policy types, policies and placements.

    Parameters
    ----------
    run : Reconciliation
        The run.
    baseline : Baseline
        The baseline that its indices are for.
    switches : Switches or None
        What may be restored; None if the settings could not be read.
    """

    def __init__(self, run: Reconciliation, baseline: Baseline, switches: Switches | None) -> None:
        self._run, self._baseline, self._switches = run, baseline, switches
        self._places = baseline.placements
        self._drift = run.search.drift if run.search else Drift()
        self._plan = run.search.plan if run.search else Plan()
        self._planned = frozenset(number for chunk in self._plan.chunks for number in chunk)
        self._types = _answers((run.types.enabled, _RESTORED), refused=run.types.refused) if run.types else {}
        self._policies = self._answers_on_policies()
        self._placements = self._answers_on_placements()

    def of_type(self, policy_type: PolicyType) -> Fate:
        """Return what became of a policy type that was switched off."""
        return self._fate(self._types, policy_type.value, "types", policy_type in self._plan.types)

    def of_policy(self, index: int) -> Fate:
        """Return what became of a guardrail whose policy was deleted or has another text."""
        return self._fate(self._policies, index, "policies", index in self._plan.policies)

    def of_placement(self, number: int) -> Fate:
        """Return what became of an attachment that was not there."""
        return self._fate(self._placements, number, "attachments", number in self._planned)

    def why_lost(self, number: int) -> str:
        """Return what an attachment was lost with: its policy type, its policy, or nothing else."""
        guardrail = self._places[number].guardrail
        if self._baseline.guardrails[guardrail].policy_type in self._drift.disabled:
            return "with its policy type"
        return "with its policy" if guardrail in self._drift.gone else ""

    def _fate(self, answers: dict[int | str, Fate], item: int | str, part: str, planned: bool) -> Fate:  # noqa: FBT001 - read aloud at the three calls above
        if item in answers:
            return answers[item]
        if planned and not self._run.trigger.dry_run:
            failures = self._run.failures
            if part == "policies" and self._run.policies is not None:
                return _BY_OTHERS  # it was looked at, and nothing was left to do
            return Fate(Done.FAILED, failure=failures.get(part) or failures.get("run") or _NO_ANSWER)
        blocked = self._blocked(item) if part == "attachments" and isinstance(item, int) else ""
        return Fate(Done.WITHHELD, because=blocked or self._why_withheld(part), blocked=bool(blocked))

    def _blocked(self, number: int) -> str:
        """Return what has to be restored before an attachment can be."""
        guardrail = self._places[number].guardrail
        policy_type = self._baseline.guardrails[guardrail].policy_type
        if policy_type in self._drift.disabled and self.of_type(policy_type).done is not Done.RESTORED:
            return "its policy type is switched off"
        if guardrail in self._drift.gone and self.of_policy(guardrail).done is not Done.RESTORED:
            return "its policy is not there"
        return ""

    def _why_withheld(self, part: str) -> str:
        if self._switches is None:
            return "Holdfast's own settings could not be read"
        restoring = self._switches.restoring
        parameter, on = {
            "types": (TYPES_SWITCH, restoring.policy_types),
            "policies": (POLICIES_SWITCH, restoring.policies),
            "attachments": (ATTACHMENTS_SWITCH, restoring.attachments),
        }[part]
        if not on:
            return f"{parameter} is off"
        if self._switches.mode is Mode.ALERT_ONLY:
            return "Mode is alert-only"
        if self._run.trigger.dry_run:
            return "this was a dry run"
        return "the run could not go on" if self._run.failures else "it was not planned"

    def _answers_on_policies(self) -> dict[int | str, Fate]:
        policies = self._run.policies
        if policies is None:
            return {}
        made = {**policies.recreated, **policies.found}
        return _answers((made, _RESTORED), (policies.rewritten, _RESTORED), refused=policies.refused)

    def _answers_on_placements(self) -> dict[int | str, Fate]:
        attachments = self._run.attachments
        if attachments is None:
            return {}
        return _answers(
            (attachments.restored, _RESTORED),
            (attachments.already, _BY_OTHERS),
            (attachments.gone_targets, _TARGET_GONE),
            refused=attachments.refused,
        )


def _answers(*given: tuple[Iterable[int | str], Fate], refused: Iterable[Refusal]) -> dict[int | str, Fate]:
    """Return the fate of each item; a refusal counts for more than anything else said of it."""
    fates = {item: fate for items, fate in given for item in items}
    for refusal in refused:
        fate = Fate(Done.FAILED, failure=Failure(refusal.error, refusal.message))
        fates |= dict.fromkeys(refusal.items, fate)
    return fates
