from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.attachment import Attachment, PolicySummary, PolicyType
from holdfast.baseline import Baseline
from holdfast.description import describe
from holdfast.errors import (
    BaselineError,
    OrganizationsBusyError,
    OrganizationsError,
    PermissionMissingError,
    PolicyGoneError,
    ServiceRefusedError,
    UnknownSchemaError,
)
from holdfast.fight import Fight, Round
from holdfast.incident import Failure, Leave, Observation
from holdfast.notification import compose
from holdfast.organizations import Organizations
from holdfast.outcome import Conclusion, Outcome, TextCheck
from holdfast.report import Holder, Report
from holdfast.surroundings import Surroundings
from holdfast.verdict import Action, Reason, Verdict
from tests.unit.examples import (
    CONFIRMED,
    DENY_ALL,
    DETACHED,
    EXECUTION,
    EXEMPTION,
    NAMES_KEPT,
    NOW,
    ORGANIZATION,
    RESTORED,
    TOLD,
    VERIFIED,
    example_baseline,
    live_policy,
)
from tests.unit.mocked_services import KnownSuccessors
from tests.unit.outside import JSON, WORDS
from tests.unit.small_organization import SmallOrganization

EVENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "events" / "detach_from_ou.json").read_text())
SCP = PolicyType.SERVICE_CONTROL_POLICY
NO_SUCCESSORS: Mapping[str, str] = MappingProxyType({})
WORKLOADS_NOW = Surroundings("Workloads", ("Workloads",), 2)

REATTACHMENT = {"result": "attached", "at": "2026-11-22T09:00:30Z", "retries": 0}
CONFIRMATION = {"at": "2026-11-22T09:00:42Z"}
VERIFIED_DOCUMENT = VERIFIED.to_document()
CONFIRMED_DOCUMENT = VERIFIED_DOCUMENT | {"reattachment": REATTACHMENT, "confirmation": CONFIRMATION}

BUSY = OrganizationsBusyError("DescribePolicy", "TooManyRequestsException", "slow down")
GONE = PolicyGoneError("DescribePolicy", "PolicyNotFoundException", "gone")
DENIED = PermissionMissingError("DescribePolicy", "AccessDeniedException", "no")


def in_peace(attachment: Attachment, current: Round) -> Fight | None:
    """Know of no fight."""


def described(  # noqa: PLR0917 - each test names the few that it needs
    document: dict[str, Any],
    organizations: Organizations | None = None,
    baseline: Baseline | BaselineError | None = None,
    successors: Mapping[str, str] | Exception = NO_SUCCESSORS,
    fights: Callable[[Attachment, Round], Fight | None] = in_peace,
    now: datetime = TOLD,
) -> Report:
    return describe(
        document,
        EXECUTION,
        ORGANIZATION,
        baseline or example_baseline(),
        organizations or SmallOrganization(),
        now,
        successors=KnownSuccessors(successors).read,
        fights=fights,
    )


def caught(error: str, message: str = "as it said") -> dict[str, Any]:
    """Return what a Catch puts under `error` when a function raised."""
    return {"error": {"Error": error, "Cause": json.dumps({"errorMessage": message, "errorType": error})}}


def test_a_restored_incident_is_described_with_all_that_can_be_found_out() -> None:
    assert described(CONFIRMED_DOCUMENT) == replace(RESTORED, surroundings=WORKLOADS_NOW)


def test_restored_means_restored_as_declared() -> None:
    weakened = SmallOrganization(policy=live_policy("Temporary", DENY_ALL.replace("Deny", "Allow")))
    assert described(CONFIRMED_DOCUMENT, weakened) == replace(
        RESTORED,
        conclusion=Conclusion(Outcome.RESTORED_WITH_CHANGED_TEXT, CONFIRMED - DETACHED),
        live_name="Temporary",
        widened=True,
        text=TextCheck.CHANGED,
        surroundings=WORKLOADS_NOW,
    )


def test_a_restored_text_that_cannot_be_read_yet_is_read_again_later() -> None:
    with pytest.raises(OrganizationsBusyError):
        described(CONFIRMED_DOCUMENT, SmallOrganization(refused={"policy": BUSY}))


@pytest.mark.parametrize("error", [GONE, DENIED])
def test_a_restored_text_that_cannot_be_read_at_all_is_not_compared(error: OrganizationsError) -> None:
    report = described(CONFIRMED_DOCUMENT, SmallOrganization(refused={"policy": error}))
    assert (report.conclusion.outcome, report.live_name, report.text) == (
        Outcome.RESTORED_WITHOUT_TEXT_CHECK,
        None,
        TextCheck.NOT_COMPARED,
    )


def test_a_text_of_which_the_baseline_knows_nothing_any_more_is_not_compared() -> None:
    emptied = replace(example_baseline(), guardrails=())
    assert described(CONFIRMED_DOCUMENT, baseline=emptied).text is TextCheck.NOT_COMPARED


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [(Reason.SANCTIONED_PRINCIPAL, Outcome.SANCTIONED), (Reason.ALERT_ONLY_MODE, Outcome.ALERT_ONLY)],
)
def test_what_was_only_reported_is_described_even_if_organizations_is_busy(
    reason: Reason, outcome: Outcome
) -> None:
    document = replace(VERIFIED, verdict=Verdict(Action.REPORT, reason)).to_document()
    busy = SmallOrganization(refused={"policy": BUSY, "unit_name": BUSY, "child_accounts": BUSY})
    assert described(document, busy) == replace(
        RESTORED,
        conclusion=Conclusion(outcome, None),
        sanctioned=outcome is Outcome.SANCTIONED,
        reason=reason,
        live_name=None,
        text=TextCheck.NOT_COMPARED,
        reattachment=None,
        confirmed_at=None,
        surroundings=Surroundings(),
    )


@pytest.mark.parametrize("attached", [True, False])
def test_a_failure_says_what_a_read_shows_now(*, attached: bool) -> None:
    shown = (PolicySummary("p-7dj3cien", "DenyUnapprovedRegions", aws_managed=False),)
    organization = SmallOrganization({("ou-exme-ycaqk99w", SCP): shown if attached else ()})
    report = described(VERIFIED_DOCUMENT | caught("OrganizationsBusyError"), organization)
    assert report.conclusion == Conclusion(Outcome.FAILED, None)
    assert report.failure == Failure("OrganizationsBusyError", "as it said")
    assert report.attached_now == Observation(attached, NOW)


def test_a_failure_is_described_even_if_nothing_answers() -> None:
    deaf = SmallOrganization(
        refused=dict.fromkeys(("policy", "observe", "unit_name", "parent", "child_accounts"), BUSY)
    )
    report = described(VERIFIED_DOCUMENT | caught("OrganizationsBusyError"), deaf)
    assert (report.attached_now, report.live_name, report.surroundings) == (None, None, Surroundings())


def test_at_the_quota_the_holders_of_the_slots_are_named() -> None:
    full_access = PolicySummary("p-FullAWSAccess", "FullAWSAccess", aws_managed=True)
    guardrail = PolicySummary("p-7dj3cien", "DenyUnapprovedRegions", aws_managed=False)
    stranger = PolicySummary("p-cg404d5t", "Stuffing", aws_managed=False)
    organization = SmallOrganization({("ou-exme-ycaqk99w", SCP): (full_access, guardrail, stranger)})
    report = described(VERIFIED_DOCUMENT | caught("AttachmentQuotaExceededError"), organization)
    assert report.holders == (
        Holder(full_access, in_baseline=False),
        Holder(guardrail, in_baseline=True),
        Holder(stranger, in_baseline=False),
    )


def test_other_failures_ask_for_no_holders() -> None:
    organization = SmallOrganization()
    assert described(VERIFIED_DOCUMENT | caught("PolicyGoneError"), organization).holders == ()
    assert "policies_on ou-exme-ycaqk99w" not in organization.calls


def test_holders_that_cannot_be_listed_are_left_out() -> None:
    organization = SmallOrganization(refused={"policies_on": BUSY})
    assert described(VERIFIED_DOCUMENT | caught("AttachmentQuotaExceededError"), organization).holders == ()


def test_an_event_that_was_never_judged_is_described_from_itself() -> None:
    report = described(EVENT | caught("OrganizationsBusyError"))
    assert report.detachment is not None
    assert (report.policy_name, report.policy_type, report.attached_now, report.surroundings) == (
        "DenyUnapprovedRegions",
        SCP,
        Observation(attached=False, at=NOW),
        WORKLOADS_NOW,
    )
    assert (report.conclusion, report.observed, report.raw_event) == (
        Conclusion(Outcome.FAILED, None),
        None,
        None,
    )


def test_without_a_baseline_the_organization_is_still_told() -> None:
    report = described(
        EVENT | caught("BaselineError"), baseline=BaselineError("baseline.toml cannot be read")
    )
    assert (report.organization, report.baseline_version, report.policy_name, report.attached_now) == (
        ORGANIZATION,
        None,
        None,
        None,
    )


def test_an_event_that_cannot_be_read_is_quoted_as_it_came() -> None:
    event = {"source": "aws.organizations", "detail": {"eventName": "Prüfung"}}
    assert described(event | caught("MalformedEventError")) == Report(
        conclusion=Conclusion(Outcome.FAILED, None),
        execution_arn=EXECUTION,
        organization=ORGANIZATION,
        told_at=TOLD,
        baseline_version=example_baseline().version,
        failure=Failure("MalformedEventError", "as it said"),
        raw_event='{"source": "aws.organizations", "detail": {"eventName": "Prüfung"}}',
    )


def test_without_a_caught_error_something_still_went_wrong() -> None:
    assert described(EVENT).failure == Failure("Unknown", "the state machine handed over no error")


def test_an_incident_of_another_version_is_left_to_the_plain_notification() -> None:
    with pytest.raises(UnknownSchemaError):
        described(VERIFIED_DOCUMENT | {"schema": 2})


EVENTS = st.dictionaries(
    st.sampled_from(["version", "id", "source", "detail", "replay-name"]),
    JSON
    | st.dictionaries(st.sampled_from(sorted(EVENT["detail"])), JSON | WORDS)
    | st.builds(lambda changed: EVENT["detail"] | changed, st.dictionaries(WORDS, JSON, max_size=2)),
)


@given(EVENTS, WORDS, WORDS | st.builds(lambda text: json.dumps({"errorMessage": text}), WORDS))
def test_any_event_with_any_error_ends_in_a_notification(
    event: dict[str, Any], error: str, cause: str
) -> None:
    report = described(event | {"error": {"Error": error, "Cause": cause}})
    notification = compose(report, NAMES_KEPT)
    assert notification["failed"] is True
    assert json.dumps(notification, ensure_ascii=False).encode()


@given(st.sampled_from(["userAgent", "sourceIPAddress"]), WORDS, WORDS, WORDS)
def test_any_caller_ends_in_a_notification(field: str, word: str, session: str, name: str) -> None:
    identity = EVENT["detail"]["userIdentity"] | {"principalId": f"AROAEXAMPLE:{session}", "userName": name}
    event = EVENT | {"detail": EVENT["detail"] | {field: word, "userIdentity": identity}}
    organization = SmallOrganization(policy=live_policy(name, word))
    notification = compose(described(event | caught("States.Timeout", word), organization), NAMES_KEPT)
    assert json.dumps(notification, ensure_ascii=False).encode()


def test_an_event_that_was_never_judged_tells_what_the_baseline_says() -> None:
    """Whoever reads of a failed check must not attach by hand what was never a guardrail."""
    report = described(unguarded(EVENT) | caught("Lambda.Unknown"))
    assert (report.judged, report.protected, report.sanctioned) == (False, False, False)


def test_without_a_baseline_nobody_knows_what_is_protected() -> None:
    report = described(EVENT | caught("BaselineError"), baseline=BaselineError("cannot be read"))
    assert (report.judged, report.protected) == (False, None)


def unguarded(event: dict[str, Any]) -> dict[str, Any]:
    """Return the same event about a policy that the baseline does not hold."""
    request = {"policyId": "p-FullAWSAccess", "targetId": "ou-exme-ycaqk99w"}
    return event | {"detail": event["detail"] | {"requestParameters": request}}


MADE_AGAIN = replace(
    VERIFIED,
    detachment=replace(VERIFIED.detachment, attachment=Attachment("p-madeagain1", "ou-exme-ycaqk99w")),
    protection=replace(VERIFIED.protection, declared_id="p-7dj3cien"),
)
MADE_AGAIN_DOCUMENT = MADE_AGAIN.to_document()
NOT_TO_BE_ASKED = AssertionError("the successors were asked for")


def detach_of_a_successor() -> dict[str, Any]:
    """Return the event in which p-madeagain1 was detached."""
    request = {"policyId": "p-madeagain1", "targetId": "ou-exme-ycaqk99w"}
    return EVENT | {"detail": EVENT["detail"] | {"requestParameters": request}}


def test_a_restored_policy_made_again_is_compared_with_the_declared_text() -> None:
    confirmed = MADE_AGAIN_DOCUMENT | {"reattachment": REATTACHMENT, "confirmation": CONFIRMATION}
    assert described(confirmed, successors=NOT_TO_BE_ASKED) == replace(
        RESTORED,
        detachment=MADE_AGAIN.detachment,
        declared_id="p-7dj3cien",
        surroundings=WORKLOADS_NOW,
    )


def test_a_policy_made_again_whose_text_was_changed_meanwhile_is_told_as_changed() -> None:
    weakened = SmallOrganization(policy=live_policy("DenyUnapprovedRegions", "{}"))
    confirmed = MADE_AGAIN_DOCUMENT | {"reattachment": REATTACHMENT, "confirmation": CONFIRMATION}
    report = described(confirmed, weakened)
    assert (report.conclusion.outcome, report.protected) == (Outcome.RESTORED_WITH_CHANGED_TEXT, True)


def test_a_new_id_that_the_baseline_has_adopted_meanwhile_is_the_declared_one() -> None:
    declared = example_baseline().adopting({"p-7dj3cien": "p-madeagain1"})
    adopted = replace(
        declared,
        guardrails=tuple(replace(guardrail, declared_id=None) for guardrail in declared.guardrails),
    )
    confirmed = MADE_AGAIN_DOCUMENT | {"reattachment": REATTACHMENT, "confirmation": CONFIRMATION}
    report = described(confirmed, baseline=adopted)
    assert (report.conclusion.outcome, report.declared_id) == (Outcome.RESTORED, None)


def test_without_a_baseline_it_is_still_told_that_a_policy_was_made_again() -> None:
    report = described(
        MADE_AGAIN_DOCUMENT | caught("BaselineError"), baseline=BaselineError("cannot be read")
    )
    assert (report.declared_id, report.protected) == ("p-7dj3cien", None)


def test_a_policy_made_again_that_holds_a_slot_is_in_the_baseline() -> None:
    guardrail = PolicySummary("p-madeagain1", "DenyUnapprovedRegions", aws_managed=False)
    organization = SmallOrganization({("ou-exme-ycaqk99w", SCP): (guardrail,)})
    report = described(MADE_AGAIN_DOCUMENT | caught("AttachmentQuotaExceededError"), organization)
    assert report.holders == (Holder(guardrail, in_baseline=True),)


def test_a_policy_made_again_that_was_never_judged_is_known_as_a_guardrail() -> None:
    """Verify Detach refuses one with another text, and its reader must not believe it unprotected."""
    report = described(
        detach_of_a_successor() | caught("ChangedSuccessorError"),
        successors={"p-7dj3cien": "p-madeagain1"},
    )
    assert (report.protected, report.policy_name, report.declared_id, report.attached_now) == (
        True,
        "DenyUnapprovedRegions",
        "p-7dj3cien",
        Observation(attached=False, at=NOW),
    )


def test_without_the_successors_nobody_knows_whether_a_policy_is_protected() -> None:
    refused = ServiceRefusedError("ssm", "GetParametersByPath", "AccessDeniedException", "no")
    report = described(detach_of_a_successor() | caught("ServiceRefusedError"), successors=refused)
    assert (report.protected, report.baseline_version) == (None, example_baseline().version)


def test_of_what_the_baseline_names_no_successor_is_asked_for() -> None:
    """Nobody can talk Holdfast out of a guardrail by a parameter."""
    assert described(EVENT | caught("States.Timeout"), successors=NOT_TO_BE_ASKED).protected


@pytest.mark.parametrize(
    "allowed",
    [
        {"verdict": {"action": "wait", "reason": "exempt"}, "leave": Leave(EXEMPTION).to_document()},
        {"verdict": {"action": "report", "reason": "sanctioned principal"}},
        CONFIRMED_DOCUMENT | {"leave": Leave(ended=EXEMPTION).to_document()},
    ],
    ids=["exempt", "sanctioned", "restored after an exemption"],
)
def test_a_detach_that_was_allowed_is_told_as_no_fight(allowed: dict[str, Any]) -> None:
    def fought(_attachment: Attachment, current: Round) -> Fight:
        return Fight((current,) * 3, muted=True)

    report = described(VERIFIED_DOCUMENT | allowed, fights=fought)

    assert (report.fight, report.conclusion.contested) == (None, False)
