"""Verify Detach: judge the event and look at the attachment; change nothing."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from holdfast.baseline import GUARDRAILS, Baseline, Guardrail, load_baseline
from holdfast.detachment import Detachment, parse_detachment
from holdfast.errors import OrganizationsError
from holdfast.incident import Incident, Observation, Protection
from holdfast.live_text import check_text, text_matters
from holdfast.organizations import Organizations, connect
from holdfast.origin import check_account, check_organization
from holdfast.settings import Settings
from holdfast.successors import connect_successors
from holdfast.verdict import NOT_OURS, Action, Reason, decide

_LOG = logging.getLogger(__name__)


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
    MalformedEventError, ForeignEventError, BaselineError, SettingsError, WidenedPolicyError,
    ChangedSuccessorError
        Terminal: told as a failure.
    OrganizationsThrottledError, OrganizationsBusyError, ServiceBusyError
        If what a verdict depends on cannot be read: retried by the state machine.
    OrganizationsError, ServiceRefusedError
        Any other answer of an API's: terminal, told as a failure.
    """
    settings = Settings.from_environ(os.environ)
    detachment = parse_detachment(event)
    check_account(detachment.account_id, settings)
    declared = load_baseline(GUARDRAILS)
    check_organization(declared, settings)
    baseline = _adopting(declared, detachment)
    guardrail = baseline.guardrail_for(detachment.attachment)
    if guardrail is None:
        protection = Protection(None, None, baseline.organization, baseline.version)
        incident = Incident(detachment, protection, NOT_OURS)
    else:
        incident = _judge(detachment, guardrail, baseline, settings, connect())
    _LOG.info("judged", extra={"event_id": detachment.event_id, **asdict(incident.verdict)})
    return incident.to_document()


def _adopting(declared: Baseline, detachment: Detachment) -> Baseline:
    """Return the baseline in which a policy that it does not name may have taken a guardrail's place.

    What the file names is never looked up: nobody can talk Holdfast out of a guardrail by a parameter.
    """
    if declared.names(detachment.attachment.policy_id):
        return declared
    return declared.adopting(connect_successors().read())


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
    WidenedPolicyError, ChangedSuccessorError
        If the policy's text forbids that it is attached in the guardrail's name.
    """
    observed, refusal = _look(detachment, guardrail, organizations)
    verdict = decide(detachment, baseline, settings.mode, now=observed.at if observed else datetime.now(UTC))
    if refusal is not None and verdict.reason is Reason.ALERT_ONLY_MODE:
        raise refusal
    if verdict.action is Action.REATTACH and text_matters(guardrail):
        check_text(guardrail, organizations.policy(guardrail.policy_id).content)
    protection = Protection(
        name=guardrail.name,
        policy_type=guardrail.policy_type,
        organization=baseline.organization,
        baseline_version=baseline.version,
        declared_id=guardrail.declared_id,
    )
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
