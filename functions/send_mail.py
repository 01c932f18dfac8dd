"""Send Mail: tell people what lies in the queue, one mail at a time or in digests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from holdfast.baseline import GUARDRAILS, Baseline, load_baseline
from holdfast.calling import unless_refused
from holdfast.errors import BaselineError
from holdfast.exemption import Parameter
from holdfast.exemption_store import connect_exemptions
from holdfast.mailing.desk import Desk
from holdfast.mailing.post import connect_post
from holdfast.mailing.postman import Office, deliver
from holdfast.mailing.queue import connect_queue
from holdfast.mailing.sorting import Message
from holdfast.memory import connect_memory
from holdfast.notification import NOT_KNOWN
from holdfast.settings import Mode


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Return which messages are held: they come again, and are told then.

    Parameters
    ----------
    event : dict
        `Records`: a batch of the queue's messages.
    context : object
        Lambda's context, not used.

    Returns
    -------
    dict
        `batchItemFailures`, as Lambda's event source mappings read it. Source: Lambda developer guide, "Using
        Lambda with Amazon SQS", "Implementing partial batch responses".

    Raises
    ------
    ServiceBusyError, ServiceRefusedError, SettingsError
        The whole batch comes again.
    """
    batch = [
        Message(record["messageId"], record["receiptHandle"], record["body"]) for record in event["Records"]
    ]
    desk = Desk(
        organization=os.environ.get("ORGANIZATION_ID") or NOT_KNOWN,
        region=os.environ.get("AWS_REGION"),
        remediates=os.environ.get("MODE") == Mode.REMEDIATE.value,
        baseline=_baseline(),
        read_exemptions=_read_exemptions,
    )
    office = Office(connect_memory(), connect_queue(), connect_post(), lambda: datetime.now(UTC))
    held = deliver(batch, desk, office)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in sorted(held)]}


def _baseline() -> Baseline | None:
    """Return the baseline; without it an alert says that nobody knows whether it holds the attachment."""
    try:
        return load_baseline(GUARDRAILS)
    except BaselineError:
        return None


def _read_exemptions(names: Sequence[str]) -> tuple[Parameter, ...] | None:
    return unless_refused(lambda: connect_exemptions().read_named(names))
