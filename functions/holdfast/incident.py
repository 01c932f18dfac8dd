"""The incident: the document that flows from state to state, each task adding its part.

Verify Detach writes its first parts; the state machine puts what the later tasks return under
`reattachment`, `confirmation` and `notification`, and what a Catch caught under `error`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from holdfast.attachment import Attachment, PolicyType
from holdfast.detachment import Detachment
from holdfast.errors import UnknownSchemaError
from holdfast.exemption import BrokenExemption, Exemption, exemption_of_document
from holdfast.principal import Principal
from holdfast.timestamps import format_timestamp, parse_timestamp
from holdfast.verdict import Action, Reason, Verdict

SCHEMA = 1
"""Raised when a part changes its meaning: an execution may have waited through a deploy."""

MESSAGE_LIMIT = 1_000
"""Characters kept of an error's message: it is told five times over, and SNS takes 256 KiB."""


class AttachResult(StrEnum):
    """What AttachPolicy answered."""

    ATTACHED = "attached"
    ALREADY_ATTACHED = "already attached"


@dataclass(frozen=True, slots=True)
class Protection:
    """The baseline's word on the attachment.

    Parameters
    ----------
    name : str or None
        The policy's name there; None if the baseline does not hold the attachment.
    policy_type : PolicyType or None
        Its type, likewise.
    organization : str
        The organization's id.
    baseline_version : str
        Which baseline it was.
    declared_id : str or None
        The id that the baseline names, where the policy was made again in its place. Documents that were
        written before policies were made again do not have it.
    """

    name: str | None
    policy_type: PolicyType | None
    organization: str
    baseline_version: str
    declared_id: str | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """What the exemptions say about the attachment.

    Parameters
    ----------
    exemption : Exemption or None
        The one that is in force.
    ended : Exemption or None
        The one for whose end the execution has waited.
    ignored : tuple of BrokenExemption
        Those that would concern the attachment, and are none.
    unread : str or None
        Why they could not be read; then none counts.
    """

    exemption: Exemption | None = None
    ended: Exemption | None = None
    ignored: tuple[BrokenExemption, ...] = ()
    unread: str | None = None

    def to_document(self) -> dict[str, Any]:
        """Return this as a part of the document."""
        return {
            "exemption": self.exemption and self.exemption.to_document(),
            "ended": self.ended and self.ended.to_document(),
            "ignored": [asdict(broken) for broken in self.ignored],
            "unread": self.unread,
        }


NO_LEAVE = Leave()


@dataclass(frozen=True, slots=True)
class Observation:
    """What a read showed, and when: evidence, never proof, because reads may be stale."""

    attached: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Reattachment:
    """What AttachPolicy answered, when, and after how many retries of the state."""

    result: AttachResult
    at: datetime
    retries: int


@dataclass(frozen=True, slots=True)
class Failure:
    """What a Catch caught.

    Parameters
    ----------
    error : str
        The error's name: one of `holdfast.errors`, or one of Lambda's or Step Functions' own.
    message : str
        The message, without the stack trace.
    """

    error: str
    message: str


@dataclass(frozen=True, slots=True)
class Incident:
    """One detachment on its way through the workflow; parts that are not there yet are None.

    `leave` is not in documents that were written before there were exemptions.
    """

    detachment: Detachment
    protection: Protection
    verdict: Verdict
    observed: Observation | None = None
    reattachment: Reattachment | None = None
    confirmed_at: datetime | None = None
    failure: Failure | None = None
    leave: Leave = NO_LEAVE

    def to_document(self) -> dict[str, Any]:
        """Return the document that Verify Detach hands to the state machine."""
        return {
            "schema": SCHEMA,
            "detachment": _detachment_document(self.detachment),
            "protection": asdict(self.protection),
            "verdict": {"action": self.verdict.action, "reason": self.verdict.reason},
            "observed": self.observed and observation_document(self.observed),
            "leave": self.leave.to_document(),
        }


def observation_document(observed: Observation) -> dict[str, Any]:
    """Return an observation as a part of the document."""
    return {"attached": observed.attached, "at": format_timestamp(observed.at)}


def is_incident(document: Mapping[str, Any]) -> bool:
    """Return whether a document is an incident, and not a raw event that Verify Detach never judged."""
    return "schema" in document


def parse_incident(document: Mapping[str, Any]) -> Incident:
    """Return the incident that a document holds, at whatever stage it is.

    Parameters
    ----------
    document : mapping
        What flows through the state machine after Verify Detach.

    Raises
    ------
    UnknownSchemaError
        If the document was written by other code than this one understands.
    """
    if document.get("schema") != SCHEMA:
        message = f"incident schema: got {document.get('schema')!r}, expected {SCHEMA}"
        raise UnknownSchemaError(message)
    try:
        return _parse_parts(document)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise UnknownSchemaError(f"incident: {error!r}") from error


def parse_failure(caught: Mapping[str, Any] | None) -> Failure | None:
    """Return what a Catch put under `error`.

    Parameters
    ----------
    caught : mapping or None
        `Error`, a name, and `Cause`: for a function's error Lambda's JSON, else plain text.
        Source: Step Functions developer guide, "Handling errors".
    """
    if caught is None:
        return None
    cause = str(caught.get("Cause", ""))
    try:
        message = json.loads(cause)["errorMessage"]
    except (ValueError, TypeError, KeyError, RecursionError):
        message = cause
    return Failure(error=str(caught.get("Error", "")) or "Unknown", message=str(message)[:MESSAGE_LIMIT])


def _detachment_document(detachment: Detachment) -> dict[str, Any]:
    return {**asdict(detachment), "event_time": format_timestamp(detachment.event_time)}


def _parse_parts(document: Mapping[str, Any]) -> Incident:
    observed, confirmation = document["observed"], document.get("confirmation")
    return Incident(
        detachment=_parse_detachment(document["detachment"]),
        protection=_parse_protection(document["protection"]),
        verdict=Verdict(Action(document["verdict"]["action"]), Reason(document["verdict"]["reason"])),
        observed=observed and Observation(observed["attached"], parse_timestamp(observed["at"])),
        reattachment=_parse_reattachment(document.get("reattachment")),
        confirmed_at=confirmation and parse_timestamp(confirmation["at"]),
        failure=parse_failure(document.get("error")),
        leave=_parse_leave(document.get("leave")),
    )


def _parse_leave(part: Mapping[str, Any] | None) -> Leave:
    if part is None:
        return NO_LEAVE
    return Leave(
        exemption=part["exemption"] and exemption_of_document(part["exemption"]),
        ended=part["ended"] and exemption_of_document(part["ended"]),
        ignored=tuple(BrokenExemption(**broken) for broken in part["ignored"]),
        unread=part["unread"],
    )


def _parse_detachment(part: Mapping[str, Any]) -> Detachment:
    return Detachment(
        **{
            **part,
            "attachment": Attachment(**part["attachment"]),
            "event_time": parse_timestamp(part["event_time"]),
            "principal": Principal(**part["principal"]),
        }
    )


def _parse_protection(part: Mapping[str, Any]) -> Protection:
    policy_type = part["policy_type"]
    return Protection(**{**part, "policy_type": policy_type and PolicyType(policy_type)})


def _parse_reattachment(part: Mapping[str, Any] | None) -> Reattachment | None:
    if part is None:
        return None
    return Reattachment(AttachResult(part["result"]), parse_timestamp(part["at"]), int(part["retries"]))
