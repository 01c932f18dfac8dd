"""Everything that is told about an incident, before it is put into words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from holdfast.attachment import PolicySummary, PolicyType
from holdfast.detachment import Detachment
from holdfast.fight import Fight
from holdfast.incident import NO_LEAVE, AttachResult, Failure, Leave, Observation, Reattachment
from holdfast.outcome import Conclusion, TextCheck
from holdfast.surroundings import Surroundings
from holdfast.verdict import Reason


@dataclass(frozen=True, slots=True)
class Holder:
    """A policy that holds one of the target's slots."""

    policy: PolicySummary
    in_baseline: bool


@dataclass(frozen=True, slots=True)
class Report:
    """An incident with all that could be found out about it; what could not be is None.

    Parameters
    ----------
    conclusion : Conclusion
        How it ended.
    execution_arn : str
        The execution that dealt with it.
    organization : str
        The organization's id, or `unknown`.
    told_at : datetime
        When it is told.
    baseline_version : str or None
        Which baseline it was judged by.
    detachment : Detachment or None
        What happened; None if the event could not be read.
    raw_event : str or None
        The event as it came, if it could not be read.
    policy_name, live_name : str or None
        The policy's name in the baseline, and what it is called now.
    policy_type : PolicyType or None
        The policy's type, from the baseline.
    declared_id : str or None
        The id that the baseline still names, where the policy was made again under another one.
    judged : bool
        Whether Verify Detach came to a verdict.
    protected : bool or None
        Whether the baseline protects the attachment; None if it could not be read.
    sanctioned : bool
        Whether the caller's detaches are not to be reverted, and this one is not stale.
    stale : bool
        Whether the event is so old, or replayed, that the detach may not be the one that was mended.
    widened : bool
        Whether the policy now allows what its document does not.
    text : TextCheck
        How the policy's text compares with the baseline's.
    observed : Observation or None
        What Verify Detach read.
    reattachment : Reattachment or None
        What AttachPolicy answered.
    confirmed_at : datetime or None
        When a read showed the attachment again.
    failure : Failure or None
        What was caught.
    attached_now : Observation or None
        After a failure: what a read shows now.
    holders : tuple of Holder
        At the attachment quota: which policies hold the slots.
    surroundings : Surroundings
        The target's name, path and accounts.
    reason : Reason or None
        Why the verdict was what it was; None if there was none.
    leave : Leave
        What the exemptions say.
    fight : Fight or None
        The fight that the detach is a round of.
    ledger_unread : str or None
        Why nobody knows whether it is one.
    """

    conclusion: Conclusion
    execution_arn: str
    organization: str
    told_at: datetime
    baseline_version: str | None = None
    detachment: Detachment | None = None
    raw_event: str | None = None
    policy_name: str | None = None
    live_name: str | None = None
    policy_type: PolicyType | None = None
    declared_id: str | None = None
    judged: bool = False
    protected: bool | None = None
    sanctioned: bool = False
    stale: bool = False
    widened: bool = False
    text: TextCheck = TextCheck.NOT_COMPARED
    observed: Observation | None = None
    reattachment: Reattachment | None = None
    confirmed_at: datetime | None = None
    failure: Failure | None = None
    attached_now: Observation | None = None
    holders: tuple[Holder, ...] = ()
    surroundings: Surroundings = field(default_factory=Surroundings)
    reason: Reason | None = None
    leave: Leave = NO_LEAVE
    fight: Fight | None = None
    ledger_unread: str | None = None

    @property
    def is_muted(self) -> bool:
        """Whether people have heard of it already, and only machines and the ledger are told."""
        return self.fight is not None and self.fight.muted

    @property
    def was_off(self) -> bool:
        """Whether the attachment was really off: a read showed it, or AttachPolicy attached it."""
        seen_off = self.observed is not None and not self.observed.attached
        attached = self.reattachment is not None and self.reattachment.result is AttachResult.ATTACHED
        return seen_off or attached
