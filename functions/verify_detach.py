"""Verify Detach: judge the event and look at the attachment; change nothing."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from holdfast.baseline import Baseline, Guardrail, load_baseline
from holdfast.detachment import Detachment, parse_detachment
from holdfast.errors import BaselineError, ForeignEventError, OrganizationsError, WidenedPolicyError
from holdfast.incident import Incident, Observation, Protection
from holdfast.organizations import Organizations, connect
from holdfast.policy_document import PolicyDocument
from holdfast.settings import Settings
from holdfast.verdict import NOT_OURS, Action, Reason, decide

_LOG = logging.getLogger(__name__)

GUARDRAILS = Path(__file__).parent / "guardrails"


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Return the incident that a raw EventBridge event starts.

    Parameters
    ----------
    event : dict
        The event as EventBridge delivered it.
    context : object
        Lambda's context, not used.

    Returns
    -------
    dict
        The incident with its verdict and, if it concerns the baseline and could be read, what a read showed.

    Raises
    ------
    MalformedEventError, ForeignEventError, BaselineError, SettingsError, WidenedPolicyError
        Terminal: told as a failure.
    OrganizationsThrottledError, OrganizationsBusyError
        If what a verdict depends on cannot be read: retried by the state machine.
    OrganizationsError
        Any other answer of the API's: terminal, told as a failure.
    """
    settings = Settings.from_environ(os.environ)
    detachment = parse_detachment(event)
    baseline = load_baseline(GUARDRAILS)
    _check_origin(detachment, baseline, settings)
    guardrail = baseline.guardrail_for(detachment.attachment)
    if guardrail is None:
        protection = Protection(None, None, baseline.organization, baseline.version)
        incident = Incident(detachment, protection, NOT_OURS)
    else:
        incident = _judge(detachment, guardrail, baseline, settings, connect())
    _LOG.info("judged", extra={"event_id": detachment.event_id, **asdict(incident.verdict)})
    return incident.to_document()


def _check_origin(detachment: Detachment, baseline: Baseline, settings: Settings) -> None:
    """Refuse an event, or a baseline, of another organization.

    Raises
    ------
    ForeignEventError
        If the record is of an account that this deployment does not serve.
    BaselineError
        If the baseline was written for another organization than the template was deployed for.
    """
    if detachment.account_id not in settings.account_ids:
        served = " or ".join(sorted(settings.account_ids))
        raise ForeignEventError(f"detail.recipientAccountId: got {detachment.account_id}, expected {served}")
    if baseline.organization != settings.organization_id:
        expected = f"{settings.organization_id}, the parameter OrganizationId"
        raise BaselineError(f"organization: got {baseline.organization}, expected {expected}")


def _judge(
    detachment: Detachment,
    guardrail: Guardrail,
    baseline: Baseline,
    settings: Settings,
    organizations: Organizations,
) -> Incident:
    """Return the incident of a guardrail's detachment, with the verdict and one read as evidence.

    Raises
    ------
    WidenedPolicyError
        If the policy now allows more than its document: attaching it could widen permissions.
    """
    observed, refusal = _look(detachment, guardrail, organizations)
    verdict = decide(detachment, baseline, settings.mode, now=observed.at if observed else datetime.now(UTC))
    if refusal is not None and verdict.reason is Reason.ALERT_ONLY_MODE:
        raise refusal
    if verdict.action is Action.REATTACH and guardrail.document.allow_statements():
        _refuse_widened(guardrail, organizations)
    protection = Protection(guardrail.name, guardrail.policy_type, baseline.organization, baseline.version)
    return Incident(detachment, protection, verdict, observed)


def _look(
    detachment: Detachment, guardrail: Guardrail, organizations: Organizations
) -> tuple[Observation | None, OrganizationsError | None]:
    """Read the attachment once, or return why that is not possible.

    The read is evidence, so nothing waits for it: whoever uses up the rate of reads must not hold back the
    reattachment. Only in alert-only mode it is the answer.
    """
    try:
        return organizations.observe(detachment.attachment, guardrail.policy_type), None
    except OrganizationsError as error:
        return None, error


def _refuse_widened(guardrail: Guardrail, organizations: Organizations) -> None:
    """Refuse a policy whose live text allows what its declared document does not."""
    try:
        live = PolicyDocument.parse(organizations.policy(guardrail.policy_id).content)
    except ValueError as error:
        raise WidenedPolicyError(f"{guardrail.policy_id}: its text cannot be read: {error}") from error
    if live.allows_more_than(guardrail.document):
        raise WidenedPolicyError(f"{guardrail.policy_id} has an Allow statement that its document lacks")
