from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from holdfast.incident import AttachResult, Failure, Incident, Reattachment
from holdfast.outcome import Conclusion, Outcome, Severity, TextCheck, compare_text, conclude
from holdfast.policy_document import PolicyDocument
from holdfast.verdict import Action, Reason, Verdict
from tests.unit.examples import (
    CONFIRMED,
    CONFIRMED_INCIDENT,
    DENY_ALL,
    DETACHED,
    NOW,
    REATTACHED,
    VERIFIED,
)

FAILURE = Failure("OrganizationsBusyError", "AttachPolicy: TooManyRequestsException: slow down")
BY_OTHERS = replace(
    CONFIRMED_INCIDENT, reattachment=Reattachment(AttachResult.ALREADY_ATTACHED, NOW, retries=1)
)
SANCTIONED = replace(VERIFIED, verdict=Verdict(Action.REPORT, Reason.SANCTIONED_PRINCIPAL))
ALERT_ONLY = replace(VERIFIED, verdict=Verdict(Action.REPORT, Reason.ALERT_ONLY_MODE))
STALE = replace(CONFIRMED_INCIDENT, verdict=Verdict(Action.REATTACH, Reason.STALE_EVENT))
LASTED = CONFIRMED - DETACHED


UNCHECKED = Conclusion(Outcome.RESTORED_WITHOUT_TEXT_CHECK, LASTED)


@pytest.mark.parametrize(
    ("incident", "text", "expected"),
    [
        (CONFIRMED_INCIDENT, TextCheck.AS_DECLARED, Conclusion(Outcome.RESTORED, LASTED)),
        (CONFIRMED_INCIDENT, TextCheck.NOT_COMPARED, UNCHECKED),
        (BY_OTHERS, TextCheck.NOT_COMPARED, UNCHECKED),
        (CONFIRMED_INCIDENT, TextCheck.CHANGED, Conclusion(Outcome.RESTORED_WITH_CHANGED_TEXT, LASTED)),
        (STALE, TextCheck.AS_DECLARED, Conclusion(Outcome.RESTORED, LASTED)),
        (BY_OTHERS, TextCheck.AS_DECLARED, Conclusion(Outcome.ALREADY_ATTACHED, LASTED)),
        (BY_OTHERS, TextCheck.CHANGED, Conclusion(Outcome.RESTORED_WITH_CHANGED_TEXT, LASTED)),
        (SANCTIONED, TextCheck.CHANGED, Conclusion(Outcome.SANCTIONED, None)),
        (ALERT_ONLY, TextCheck.AS_DECLARED, Conclusion(Outcome.ALERT_ONLY, None)),
        (VERIFIED, TextCheck.AS_DECLARED, Conclusion(Outcome.FAILED, None)),
        (REATTACHED, TextCheck.AS_DECLARED, Conclusion(Outcome.FAILED, None)),
        (replace(VERIFIED, failure=FAILURE), TextCheck.NOT_COMPARED, Conclusion(Outcome.FAILED, None)),
        (replace(REATTACHED, failure=FAILURE), TextCheck.AS_DECLARED, Conclusion(Outcome.FAILED, None)),
        (replace(CONFIRMED_INCIDENT, failure=FAILURE), TextCheck.CHANGED, Conclusion(Outcome.FAILED, None)),
        (replace(SANCTIONED, failure=FAILURE), TextCheck.NOT_COMPARED, Conclusion(Outcome.FAILED, None)),
    ],
)
def test_an_incident_ends_as_its_parts_say(incident: Incident, text: TextCheck, expected: Conclusion) -> None:
    assert conclude(incident, text) == expected


def test_exposure_is_never_negative() -> None:
    """The event and the answer have the clocks of two services."""
    early = replace(CONFIRMED_INCIDENT, confirmed_at=DETACHED - timedelta(seconds=1))
    assert conclude(early, TextCheck.AS_DECLARED) == Conclusion(Outcome.RESTORED, timedelta())


@pytest.mark.parametrize("outcome", Outcome)
def test_only_a_failure_a_yield_and_a_text_that_is_not_as_declared_page(outcome: Outcome) -> None:
    pages = outcome in {
        Outcome.FAILED,
        Outcome.RESTORED_WITH_CHANGED_TEXT,
        Outcome.RESTORED_WITHOUT_TEXT_CHECK,
        Outcome.YIELDED,
    }
    assert Conclusion(outcome, None).severity is (Severity.PAGE if pages else Severity.NOTICE)


def test_a_contested_attachment_pages() -> None:
    assert Conclusion(Outcome.RESTORED, None, contested=True).severity is Severity.PAGE


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (DENY_ALL, TextCheck.AS_DECLARED),
        (DENY_ALL.replace(" ", "\n"), TextCheck.AS_DECLARED),
        (DENY_ALL.replace("Deny", "Allow"), TextCheck.CHANGED),
        ("not json", TextCheck.CHANGED),
        ("", TextCheck.CHANGED),
    ],
)
def test_a_text_is_as_declared_or_changed(content: str, expected: TextCheck) -> None:
    assert compare_text(content, PolicyDocument.parse(DENY_ALL)).text is expected
