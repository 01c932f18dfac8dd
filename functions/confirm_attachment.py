"""Confirm Attachment: a read; the state machine repeats it until the attachment shows."""

from __future__ import annotations

import logging
from typing import Any

from holdfast.asking import ask_again
from holdfast.errors import AttachmentNotVisibleError, UnknownSchemaError
from holdfast.incident import parse_incident
from holdfast.organizations import connect
from holdfast.timestamps import format_timestamp

_LOG = logging.getLogger(__name__)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Return when Organizations showed the attachment again.

    Parameters
    ----------
    event : dict
        The incident, reattached.
    context : object
        Lambda's context, not used.

    Returns
    -------
    dict
        `at`: the time of the answer that showed it, by Organizations' clock.

    Raises
    ------
    AttachmentNotVisibleError
        If the read does not show it yet: retried by the state machine, then told as a failure.
    OrganizationsThrottledError, OrganizationsBusyError
        Retried by the state machine.
    OrganizationsError
        Any other answer of the API's: terminal, told as a failure.
    UnknownSchemaError
        Terminal, told as a failure.
    """
    incident = parse_incident(event)
    attachment, policy_type = incident.detachment.attachment, incident.protection.policy_type
    if policy_type is None:
        raise UnknownSchemaError("protection.policy_type: got nothing, expected a policy type")
    observed = ask_again(lambda: connect().observe(attachment, policy_type))
    if not observed.attached:
        raise AttachmentNotVisibleError(f"{attachment.policy_id} does not show on {attachment.target_id} yet")
    _LOG.info("confirmed", extra={"event_id": incident.detachment.event_id})
    return {"at": format_timestamp(observed.at)}
