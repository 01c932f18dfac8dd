"""From an incident at any stage, or an event that was never judged, to everything that is told about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from holdfast.asking import ask_again
from holdfast.attachment import Attachment, LivePolicy, PolicyType
from holdfast.baseline import Baseline
from holdfast.calling import unless_refused
from holdfast.detachment import Detachment, parse_detachment
from holdfast.errors import (
    AttachmentQuotaExceededError,
    AwsError,
    BaselineError,
    MalformedEventError,
    OrganizationsError,
    RetryableError,
)
from holdfast.fight import Fight, Round, round_of
from holdfast.incident import (
    Failure,
    Incident,
    Leave,
    Observation,
    is_incident,
    parse_failure,
    parse_incident,
)
from holdfast.organizations import Organizations
from holdfast.outcome import NOT_COMPARED, Conclusion, Outcome, compare_text, conclude
from holdfast.report import Holder, Report
from holdfast.surroundings import survey
from holdfast.verdict import Reason, is_stale

_NO_ERROR = Failure("Unknown", "the state machine handed over no error")


def describe(  # noqa: PLR0913, PLR0917 - what it is about, and whom to ask
    document: Mapping[str, Any],
    execution_arn: str,
    organization: str,
    baseline: Baseline | BaselineError,
    organizations: Organizations,
    now: datetime,
    *,
    successors: Callable[[], Mapping[str, str]],
    fights: Callable[[Attachment, Round], Fight | None],
) -> Report:
    """Return everything that is told about what flows through the state machine.

    Parameters
    ----------
    document : mapping
        An incident at any stage, or the raw event if Verify Detach failed; `error` is what was caught.
    execution_arn : str
        The execution that dealt with it.
    organization : str
        The organization's id, which is told also where the baseline cannot tell it.
    baseline : Baseline or BaselineError
        The baseline, or why it cannot be used.
    organizations : Organizations
        The connection, for names, text and counts.
    now : datetime
        The time.
    successors : callable
        Reads the new policy id of each deleted one. It is asked only about an event that was never judged and
        whose policy the baseline does not name.
    fights : callable
        Tells which fight, if any, an attachment's detach is a round of.

    Raises
    ------
    RetryableError
        If a restored policy's text cannot be compared yet: restored means restored as declared.
    UnknownSchemaError
        If the incident was written by code that this one does not know.
    """
    known = baseline if isinstance(baseline, Baseline) else None
    if is_incident(document):
        incident = parse_incident(document)
        report = _describe_incident(incident, execution_arn, known, organizations, now)
        return _with_fight(report, incident, fights)
    unjudged = Report(
        conclusion=Conclusion(Outcome.FAILED, None),
        execution_arn=execution_arn,
        organization=organization,
        told_at=now,
        baseline_version=known.version if known else None,
        failure=parse_failure(document.get("error")) or _NO_ERROR,
    )
    event = {key: value for key, value in document.items() if key != "error"}
    try:
        detachment = parse_detachment(event)
    except MalformedEventError:
        return replace(unjudged, raw_event=json.dumps(event, ensure_ascii=False))
    adopted = _adopting_successors(known, detachment, successors)
    return _describe_unjudged(unjudged, detachment, adopted, organizations)


def _with_fight(
    report: Report, incident: Incident, fights: Callable[[Attachment, Round], Fight | None]
) -> Report:
    """Return the report with the fight that the incident belongs to; a ledger that is silent is told."""
    outcome = report.conclusion.outcome
    if _was_allowed(report):
        return report
    current = round_of(incident.detachment, outcome.value, verified=report.was_off)
    try:
        fight = fights(incident.detachment.attachment, current)
    except AwsError as error:
        return replace(report, ledger_unread=str(error))
    if fight is None:
        return report
    return replace(report, fight=fight, conclusion=replace(report.conclusion, contested=True))


def _was_allowed(report: Report) -> bool:
    """Return whether somebody was allowed to make the detach, though its leave may have ended since."""
    leave = report.leave
    return report.sanctioned or leave.exemption is not None or leave.ended is not None


def _adopting_successors(
    declared: Baseline | None, detachment: Detachment, successors: Callable[[], Mapping[str, str]]
) -> Baseline | None:
    """Return the baseline in which the policy may have taken a guardrail's place; None if nobody can tell."""
    if declared is None or declared.names(detachment.attachment.policy_id):
        return declared
    known = unless_refused(successors)
    return None if known is None else declared.adopting(known)


def _describe_unjudged(
    unjudged: Report, detachment: Detachment, baseline: Baseline | None, organizations: Organizations
) -> Report:
    guardrail = baseline.guardrail_for(detachment.attachment) if baseline else None
    policy_type = guardrail.policy_type if guardrail else None
    stale = is_stale(detachment, unjudged.told_at)
    return replace(
        unjudged,
        detachment=detachment,
        protected=guardrail is not None if baseline else None,
        sanctioned=baseline is not None and baseline.sanctions(detachment.principal) and not stale,
        stale=stale,
        policy_name=guardrail.name if guardrail else None,
        policy_type=policy_type,
        declared_id=guardrail.declared_id if guardrail else None,
        attached_now=_observe(organizations, detachment, policy_type),
        surroundings=survey(organizations, detachment.attachment.target_id),
    )


def _describe_incident(
    incident: Incident,
    execution_arn: str,
    declared: Baseline | None,
    organizations: Organizations,
    now: datetime,
) -> Report:
    attachment, protection = incident.detachment.attachment, incident.protection
    baseline = _adopting_what_was_judged(declared, incident)
    guardrail = baseline.guardrail_for(attachment) if baseline else None
    policy = _policy(organizations, incident)
    comparison = compare_text(policy.content, guardrail.document) if policy and guardrail else NOT_COMPARED
    conclusion = conclude(incident, comparison.text)
    failed = conclusion.outcome is Outcome.FAILED
    return Report(
        conclusion=conclusion,
        execution_arn=execution_arn,
        organization=protection.organization,
        told_at=now,
        baseline_version=protection.baseline_version,
        detachment=incident.detachment,
        policy_name=protection.name,
        live_name=policy.name if policy else None,
        policy_type=protection.policy_type,
        declared_id=guardrail.declared_id if guardrail else protection.declared_id,
        judged=True,
        protected=guardrail is not None if baseline else None,
        sanctioned=incident.verdict.reason is Reason.SANCTIONED_PRINCIPAL,
        stale=incident.verdict.reason is Reason.STALE_EVENT,
        widened=comparison.widened,
        text=comparison.text,
        observed=incident.observed,
        reattachment=incident.reattachment,
        confirmed_at=incident.confirmed_at,
        failure=incident.failure,
        attached_now=_observe(organizations, incident.detachment, protection.policy_type) if failed else None,
        holders=_holders(organizations, incident, baseline),
        surroundings=survey(organizations, attachment.target_id),
        reason=incident.verdict.reason,
        leave=_leave(incident),
    )


def _leave(incident: Incident) -> Leave:
    """Return what the exemptions said; one that was waited for has ended when what comes after it fails."""
    if incident.failure is None or incident.leave.exemption is None:
        return incident.leave
    return replace(incident.leave, exemption=None, ended=incident.leave.exemption)


def _adopting_what_was_judged(declared: Baseline | None, incident: Incident) -> Baseline | None:
    """Return the baseline as Verify Detach judged by it, whatever became of the parameter since."""
    if declared is None or incident.protection.declared_id is None:
        return declared
    return declared.adopting({incident.protection.declared_id: incident.detachment.attachment.policy_id})


def _policy(organizations: Organizations, incident: Incident) -> LivePolicy | None:
    """Read the policy; where the text decides what is told, an answer is worth waiting for."""
    policy_id = incident.detachment.attachment.policy_id
    if incident.confirmed_at is None:
        return unless_refused(lambda: organizations.policy(policy_id))
    try:
        return ask_again(lambda: organizations.policy(policy_id))
    except RetryableError:
        raise
    except OrganizationsError:
        return None


def _observe(
    organizations: Organizations, detachment: Detachment, policy_type: PolicyType | None
) -> Observation | None:
    if policy_type is None:
        return None
    return unless_refused(lambda: organizations.observe(detachment.attachment, policy_type))


def _holders(
    organizations: Organizations, incident: Incident, baseline: Baseline | None
) -> tuple[Holder, ...]:
    policy_type, failure = incident.protection.policy_type, incident.failure
    if policy_type is None or failure is None or failure.error != AttachmentQuotaExceededError.__name__:
        return ()
    target_id = incident.detachment.attachment.target_id
    listed = unless_refused(lambda: ask_again(lambda: organizations.policies_on(target_id, policy_type)))
    return tuple(
        Holder(policy, in_baseline=_is_guardrail(baseline, policy.policy_id, target_id))
        for policy in listed or ()
    )


def _is_guardrail(baseline: Baseline | None, policy_id: str, target_id: str) -> bool:
    return baseline is not None and baseline.guardrail_for(Attachment(policy_id, target_id)) is not None
