"""What to do about a detachment, and why: the decision itself, without any call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from holdfast.baseline import Baseline
from holdfast.detachment import Detachment
from holdfast.settings import Mode

STALE_AFTER = timedelta(hours=24)
"""EventBridge delivers for 24 hours at most, so what is older was replayed or held back.

Source: EventBridge user guide, "Event retry policy and using dead-letter queues".
"""


AHEAD_AT_MOST = timedelta(minutes=5)
"""How far an event's clock may be ahead of ours before its time counts for nothing."""


class Action(StrEnum):
    """What the state machine does next."""

    REATTACH = "reattach"
    REPORT = "report"
    WAIT = "wait"
    NOTHING = "nothing"


class Reason(StrEnum):
    """Why."""

    IN_BASELINE = "in the baseline"
    STALE_EVENT = "stale event"
    EXEMPT = "exempt"
    EXEMPTION_ENDED = "exemption ended"
    SANCTIONED_PRINCIPAL = "sanctioned principal"
    RIVAL_PRINCIPAL = "rival principal"
    ALERT_ONLY_MODE = "alert-only mode"
    NOT_IN_BASELINE = "not in the baseline"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An action with its reason."""

    action: Action
    reason: Reason


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What beside the event and the baseline plays a part.

    Parameters
    ----------
    exempt : bool
        Whether an exemption of the attachment is in force.
    was_exempt : bool
        Whether one was, for whose end the execution has waited.
    contested_by_rival : bool
        Whether the attachment is contested, and the caller one of the principals to whom Holdfast yields.
    """

    exempt: bool = False
    was_exempt: bool = False
    contested_by_rival: bool = False


PLAIN = Circumstances()
NOT_OURS = Verdict(Action.NOTHING, Reason.NOT_IN_BASELINE)


def is_stale(detachment: Detachment, now: datetime) -> bool:
    """Return whether an event is too old, of the future, or replayed: not to be judged by who caused it."""
    age = now - detachment.event_time
    return detachment.replayed or not -AHEAD_AT_MOST <= age <= STALE_AFTER


def decide(
    detachment: Detachment,
    baseline: Baseline,
    mode: Mode,
    now: datetime,
    circumstances: Circumstances = PLAIN,
) -> Verdict:
    """Return what to do about a detachment.

    The live state plays no part: a read may be stale, and only AttachPolicy itself knows.

    Parameters
    ----------
    detachment : Detachment
        What happened.
    baseline : Baseline
        What must be attached, and whose detaches are sanctioned.
    mode : Mode
        Whether anything may be changed.
    now : datetime
        The time by Organizations' own clock.
    circumstances : Circumstances
        What else counts.

    Returns
    -------
    Verdict
        An exemption counts for whoever detached, and whenever: it is about the attachment. A stale event, or
        one whose exemption has ended, is never sanctioned: the permission was for then, the attachment is
        missing now.
    """
    if baseline.guardrail_for(detachment.attachment) is None:
        return NOT_OURS
    if circumstances.exempt:
        return Verdict(Action.WAIT, Reason.EXEMPT)
    stale = is_stale(detachment, now)
    of_its_time = not (stale or circumstances.was_exempt)
    if of_its_time and baseline.sanctions(detachment.principal):
        return Verdict(Action.REPORT, Reason.SANCTIONED_PRINCIPAL)
    if mode is Mode.ALERT_ONLY:
        return Verdict(Action.REPORT, Reason.ALERT_ONLY_MODE)
    if of_its_time and circumstances.contested_by_rival:
        return Verdict(Action.REPORT, Reason.RIVAL_PRINCIPAL)
    return Verdict(Action.REATTACH, _why_now(circumstances, stale=stale))


def _why_now(circumstances: Circumstances, *, stale: bool) -> Reason:
    if circumstances.was_exempt:
        return Reason.EXEMPTION_ENDED
    return Reason.STALE_EVENT if stale else Reason.IN_BASELINE
