"""Reattach Policy: AttachPolicy, asked again fast while others use up its rate."""

from __future__ import annotations

import logging
from typing import Any

from holdfast.asking import ask_again
from holdfast.incident import parse_incident
from holdfast.organizations import connect
from holdfast.timestamps import format_timestamp

_LOG = logging.getLogger(__name__)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Attach the incident's policy to its target and return what Organizations answered.

    Parameters
    ----------
    event : dict
        The incident.
    context : object
        Lambda's context, not used.

    Returns
    -------
    dict
        `result`: `attached`, or `already attached`, which is an answer and no error; `at`: when.

    Raises
    ------
    OrganizationsThrottledError
        If no attempt got through: retried by the state machine.
    OrganizationsBusyError
        Retried by the state machine.
    OrganizationsError
        Any other answer of the API's, `AttachmentQuotaExceededError` among them: terminal, told as a failure.
    UnknownSchemaError
        Terminal, told as a failure.
    """
    detachment = parse_incident(event).detachment
    result, at = ask_again(lambda: connect().attach(detachment.attachment))
    _LOG.info("asked to attach", extra={"event_id": detachment.event_id, "result": result})
    return {"result": result, "at": format_timestamp(at)}
