"""A successful DetachPolicy call, read from the EventBridge event that reports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.attachment import Attachment
from holdfast.errors import MalformedEventError
from holdfast.principal import Principal
from holdfast.record import Record, malformed, mapping_of, parse_record, shortened

DETACH_POLICY = "DetachPolicy"


@dataclass(frozen=True, slots=True)
class Detachment:
    """A policy was detached from a target: by whom, when, from where.

    Parameters
    ----------
    attachment : Attachment
        What was taken away.
    event_id : str
        CloudTrail's `eventID`, a UUID.
    event_time : datetime
        When the call was made, in UTC.
    account_id : str
        `recipientAccountId`: the account whose record this is.
    principal : Principal
        Who called.
    source_ip : str or None
        Where the call came from: an address or an AWS service's name.
    user_agent : str or None
        What the caller says its program is.
    replayed : bool
        Whether the event comes from an EventBridge archive.
    shared_event_id : str or None
        CloudTrail's `sharedEventID`: the same in all records of one call that several accounts get.
    """

    attachment: Attachment
    event_id: str
    event_time: datetime
    account_id: str
    principal: Principal
    source_ip: str | None = None
    user_agent: str | None = None
    replayed: bool = False
    shared_event_id: str | None = None

    @property
    def call_id(self) -> str:
        """The id of the call itself: the same however many records and events tell of it."""
        return self.shared_event_id or self.event_id


def parse_detachment(event: object) -> Detachment:
    """Return the detachment that an EventBridge event reports.

    Parameters
    ----------
    event : object
        The event as it came in; unknown fields and newer minor versions are accepted.

    Returns
    -------
    Detachment
        The detachment, every id of it checked whole.

    Raises
    ------
    MalformedEventError
        If the event does not report a successful DetachPolicy call; names field, value and expectation.
    """
    envelope = mapping_of(event, "event")
    record = parse_record(envelope.get("detail"), [DETACH_POLICY])
    return detachment_of(record, replayed=envelope.get("replay-name") is not None)


def detachment_of(record: Record, *, replayed: bool = False) -> Detachment:
    """Return the detachment that a DetachPolicy record reports.

    Raises
    ------
    MalformedEventError
        If its request names no policy or no target.
    """
    return Detachment(
        attachment=attachment_in(record.request),
        event_id=record.event_id,
        event_time=record.event_time,
        account_id=record.account_id,
        principal=record.principal,
        source_ip=record.source_ip,
        user_agent=record.user_agent,
        replayed=replayed,
        shared_event_id=record.shared_event_id,
    )


def attachment_in(request: Mapping[str, Any]) -> Attachment:
    """Return the attachment that the parameters of an AttachPolicy or DetachPolicy call name.

    Raises
    ------
    MalformedEventError
        If an id is missing, or is not what the API could have written.
    """
    policy_id, target_id = request.get("policyId"), request.get("targetId")
    if not isinstance(policy_id, str):
        raise malformed("detail.requestParameters.policyId", policy_id, "a policy's id (p-…)")
    if not isinstance(target_id, str):
        raise malformed("detail.requestParameters.targetId", target_id, "a target's id")
    try:
        return Attachment(policy_id, target_id)
    except ValueError as error:
        raise MalformedEventError(f"detail.requestParameters: {shortened(error)}") from error
