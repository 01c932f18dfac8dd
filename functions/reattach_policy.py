"""Reattach Policy: AttachPolicy, asked again fast while others use up its rate."""

from __future__ import annotations

import random
import time
from datetime import datetime
from typing import Any

from holdfast.attachment import Attachment
from holdfast.errors import OrganizationsThrottledError
from holdfast.incident import AttachResult, parse_incident
from holdfast.organizations import Organizations, connect
from holdfast.timestamps import format_timestamp

ATTEMPTS = 40
PACE = 0.2
"""Seconds between two attempts, varied by a tenth: about eight seconds in all.

AttachPolicy's rate of 2 a second is shared with whoever detaches, and goes to whoever asks often. Why this
pace, and why only a few functions may keep it at a time: docs/architecture.md, "Speed".
"""


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
    incident = parse_incident(event)
    result, at = _attach(connect(), incident.detachment.attachment)
    return {"result": result, "at": format_timestamp(at)}


def _attach(organizations: Organizations, attachment: Attachment) -> tuple[AttachResult, datetime]:
    """Attach a policy, and ask again for as long as the only answer is that there are too many requests."""
    for _ in range(ATTEMPTS - 1):
        try:
            return organizations.attach(attachment)
        except OrganizationsThrottledError:
            time.sleep(PACE * random.uniform(0.9, 1.1))  # noqa: S311 - jitter, not a secret
    return organizations.attach(attachment)
