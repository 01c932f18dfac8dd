"""Verify Detach: judge the event and look at the attachment; change nothing."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.baseline import GUARDRAILS, Baseline, Guardrail, load_baseline
from holdfast.calling import unless_refused
from holdfast.detachment import Detachment, parse_detachment
from holdfast.errors import OrganizationsError, ServiceBusyError, ServiceRefusedError
from holdfast.exemption import Exemption, names_for, sort_out
from holdfast.exemption_store import connect_exemptions
from holdfast.fight import round_of, yields_to_rival
from holdfast.incident import Incident, Leave, Observation, Protection, is_incident, parse_incident
from holdfast.ledger_table import connect_ledger
from holdfast.live_text import check_text, text_matters
from holdfast.organizations import Organizations, connect
from holdfast.origin import check_account, check_organization, check_sender
from holdfast.settings import Settings, fight_rules_from
from holdfast.successors import connect_successors
from holdfast.verdict import NOT_OURS, Action, Circumstances, Reason, decide

_LOG = logging.getLogger(__name__)

HELD_BACK = timedelta(minutes=5)
"""How long a guardrail may stay off because nobody can say whether it is exempt.

Systems Manager answers 40 GetParameters calls a second, so a thousand detaches at once need half a minute.
Whoever uses up that rate must not keep a guardrail off for longer. Source: AWS General Reference, "Systems
Manager endpoints and quotas".
"""


@dataclass(frozen=True, slots=True)
class _Case:
    """A detachment that comes before this task, for the first time or after an exemption has ended."""

    detachment: Detachment
    ended: Exemption | None = None

    @property
    def began_at(self) -> datetime:
        """When the attachment was to be put back for the first time."""
        return max(self.detachment.event_time, self.ended.until) if self.ended else self.detachment.event_time


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Return the incident that a raw EventBridge event starts, or that has waited for an exemption to end.

    Parameters
    ----------
    event : dict
        The event as EventBridge delivered it; after a wait, the incident.
    context : object
        Lambda's context, not used.

    Returns
    -------
    dict
        The incident with its verdict and, if it concerns the baseline, what the exemptions say and what a
        read showed.

    Raises
    ------
    MalformedEventError, ForeignEventError, BaselineError, SettingsError, WidenedPolicyError,
    ChangedSuccessorError, UnknownSchemaError
        Terminal: told as a failure.
    OrganizationsThrottledError, OrganizationsBusyError, ServiceBusyError
        If what a verdict depends on cannot be read: retried by the state machine.
    OrganizationsError, ServiceRefusedError
        Any other answer of an API's: terminal, told as a failure.
    """
    settings = Settings.from_environ(os.environ)
    case = _case(event)
    detachment = case.detachment
    check_account(detachment.account_id, settings)
    if not is_incident(event):
        check_sender(event, settings)
    declared = load_baseline(GUARDRAILS)
    check_organization(declared, settings)
    baseline = _adopting(declared, detachment)
    guardrail = baseline.guardrail_for(detachment.attachment)
    if guardrail is None:
        protection = Protection(None, None, baseline.organization, baseline.version)
        incident = Incident(detachment, protection, NOT_OURS)
    else:
        incident = _judge(case, guardrail, baseline, settings, connect())
    _LOG.info("judged", extra={"event_id": detachment.event_id, **asdict(incident.verdict)})
    return incident.to_document()


def _case(event: dict[str, Any]) -> _Case:
    if not is_incident(event):
        return _Case(parse_detachment(event))
    incident = parse_incident(event)
    return _Case(incident.detachment, incident.leave.exemption or incident.leave.ended)


def _adopting(declared: Baseline, detachment: Detachment) -> Baseline:
    """Return the baseline in which a policy that it does not name may have taken a guardrail's place.

    What the file names is never looked up: nobody can talk Holdfast out of a guardrail by a parameter.
    """
    if declared.names(detachment.attachment.policy_id):
        return declared
    return declared.adopting(connect_successors().read())


def _judge(
    case: _Case,
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
    detachment, leave = case.detachment, _leave(case, guardrail)
    observed, refusal = _look(detachment, guardrail, organizations)
    circumstances = Circumstances(
        exempt=leave.exemption is not None,
        was_exempt=leave.ended is not None,
        contested_by_rival=_is_contested_by_rival(detachment, baseline, observed),
    )
    now = observed.at if observed else datetime.now(UTC)
    verdict = decide(detachment, baseline, settings.mode, now, circumstances)
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
    return Incident(detachment, protection, verdict, observed, leave=leave)


def _leave(case: _Case, guardrail: Guardrail) -> Leave:
    """Return what the exemptions say; what cannot be read for minutes keeps no guardrail off.

    Raises
    ------
    ServiceBusyError
        If they cannot be read yet.
    """
    attachment = case.detachment.attachment
    try:
        read = sort_out(connect_exemptions().read_named(names_for(attachment, guardrail.declared_id)))
    except ServiceBusyError as error:
        if datetime.now(UTC) - case.began_at < HELD_BACK:
            raise
        return Leave(ended=case.ended, unread=str(error))
    except ServiceRefusedError as error:
        return Leave(ended=case.ended, unread=str(error))
    exemption = read.of(attachment, datetime.now(UTC), declared_id=guardrail.declared_id)
    if exemption and case.ended and exemption.until <= case.ended.until:
        exemption = None  # It has been waited for, and this clock is a little behind.
    return Leave(exemption, case.ended, read.broken)


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


def _is_contested_by_rival(detachment: Detachment, baseline: Baseline, observed: Observation | None) -> bool:
    """Return whether Holdfast yields: only to whom the baseline names, and never on hearsay."""
    if not baseline.is_rival(detachment.principal) or observed is None or observed.attached:
        return False
    rules, current = fight_rules_from(os.environ), round_of(detachment, "", verified=True)
    since = detachment.event_time - rules.within
    rounds = unless_refused(lambda: connect_ledger().rounds(detachment.attachment, since))
    return rounds is not None and yields_to_rival(rounds, current, rules)
