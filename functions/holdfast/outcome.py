"""How an incident ended, concluded from what its parts say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from holdfast.incident import AttachResult, Incident
from holdfast.policy_document import PolicyDocument
from holdfast.verdict import Reason


class Outcome(StrEnum):
    """How an incident ended."""

    RESTORED = "restored"
    RESTORED_WITH_CHANGED_TEXT = "restored with changed text"
    RESTORED_WITHOUT_TEXT_CHECK = "restored, text not checked"
    ALREADY_ATTACHED = "already attached"
    ALERT_ONLY = "alert only"
    SANCTIONED = "sanctioned"
    EXEMPT = "exempt"
    YIELDED = "yielded"
    FAILED = "failed"


class Severity(StrEnum):
    """Whether somebody must get up."""

    PAGE = "page"
    NOTICE = "notice"


class TextCheck(StrEnum):
    """How the live policy's text compares with the baseline's document."""

    AS_DECLARED = "as declared"
    CHANGED = "changed"
    NOT_COMPARED = "not compared"


_REPORTED = {
    Reason.SANCTIONED_PRINCIPAL: Outcome.SANCTIONED,
    Reason.ALERT_ONLY_MODE: Outcome.ALERT_ONLY,
    Reason.EXEMPT: Outcome.EXEMPT,
    Reason.RIVAL_PRINCIPAL: Outcome.YIELDED,
}
_ATTACHED = {
    AttachResult.ATTACHED: Outcome.RESTORED,
    AttachResult.ALREADY_ATTACHED: Outcome.ALREADY_ATTACHED,
}
_NOT_AS_DECLARED = {
    TextCheck.CHANGED: Outcome.RESTORED_WITH_CHANGED_TEXT,
    TextCheck.NOT_COMPARED: Outcome.RESTORED_WITHOUT_TEXT_CHECK,
}
_SEVERITY = {
    Outcome.FAILED: Severity.PAGE,
    Outcome.YIELDED: Severity.PAGE,
    Outcome.RESTORED_WITH_CHANGED_TEXT: Severity.PAGE,
    Outcome.RESTORED_WITHOUT_TEXT_CHECK: Severity.PAGE,
}


@dataclass(frozen=True, slots=True)
class Conclusion:
    """An outcome with what follows from it.

    Parameters
    ----------
    outcome : Outcome
        How it ended.
    exposure : timedelta or None
        From the detach to the confirmation; None if there was none.
    contested : bool
        Whether the attachment is detached again and again.
    """

    outcome: Outcome
    exposure: timedelta | None
    contested: bool = False

    @property
    def severity(self) -> Severity:
        """Whether somebody must get up."""
        return Severity.PAGE if self.contested else _SEVERITY.get(self.outcome, Severity.NOTICE)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A live policy's text beside the declared document.

    Parameters
    ----------
    text : TextCheck
        How they compare.
    widened : bool
        Whether the live text allows, or may allow, what the document does not.
    """

    text: TextCheck
    widened: bool


NOT_COMPARED = Comparison(TextCheck.NOT_COMPARED, widened=False)


def compare_text(content: str, declared: PolicyDocument) -> Comparison:
    """Return how a live policy's text compares with the declared document."""
    try:
        live = PolicyDocument.parse(content)
    except ValueError:
        return Comparison(TextCheck.CHANGED, widened=True)
    text = TextCheck.AS_DECLARED if live == declared else TextCheck.CHANGED
    return Comparison(text, widened=live.allows_more_than(declared))


def conclude(incident: Incident, text: TextCheck) -> Conclusion:
    """Return how an incident ended.

    Parameters
    ----------
    incident : Incident
        The incident at its last stage.
    text : TextCheck
        How the policy's text compares with the baseline.

    Returns
    -------
    Conclusion
        Restored only if the attachment was confirmed and its text is as declared; failed if it should have
        been confirmed and was not.
    """
    if incident.failure is None and incident.verdict.reason in _REPORTED:
        return Conclusion(_REPORTED[incident.verdict.reason], None)
    if incident.failure or incident.reattachment is None or incident.confirmed_at is None:
        return Conclusion(Outcome.FAILED, None)
    exposure = max(incident.confirmed_at - incident.detachment.event_time, timedelta())
    if text is TextCheck.AS_DECLARED:
        return Conclusion(_ATTACHED[incident.reattachment.result], exposure)
    return Conclusion(_NOT_AS_DECLARED[text], exposure)
